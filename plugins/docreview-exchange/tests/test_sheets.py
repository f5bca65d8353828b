"""CSV: what is written comes back as it was, from whatever a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from docreview_exchange import sheets
from docreview_exchange.answers import read_answers, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview import Document, Question
from docreview.errors import ExportFailed, ImportFailed
from docreview.testing import ODD, SCRIPTS

QUESTION = Question("copyleft", ("yes", "no"), "Does it impose copyleft?", "yes")

#: whatever docreview can store: no NUL, no half of a pair
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
LABELS = st.text(min_size=1, max_size=8).filter(str.strip) | st.sampled_from(["yes", "-1", "=no", "'+", "?", "a | b"])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(path: Path, cells: dict[str, dict[str, str]]) -> None:
    """Fill in a sheet as a person does: by the id in the cell."""
    rows = rows_of(path)
    for row in rows:
        row.update(cells.get(row["id"], {}))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_sheet_opens_cleanly_in_a_spreadsheet(tmp_path: Path) -> None:
    texts = {**SCRIPTS, **{name: text.replace("\0", "") for name, text in ODD.items()}, "formula": "=HYPERLINK(1)"}
    path = tmp_path / "tasks.csv"
    documents = [Document(name, text, "@SUM(1)") for name, text in texts.items()]
    assert sheets.write(path, documents, QUESTION, reviewer="ada") == len(texts)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "without the mark, spreadsheets do not take it for UTF-8"
    rows = rows_of(path)
    assert tuple(rows[0]) == sheets.COLUMNS
    for row, document in zip(rows, documents, strict=True):
        assert row["text"].removeprefix("'") == document.text
        assert row["title"] == "'@SUM(1)"
        assert (row["label"], row["choices"], row["note"]) == ("", "yes | no | ?", "")
        assert (row["reviewer"], row["question"]) == ("ada", "copyleft")
    assert rows[-1]["text"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    "id", ["007", "1-2", "3/4", "1e5", "1.50", "12:30", "MAR1", "sept-2", "TRUE", "-x", "=1", "1" * 16]
)
def test_an_id_that_spreadsheets_change_is_written_as_text(id: str) -> None:
    assert sheets.quoted_id(id) == f"'{id}"
    assert sheets.unquoted_id(f"'{id}") == id


@pytest.mark.parametrize("id", ["7", "0", "123456789012345", "doc-17", "marker", "truest", "Ọjọ́", "法院", "a=1"])
def test_an_id_that_they_leave_alone_is_written_as_it_is(id: str) -> None:
    assert sheets.quoted_id(id) == id
    assert sheets.unquoted_id(id) == id


@given(TEXTS)
def test_quoting_can_be_undone_and_leaves_no_formula(text: str) -> None:
    for quote, unquote in ((sheets.quoted, sheets.unquoted), (sheets.quoted_id, sheets.unquoted_id)):
        assert unquote(quote(text)) == text
        assert not quote(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_what_is_sent_and_answered_comes_back(data: st.DataObject) -> None:
    labels = tuple(data.draw(st.lists(LABELS, min_size=2, max_size=5, unique=True)))
    question = Question(data.draw(TEXTS), labels)
    ids = data.draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=6, unique=True))
    documents = [Document(id, data.draw(TEXTS), data.draw(TEXTS)) for id in ids]
    answers = {id: data.draw(st.sampled_from([*labels, None])) for id in ids}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tasks.csv"
        sheets.write(path, documents, question)
        cells = {sheets.quoted_id(id): {"label": sheets.quoted(label or "")} for id, label in answers.items()}
        filled(path, cells)
        settled = settle(read_answers(path), question, reviewer="ada")
    assert not settled.problems
    assert {label.document_id: label.value for _, label in settled.labels} == {k: v for k, v in answers.items() if v}
    assert settled.unanswered == sum(label is None for label in answers.values())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, delimiter: str, encoding: str, line_end: str) -> None:
    rows = [("ID", "Text", " Label "), ("a", SCRIPTS["thai"], "yes"), ("'007", 'x "y"; z, |\t', "?"), ("", "", "")]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    path = tmp_path / "back.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    settled = settle(read_answers(path), QUESTION, reviewer="ada")
    assert not settled.problems
    assert [(label.document_id, label.value) for _, label in settled.labels] == [("a", "yes"), ("007", None)]


def test_label_studio_quotes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("annotation_id,document_id,id,label,note\n1,'=a,7,yes,'-so\n", "utf-8")
    [answer] = read_answers(path).answers
    assert (answer.document_id, answer.note) == ("'=a", "'-so")
    path.write_text("id,label,note\n'=a,yes,'-so\n", "utf-8")
    [answer] = read_answers(path).answers
    assert (answer.document_id, answer.note) == ("=a", "-so")


def test_a_text_longer_than_the_csv_module_likes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tasks.csv"
    sheets.write(path, [Document("a", "word " * 100_000)], QUESTION)
    path.write_text(path.read_text("utf-8").replace(",,yes | no", ",yes,yes | no"), "utf-8")
    csv.field_size_limit(131_072)  # as Python starts
    assert read_answers(path).answers[0].label == "yes"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"id,label\na,caf\xe9\n", "not UTF-8"),
        (b"PK\x03\x04rest", "save the sheet as 'CSV UTF-8'"),
        (b"name,verdict\na,yes\n", "must name the columns 'id' and 'label', and has 'name', 'verdict'"),
        (b"annotation_id,id,label\n1,7,yes\n", "no column 'document_id'"),
        (b'id,label\na,"yes\n', "line 2: unexpected end of data"),
        (b'id,label\na,yes\nb,"yes"no\n', "line 3: ',' expected after '\"'"),
        (b"id,label,question\na,yes,one\nb,yes,two\n", r"several questions \(one, two\)"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "back.csv"
    path.write_bytes(data)
    with pytest.raises(ImportFailed, match=told) as raised:
        read_answers(path)
    assert "back.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"nowhere.csv cannot be read"):
        read_answers(tmp_path / "nowhere.csv")


def test_rows_that_are_wrong_are_told_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "back.csv"
    path.write_text('id,label,note\n"a\nb",yes,\nc\nd,no,,more\n,no,\n,,\n', "utf-8")
    read = read_answers(path)
    assert [(answer.place, answer.document_id) for answer in read.answers] == [("line 2", "a\nb")]
    assert [(problem.place, problem.what) for problem in read.problems] == [
        ("line 4", "1 cells, but the header has 3."),
        ("line 5", "4 cells, but the header has 3."),
        ("line 6", "a label or a note, but no id."),
    ]


def test_a_sheet_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tasks.csv"
    path.write_text("before")

    def failing() -> object:
        yield Document("a", "text")
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        sheets.write(path, failing(), QUESTION)  # type: ignore[arg-type]
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["tasks.csv"]
    with path.open() as reader:
        sheets.write(path, [Document("a", "text")], QUESTION)
        assert reader.read() == "before", "the new file takes the name of the old one, and is not written into it"
    assert len(rows_of(path)) == 1
    with pytest.raises(ExportFailed, match="cannot be written"):
        sheets.write(tmp_path / "nowhere" / "tasks.csv", [], QUESTION)
