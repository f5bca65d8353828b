"""Promises about the package as a whole: what it loads, and that each module stands by itself."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import docreview

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "spacy", "sklearn", "scipy", "hnswlib", "numpy", "pandas", "sentence_transformers", "matplotlib")
MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages(docreview.__path__, "docreview.") if not name.endswith("__main__")
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)


def heavy_loaded(*arguments: str) -> list[str]:
    """The heavy packages that a run of Python with these arguments imports."""
    done = run("-X", "importtime", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    return sorted(loaded & set(HEAVY))


def test_the_probe_sees_a_heavy_import() -> None:
    assert heavy_loaded("-c", "import numpy") == ["numpy"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_loaded("-c", "import docreview") == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["review", "--help"], ["add", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert heavy_loaded("-m", "docreview", *arguments) == []


def test_the_script_shows_the_same_help_as_the_module() -> None:
    script = Path(sys.executable).parent / "docreview"
    if not script.exists():
        pytest.skip("docreview is not installed as a script beside this Python")
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0
    assert shown.stdout == run("-m", "docreview", "--help").stdout


def test_finding_the_plugins_loads_nothing_heavy() -> None:
    """Built-in components are imported whenever a project is opened: what is heavy waits inside their factories."""
    assert heavy_loaded("-c", "from docreview.plugins import load_plugins; load_plugins()") == []


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_alone_and_without_warnings(module: str) -> None:
    done = run("-W", "error", "-c", f"import {module}")
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_public_name_is_there() -> None:
    for name in docreview.__all__:
        assert getattr(docreview, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        docreview.no_such_name  # noqa: B018


def test_changelog_has_the_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert versions[0] == docreview.__version__


def test_constraints_pin_versions_and_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    loose = [line for line in lines if line and not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)]
    assert loose == []
