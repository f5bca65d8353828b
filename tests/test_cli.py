"""The commands: light to start, clear when wrong, and of use to scripts."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from docreview import Document, Label, Project
from docreview.cli import COMMANDS, cli, main

HEAVY = (
    "numpy",
    "scipy",
    "sklearn",
    "torch",
    "spacy",
    "hnswlib",
    "pandas",
    "sqlalchemy",
    "matplotlib",
    "rich",
    "jinja2",
)
PROJECT = """
[views.lexical]
[questions.fruit]
prompt = "Is this about apples?"
labels = ["apple", "other"]
target = "apple"
batch_size = 5
"""
OPEN = """
[questions.color]
labels = ["red", "green"]
"""


@dataclass
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run a command in this process."""

    def call(*args: object, cwd: Path | None = None) -> Done:
        if cwd is not None:
            monkeypatch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A project of 30 documents, every third about apples; its file is the parameter, where there is one."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "docreview.toml").write_text(getattr(request, "param", PROJECT), "utf-8")
    with Project.open(place) as project:
        project.add_documents(documents())
    return place


def documents() -> list[Document]:
    return [
        Document(f"d{i}", f"The orchard gave apple {i}" if i % 3 == 0 else f"A stone in the river {i}", f"Document {i}")
        for i in range(30)
    ]


def truth(i: int) -> str:
    return "apple" if i % 3 == 0 else "other"


def labels(folder: Path) -> dict[str, str | None]:
    with Project.open(folder) as project:
        return project.review().labels()


def spawn(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "docreview", *args],
        cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- the start


def test_help_is_fast_and_loads_nothing_heavy(tmp_path: Path):
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded:', [m for m in {HEAVY!r} if m in sys.modules]))\n"
        "from docreview.cli import main\n"
        "main(['--help'])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded: []\n")
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3, "processor seconds"
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert line in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, run):
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    done = run(name, "--help")
    assert done.code == 0
    assert COMMANDS[name][1] in " ".join(done.out.split()), "the line in the list is the line of the command"
    assert f"docreview {name}" in done.out.split("Example", 1)[1], "an example"
    undocumented = [p.name for p in command.params if p.param_type_name == "option" and not p.help]
    assert not undocumented


def test_version(run):
    import docreview

    assert run("--version").out == f"docreview {docreview.__version__}\n"


def test_an_unknown_command_is_told_what_it_may_have_meant(run):
    done = run("statsu")
    assert done.code == 2
    assert "there is no command 'statsu'. Did you mean 'status'?" in done.err


# ------------------------------------------------------------------------------------------------------------- errors


def test_not_a_project_is_one_line(run, tmp_path: Path):
    done = run("status", cwd=tmp_path)
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith(f"Error: neither {tmp_path} nor a folder above it is a docreview project")
    assert done.err.count("\n") == 1
    done = run("status", "-p", tmp_path / "nowhere")
    assert done.code == 1
    assert "nowhere is not a docreview project" in done.err


def test_the_nearest_project_above_is_found(run, folder: Path):
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    assert run("status", "--json", cwd=deep).json()["documents"] == 30


def test_control_characters_in_a_message_are_shown(run, tmp_path: Path):
    done = run("status", "-p", tmp_path / "a\x1b[31m\nb")
    assert "\x1b" not in done.err
    assert "a␛[31m b is not a docreview project" in done.err


def test_ctrl_c_is_one_line_and_130(folder: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "docreview", "record", "--file", "-"],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # whoever runs the tests in the background of a shell has Ctrl-C ignored, and so would this process
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.strip() == "Interrupted. What was recorded stays recorded."


def test_a_reader_that_leaves_is_no_error(folder: Path):
    done = subprocess.run(
        f'"{sys.executable}" -m docreview next -n 30 --json | head -c 10',
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith('{"questio')
    assert done.stderr == ""


# --------------------------------------------------------------------------------------------------------- next, record


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("args", [("status",), ("next", "--json"), ("record", "d0", "apple"), ("--help",)])
def test_output_that_finds_the_disk_full_is_one_line(folder: Path, args: tuple[str, ...]):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "docreview", *args], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write: No space left on device. Free space and try again.\n"


