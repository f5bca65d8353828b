"""Text: processors before any view sees it, tokens for the lexical view, sentences and chunks for the semantic one,
and what a corpus is written in.

Everything works on spans (start, end) of the text it was given, so that a word or a chunk can be shown in its place.
"""

from __future__ import annotations

from docreview.text.chunks import chunk_many, chunks
from docreview.text.duplicates import Duplicates, exact_duplicates, near_duplicates
from docreview.text.processors import (
    CollapseWhitespace,
    Links,
    Mentions,
    Nfc,
    RepeatedLetters,
    register_text_processors,
)
from docreview.text.scripts import BROKEN, UNDECIDED, Guess, Writing, broken, guess_language, scripts, writing
from docreview.text.sentences import check_language, sentences
from docreview.text.tokens import has_tokens, normalize_token, tokens, words

__all__ = [
    "BROKEN",
    "UNDECIDED",
    "CollapseWhitespace",
    "Duplicates",
    "Guess",
    "Links",
    "Mentions",
    "Nfc",
    "RepeatedLetters",
    "Writing",
    "broken",
    "check_language",
    "chunk_many",
    "chunks",
    "exact_duplicates",
    "guess_language",
    "has_tokens",
    "near_duplicates",
    "normalize_token",
    "register_text_processors",
    "scripts",
    "sentences",
    "tokens",
    "words",
    "writing",
]
