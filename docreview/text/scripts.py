"""What a corpus is written in, and what in it looks broken: script by script, language by language.

Scripts are counted from Unicode's own tables. Languages are guessed by py3langid (Lui and Baldwin 2012; retrained for
139 languages), which needs no network: see `docs/decisions/languages.md` for what was measured. It knows no others:
a language that it lacks (Tigrinya, Twi) is taken for one it has, mostly of the same script.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from docreview.text.processors import links, mentions
from docreview.text.tokens import has_tokens

if TYPE_CHECKING:
    import regex

_NAMES = """
    Latin Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul
    Hebrew Hiragana Kannada Katakana Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan
    Adlam Balinese Bamum Batak Canadian_Aboriginal Chakma Cham Cherokee Coptic Hanifi_Rohingya Javanese Kayah_Li
    Lepcha Limbu Lisu Mandaic Meetei_Mayek Mende_Kikakui Miao Mongolian New_Tai_Lue Newa Nko Nyiakeng_Puachue_Hmong
    Ol_Chiki Osage Osmanya Saurashtra Sundanese Syloti_Nagri Syriac Tagalog Tai_Le Tai_Tham Tai_Viet Tifinagh Vai
    Wancho Warang_Citi Yi
"""
#: scripts in use today (Unicode Standard Annex 31, tables 5 and 7), by Unicode's names; letters of others are "Other"
SCRIPTS = tuple(_NAMES.split())

#: what a document may suffer from, and how that is said
BROKEN: Mapping[str, str] = {
    "replacement_characters": "replacement characters (U+FFFD): letters were lost before",
    "mojibake": "UTF-8 read as Latin-1",
    "control_characters": "control characters",
    "unpaired_surrogates": "unpaired surrogates",
    "no_words": "nothing to read: no letter, digit or emoji",
    "mixed_script_words": "words that mix Cyrillic letters with Latin or Greek ones",
    "spaced_letters": "words written letter by letter (c o u r t)",
}

UNDECIDED = "undecided"

#: a guess is made from so many letters or more, of the text's beginning, and holds from this confidence on
_LETTERS, _BEGINNING, _CONFIDENCE = 10, 1_000, 0.6


@cache
def _by_script() -> regex.Pattern[str]:
    import regex

    return regex.compile("|".join(rf"(?P<{script}>\p{{Script={script}}})" for script in SCRIPTS))


@cache
def _script(letter: str) -> str:
    match = _by_script().match(letter)
    return "Other" if match is None else str(match.lastgroup)


def scripts(text: str) -> Counter[str]:
    """Number of letters of each script; marks, digits, signs and emoji are of none."""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if character.isalpha():
            counts[_script(character)] += count
    return counts


# ------------------------------------------------------------------------------------------------------------- language


@dataclass(frozen=True)
class Guess:
    """A language (ISO 639-1 code, or 639-3 where there is none), or None for undecided, and the confidence in it."""

    language: str | None
    confidence: float


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # without threshold: the second-best answers are not looked at, and the confidence is kept for all
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def guess_language(text: str) -> Guess:
    """The likeliest language of `text`, links and mentions left out.

    Undecided (None) below 10 letters, below a confidence of 0.6, and where there seems to be no language at all.
    """
    text = mentions().sub(" ", links().sub(" ", text))[:_BEGINNING]
    if sum(map(str.isalpha, text)) < _LETTERS:
        return Guess(None, 0.0)
    language, confidence = _identifier().classify(text)
    if confidence < _CONFIDENCE or language == "zxx":
        return Guess(None, float(confidence))
    return Guess(language, float(confidence))


# --------------------------------------------------------------------------------------------------------------- broken

_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")  # tab, line ends and the page break of printers are none
_SURROGATE = re.compile("[\ud800-\udfff]")


def _misread() -> dict[int, str]:
    """The characters as which each byte from 0x80 to 0xBF is misread: by Latin-1, and by Windows-1252."""
    misread = {}
    for byte in range(0x80, 0xC0):
        misread[byte] = chr(byte)
        if (windows := bytes([byte]).decode("cp1252", "ignore")) and windows != chr(byte):
            misread[byte] += windows
    return misread


#: what may rightly follow a letter: quotation marks, dashes, signs, letters that are no part of Latin-1
_RIGHTLY = "\u00a0¡«®°²³´¶·¹»¿\u00ad–—‘’‚“”„†‡•…‹›™ŠŒŽšœžŸƒ"
#: of these, what does not stand between two letters
_BETWEEN = "¡«®°²³¹»¿‚“”„†‡•‹›™"


@cache
def _mojibake() -> re.Pattern[str]:
    """A first byte of UTF-8 read as a letter, and its other bytes, at least one of which should not be there."""
    any_ = "".join(_misread().values())
    rest, bad = (f"[{re.escape(''.join(sorted(set(chars))))}]" for chars in (any_, set(any_) - set(_RIGHTLY)))
    inside = rf"[{_BETWEEN}](?=[^\W\d_])"
    sequences = (
        rf"[Â-ß](?:{bad}|{inside})",
        r"(?<!\w)[Â-ß][–—](?=[^\W\d_])",  # É—an for ɗan
        rf"[à-ï](?:(?=.?{bad}){rest}{{2}}|{rest}{inside})",
        rf"[ð-ô](?=.{{0,2}}{bad}){rest}{{3}}",
    )
    return re.compile("|".join(sequences), re.DOTALL)


@cache
def _bytes() -> dict[int, int]:
    return {ord(character): byte for byte, characters in _misread().items() for character in characters}


def _misread_utf8(text: str) -> bool:
    table = _bytes()
    for match in _mojibake().finditer(text):
        raw = bytes(table.get(ord(character), ord(character)) for character in match[0])
        try:
            if unicodedata.category(raw.decode()) not in ("Cn", "Cc"):
                return True
        except UnicodeDecodeError:
            continue
    return False


@cache
def _mixed() -> regex.Pattern[str]:
    import regex

    # Greek with Latin is left alone: it is how science writes (μm, TNFα)
    other = r"[\p{L}&&[\p{Latin}\p{Greek}]]\p{M}*"
    cyrillic = r"[\p{L}&&\p{Cyrillic}]"
    return regex.compile(rf"{other}{cyrillic}|{cyrillic}\p{{M}}*{other}", regex.VERSION1)


@cache
def _spaced() -> regex.Pattern[str]:
    import regex

    # in scripts with upper and lower case alone: elsewhere one letter may well be a word
    return regex.compile(r"(?<!\S)(?:[\p{Lu}\p{Ll}]\p{M}* ){5}[\p{Lu}\p{Ll}]\p{M}*(?!\S)")


_TESTS: Mapping[str, Callable[[str], bool]] = {
    "replacement_characters": lambda text: "\ufffd" in text,
    "mojibake": _misread_utf8,
    "control_characters": lambda text: _CONTROL.search(text) is not None,
    "unpaired_surrogates": lambda text: _SURROGATE.search(text) is not None,
    "no_words": lambda text: not has_tokens(text),
    "mixed_script_words": lambda text: _mixed().search(text) is not None,
    "spaced_letters": lambda text: _spaced().search(text) is not None,
}


def broken(text: str) -> tuple[str, ...]:
    """What looks broken in `text`, in the order of `BROKEN`; () where nothing does.

    Signs, no proof. Mojibake is found where it leaves something that nobody writes, such as ``Ã©`` or ``áˆ°``; a
    quotation mark after a letter is none. A name in Latin letters with a Cyrillic ending counts as a word of mixed
    script, as does a Latin letter that was typed for the Cyrillic one that looks like it.
    """
    if text.isascii():
        return tuple(name for name in ("control_characters", "no_words", "spaced_letters") if _TESTS[name](text))
    return tuple(name for name, test in _TESTS.items() if test(text))


# --------------------------------------------------------------------------------------------------------------- report


@dataclass(frozen=True)
class Writing:
    """What documents are written in.

    `scripts` counts letters and `languages` documents, both of `looked_at` documents evenly spaced among all; `broken`
    counts documents among all of them, and `first` is the row of the first one that is so, from 0.
    """

    documents: int = 0
    looked_at: int = 0
    scripts: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    broken: Mapping[str, int] = field(default_factory=dict)
    first: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Writing) -> Writing:
        """Both together: the documents of `other` come after those of this one."""
        return Writing(
            self.documents + other.documents,
            self.looked_at + other.looked_at,
            _most(Counter(self.scripts) + Counter(other.scripts)),
            _most(Counter(self.languages) + Counter(other.languages)),
            _in_order(Counter(self.broken) + Counter(other.broken)),
            _in_order({name: row + self.documents for name, row in other.first.items()} | dict(self.first)),
        )


def _most(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _in_order(values: Mapping[str, int]) -> dict[str, int]:
    return {name: values[name] for name in BROKEN if name in values}


def writing(
    texts: Sequence[str], look_at: Iterable[int] | None = None, processed: Sequence[str] | None = None
) -> Writing:
    """What texts are written in, and what looks broken in them.

    Scripts and languages are those of the texts at the positions `look_at`, all of them by default. Where text
    processors changed the texts, ``no_words`` is judged by what they left, all else by what they were given.
    """
    chosen = range(len(texts)) if look_at is None else sorted(set(look_at))
    letters: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for i in chosen:
        letters += scripts(texts[i])
        languages[guess_language(texts[i]).language or UNDECIDED] += 1
    found: Counter[str] = Counter()
    first: dict[str, int] = {}
    for row, (text, left) in enumerate(zip(texts, texts if processed is None else processed, strict=True)):
        signs = broken(text)
        if left is not text and "no_words" not in signs and not has_tokens(left):
            signs += ("no_words",)
        for name in signs:
            found[name] += 1
            first.setdefault(name, row)
    return Writing(len(texts), len(chosen), _most(letters), _most(languages), _in_order(found), _in_order(first))
