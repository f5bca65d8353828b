"""``docreview plugins`` and what belongs to it: with real distributions on a path, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugin_support import distribution
from support import LEXICAL, make_documents

import docreview.cli.common
from docreview import Project
from docreview.cli import main
from docreview.cli.naming import parsed, setting_lines, toml, usage, with_truth
from docreview.plugins import load_plugins
from docreview.registry import KINDS, Registration
from docreview.testing import CHECKS

REGISTRY = load_plugins().registry

GOOD = '''
from dataclasses import dataclass
import docreview

docreview_api = 1

@dataclass(frozen=True)
class Shuffled:
    """Any document, in any order.

    More of it,
    on two lines:

    - one
    - another

    Paper: Nobody and Others 2020, On Order.
    """
    share: float = 0.5
    mode: str | None = None
    needs = frozenset()
    def select(self, state, n, rng):
        return docreview.Selection(rng.permutation(state.candidates.tolist())[:n].astype("int64"))

@dataclass(frozen=True)
class Sorted:
    """By their numbers, and that is wrong."""
    needs = frozenset()
    def select(self, state, n, rng):
        return docreview.Selection(state.candidates[:n])

@docreview.hookimpl
def register_query_strategies(register):
    register("shuffled", Shuffled)
    register("sorted", Sorted)

@docreview.hookimpl
def register_commands(cli):
    @cli.command("hello")
    def hello():
        """Say hello."""
'''
FACTORIES = """
import docreview
from docreview.errors import PluginError

def broken():
    return 1 / 0

def optional():
    raise PluginError("it needs the package setfit: pip install setfit")

def escape():
    \"\"\"Turns the screen \\x1b[31mred.\"\"\"
    return str

@docreview.hookimpl
def register_text_processors(register):
    register("broken-factory", broken)
    register("optional", optional)
    register("escape", escape)
"""


@pytest.fixture
def spawn(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a process that finds the distributions in `tmp_path`, in a folder that is no project."""
    place = tmp_path / "here"
    place.mkdir()

    def call(*args: str, cwd: Path = place, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, (str(tmp_path / "path"), os.environ.get("PYTHONPATH"))))
        env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "100", **environment}
        command = [sys.executable, "-m", "docreview", *args]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=200)

    return call


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., None]:
    def call(name: str, code: str, version: str = "1.0") -> None:
        (tmp_path / "path").mkdir(exist_ok=True)
        distribution(tmp_path / "path", name, code, version)

    return call


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit code, stdout, stderr."""

    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(args)
        return int(ended.value.code or 0), *capfd.readouterr()

    return call


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two one-file plugins, one of which is broken."""
    place = tmp_path / "project"
    (place / "below").mkdir(parents=True)
    (place / "my_own.py").write_text(GOOD.partition("@docreview.hookimpl\ndef register_commands")[0])
    (place / "not_mine.py").write_text("import no_such_module")
    files = '[plugins]\nfiles = ["my_own.py", "not_mine.py"]\n'
    (place / "docreview.toml").write_text(files + LEXICAL, "utf-8")
    return place


def words(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())


# ----------------------------------------------------------------------------------------------------------------- list


def test_the_list(install, spawn) -> None:
    install("good", GOOD)
    install("broken", "raise RuntimeError('no \\x1b[31m luck')")
    install("off", GOOD)
    disabled = f"{os.environ['DOCREVIEW_DISABLE_PLUGINS']},off"
    done = spawn("plugins", DOCREVIEW_DISABLE_PLUGINS=disabled)
    assert done.returncode == 0
    shown = words(done.stdout)
    assert "shuffled Any document, in any order. (good 1.0)" in shown
    assert "hello Say hello. (good)" in shown
    assert "good 1.0 distribution docreview-good 1.0" in shown
    assert "switched off by DOCREVIEW_DISABLE_PLUGINS: off" in shown
    # what a plugin says of itself is never sent to the terminal as it is
    assert "not loaded: broken 1.0: RuntimeError: no ␛[31m luck (distribution docreview-broken 1.0)" in shown
    told = json.loads(spawn("plugins", "--json", DOCREVIEW_DISABLE_PLUGINS=disabled).stdout)
    assert told["plugins"]["good"] == "1.0"
    assert told["origins"]["good"] == "distribution docreview-good 1.0"
    assert "off" in told["disabled"]
    assert told["commands"] == ["hello"]
    assert [(f["name"], f["origin"]) for f in told["quarantined"]] == [("broken", "distribution docreview-broken 1.0")]
    colored = spawn("plugins", DOCREVIEW_DISABLE_PLUGINS=disabled, FORCE_COLOR="1").stdout
    assert "\x1b[1;31mnot loaded: broken" in colored
    assert "\x1b[2mswitched off" in colored


