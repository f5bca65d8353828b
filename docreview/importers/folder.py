"""Plain text: a file, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from docreview.errors import ImportFailed
from docreview.importers.files import open_text
from docreview.importers.table import check_roles
from docreview.types import Document, Progress, silent

_ENDINGS = (".txt", ".txt.gz")
_SHOWN = 5


@dataclass(frozen=True)
class TxtFolder:
    """Every .txt file of a folder and its subfolders, sorted; the path inside the folder is the id. Or one file."""

    encoding: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it reads, and folders."""
        return ("/", *_ENDINGS)

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield the documents, sorted by path."""
        check_roles(columns)
        if any(columns.values()):
            raise ImportFailed(f"{path}: text files have no columns to map; leave the mapping out.")
        if not path.is_dir():
            text = open_text(path, self.encoding)
            if text.note:
                warn(f"{path}: {text.note}.")
            content = text.text()
            if not content or content.isspace():
                raise ImportFailed(f"{path} is empty.")
            _nuls(path, text.nuls, 1, warn)
            yield Document(_name(path.name), content)
            return
        files = _files(path)
        empty: list[str] = []
        notes: dict[str, list[str]] = {}
        nuls = with_nuls = read = 0
        for done, file in enumerate(files, 1):
            name = _name(file.relative_to(path).as_posix())
            if not _size(file):
                empty.append(name)
                continue
            text = open_text(file, self.encoding)
            if text.note:
                notes.setdefault(text.note, []).append(name)
            content = text.text()
            nuls += text.nuls
            with_nuls += text.nuls > 0
            if not content or content.isspace():
                empty.append(name)
                continue
            read += 1
            yield Document(name, content)
            progress("import", done, len(files))
        for note, names in notes.items():
            warn(f"{path}: {note} ({_listed(names)}).")
        _nuls(path, nuls, with_nuls, warn)
        if empty:
            warn(f"{path}: {len(empty)} empty file{'s' * (len(empty) > 1)} left out ({_listed(empty)}).")
        if not read:
            raise ImportFailed(f"{path}: all of its .txt files are empty.")


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    others: dict[str, int] = {}

    def fail(error: OSError) -> None:
        # os.walk would pass over a folder that it may not enter
        raise ImportFailed(f"{error.filename} cannot be read: {error.strerror}.") from error

    for base, _, names in os.walk(folder, onerror=fail):
        for name in names:
            # files that begin with a dot are a system's own, such as the shadows macOS leaves beside every file
            if name.lower().endswith(_ENDINGS) and not name.startswith("."):
                found.append(Path(base, name))
            else:
                ending = os.path.splitext(name)[1] or name
                others[ending] = others.get(ending, 0) + 1
    if not found:
        there = ", ".join(f"{n} {ending}" for ending, n in sorted(others.items(), key=lambda item: -item[1])[:_SHOWN])
        hint = f"; there are: {there}" if there else "; it is empty"
        raise ImportFailed(f"{folder} has no .txt files{hint}. A table (.csv, .xlsx ...) is given by its own name.")
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise ImportFailed(f"{file} cannot be read: {error.strerror}.") from error


def _name(name: str) -> str:
    """A path as an id: bytes that are no text become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _nuls(path: Path, nuls: int, files: int, warn: Callable[[str], None]) -> None:
    if nuls:
        warn(f"{path}: {nuls} NUL characters replaced by U+FFFD{f' in {files} files' if files > 1 else ''}.")
