"""Data sets: Parquet with features and splits, documents for spaCy, what lies beside them, and nothing half-written."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
from click.testing import Result
from docreview_exchange.dataset import write_dataset
from docreview_exchange.parquet import Parquet, types_of
from docreview_exchange.spacy_documents import SpacyDocuments
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.training import Example

from docreview import Document, Label, Project
from docreview.errors import ExportFailed
from docreview.testing import parametrize_with_checks

Run = Callable[..., Result]
LABELS = ["dismissed", "granted", "$5 fine"]


@pytest.fixture
def answered(project: Project) -> Project:
    """Eight documents with a label, one that nobody could tell, and one with two answers."""
    review = project.review()
    ids = list(review.next_batch(12))
    for i, document_id in enumerate(ids[:9]):
        review.record(Label(document_id, None if i == 8 else LABELS[i % 3], "ada", note="so it is" if i == 1 else ""))
    review.record(Label(ids[0], "granted", "bob"), Label(ids[0], "granted", "eve"))
    return project


def features(table: pa.Table) -> dict[str, Any]:
    """What ``datasets`` reads of the columns."""
    told: dict[str, Any] = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(told) == table.column_names
    return told


# ------------------------------------------------------------------------------------------------------------ exporters


@parametrize_with_checks("exporters", {"parquet": Parquet(), "spacy": SpacyDocuments()})
def test_exporter(component: Any, check: Any) -> None:
    check(component)


def test_a_project_is_exported_as_parquet(answered: Project, tmp_path: Path) -> None:
    assert answered.export(tmp_path / "all.parquet") == 12
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.to_pylist() == list(answered.rows())
    kinds = {name: told["dtype"] for name, told in features(table).items()}
    assert kinds["label"] == kinds["text"] == "string"
    assert kinds["round"] == "int64"
    assert kinds["p(granted)"] == kinds["selection_probability"] == "float64"
    assert answered.export(tmp_path / "history.parquet", history=True) == 11
    assert pq.read_table(tmp_path / "history.parquet").to_pylist() == list(answered.history())


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))


@settings(deadline=None, max_examples=150)
@given(st.lists(scalars, max_size=6))
def test_a_column_of_any_values_comes_back_as_it_was_or_as_texts(values: list[Any]) -> None:
    values = [None if isinstance(v, str) and any("\ud800" <= c <= "\udfff" for c in v) else v for v in values]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        assert Parquet().write(path, [{"id": str(i), "value": v} for i, v in enumerate(values)]) == len(values)
        if not values:
            return
        back = pq.read_table(path)["value"].to_pylist()
    kind = types_of({"value": values})["value"]
    for before, after in zip(values, back, strict=True):
        if before is None or kind != "string":
            assert before == after
            assert kind == "float64" or type(before) is type(after)
        else:
            assert (
                after == {True: "true", False: "false"}.get(before, str(before))
                if isinstance(before, bool)
                else (after == str(before))
            )


def test_documents_for_spacy_hold_the_texts_and_train_a_classifier(answered: Project, tmp_path: Path) -> None:
    assert answered.export(tmp_path / "all.spacy") == 12
    nlp = spacy.blank("xx")
    docs = list(DocBin().from_disk(tmp_path / "all.spacy").get_docs(nlp.vocab))
    rows = list(answered.rows())
    for doc, row in zip(docs, rows, strict=True):
        assert doc.text == (f"{row['title']}\n{row['text']}" if row["title"] else row["text"])
        assert doc.user_data["id"] == row["id"]
        assert doc.cats == ({name: float(name == row["label"]) for name in LABELS} if row["label"] else {})
    model = {"@architectures": "spacy.TextCatBOW.v3", "length": 1024, "ngram_size": 1, "exclusive_classes": True}
    classifier = nlp.add_pipe("textcat", config={"model": {**model, "no_output_layer": False}})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs if doc.cats]
    nlp.initialize(lambda: examples)
    assert set(classifier.labels) == set(LABELS)
    for _ in range(30):
        nlp.update(examples)
    right = [max(nlp(e.reference.text).cats.items(), key=lambda item: item[1])[0] for e in examples]
    assert right == [max(e.reference.cats, key=e.reference.cats.__getitem__) for e in examples]


def test_a_language_that_spacy_does_not_have_is_said(answered: Project, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"no pipeline for 'zz'.*'xx' serves any"):
        answered.export(tmp_path / "all.spacy", settings={"language": "zz"})
    assert list(tmp_path.glob("*.spacy*")) == []


# --------------------------------------------------------------------------------------------------------------- folder


def test_a_folder_holds_splits_features_history_and_datasheet(run: Run, answered: Project, tmp_path: Path) -> None:
    told = run("dataset", "out", "--unlabeled", "--spacy", "xx").output
    assert told == "Wrote 12 documents to out: train 8, unlabeled 4.\n"
    out = tmp_path / "out"
    files = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    names = ("train.parquet", "train.spacy", "unlabeled.parquet", "unlabeled.spacy")
    assert files == {"README.md", "history.jsonl", *(f"data/{name}" for name in names)}
    rows = {row["id"]: row for row in answered.rows()}
    seen = set()
    for split in ("train", "unlabeled"):
        table = pq.read_table(out / "data" / f"{split}.parquet")
        assert features(table)["label"] == {"names": LABELS, "_type": "ClassLabel"}
        for got in table.to_pylist():
            wanted = rows[got["id"]]
            label = None if got["label"] is None else LABELS[got["label"]]
            assert {**got, "label": label} == {k: v for k, v in wanted.items() if not k.startswith("p(")}
            assert (label is None) is (split == "unlabeled")
            seen.add(got["id"])
    assert seen == set(rows)
    history = [json.loads(line) for line in (out / "history.jsonl").read_text("utf-8").splitlines()]
    assert history == list(answered.history())
    page = (out / "README.md").read_text("utf-8")
    front, _, body = page.removeprefix("---\n").partition("\n---\n")
    assert re.findall(r"split: (\w+)\n    path: (\S+)", front) == [
        ("train", "data/train.parquet"),
        ("unlabeled", "data/unlabeled.parquet"),
    ]
    assert answered.datasheet() in body


def test_a_blind_sample_is_a_split_of_its_own(project: Project, tmp_path: Path) -> None:
    folder = project.folder
    text = (folder / "docreview.toml").read_text("utf-8")
    (folder / "docreview.toml").write_text(text + "validation = 5\n", "utf-8")
    with Project.open(folder) as opened:
        review = opened.review()
        for i, document_id in enumerate(review.next_batch(5)):
            review.record(Label(document_id, LABELS[i % 3], "ada"))
        assert write_dataset(tmp_path / "sample", opened) == {"validation": 5}, "a split of nothing is none"
        for i, document_id in enumerate(review.next_batch(4)):
            review.record(Label(document_id, LABELS[i % 3], "ada"))
        asked = list(opened.history())
        assert write_dataset(tmp_path / "out", opened) == {"train": 4, "validation": 5}
        held = pq.read_table(tmp_path / "out" / "data" / "validation.parquet").to_pylist()
        assert {row["id"] for row in held} == {entry["id"] for entry in asked[:5]}
        assert {round(row["selection_probability"], 6) for row in held} == {round(5 / 12, 6)}


def test_datasets_loads_the_folder(answered: Project, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_dataset(tmp_path / "out", answered, unlabeled=True)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 8, "unlabeled": 4}
    assert loaded["train"].features["label"].names == LABELS
    texts = {row["id"]: row["text"] for row in answered.rows()}
    assert all(texts[row["id"]] == row["text"] for row in loaded["train"])


def test_metadata_has_one_type_in_all_splits(project: Project, tmp_path: Path) -> None:
    project.add_documents(
        [Document(f"m{i}", f"text {i}", metadata={"likes": i, "place": None if i else "Kano"}) for i in range(4)]
    )
    project.review().record(Label("m0", "granted", "ada"), Label("m1", "dismissed", "ada"))
    write_dataset(tmp_path / "out", project, unlabeled=True)
    train, rest = (pq.read_table(tmp_path / "out" / "data" / f"{s}.parquet") for s in ("train", "unlabeled"))
    assert train.schema == rest.schema
    assert train.schema.field("metadata.likes").type == pa.int64()
    assert train["metadata.place"].to_pylist() == ["Kano", None]


def test_only_a_folder_of_ours_is_written_over(run: Run, answered: Project, tmp_path: Path) -> None:
    answers = answered.review().answers()
    for document_id, said in answers.items():
        for reviewer in said:
            answered.review().withdraw(document_id, reviewer)
    with pytest.raises(ExportFailed, match="no document has a label"):
        run("dataset", "none", "--unlabeled")
    assert not (tmp_path / "none").exists()
    answered.review().record(Label(next(iter(answers)), "granted", "ada"))
    run("dataset", "out")
    with pytest.raises(ExportFailed, match=r"is there already.*--force"):
        run("dataset", "out")
    run("dataset", "out", "--unlabeled", "--force")
    assert (tmp_path / "out" / "data" / "unlabeled.parquet").exists()
    run("dataset", "out", "--force")
    assert not (tmp_path / "out" / "data" / "unlabeled.parquet").exists(), "nothing of the older one stays"
    (tmp_path / "out" / "data" / "mine.txt").write_text("mine")
    with pytest.raises(ExportFailed, match=r"'data/mine\.txt', which docreview did not write"):
        run("dataset", "out", "--force")
    assert (tmp_path / "out" / "data" / "mine.txt").read_text() == "mine"
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ExportFailed, match="is a file"):
        run("dataset", "file", "--force")


def test_where_writing_fails_nothing_is_left_and_what_was_there_stays(
    run: Run, answered: Project, tmp_path: Path
) -> None:
    run("dataset", "out")
    before = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    with pytest.raises(ExportFailed, match="no pipeline for 'zz'"):
        run("dataset", "out", "--force", "--spacy", "zz")
    with pytest.raises(ExportFailed, match="no pipeline for 'zz'"):
        run("dataset", "other", "--spacy", "zz")
    assert {file: file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "project"]
