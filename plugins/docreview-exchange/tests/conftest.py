"""A project over the lexical view, its documents in many scripts and with ids that spreadsheets like to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from docreview_exchange.commands import exchange

from docreview import Document, Project
from docreview.testing import SCRIPTS

TOML = """
[views.lexical]
[questions.outcome]
prompt = 'How did the court decide? (<b>, "$5" & more)'
labels = ["dismissed", "granted", "$5 fine"]
batch_size = 12
"""

DOCUMENTS = [
    *(Document(f"{name}/{i}", text, name.title()) for i, (name, text) in enumerate(SCRIPTS.items())),
    Document("007", "http://example.org/a.txt"),
    Document("=1-2", 'two\nlines, "quoted"; <b>\t&amp;', "odd"),
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The project of the real exports in `label-studio-1.23.2`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "docreview.toml").write_text(TOML, "utf-8")
    with Project.open(folder) as opened:
        opened.add_documents(DOCUMENTS)
        yield opened


@pytest.fixture
def run(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call ``docreview exchange`` beside the project; what it raises is raised, but for wrong calls."""
    monkeypatch.chdir(tmp_path)
    cli = click.Group(commands=[exchange])

    def call(command: str, *arguments: str) -> Result:
        result = CliRunner().invoke(cli, ["exchange", command, "-p", str(project.folder), *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
