"""Parquet: a table of the documents with types, as Hugging Face's ``datasets`` and every data frame reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docreview.errors import ExportFailed
from docreview.types import Scalar
from docreview_exchange.files import whole_binary

if TYPE_CHECKING:
    import pyarrow as pa

#: types of columns of an export; all others are found from their values
_KNOWN = {
    **dict.fromkeys(
        ("id", "title", "text", "label", "status", "selected_by", "sample", "reviewers", "notes"), "string"
    ),
    **dict.fromkeys(("event", "reviewer", "at", "note"), "string"),  # of a history
    "round": "int64",
    "selection_probability": "float64",
    "seconds": "float64",
}
#: what an int64 holds
_LARGEST = 2**63


@dataclass(frozen=True)
class Parquet:
    """Apache Parquet, compressed. All rows are held in memory until they are written.

    A column of texts, whole numbers, numbers or truth values keeps its type; one of mixed values is of texts.
    """

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".parquet",)

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        columns = columns_of(rows)
        table = table_of(columns, types_of(columns), path=path)
        write_table(path, table)
        return int(table.num_rows)


def columns_of(rows: Iterable[Mapping[str, Scalar]]) -> dict[str, list[Scalar]]:
    """The values of each column, which every row must have."""
    columns: dict[str, list[Scalar]] = {}
    for n, row in enumerate(rows):
        if n and row.keys() != columns.keys():
            raise ValueError(f"rows of different keys: {list(columns)} and {list(row)}")
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def types_of(columns: Mapping[str, Sequence[Scalar]]) -> dict[str, str]:
    """The type of each column: ``string``, ``int64``, ``float64`` or ``bool``; of an empty one ``string``."""
    return {name: _type(name, values) for name, values in columns.items()}


def _type(name: str, values: Sequence[Scalar]) -> str:
    kinds: set[type] = {type(value) for value in values if value is not None}
    wanted = _KNOWN.get(name)
    fitting: dict[str, set[type]] = {
        "string": {str},
        "bool": {bool},
        "int64": {int},
        "float64": {int, float},
    }
    if wanted is not None and kinds <= fitting[wanted] and not _too_large(values):
        return wanted
    found = next((kind for kind, fit in fitting.items() if kinds and kinds <= fit), "string")
    return "string" if found in ("int64", "float64") and _too_large(values) else found


def _too_large(values: Sequence[Scalar]) -> bool:
    return any(type(value) is int and not -_LARGEST <= value < _LARGEST for value in values)


def table_of(
    columns: Mapping[str, Sequence[Scalar]],
    types: Mapping[str, str],
    labels: Sequence[str] | None = None,
    *,
    path: Path,
) -> pa.Table:
    """A table with the features that ``datasets`` reads in its metadata.

    With `labels`, the column ``label`` holds class indices and those names.
    """
    import pyarrow as pa

    features: dict[str, Any] = {name: {"dtype": kind, "_type": "Value"} for name, kind in types.items()}
    arrays: list[Any] = []
    fields: list[Any] = []
    for name, values in columns.items():
        kind = types[name]
        if name == "label" and labels is not None:
            features[name] = {"names": list(labels), "_type": "ClassLabel"}
            index: dict[Scalar, int] = {label: i for i, label in enumerate(labels)}
            values, kind = [None if value is None else index[value] for value in values], "int64"
        elif kind == "string":
            values = [value if value is None or isinstance(value, str) else _said(value) for value in values]
        fields.append(pa.field(name, pa.type_for_alias(kind)))
        try:
            arrays.append(pa.array(values, type=fields[-1].type))
        except UnicodeEncodeError as error:
            raise ExportFailed(f"{path}: the column '{name}' holds a text that is no valid Unicode.") from error
    metadata = {"huggingface": json.dumps({"info": {"features": features}}, ensure_ascii=False)}
    return pa.table(arrays, schema=pa.schema(fields, metadata=metadata))


def _said(value: Scalar) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table, whole or not at all."""
    import pyarrow.parquet as pq

    with whole_binary(path) as file:
        pq.write_table(table, file, compression="zstd")
