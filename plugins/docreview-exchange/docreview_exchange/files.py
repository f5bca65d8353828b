"""Files written whole or not at all, and none written over by mistake."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from docreview.errors import ExportFailed


def check_free(*paths: Path, force: bool) -> None:
    """Raise `ExportFailed` where one of the files is there already, unless `force`."""
    for path in paths:
        if not force and path.exists():
            raise ExportFailed(f"{path} is there already: give another name, or --force to write over it.")


@contextmanager
def whole(path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A text file that gets its name when it is whole and on the disk, and is gone where that fails.

    Line ends are written as they are given.
    """
    with whole_binary(path) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            yield text
        finally:
            text.detach()  # flushes, and leaves the file open for what is around


@contextmanager
def whole_binary(path: Path) -> Iterator[BinaryIO]:
    """The same, of bytes."""
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
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def whole_folder(path: Path, ours: Callable[[Path], bool], *, force: bool) -> Iterator[Path]:
    """A folder that gets its name when all that is in it is written, and is gone where that fails.

    With `force` it takes the place of one that is there, unless that holds a file that is not `ours` (given as a path
    inside the folder): nobody loses what docreview did not write.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        there = _check_place(path, ours, force)
        temporary.mkdir()
        try:
            yield temporary
            if there:
                old = path.with_name(f"{temporary.name}-old")
                path.rename(old)
                temporary.rename(path)
                shutil.rmtree(old)
            else:
                temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}.") from error


def _check_place(path: Path, ours: Callable[[Path], bool], force: bool) -> bool:
    """Whether a folder is there that may be replaced; `ExportFailed` where what is there may not."""
    if not path.exists():
        return False
    if not path.is_dir():
        raise ExportFailed(f"{path} is a file: give the name of a folder.")
    held = sorted(file.relative_to(path) for file in path.rglob("*") if not file.is_dir())
    if held and not force:
        raise ExportFailed(f"{path} is there already: give another name, or --force to write it anew.")
    foreign = [file for file in held if not ours(file)]
    if foreign:
        raise ExportFailed(f"{path} holds '{foreign[0]}', which docreview did not write: give another name.")
    return True
