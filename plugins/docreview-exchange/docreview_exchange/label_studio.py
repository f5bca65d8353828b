"""Label Studio: tasks and labeling config out, annotations in.

A task carries the document's id as ``document_id``: Label Studio writes its own number under ``id`` into some of its
exports. What is read: the exports JSON and JSON-MIN, and the files of a target storage. The exports CSV and TSV are
read by `docreview_exchange.sheets`.
"""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docreview import Document, Question
from docreview.errors import ExportFailed, ImportFailed
from docreview.types import Scalar
from docreview_exchange.answers import Answer, AnswerFile, Problem, one_question, time_of
from docreview_exchange.files import whole

#: what XML 1.0 cannot hold
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OURS = "docreview:"
_PROBABILITY = re.compile(r"p\((.*)\)", re.DOTALL)


def write_tasks(path: Path, documents: Iterable[Document], question: Question) -> int:
    """Write a task a document, ready to import; return how many."""
    return _write(path, ({"data": _data(d.id, d.title, d.text, question.name)} for d in documents))


def write_config(path: Path, question: Question) -> None:
    """Write the labeling config: the question's prompt, the document, its labels as choices, and room for a note."""
    view = ET.Element("View")
    ET.SubElement(view, "Header", value=_UNFIT.sub(" ", _shown(question.prompt or question.name)))
    ET.SubElement(view, "Header", value="$title", size="5")
    # as text, also where the text is an address: that would be fetched
    ET.SubElement(view, "Text", name="text", value="$text", valueType="text")
    labels = ET.SubElement(view, "Choices", name="label", toName="text", choice="single", required="true")
    for label in question.labels:
        if _UNFIT.search(label):
            raise ExportFailed(f"{path}: the label {label!r} holds a control character, which XML cannot.")
        ET.SubElement(labels, "Choice", value=_shown(label))
    ET.SubElement(view, "TextArea", name="note", toName="text", placeholder="A note", maxSubmissions="1")
    ET.indent(view)
    with whole(path) as file:
        file.write(ET.tostring(view, encoding="unicode") + "\n")


def _shown(text: str) -> str:
    """`text` for the config, where $ begins a variable. Its wide twin is read back as $."""
    return text.replace("$", "\uff04")


def _data(document_id: str, title: str, text: str, question: str = "") -> dict[str, str]:
    return {
        "document_id": document_id,
        "title": title,
        "text": text,
        **({"question": question} if question else {}),
    }


def _write(path: Path, tasks: Iterable[Mapping[str, Any]]) -> int:
    n = 0
    with whole(path) as file:
        file.write("[")
        for n, task in enumerate(tasks, 1):
            file.write(",\n" if n > 1 else "\n")
            file.write(json.dumps(task, ensure_ascii=False, allow_nan=False))
        file.write("\n]\n")
    return n


# ------------------------------------------------------------------------------------------------------------ exporter


@dataclass(frozen=True)
class Tasks:
    """Label Studio tasks (JSON): a label becomes an annotation, the likeliest label of an unread document a prediction.

    What else is known of a document stands in the task's ``meta``. ``docreview exchange config`` writes the labeling
    config that goes with it.
    """

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".ls.json",)

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        return _write(path, map(_task, rows))


def _task(row: Mapping[str, Scalar]) -> dict[str, Any]:
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    document_id, title, text = (str(finite.pop(key, None) or "") for key in ("id", "title", "text"))
    label = finite.pop("label", None)
    likely = {m[1]: p for key, p in finite.items() if (m := _PROBABILITY.fullmatch(key)) and isinstance(p, float)}
    task: dict[str, Any] = {"data": _data(document_id, title, text), "meta": finite}
    if label is not None:
        task["annotations"] = [{"result": _choice(str(label))}]
    elif likely:
        best = max(likely, key=lambda name: likely[name])
        task["predictions"] = [{"model_version": "docreview", "score": likely[best], "result": _choice(best)}]
    return task


def _choice(label: str) -> list[dict[str, Any]]:
    value = {"choices": [_shown(label)]}
    # the id tells, when the task comes back, that this is what was sent, and not what somebody there answered
    return [{"id": _OURS + _shown(label), "from_name": "label", "to_name": "text", "type": "choices", "value": value}]


# ------------------------------------------------------------------------------------------------------------- reading


class _Wrong(Exception):
    """What is wrong with one task."""


