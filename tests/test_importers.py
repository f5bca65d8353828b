"""Importers: nothing lost, nothing guessed in silence, and one clear line where a file is not what it should be."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import resource
import time
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview import importers
from docreview.errors import ContractViolation, ImportFailed
from docreview.types import Document, Importer

IMPORTERS: dict[str, Importer] = {
    "txt-folder": importers.TxtFolder(),
    "csv": importers.Csv(),
    "tsv": importers.Tsv(),
    "xlsx": importers.Xlsx(),
    "jsonl": importers.Jsonl(),
}
SHARED = Path(os.environ.get("DOCREVIEW_SHARED", Path(__file__).parents[2] / "shared"))


class Read:
    """What came of reading one file: documents and warnings."""

    def __init__(self, path: Path, columns: dict[str, str] | None = None) -> None:
        self.warnings: list[str] = []
        self.documents = list(importers.read_documents(path, IMPORTERS, columns, warn=self.warnings.append))

    @property
    def texts(self) -> list[str]:
        return [document.text for document in self.documents]


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def workbook(folder: Path, name: str, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for i, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"sheet {i}")
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return file(folder, name, data.getvalue())


def fails(path: Path, message: str, columns: dict[str, str] | None = None) -> None:
    with pytest.raises(ImportFailed, match=message) as caught:
        Read(path, columns)
    line = str(caught.value)
    assert "\n" not in line
    assert path.name in line


# ------------------------------------------------------------------------------------------------------- every format


def formats(folder: Path) -> list[Path]:
    """The same three documents in every table format."""
    rows: list[list[object]] = [
        ["id", "title", "text", "label", "year"],
        ["a", "T", "one", "yes", 1999],
        ["b", "", "two", "", None],
    ]
    table = [["" if cell is None else str(cell) for cell in row] for row in rows]
    made = [workbook(folder, "t.xlsx", rows), workbook(folder, "t.xlsx.gz", rows)]
    for name, delimiter in [
        ("t.csv", ","),
        ("s.csv", ";"),
        ("p.csv", "|"),
        ("u.csv", "\t"),
        ("t.tsv", "\t"),
        ("t.tab", "\t"),
    ]:
        content = "".join(delimiter.join(row) + "\n" for row in table)
        made += [file(folder, name, content), file(folder, f"{name}.gz", content)]
    lines = "".join(json.dumps(dict(zip(table[0], row, strict=True))) + "\n" for row in rows[1:])
    return [*made, file(folder, "t.jsonl", lines), file(folder, "t.jsonl.gz", lines)]


def test_every_format_gives_the_same_documents(tmp_path: Path) -> None:
    for path in formats(tmp_path):
        result = Read(path)
        year = 1999 if ".xlsx" in path.name or ".jsonl" in path.name else "1999"
        assert result.documents == [
            Document("a", "one", "T", {"year": year}, "yes"),
            Document("b", "two", "", {}, None),
        ], path.name
        assert result.warnings == []


def test_columns_are_mapped(tmp_path: Path) -> None:
    path = file(tmp_path, "t.csv", "key,Fact,name,Included?\n7,a fact,N,1\n")
    columns = {"id": "key", "text": "fact", "title": "name", "label": "Included?"}
    assert Read(path, columns).documents == [Document("7", "a fact", "N", {}, "1")]


def test_an_id_mapped_to_nothing_numbers_the_rows(tmp_path: Path) -> None:
    path = file(tmp_path, "refs.csv.gz", "id,text\nx,one\nx,two\n")
    assert [(d.id, d.metadata) for d in Read(path, {"id": ""}).documents] == [
        ("refs:1", {"id": "x"}),
        ("refs:2", {"id": "x"}),
    ]


def test_made_ids_are_stable_and_survive_documents_left_out(tmp_path: Path) -> None:
    path = file(tmp_path, "refs.csv", "text,x\none,\n,\nthree,\n")
    assert [d.id for d in Read(path).documents] == ["refs:1", "refs:3"]
    assert Read(path).documents == Read(path).documents


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    for path in formats(tmp_path):
        fails(
            path,
            r"no column 'txet' to take the text from. Did you mean 'text'\? .*id, title, text, label, year",
            {"text": "txet"},
        )
    with pytest.raises(ImportFailed, match=r"no column role 'txt'\. Did you mean 'text'"):
        Read(path, {"txt": "text"})


def test_no_text_column_lists_those_there_are(tmp_path: Path) -> None:
    fails(file(tmp_path, "t.csv", "a,b,c\n1,2,3\n"), r"no column of texts.*Columns there are: a, b, c\.")
    fails(file(tmp_path, "t.jsonl", '{"a": 1, "b": 2}\n'), "no column of texts.*a, b")
    fails(workbook(tmp_path, "t.xlsx", [["a", "b"], [1, 2]]), "no column of texts.*a, b")


def test_labels_are_not_guessed_but_pointed_at(tmp_path: Path) -> None:
    result = Read(file(tmp_path, "t.csv", "text,included\none,1\n"))
    assert result.documents[0].label is None
    assert result.documents[0].metadata == {"included": "1"}
    assert "column 'included' may hold labels" in result.warnings[0]
    assert Read(file(tmp_path, "u.csv", "text,Label\none,1\n"), {"label": ""}).documents[0].label is None


def test_titles_alone_are_read_with_a_warning(tmp_path: Path) -> None:
    result = Read(file(tmp_path, "t.csv", "Title,Year\nOn dogs,1999\n"))
    assert result.documents == [Document("t:1", "", "On dogs", {"Year": "1999"})]
    assert "no column of texts" in result.warnings[0]


def test_documents_without_text_are_counted_and_named(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'' if i % 2 else 'x'}\n" for i in range(20))
    result = Read(file(tmp_path, "t.csv", "id,text\n" + rows))
    assert len(result.documents) == 10
    assert any("10 documents without text or title left out (lines 3, 5, 7, 9, 11 ...)" in w for w in result.warnings)
    fails(file(tmp_path, "u.csv", "id,text\n1,\n2, \n"), "no document with text")
    fails(file(tmp_path, "v.csv", "id,text\n"), "a header and no documents")


def test_an_id_twice_names_both_places(tmp_path: Path) -> None:
    fails(file(tmp_path, "t.csv", 'id,text\na,"x\ny"\nb,y\na,z\n'), "line 5: id 'a' is that of line 2")
    fails(file(tmp_path, "same.csv", "id,text\na,x\na,x\n"), "line 3: id 'a' is that of line 2")
    fails(
        file(tmp_path, "t.jsonl", '{"id": 1, "text": "x"}\n\n{"id": "1", "text": "y"}\n'),
        "line 3: id '1' is that of line 1",
    )
    fails(workbook(tmp_path, "t.xlsx", [["id", "text"], ["a", "x"], ["a", "y"]]), "row 3: id 'a' is that of row 2")


# ------------------------------------------------------------------------------------------------------ files at all


def test_files_that_are_none(tmp_path: Path) -> None:
    fails(tmp_path / "missing.csv", "no such file")
    fails(tmp_path / ("x" * 1000), "cannot be read: File name too long")
    (tmp_path / "nothing").mkdir()
    fails(tmp_path / "nothing", "no .txt files; it is empty")
    file(tmp_path, "tables/a.csv", "text\nx\n")
    fails(tmp_path / "tables", "no .txt files; there are: 1 .csv")
    for name in ("e.csv", "e.tsv", "e.jsonl", "e.txt", "e.xlsx", "e.csv.gz", "e.xlsx.gz", "e.txt.gz"):
        fails(file(tmp_path, name, ""), "is empty")
    for name in ("b.csv", "b.tsv", "b.jsonl"):
        fails(file(tmp_path, name, "\n\n\n"), "only blank lines")
    fails(workbook(tmp_path, "b.xlsx", []), "nothing on its sheets")
    fails(
        file(tmp_path, "x.pdf", "x"), r"no importer reads files like 'x.pdf'; they read \.csv \(also \.gz\), .*\.xlsx"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = file(tmp_path, "t.csv", "text\nx\n")
    path.chmod(0)
    fails(path, "cannot be read: Permission denied")


def test_a_damaged_gzip_file_gives_no_document(tmp_path: Path) -> None:
    whole = gzip.compress(("id,text\n" + "".join(f"{i},{os.urandom(30).hex()}\n" for i in range(5000))).encode())
    for name, data in [("cut.csv.gz", whole[:-2000]), ("none.csv.gz", b"id,text\n1,x\n")]:
        path = tmp_path / name
        path.write_bytes(data)
        documents = importers.read_documents(path, IMPORTERS, warn=print)
        with pytest.raises(ImportFailed, match="damaged or cut short"):
            next(documents)


def test_a_damaged_workbook(tmp_path: Path) -> None:
    rows: list[list[object]] = [["text"]]
    rows += [[f"text {i}"] for i in range(2000)]
    good = workbook(tmp_path, "good.xlsx", rows).read_bytes()
    for name, data in {
        "cut": good[: len(good) // 2],
        "no": b"no zip",
        "old": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600,
    }.items():
        fails(file(tmp_path, f"{name}.xlsx", data), "no .xlsx workbook that can be read.*save it anew")
    broken = bytearray(good)
    at = good.find(b"xl/worksheets/sheet1.xml") + 200
    broken[at : at + 50] = b"\0" * 50
    fails(file(tmp_path, "broken.xlsx", bytes(broken)), "no .xlsx workbook that can be read")


def test_what_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    fails(file(tmp_path, "a.csv", b"\x89PNG\r\n\x1a\n" + os.urandom(2000)), "not text: it is a picture")
    fails(file(tmp_path, "b.txt", b"%PDF-1.7\n..."), "not text: it is a PDF")
    fails(file(tmp_path, "c.txt", bytes(range(256)) * 20), "not text: it is full of control characters")
    fails(file(tmp_path, "d.csv", b"PK\x03\x04" + b"x" * 100), "a zip archive or an office document")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.txt", "t.csv.gz"])
def test_unicode_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    texts = ["አዲስ አበባ — “é”", "हिन्दी 👩🏽‍⚕️", "plain"]
    if "jsonl" in name:
        content = "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts)
    elif "txt" in name:
        content, texts = texts[0], texts[:1]
    else:
        content = "".join(f"{line}\n" for line in ["text", *texts])
    result = Read(file(tmp_path, name, content.encode(encoding)))
    assert result.texts == texts
    guessed = encoding in ("utf-16-le", "utf-16-be")
    assert any("zero bytes" in warning for warning in result.warnings) == guessed


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Le café était fermé; le garçon a dû rentrer chez sa mère, où il a mangé des crêpes. Ça ira, déjà."),
        ("cp1251", "Суд рассмотрел дело и вынес решение. Ответчик обязан возместить ущерб истцу в полном объёме."),
        ("shift_jis", "裁判所は判決を言い渡した。被告は原告に損害賠償を支払わなければならない。これは重要な文書です。"),
    ],
)
def test_another_encoding_is_guessed_and_said(tmp_path: Path, encoding: str, text: str) -> None:
    # ASCII first, beyond any sample taken from the beginning
    content = "text\n" + "plain words only\n" * 100_000 + f"{text}\n" * 20
    result = Read(file(tmp_path, "t.csv", content.encode(encoding)))
    assert result.texts[-1] == text
    assert any("not UTF-8, read as" in warning for warning in result.warnings)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_wrong_byte_names_its_line(tmp_path: Path, end: str) -> None:
    lines = ["id,text", *(f"{i},é" for i in range(200_000))]
    data = end.join(lines).encode().split(end.encode())
    data[150_000] = b"x,\xe9"
    fails(file(tmp_path, "t.csv", end.encode().join(data)), "line 150001: byte 0xe9 is not UTF-8")
    cut = "text\nabc\n".encode("utf-16")[:-1]
    fails(file(tmp_path, "u.csv", cut), "line 2: byte 0x0a is not UTF-16-LE")


def test_nul_is_replaced_and_counted_and_other_controls_are_kept(tmp_path: Path) -> None:
    text = "a\0b\0 \x01\x1b[31m\x7f \u202e\u200b\ufeff end"
    clean = text.replace("\0", "\ufffd")
    for path in (
        file(tmp_path, "t.csv", f"text\n{text}\n"),
        file(tmp_path, "t.tsv", f"text\n{text}\n"),
        file(tmp_path, "t.jsonl", json.dumps({"text": text})),
        file(tmp_path, "t.txt", text),
        file(tmp_path, "folder/t.txt", text).parent,
        file(tmp_path, "t.txt.gz", text),
    ):
        result = Read(path)
        assert result.texts == [clean]
        assert any("2 NUL characters" in warning and "replaced by U+FFFD" in warning for warning in result.warnings)


# --------------------------------------------------------------------------------------------------------------- CSV


def test_quoting_that_breaks_names_the_line(tmp_path: Path) -> None:
    rest = "".join(f"{i},text {i}\n" for i in range(1000))
    fails(
        file(tmp_path, "a.csv", f'id,text\nx,"fine\nand two lines"\ny,"open\n{rest}'),
        "line 4: the quote that opens here is never closed",
    )
    fails(
        file(tmp_path, "b.csv", f'id,text\nx,"open\n{rest}y,"next"\n'),
        r"line 1003: text follows a closing quote \(it was opened on line 2",
    )
    fails(
        file(tmp_path, "c.csv", f'id,text\nx,"he said "no""\n{rest}'),
        "line 2: text follows a closing quote; a quote inside a cell is written twice",
    )
    fails(file(tmp_path, "d.csv", 'text,q"z\n"x'), "line 2: the quote that opens here is never closed")
    fails(file(tmp_path, "e.csv", '"id,text\nx,y\n'), "line 1: the quote that opens here is never closed")


def test_a_quote_that_swallows_rows_is_pointed_at(tmp_path: Path) -> None:
    rows = "".join(f"{i},text\n" for i in range(5))
    result = Read(file(tmp_path, "t.csv", f'id,text\nx,"open\n{rows}y,"\nz,end\n'))
    assert any("line 2: a quoted cell holds lines that look like rows" in warning for warning in result.warnings)


def test_rows_of_another_width_name_the_line(tmp_path: Path) -> None:
    fails(
        file(tmp_path, "a.csv", "id,text\n1,x\n2,y,z\n"), "line 3: 3 cells, but the header has 2; a cell that holds ','"
    )
    fails(file(tmp_path, "b.csv", "id,text,year\n1,x,1\n2,torn\noff,3\n"), "line 3: 2 cells, but the header has 3")
    fails(file(tmp_path, "c.tsv", "id\ttext\n1\tx\ty\n"), "a cell that holds a tab")
    result = Read(file(tmp_path, "d.csv", "id,text,year,note\n1,x,1999,n\n2,y,\n3,z,1,n,,\n"))
    assert result.texts == ["x", "y", "z"]
    assert any("1 rows end before the last columns" in warning and "line 3" in warning for warning in result.warnings)
    fails(file(tmp_path, "e.csv", "id,text,note\n1\n"), "line 2: 1 cell, but the header has 3")


def test_a_file_of_one_column_needs_no_quotes(tmp_path: Path) -> None:
    assert Read(file(tmp_path, "t.csv", 'text\nHello, you; there\n"quoted ""x"""\n')).texts == [
        "Hello, you; there",
        'quoted "x"',
    ]


