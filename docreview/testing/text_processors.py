"""Checks of text processors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from docreview.testing.common import global_generators_untouched, require
from docreview.testing.effort import processor_seconds
from docreview.testing.samples import EVERY, ODD, SCRIPTS

if TYPE_CHECKING:
    from docreview.types import TextProcessor

#: what patterns stumble over when there is much of it: prose, one word, blanks, line ends, brackets
_PIECES = ("The quick brown fox. ", "x", " \t", " \n", "<(", "e\u0301")
_SHORT, _TIMES, _GRACE = 1_500, 20, 0.25


def check_processor_text(processor: TextProcessor) -> None:
    """It returns text for every text: empty, blank, very long, of control characters."""
    for name, text in {**SCRIPTS, **ODD}.items():
        made = processor(text)
        require(isinstance(made, str), f"it must return text, got {type(made).__name__} for the text '{name}'")


def check_processor_scripts(processor: TextProcessor) -> None:
    """It leaves letters of every script and does not make two different texts one."""
    made = {name: processor(text) for name, text in SCRIPTS.items()}
    for name, text in made.items():
        require(any(character.isalpha() for character in text), f"nothing is left of the {name} text")
    require(len(set(made.values())) == len(made), "texts that differ must not become the same")


def check_processor_repeats(processor: TextProcessor) -> None:
    """The same text becomes the same text, whatever came between."""
    first = [processor(text) for text in EVERY]
    second = [processor(text) for text in reversed(EVERY)]
    require(first == second[::-1], "the same text must become the same text, whatever came between")


def check_processor_generators(processor: TextProcessor) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        for text in EVERY:
            processor(text)


def check_processor_time(processor: TextProcessor) -> None:
    """A text twenty times as long takes about twenty times as long and not four hundred, whatever is in it."""
    for piece in _PIECES:
        # what ends otherwise makes patterns go back to where they began
        short, long = (piece * (n // len(piece)) + "." for n in (_SHORT, _TIMES * _SHORT))
        limit = 2 * _TIMES * processor_seconds(partial(processor, short)) + _GRACE
        took = processor_seconds(partial(processor, long), limit)
        many = f"{_SHORT * _TIMES:,} characters of {piece!r}"
        require(took <= limit, f"{many} took {took:.2f} s of processor time, more than {limit:.2f} s")
