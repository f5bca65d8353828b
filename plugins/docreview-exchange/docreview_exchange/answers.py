"""What came back: the answers in a file, and what they come to for a question.

Every format is read into an `AnswerFile`, which holds what was written, row by row. `settle` turns that into one answer
for each document and reviewer, and lists what is wrong, each with its place in the file; nothing is dropped in silence.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from docreview import Label, Question
from docreview.errors import ImportFailed, UnknownLabel, did_you_mean
from docreview.types import LONGEST

#: what a person writes who has read the document and cannot tell
CANNOT_TELL = "?"


@dataclass(frozen=True)
class Answer:
    """One answer as it stands in the file. `label` is empty where none was given; `skipped`: could not tell."""

    place: str
    document_id: str
    label: str
    reviewer: str = ""
    skipped: bool = False
    note: str = ""
    seconds: float | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file: where, about which document, and what."""

    place: str
    document_id: str
    what: str


@dataclass(frozen=True)
class AnswerFile:
    """A file as it was read. `question` is the name of the question that it says it answers, or empty."""

    path: Path
    answers: tuple[Answer, ...]
    question: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Settled:
    """What a file comes to: one label for each document and reviewer, with its place, and what is wrong."""

    labels: tuple[tuple[str, Label], ...]
    problems: tuple[Problem, ...]
    #: rows without a label, rows that say again what another said, times left out since they cannot be
    unanswered: int = 0
    repeated: int = 0
    untimed: int = 0
    #: notes on rows without a label
    stray: tuple[Problem, ...] = ()


def read_answers(path: str | Path) -> AnswerFile:
    """Read a file of answers, whichever of the formats it is in; `ImportFailed` where it is in none."""
    from docreview_exchange import label_studio, sheets

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from error
    if data.startswith(b"PK"):
        raise ImportFailed(f"{path} is a workbook or an archive: save the sheet as 'CSV UTF-8'.")
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFailed(f"{path} is not UTF-8 (byte {error.start:,}): save it as 'CSV UTF-8'.") from error
    if not text.strip():
        raise ImportFailed(f"{path} is empty.")
    read = label_studio.read if text.lstrip().startswith(("[", "{")) else sheets.read
    return read(path, text)


def one_question(path: Path, names: Sequence[str]) -> str:
    """Return the only question that the rows of a file name; `ImportFailed` where they name several."""
    named = list(dict.fromkeys(name for name in names if name))
    if len(named) > 1:
        raise ImportFailed(f"{path} has answers to several questions ({', '.join(named[:5])}): give a file for each.")
    return named[0] if named else ""


def match_label(question: Question, written: str) -> str | None:
    """Return the label that is meant: exactly, else but for case, blanks and width; None for "cannot tell".

    Raise `UnknownLabel`, with a suggestion, where it is none or could be two.
    """
    if written in question.labels:
        return written
    fitting = [label for label in question.labels if _plain(label) == _plain(written)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting and written.strip() == CANNOT_TELL:
        return None
    hint = did_you_mean(written, question.labels)
    if fitting:
        hint = f" It could be {' or '.join(repr(label) for label in fitting)}."
    raise UnknownLabel(f"'{written}' is no label of question '{question.name}'.{hint}")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def settle(
    file: AnswerFile, question: Question, *, reviewer: str = "", renamed: Mapping[str, str] | None = None
) -> Settled:
    """Make labels of what was written. `reviewer` gave the answers that name none; `renamed` maps names in the file.

    An answer takes the place of the same reviewer's "cannot tell". Two different answers are a problem, and neither is
    taken. `ImportFailed` where the file answers another question.
    """
    if file.question and file.question != question.name:
        raise ImportFailed(f"{file.path} answers the question '{file.question}', not '{question.name}'.")
    problems = list(file.problems)
    stray: list[Problem] = []
    given: dict[tuple[str, str], tuple[str, Label]] = {}
    torn: dict[tuple[str, str], list[tuple[str, Label]]] = {}
    unanswered = repeated = untimed = 0
    for answer in file.answers:
        if not answer.skipped and not answer.label.strip():
            unanswered += 1
            if answer.note.strip():
                stray.append(Problem(answer.place, answer.document_id, f"a note without a label: {answer.note}"))
            continue
        try:
            value = None if answer.skipped else match_label(question, answer.label)
        except UnknownLabel as error:
            problems.append(Problem(answer.place, answer.document_id, str(error)))
            continue
        seconds = _seconds(answer.seconds)
        untimed += answer.seconds is not None and seconds is None
        who = (renamed or {}).get(answer.reviewer, answer.reviewer) or reviewer
        label = Label(answer.document_id, value, who, seconds=seconds, note=answer.note)
        if answer.at is not None:
            label = replace(label, at=answer.at)
        key = answer.document_id, who
        before = given.get(key)
        if before is None:
            given[key] = answer.place, label
            continue
        repeated += 1
        if before[1].value is not None and value is not None and before[1].value != value:
            torn.setdefault(key, [before]).append((answer.place, label))
        elif before[1].value is None and value is not None:
            given[key] = answer.place, replace(label, note=_both(before[1].note, label.note))
        else:
            given[key] = before[0], replace(before[1], note=_both(before[1].note, label.note))
    for (document_id, who), answers in torn.items():
        del given[document_id, who]
        said = ", ".join(f"'{label.value}' ({place})" for place, label in answers)
        problems.append(Problem(answers[0][0], document_id, f"{who or 'the same person'} answers {said}."))
    return Settled(tuple(given.values()), tuple(problems), unanswered, repeated, untimed, tuple(stray))


def _seconds(value: float | None) -> float | None:
    """The time where it can be one: browsers left open overnight, and clocks set back, give others."""
    return value if value is not None and math.isfinite(value) and 0 <= value <= LONGEST else None


def _both(first: str, second: str) -> str:
    return " | ".join(dict.fromkeys(note for note in (first, second) if note))


def time_of(*written: object) -> datetime | None:
    """The first of the values that is a time in ISO 8601 (in UTC where it names no zone), or None."""
    for value in written:
        if isinstance(value, str) and value:
            try:
                at = datetime.fromisoformat(value.strip())
            except ValueError:
                continue
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None