def test_lines_before_the_header_are_passed_over(tmp_path: Path) -> None:
    result = Read(
        file(tmp_path, "t.csv", '"SEARCH QUERY","dogs:ti"\n-----\n\n"Title","Abstract","Year"\n"T","A","1"\n')
    )
    assert result.documents == [Document("t:1", "A", "T", {"Year": "1"})]
    assert any("rows before the header" in warning for warning in result.warnings)


def test_headers_that_come_twice_or_are_blank_lose_no_cell(tmp_path: Path) -> None:
    document = Read(file(tmp_path, "t.csv", "text,note,note,,x\nt,a,b,c,d\n")).documents[0]
    assert document.metadata == {"note": "a", "note (2)": "b", "column 4": "c", "x": "d"}


def test_stray_quotes_in_a_tsv_are_characters(tmp_path: Path) -> None:
    lines = [f"{i}\tline {i}" for i in range(30_000)] + ['x\t"never closed', 'y\t"He said", she said']
    result = Read(file(tmp_path, "t.tsv", "id\ttext\n" + "\n".join(lines)))
    assert result.texts[-2:] == ['"never closed', '"He said", she said']
    assert any("quotes are read as plain characters" in warning for warning in result.warnings)
    quoted = Read(file(tmp_path, "q.tsv", 'id\ttext\n1\t"two\nlines and a ""quote"""\n'))
    assert (quoted.texts, quoted.warnings) == (['two\nlines and a "quote"'], [])


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=3, max_size=3),
        min_size=1,
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_the_csv_module_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], delimiter: str, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["title", "text", "note"])
    writer.writerows([title, "x" + text, note] for title, text, note in table)
    result = Read(file(tmp_path_factory.mktemp("csv"), "t.csv", out.getvalue()))
    expected = [(title.strip(), "x" + text, note) for title, text, note in table]
    assert [(d.title, d.text, d.metadata.get("note", "")) for d in result.documents] == expected


