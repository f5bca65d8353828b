"""Views: ways of seeing the corpus. `lexical` sees words, `semantic` sees meaning."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.views.lexical import Lexical
from docreview.views.semantic import Semantic, semantic

__all__ = ["Lexical", "Semantic", "register_views", "semantic"]


@hookimpl
def register_views(register: Register) -> None:
    """Register the built-in views."""
    register("lexical", Lexical)
    register("semantic", semantic)
