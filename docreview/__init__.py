"""docreview: find the documents that matter by reading a fraction of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.hookspecs import hookimpl
from docreview.types import Batch, Document, Label, Question, Selection, StopDecision

if TYPE_CHECKING:
    from docreview.project import Project
    from docreview.review import Review

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Document",
    "Label",
    "Project",
    "Question",
    "Review",
    "Selection",
    "StopDecision",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    # the two names that pull in the machinery load it when first used, so that `import docreview` stays light
    if name == "Project":
        from docreview.project import Project

        return Project
    if name == "Review":
        from docreview.review import Review

        return Review
    raise AttributeError(f"module 'docreview' has no attribute {name!r}")
