"""Checks of what reads and writes files: importers, exporters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docreview.errors import ImportFailed
from docreview.testing.common import require
from docreview.testing.samples import ODD, SCRIPTS
from docreview.types import Document

if TYPE_CHECKING:
    from docreview.types import Exporter, Importer, Scalar

#: control characters do not survive every format; all else must
TEXTS = (*SCRIPTS.values(), ODD["emoji"], ODD["one word"], 'quotes " and \' and , ; \t', "two\nlines", "=1+1")


@dataclass(frozen=True)
class Written:
    """An importer, and a function that writes documents to a folder in its format and returns the path to read."""

    importer: Importer
    write: Callable[[Path, Sequence[Document]], Path]


def _read(case: Written, path: Path) -> Iterator[Document]:
    return case.importer.read(path, {}, warn=_ignore)


def _ignore(line: str) -> None:
    """Take a warning: noise may be read with any number of them."""


def _documents() -> list[Document]:
    return [Document(f"d{i}", text) for i, text in enumerate(TEXTS)]


def check_importer_reads(case: Written) -> None:
    """It yields what was written: all documents, in order, texts unchanged in every script."""
    with tempfile.TemporaryDirectory() as folder:
        documents = list(_read(case, case.write(Path(folder), _documents())))
    require(len(documents) == len(TEXTS), f"{len(TEXTS)} documents were written, {len(documents)} read")
    for document, text in zip(documents, TEXTS, strict=True):
        require(document.text.strip() == text.strip(), f"the text {text[:40]!r} was read as {document.text[:40]!r}")


def check_importer_ids(case: Written) -> None:
    """Every document has an id of its own, and the same one when the file is read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder), _documents())
        first, second = ([document.id for document in _read(case, path)] for _ in range(2))
    require(all(isinstance(name, str) and name for name in first), "every document must have an id")
    require(len(set(first)) == len(first), "ids must be unique")
    require(first == second, "ids must be the same when the file is read again")


def check_importer_is_lazy(case: Written) -> None:
    """It yields documents as it goes, so that a large file need not fit into memory."""
    with tempfile.TemporaryDirectory() as folder:
        documents: Any = _read(case, case.write(Path(folder), _documents()))
        require(isinstance(documents, Iterator), f"`read` must return an iterator, got {type(documents).__name__}")
        require(isinstance(next(documents), Document), "it must yield documents")
        del documents


def check_importer_refuses(case: Written) -> None:
    """A file that is not there, an empty one and one of noise: `ImportFailed` that names the file, or documents."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"missing{suffix}" for suffix in case.importer.suffixes]
        for suffix in case.importer.suffixes:
            if suffix != "/":
                paths += [folder / f"empty{suffix}", folder / f"noise{suffix}"]
                paths[-2].write_bytes(b"")
                paths[-1].write_bytes(bytes(range(256)) * 8)
        for path in paths:
            try:
                list(_read(case, path))
            except ImportFailed as error:
                require(path.name in str(error), f"the message must name the file: {error}")
                require("\n" not in str(error), "the message must be one line")
            else:
                require(not path.name.startswith(("missing", "empty")), f"{path.name} must not be read as documents")


def check_importer_suffixes(case: Written) -> None:
    """Its suffixes are lower case with a dot, or ``/`` for folders, and those of what it reads are among them."""
    suffixes = case.importer.suffixes
    require(isinstance(suffixes, tuple) and suffixes, "`suffixes` must be a tuple with at least one entry")
    for suffix in suffixes:
        good = suffix == "/" or (suffix.startswith(".") and suffix == suffix.lower())
        require(good, f"a suffix is '/' or a dot and lower case, got {suffix!r}")
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder), _documents())
        known = "/" in suffixes if path.is_dir() else path.name.endswith(suffixes)
        require(known, f"{path.name} has none of the suffixes {suffixes}")


# ----------------------------------------------------------------------------------------------------------- exporters


def _rows() -> list[Mapping[str, Scalar]]:
    return [
        {"id": f"d{i}", "text": text, "label": None if i % 3 else "relevant", "seconds": i / 2, "read": bool(i % 2)}
        # one that is too long for a cell may be refused, as a workbook must
        for i, text in enumerate((*TEXTS, *(text for name, text in ODD.items() if name != "huge")))
    ]


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
        path.write_bytes(b"what was here before " * 100_000)
        exporter.write(path, iter(_rows()[:2]))
        require(b"what was here before" not in path.read_bytes(), "what the file held before must be gone")


def check_exporter_whole_or_not(exporter: Exporter) -> None:
    """Where the rows end in an error, the error comes through and the file that was there is as it was."""

    def failing() -> Iterator[Mapping[str, Scalar]]:
        yield from _rows()[:3]
        raise ArithmeticError("the rows end here")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{exporter.suffixes[0]}"
        path.write_bytes(b"what was here before")
        try:
            exporter.write(path, failing())
        except ArithmeticError:
            pass
        else:
            raise AssertionError("an error among the rows must come through")
        require(path.read_bytes() == b"what was here before", "a file must be written whole or not at all")
        require([entry.name for entry in Path(folder).iterdir()] == [path.name], "no other file may be left behind")
