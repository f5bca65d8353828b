"""Views: ways of seeing the corpus. `lexical` sees words, `semantic` sees meaning."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.views.lexical import Lexical

__all__ = ["Lexical", "register_views"]


@hookimpl
def register_views(register: Register) -> None:
    """Register the built-in views."""
    register("lexical", Lexical)