def test_the_list_of_a_project_has_its_one_file_plugins(project: Path, spawn) -> None:
    for cwd, option in ((project / "below", ()), (project.parent, ("--project", str(project)))):
        done = spawn("plugins", *option, cwd=cwd)
        assert done.returncode == 0
        assert "shuffled Any document, in any order. (my-own file-" in words(done.stdout)
        assert "not loaded: not-mine file-" in words(done.stdout)
    told = json.loads(spawn("plugins", "--json", cwd=project).stdout)
    assert told["project"] == str(project)
    assert told["origins"]["my-own"] == str(project / "my_own.py")
    assert json.loads(spawn("plugins", "--json").stdout)["project"] is None


@pytest.mark.parametrize("text", ["nonsense", LEXICAL + "[plugin]\n", ""])
def test_a_broken_project_hides_no_plugin(text: str, project: Path, install, spawn) -> None:
    install("good", GOOD)
    (project / "docreview.toml").write_text(text)
    done = spawn("plugins", cwd=project)
    assert done.returncode == 0
    assert "shuffled" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Warning: one-file plugins are not listed: {project / 'docreview.toml'}")


def test_a_name_longer_than_its_column_is_whole(install, spawn) -> None:
    install("good", GOOD.replace('"sorted"', '"sorted-by-something-that-has-no-end-at-all"'))
    assert "\n  sorted-by-something-that-has-no-end-at-all\n" in spawn("plugins", COLUMNS="60").stdout


def test_an_unknown_command_of_the_group(run) -> None:
    code, _, err = run("plugins", "inf")
    assert code == 2
    assert "'docreview plugins' has no command 'inf'. Did you mean 'info'?" in err
    assert run("plugins", "--json", "info", "margin")[0] == 2, "an option that would be ignored is refused"


def test_an_unknown_command_may_be_that_of_a_plugin_that_is_left_out(install, spawn) -> None:
    install("broken", "import no_such_module")
    install("off", GOOD)
    done = spawn("hello", DOCREVIEW_DISABLE_PLUGINS="off,broken-by-another-name")
    assert done.returncode == 2
    assert "there is no command 'hello'." in done.stderr
    left_out = "Plugins left out: 'broken' (not loaded), 'off' (switched off); 'docreview plugins' says why."
    assert left_out in words(done.stderr)
    assert "left out" not in spawn("hell", DOCREVIEW_DISABLE_PLUGINS="", PYTHONPATH="").stderr


# ----------------------------------------------------------------------------------------------------------------- info


def test_info_of_a_component(install, spawn) -> None:
    install("good", GOOD)
    done = spawn("plugins", "info", "shuffled")
    assert done.returncode == 0
    shown = words(done.stdout)
    assert shown.startswith("query strategy 'shuffled' from good 1.0 (distribution docreview-good 1.0)")
    assert "paper Nobody and Others 2020, On Order." in shown
    assert shown.count("On Order") == 1
    assert "More of it, on two lines:" in done.stdout, "wrapped anew"
    assert "\n  - one" in done.stdout
    assert "setting type default share a number 0.5 mode a text or absent none" in shown
    assert done.stdout.rstrip().endswith(
        '[questions.QUESTION.query_strategy]\n  name = "shuffled"\n  # share = 0.5\n  # mode = ...'
    )
    (told,) = json.loads(spawn("plugins", "info", "shuffled", "--json").stdout)["components"]
    assert told["papers"] == ["Nobody and Others 2020, On Order."]
    assert told["settings"][0] == {"name": "share", "type": "a number", "needed": False, "default": "0.5"}


def test_info_names_the_question_of_the_project(project: Path, spawn) -> None:
    assert "[questions.copyleft.query_strategy]" in spawn("plugins", "info", "shuffled", cwd=project).stdout


