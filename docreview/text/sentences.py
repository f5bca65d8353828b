"""Sentences by spaCy's rules, in any language, of texts of any length.

spaCy's tokenizer looks at one word (what stands between spaces) at a time, and its sentencizer at the tokens that
follow. So only the words that hold a full stop, an exclamation or a question mark are shown to spaCy, which knows that
"Dr." ends no sentence in English; all other words cannot end one. That is several times faster than tokenizing
everything, needs no more memory for a longer text, and meets no `max_length`. The full stops of other scripts (``።``,
``।``, ``。``, ``؟`` ...) end a sentence wherever they stand, with a space after them or not.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting, did_you_mean

if TYPE_CHECKING:
    import regex
    from spacy.language import Language

#: languages whose spaCy pipelines need further packages to find words; sentence ends need no words, so "xx" serves
_SERVED_BY_XX = frozenset({"ja", "ko", "th", "vi", "zh"})
#: these may stand inside a word or a number, or after an abbreviation
_SOFT = ".!?\uff0e"
_SPACE = re.compile(r"\s+")
#: longest word shown to spaCy, in characters on either side of the mark: what is longer is no word
_REACH = 60


@cache
def pipeline(language: str) -> Language:
    """Make the blank spaCy pipeline of a language, with a sentencizer. `BadSetting` where spaCy does not have it."""
    import spacy

    check_language(language)
    nlp = spacy.blank("xx" if language in _SERVED_BY_XX else language)
    nlp.add_pipe("sentencizer")
    return nlp


def check_language(language: str) -> None:
    """Raise `BadSetting` where spaCy does not have the language. Quick: spaCy is not loaded for it."""
    spec = importlib.util.find_spec("spacy")
    assert spec is not None, "a dependency"
    assert spec.submodule_search_locations, "spaCy is a package"
    folder = Path(spec.submodule_search_locations[0]) / "lang"
    known = {path.parent.name for path in folder.glob("*/__init__.py")}
    if language not in known:
        hint = did_you_mean(language, known) if len(language) > 2 else f" Known: {', '.join(sorted(known))}."
        raise BadSetting(f"spaCy has no language '{language}'; write 'xx', which serves any language.{hint}")


@lru_cache(maxsize=100_000)
def _cuts(word: str, language: str) -> tuple[int, ...]:
    """Offsets at which a sentence ends inside or after one word."""
    nlp = pipeline(language)
    # any word may follow; the sentencizer begins a sentence there, or not
    doc = nlp.tokenizer(word + " x")
    sentencizer: Any = nlp.get_pipe("sentencizer")
    starts = sentencizer.predict([doc])[0]
    return tuple(min(token.idx, len(word)) for token, start in zip(doc, starts, strict=True) if start and token.idx)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What may end a sentence, and what ends a word."""
    from spacy.pipeline import Sentencizer

    marks = "".join(re.escape(mark) for mark in Sentencizer.default_punct_chars if mark not in _SOFT)
    soft = re.escape(_SOFT)
    # in Amharic the word separator is often typed twice for a full stop
    hard = rf"(?:[{marks}]|\u1361\u1361)"
    closing = "\"'\u00bb\u2019\u201d\u203a)\\]}\u3009\u300b\u300d\u300f\u3011\uff02\uff09\uff3d"
    candidates = rf"(?P<paragraph>\n[^\S\n]*\n\s*)|(?P<hard>{hard}[{marks}{soft}{closing}]*\s*)|(?P<soft>[{soft}])"
    return re.compile(candidates), re.compile(rf"\s|{hard}|\Z")


@cache
def _joins() -> regex.Pattern[str]:
    import regex

    return regex.compile(r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]")


def splits_grapheme(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` would take a mark from its base. `at` is inside the text."""
    return not text[at].isascii() and _joins().match(text, at) is not None


def sentences(text: str, language: str = "xx") -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences of `text`; joined, they are the text again.

    Trailing space belongs to the sentence before it. An empty line ends a sentence, a single line end does not.
    `language` is a spaCy code, ``"xx"`` where unknown; `BadSetting` where spaCy does not have it.
    """
    pipeline(language)
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _ends(text, language):
        if start < end < len(text) and not splits_grapheme(text, end):
            spans.append((start, end))
            start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _ends(text: str, language: str) -> list[int]:
    """Where sentences may end, in order (the same place may come twice)."""
    candidates, word_end = _patterns()
    ends: list[int] = []
    at = 0
    while (match := candidates.search(text, at)) is not None:
        at = match.end()
        if match.lastgroup != "soft":
            ends.append(at)
            continue
        floor = ends[-1] if ends else 0
        first = at - 1
        while first > floor and at - first <= _REACH and not text[first - 1].isspace():
            first -= 1
        stop = word_end.search(text, at, at + _REACH)
        last = stop.start() if stop else at
        if stop and at - first <= _REACH:
            for cut in _cuts(text[first:last], language):
                if cut < last - first:
                    ends.append(first + cut)
                elif (space := _SPACE.match(text, last)) is not None:
                    ends.append(space.end())
        at = last
    return ends
