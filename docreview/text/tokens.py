"""Tokens that survive every script.

The usual ``\\b\\w\\w+\\b`` drops combining marks and so breaks every Indic word, drops one-letter words, and sees a
page of Chinese as one word. Here a token is made of whole graphemes (Unicode Standard Annex 29).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

_APOSTROPHES = "'\u2019\u2018\u02bc\uff07\u055a"
#: may stand between two letters of one word: apostrophes, the Hebrew geresh and gershayim, the Catalan middle dot
_INNER = _APOSTROPHES + "\u05f3\u05f4\u00b7"
#: invisible inside a word: soft hyphen, word joiner
_INVISIBLE = "\u00ad\u2060"

_ASCII = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
#: Latin, Greek, Cyrillic and Armenian without combining marks, and common punctuation: there, `_PLAIN` finds the
#: same tokens as `_general`, at several times its speed
_PLAIN_TEXT = re.compile(
    "[\x00-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u058f\u1e00-\u1fff\u2000-\u200a"
    "\u2010-\u2027\u2030-\u203b\u203d-\u2048\u20a0-\u20bf\u2122\u2200-\u22ff]*"
)
_PLAIN = re.compile(f"[^\\W_]+(?:[{_INNER}][^\\W_]+)*|[\u00a9\u00ae\u2122]")


@cache
def _general() -> regex.Pattern[str]:
    import regex

    # what a grapheme goes on with: marks, joiners, skin tones, Thai sara am; and consonants that a sign such as the
    # Khmer coeng puts below, whatever it stands on
    marks = r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*"
    extend = rf"{marks}(?:(?<=\p{{InCB=Linker}}\p{{InCB=Extend}}*)\p{{InCB=Consonant}}{marks})*"
    # scripts written without spaces: one token a grapheme
    solid = r"[[\p{LB=SA}\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70]&&[\p{L}\p{N}]]"
    letter = rf"[[\p{{L}}\p{{N}}]--[\p{{Extended_Pictographic}}]--{solid}]"
    part = rf"(?:\p{{GCB=Prepend}}*{letter}{extend})+"
    pattern = rf"""
        {part} (?: [{_INNER}{_INVISIBLE}] {part} )*
      | (?= \p{{GCB=Prepend}}* {solid} ) \X
      | [0-9\#*] \ufe0f? \u20e3 {extend}
      | \p{{GCB=Prepend}}* \p{{Extended_Pictographic}} {extend} (?: (?<=\u200d) \p{{Extended_Pictographic}} {extend} )*
      | \p{{GCB=Prepend}}* \p{{Regional_Indicator}}{{1,2}} {extend}
    """
    return regex.compile(pattern, regex.VERBOSE | regex.VERSION1)


def tokens(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the tokens of `text`, in order, as the text stands (case kept).

    A token is a run of letters, combining marks and digits, with the apostrophes inside it; or one emoji, whole; or,
    in scripts without spaces (Han, kana, Thai, Lao, Khmer, Myanmar), one grapheme, so that n-grams make sense.
    """
    return [match.span() for match in _pattern(text).finditer(text)]


def has_tokens(text: str) -> bool:
    """Whether there is any token in `text`; stops at the first."""
    return _pattern(text).search(text) is not None


def _pattern(text: str) -> re.Pattern[str] | regex.Pattern[str]:
    if text.isascii():
        return _ASCII
    return _PLAIN if _PLAIN_TEXT.fullmatch(text) else _general()


def words(text: str) -> list[str]:
    """The tokens of `text`, each normalized: ``[normalize_token(text[s:e]) for s, e in tokens(text)]``, but faster."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    # a line end is in no token, and neither folding nor composing crosses it
    joined = normalize_token("\n".join(_pattern(text).findall(text)))
    return joined.split("\n") if joined else []


_FOLD = str.maketrans({**dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_INVISIBLE + "\ufe0e\ufe0f", None)})
_FOLDED = re.compile(f"[{_APOSTROPHES[1:]}{_INVISIBLE}\ufe0e\ufe0f]")


def normalize_token(token: str) -> str:
    """The form under which a token is counted: case-folded, NFC, one kind of apostrophe, no invisible characters."""
    if token.isascii():
        return token.lower()
    if _FOLDED.search(token):
        token = token.translate(_FOLD)
    return unicodedata.normalize("NFC", token.casefold())
