"""What several tests need: small corpora made from a seed, and projects over them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import LEXICAL, make_documents

from docreview import Project
from docreview.plugins import installed


@pytest.fixture(autouse=True)
def without_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests speak of docreview alone; plugins that are installed beside it have tests of their own."""
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", ",".join(plugin.name for plugin in installed()))


@pytest.fixture
def lexical_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Make a project over the lexical view, with further lines for its question's table."""
    opened: list[Project] = []

    def make(n: int = 200, more: str = "", folder: str = "project", text: str = LEXICAL) -> Project:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "docreview.toml").write_text(text + more, "utf-8")
        project = Project.open(place)
        opened.append(project)
        if n:
            project.add_documents(make_documents(n)[0])
        return project

    yield make
    for project in opened:
        project.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and formats; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DOCREVIEW_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("the folder of real corpora is absent (DOCREVIEW_SHARED names it)")
    return folder


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command run in a test leaves no handler behind that writes to that test's stream."""
    logger = logging.getLogger("docreview")
    before = list(logger.handlers), logger.propagate
    yield
    logger.handlers, logger.propagate = before[0], before[1]
