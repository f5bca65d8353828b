"""``docreview exchange``: what a person does, from the batch that goes out to the labels in the record."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from docreview import Label, Project
from docreview.errors import DocreviewError, ExportFailed, ImportFailed, ProjectError

Run = Callable[..., Result]
REAL = Path(__file__).parent / "label-studio-1.23.2"


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def sheet(path: str, *rows: tuple[str, ...], columns: tuple[str, ...] = ("id", "label", "reviewer")) -> str:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def said(project: Project) -> dict[str, dict[str, str | None]]:
    """Every reviewer's answer, by document."""
    ledger = project.review().ledger
    ids = project.store.ids_of(ledger.answers)
    return {id: dict(given) for id, given in zip(ids, ledger.answers.values(), strict=True)}


def entries(project: Project) -> int:
    return project.store.last(project.review().chain)


# ---------------------------------------------------------------------------------------------------------------- send


def test_a_sheet_goes_out_and_comes_back(run: Run, project: Project) -> None:
    told = run("send", "tasks.csv", "-n", "5", "--for", "ada").output
    assert told == "Wrote 5 documents to tasks.csv; tasks.txt goes with it.\n"
    rows = rows_of("tasks.csv")
    assert len(rows) == 5
    how = Path("tasks.txt").read_text("utf-8-sig")
    for part in ("How did the court decide?", "tasks.csv", "  $5 fine", "  ?  (you have read it"):
        assert part in how
    for row, label in zip(rows, ["granted", "DISMISSED ", "?", "", "$5 fine"], strict=True):
        row.update(label=label, note="a note" if label == "granted" else "")
    sheet("back.csv", *(tuple(row.values()) for row in rows), columns=tuple(rows[0]))
    told = run("receive", "back.csv").output
    assert told == "back.csv: 4 recorded, 1 not answered.\n  ada: 4\n"
    ids = list(project.review().labels())
    assert [given["ada"] for given in said(project).values()] == ["granted", "dismissed", None, "$5 fine"]
    assert len(project.review().pending) == 1, "what is not answered stays to be read"
    row = project.store.rows(ids[:1])[0]
    assert project.review().ledger.notes[row] == {"ada": "a note"}


def test_what_waits_for_an_answer_is_sent_again(run: Run, project: Project) -> None:
    run("send", "one.csv", "-n", "4")
    told = run("send", "two.csv", "-n", "10").output
    assert "4 documents of the last batch had no answer yet." in told
    sent = [row["id"] for row in rows_of("one.csv")]
    assert [row["id"] for row in rows_of("two.csv")] == sent
    run("send", "three.csv", "-n", "2")
    assert [row["id"] for row in rows_of("three.csv")] == sent[:2], "those most wanted first"


def test_tasks_for_label_studio(run: Run, project: Project) -> None:
    run("send", "tasks.json", "-n", "3")
    sent = [task["data"]["document_id"] for task in json.loads(Path("tasks.json").read_text("utf-8"))]
    assert tuple(sent) == project.review().pending
    assert '<Choice value="dismissed" />' in Path("tasks.xml").read_text("utf-8")
    run("config", "again.xml")
    assert Path("again.xml").read_bytes() == Path("tasks.xml").read_bytes()


@pytest.mark.parametrize(("first", "second"), [("tasks.csv", "tasks.csv"), ("tasks.txt", "tasks.csv")])
def test_no_file_is_written_over_by_mistake(run: Run, project: Project, first: str, second: str) -> None:
    Path(first).write_text("kept")
    before = entries(project)
    with pytest.raises(ExportFailed, match=f"{first} is there already: give another name, or --force"):
        run("send", second)
    assert Path(first).read_text() == "kept"
    assert entries(project) == before, "no batch is drawn that nobody gets"
    run("send", second, "--force")
    assert Path(first).read_text("utf-8-sig") != "kept"