def test_next_gives_documents_whole_and_the_same_until_they_are_answered(run, folder: Path):
    first = run("next", "-n", 3, "--json", cwd=folder).json()
    assert first["round"] == 1
    assert len(first["documents"]) == 3
    assert first["documents"][0]["text"].startswith(("The orchard", "A stone"))
    assert set(first["documents"][0]) == {"id", "title", "text", "metadata", "score", "probability"}
    assert run("next", "-n", 3, "--json").json() == first
    lines = run("next", "-n", 2).out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [document["id"] for document in first["documents"][:2]]


def test_record_by_argument(run, folder: Path):
    done = run("record", "d0", "apple", "--note", "clear", "--seconds", 3.5, "--reviewer", "eve", "--json", cwd=folder)
    assert done.json() == {"recorded": 1, "labels": [{"id": "d0", "label": "apple", "reviewer": "eve"}]}
    assert "d1\t(could not tell)" in run("record", "d1", "--skip").out
    assert labels(folder) == {"d0": "apple", "d1": None}
    with Project.open(folder) as project:
        entry = next(e for e in project.store.entries("review:fruit") if e.kind == "label")
    assert (entry.payload["note"], entry.payload["seconds"], entry.payload["reviewer"]) == ("clear", 3.5, "eve")


def test_record_from_a_file(run, folder: Path, tmp_path: Path):
    file = tmp_path / "labels.jsonl"
    lines = [{"id": f"d{i}", "label": truth(i), "seconds": i, "note": "n"} for i in range(12)]
    file.write_text("\n".join(map(json.dumps, [*lines, {"id": "d12", "label": None}])) + "\n\n", "utf-8")
    assert run("record", "--file", file, cwd=folder).out == "13 recorded.\n"
    assert labels(folder) == {**{f"d{i}": truth(i) for i in range(12)}, "d12": None}


GOOD = '{"id": "d0", "label": "apple"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "d1", "label": "aple"}', "line 2: 'aple' is no label of question 'fruit'. Did you mean 'apple'?"),
        ('{"id": "d99", "label": "apple"}', "line 2: there is no document 'd99'"),
        ('{"id": "d1"}', "line 2: 'id' and 'label' are needed"),
        ('{"id": "d1", "label": "apple", "nota": "x"}', "line 2: unknown key 'nota'. Did you mean 'note'?"),
        ('{"id": "d1", "label": 1}', "line 2: 'label' cannot be 1"),
        ('{"id": "d1", "label": "apple", "seconds": true}', "line 2: 'seconds' cannot be True"),
        ('{"id": "d1", "label": "apple", "seconds": -1}', "line 2: 'seconds' cannot be -1"),
        ('{"id": "d1", "label": "apple", "seconds": NaN}', "line 2: 'seconds' cannot be nan"),
        (f'{{"id": "d1", "label": "apple", "seconds": {"9" * 600}}}', "line 2: 'seconds' cannot be 999"),
        (f'{{"id": "d1", "label": "apple", "seconds": {"9" * 6000}}}', "line 2: JSON that cannot be read"),
        ("[" * 200_000, "line 2: JSON that cannot be read"),
        (
            '{"id": "d1", "label": "apple", "note": "\\ud800"}',
            "line 2: the note of the answer for 'd1' is no valid Unicode",
        ),
        ('{"id": "d1", "label": "apple", "reviewer": "\\ud800"}', "line 2: the reviewer of the answer for 'd1'"),
        ('{"id": "d1", "label"', "line 2: not JSON"),
        ("[1]", "line 2: an object"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_one_wrong_line_and_nothing_is_recorded(run, folder: Path, tmp_path: Path, line: str | bytes, message: str):
    file = tmp_path / "labels.jsonl"
    file.write_bytes(GOOD.encode() + (line if isinstance(line, bytes) else line.encode()))
    done = run("record", "--file", file, cwd=folder)
    assert done.code == 1
    assert message in done.err
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert labels(folder) == {}


@pytest.mark.parametrize("args", [(), ("d0",), ("d0", "apple", "--skip"), ("d0", "apple", "--file", "-")])
def test_a_record_that_makes_no_sense_is_refused(run, folder: Path, args: tuple[str, ...]):
    assert run("record", *args, cwd=folder).code == 2
    assert labels(folder) == {}


def test_labels_saved_with_a_byte_order_mark_are_read(run, folder: Path, tmp_path: Path):
    (tmp_path / "labels.jsonl").write_text(GOOD, "utf-8-sig")
    assert run("record", "--file", tmp_path / "labels.jsonl", cwd=folder).code == 0
    assert labels(folder) == {"d0": "apple"}


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300"])
def test_a_reading_time_that_is_none_is_one_line(run, folder: Path, seconds: str):
    done = run("record", "d0", "apple", "--seconds", seconds, cwd=folder)
    assert done.code == 1
    assert done.err.startswith("Error: the answer for 'd0' took ")
    assert labels(folder) == {}


@pytest.mark.parametrize("args", [("record", "--file", "-"), ("new", "other"), ("review",)])
def test_a_closed_standard_input_is_no_traceback(folder: Path, args: tuple[str, ...]):
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "docreview", *args],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)


