"""Checks of importers.

Most need something to read: see `Written`. Those that do not run on an importer alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docreview.errors import ImportFailed
from docreview.testing.common import global_generators_untouched, require
from docreview.testing.samples import ODD, SCRIPTS
from docreview.types import Document

if TYPE_CHECKING:
    from docreview.types import Importer

#: control characters do not survive every format; all else must
TEXTS = (*SCRIPTS.values(), ODD["emoji"], ODD["one word"], "quotes \" and ' and , ; \t", "two\nlines", "=1+1")
#: a cell of a workbook holds a little more
_LONG = "All parties shall keep it. " * 1_100


@dataclass(frozen=True)
class Written:
    """An importer, and a function that writes documents to a folder in its format and returns the path to read."""

    importer: Importer
    write: Callable[[Path, Sequence[Document]], Path]


def _bare(case: Written | Importer) -> Importer:
    return case.importer if isinstance(case, Written) else case


def _read(case: Written | Importer, path: Path, warn: Callable[[str], None] = lambda line: None) -> Iterator[Document]:
    return _bare(case).read(path, {}, warn=warn)


def _documents(texts: Sequence[str] = TEXTS) -> list[Document]:
    return [Document(f"d{i}", text) for i, text in enumerate(texts)]


def _read_back(case: Written, texts: Sequence[str]) -> list[Document]:
    with tempfile.TemporaryDirectory() as folder:
        return list(_read(case, case.write(Path(folder), _documents(texts))))


def _require_texts(documents: Sequence[Document], texts: Sequence[str]) -> None:
    require(len(documents) == len(texts), f"{len(texts)} documents were written, {len(documents)} read")
    for document, text in zip(documents, texts, strict=True):
        require(document.text.strip() == text.strip(), f"the text {text[:40]!r} was read as {document.text[:40]!r}")


def check_importer_reads(case: Written) -> None:
    """It yields what was written: all documents, in order, texts unchanged in every script."""
    _require_texts(_read_back(case, TEXTS), TEXTS)


def check_importer_long_texts(case: Written) -> None:
    """A text of 30,000 characters comes whole."""
    texts = ("The first.", _LONG, "The third.")
    _require_texts(_read_back(case, texts), texts)


def check_importer_empty_texts(case: Written) -> None:
    """A document without text is left out or kept, and those around it are read all the same."""
    texts = ("The first.", "", "The third.")
    kept = [document for document in _read_back(case, texts) if document.text.strip()]
    _require_texts(kept, [text for text in texts if text])


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


def check_importer_knows_own(case: Written) -> None:
    """The ending of what it reads is among its suffixes."""
    suffixes = case.importer.suffixes
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder), _documents())
        known = "/" in suffixes if path.is_dir() else path.name.endswith(suffixes)
        require(known, f"{path.name} has none of the suffixes {suffixes}")


def check_importer_generators(case: Written) -> None:
    """It leaves the global random generators alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder), _documents())
        with global_generators_untouched():
            list(_read(case, path))


#: checks that an importer alone cannot run
NEED_WRITTEN = (
    check_importer_reads,
    check_importer_long_texts,
    check_importer_empty_texts,
    check_importer_ids,
    check_importer_is_lazy,
    check_importer_knows_own,
    check_importer_generators,
)


def check_importer_suffixes(case: Written | Importer) -> None:
    """Its suffixes are lower case with a dot, or ``/`` for folders, and there is at least one."""
    suffixes = _bare(case).suffixes
    require(isinstance(suffixes, tuple) and suffixes, "`suffixes` must be a tuple with at least one entry")
    for suffix in suffixes:
        good = suffix == "/" or (suffix.startswith(".") and suffix == suffix.lower())
        require(good, f"a suffix is '/' or a dot and lower case, got {suffix!r}")


def check_importer_refuses(case: Written | Importer) -> None:
    """A file that is not there, an empty one and one of noise: `ImportFailed` that names the file, or documents."""
    with tempfile.TemporaryDirectory() as folder:
        for path in _bad_files(case, Path(folder)):
            try:
                list(_read(case, path))
            except ImportFailed as error:
                require(path.name in str(error), f"the message must name the file: {error}")
                require("\n" not in str(error), "the message must be one line")
            else:
                require(not path.name.startswith(("missing", "empty")), f"{path.name} must not be read as documents")


def check_importer_warnings(case: Written | Importer) -> None:
    """What it warns of is one line of text each."""
    warnings: list[Any] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _bad_files(case, folder)
        if isinstance(case, Written):
            (folder / "good").mkdir()
            paths.append(case.write(folder / "good", _documents(("one", "", "two"))))
        for path in paths:
            with suppress(Exception):  # what it raises is for another check
                list(_read(case, path, warnings.append))
    for line in warnings:
        good = isinstance(line, str) and line.strip() and "\n" not in line
        require(good, f"a warning must be one line of text, got {line!r}")


def _bad_files(case: Written | Importer, folder: Path) -> list[Path]:
    """A file that is not there, an empty one and one of noise, of each ending."""
    paths = [folder / f"missing{suffix}" for suffix in _bare(case).suffixes]
    for suffix in _bare(case).suffixes:
        if suffix != "/":
            paths += [folder / f"empty{suffix}", folder / f"noise{suffix}"]
            paths[-2].write_bytes(b"")
            paths[-1].write_bytes(bytes(range(256)) * 8)
    return paths
