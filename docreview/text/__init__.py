"""Text: processors before any view sees it, tokens for the lexical view, sentences and chunks for the semantic one.

Everything works on spans (start, end) of the text it was given, so that a word or a chunk can be shown in its place.
"""

from __future__ import annotations

from docreview.text.chunks import chunk_many, chunks
from docreview.text.processors import CollapseWhitespace, Nfc, register_text_processors
from docreview.text.sentences import check_language, sentences
from docreview.text.tokens import normalize_token, tokens, words

__all__ = [
    "CollapseWhitespace",
    "Nfc",
    "check_language",
    "chunk_many",
    "chunks",
    "normalize_token",
    "register_text_processors",
    "sentences",
    "tokens",
    "words",
]