def test_what_cannot_be_sent_is_told_before_a_batch_is_drawn(run: Run, project: Project) -> None:
    before = entries(project)
    with pytest.raises(ExportFailed, match="there is no folder nowhere"):
        run("send", "nowhere/tasks.csv")
    for arguments in (("tasks.xlsx",), ("tasks.json", "--for", "ada"), ("tasks.csv", "-n", "0")):
        assert run("send", *arguments).exit_code == 2
    assert entries(project) == before
    assert not list(Path().glob("tasks*"))


def test_nothing_to_send(run: Run, project: Project) -> None:
    project.review().record(*(Label(id, "granted", "ada") for id in project.store.ids()))
    assert "Every document has been answered" in run("send", "tasks.csv").output
    assert not Path("tasks.csv").exists()


def test_a_project_without_documents(run: Run, tmp_path: Path, project: Project) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "docreview.toml").write_bytes((project.folder / "docreview.toml").read_bytes())
    with pytest.raises(DocreviewError, match="no documents yet"):
        run("send", "tasks.csv", "-p", "empty")


# ------------------------------------------------------------------------------------------------------------- receive


def test_a_file_may_be_received_again(run: Run, project: Project) -> None:
    files = [str(REAL / name) for name in ("export.json", "export.csv", "export-min.json", "export.tsv")]
    names = ["--rename", "1=ada", "--rename", "2=bob"]
    assert "export.json: 11 recorded, 4 not answered." in run("receive", files[0], *names).output
    record, before = said(project), entries(project)
    assert record["latin/0"] == {"ada": "granted", "bob": "granted"}
    assert record["hebrew/5"] == {"ada": None}
    told = run("receive", *files, *names).output
    assert told.count("0 recorded, 9 recorded before") == 3
    assert "0 recorded, 11 recorded before, 4 not answered." in told
    assert (said(project), entries(project)) == (record, before)


def test_times_and_dates_come_along(run: Run, project: Project) -> None:
    run("receive", str(REAL / "snapshot.json"))
    kept = [e.payload for e in project.store.entries(project.review().chain) if e.kind == "label"]
    [ada] = [e for e in kept if (e["document_id"], e["reviewer"]) == ("latin/0", "ada@example.org")]
    assert ada["seconds"] == 4.5
    assert ada["at"].startswith("2026-11-24T")
    assert ada["note"] == 'a note, with "quotes"\nand lines'


def test_a_file_with_a_mistake_leaves_no_trace(run: Run, project: Project) -> None:
    path = sheet(
        "back.csv",
        ("latin/0", "granted", "ada"),
        ("latin/O", "granted", "ada"),
        ("thai/7", "grantd", "ada"),
        ("hindi/3", "granted", ""),
        ("arabic/4", "granted", "ada"),
        ("arabic/4", "dismissed", "ada"),
    )
    run("send", "tasks.csv")
    before = entries(project)
    with pytest.raises(DocreviewError, match=r"4 answers wrong, nothing recorded: .* --partial to record the other 1"):
        run("receive", path)
    assert entries(project) == before
    told = run("receive", path, "--partial").output
    assert "back.csv: 1 recorded, 1 said again, 4 wrong." in told
    flat = " ".join(told.split())
    for part in (
        "line 3 latin/O there is no such document. Did you mean 'latin/0'?",
        "line 4 thai/7 'grantd' is no label of question 'outcome'. Did you mean 'granted'?",
        "line 5 hindi/3 it is not said who answered: fill in the column 'reviewer', or give --reviewer NAME.",
        "line 6 arabic/4 ada answers 'granted' (line 6), 'dismissed' (line 7).",
    ):
        assert part in flat
    assert said(project) == {"latin/0": {"ada": "granted"}}
    assert "1 recorded" in run("receive", path, "--partial", "--reviewer", "bob").output
    assert said(project)["hindi/3"] == {"bob": "granted"}