def test_several_questions_must_be_named(run, folder: Path):
    with (folder / "docreview.toml").open("a") as file:
        file.write(OPEN)
    done = run("next", cwd=folder)
    assert done.code == 1
    assert "fruit, color" in done.err
    assert run("record", "d0", "red", "-q", "color").code == 0
    assert run("next", "-q", "colour").err.endswith("Did you mean 'color'?\n")
    assert set(run("status", "--json").json()) == {"fruit", "color"}


# ----------------------------------------------------------------------------------------------------------- new, add


def test_from_nothing_to_labels_that_come_with_a_file(run, tmp_path: Path):
    place = tmp_path / "licenses"
    args = ("new", place, "--prompt", 'Is it "free"?', "-l", "yes", "-l", "no", "-t", "yes", "--language", "en")
    assert "docreview add" in run(*args).out
    before = (place / "docreview.toml").read_text()
    assert 'prompt = "Is it \\"free\\"?"' in before
    done = run(*args)
    assert done.code == 1
    assert "is a docreview project already" in done.err
    assert (place / "docreview.toml").read_text() == before
    table = tmp_path / "table.csv"
    table.write_text("number,name,body,decision\n1,One,first text,yes\n2,Two,second text,\n3,Three,third text,no\n")
    columns = ("--id", "number", "--title", "name", "--text", "body", "--label", "decision")
    done = run("add", table, *columns, "-p", place)
    assert done.code == 0, done.err
    assert "3 added, 2 labels taken" in done.out
    again = run("add", table, *columns, "-p", place, "--json").json()
    assert again["documents"] == 3
    (file,) = again["files"]
    assert (file["added"], file["skipped"], file["priors"]) == (0, 3, 0)
    assert run("status", "-p", place, "--json").json()["priors"] == 2
    done = run("add", table, "--text", "bodi", "-p", place)
    assert done.code == 1
    assert "bodi" in done.err
    assert run("add", tmp_path / "none.csv", "-p", place).err.count("\n") == 1


def test_files_before_the_one_that_fails_are_told(run, folder: Path, tmp_path: Path):
    (tmp_path / "good.csv").write_text("id,text\nnew,a text\n")
    (tmp_path / "clash.csv").write_text("id,text\nd0,another text\n")
    done = run("add", tmp_path / "good.csv", tmp_path / "clash.csv", cwd=folder)
    assert done.code == 1
    assert "good.csv: 1 added" in done.out
    assert done.err.startswith(f"Error: {tmp_path / 'clash.csv'}: the corpus has another text with the id 'd0'")
    assert done.err.count("\n") == 1


def test_new_asks_for_what_is_not_given(tmp_path: Path):
    pexpect = pytest.importorskip("pexpect", reason="a pseudo-terminal needs pexpect")
    child = pexpect.spawn(
        sys.executable, ["-m", "docreview", "new", "fruit"], cwd=str(tmp_path), timeout=30, encoding="utf-8"
    )
    child.expect("decided")
    child.sendline("Is it an apple?")
    child.expect("answers")
    child.sendline("apple, pear, other")
    child.expect("Which")
    child.sendline("pear")
    child.expect("Made fruit/docreview.toml")
    child.expect(pexpect.EOF)
    child.close()
    with Project.open(tmp_path / "fruit") as project:
        question = project.questions["fruit"]
    assert (question.labels, question.target, question.prompt) == (
        ("apple", "pear", "other"),
        "pear",
        "Is it an apple?",
    )


