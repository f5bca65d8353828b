"""What the reviewer sees, as lines of styled text: nothing here reads keys or writes to the terminal.

Documents come from strangers. A control character or an escape sequence in one must never reach the terminal: each is
shown as a visible symbol instead (`neutralize`), one for one, so that positions in the text stay what they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import get_character_cell_size
from rich.text import Text

from docreview.errors import DocreviewError

#: how words that speak for a label are shown: never by color alone
TELLING = "bold underline magenta"
TAB = 4
_TOKEN = re.compile(r"\n|[^\S\n]{1,200}|\S{1,500}")
_JOINER = "\N{ZERO WIDTH JOINER}"


def _symbols() -> dict[int, str]:
    table = {code: chr(0x2400 + code) for code in range(0x20)}
    table |= dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")
    # half an emoji, cut by whoever wrote the file: cannot be written out at all
    table |= dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
    # overrides that make a text read other than it is stored
    table |= dict.fromkeys((0x202D, 0x202E), "\N{REPLACEMENT CHARACTER}")
    table[0x7F] = "\N{SYMBOL FOR DELETE}"
    # line ends of every kind are line ends; a tab is a space that is wide
    table |= {ord("\n"): "\n", ord("\t"): "\t", 0x0B: "\n", 0x0C: "\n", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
    return table


_SYMBOLS = _symbols()


def neutralize(text: str) -> str:
    """Return `text`, as long as it was, with control characters as visible symbols; tabs and line ends stay."""
    # a carriage return before a line end is part of it, one alone is a line end (old Macintosh)
    return text.replace("\r\n", " \n").replace("\r", "\n").translate(_SYMBOLS)


def one_line(text: str) -> str:
    """Return `text` neutralized, on one line."""
    return " ".join(neutralize(text).split())


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes (a tab at most 4): wide characters 2, combining marks 0.

    A joined emoji counts as its parts: a terminal that does not join them must not overflow the line.
    """
    if text.isascii():
        return len(text) + (TAB - 1) * text.count("\t")
    return sum(TAB if c == "\t" else get_character_cell_size(c) for c in text)


def _fitting(text: str, start: int, stop: int, width: int) -> int:
    """Return the end of the longest part of text[start:stop] that fits into `width` columns, at least 1."""
    used = 0
    for i in range(start, stop):
        size = get_character_cell_size(text[i])
        if size and used + size > width and i > start and text[i - 1] != _JOINER:
            return i
        used += size
    return stop


