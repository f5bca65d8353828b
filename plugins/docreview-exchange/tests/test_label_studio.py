"""Label Studio: real exports, and whatever else calls itself one."""

from __future__ import annotations

import json
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from docreview_exchange import label_studio
from docreview_exchange.answers import Settled, _plain, read_answers, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview import Document, Project, Question
from docreview.errors import ExportFailed, ImportFailed
from docreview.testing import parametrize_with_checks

REAL = Path(__file__).parent / "label-studio-1.23.2"
OUTCOME = Question("outcome", ("dismissed", "granted", "$5 fine"))

#: what the two users of the real exports answered
ADA = {
    "latin/0": "granted",
    "yoruba/1": "dismissed",
    "hindi/3": "dismissed",
    "arabic/4": "$5 fine",
    "chinese/6": "dismissed",
}
BOB = {"latin/0": "granted", "yoruba/1": "granted", "007": "granted", "=1-2": "dismissed"}
SKIPPED = {("hebrew/5", "ada"): None, ("chinese/6", "bob"): None}
GIVEN = {(id, who): label for who, given in (("ada", ADA), ("bob", BOB)) for id, label in given.items()}


def given_in(settled: Settled) -> dict[tuple[str, str], str | None]:
    return {(label.document_id, label.reviewer): label.value for _, label in settled.labels}


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("export.json", {"1": "ada", "2": "bob"}),
        ("snapshot.json", {"ada@example.org": "ada", "bob@example.org": "bob"}),
        ("export-min.json", {"1": "ada", "2": "bob"}),
        ("export.csv", {"1": "ada", "2": "bob"}),
        ("export.tsv", {"1": "ada", "2": "bob"}),
    ],
)
def test_a_real_export_is_read(name: str, renamed: dict[str, str]) -> None:
    file = read_answers(REAL / name)
    settled = settle(file, OUTCOME, renamed=renamed)
    whole = name in ("export.json", "snapshot.json")  # the others leave out what was skipped
    assert file.question == "outcome"
    assert not settled.problems
    assert given_in(settled) == ({**GIVEN, **SKIPPED} if whole else GIVEN)
    assert settled.unanswered == 4
    first = next(label for _, label in settled.labels if (label.document_id, label.reviewer) == ("latin/0", "ada"))
    assert (first.seconds, first.note) == (4.5, 'a note, with "quotes"\nand lines')
    assert first.at.year == 2026
    assert first.at.utcoffset() is not None


def test_labels_that_docreview_sent_along_are_no_answers() -> None:
    settled = settle(read_answers(REAL / "reimported.json"), OUTCOME, renamed={"1": "eve"})
    assert given_in(settled) == {("hindi/3", "eve"): "granted", ("thai/7", "eve"): "dismissed"}


def test_tasks_hold_the_documents_as_they_are(project: Project, tmp_path: Path) -> None:
    documents = [project.review().document(id) for id in project.review().next_batch()]
    path = tmp_path / "tasks.json"
    assert label_studio.write_tasks(path, documents, OUTCOME) == 12
    data = [task["data"] for task in json.loads(path.read_text("utf-8"))]
    assert data == [{"document_id": d.id, "title": d.title, "text": d.text, "question": "outcome"} for d in documents]


def test_the_config_holds_prompt_and_labels_in_any_characters(tmp_path: Path) -> None:
    question = Question("q", ("<\"&'>", "Ọjọ́ dára", "a\nb"), 'Is "it" <b>so</b> & worth $5?\a')
    path = tmp_path / "tasks.xml"
    label_studio.write_config(path, question)
    view = ET.parse(path).getroot()
    assert [entry.get("value") for entry in view.iter("Choice")] == list(question.labels)
    prompt = view.find("Header")
    assert prompt is not None
    assert prompt.get("value") == 'Is "it" <b>so</b> & worth \uff045? ', "$ would begin a variable"
    # each control names the object that it labels, or Label Studio refuses the config
    objects = {entry.get("name") for entry in view.iter("Text")}
    assert {entry.get("toName") for tag in ("Choices", "TextArea") for entry in view.iter(tag)} == objects == {"text"}
    with pytest.raises(ExportFailed, match="control character"):
        label_studio.write_config(path, Question("q", ("a\a", "b")))


#: what XML can hold, too
LABELS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=8
).filter(str.strip)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_what_is_sent_and_answered_comes_back(data: st.DataObject) -> None:
    labels = tuple(data.draw(st.lists(LABELS, min_size=2, max_size=5, unique_by=_plain)))
    question = Question("q", labels, data.draw(TEXTS))
    ids = data.draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=6, unique=True))
    with tempfile.TemporaryDirectory() as folder:
        tasks, config = Path(folder) / "tasks.json", Path(folder) / "tasks.xml"
        label_studio.write_tasks(tasks, [Document(id, data.draw(TEXTS), data.draw(TEXTS)) for id in ids], question)
        label_studio.write_config(config, question)
        offered = [entry.get("value") for entry in ET.parse(config).getroot().iter("Choice")]
        annotated = json.loads(tasks.read_text("utf-8"))
        expected: dict[tuple[str, str], str | None] = {}
        for task in annotated:
            task["annotations"] = []
            for who in (1, 2):
                chosen = data.draw(st.sampled_from([*range(len(labels)), None]))
                value = [] if chosen is None else [item([offered[chosen]])]
                task["annotations"].append(
                    {"completed_by": who, "result": value, "was_cancelled": chosen is None, "lead_time": 1.0}
                )
                key = task["data"]["document_id"], str(who)
                expected[key] = None if chosen is None else labels[chosen]
        tasks.write_text(json.dumps(annotated), "utf-8")
        settled = settle(read_answers(tasks), question)
    assert not settled.problems
    assert given_in(settled) == expected


