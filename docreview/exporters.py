"""Exporters: rows to CSV, JSON lines or a workbook, whole or not at all.

A file is written under another name in the same folder, flushed to the disk and then renamed, so that what stands under
the name that was asked for is either the old file or the whole new one.

CSV and JSON lines hold every text as it is. A spreadsheet that opens a CSV runs cells that begin with ``=``, ``+``,
``-`` or ``@`` as formulas, and documents come from strangers; but a mark put before such cells would change texts for
every other program. So CSV stays exact, and for spreadsheets there is .xlsx, whose cells are declared to be text and
are never run; `Csv(formulas="quote")` puts an apostrophe before such cells where a CSV must be opened there.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

from docreview.errors import ExportFailed
from docreview.hookspecs import Register, hookimpl
from docreview.registry import is_built_in
from docreview.types import Exporter, Scalar

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: limits of the .xlsx format
_CELL, _ROWS, _COLUMNS = 32_767, 1_048_576, 16_384
#: whole numbers that a spreadsheet, which knows only doubles, shows digit for digit
_EXACT = 10**15
#: what XML cannot hold, and what would be read as the mark for it (ECMA-376, ST_Xstring)
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def exporter_for(path: Path, exporters: Mapping[str, Exporter]) -> str:
    """Name of the exporter for the ending of `path`; `ExportFailed` lists the endings there are.

    Of two for the same ending, docreview's own is taken.
    """
    name = path.name.lower()
    fitting = [
        (len(e), is_built_in(exporter), key)
        for key, exporter in exporters.items()
        for e in exporter.suffixes
        if name.endswith(e)
    ]
    if not fitting:
        known = sorted({ending for exporter in exporters.values() for ending in exporter.suffixes})
        raise ExportFailed(f"'{path.name}' has an ending that no exporter writes; they write {', '.join(known)}.")
    return max(fitting)[-1]


@dataclass(frozen=True)
class Csv:
    """Comma-separated values in UTF-8 (RFC 4180). None and NaN are empty cells."""

    formulas: Literal["keep", "quote"] = "keep"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".csv", ".csv.gz")

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        with _text(path) as file:
            writer = csv.writer(file)
            n = 0
            for values in _table(rows, writer.writerow):
                n += 1
                writer.writerow([self._cell(value) for value in values])
        return n

    def _cell(self, value: Scalar) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if self.formulas == "quote" and isinstance(value, str) and value.startswith(_FORMULA):
            return "'" + value
        return str(value)


@dataclass(frozen=True)
class Jsonl:
    """JSON lines in UTF-8: an object for each row. NaN and the infinities, which are no JSON, become null."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".jsonl", ".jsonl.gz")

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        with _text(path) as file:
            names: list[str] = []
            n = 0
            for values in _table(rows, names.extend):
                n += 1
                finite = (None if isinstance(v, float) and not math.isfinite(v) else v for v in values)
                file.write(
                    json.dumps(dict(zip(names, finite, strict=True)), ensure_ascii=False, allow_nan=False) + "\n"
                )
        return n


@dataclass(frozen=True)
class Xlsx:
    """A workbook of one sheet. Every text is a text, also where it begins like a formula.

    Control characters, which XML cannot hold, are written as the format wants (``_x0007_``), and read back by programs
    that know it. A text longer than a cell may be (32,767 characters) is an error: nothing is cut in silence.
    """

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".xlsx",)

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        import openpyxl
        from openpyxl.cell import WriteOnlyCell

        with whole(path) as file:
            book = openpyxl.Workbook(write_only=True)
            sheet = book.create_sheet("documents")
            names: list[str] = []

            def cell(value: Scalar, row: int, name: str) -> object:
                if isinstance(value, str):
                    text = _UNFIT.sub(lambda match: f"_x{ord(match[0]):04X}_", value)
                    if len(text.encode("utf-16-le")) > 2 * _CELL:
                        raise ExportFailed(
                            f"{path}: the {name} of row {row} has {len(value):,} characters, and a cell of a workbook "
                            f"holds {_CELL:,}; write a .csv or .jsonl."
                        )
                elif value is None or isinstance(value, bool):
                    return value
                elif isinstance(value, float):
                    if math.isnan(value):
                        return None
                    if math.isfinite(value):
                        return value
                    text = str(value)
                elif abs(value) <= _EXACT:
                    return value
                else:
                    text = str(value)
                written = WriteOnlyCell(sheet, value=text)
                # openpyxl takes "=..." for a formula and "#N/A" for an error
                written.data_type = "s"
                return written

            def header(columns: Iterable[str]) -> None:
                names.extend(columns)
                if len(names) > _COLUMNS:
                    raise ExportFailed(f"{path}: {len(names):,} columns, and a sheet has {_COLUMNS:,}; write a .csv.")
                sheet.append([cell(name, 1, "name") for name in names])

            n = 0
            try:
                for n, values in enumerate(_table(rows, header), 1):
                    if n >= _ROWS:
                        raise ExportFailed(
                            f"{path}: more than {_ROWS - 1:,} rows, all a sheet holds; write a .csv or .jsonl."
                        )
                    sheet.append([cell(value, n + 1, name) for name, value in zip(names, values, strict=True)])
            finally:
                # also after an error: openpyxl keeps the sheet in a temporary file until then
                book.save(file)
        return n


def _table(rows: Iterable[Mapping[str, Scalar]], header: Callable[[list[str]], object]) -> Iterator[list[Scalar]]:
    """Yield the values of each row in the order of the first row's keys, which `header` is told before."""
    names: list[str] | None = None
    for row in rows:
        if names is None:
            names = list(row)
            header(names)
        if len(row) != len(names):
            raise ValueError(f"rows of different keys: {names} and {list(row)}")
        yield [row[name] for name in names]


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """A text file, UTF-8, line ends as they are written; compressed where the name ends in .gz."""
    with whole(path) as file, ExitStack() as stack:
        data = file
        if path.suffix.lower() == ".gz":
            # no name and no time inside: the same rows give the same bytes
            zipped = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
            data = cast(BinaryIO, stack.enter_context(zipped))
        text = io.TextIOWrapper(data, "utf-8", newline="")
        # flushes, and leaves the file open for what is around
        stack.callback(text.detach)
        yield text


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole and on the disk, and is gone where that fails."""
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        if hasattr(os, "O_DIRECTORY"):
            # the new name, too, must be on the disk
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}.") from error


@hookimpl
def register_exporters(register: Register) -> None:
    """Register the built-in exporters."""
    register("csv", Csv)
    register("jsonl", Jsonl)
    register("xlsx", Xlsx)