def test_info_of_plugins(install, spawn) -> None:
    install("good", GOOD)
    install("broken", "import no_such_module")
    install("off", GOOD)
    shown = words(spawn("plugins", "info", "good", DOCREVIEW_DISABLE_PLUGINS="off").stdout)
    assert "plugin 'good' version 1.0 from distribution docreview-good 1.0 API 1" in shown
    assert "query strategies shuffled, sorted commands hello" in shown
    shown = words(spawn("plugins", "info", "broken").stdout)
    assert "not loaded: ModuleNotFoundError: No module named 'no_such_module'" in shown
    assert "Install what brings the module 'no_such_module'." in shown
    shown = words(spawn("plugins", "info", "off", DOCREVIEW_DISABLE_PLUGINS="off").stdout)
    assert "It is switched off by DOCREVIEW_DISABLE_PLUGINS." in shown
    told = json.loads(spawn("plugins", "info", "broken", "--json").stdout)
    assert (told["components"], told["plugin"]["state"]) == ([], "quarantined")


def test_info_of_a_name_that_several_kinds_have(run) -> None:
    _, out, _ = run("plugins", "info", "csv")
    assert "importer 'csv'" in out
    assert "exporter 'csv'" in out
    for kind in ("exporter", "exporters"):
        _, out, _ = run("plugins", "info", "csv", "--kind", kind)
        assert "importer 'csv'" not in out
        assert "docreview export FILE" in out


def test_info_of_a_preset_shows_all_that_it_stands_for(run) -> None:
    _, out, _ = run("plugins", "info", "high-recall")
    told = out.partition("It stands for:\n")[2].partition("\nIn docreview.toml:")[0]
    table = tomllib.loads("\n".join(line.strip() for line in told.splitlines()))
    assert table == json.loads(json.dumps(REGISTRY.create("presets", "high-recall")))
    assert '[questions.QUESTION]\n  preset = "high-recall"' in out


def test_info_of_what_is_not_there(run) -> None:
    assert run("plugins", "info", "margi")[::2] == (
        1,
        "Error: there is no component or plugin 'margi'. Did you mean 'margin'?"
        f"{''.join(f' {line}' for line in load_plugins().registry.absent)}\n",
    )
    code, _, err = run("plugins", "info", "margin", "--kind", "oracle")
    assert code == 1
    assert "there is no oracle 'margin'." in err
    code, _, err = run("plugins", "info", "margin", "--kind", "oracel")
    assert code == 2
    assert "there is no kind 'oracel'. Did you mean 'oracle'?" in err


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(base.get(key, {}), value) for key, value in more.items() if isinstance(value, dict)}
    return {**base, **more, **both}


