"""What can be made again: arrays named by the content and the settings they came from.

A name is a hash of everything that goes into the arrays, so a changed setting or a changed text can never meet a stale
entry. An entry is a folder of ``.npy`` files (memory-mapped when loaded) and a manifest with their sizes and checksums.
It is written under a temporary name and renamed, so it is there whole or not at all; one that does not fit its manifest
(cut short, swapped, scribbled over) is logged, thrown away and made again, never used. The whole folder may be deleted.

Also here: the `Source` that views read, and how its rows are cut into blocks. Each add to the corpus is cut from its
own start, so which documents share a block depends on the record alone, never on where an interruption fell.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from docreview.errors import StoreError
from docreview.registry import registration_of
from docreview.types import Scalar, frozen

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

log = logging.getLogger(__name__)

_MANIFEST = "entry.json"
_WHOLE = 1 << 23  # files up to 8 MiB are checked byte by byte, larger ones by their size and samples
_SAMPLE, _SAMPLES = 1 << 16, 32
_LEFTOVER = 3600.0  # seconds after which a temporary folder belongs to a process that was killed


def fingerprint(*parts: Any) -> str:
    """Hash of plain values (text, numbers, lists, mappings): 40 hex digits."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


# --------------------------------------------------------------------------------------------------------------- source


class Source(Protocol):
    """The corpus as it was when it had `n` documents, text processors already applied."""

    @property
    def n(self) -> int: ...

    @property
    def segments(self) -> Sequence[tuple[int, int]]:
        """Row ranges of each add, in order, up to `n`."""
        ...

    @property
    def language(self) -> str:
        """spaCy language code; ``xx`` where unknown."""
        ...

    def texts(self, start: int, stop: int) -> list[str]:
        """Processed texts of the rows."""
        ...

    def digest(self, start: int, stop: int) -> str:
        """One hash over the texts of the rows, their order, the text processors and the language."""
        ...


@dataclass(frozen=True)
class TextSource:
    """A `Source` over texts in memory: for tests, benchmarks and plugin authors."""

    items: Sequence[str]
    language: str = "en"
    adds: tuple[tuple[int, int], ...] = ()

    @property
    def n(self) -> int:
        """Number of texts."""
        return len(self.items)

    @property
    def segments(self) -> Sequence[tuple[int, int]]:
        """`adds`, or one segment of everything."""
        return self.adds or (((0, self.n),) if self.n else ())

    def texts(self, start: int, stop: int) -> list[str]:
        """The texts of the rows."""
        return list(self.items[start:stop])

    def digest(self, start: int, stop: int) -> str:
        """Hash of the texts of the rows and the language."""
        return fingerprint(self.language, self.texts(start, stop))


def blocks(source: Source, size: int) -> list[tuple[int, int]]:
    """Cut each segment of the source into row ranges of `size`, from the segment's start."""
    return [(at, min(at + size, stop)) for start, stop in source.segments for at in range(start, stop, size)]


# ---------------------------------------------------------------------------------------------------------------- cache


@dataclass(frozen=True)
class Entry:
    """A loaded entry: its arrays by name, read-only and memory-mapped, and the notes kept with them."""

    arrays: Mapping[str, Array]
    notes: Mapping[str, Any]
    folder: Path


