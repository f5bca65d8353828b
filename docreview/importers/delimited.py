"""CSV and TSV, read strictly: what is broken is named by its line, never patched up in silence."""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from docreview.errors import ImportFailed
from docreview.importers.files import TextFile, open_text, stem
from docreview.importers.table import HEAD, Builder, check_roles, find_header, find_roles, names_text, unique
from docreview.types import Document, Progress, silent

_DELIMITERS = ",;\t|"
_SPELLED = {"\t": "a tab"}
#: characters of a line that are looked at to find out the delimiter
_SAMPLE = 100_000
#: in a file of one column no character separates
_NONE = "\x1f"


@dataclass(frozen=True)
class Csv:
    """Comma-separated values; also semicolons, tabs or bars, whichever makes the header a table.

    The header may stand below a few lines about the export. Quoting is strict (RFC 4180). A row must have as many cells
    as the header; further ones are let pass where they are blank, and those after the last that is used may be missing.
    """

    delimiter: str | None = None
    encoding: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it reads."""
        return (".csv", ".csv.gz")

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield the documents, in file order."""
        return _read(path, columns, self.delimiter, self.encoding, None, warn, progress)


@dataclass(frozen=True)
class Tsv:
    """Tab-separated values.

    `quotes` says whether a cell may stand in quotes, as in CSV. Where it is not set, the file decides: they are read as
    plain characters where the file cannot be read with them, and can be without (each line then is a row).
    """

    quotes: bool | None = None
    encoding: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it reads."""
        return (".tsv", ".tsv.gz", ".tab", ".tab.gz")

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield the documents, in file order."""
        return _read(path, columns, "\t", self.encoding, self.quotes, warn, progress)


@dataclass(frozen=True)
class _Form:
    """How one file is written: found out before the first document is made."""

    delimiter: str
    quotes: bool
    #: index of the header among the records
    header: int
    names: tuple[str, ...]
    #: cells a row must have, and may have
    least: int


def _read(
    path: Path,
    columns: Mapping[str, str],
    delimiter: str | None,
    encoding: str | None,
    quotes: bool | None,
    warn: Callable[[str], None],
    progress: Progress,
) -> Iterator[Document]:
    check_roles(columns)
    # the limit is the csv module's own, for the whole process; documents may be of any length
    csv.field_size_limit(2**31 - 1)
    text = open_text(path, encoding)
    form = _form(text, columns, delimiter, quotes is not False)
    if form.delimiter == "\t" and quotes is None:
        form = _with_quotes_or_without(text, form, columns, warn)
    if text.note:
        warn(f"{path}: {text.note}.")
    if form.header:
        warn(f"{path}: the {form.header} rows before the header were passed over.")
    roles = find_roles(path, form.names, columns, warn)
    where = {name: i for i, name in enumerate(form.names)}
    # one more cell, always empty, for the roles that have no column
    nothing = len(form.names)
    id_at, text_at, title_at, label_at = (
        where[r] if (r := roles.get(role)) else nothing for role in ("id", "text", "title", "label")
    )
    rest = [(i, name) for i, name in enumerate(form.names) if name not in roles.values()]
    builder = Builder(path, roles.get("id"), "line", warn, stem(path))
    text.nuls = 0
    for line, row in _rows(path, text.lines(progress), form, warn, frozenset(where[name] for name in roles.values())):
        row.append("")
        metadata = {name: row[i] for i, name in rest if row[i]}
        document = builder.build(line, (row[id_at], row[text_at], row[title_at], row[label_at]), metadata)
        if document is not None:
            yield document
    if text.nuls:
        warn(f"{path}: {text.nuls} NUL characters replaced by U+FFFD.")
    builder.finish()


def _form(text: TextFile, columns: Mapping[str, str], delimiter: str | None, quotes: bool) -> _Form:
    # a document may be of any length, and the header shows in the first of it
    head = [line[:_SAMPLE] for line in itertools.islice(text.lines(), 500)]
    best: tuple[tuple[bool, int], _Form] | None = None
    for candidate in [delimiter] if delimiter else _DELIMITERS:
        rows = list(_until_broken(_records(text.path, head, candidate, quotes)))
        if not rows:
            continue
        at = find_header(rows, columns)
        least = max((i for i, cell in enumerate(rows[at], 1) if cell.strip()), default=0)
        form = _Form(candidate, quotes, at, tuple(unique(rows[at])), least)
        score = (names_text(rows[at], columns), len(rows[at]))
        if best is None or score > best[0]:
            best = (score, form)
    if best is None:
        # nothing but blank lines, or a first record that does not end: say which
        for _ in _records(text.path, text.lines(), delimiter or ",", quotes):
            break
        raise ImportFailed(f"{text.path} has only blank lines.")
    form = best[1]
    if len(form.names) == 1:
        return _Form(_NONE, quotes, form.header, form.names, form.least)
    return form


def _until_broken(records: Iterator[tuple[int, list[str]]]) -> Iterator[list[str]]:
    # broken with this delimiter, or cut off by the end of the sample: what is really broken is met again when reading
    with contextlib.suppress(ImportFailed):
        for _, row in itertools.islice(records, HEAD):
            yield row