@pytest.mark.parametrize("name", ["100% done", "what?", "a%20b", "a#b", "two\nlines", "sqlite:"])
def test_a_project_in_a_folder_of_any_name(run, tmp_path: Path, name: str):
    done = run("new", tmp_path / name, "-l", "yes", "-l", "no")
    assert done.code == 0, done.err
    assert (tmp_path / name / ".docreview" / "record.db").is_file()
    assert run("status", "-p", tmp_path / name).code == 0


def test_new_in_a_script_wants_its_labels(tmp_path: Path):
    done = spawn("new", "fruit", cwd=tmp_path)
    assert done.returncode == 2
    assert "give two or more labels" in done.stderr
    done = spawn("new", "fruit", "-l", "a", "-l", "b", "-t", "c", cwd=tmp_path)
    assert done.returncode == 1
    assert "target 'c' is none of its labels" in done.stderr
    assert not (tmp_path / "fruit").exists()


def test_embed_builds_what_is_missing_and_nothing_twice(run, folder: Path):
    assert run("embed", cwd=folder).out == "All 30 documents have been read; every view is built.\n"
    assert run("embed", "--quiet").out == ""


# -------------------------------------------------------------------------------------- status, report, export, plugins


def test_embed_says_where_a_view_stands_aside(run, tmp_path: Path):
    (tmp_path / "docreview.toml").write_text('[questions.q]\nlabels = ["a", "b"]\n')
    with Project.open(tmp_path) as project:
        project.add_documents(Document(f"d{i}", f"የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው {i}") for i in range(5))
    said = run("embed", cwd=tmp_path).out
    assert "The view 'semantic' stands aside: the model does not know" in said
    assert said.endswith("All 5 documents have been read; every other view is built.\n")


def test_status_for_people_and_for_scripts(run, folder: Path):
    run("record", "d0", "apple", "--seconds", 4, cwd=folder)
    run("record", "d1", "--skip")
    value = run("status", "--json").json()
    assert (value["read"], value["found"], value["skipped"], value["pool"]) == (2, {"apple": 1, "other": 0}, 1, 28)
    shown = run("status").out
    for words in ("fruit: Is this about apples?", "2 (6.7%)", "apple", "1 (the target)", "4.0 s a document", "lexical"):
        assert words in shown


def test_report_and_export_write_files(run, folder: Path):
    run("record", "d0", "apple", cwd=folder)
    assert run("report").out == "Wrote report.html\n"
    assert "Is this about apples?" in (folder / "report.html").read_text("utf-8")
    assert run("report", "r.json").code == 0
    assert json.loads((folder / "r.json").read_text("utf-8"))["found"]["apple"] == 1
    assert run("export", "labels.csv", "--json").json() == {"file": "labels.csv", "rows": 30}
    assert run("export", "labels.jsonl", "--answered").out == "Wrote 1 document to labels.jsonl\n"
    for command in ("report", "export"):
        done = run(command, f"no/such/{command}.{'html' if command == 'report' else 'csv'}")
        assert done.code == 1
        assert done.err.count("\n") == 1
        assert "no/such" in done.err