def test_each_file_stands_for_itself(run: Run, project: Project, tmp_path: Path) -> None:
    good = sheet("good.csv", ("latin/0", "granted", "ada"))
    bad = sheet("bad.csv", ("latin/0", "granted", "bob"), ("nobody", "granted", "bob"))
    Path("noise.csv").write_bytes(bytes(range(256)))
    other = sheet("other.csv", ("latin/0", "granted", "q"), columns=("id", "label", "question"))
    with pytest.raises(DocreviewError, match="4 of 5 files were not received"):
        run("receive", bad, "noise.csv", other, "missing.csv", good)
    assert said(project) == {"latin/0": {"ada": "granted"}}
    with pytest.raises(DocreviewError, match=r"answers the question 'q', which the project has not. Known: outcome"):
        run("receive", other)
    with pytest.raises(DocreviewError, match="answers the question 'q', not 'outcome'"):
        run("receive", other, "-q", "outcome")
    with pytest.raises(ProjectError, match="no question 'q'"):
        run("receive", other, "-q", "q")


def test_a_changed_mind_must_be_meant(run: Run, project: Project) -> None:
    first = sheet("first.csv", ("latin/0", "granted", "ada"), ("thai/7", "?", "ada"))
    second = sheet("second.csv", ("latin/0", "dismissed", "ada"), ("thai/7", "granted", "ada"))
    run("receive", first)
    with pytest.raises(DocreviewError, match="1 answer wrong, nothing recorded"):
        run("receive", second)
    assert said(project)["thai/7"] == {"ada": None}
    assert "2 recorded" in run("receive", second, "--changes").output
    assert said(project) == {"latin/0": {"ada": "dismissed"}, "thai/7": {"ada": "granted"}}
    # the file from before would turn it back
    with pytest.raises(DocreviewError, match="nothing recorded"):
        run("receive", first)
    assert said(project)["latin/0"] == {"ada": "dismissed"}


def test_a_note_added_later_is_kept_once(run: Run, project: Project) -> None:
    columns = ("id", "label", "reviewer", "note", "seconds")
    run("receive", sheet("one.csv", ("latin/0", "granted", "ada", "first", "10"), columns=columns))
    later = sheet("two.csv", ("latin/0", "granted", "ada", "second", "10"), columns=columns)
    assert "1 recorded" in run("receive", later).output
    assert "0 recorded, 1 recorded before" in run("receive", later).output
    ledger = project.review().ledger
    assert list(ledger.notes.values()) == [{"ada": "first | second"}]
    assert ledger.seconds == 10, "the document was read once"
    told = run("receive", sheet("three.csv", ("thai/7", "", "ada", "why?", ""), columns=columns)).output
    assert "a note without a label: why?" in told


def test_a_dry_run_records_nothing_and_says_the_same(run: Run, project: Project) -> None:
    one = sheet("one.csv", ("latin/0", "granted", "ada"))
    two = sheet("two.csv", ("latin/0", "dismissed", "bob"))
    project.review()
    before = entries(project)
    dry = run("receive", one, two, "--dry-run").output
    assert entries(project) == before
    assert dry.replace("would be recorded", "recorded") == run("receive", one, two).output
    assert "Reviewers differ on 1 document" in dry


def test_where_reviewers_differ_all_is_recorded_and_told(run: Run, project: Project) -> None:
    project.review().record(Label("=1-2", "granted", "prior", prior=True))
    rows = (("latin/0", "granted"), ("thai/7", "granted"), ("hindi/3", "?"), ("'=1-2", "granted"))
    run("receive", sheet("ada.csv", *rows, columns=("id", "label")), "--reviewer", "ada")
    rows = (("latin/0", "granted"), ("thai/7", "dismissed"), ("hindi/3", "granted"), ("'=1-2", "$5 fine"))
    bob = sheet("bob.csv", *rows, columns=("id", "label"))
    told = run("receive", bob, "--reviewer", "bob", "--conflicts", "conflicts.csv").output
    assert "4 recorded" in told
    assert "Reviewers differ on 2 documents" in told
    assert "Wrote 2 documents to conflicts.csv" in told
    conflicts = {row["id"]: row for row in rows_of("conflicts.csv")}
    assert {id: row["answers"] for id, row in conflicts.items()} == {
        "thai/7": "ada: granted, bob: dismissed",
        "'=1-2": "prior: granted, ada: granted, bob: $5 fine",
    }
    assert conflicts["thai/7"]["text"] == project.review().document("thai/7").text
    # the file is a sheet again: somebody decides, and two of three say so
    for row in conflicts.values():
        row["label"] = "dismissed" if row["id"] == "thai/7" else ""
    sheet("decided.csv", *(tuple(row.values()) for row in conflicts.values()), columns=tuple(conflicts["thai/7"]))
    run("receive", "decided.csv", "--reviewer", "eve")
    assert project.review().labels()["thai/7"] == "dismissed"
    # told again, whoever asks, and never written over by mistake
    with pytest.raises(ExportFailed, match=r"conflicts.csv is there already"):
        run("receive", bob, "--reviewer", "bob", "--conflicts", "conflicts.csv")
    told = run("receive", bob, "--reviewer", "bob", "--conflicts", "conflicts.csv", "--force").output
    assert "Reviewers differ on 2 documents" in told


