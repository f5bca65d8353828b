"""A data set in a folder: what Hugging Face's ``datasets`` loads, the labels' history, and the datasheet.

::

    README.md              the datasheet, and what the hub reads of a data set
    history.jsonl          every answer ever given
    data/train.parquet     documents with a label that may train a model
    data/validation.parquet  ... of the blind random sample of that name; likewise other samples
    data/unlabeled.parquet ... without a label, where they are wanted
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docreview.errors import ExportFailed
from docreview.types import Scalar
from docreview_exchange.files import whole, whole_folder
from docreview_exchange.parquet import columns_of, table_of, types_of, write_table
from docreview_exchange.spacy_documents import write_documents

if TYPE_CHECKING:
    from docreview import Project

TRAIN, UNLABELED = "train", "unlabeled"
_OURS = re.compile(r"README\.md|history\.jsonl|data/\w+\.(parquet|spacy)")


def write_dataset(
    folder: Path,
    project: Project,
    question: str | None = None,
    *,
    unlabeled: bool = False,
    spacy: str = "",
    force: bool = False,
) -> dict[str, int]:
    """Write the folder, whole or not at all; return how many documents each split has.

    `unlabeled` adds a split of the documents that have no label; `spacy` names a language of spaCy, and adds a
    ``DocBin`` for each split.
    """
    asked = project.question(question)
    with whole_folder(folder, lambda file: _OURS.fullmatch(file.as_posix()) is not None, force=force) as place:
        rows = [_row(row) for row in project.rows(asked.name, everything=unlabeled)]
        splits = _splits(rows, unlabeled)
        if not splits.keys() - {UNLABELED}:
            raise ExportFailed(f"{folder}: no document has a label of question '{asked.name}' yet.")
        # one type a column in all splits
        types = types_of(columns_of(rows))
        (place / "data").mkdir()
        for split, own in splits.items():
            table = table_of(columns_of(own), types, asked.labels, path=folder)
            write_table(place / "data" / f"{split}.parquet", table)
            if spacy:
                write_documents(place / "data" / f"{split}.spacy", own, asked.labels, spacy)
        with whole(place / "history.jsonl") as file:
            for entry in project.history(asked.name):
                file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
        with whole(place / "README.md") as file:
            file.write(_head(splits, project.corpus.language, asked.name) + project.datasheet(asked.name) + _foot())
    return {split: len(own) for split, own in splits.items()}


def _row(row: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What is known of a document; not what a model guesses of it, which was learned from the other rows."""
    return {key: value for key, value in row.items() if not (key.startswith("p(") and key.endswith(")"))}


def _splits(rows: Sequence[Mapping[str, Scalar]], unlabeled: bool) -> dict[str, list[Mapping[str, Scalar]]]:
    """The rows of each split; none is empty, since ``datasets`` loads no empty one."""
    splits: dict[str, list[Mapping[str, Scalar]]] = {TRAIN: []}
    for row in rows:
        if row["label"] is not None:
            name = re.sub(r"\W", "_", str(row["sample"])) if row["sample"] else TRAIN
            splits.setdefault(name, []).append(row)
    if unlabeled:
        splits[UNLABELED] = [row for row in rows if row["label"] is None]
    return {name: own for name, own in splits.items() if own}


def _head(splits: Mapping[str, Sequence[object]], language: str, name: str) -> str:
    """The front matter, in YAML, by which ``datasets`` knows which file is which split; JSON's texts are YAML's."""
    lines = ["---", f"pretty_name: {json.dumps(name)}", "task_categories: [text-classification]"]
    if language != "xx":
        lines.append(f"language: [{json.dumps(language)}]")
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: data/{split}.parquet"]
    return "\n".join([*lines, "---", "", ""])


def _foot() -> str:
    return """
## Load it

```python
from datasets import load_dataset

labeled = load_dataset("path/of/this/folder")
```

`history.jsonl` has every answer ever given, one a line. What the owners of the texts allow is not known here: say it
before you publish them.
"""