def test_replay_draws_every_batch_again(run, folder: Path):
    for _ in range(3):
        for document in run("next", "--json", cwd=folder).json()["documents"]:
            run("record", document["id"], "apple" if int(document["id"][1:]) % 3 == 0 else "other")
    shutil.rmtree(folder / ".docreview" / "cache")
    value = run("replay", "--json").json()
    assert (value["batches"], value["findings"]) == (3, [])
    assert "3 batches were drawn again: every one comes out the same." in run("replay").out
    # another seed behind the record's back
    with sqlite3.connect(folder / ".docreview" / "record.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        changed = "replace(payload, '\"seed\":0', '\"seed\":7')"
        database.execute(f"UPDATE entries SET payload = {changed} WHERE kind = 'settings'")
    database.close()
    done = run("replay")
    assert done.code == 1
    assert "entry 2 of chain 'review:fruit' was changed" in done.err


def test_plugins_lists_every_kind(run):
    value = run("plugins", "--json").json()
    assert {"docreview"} <= set(value["plugins"])
    assert {"random", "most-relevant"} <= {entry["name"] for entry in value["components"]["query_strategies"]}
    assert value["quarantined"] == []
    shown = run("plugins").out
    assert "query strategies" in shown
    assert "most-relevant" in shown


def install(place: Path, name: str, code: str) -> None:
    """Put a distribution with one entry point on a path, as pip would."""
    (place / f"{name.replace('-', '_')}.py").write_text(code)
    info = place / f"{name.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[docreview]\n{name} = {name.replace('-', '_')}\n")


COMMAND = """
import click, docreview
@docreview.hookimpl
def register_commands(cli):
    @cli.command("{name}", short_help="Say hello.")
    def command():
        {body}
"""