def _with_quotes_or_without(
    text: TextFile, form: _Form, columns: Mapping[str, str], warn: Callable[[str], None]
) -> _Form:
    if not any('\t"' in line or line.startswith('"') for line in text.lines()):
        return form
    try:
        for _ in _rows(text.path, text.lines(), form, lambda message: None, frozenset()):
            pass
    except ImportFailed as broken:
        try:
            without = _form(text, columns, "\t", False)
            for _ in _rows(text.path, text.lines(), without, lambda message: None, None):
                pass
        except ImportFailed:
            raise broken from None
        warn(f"{text.path}: quotes are read as plain characters, since some are not closed.")
        return without
    return form


class _Lines:
    """Lines on their way to the csv module; those of the record being read are kept, to say where it broke."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.record.append(line)
        return line


def _records(path: Path, lines: Iterable[str], delimiter: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which it begins, cells) of every record that is not a blank line."""
    tail = _Lines(lines)
    if quotes:
        reader = csv.reader(tail, delimiter=delimiter, strict=True)
    else:
        reader = csv.reader(tail, delimiter=delimiter, strict=True, quoting=csv.QUOTE_NONE)
    record = tail.record
    line = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ImportFailed(_broken(path, line, "".join(record), delimiter, str(error))) from None
        if row:
            yield line, row
        line = reader.line_num + 1
        record.clear()


def _broken(path: Path, line: int, record: str, delimiter: str, cause: str) -> str:
    """Say where the quoting of a record goes wrong: above all, where the quote was opened."""
    at = 0
    cell_end = re.compile(f"[{re.escape(delimiter)}\r\n]|\\Z")
    while at < len(record):
        if record[at] != '"':
            end = cell_end.search(record, at)
            at = end.end() if end else len(record)
            continue
        opened = line + _line_ends(record[:at])
        close = _closing(record, at + 1)
        if close < 0:
            return f"{path}, line {opened}: the quote that opens here is never closed."
        at = close + 1
        if at < len(record) and record[at] not in (delimiter, "\r", "\n"):
            here = line + _line_ends(record[:at])
            of = "" if here == opened else f" (it was opened on line {opened}: is its end missing there?)"
            return f"{path}, line {here}: text follows a closing quote{of}; a quote inside a cell is written twice."
        at += 1
    return f"{path}, line {line}: {cause}."


def _closing(record: str, at: int) -> int:
    """Where the first quote from `at` on stands that is not one of a pair; -1 where there is none."""
    while (quote := record.find('"', at)) >= 0 and record[quote + 1 : quote + 2] == '"':
        at = quote + 2
    return quote


def _line_ends(text: str) -> int:
    return len(re.findall("\r\n|\r|\n", text))


def _rows(
    path: Path, lines: Iterable[str], form: _Form, warn: Callable[[str], None], roles: frozenset[int] | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) below the header, each with as many cells as the header.

    `roles` are the columns that matter; with None, a row that is too short is an error. A row that goes on beyond them
    holds them whole, so what it lacks is taken as blank, with a warning. A line of one cell is a remark between rows
    (abstrackr writes those), unless the first or the last column matters: a cell with a line end and no quotes may
    have been torn apart there.
    """
    width = len(form.names)
    enough = form.least if roles is None else max(roles, default=-2) + 2
    remarks = roles is not None and width > 2 and not roles & {0, form.least - 1}
    short: list[int] = []
    for line, row in itertools.islice(_records(path, lines, form.delimiter, form.quotes), form.header + 1, None):
        if len(row) != width:
            if len(row) == 1 and remarks:
                warn(f"{path}, line {line}: passed over as a remark, not a row: {row[0][:60]!r}.")
                continue
            if len(row) < form.least:
                if len(row) < enough:
                    raise ImportFailed(f"{path}, line {line}: {_cells(len(row))}, but the header has {form.least}.")
                short.append(line)
            if any(cell.strip() for cell in row[width:]):
                named = _SPELLED.get(form.delimiter, f"'{form.delimiter}'")
                raise ImportFailed(
                    f"{path}, line {line}: {_cells(len(row))}, but the header has {width}; "
                    f"a cell that holds {named} must stand in quotes."
                )
            row = row[:width] + [""] * (width - len(row))
        if width > 1 and _swallowed(row, form.delimiter, width - 1):
            warn(f"{path}, line {line}: a quoted cell holds lines that look like rows; is its closing quote missing?")
        yield line, row
    if short:
        warn(f"{path}: {len(short)} rows end before the last columns, taken as blank (the first on line {short[0]}).")


def _swallowed(row: list[str], delimiter: str, n: int) -> bool:
    """Whether a cell looks like rows that a missing quote swallowed: two or more lines with all delimiters."""
    for cell in row:
        if "\n" in cell and cell.count(delimiter) >= 2 * n:
            inner = cell.splitlines()[1:-1]
            if len(inner) >= 2 and all(line.count(delimiter) == n for line in inner):
                return True
    return False


def _cells(n: int) -> str:
    return f"{n} cell{'s' * (n != 1)}"
