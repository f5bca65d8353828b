"""Plugins begun by ``docreview plugins new``: their code works, whatever the kind, and three commands put it to use."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tomllib
import types
import zipfile
from pathlib import Path

import pytest
from support import LEXICAL, make_documents

import docreview
from docreview import Project
from docreview.cli.naming import usage
from docreview.errors import DocreviewError
from docreview.plugins import load_plugins
from docreview.registry import KINDS
from docreview.scaffold import BEGINNINGS, scaffold

ROOT = Path(__file__).parents[1]
PLURAL = {singular: kind for kind, singular in KINDS.items()}


def begin(folder: Path, kind: str, name: str = "try-it") -> Path:
    """Begin a plugin; return its folder."""
    use = "\n".join(usage(PLURAL.get(kind, "command"), name))
    return scaffold(name, kind, folder, docreview.__version__, use)[0].parent


def load(folder: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("begun", folder / "docreview_try_it.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["begun"] = module
    spec.loader.exec_module(module)
    return module


def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=200,
    )


def test_every_kind_can_be_begun() -> None:
    assert set(BEGINNINGS) == {*KINDS.values(), "command"}


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_its_own_tests_pass(kind: str, tmp_path: Path) -> None:
    folder = begin(tmp_path, kind)
    # from outside and not installed, as whoever just began it may run them
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_it_is_let_in_and_brings_what_it_says(kind: str, tmp_path: Path) -> None:
    module = load(begin(tmp_path, kind))
    plugins = load_plugins(extra=[("try-it", module)])
    assert plugins.quarantined == []
    assert plugins.warnings == {}
    assert module.docreview_api == 1
    if kind != "command":
        (entry,) = [e for of_kind in KINDS for e in plugins.registry.entries(of_kind) if e.plugin == "try-it"]
        assert (entry.kind, entry.name) == (PLURAL[kind], "try-it")
        assert entry.summary
        assert all(p.default is not p.empty for p in entry.settings.values()), "it can be used without any setting"


def test_a_begun_module_loads_nothing_heavy(tmp_path: Path) -> None:
    for kind in BEGINNINGS:
        folder = begin(tmp_path / kind, kind)
        code = "import sys, docreview_try_it; print([m for m in ('numpy', 'sklearn', 'torch') if m in sys.modules])"
        assert run(sys.executable, "-c", code, cwd=folder).stdout.strip() == "[]", kind


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")
def test_begun_code_is_clean(tmp_path: Path) -> None:
    for kind in BEGINNINGS:
        folder = begin(tmp_path, kind, f"my-{kind.replace('_', '-')}")
        rules = ["--config", "line-length=120", "--select", "E,F,W,I,UP,B,SIM,C4,PT,RUF"]
        done = run(sys.executable, "-m", "ruff", "check", "--no-cache", "--isolated", *rules, ".", cwd=folder)
        assert done.returncode == 0, done.stdout


def test_what_surrounds_the_code(tmp_path: Path) -> None:
    folder = begin(tmp_path, "classifier")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "docreview_try_it.py",
        "tests/test_try_it.py",
        "pyproject.toml",
        "README.md",
        ".github/workflows/test.yml",
        ".gitignore",
    }
    table = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert table["project"]["name"] == "docreview-try-it"
    assert table["project"]["entry-points"]["docreview"] == {"try-it": "docreview_try_it"}
    assert table["project"]["dependencies"] == [f"docreview>={docreview.__version__}", "scikit-learn>=1.6"]
    readme = (folder / "README.md").read_text("utf-8")
    assert "A classifier for docreview." in readme
    assert '[questions.QUESTION.model.classifier]\nname = "try-it"' in readme
    assert "${{ matrix.python }}" in (folder / ".github/workflows/test.yml").read_text("utf-8")
    every = "".join(path.read_text("utf-8") for path in folder.rglob("*") if path.is_file())
    assert not any(f"${word}" in every for word in ("name", "module", "Class", "function", "use", "noun"))


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Shortest", "query_strategy", "in kebab-case"),
        ("a_b", "query_strategy", "in kebab-case"),
        ("3d", "query_strategy", "in kebab-case"),
        ("a--b", "query_strategy", "in kebab-case"),
        ("../up", "query_strategy", "in kebab-case"),
        ("none", "query_strategy", "'None' is a word of Python's own"),
        ("class", "preset", "'class' is a word of Python's own"),
        ("match", "preset", "'match' is a word of Python's own"),
        ("filter", "classifier", "'filter' is a word of Python's own"),
        ("path", "importer", "the code uses 'Path' itself"),
        ("learned", "model", "the code uses 'Learned' itself"),
        ("settings", "preset", "the code uses 'settings' itself"),
    ],
)
def test_a_name_that_will_not_do(name: str, kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DocreviewError, match=message):
        begin(tmp_path, kind, name)
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "docreview-try-it").mkdir()
    (tmp_path / "docreview-try-it" / "mine.txt").write_text("mine")
    with pytest.raises(DocreviewError, match=r"docreview-try-it is there already: take another name"):
        begin(tmp_path, "oracle")
    assert [path.name for path in (tmp_path / "docreview-try-it").iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DocreviewError, match=r"cannot make .*docreview-try-it"):
        begin(tmp_path / "file" / "below", "oracle")


# ----------------------------------------------------------------------------------------------------- from end to end


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment of its own, in which everything that this one has can be imported; return its Python."""
    place = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=120)
    variables = {"base": str(place), "platbase": str(place)}
    packages = Path(sysconfig.get_path("purelib", vars=variables))
    # a line that begins with import is run; so the paths of editable installs are taken over too
    packages.joinpath("borrowed.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r}); sys.path.append({str(ROOT)!r})\n"
    )
    return Path(sysconfig.get_path("scripts", vars=variables)) / Path(sys.executable).name


