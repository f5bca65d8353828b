"""Exporters: what was written reads back as it was, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docreview import exporters, importers
from docreview.errors import DocreviewError, ExportFailed
from docreview.types import Document, Exporter, Importer, Scalar

EXPORTERS: dict[str, Exporter] = {"csv": exporters.Csv(), "jsonl": exporters.Jsonl(), "xlsx": exporters.Xlsx()}
IMPORTERS: dict[str, Importer] = {"csv": importers.Csv(), "jsonl": importers.Jsonl(), "xlsx": importers.Xlsx()}
ENDINGS = [".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".xlsx"]

#: every Unicode text; NUL becomes U+FFFD on import, and a document of nothing but space is left out
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


def write(path: Path, rows: list[dict[str, Scalar]]) -> int:
    return EXPORTERS[exporters.exporter_for(path, EXPORTERS)].write(path, rows)


def read(path: Path) -> list[Document]:
    warnings: list[str] = []
    documents = list(importers.read_documents(path, IMPORTERS, warn=warnings.append))
    assert warnings == []
    return documents


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=60, deadline=None)
@given(written=st.lists(texts, min_size=1, max_size=4))
@example(written=["=1+1", "+1", "-1", "@x", "'=1", "#N/A"])
@example(written=["a\r\nb", "a\rb", "a\nb", "\n a \n", " a ", "\ta\t", "a\u2028b\x85c\x0bd\x0ce\x1cf"])
@example(written=["_x0041_", "_x000D_", "_X0041_", "\x07\x1b\x7f", "\ufffe\uffff\ufeffa", "__x0001_"])
@example(written=['"', '""', 'a"b', ",;\t|", '",\n"', "\ufeff", "\\", "\\n"])
@example(written=["ẹ̀ e\u0301 हिन्दी 👩🏽‍⚕️ \u202eabc", "true", "007", "1e5", "None", "nan"])
def test_text_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, ending: str, written: list[str]
) -> None:
    path = tmp_path_factory.mktemp("round") / f"file{ending}"
    rows: list[dict[str, Scalar]] = [{"id": f"d{i}", "text": text, "note": "x"} for i, text in enumerate(written)]
    assert write(path, rows) == len(written)
    documents = read(path)
    assert [d.text for d in documents] == written
    assert [d.id for d in documents] == [row["id"] for row in rows]
    assert {d.metadata["note"] for d in documents} == {"x"}


@pytest.mark.parametrize(("ending", "expected"), [(".jsonl", True), (".xlsx", True), (".csv", False)])
def test_types_are_kept_where_the_format_has_them(tmp_path: Path, ending: str, expected: bool) -> None:
    path = tmp_path / f"file{ending}"
    values: dict[str, Scalar] = {"n": 3, "x": 0.25, "yes": True, "none": None, "nan": float("nan")}
    write(path, [{"id": "a", "text": "t", **values}])
    metadata = read(path)[0].metadata
    assert metadata == ({"n": 3, "x": 0.25, "yes": True} if expected else {"n": "3", "x": "0.25", "yes": "true"})


def test_large_whole_numbers_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    write(path, [{"id": "a", "text": "t", "n": 12345678901234567890}])
    assert read(path)[0].metadata == {"n": "12345678901234567890"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_stand_in_the_order_of_the_first_row(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    write(path, [{"z": 1, "a": 2, "text": "x"}, {"text": "y", "a": 3, "z": 4}])
    if ending == ".xlsx":
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
    else:
        content = (gzip.decompress(path.read_bytes()) if ending.endswith(".gz") else path.read_bytes()).decode()
        lines = content.splitlines()
        rows = (
            list(map(tuple, csv.reader(lines)))
            if "csv" in ending
            else [tuple(json.loads(lines[0])), *(tuple(json.loads(line).values()) for line in lines)]
        )
    assert [tuple(map(str, row)) for row in rows] == [("z", "a", "text"), ("1", "2", "x"), ("4", "3", "y")]


def test_a_workbook_holds_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    write(path, [{"text": '=HYPERLINK("http://example.org")', "=2": "@x"}])
    cells = [cell for row in openpyxl.load_workbook(path).active for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}


def test_csv_marks_formulas_when_asked_and_only_then(tmp_path: Path) -> None:
    rows: list[dict[str, Scalar]] = [{"text": "=1+1", "score": -1.5}]
    exporters.Csv().write(tmp_path / "exact.csv", rows)
    exporters.Csv(formulas="quote").write(tmp_path / "safe.csv", rows)
    assert (tmp_path / "exact.csv").read_text() == "text,score\n=1+1,-1.5\n"
    assert (tmp_path / "safe.csv").read_text() == "text,score\n'=1+1,-1.5\n"


def test_a_text_too_long_for_a_cell_is_one_line_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    with pytest.raises(ExportFailed, match=r"text of row 3 has 32,768 characters.*\.csv"):
        write(path, [{"text": "x" * 32_767}, {"text": "x" * 32_768}])
    assert list(tmp_path.iterdir()) == []
    write(path, [{"text": "x" * 32_767}])
    assert len(read(path)[0].text) == 32_767
    with pytest.raises(ExportFailed, match="characters"):
        # Excel counts a character beyond the basic plane twice
        write(path, [{"text": "😀" * 16_384}])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_on_the_way_leaves_the_old_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    write(path, [{"id": "old", "text": "old"}])
    before = path.read_bytes()

    def rows() -> Iterator[dict[str, Scalar]]:
        yield {"id": "new", "text": "new"}
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        EXPORTERS[exporters.exporter_for(path, EXPORTERS)].write(path, rows())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, ending: str) -> None:
    with pytest.raises(ExportFailed, match="cannot be written: No such file or directory") as caught:
        write(tmp_path / "nowhere" / f"file{ending}", [{"text": "x"}])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_no_room_is_one_line_and_nothing_is_left(tmp_path: Path, ending: str) -> None:
    # a limit on the size of files stands for a full disk: both fail in the middle of a write
    code = f"""
import resource, signal, pathlib
from docreview import exporters
from docreview.errors import ExportFailed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    exporters.{"Csv" if ending == ".csv" else "Jsonl"}().write(
        pathlib.Path({str(tmp_path / "file")!r} + {ending!r}), ({{"text": "x" * 1000}} for _ in range(1000)))
except ExportFailed as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert "cannot be written: File too large" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(DocreviewError, match=r"'file.pdf'.*\.csv, \.csv\.gz, \.jsonl, \.jsonl\.gz, \.xlsx"):
        exporters.exporter_for(tmp_path / "file.pdf", EXPORTERS)


def test_rows_of_different_keys_are_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="different keys"):
        write(tmp_path / "file.csv", [{"a": 1}, {"a": 1, "b": 2}])
    with pytest.raises(KeyError):
        write(tmp_path / "file.csv", [{"a": 1}, {"b": 1}])


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rows_make_an_empty_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file{ending}"
    assert write(path, []) == 0
    assert path.exists()


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write(tmp_path / name, [{"text": "x"}])
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_the_file_may_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [{"text": "x"}])
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o666 & ~umask