def test_a_document_of_fifty_megabytes(tmp_path: Path) -> None:
    text = "a long document. " * 3_000_000
    for path in (
        file(tmp_path, "t.csv", f'id,text\n1,"{text}"\n2,short\n'),
        file(tmp_path, "t.jsonl", json.dumps({"text": text})),
        file(tmp_path, "t.txt", text),
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert len(Read(path).texts[0]) == len(text)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, path.name


# -------------------------------------------------------------------------------------------------------------- JSON


def test_lines_that_are_no_objects_are_named(tmp_path: Path) -> None:
    good = '{"text": "x"}\n'
    fails(file(tmp_path, "a.jsonl", good + "[1, 2]\n"), "line 2: a JSON list, where an object")
    fails(file(tmp_path, "b.jsonl", good * 500 + "\n" + '{"text": "x"\n'), "line 502: not JSON")
    fails(file(tmp_path, "c.jsonl", good + '"text"\n'), "line 2: a JSON string")
    fails(file(tmp_path, "d.jsonl", good + "null\n"), "line 2: a JSON null")
    fails(file(tmp_path, "e.jsonl", good + '{"text": ["x"]}\n'), "line 2: the text is a JSON list")
    fails(file(tmp_path, "f.jsonl", good + '{"text": ' + "[" * 200_000 + "\n"), "line 2: .*JSON")
    fails(file(tmp_path, "g.jsonl", good + '{"n": ' + "9" * 5000 + "}\n"), "line 2: JSON that cannot be read")


def test_values_keep_their_type_and_the_rest_becomes_json(tmp_path: Path) -> None:
    row = {"text": "x", "n": 1, "f": 0.5, "yes": True, "no": None, "list": ["a", {"b": "é"}], "label": 3}
    document = Read(file(tmp_path, "t.jsonl", json.dumps(row) + "\n")).documents[0]
    assert document.metadata == {"n": 1, "f": 0.5, "yes": True, "list": '["a", {"b": "é"}]'}
    assert document.label == "3"
    assert Read(file(tmp_path, "u.jsonl", '{"text": "x", "n": NaN}\n')).documents[0].metadata == {}


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    result = Read(file(tmp_path, "t.jsonl", '{"text": "a\\ud800b \\ud83d\\ude00 \\"q\\"", "k\\udfff": ["\\udc00"]}\n'))
    assert result.texts == ['a\ufffdb 😀 "q"']
    assert result.documents[0].metadata == {"k\ufffd": '["\ufffd"]'}
    assert any("3 NUL characters and lone surrogates" in warning for warning in result.warnings)


# ------------------------------------------------------------------------------------------------ workbooks, folders


def test_workbooks(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["report of", None],
        [None],
        ["id", "text", "when", None],
        [1, "x_x000D_y", date(2020, 1, 2), "aside"],
        [None, None],
        [2.0, 12, None],
    ]
    result = Read(workbook(tmp_path, "t.xlsx", [], rows, [["other"]]))
    assert result.documents == [
        Document("1", "x\ry", "", {"when": "2020-01-02T00:00:00", "column 4": "aside"}),
        Document("2", "12"),
    ]
    assert any("sheet 'sheet 2' was read, of sheet 1, sheet 2, sheet 3" in warning for warning in result.warnings)


def test_folders_are_read_sorted_and_whole(tmp_path: Path) -> None:
    file(tmp_path, "b.txt", "bee\r\n")
    file(tmp_path, "a/z.TXT", "zed")
    file(tmp_path, "a/é 1.txt.gz", "gz")
    file(tmp_path, "a/empty.txt", "")
    file(tmp_path, "blank.txt", " \n")
    file(tmp_path, "._b.txt", b"\0\5\x16\7")
    file(tmp_path, "notes.md", "no")
    result = Read(tmp_path)
    assert [(d.id, d.text) for d in result.documents] == [
        ("a/z.TXT", "zed"),
        ("a/é 1.txt.gz", "gz"),
        ("b.txt", "bee\r\n"),
    ]
    assert result.warnings == [f"{tmp_path}: 2 empty files left out (a/empty.txt, blank.txt)."]
    assert Read(tmp_path / "b.txt").documents == [Document("b.txt", "bee\r\n")]
    fails(tmp_path / "b.txt", "no columns to map", {"text": "x"})


def test_a_folder_says_once_what_it_guessed(tmp_path: Path) -> None:
    for i in range(8):
        file(
            tmp_path,
            f"{i}.txt",
            "Le café était fermé; le garçon a dû rentrer chez sa mère, où il a mangé.".encode("cp1252"),
        )
    warnings = Read(tmp_path).warnings
    assert len(warnings) == 1
    assert "not UTF-8" in warnings[0]
    assert "and 3 more" in warnings[0]
    file(tmp_path, "sub/bad.txt", b"%PDF-1.4")
    with pytest.raises(ImportFailed, match=r"bad\.txt is not text: it is a PDF"):
        Read(tmp_path)


# ---------------------------------------------------------------------------------------------------------- plugins


def test_a_plugin_is_chosen_by_the_longest_ending_and_blamed_by_name(tmp_path: Path) -> None:
    class Wrong:
        suffixes = (".special.csv",)

        def read(self, path: Path, columns: object, *, warn: object, progress: object = None) -> list[str]:
            return ["no document"]

    path = file(tmp_path, "t.special.csv", "text\nx\n")
    others: dict[str, Importer] = {**IMPORTERS, "special": Wrong()}  # type: ignore[dict-item]
    assert importers.importer_for(path, others) == "special"
    with pytest.raises(ContractViolation, match="Wrong broke its contract: it yielded a str"):
        list(importers.read_documents(path, others, warn=print))


# --------------------------------------------------------------------------------------------------------- real files


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder of real files is absent")
def test_every_real_bibliographic_table_is_read() -> None:
    files = sorted(p for p in (SHARED / "formats/bibliographic").rglob("*") if p.suffix in (".csv", ".tsv", ".xlsx"))
    assert len(files) > 10
    for path in files:
        # in three demonstration files every record has the same id
        documents = Read(path, {"id": ""} if path.name.startswith("generic") else {}).documents
        assert documents, path.name
        assert all(document.title or document.text for document in documents)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared folder of real files is absent")
def test_a_hundred_thousand_rows_are_read_fast(tmp_path: Path) -> None:
    with gzip.open(SHARED / "corpora/scale/oral-argument-turns.tsv.gz") as lines:
        path = file(tmp_path, "t.tsv", b"".join(line for _, line in zip(range(100_001), lines, strict=False)))
    start = time.process_time()
    assert len(Read(path).documents) == 100_000
    assert time.process_time() - start < 3


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    path = file(tmp_path, "t.csv", "text\n" + "x\n" * 10_000)
    seen: list[tuple[str, int, int]] = []
    list(importers.read_documents(path, IMPORTERS, warn=print, progress=lambda *step: seen.append(step)))
    assert seen[-1] == ("import", path.stat().st_size, path.stat().st_size)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
