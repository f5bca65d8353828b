"""Text processors: text in, text out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from docreview.hookspecs import Register, hookimpl

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


@hookimpl
def register_text_processors(register: Register) -> None:
    """Register the built-in text processors."""
    register("nfc", Nfc)
    register("collapse-whitespace", CollapseWhitespace)
