"""Text processors: text in, text out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from docreview.hookspecs import Register, hookimpl

if TYPE_CHECKING:
    import regex

_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")


@dataclass(frozen=True)
class Nfc:
    """Unicode normalization form C: one spelling for letters that have several."""

    def __call__(self, text: str) -> str:
        return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class CollapseWhitespace:
    """Runs of space become one space, runs of line ends with the space around them one line end or one empty line."""

    def __call__(self, text: str) -> str:
        lines = _LINES.sub(lambda m: "\n\n" if m[0].count("\n") > 1 else "\n", _SPACE.sub(" ", text))
        return lines.strip()


# what a grapheme goes on with; Hangul vowels and finals written as letters of their own do so too
_EXTEND = r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{GCB=V}\p{GCB=T}]"
# letters of scripts written without spaces: there a link or a mention stands right beside a word
_SOLID = r"[\p{LB=SA}\p{Han}\p{Hiragana}\p{Katakana}]"
_WORD = r"[\p{L}\p{M}\p{N}_]"


@cache
def links() -> regex.Pattern[str]:
    """What `Links` replaces."""
    import regex

    # the characters of RFC 3986, and none that punctuates a sentence at the end; what is not ASCII ends the link, since
    # in many scripts the next word follows without a space
    body = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*[A-Za-z0-9/=&_~#%+-]"
    return regex.compile(rf"(?<![A-Za-z0-9])(?:https?://|www\.)(?>{body})(?!{_EXTEND})", regex.VERSION1)


@cache
def mentions() -> regex.Pattern[str]:
    """What `Mentions` replaces."""
    import regex

    before = rf"(?<![[{_WORD}.%+@-]--{_SOLID}])"  # there it would be an e-mail address
    host = r"(?:@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++)?+"
    return regex.compile(rf"{before}@[A-Za-z0-9_]++{host}(?![@{_EXTEND}[{_WORD}--{_SOLID}]])", regex.VERSION1)


def _apart(pattern: regex.Pattern[str], replacement: str, text: str) -> str:
    """Put `replacement` in the place of each match, with a space where it would grow into a word."""

    def put(match: regex.Match[str]) -> str:
        before, after = text[: match.start()][-1:], text[match.end() : match.end() + 1]
        return " " * before.isalnum() + replacement + " " * after.isalnum()

    return str(pattern.sub(put, text))


@dataclass(frozen=True)
class Links:
    """Web addresses become one word, so that thousands of different ones do not count as words.

    What follows ``http://``, ``https://`` or ``www.`` in ASCII, without the punctuation at its end; letters of other
    scripts end it. `replacement` as in Barbieri et al. 2020.
    """

    replacement: str = "http"

    def __call__(self, text: str) -> str:
        return _apart(links(), self.replacement, text) if "://" in text or "www." in text else text


@dataclass(frozen=True)
class Mentions:
    """Mentions of accounts (``@name``, ``@name@host``) become one word: who was spoken to says little of what was said.

    Names in ASCII, as the platforms have them; e-mail addresses stay. `replacement` as in Barbieri et al. 2020.
    """

    replacement: str = "@user"

    def __call__(self, text: str) -> str:
        return _apart(mentions(), self.replacement, text) if "@" in text else text


@cache
def _repeats() -> regex.Pattern[str]:
    import regex

    plain = r"[\p{L}&&[\p{GCB=Other}\p{GCB=LV}\p{GCB=LVT}]]"
    # the last of a run may carry a mark, and is then another letter; what stands before its first may belong to it
    return regex.compile(rf"(?<!\p{{GCB=Prepend}})({plain})\1+(?!{_EXTEND})", regex.VERSION1)


@cache
def _plain(letter: str) -> bool:
    """Whether a letter is without a diacritic: none when taken apart, none in its name (ɗ, ł, ø)."""
    parts = unicodedata.normalize("NFD", letter)
    return not any(unicodedata.combining(c) for c in parts) and " WITH " not in unicodedata.name(letter, "")


@dataclass(frozen=True)
class RepeatedLetters:
    """A letter written more than `keep` times on end is written `keep` times: ``sooooo`` becomes ``sooo``.

    Lengthened words carry feeling (Brody and Diakopoulos 2011), so they stay apart from the plain ones; ``www`` and
    ``III`` stay as they are. A letter with a diacritic or a combining mark is never touched, nor a digit or a sign.
    """

    keep: int = 3

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ValueError(f"setting 'keep' must be 1 or more, got {self.keep}.")

    def __call__(self, text: str) -> str:
        def shorten(match: regex.Match[str]) -> str:
            run: str = match[0]
            return run[: self.keep] if len(run) > self.keep and _plain(run[0]) else run

        return str(_repeats().sub(shorten, text))


@hookimpl
def register_text_processors(register: Register) -> None:
    """Register the built-in text processors."""
    register("nfc", Nfc)
    register("collapse-whitespace", CollapseWhitespace)
    register("links", Links)
    register("mentions", Mentions)
    register("repeated-letters", RepeatedLetters)