def wrap(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Yield the lines of a neutralized text as (start, end), each at most `width` columns wide, broken at spaces.

    Lazily: the first page of a document of 50 MB costs no more than that of a short one.
    """
    width = max(2, width)
    start = end = used = 0
    for match in _TOKEN.finditer(text):
        first, last = match.span()
        if text[first] == "\n":
            yield start, end
            start = end = last
            used = 0
        elif text[first].isspace():
            if first == start and start > 0 and text[start - 1] != "\n":
                start = end = last  # the space where a line was broken
            else:
                used += cells(match.group())
        else:
            size = cells(match.group())
            if used + size > width and used and (size <= width or used > width // 2):
                if end > start:
                    yield start, end
                start, used = first, 0
            while used + size > width:  # a word longer than a line, or a script without spaces
                cut = _fitting(text, first, last, width - used)
                yield start, cut
                start = first = cut
                used, size = 0, cells(text[cut:last])
            used += size
            end = last
    if end > start:
        yield start, end


def telling(spans: Sequence[tuple[int, int, float]], text: str, most: int = 20) -> list[tuple[int, int]]:
    """Choose, of all spans and their weights, those of the `most` words that speak most for the label, in order.

    A word with less than a fifth of the highest weight is not worth looking at.
    """
    best: dict[str, float] = {}
    for start, end, weight in spans:
        if weight > 0:
            word = text[start:end].casefold()
            best[word] = max(weight, best.get(word, 0.0))
    chosen = sorted(best, key=lambda word: -best[word])[:most]
    floor = best[chosen[0]] / 5 if chosen else 0.0
    words = {word for word in chosen if best[word] >= floor}
    merged: list[tuple[int, int]] = []
    for start, end, weight in sorted(spans):
        if weight <= 0 or text[start:end].casefold() not in words:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


@dataclass
class Pages:
    """A text cut into pages of lines when they are first looked at; `marks` are the spans to be highlighted."""

    text: str
    marks: Sequence[tuple[int, int]] = ()
    width: int = 80
    _lines: list[tuple[int, int]] = field(default_factory=list)
    _rest: Iterator[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        self.text = neutralize(self.text)
        self.resize(self.width)

    def resize(self, width: int) -> None:
        """Wrap anew."""
        self.width = width
        self._lines, self._rest = [], wrap(self.text, width)

    def lines(self, first: int, count: int) -> list[Text]:
        """Return up to `count` lines from line `first`; fewer at the end of the text."""
        self._reach(first + count)
        return [self._styled(*span) for span in self._lines[first : first + count]]

    def ends_before(self, line: int) -> bool:
        """Say whether the text has no line `line`."""
        self._reach(line + 1)
        return len(self._lines) <= line

    def share(self, line: int) -> float:
        """Return the share of the text that lies before line `line`."""
        if self.ends_before(line):
            return 1.0
        return self._lines[line][0] / max(1, len(self.text))

    def line_of(self, position: int) -> int:
        """Return the line that holds a position of the text."""
        line = 0
        while not self.ends_before(line + 1) and self._lines[line + 1][0] <= position:
            line += 1
        return line

    def position(self, line: int) -> int:
        """Return where line `line` begins in the text."""
        self._reach(line + 1)
        return self._lines[line][0] if line < len(self._lines) else len(self.text)

    def _reach(self, count: int) -> None:
        while self._rest is not None and len(self._lines) < count:
            line = next(self._rest, None)
            if line is None:
                self._rest = None
            else:
                self._lines.append(line)

    def _styled(self, start: int, end: int) -> Text:
        line = Text(self.text[start:end])
        for first, last in self.marks:
            if first >= end:
                break
            if last > start:
                line.stylize(TELLING, max(0, first - start), min(end, last) - start)
        line.expand_tabs(TAB)
        return line


def fold(text: str, width: int, most: int, style: str = "") -> list[Text]:
    """Wrap a short text of ours or theirs into at most `most` lines; what does not fit ends in an ellipsis."""
    text = neutralize(text)
    lines: list[str] = []
    for start, end in wrap(text, width):
        if len(lines) == most:
            last = lines[-1]
            keep = _fitting(last, 0, len(last), max(1, width - 1))
            lines[-1] = last[:keep].rstrip() + "…"
            break
        lines.append(text[start:end])
    return [Text(line.replace("\t", " "), style=style) for line in lines]


@dataclass(frozen=True)
class Keys:
    """Which key does what: labels by key, commands by key, and the key shown for each."""

    labels: dict[str, str]
    commands: dict[str, str]

    def key_of(self, label: str) -> str:
        """Return the key shown for a label: its letter, or its digit where no letter was free."""
        return next(key for key, value in self.labels.items() if value == label)

    def command_key(self, command: str) -> str:
        """Return the key shown for a command."""
        return next(key for key, value in self.commands.items() if value == command)

    def meaning(self, key: str) -> tuple[str, str] | None:
        """Return ("label", label) or ("command", name); a capital without a meaning counts as the small letter."""
        for one in dict.fromkeys((key, key.lower())):
            if one in self.labels:
                return "label", self.labels[one]
            if one in self.commands:
                return "command", self.commands[one]
        return None


#: always there, whatever the labels are called
_FIXED = {"q": "quit", "u": "undo", "?": "help", " ": "more"}
#: give way to a label of that letter, and become capitals
_MOVABLE = {"s": "skip", "n": "note", "b": "back", "h": "highlight"}


def assign_keys(labels: Sequence[str]) -> Keys:
    """Give each label the first of its letters that is free, and its digit (the tenth has 0).

    Pressed a thousand times, a label has its letter before any command but quit, undo and help.
    """
    of_label: dict[str, str] = {}
    for label in labels:
        for letter in label.casefold():
            if letter.isalpha() and len(letter) == 1 and letter not in of_label and letter not in _FIXED:
                of_label[letter] = label
                break
    # a digit may stand in a label's name, but it means the label's number
    for number, label in enumerate(labels[:10], 1):
        of_label[str(number % 10)] = label
    letters = "abcdefghijklmnopqrstuvwxyzACDEFGIJKLMOPRTVWXYZ"
    spare = iter([c for c in letters if c not in of_label and c not in _FIXED and c not in _MOVABLE])
    for label in labels:
        if label not in of_label.values():
            key = next(spare, None)
            if key is None:
                raise DocreviewError("the question has more labels than the terminal has keys; use next and record.")
            of_label[key] = label
    commands = dict(_FIXED)
    for key, command in _MOVABLE.items():
        commands[key.upper() if key in of_label else key] = command
    return Keys(of_label, commands)


def key_line(keys: Keys, labels: Sequence[str], width: int) -> list[Text]:
    """Return the line (or lines) that show the keys."""
    parts = [(keys.key_of(label), one_line(label), "bold") for label in labels]
    parts += [(keys.command_key(c), c, "dim") for c in ("skip", "undo", "note", "help", "quit")]
    lines = [Text()]
    for key, name, style in parts:
        part = Text.assemble((f"[{key}]", "bold reverse" if style == "bold" else ""), " ", (name, style))
        size = cells(part.plain)
        if size > width:
            part.truncate(width, overflow="ellipsis")
        if lines[-1].plain and cells(lines[-1].plain) + 2 + size > width:
            lines.append(Text())
        if lines[-1].plain:
            lines[-1].append("  ")
        lines[-1].append_text(part)
    return lines
