"""Tokens that survive every script."""

from __future__ import annotations


def tokens(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the tokens of `text`, in order, as the text stands (case kept).

    A token is a run of letters, combining marks and digits, with the apostrophes inside it; or one emoji, whole; or,
    in scripts without spaces (Han, kana, Thai, Lao, Khmer, Myanmar), one grapheme, so that n-grams make sense.
    """
    raise NotImplementedError


def words(text: str) -> list[str]:
    """The tokens of `text`, each normalized: ``[normalize_token(text[s:e]) for s, e in tokens(text)]``, but much faster."""
    raise NotImplementedError


def normalize_token(token: str) -> str:
    """The form under which a token is counted: case-folded, NFC, one kind of apostrophe, no invisible characters."""
    raise NotImplementedError
