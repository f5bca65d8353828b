"""Importers, exporters and presets: a good one of each kind, and those wrong in just one way."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from docreview.errors import ExportFailed, ImportFailed
from docreview.testing import Written
from docreview.types import Document


class Reader:
    """A good importer, to be spoiled: one JSON list a file."""

    suffixes: tuple[str, ...] = (".list",)

    def ids(self, index: int) -> str:
        return f"row{index}"

    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        try:
            texts = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ImportFailed(f"{path}: not a list: {type(error).__name__}.") from error
        for index, text in enumerate(texts):
            yield Document(self.ids(index), text)


class AsciiOnly(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for document in super().read(path, columns, warn=warn):
            yield replace(document, text=document.text.encode("ascii", "replace").decode())


class NewIds(Reader):
    def ids(self, index: int) -> str:
        return uuid.uuid4().hex


class AtOnce(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Any:
        return list(super().read(path, columns, warn=warn))


class Raw(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for index, text in enumerate(json.loads(path.read_bytes())):
            yield Document(self.ids(index), text)


class Loud(Reader):
    suffixes = (".list", ".LIST")


class Misnamed(Reader):
    suffixes = (".lists",)


class Cuts(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for document in super().read(path, columns, warn=warn):
            yield replace(document, text=document.text[:20_000])


class EndsEarly(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for document in super().read(path, columns, warn=warn):
            if not document.text:
                return
            yield document


class Shuffles(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        random.random()
        yield from super().read(path, columns, warn=warn)


class WarnsAtLength(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for document in super().read(path, columns, warn=warn):
            if not document.text:
                warn("a document\nwithout text")
            yield document


def _list(folder: Path, documents: Sequence[Document]) -> Path:
    path = folder / "documents.list"
    path.write_text(json.dumps([d.text for d in documents]), "utf-8")
    return path


class Writer:
    """A good exporter, to be spoiled."""

    suffixes: tuple[str, ...] = (".lines",)
    temporary = ".part"

    def write(self, path: Path, rows: Any) -> int:
        part = path.with_name(path.name + self.temporary)
        count = 0
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write("[\n")
                for count, row in enumerate(rows, 1):  # noqa: B007
                    file.write(json.dumps(row) + "\n")
            shutil.move(part, path)
        except BaseException as error:
            part.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise ExportFailed(f"{path} cannot be written.") from error
            raise
        return count


class CountsHeader(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = list(rows)
        return super().write(path, made) + bool(made)


class NothingForNothing(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = list(rows)
        return super().write(path, made) if made else 0


class Appends(Writer):
    def write(self, path: Path, rows: Any) -> int:
        before = path.read_bytes() if path.exists() else b""
        count = super().write(path, rows)
        path.write_bytes(before + path.read_bytes())
        return count


class LeavesParts(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = []
        with contextlib.suppress(ArithmeticError):
            for row in rows:
                made.append(row)
        return super().write(path, made)


class LoudWriter(Writer):
    suffixes = (".LINES",)


class CutsOff(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = list(rows)
        for row in made:
            if len(row["text"]) > 40_000:
                path.unlink()
                raise ExportFailed(f"{path}: a text is too long.")
        return super().write(path, made)


class MakesFolders(Writer):
    def write(self, path: Path, rows: Any) -> int:
        path.parent.mkdir(exist_ok=True)
        return super().write(path, rows)


class WriterSeeds(Writer):
    def write(self, path: Path, rows: Any) -> int:
        random.random()
        return super().write(path, rows)


PRESET = {
    "model": {"name": "late-fusion", "ratio": 9.8},
    "query_strategy": {"name": "margin"},
    "cold_start": "random",
    "stopping_rule": {"name": "any", "stopping_rules": ["never"]},
    "batch_size": [[0, 3], [300, 5]],
}


WRONG: dict[str, Any] = {
    "importer_reads": Written(AsciiOnly(), _list),
    "importer_long_texts": Written(Cuts(), _list),
    "importer_empty_texts": Written(EndsEarly(), _list),
    "importer_ids": Written(NewIds(), _list),
    "importer_is_lazy": Written(AtOnce(), _list),
    "importer_knows_own": Written(Misnamed(), _list),
    "importer_generators": Written(Shuffles(), _list),
    "importer_suffixes": Written(Loud(), _list),
    "importer_refuses": Written(Raw(), _list),
    "importer_warnings": Written(WarnsAtLength(), _list),
    "exporter_suffixes": LoudWriter(),
    "exporter_writes": CountsHeader(),
    "exporter_no_rows": NothingForNothing(),
    "exporter_replaces": Appends(),
    "exporter_whole_or_not": LeavesParts(),
    "exporter_huge_text": CutsOff(),
    "exporter_unwritable": MakesFolders(),
    "exporter_generators": WriterSeeds(),
    "preset_keys": {**PRESET, "batch": 20},
    "preset_components": {**PRESET, "model": {"classifier": "linear-svm"}},
    "preset_plain": {**PRESET, "model": {"name": "late-fusion", "ratio": float("inf")}},
    "preset_sizes": {**PRESET, "batch_size": [[3, 0], [300, 5]]},
}
GOOD: dict[str, Any] = {
    "importers": Written(Reader(), _list),
    "exporters": Writer(),
    "presets": PRESET,
}
