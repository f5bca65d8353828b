"""Files written whole or not at all, and none written over by mistake."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        try:
            with temporary.open("x", encoding=encoding, newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}.") from error
