"""Sentences by spaCy's rules, in any language, of texts of any length."""

from __future__ import annotations


def sentences(text: str, language: str = "xx") -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences of `text`. Joined, they are the text again: trailing space belongs to the sentence.

    `language` is a spaCy code, ``"xx"`` where unknown; `BadSetting` where spaCy does not have it.
    """
    raise NotImplementedError
