"""Word lists as people have them: a word and what it stands for, or how much, in each line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from docreview.errors import ImportFailed
from docreview.text import words

#: first lines that name the columns
_HEADERS = ({"word", "label"}, {"word", "polarity"}, {"word", "sentiment"}, {"word", "score"}, {"term", "label"})


def read_word_list(path: Path) -> dict[str, list[str]]:
    """The words of each meaning, in the order of the file; `ImportFailed` names the line that is wrong.

    A line is a word or phrase, a comma, tab or semicolon, and what it stands for. A number above 0 stands for
    ``positive`` and one below for ``negative``; words with 0 are left out. Empty lines and those that begin with ``#``
    say nothing.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailed(f"{path} is not UTF-8 (byte {error.start:,}): save it as UTF-8.") from error
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from error
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise ImportFailed(f"{path} has no word in it.")
    mark = next((mark for mark in "\t;," if mark in lines[0][1]), ",")
    found: dict[str, list[str]] = {}
    meant: dict[tuple[str, ...], str] = {}
    for n, line in lines:
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=mark))]
        if n == lines[0][0] and {cell.lower() for cell in cells[:2]} in _HEADERS:
            continue
        if len(cells) < 2 or not cells[0] or not cells[1]:
            raise ImportFailed(
                f"{path}, line {n}: a word and what it stands for are needed, such as 'nagode,positive'."
            )
        meaning = _meaning(cells[1])
        phrase = tuple(words(cells[0]))
        if not phrase:
            raise ImportFailed(f"{path}, line {n}: '{cells[0]}' has no letter, digit or emoji.")
        if not meaning:
            continue
        if meant.setdefault(phrase, meaning) != meaning:
            raise ImportFailed(f"{path}, line {n}: '{cells[0]}' stands for '{meant[phrase]}' and for '{meaning}'.")
        if cells[0] not in found.setdefault(meaning, []):
            found[meaning].append(cells[0])
    if not found:
        raise ImportFailed(f"{path} has no word that stands for anything.")
    return found


def _meaning(cell: str) -> str:
    try:
        score = float(cell)
    except ValueError:
        return cell
    return "positive" if score > 0 else "negative" if score < 0 else ""
