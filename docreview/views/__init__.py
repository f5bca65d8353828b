"""Views: ways of seeing the corpus. `lexical` sees words, `semantic` sees meaning."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.views.lexical import Lexical
from docreview.views.semantic import Semantic, make_semantic

__all__ = ["Lexical", "Semantic", "make_semantic", "register_views"]


@hookimpl
def register_views(register: Register) -> None:
    """Register the built-in views."""
    register("lexical", Lexical)
    register("semantic", make_semantic)
