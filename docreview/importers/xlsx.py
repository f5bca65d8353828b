"""Workbooks: the first sheet that has anything on it."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from docreview.errors import ImportFailed, did_you_mean
from docreview.importers.files import open_bytes, reading, stem
from docreview.importers.table import HEAD, ROLES, Builder, check_roles, find_header, find_roles, spell, unique
from docreview.types import Document, Progress, Scalar, silent

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

#: characters that XML cannot hold stand in workbooks as _x000D_ (ECMA-376, ST_Xstring)
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class Xlsx:
    """An .xlsx workbook: one sheet, by default the first with anything on it. Formulas count by their last value."""

    sheet: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it reads."""
        return (".xlsx", ".xlsx.gz", ".xlsm", ".xlsm.gz")

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield the documents, in the order of the rows."""
        check_roles(columns)
        with tempfile.SpooledTemporaryFile(max_size=1 << 26) as file:
            with reading(path):
                data, raw = open_bytes(path)
                with raw, data:
                    shutil.copyfileobj(data, file)
            if not file.tell():
                raise ImportFailed(f"{path} is empty.")
            yield from self._documents(path, file, columns, warn, progress)

    def _documents(
        self, path: Path, file: IO[bytes], columns: Mapping[str, str], warn: Callable[[str], None], progress: Progress
    ) -> Iterator[Document]:
        rows, total = self._rows(path, file, warn)
        head = [row for _, row in zip(range(HEAD), rows, strict=False)]
        spelled = [[spell(cell) for cell in row] for _, row in head]
        at = find_header(spelled, columns)
        if at:
            warn(f"{path}: the {at} rows before the header were passed over.")
        header = spelled[at]
        while header and not header[-1].strip():
            header.pop()
        names = unique(header)
        roles = find_roles(path, names, columns, warn)
        builder = Builder(path, roles.get("id"), "row", warn, stem(path))
        nuls = 0
        for line, row in _chain(head[at + 1 :], rows):
            cells = dict(zip(names, row, strict=False))
            # a note beside the table has no name of its own
            cells |= {f"column {i}": cell for i, cell in enumerate(row[len(names) :], len(names) + 1)}
            nuls += sum(cell.count("\0") for cell in row if isinstance(cell, str))
            cells = {name: v.replace("\0", "\ufffd") if isinstance(v, str) else v for name, v in cells.items()}
            parts = tuple(spell(cells.pop(roles[role], None)) if role in roles else "" for role in ROLES)
            metadata = {name: value for name, value in cells.items() if value not in (None, "")}
            document = builder.build(line, parts, metadata)
            if document is not None:
                yield document
            if line % 1000 == 0:
                progress("import", line, total)
        if nuls:
            warn(f"{path}: {nuls} NUL characters replaced by U+FFFD.")
        builder.finish()

    def _rows(
        self, path: Path, file: IO[bytes], warn: Callable[[str], None]
    ) -> tuple[Iterator[tuple[int, list[Scalar]]], int]:
        """(row number, cells) of every row that is not blank, and about how many rows there are."""
        import openpyxl

        damaged = f"{path} is no .xlsx workbook that can be read"
        with _Blaming(damaged), warnings.catch_warnings():
            # openpyxl warns about styles and extensions, which hold no text
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        names = book.sheetnames
        if self.sheet is not None and self.sheet not in names:
            raise ImportFailed(f"{path} has no sheet '{self.sheet}'.{did_you_mean(self.sheet, names)}")
        for name in [self.sheet] if self.sheet else names:
            rows = _sheet(book, name, damaged)
            first = next(rows, None)
            if first is not None:
                if len(names) > 1 and self.sheet is None:
                    warn(f"{path}: sheet '{name}' was read, of {', '.join(names)}.")
                return _chain([first], rows), book[name].max_row or 0
        raise ImportFailed(f"{path} is a workbook with nothing on its sheets.")


def _chain(
    head: list[tuple[int, list[Scalar]]], rest: Iterator[tuple[int, list[Scalar]]]
) -> Iterator[tuple[int, list[Scalar]]]:
    yield from head
    yield from rest


def _sheet(book: Workbook, name: str, damaged: str) -> Iterator[tuple[int, list[Scalar]]]:
    sheet: Any = book[name]
    if not hasattr(sheet, "reset_dimensions"):
        # a sheet of charts
        return
    # some programs write a wrong size, which would hide rows
    sheet.reset_dimensions()
    with _Blaming(damaged), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        rows = enumerate(sheet.iter_rows(values_only=True), 1)
    while True:
        with _Blaming(damaged):
            item = next(rows, None)
        if item is None:
            return
        number, values = item
        cells = [_scalar(value) for value in values]
        if any(cell not in (None, "") for cell in cells):
            yield number, cells


class _Blaming:
    """openpyxl meets a damaged workbook with whatever exception its own code runs into."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # SyntaxError is the base of XML's ParseError
        causes = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, SyntaxError, KeyError, ValueError, TypeError)
        if isinstance(
            error, (*causes, AttributeError, IndexError, EOFError, OSError, NotImplementedError, RuntimeError)
        ):
            hint = "damaged, encrypted, or an old .xls; open it and save it anew"
            raise ImportFailed(f"{self.message} ({hint}).") from error


def _scalar(value: Any) -> Scalar:
    if isinstance(value, str):
        return _ESCAPE.sub(_character, value) if "_x" in value else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code <= 0xDFFF else chr(code)
