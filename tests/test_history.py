"""What goes out with the labels: how each document was chosen, every answer ever given, and the datasheet."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import LEXICAL, make_documents

from docreview import Document, Label, Project
from docreview.cli import cli
from docreview.datasheet import _code, _text
from docreview.history import chosen

MORE = """validation = 12
[questions.copyleft.query_strategy]
name = "mixture"
query_strategies = ["most-relevant"]
exploration = 0.3
"""


def read(project: Project, rounds: int, reviewer: str = "ada", size: int = 10) -> None:
    truth = make_documents(200)[1]
    for _ in range(rounds):
        for document_id in project.review().next_batch(size):
            project.review().record(Label(document_id, truth[document_id], reviewer))


@pytest.fixture
def project(lexical_project: Callable[..., Project]) -> Project:
    made = lexical_project(120, MORE)
    read(made, 5)
    return made


def test_each_row_says_what_chose_it_and_with_which_probability(project: Project) -> None:
    rows = {row["id"]: row for row in project.rows()}
    assert len({tuple(row) for row in rows.values()}) == 1
    batches = [e.payload for e in project.store.entries(project.review().chain) if e.kind == "batch"]
    asked = 0
    for batch in batches:
        for document_id, probability in zip(batch["document_ids"], batch["probabilities"], strict=True):
            row = rows[document_id]
            assert row["selection_probability"] == probability
            assert row["round"] == batch["round"]
            assert row["selected_by"] == batch["strategy"]
            asked += 1
    sample = [row for row in rows.values() if row["sample"]]
    assert {row["selected_by"] for row in sample} == {"validation-sample"}
    assert [row["selection_probability"] for row in sample] == pytest.approx([12 / 120] * 12)
    assert len(sample) == 12
    unasked = [row for row in rows.values() if row["selected_by"] is None]
    assert len(unasked) == 120 - asked
    assert all(row["status"] == "unread" and row["selection_probability"] is None for row in unasked)
    by_chance = {row["selection_probability"] for row in rows.values() if row["selected_by"] == "mixture"}
    assert 1.0 in by_chance
    assert min(by_chance) < 0.2


def test_a_sample_is_known_before_it_is_asked(lexical_project: Callable[..., Project]) -> None:
    project = lexical_project(120, MORE)
    project.review().next_batch(5)
    how = chosen(project.store.entries(project.review().chain))
    assert [c.round for c in how.values()].count(0) == 7
    assert {c.sample for c in how.values()} == {"validation"}


def test_the_history_holds_every_answer_and_what_was_taken_back(project: Project) -> None:
    review = project.review()
    before = list(project.history())
    assert len(before) == 42
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    first = before[0]["id"]
    review.record(Label(first, None, "bob", at=at, seconds=2.5, note="unclear, really"))
    review.record(replace(Label(first, "no", "bob"), at=at))
    review.withdraw(first, "bob")
    project.add_documents([Document("new", "came with a label", label="yes")])
    told = list(project.history())
    assert told[:42] == before
    keys = ["event", "label", "reviewer", "seconds", "note", "round"]
    assert [[row[key] for key in keys] for row in told[42:]] == [
        ["label", None, "bob", 2.5, "unclear, really", 5],
        ["label", "no", "bob", None, None, 5],
        ["withdrawal", None, "bob", None, None, 5],
        ["prior", "yes", "prior", None, None, 0],
    ]
    assert told[42]["at"] == at.isoformat()
    # answers can be counted from it, and come out as the review has them
    now: dict[tuple[object, object], object] = {}
    for row in told:
        key = row["id"], row["reviewer"]
        now.pop(key, None)
        if row["event"] != "withdrawal":
            now[key] = row["label"]
    answers = review.answers()
    assert now == {(i, who): value for i, given in answers.items() for who, value in given.items()}


def test_the_history_is_exported_in_any_format(project: Project, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["export", *arguments, "-p", str(project.folder)])
        assert done.exit_code == (2 if "--answered" in arguments else 0), done.output
        return done.output

    for name in ("h.jsonl", "h.csv"):
        assert run(str(tmp_path / name), "--history").startswith("Wrote 42 answers to ")
    lines = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text("utf-8").splitlines()]
    assert lines == list(project.history())
    with (tmp_path / "h.csv").open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [row["id"] for row in lines]
    assert "--answered" in run("h.jsonl", "--history", "--answered")


# ------------------------------------------------------------------------------------------------------------ datasheet


def table(page: str, title: str) -> list[list[str]]:
    """The cells of the first table below a heading, its header left out."""
    lines = page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_datasheet_counts_labels_by_split_and_says_how_documents_were_chosen(project: Project) -> None:
    page = project.datasheet()
    rows = [row for row in project.rows() if row["status"] == "read"]
    wanted = {
        split: [sum(r["label"] == label for r in rows if (r["sample"] or "train") == split) for label in ("yes", "no")]
        for split in ("train", "validation")
    }
    counts = {cells[0]: [int(c) for c in cells[1:3]] for cells in table(page, "Labels")}
    assert counts == wanted
    chosen_by = {cells[0]: cells[1:] for cells in table(page, "How the documents were chosen")}
    for name, cells in chosen_by.items():
        own = [row for row in rows if f"`{row['selected_by']}`" == name]
        assert cells[0] == str(len(own))
        assert cells[2].startswith(f"{min(row['selection_probability'] for row in own):.4g}")
    assert chosen_by["`validation-sample`"] == ["12", "1 to 2", "0.1"]
    assert "the shares of the labels among them are not those of the corpus" in page
    shares = table(page, "Shares of the labels in the corpus")
    hits = wanted["validation"]
    assert [cells[1] for cells in shares] == [f"{n / sum(hits):.1%}" for n in hits]
    assert project.store.entries(project.review().chain)[-1].hash in page
    # the corpus is English, and py3langid may be in two minds about so short texts: the script is sure
    assert ["script", "Latin", "100.0%"] in table(page, "Languages")


def test_the_datasheet_says_how_far_reviewers_agree(project: Project) -> None:
    assert "0 of 42 documents have labels of two reviewers" in project.datasheet()
    truth = make_documents(200)[1]
    answered = list(project.review().labels())
    # bob differs on one in five
    for i, document_id in enumerate(answered[:40]):
        value = truth[document_id] if i % 5 else {"yes": "no", "no": "yes"}[truth[document_id]]
        project.review().record(Label(document_id, value, "bob"))
    page = project.datasheet()
    assert "40 of 42 documents have labels of two reviewers" in page
    kappas = [cells for cells in table(page, "Reviewers") if "kappa" in cells[1] or "alpha" in cells[1]]
    assert [cells[4] for cells in kappas] == ["40", "40"]
    assert kappas[1][0] == "ada, bob"
    assert all(0.3 < float(cells[2]) < 0.8 for cells in kappas)


def test_the_datasheet_of_a_review_that_has_not_begun(lexical_project: Callable[..., Project]) -> None:
    page = lexical_project(5).datasheet()
    assert "5 documents; 0 have an answer" in page
    assert "None yet." in page
    assert "nan" not in page


def test_labels_of_any_characters_stay_in_their_cells(lexical_project: Callable[..., Project]) -> None:
    text = LEXICAL.replace('"yes"', '"`y|e*s`"').replace('"no"', '"<b>no</b>"').replace("Does it", "# Does *it* | <i>")
    project = lexical_project(0, text=text)
    project.add_documents([Document("a|b", "one"), Document("c", "two")])
    project.review().record(Label("a|b", "`y|e*s`", "eve | <script>"), Label("c", "<b>no</b>", "eve | <script>"))
    page = project.datasheet()
    assert "<script>" not in re.sub(r"`[^`]*`", "", page).replace("\\<", "")
    assert table(page, "Reviewers") == [["eve \\| \\<script\\>", "2"]]
    assert [len(cells) for cells in table(page, "Labels")] == [4]


@given(st.text(max_size=30))
def test_nothing_in_a_name_begins_markup(name: str) -> None:
    for shown in (_text(name), _code(name)):
        assert "\n" not in shown
        assert not re.search(r"(?<!\\)\|", shown)
    assert not re.search(r"(?<!\\)[<*_`\[]", _text(name).replace("\\\\", ""))