def test_no_conflicts_leave_an_empty_sheet(run: Run, project: Project) -> None:
    told = run("receive", sheet("a.csv", ("latin/0", "granted", "ada")), "--conflicts", "conflicts.csv").output
    assert "differ" not in told
    assert rows_of("conflicts.csv") == []


def test_several_questions_are_told_apart_by_the_files(run: Run, project: Project) -> None:
    file = project.folder / "docreview.toml"
    file.write_text(file.read_text("utf-8") + '[questions.again]\nlabels = ["yes", "no"]\n', "utf-8")
    with pytest.raises(ProjectError, match="several questions"):
        run("send", "tasks.csv")
    run("send", "tasks.csv", "-q", "again", "--for", "ada", "-n", "1")
    [row] = rows_of("tasks.csv")
    back = sheet("back.csv", tuple({**row, "label": "yes"}.values()), columns=tuple(row))
    first = str(REAL / "snapshot.json")
    told = run("receive", back, first).output
    assert "back.csv: 1 recorded" in told
    assert "11 recorded" in told
    assert run("receive", back, first, "--conflicts", "c.csv").exit_code == 2
    with pytest.raises(ProjectError, match="several questions"):
        run("receive", sheet("unnamed.csv", ("latin/0", "yes", "ada")))
    with Project.open(project.folder) as opened:
        assert len(opened.review("again").labels()) == 1
        assert len(opened.review("outcome").labels()) == 8


def test_what_would_steer_a_terminal_is_not_printed(run: Run, project: Project) -> None:
    path = sheet("back.csv", ("x\x1b[2J", "gra\x1b]0;nted", "ada"), ("latin/0", "granted", "e\x1b[1mve\u202e"))
    told = run("receive", path, "--partial").output
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "x\ufffd[2J" in told


def test_many_mistakes_are_counted(run: Run, project: Project) -> None:
    path = sheet("back.csv", *((f"no-{i}", "granted", "ada") for i in range(500)))
    told = run("receive", path, "--partial").output
    assert "500 wrong" in told
    assert "... and 470 more" in told
    assert len(told.splitlines()) < 40


@pytest.mark.parametrize("value", ["ada", "=ada", "1=", ""])
def test_a_rename_has_two_sides(run: Run, project: Project, value: str) -> None:
    assert run("receive", "back.csv", "--rename", value).exit_code == 2


def test_a_name_or_note_that_is_no_unicode_is_told(run: Run, project: Project) -> None:
    task = {"data": {"document_id": "latin/0"}, "annotations": [{"completed_by": "\ud800", "was_cancelled": True}]}
    Path("back.json").write_text(json.dumps([task]), "utf-8")
    assert "no valid Unicode" in run("receive", "back.json", "--partial").output
    assert said(project) == {}


def test_answers_to_two_questions_in_one_file_are_refused(run: Run, project: Project) -> None:
    path = sheet("b.csv", ("latin/0", "a", "x"), ("thai/7", "a", "y"), columns=("id", "label", "question"))
    with pytest.raises(DocreviewError, match="answers to several questions"):
        run("receive", path)
    with pytest.raises((DocreviewError, ImportFailed), match="not 'outcome'"):
        run("receive", sheet("c.csv", ("a", "b", "x"), columns=("id", "label", "question")), "-q", "outcome")