def item(choices: list[Any], name: str = "label") -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": choices}}


def read(tmp_path: Path, value: Any) -> Settled:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(value), "utf-8")
    return settle(read_answers(path), OUTCOME, reviewer="ada")


def task(*results: list[Any], **more: Any) -> dict[str, Any]:
    annotations = [{"completed_by": i, "result": result, **more} for i, result in enumerate(results, 1)]
    return {"id": 5, "data": {"document_id": "a"}, "annotations": annotations}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (task([item(["granted", "dismissed"])]), ("task 5", "several labels (granted, dismissed): one is wanted.")),
        (task([item([])], [item(["granetd"])]), ("task 5, annotation 2", "Did you mean 'granted'?")),
        (task([item(["granted"], "x"), item(["granted"], "y")]), ("task 5", "choices of several controls (x, y)")),
        ({"id": 5, "data": {"text": "a"}, "annotations": []}, ("task 5", "no 'document_id' in its data")),
        ({"id": 5, "data": {"document_id": True}, "annotations": []}, ("task 5", "no 'document_id' in its data")),
        ({"id": 5, "data": {"document_id": "a"}, "annotations": 7}, ("task 5", "'annotations' must be a list.")),
        ({"id": 5, "data": {"document_id": "a"}, "annotations": [7]}, ("task 5", "must be an object.")),
        ({"id": 5, "annotations": []}, ("task 5", "no 'data'.")),
        ({"id": 5, "text": "a", "label": "granted", "annotation_id": 1}, ("task 5", "export as JSON, not JSON-MIN.")),
        (["granted"], ("task 1", "an object is needed.")),
    ],
)
def test_what_is_wrong_in_a_task_is_told(tmp_path: Path, value: Any, told: tuple[str, str]) -> None:
    settled = read(tmp_path, value)
    assert not settled.labels
    [problem] = settled.problems
    assert problem.place == told[0]
    assert told[1] in problem.what


def test_what_other_configs_and_versions_write_is_read(tmp_path: Path) -> None:
    def one(value: Any) -> tuple[str, str | None]:
        settled = read(tmp_path, value)
        assert not settled.problems
        [(_, label)] = settled.labels
        return label.reviewer, label.value

    assert one(task([item(["granted"], "verdict")])) == ("1", "granted")
    assert one(task([item([[" Granted"]])])) == ("1", "granted")
    assert one(task([item(["granted"])], was_cancelled=True)) == ("1", None)
    assert one({"data": {"id": "a"}, "completions": [{"result": [item(["granted"])]}]}) == ("ada", "granted")
    stored = {"id": 9, "result": [item(["granted"])], "completed_by": {"id": 3, "email": ""}, "task": task()}
    assert one(stored) == ("3", "granted")
    named = {"completed_by": {"id": 3, "email": "", "first_name": "Ada", "last_name": "L."}}
    assert one(task([item(["granted"])], **named)) == ("Ada L.", "granted")


def test_times_that_cannot_be_are_left_out_and_counted(tmp_path: Path) -> None:
    for time in (-1, 1e12, 10**400, "long"):
        settled = read(tmp_path, task([item(["granted"])], lead_time=time, updated_at="yesterday"))
        assert [label.seconds for _, label in settled.labels] == [None]
        assert settled.untimed == 1


KEYS = (
    *("id", "data", "annotations", "completions", "result", "document_id", "question", "task", "annotation_id"),
    *("value", "choices", "text", "label", "note", "from_name", "was_cancelled", "lead_time", "updated_at"),
    *("completed_by", "annotator", "email"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(JSON, max_size=3))
def test_no_json_whatever_gets_through_unnoticed(value: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        path.write_text(json.dumps(value), "utf-8")
        try:
            file = read_answers(path)
        except ImportFailed:  # answers to several questions
            return
        settled = settle(file, Question(file.question, ("yes", "no")), reviewer="ada")
    # every task is an answer, unanswered or a problem
    assert len(settled.labels) + settled.unanswered + settled.repeated + len(settled.problems) >= len(value)


@pytest.mark.parametrize("text", ["[", "{]", "[" * 100_000, f'[{{"id": {"9" * 5_000}}}]'])
def test_what_is_no_json_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ImportFailed, match=r"export.json.*JSON"):
        read_answers(path)


# ------------------------------------------------------------------------------------------------------------ exporter


@parametrize_with_checks("exporters", {"label-studio": label_studio.Tasks()})
def test_exporter(component: Any, check: Any) -> None:
    check(component)


def test_a_project_is_exported_with_its_labels_and_guesses(project: Project, tmp_path: Path) -> None:
    from docreview import Label

    review = project.review()
    review.record(*(Label(id, label, "ada") for id, label in ADA.items()))
    path = tmp_path / "all.ls.json"
    assert project.export(path) == 12
    tasks = {task["data"]["document_id"]: task for task in json.loads(path.read_text("utf-8"))}
    for id, task in tasks.items():
        if id in ADA:
            [[given]] = [annotation["result"] for annotation in task["annotations"]]
            assert given["value"] == {"choices": [ADA[id].replace("$", "＄")]}
            assert task["meta"]["reviewers"] == "ada"
            assert "predictions" not in task
        else:
            [guess] = task["predictions"]
            probabilities = {label: task["meta"][f"p({label})"] for label in OUTCOME.labels}
            assert guess["score"] == max(probabilities.values())
            assert "annotations" not in task
    settled = settle(read_answers(path), OUTCOME)
    assert not settled.labels, "what docreview wrote is nobody's answer"
    assert settled.unanswered == 12
