"""CSV for spreadsheets: tasks out, answers in.

A spreadsheet runs cells that begin like a formula, and turns ids that look like numbers or dates into those. Both are
given an apostrophe in front; reading takes it away again, so that every text comes back as it was. CSV files that Label
Studio exports are read too: they name their ids ``document_id``, and nothing in them is quoted so.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from docreview import Document, Question
from docreview.errors import ImportFailed
from docreview_exchange.answers import CANNOT_TELL, Answer, AnswerFile, Problem, one_question, time_of
from docreview_exchange.files import whole

COLUMNS = ("id", "title", "text", "label", "choices", "note", "reviewer", "question")
#: as `docreview export` has them
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: ids that every spreadsheet leaves alone: a whole number of few digits; what begins with a letter and is no date
_KEPT = re.compile(r"0|[1-9][0-9]{0,14}|(?!true$|false$)[^\W\d_].*", re.IGNORECASE | re.DOTALL)
_MONTH = re.compile(r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\W*[0-9]+([^\w]+[0-9]+)?", re.IGNORECASE)


def quoted(text: str) -> str:
    """`text` for a cell: an apostrophe before what would be run as a formula. `unquoted` takes it away."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def unquoted(cell: str) -> str:
    """The text of a cell that `quoted` wrote."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


def quoted_id(text: str) -> str:
    """An id for a cell: an apostrophe before what would be run, or read as a number or a date."""
    return f"'{text}" if _changed_by_spreadsheets(text.lstrip("'")) else text


def unquoted_id(cell: str) -> str:
    """The id of a cell that `quoted_id` wrote."""
    return cell[1:] if cell.startswith("'") and _changed_by_spreadsheets(cell.lstrip("'")) else cell


def _changed_by_spreadsheets(id: str) -> bool:
    return id != "" and (not _KEPT.fullmatch(id) or _MONTH.fullmatch(id) is not None)


def choices(question: Question) -> str:
    """What may be written into a label's cell, for people."""
    return " | ".join((*question.labels, *(() if CANNOT_TELL in question.labels else (CANNOT_TELL,))))


def write(
    path: Path,
    documents: Iterable[Document],
    question: Question,
    *,
    reviewer: str = "",
    answers: Mapping[str, str] | None = None,
) -> int:
    """Write a row a document, its label empty; return how many. `answers` adds a column: what was said of each."""
    n = 0
    with whole(path, "utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow((*COLUMNS, *(("answers",) if answers is not None else ())))
        for document in documents:
            cells = [document.title, document.text, "", choices(question), "", reviewer, question.name]
            if answers is not None:
                cells.append(answers[document.id])
            rows.writerow((quoted_id(document.id), *map(quoted, cells)))
            n += 1
    return n


def write_instructions(path: Path, sheet: Path, question: Question) -> None:
    """Write what the receiver has to know, as plain text."""
    asked = question.prompt or question.name
    labels = [f"  {label}" for label in question.labels]
    if CANNOT_TELL not in question.labels:
        labels.append(f"  {CANNOT_TELL}  (you have read it and cannot tell)")
    lines = [
        asked,
        "",
        f"Open {sheet.name} in a spreadsheet, read each document, and write one of these into its column 'label':",
        "",
        *labels,
        "",
        "Leave the cell empty where you have not read the document. What you write into the column 'note' is kept with",
        "your answer. If the column 'reviewer' is empty, write your name there. Leave 'id' and 'question' as they are.",
        "",
        "Save the sheet as 'CSV UTF-8' and send it back.",
        "",
    ]
    with whole(path, "utf-8-sig") as file:
        file.write("\r\n".join(lines))


# ------------------------------------------------------------------------------------------------------------- reading


def read(path: Path, text: str) -> AnswerFile:
    """Read the answers of a sheet. Commas, semicolons, tabs and bars may separate the cells."""
    # the limit is the csv module's own, for the whole process, and as docreview sets it; a text may be of any length
    csv.field_size_limit(2**31 - 1)
    names, delimiter = _header(path, text)
    studio = "document_id" in names
    if "annotation_id" in names and not studio:
        raise ImportFailed(
            f"{path}: there is no column 'document_id', and Label Studio's 'id' is its own number; "
            "import tasks as 'docreview exchange send' writes them."
        )
    where = {name: i for i, name in reversed(list(enumerate(names)))}
    at_id = where["document_id" if studio else "id"]
    answers: list[Answer] = []
    problems: list[Problem] = []
    questions: list[str] = []
    for place, row in _rows(path, text, delimiter):
        if len(row) < len(names) or any(cell.strip() for cell in row[len(names) :]):
            said = row[at_id] if at_id < len(row) else ""
            problems.append(Problem(place, said, f"{len(row)} cells, but the header has {len(names)}."))
            continue

        def cell(*columns: str, row: Sequence[str] = row) -> str:
            found = next((row[where[name]] for name in columns if name in where), "")
            return found if studio else unquoted(found)

        document_id = row[at_id] if studio else unquoted_id(row[at_id])
        if not document_id:
            if cell("label").strip() or cell("note").strip():
                problems.append(Problem(place, "", "a label or a note, but no id."))
            continue
        questions.append(cell("question"))
        answers.append(
            Answer(
                place,
                document_id,
                cell("label"),
                cell("reviewer", "annotator").strip(),
                note=cell("note"),
                seconds=_number(cell("seconds", "lead_time")),
                at=time_of(cell("updated_at"), cell("created_at")),
            )
        )
    return AnswerFile(path, tuple(answers), one_question(path, questions), tuple(problems))


def _header(path: Path, text: str) -> tuple[list[str], str]:
    seen: list[str] = []
    for delimiter in ",;\t|":
        try:
            # a line only: what is broken further on is met when it is read
            first = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        names = [name.strip().casefold() for name in first]
        if "label" in names and ("id" in names or "document_id" in names):
            return names, delimiter
        seen = max(seen, names, key=len)
    shown = ", ".join(f"'{name[:40]}'" for name in seen[:12])
    raise ImportFailed(f"{path}: its first line must name the columns 'id' and 'label', and has {shown or 'none'}.")


def _rows(path: Path, text: str, delimiter: str) -> Iterable[tuple[str, list[str]]]:
    """Yield (place, cells) of every row below the header that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ImportFailed(f"{path}, line {line}: {error}; is a quote missing?") from error
        if line > 1 and any(cell.strip() for cell in row):
            yield f"line {line}", row
        line = reader.line_num + 1


def _number(cell: str) -> float | None:
    """A number of seconds; NaN, which is told and left out, where it is none."""
    if not cell.strip():
        return None
    try:
        return float(cell)
    except ValueError:
        return math.nan