#: made of other components, which the lines cannot choose for anybody
OF_OTHERS = ("all", "any", "alpha-spending", "mixture")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(e, id=f"{kind}-{e.name}")
        for kind in KINDS
        for e in REGISTRY.entries(kind)
        if e.built_in and kind not in ("importers", "exporters", "oracles") and e.name not in OF_OTHERS
    ],
)
def test_the_lines_for_the_settings_file_do_what_they_say(entry: Registration, tmp_path: Path) -> None:
    lines = usage(entry.kind, entry.name, setting_lines(entry), "copyleft")
    table = _merged(tomllib.loads(LEXICAL), tomllib.loads("\n".join(lines)))
    (tmp_path / "docreview.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in table.items()))
    with Project.open(tmp_path) as project:
        settings = project.settings()
        made = {
            "text_processors": project.corpus.text_processors,
            "embedders": [getattr(view, "embedder", None) for view in project.corpus.views.values()],
            "views": project.corpus.views.values(),
            "indexes": [project.corpus.index],
            "classifiers": [getattr(project.assemble(settings).model.value, "classifier", None)],
            "presets": [REGISTRY.create("presets", settings.preset)],
            **{f"{role}s": [part.value] for role, part in vars(project.assemble(settings)).items()},
            "query_strategies": [project.assemble(settings).query_strategy.value],
        }[entry.kind]
        needed = {key: value for key, value in tomllib.loads("\n".join(lines[2:])).items() if key in entry.settings}
        assert repr(REGISTRY.create(entry.kind, entry.name, needed)) in [repr(part) for part in made]


def test_oracles_importers_and_exporters_are_named_on_the_command_line() -> None:
    assert usage("oracles", "known") == ["docreview simulate --oracle known"]
    assert usage("oracles", "noisy", ['oracle = "known"', "# flip = 0.0"]) == [
        """docreview simulate --oracle '{ name = "noisy", oracle = "known" }'"""
    ]
    assert usage("importers", "csv") == ["docreview add FILE"]
    assert usage("exporters", "csv") == ["docreview export FILE"]


@pytest.mark.parametrize(
    "value", [1, -2.5, 1e300, True, "", 'quo"te \\ \n \x07 \x7f ß', [1, ["a"]], {"a b": {"c": []}, "ü": 1}, {}]
)
def test_values_are_written_as_toml(value: Any) -> None:
    assert tomllib.loads(f"value = {toml(value)}") == {"value": value}


def test_what_toml_cannot_hold_is_not_written() -> None:
    assert toml(None) is None
    assert toml([1, None]) is None
    assert toml({"a": object()}) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("plain words", "plain words"),
        ('"3"', "3"),
        ('["a", {name = "b"}]', ["a", {"name": "b"}]),
        ("1\nother = 2", "1\nother = 2"),
        ("2020-01-01", "2020-01-01"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_value_on_the_command_line(text: str, value: object) -> None:
    assert parsed(text) == value
    assert type(parsed(text)) is type(value)


# --------------------------------------------------------------------------------------------------------------- doctor


def test_the_doctor_finds_nothing_where_nothing_is_wrong(install, spawn) -> None:
    install("good", GOOD)
    done = spawn("plugins", "doctor")
    assert done.returncode == 0, done.stdout
    assert "ok good 1.0: API 1, distribution docreview-good 1.0" in words(done.stdout)
    assert done.stdout.endswith("Nothing is wrong.\n")
    assert "numpy:" in done.stdout


def test_the_doctor_says_what_is_wrong_and_what_to_do(install, spawn, project: Path) -> None:
    install("old", "import docreview\ndocreview_api = 0\n@docreview.hookimpl\ndef register_views(register): ...\n")
    install("silent", "import docreview\n@docreview.hookimpl\ndef labels_recorded(labels): ...\n")
    install("factories", FACTORIES)
    install("missing", "import no_such_module")
    install("thief", GOOD.replace('"shuffled"', '"margin"'))
    text = (project / "docreview.toml").read_text("utf-8")
    (project / "docreview.toml").write_text(text + "query_strategy = 'best-of-all'\n", "utf-8")
    switches = {"DOCREVIEW_DISABLE_PLUGINS": "good", "DOCREVIEW_TRACE_PLUGINS": "0", "COLUMNS": "300"}
    done = spawn("plugins", "doctor", cwd=project, **switches)
    assert done.returncode == 1
    shown = words(done.stdout)
    assert "WRONG old 1.0: it was written for plugin API 0" in shown
    assert "pip install --upgrade docreview-old." in shown
    assert "ok silent 1.0: names no API version, distribution" in shown
    assert "WRONG missing 1.0: ModuleNotFoundError" in shown
    assert "Install what brings the module 'no_such_module'. To do without it: pip uninstall docreview-missing" in shown
    assert "WRONG thief 1.0: query strategy 'margin' (thief 1.0) takes a name that belongs to" in shown
    assert "Two plugins cannot bring the same name: uninstall one of them." in shown
    assert "WRONG not-mine file-" in shown
    assert f"Mend {project / 'not_mine.py'}, or take it out of [plugins] files" in shown
    assert "WRONG DOCREVIEW_DISABLE_PLUGINS: there is no plugin 'good'" in shown
    assert "DOCREVIEW_TRACE_PLUGINS" not in shown, "a switch that is off"
    assert "WRONG text processor 'broken-factory' (factories): " in shown
    assert "ZeroDivisionError: division by zero" in shown
    assert "off text processor 'optional' (factories): it needs the package setfit" in shown, "told, so not wrong"
    assert "WRONG question copyleft: there is no query strategy 'best-of-all'." in shown
    assert "7 things to mend." in shown
    told = json.loads(spawn("plugins", "doctor", "--json", cwd=project, DOCREVIEW_DISABLE_PLUGINS="good").stdout)
    assert told["well"] is False
    assert {f["about"] for f in told["project"] if f["state"] == "wrong"} == {"question copyleft"}


def test_the_doctor_finds_a_distribution_that_hides_another(install, spawn, tmp_path: Path) -> None:
    install("good", GOOD, "2.0")
    (tmp_path / "path").rename(tmp_path / "later")
    install("good", GOOD, "1.0")
    path = os.pathsep.join([str(tmp_path / "path"), str(tmp_path / "later")])
    done = spawn("plugins", "doctor", PYTHONPATH=path)
    assert done.returncode == 1
    assert "WRONG docreview-good 2.0: is hidden by version 1.0" in words(done.stdout)


def test_the_doctor_of_a_project_that_cannot_be_read(spawn, project: Path) -> None:
    (project / "docreview.toml").write_text("views = 3")
    done = spawn("plugins", "doctor", cwd=project)
    assert done.returncode == 1
    assert "'views' must be a table, got 3" in words(done.stdout)


# ---------------------------------------------------------------------------------------------------------------- check


def test_check_passes_a_good_component_and_names_what_a_bad_one_breaks(install, spawn) -> None:
    install("good", GOOD)
    done = spawn("plugins", "check", "shuffled")
    assert done.returncode == 0, done.stdout
    assert "passed   rows" in done.stdout
    count = len(CHECKS["query_strategies"])
    assert f"query strategy 'shuffled' (good 1.0): {count} of {count} checks passed;" in done.stdout
    done = spawn("plugins", "check", "sorted", FORCE_COLOR="1")
    assert done.returncode == 1
    assert "\x1b[1;31mFAILED   ties" in done.stdout
    assert "The rule: Among documents that nothing tells apart it chooses by chance, not by their order." in words(
        done.stdout
    )
    assert " failed" in done.stdout.splitlines()[-1]
    told = json.loads(spawn("plugins", "check", "sorted", "--json").stdout)
    assert told["failed"] == sum(1 for check in told["checks"] if check["outcome"] == "failed") > 0
    assert (told["kind"], told["plugin"]) == ("query strategy", "good")


def test_check_takes_settings(run) -> None:
    code, out, _ = run("plugins", "check", "budget", "--set", "labels=30")
    assert code == 0
    assert "stopping rule 'budget'" in out
    for pairs, message in (
        ((), "needs a setting: --set labels=VALUE (a whole number)."),
        (("--set", "labels=many"), "setting 'labels' must be a whole number, got 'many'"),
        (("--set", "label=3"), "--set labels=VALUE"),
        (("--set", "labels=3", "--set", "labl=3"), "has no setting 'labl'. Did you mean 'labels'?"),
    ):
        code, _, err = run("plugins", "check", "budget", *pairs)
        assert code == 1
        assert message in err
    assert run("plugins", "check", "budget", "--set", "labels")[0] == 2


def test_check_lends_an_oracle_the_truth(run) -> None:
    for words_ in (("noisy", "--set", "flip=0.3"), ("known-labels",)):
        code, out, _ = run("plugins", "check", *words_)
        assert code == 0, out
        assert "6 of 6 checks passed" in out


def test_check_where_nothing_can_be_checked_is_no_success(run) -> None:
    code, out, _ = run("plugins", "check", "known-labels", "--set", "labels={nobody = 'knows'}")
    assert code == 1
    assert "0 of 6 checks passed, 6 skipped" in out
    assert "no label is known for document 'd0'" in words(out)


def test_check_of_an_importer_says_what_it_skips(run) -> None:
    code, out, _ = run("plugins", "check", "csv", "--kind", "importer")
    assert code == 0
    assert "skipped  reads" in out
    assert "docreview.testing.Written" in words(out)


def test_check_of_what_is_not_one_component(install, spawn, run) -> None:
    code, _, err = run("plugins", "check", "csv")
    assert code == 2
    assert "several kinds have a component 'csv': give --kind importer or --kind exporter." in err
    assert "Did you mean 'margin'?" in run("plugins", "check", "margi")[2]
    assert "there is no oracle 'margin'." in run("plugins", "check", "margin", "--kind", "oracle")[2]
    install("good", GOOD)
    install("broken", "import no_such_module")
    done = spawn("plugins", "check", "good")
    assert "'good' is a plugin: name one of its components: 'shuffled', 'sorted'" in done.stderr
    done = spawn("plugins", "check", "broken")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the plugin 'broken' 1.0 was not let in: ModuleNotFoundError")


# ------------------------------------------------------------------------------------------------------------- simulate


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of 60 documents, and a file with their labels."""
    place = tmp_path / "known"
    place.mkdir()
    (place / "docreview.toml").write_text(LEXICAL.replace("batch_size = 20", "batch_size = 5"), "utf-8")
    documents, truth = make_documents(60, share=0.3)
    with Project.open(place) as project:
        project.add_documents(documents)
    (place / "truth.csv").write_text("id,label\n" + "".join(f"{key},{label}\n" for key, label in truth.items()))
    monkeypatch.chdir(place)
    return place


def simulated(run, *args: str) -> dict[str, Any]:
    code, out, err = run("simulate", "--truth", "truth.csv", "--seeds", "1", "--json", *args)
    assert code == 0, err
    return json.loads(out)


def test_an_oracle_answers_in_the_place_of_the_truth(run, known: Path) -> None:
    by_truth = simulated(run)
    assert "oracle" not in by_truth
    for spec in ("known-labels", '{name = "noisy", flip = 0.0}', '{name = "noisy", oracle = "known-labels"}'):
        told = simulated(run, "--oracle", spec)
        assert told["rows"][0]["read"] == by_truth["rows"][0]["read"], "an oracle that errs never is the truth"
    wrong = simulated(run, "--oracle", '{name = "noisy", flip = 1.0}')
    assert wrong["oracle"] == "noisy (flip = 1.0)"
    assert wrong["rows"][0]["read"][1] > by_truth["rows"][0]["read"][1], "misled, it finds late"
    assert wrong["total"] == by_truth["total"], "and is measured against the truth"
    _, out, _ = run("simulate", "--truth", "truth.csv", "--seeds", "1", "--oracle", "noisy")
    assert "one run; answers by noisy" in words(out)


def test_a_strategy_may_have_settings(run, known: Path) -> None:
    told = simulated(run, "-s", "margin", "-s", '{name = "density-mmr", beta = 2.0}', "-s", '{name = "density-mmr"}')
    names = [row["order"] for row in told["rows"]]
    assert names == ["docreview", "margin", "density-mmr (beta = 2.0)", "density-mmr", "random order, expected"]


@pytest.mark.parametrize(
    ("option", "code", "message"),
    [
        (("--oracle", "noisyy"), 1, "there is no oracle 'noisyy'. Did you mean 'noisy'?"),
        (("--oracle", '{name = "noisy", flop = 1}'), 1, "has no setting 'flop'. Did you mean 'flip'?"),
        (("--oracle", '{name = "noisy", flip = "x"}'), 1, "setting 'flip' must be a number, got 'x'"),
        (("--oracle", '{name = "noisy", oracle = {}}'), 1, "an oracle needs a name"),
        (("--oracle", "{nam = 3}"), 2, "--oracle: the table needs a name: {nam = 3}"),
        (("--oracle", "{name"), 2, "--oracle: this is no table in TOML: {name"),
        (("-s", '{name = "margin", x = 1}'), 1, "has no setting 'x'. It has no settings."),
        (("-s", "margi"), 1, "there is no query strategy 'margi'. Did you mean 'margin'?"),
    ],
)
def test_a_wrong_oracle_or_strategy(option: tuple[str, ...], code: int, message: str, run, known: Path) -> None:
    ended, out, err = run("simulate", "--truth", "truth.csv", *option)
    assert (ended, out) == (code, "")
    assert message in words(err)


def test_the_truth_is_lent_to_an_oracle_inside_an_oracle() -> None:
    inner = {"name": "noisy", "flip": 0.1}
    told = with_truth(REGISTRY, {"name": "noisy", "oracle": inner}, {"a": "yes"})
    assert told["oracle"]["oracle"] == {"name": "known-labels", "labels": {"a": "yes"}}
    own = with_truth(REGISTRY, {"name": "known-labels", "labels": {"b": "no"}}, {"a": "yes"})
    assert own["labels"] == {"b": "no"}, "labels that are given stay"


# --------------------------------------------------------------------------------------------------------------- public


def test_what_is_public_for_commands_is_there() -> None:
    text = docreview.cli.common.__doc__ or ""
    names = text.partition("Public")[2].partition("The rest of")[0].split("`")[3::2]
    assert len(names) == 10
    for name in names:
        assert callable(getattr(docreview.cli.common, name))
        assert getattr(docreview.cli.common, name).__doc__


def test_types_of_settings_in_words() -> None:
    assert REGISTRY.get("oracles", "noisy").types()["oracle"] == "an oracle"
    assert REGISTRY.get("stopping_rules", "any").types() == {"stopping_rules": "a list of stopping rules"}
    fusion = REGISTRY.get("models", "late-fusion").types()
    assert fusion["classifiers"] == "a table of classifiers"
    assert fusion["weights"] == "a table with a number for each key or absent"
    assert REGISTRY.get("views", "semantic").types()["model"] == "a text"