def test_three_commands_from_nothing_to_a_simulation(environment: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    place = tmp_path / "work"
    place.mkdir()
    (place / "docreview.toml").write_text(LEXICAL, "utf-8")
    documents, truth = make_documents(60)
    with Project.open(place) as project:
        project.add_documents(documents)
    (place / "truth.csv").write_text("id,label\n" + "".join(f"{key},{label}\n" for key, label in truth.items()))
    # nothing is fetched: what builds the plugin is there
    offline = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PYTHONPATH": ""}

    command = "new", "quick-reads", "--kind", "strategy", "--install"
    made = run(environment, "-m", "docreview", "plugins", *command, cwd=place, **offline)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Installed it.\nNext:\n  pytest docreview-quick-reads\n" in made.stdout
    assert made.stdout.endswith("  docreview simulate --strategy quick-reads\n")

    tested = run(environment, "-m", "pytest", "-q", "docreview-quick-reads", cwd=place, **offline)
    assert tested.returncode == 0, tested.stdout + tested.stderr

    words = "simulate", "--strategy", "quick-reads", "--truth", "truth.csv", "--seeds", "1"
    simulated = run(environment, "-m", "docreview", *words, cwd=place, **offline)
    assert simulated.returncode == 0, simulated.stdout + simulated.stderr
    assert "\nquick-reads " in simulated.stdout

    # it is known here and nowhere else, and its name is now taken
    again = run(environment, "-m", "docreview", "plugins", *command[:-1], "--folder", "other", cwd=place, **offline)
    assert again.returncode == 1
    assert "there is the query strategy 'quick-reads' (quick-reads 0.1.0) already" in again.stderr


def test_an_installation_that_fails_is_told(environment: Path, tmp_path: Path) -> None:
    pip = environment.parent.parent / "broken"
    pip.mkdir()
    (pip / "pip.py").write_text("import sys\nprint('ERROR: the disk is on fire', file=sys.stderr)\nsys.exit(3)\n")
    command = "new", "quick-reads", "--kind", "strategy", "--install"
    done = run(environment, "-m", "docreview", "plugins", *command, cwd=tmp_path, PYTHONPATH=str(pip))
    assert done.returncode == 1
    assert "ERROR: the disk is on fire" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: pip could not install docreview-quick-reads")
    assert (tmp_path / "docreview-quick-reads" / "pyproject.toml").exists()


def test_the_templates_are_in_the_wheel(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("docreview/scaffold/")}
    here = {f"docreview/scaffold/{path.name}" for path in (ROOT / "docreview" / "scaffold").iterdir() if path.is_file()}
    assert shipped == here
    assert f"docreview/scaffold/{BEGINNINGS[0]}.py.txt" in shipped