def test_commands_of_plugins(tmp_path: Path):
    install(tmp_path, "good-one", COMMAND.format(name="hello", body="click.echo('hello there')"))
    install(tmp_path, "the-buggy", COMMAND.format(name="crash", body="1 / 0"))
    install(tmp_path, "the-broken", "import no_such_module")
    install(tmp_path, "the-thief", COMMAND.format(name="status", body="click.echo('mine')"))
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = spawn("--help", cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "hello  Say hello." in done.stdout
    assert "Not loaded: 'the-broken', 'the-thief'." in done.stdout
    assert spawn("hello", cwd=tmp_path, PYTHONPATH=path).stdout == "hello there\n"
    crash = spawn("crash", cwd=tmp_path, PYTHONPATH=path)
    assert crash.returncode == 1
    assert "Traceback" in crash.stderr, "a bug keeps its traceback"
    assert "ZeroDivisionError" in crash.stderr
    assert "mine" not in spawn("status", "--help", cwd=tmp_path, PYTHONPATH=path).stdout
    listed = json.loads(spawn("plugins", "--json", cwd=tmp_path, PYTHONPATH=path).stdout)
    causes = {entry["name"]: (entry["version"], entry["cause"]) for entry in listed["quarantined"]}
    assert causes["the-broken"] == ("1.2", "ModuleNotFoundError: No module named 'no_such_module'")
    assert causes["the-thief"] == ("1.2", "the command 'status' is there already.")
    assert {"good-one", "the-buggy"} <= set(listed["plugins"])
    strict = spawn("--help", cwd=tmp_path, PYTHONPATH=path, DOCREVIEW_STRICT_PLUGINS="1")
    assert strict.returncode == 1
    assert strict.stderr.startswith("Traceback"), "where it failed, for its author"
    assert strict.stderr.splitlines()[-1].startswith("Error: plugin 'the-broken' 1.2: ModuleNotFoundError")
    without = spawn("--help", cwd=tmp_path, PYTHONPATH=path, DOCREVIEW_DISABLE_PLUGINS="the-broken,the-thief,good-one")
    assert "Say hello" in without.stdout, "that of the plugin that was not left out"
    assert "hello  " not in without.stdout
    assert "Not loaded" not in without.stdout


# ----------------------------------------------------------------------------------------------------------- simulate


@pytest.fixture
def known(folder: Path) -> Path:
    with Project.open(folder) as project:
        project.review().record(*(Label(f"d{i}", truth(i), prior=True) for i in range(30)))
    return folder


def test_simulate_says_how_many_documents_are_read(run, known: Path):
    value = run("simulate", "--seeds", 2, "-s", "random", "--json", cwd=known).json()
    assert (value["documents"], value["total"], value["target"], value["seeds"]) == (30, 10, "apple", 2)
    rows = {row["order"]: row for row in value["rows"]}
    assert set(rows) == {"docreview", "random", "random order, expected"}
    ours, expected = rows["docreview"]["read"], rows["random order, expected"]["read"]
    assert 8 <= ours[0] <= ours[1] <= ours[2] < 22, "it finds ten apples among thirty documents early"
    assert expected == pytest.approx([8 * 31 / 11, 10 * 31 / 11, 10 * 31 / 11])
    assert rows["docreview"]["saving"] == pytest.approx(1 - ours[1] / rows["random order, expected"]["read"][1])
    shown = run("simulate", "--seeds", 2, "--report", "sim.html").out
    assert "30 documents with known labels, 10 of them 'apple'; mean of 2 runs" in shown
    assert "random order, expected" in shown
    assert (known / "sim.html").read_text("utf-8").count("data:image/svg") == 1
    assert labels(known) == {f"d{i}": truth(i) for i in range(30)}, "the project's record is as it was"


@pytest.mark.parametrize("folder", [PROJECT.replace('target = "apple"\n', "")], indirect=True)
def test_simulate_without_a_target_measures_quality(run, known: Path):
    value = run("simulate", "--seeds", 1, "--labels", 20, "--json", cwd=known).json()
    assert value["held_out"] == 6
    last = value["rows"][-1]
    assert last["labels"] == 20
    assert 0.5 <= last["macro_f1"] <= 1
    assert "macro-F1" in run("simulate", "--seeds", 1, "--labels", 20).out


def test_simulate_takes_the_truth_from_a_file(run, folder: Path):
    rows = "\n".join(f"d{i},text {i},{truth(i)}" for i in range(30))
    (folder / "truth.csv").write_text(f"id,text,answer\n{rows}\n")
    value = run(
        "simulate", "--truth", "truth.csv", "--truth-label", "answer", "--seeds", 1, "--json", cwd=folder
    ).json()
    assert (value["documents"], value["total"]) == (30, 10)
    (folder / "truth.csv").write_text(f"id,text,answer\n{rows}\nd0,text,aple\n".replace("d0,text 0,apple\n", ""))
    done = run("simulate", "--truth", "truth.csv", "--truth-label", "answer")
    assert done.code == 1
    assert "'aple' is no label of 'fruit'. Did you mean 'apple'?" in done.err


@pytest.mark.parametrize("columns", [(), ("--truth-id", "id", "--truth-label", "label")])
def test_the_truth_needs_no_texts(run, folder: Path, columns: tuple[str, ...]):
    (folder / "truth.csv").write_text("id,label\n" + "".join(f"d{i},{truth(i)}\n" for i in range(30)))
    value = run("simulate", "--truth", "truth.csv", *columns, "--seeds", 1, "--json", cwd=folder).json()
    assert (value["documents"], value["total"]) == (30, 10)


def test_a_truth_that_says_two_things_is_told(run, folder: Path):
    (folder / "truth.csv").write_text("id,label\nd0,apple\nd0,other\n")
    done = run("simulate", "--truth", "truth.csv", cwd=folder)
    assert done.code == 1
    assert "truth.csv, line 3: id 'd0' is that of line 2 already" in done.err


def test_simulate_without_labels_is_one_clear_line(run, folder: Path):
    done = run("simulate", cwd=folder)
    assert done.code == 1
    assert "nothing to simulate" in done.err
    done = run("simulate", "-s", "randon")
    assert done.code == 1


def test_progress_bars_only_on_a_terminal(known: Path):
    pexpect = pytest.importorskip("pexpect", reason="a pseudo-terminal needs pexpect")
    out, status = pexpect.run(
        f'"{sys.executable}" -m docreview simulate --seeds 1',
        cwd=str(known),
        withexitstatus=True,
        timeout=60,
        encoding="utf-8",
    )
    assert status == 0
    assert "docreview, seed 0" in out
    done = spawn("simulate", "--seeds", "1", cwd=known)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    "folder", [f"[views.lexical]\n[questions.q]\nlabels = {[f'L{i}' for i in range(60)]}\n"], indirect=True
)
def test_many_labels_and_few_answers_bring_no_warnings(folder: Path):
    with Project.open(folder) as project:
        project.review().record(*(Label(f"d{i}", f"L{i}") for i in range(25)))
    done = subprocess.run(
        [sys.executable, "-m", "docreview", "next", "-n", "1"], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
