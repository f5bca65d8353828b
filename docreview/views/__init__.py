"""Views: ways of seeing the corpus. `lexical` sees words, `characters` what they are made of, `semantic` meaning."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.views.characters import Characters
from docreview.views.lexical import Lexical
from docreview.views.semantic import Semantic, make_semantic

__all__ = ["Characters", "Lexical", "Semantic", "make_semantic", "register_views"]


@hookimpl
def register_views(register: Register) -> None:
    """Register the built-in views."""
    register("lexical", Lexical)
    register("characters", Characters)
    register("semantic", make_semantic)