@dataclass
class Writer:
    """An entry being written: see `Cache.write`."""

    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)

    def array(self, name: str, array: Array) -> None:
        """Write an array."""
        import numpy as np

        np.save(self.folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)

    def empty(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array to fill in place, backed by the file (for what should not be in memory twice)."""
        import numpy as np

        if 0 in shape:  # an empty file cannot be mapped
            self.array(name, np.empty(shape, dtype))
            return np.empty(shape, dtype)
        path = self.folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):
            # without the room taken first, a full disk would kill the process instead of raising an error
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        return np.asarray(array)


class Cache:
    """A folder of entries. A key is ``kind/hash``; two processes may use one folder."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._checked: set[str] = set()

    def _path(self, key: str) -> Path:
        return self.folder / key

    def __contains__(self, key: str) -> bool:
        """Whether an entry of that name is there. Cheap: its files are checked when it is loaded."""
        return (self._path(key) / _MANIFEST).is_file()

    def load(self, key: str) -> Entry | None:
        """The entry, or None where there is none that can be used."""

        folder = self._path(key)
        try:
            manifest, seal = json.loads((folder / _MANIFEST).read_text("utf-8"))
            if fingerprint(manifest) != seal:
                raise ValueError("it does not fit its checksum")
        except FileNotFoundError:
            if folder.is_dir():
                self._misfit(key, "it has no manifest")
            return None
        except (ValueError, TypeError, OSError) as error:
            self._misfit(key, f"its manifest cannot be read ({error})")
            return None
        try:
            for name, wanted in manifest["files"].items():
                path = folder / name
                # content is read once in a process, the size each time
                if path.stat().st_size != wanted["size"] or (
                    key not in self._checked and _checksum(path, wanted["size"]) != wanted["checksum"]
                ):
                    self._misfit(key, f"{name} does not fit its checksum")
                    return None
            arrays = {
                name[:-4]: _load(folder / name, wanted["size"])
                for name, wanted in manifest["files"].items()
                if name.endswith(".npy")
            }
            notes = manifest["notes"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._misfit(key, f"it cannot be read ({error})")
            return None
        self._checked.add(key)
        return Entry(arrays, notes, folder)

    def _misfit(self, key: str, why: str) -> None:
        log.warning("cache entry %s is made again: %s", key, why)
        self.discard(key)

    def discard(self, key: str) -> None:
        """Delete an entry, where it is."""
        self._checked.discard(key)
        folder = self._path(key)
        try:
            # renamed first, so that nobody meets half of it
            doomed = folder.with_name(f"{folder.name}.{os.getpid()}.{time.monotonic_ns()}.tmp")
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        except FileNotFoundError:
            pass
        except OSError as error:  # a file where the folder should be, or one that may not be changed
            raise StoreError(
                f"cannot delete {folder} from the cache: {error.strerror or error}. "
                "Make the cache's folder writable, or delete all of it: it is made again."
            ) from error

    @contextlib.contextmanager
    def write(self, key: str, **notes: Scalar) -> Iterator[Writer]:
        """Write an entry: it appears, whole, when the block ends. An exception inside leaves nothing."""
        target = self._path(key)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.{time.monotonic_ns()}.tmp")
        try:
            temporary.mkdir(parents=True)
            writer = Writer(temporary, dict(notes))
            yield writer
            files = {}
            for path in sorted(temporary.iterdir()):
                size = path.stat().st_size
                files[path.name] = {"size": size, "checksum": _checksum(path, size)}
            manifest = {"files": files, "notes": writer.notes}
            (temporary / _MANIFEST).write_text(json.dumps([manifest, fingerprint(manifest)]), "utf-8")
            if target.exists():
                self.discard(key)
            try:
                temporary.rename(target)
            except OSError as error:
                # another process was as quick: the same name means the same content
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
        except OSError as error:
            raise StoreError(
                f"cannot write to the cache in {self.folder}: {error.strerror or error}. "
                "Make room there and run it again: finished blocks are kept."
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def keep_newest(self, kind: str, count: int) -> None:
        """Delete all but the newest entries of a kind: for large ones that are quickly made from smaller ones."""
        aged = []
        for folder in (self.folder / kind).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if folder.suffix != ".tmp":
                    aged.append((folder.stat().st_mtime_ns, folder.name))
        for _, name in sorted(aged)[:-count]:
            self.discard(f"{kind}/{name}")

    def of(self, component: object) -> Cache:
        """The part that belongs to a plugin's component, named by its version: what an older one made is not met."""
        entry = registration_of(component)
        if entry is None or entry.built_in:
            return self
        return Cache(self.folder / "plugins" / re.sub(r"[^\w.-]", "_", f"{entry.plugin}-{entry.version}"))

    def sweep(self) -> None:
        """Delete what killed processes left behind."""
        for folder in self.folder.glob("*/*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _LEFTOVER:
                    shutil.rmtree(folder, ignore_errors=True)


def _load(path: Path, size: int) -> Array:
    """An array that nobody can write to: mapped, or, as a mapping costs a page or more, a small one read whole."""
    import numpy as np

    if size > 1 << 16:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    return frozen(np.load(path, allow_pickle=False))


def _checksum(path: Path, size: int) -> int:
    """CRC-32 of a file: all of a small one, evenly spaced samples (first and last bytes among them) of a large one."""
    value = 0
    with path.open("rb") as file:
        if size <= _WHOLE:
            return zlib.crc32(file.read())
        for i in range(_SAMPLES):
            file.seek((size - _SAMPLE) * i // (_SAMPLES - 1))
            value = zlib.crc32(file.read(_SAMPLE), value)
    return value
