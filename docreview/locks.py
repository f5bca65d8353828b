"""One process at a time may change a project: an exclusive lock that the system releases, even after ``kill -9``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docreview.errors import ProjectError, ProjectLocked


@contextmanager
def project_lock(folder: Path, purpose: str, name: str = "project") -> Iterator[None]:
    """Hold the lock `name` of the project whose hidden folder is `folder` while the block runs.

    Embedding takes a lock of its own: it runs for long, and documents may be added meanwhile.
    `purpose` is what another process is told ("adding documents"). `ProjectLocked` at once where somebody holds it,
    naming process and purpose. The lock is the system's own (flock), so that a killed holder leaves none behind;
    the file beside it that names the holder is for the message only.
    """
    import filelock

    if not folder.is_dir():
        raise ProjectError(f"the project cannot be locked: there is no folder '{folder}'.")
    lock = filelock.FileLock(folder / f"{name}.lock", timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise ProjectLocked(f"{_holder(folder, name)}: wait until it is done, or stop it, and try again.") from error
    except OSError as error:
        raise ProjectError(f"the project cannot be locked: {folder / name}.lock: {error.strerror}.") from error
    try:
        _sign(folder, name, purpose)
        yield
    finally:
        with suppress(OSError):
            (folder / f"{name}.lock.json").unlink()
        lock.release()


def _sign(folder: Path, name: str, purpose: str) -> None:
    """Say who holds the lock; written whole under another name first, so that nobody reads half of it."""
    half = folder / f"{name}.lock.json.new"
    with suppress(OSError):  # a full disk must not keep anybody from working: the lock itself holds
        (folder / f"{name}.lock.json").unlink(missing_ok=True)  # a killed holder's
        half.write_text(json.dumps({"pid": os.getpid(), "purpose": purpose}), encoding="utf-8")
        half.replace(folder / f"{name}.lock.json")


def _holder(folder: Path, name: str) -> str:
    try:
        holder = json.loads((folder / f"{name}.lock.json").read_text(encoding="utf-8"))
        return f"the project is in use by process {int(holder['pid'])} ({' '.join(str(holder['purpose']).split())})"
    except (OSError, ValueError, KeyError, TypeError):
        return "the project is in use by another process"
