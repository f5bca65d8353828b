"""Checks of exporters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from docreview.errors import ExportFailed
from docreview.testing.common import global_generators_untouched, require
from docreview.testing.importers import TEXTS
from docreview.testing.samples import ODD

if TYPE_CHECKING:
    from docreview.types import Exporter, Scalar

_BEFORE = b"what was here before"


def _rows() -> list[Mapping[str, Scalar]]:
    return [
        {"id": f"d{i}", "text": text, "label": None if i % 3 else "relevant", "seconds": i / 2, "read": bool(i % 2)}
        # one that is too long for a cell may be refused, as a workbook must
        for i, text in enumerate((*TEXTS, *(text for name, text in ODD.items() if name != "huge")))
    ]


def check_exporter_suffixes(exporter: Exporter) -> None:
    """Its suffixes are lower case with a dot, and there is at least one."""
    suffixes = exporter.suffixes
    require(isinstance(suffixes, tuple) and suffixes, "`suffixes` must be a tuple with at least one entry")
    for suffix in suffixes:
        good = suffix.startswith(".") and suffix == suffix.lower()
        require(good, f"a suffix is a dot and lower case, got {suffix!r}")


def check_exporter_writes(exporter: Exporter) -> None:
    """It writes every row and says how many, values of every kind and texts of every script among them."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in exporter.suffixes:
            path = Path(folder) / f"rows{suffix}"
            count = exporter.write(path, iter(_rows()))
            require(count == len(_rows()), f"{len(_rows())} rows were given, it says {count}")
            require(path.is_file() and path.stat().st_size > 0, f"{path.name} must be written")


def check_exporter_no_rows(exporter: Exporter) -> None:
    """It writes a file where there is no row at all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{exporter.suffixes[0]}"
        require(exporter.write(path, iter(())) == 0, "no rows were given")
        require(path.is_file(), "the file must be written")


def check_exporter_replaces(exporter: Exporter) -> None:
    """It replaces a file that is there: what it held before is gone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{exporter.suffixes[0]}"
        path.write_bytes(_BEFORE * 100_000)
        exporter.write(path, iter(_rows()[:2]))
        require(_BEFORE not in path.read_bytes(), "what the file held before must be gone")


def check_exporter_whole_or_not(exporter: Exporter) -> None:
    """Where the rows end in an error, the error comes through and the file that was there is as it was."""

    def failing() -> Iterator[Mapping[str, Scalar]]:
        yield from _rows()[:3]
        raise ArithmeticError("the rows end here")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{exporter.suffixes[0]}"
        path.write_bytes(_BEFORE)
        try:
            exporter.write(path, failing())
        except ArithmeticError:
            pass
        else:
            raise AssertionError("an error among the rows must come through")
        require(path.read_bytes() == _BEFORE, "a file must be written whole or not at all")
        require([entry.name for entry in Path(folder).iterdir()] == [path.name], "no other file may be left behind")


def check_exporter_huge_text(exporter: Exporter) -> None:
    """A text too long for its format is refused by `ExportFailed`, in one line, and the file is as it was."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{exporter.suffixes[0]}"
        path.write_bytes(_BEFORE)
        try:
            exporter.write(path, iter([{"id": "d0", "text": ODD["huge"]}]))
        except ExportFailed as error:
            require("\n" not in str(error), "the message must be one line")
            require(path.read_bytes() == _BEFORE, "a file must be written whole or not at all")
        else:
            require(path.read_bytes() != _BEFORE, "the file must be written")


def check_exporter_unwritable(exporter: Exporter) -> None:
    """Where it cannot write the file, in a folder that is not there, it raises `ExportFailed` that names it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nowhere" / f"rows{exporter.suffixes[0]}"
        try:
            exporter.write(path, iter(_rows()[:2]))
        except ExportFailed as error:
            require(path.name in str(error), f"the message must name the file: {error}")
        else:
            raise AssertionError(f"{path.parent.name} is not there: it must raise ExportFailed")


def check_exporter_generators(exporter: Exporter) -> None:
    """It leaves the global random generators alone."""
    with tempfile.TemporaryDirectory() as folder, global_generators_untouched():
        exporter.write(Path(folder) / f"rows{exporter.suffixes[0]}", iter(_rows()))
