"""JSON lines: one object a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docreview.errors import ImportFailed
from docreview.importers.files import TextFile, open_text, stem
from docreview.importers.table import ROLES, Builder, check_roles, find_roles, spell
from docreview.types import Document, Progress, Scalar, silent

#: objects that are looked at to learn which columns there are
_HEAD = 200


@dataclass(frozen=True)
class Jsonl:
    """One JSON object a line. In metadata, numbers and truth values keep their type; what is nested becomes JSON."""

    encoding: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it reads."""
        return (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield the documents, in file order."""
        check_roles(columns)
        text = open_text(path, self.encoding)
        if text.note:
            warn(f"{path}: {text.note}.")
        reader = _Objects(text)
        objects = reader.objects(progress)
        head = list(itertools.islice(objects, _HEAD))
        if not head:
            raise ImportFailed(f"{path} has only blank lines.")
        roles = find_roles(path, list(dict.fromkeys(key for _, item in head for key in item)), columns, warn)
        builder = Builder(path, roles.get("id"), "line", warn, stem(path))
        for line, item in itertools.chain(head, objects):
            cells = {role: _cell(path, line, role, item.pop(name, None)) for role, name in roles.items()}
            metadata = {key: _scalar(value) for key, value in item.items() if value not in (None, "")}
            document = builder.build(line, tuple(cells.get(role, "") for role in ROLES), metadata)
            if document is not None:
                yield document
        if reader.replaced:
            warn(f"{path}: {reader.replaced} NUL characters and lone surrogates replaced by U+FFFD.")
        builder.finish()


class _Objects:
    """The objects of a file with their lines. JSON may escape characters that no text can hold: they are replaced."""

    def __init__(self, text: TextFile) -> None:
        self._text = text
        self.replaced = 0

    def objects(self, progress: Progress) -> Iterator[tuple[int, dict[str, Any]]]:
        path = self._text.path
        for number, line in enumerate(self._text.lines(progress, newline="\n"), 1):
            if line.isspace():
                continue
            try:
                # NaN and the infinities are no JSON, but pandas writes them: a missing value
                item = json.loads(line, parse_constant=lambda name: None)
            except json.JSONDecodeError as error:
                raise ImportFailed(f"{path}, line {number}: not JSON ({error.msg}, column {error.colno}).") from None
            except (RecursionError, ValueError) as error:
                raise ImportFailed(f"{path}, line {number}: JSON that cannot be read ({error}).") from None
            if not isinstance(item, dict):
                raise ImportFailed(
                    f"{path}, line {number}: a JSON {_kind(item)}, where an object ({{...}}) must stand."
                )
            yield number, self._clean(item) if "\\" in line else item
        self.replaced += self._text.nuls

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            # most escapes are quotes and line ends; encoding finds the rest fast
            clean = value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            self.replaced += clean.count("\ufffd") - value.count("\ufffd")
            return clean
        if isinstance(value, dict):
            return {self._clean(k): self._clean(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._clean(v) for v in value]
        return value


def _cell(path: Path, line: int, role: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise ImportFailed(f"{path}, line {line}: the {role} is a JSON {_kind(value)}, where text must stand.")
    return spell(value)


def _scalar(value: Any) -> Scalar:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _kind(value: Any) -> str:
    names = {list: "list", dict: "object", str: "string", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")