def read(path: Path, text: str) -> AnswerFile:
    """Read the answers of an export."""
    try:
        tasks = json.loads(text)
    except json.JSONDecodeError as error:
        raise ImportFailed(f"{path}, line {error.lineno}: not JSON ({error.msg}, column {error.colno}).") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise ImportFailed(f"{path}: JSON that cannot be read: a number too long, or nested too deep.") from error
    answers: list[Answer] = []
    problems: list[Problem] = []
    questions: list[str] = []
    for i, task in enumerate(tasks if isinstance(tasks, list) else [tasks], 1):
        number = task.get("id") if isinstance(task, dict) else None
        place = f"task {number if isinstance(number, int) else i}"
        try:
            document_id, question, given = _answers(place, task)
        except _Wrong as error:
            problems.append(Problem(place, "", str(error)))
            continue
        questions.append(question)
        for at, one in given:
            try:
                answers.append(_answer(at, document_id, one))
            except _Wrong as error:
                problems.append(Problem(at, document_id, str(error)))
    return AnswerFile(path, tuple(answers), one_question(path, questions), tuple(problems))


def _answers(place: str, task: object) -> tuple[str, str, Sequence[tuple[str, Mapping[str, Any]]]]:
    """The task's document, the question it names, and its annotations, each with its place."""
    if not isinstance(task, dict):
        raise _Wrong("no task: an object is needed.")
    if "result" in task and isinstance(task.get("task"), dict):  # a target storage keeps annotations, the task inside
        task = {**task["task"], "annotations": [task]}
    if "data" not in task and "annotations" not in task:
        if "document_id" not in task:
            raise _Wrong("no 'document_id', and Label Studio's 'id' is its own number: export as JSON, not JSON-MIN.")
        return _id(task), _text(task.get("question")), [(place, task)]
    data = task.get("data")
    given = task.get("annotations", task.get("completions"))  # the second before Label Studio 1.0
    if not isinstance(data, dict):
        raise _Wrong("no 'data'.")
    if not isinstance(given, list | None):
        raise _Wrong("'annotations' must be a list.")
    if not given:
        return _id(data), _text(data.get("question")), [(place, {"result": []})]
    places = [place] if len(given) == 1 else [f"{place}, annotation {i}" for i in range(1, len(given) + 1)]
    return _id(data), _text(data.get("question")), list(zip(places, given, strict=True))


def _id(data: Mapping[str, Any]) -> str:
    found = data.get("document_id", data.get("id"))
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise _Wrong("no 'document_id' in its data: import tasks as 'docreview exchange send' writes them.")
    return str(found)


def _answer(place: str, document_id: str, given: object) -> Answer:
    if not isinstance(given, dict):
        raise _Wrong("an annotation must be an object.")
    controls = _controls(given)
    return Answer(
        place,
        document_id,
        _label(controls),
        _reviewer(given.get("completed_by", given.get("annotator"))),
        skipped=given.get("was_cancelled") is True or given.get("skipped") is True,
        note=" | ".join(_texts(controls.get("note"), "text")),
        seconds=_seconds(given.get("lead_time")),
        at=time_of(given.get("updated_at"), given.get("created_at")),
    )


def _controls(given: Mapping[str, Any]) -> dict[str, Any]:
    """What each control of the labeling config holds, by its name."""
    if "result" not in given:  # JSON-MIN: the controls stand beside the data
        return {name: given[name] for name in ("label", "note") if name in given}
    result = given["result"]
    controls: dict[str, Any] = {}
    for item in result if isinstance(result, list) else ():
        value = item.get("value") if isinstance(item, dict) else None
        if not isinstance(value, dict) or item.get("id") == _OURS + "".join(_texts(value, "choices")):
            continue
        if "choices" in value or "text" in value:
            controls.setdefault(_text(item.get("from_name")), []).append(value)
    if "label" not in controls:
        # another config than ours: its choices, where there are only one control's
        named = [name for name, values in controls.items() if any("choices" in value for value in values)]
        if len(named) > 1:
            raise _Wrong(f"choices of several controls ({', '.join(sorted(named)[:5])}), and none is named 'label'.")
        if named:
            controls["label"] = controls[named[0]]
    return controls


def _label(controls: Mapping[str, Any]) -> str:
    chosen = list(dict.fromkeys(_texts(controls.get("label"), "choices")))
    if len(chosen) > 1:
        raise _Wrong(f"several labels ({', '.join(chosen[:5])}): one is wanted.")
    return chosen[0] if chosen else ""


def _texts(value: object, key: str) -> Iterator[str]:
    """The texts in what a control holds: a text, or lists and objects of them, as the format has it."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry, key)
    elif isinstance(value, dict):
        yield from _texts(value.get(key), key)


def _reviewer(given: object) -> str:
    if isinstance(given, dict):
        names = " ".join(_texts([given.get("first_name"), given.get("last_name")], ""))
        return _reviewer(_text(given.get("email")) or names or given.get("id"))
    return str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""


def _seconds(given: object) -> float | None:
    """A number of seconds; NaN, which is told and left out, where it is none."""
    if given is None:
        return None
    try:
        return float(given) if isinstance(given, int | float) else math.nan
    except OverflowError:
        return math.nan


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
