"""``review``: the terminal reviewer, and the embedding that goes on beside it."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.common import open_project, printable, project_option, question_option
from docreview.cli.scripting import reviewer_name
from docreview.errors import DocreviewError

if TYPE_CHECKING:
    from docreview.project import Project
    from docreview.types import Document


@click.command("review")
@click.option("--reviewer", metavar="NAME", help="Your name in the record. Default: your login name.")
@click.option("--no-embed", is_flag=True, help="Do not let the semantic model read documents in the background.")
@project_option
@question_option
def review_command(reviewer: str | None, no_embed: bool, project: Path | None, question: str | None) -> None:
    """Review in this terminal: read, press a key, next.

    Each document is shown with the words underlined that speak for the label you look for. One key labels it; the keys
    are shown. Quit at any time: every answer is in the record when its key is pressed. While you read, the semantic
    model reads the documents in the background and joins in when it is done.

    \b
    Example:
      docreview review
    """
    from docreview.cli.reviewer import Reviewer
    from docreview.cli.terminal import Terminal

    terminal = Terminal()
    with open_project(project) as opened:
        review = opened.review(question)
        if not opened.store.n:
            raise DocreviewError("the project has no documents yet: 'docreview add FILE...'.")

        def render(document: Document) -> str | None:
            return next(opened.plugins.tell("render_document", str, document=document), None)

        background = Background(opened, start=not no_embed)
        try:
            with _held_back() as notices, terminal:
                sitting = Reviewer(review, terminal, reviewer_name(reviewer), notice=background.notice, render=render)
                ended = sitting.run()
        finally:
            background.stop()
        click.echo(f"\n{printable(ended)}")
        click.echo(f"{sitting.answered:,} answered in this sitting. {sitting.progress()}. All of it is in the record.")
        for notice in dict.fromkeys(notices):
            click.echo(f"Warning: {printable(notice)}", err=True)
    click.echo("Go on with 'docreview review'; see 'docreview report' and 'docreview export' for what came of it.")


class Background:
    """The embedding in a process of its own, with lowest priority; at most one for a project, by its lock."""

    def __init__(self, project: Project, *, start: bool) -> None:
        self._project = project
        self._process: subprocess.Popen[bytes] | None = None
        self._log = project.folder / ".docreview" / "embed.log"
        self._asked = 0.0
        self._notice = ""
        self._remaining = project.remaining
        if start and self._remaining:
            try:
                with self._log.open("wb") as log:
                    self._process = subprocess.Popen(
                        [
                            sys.executable,
                            "-m",
                            "docreview",
                            "embed",
                            "--quiet",
                            "--background",
                            "-p",
                            str(project.folder),
                        ],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C in the terminal is meant for the review
                    )
            except OSError as error:
                raise DocreviewError(f"the embedding cannot be started: {error.strerror}. Try --no-embed.") from error

    def notice(self) -> str:
        """Say how far the embedding is; nothing once it is done. Looks at most every two seconds."""
        if not self._remaining:
            return ""
        if time.monotonic() - self._asked < 2:
            return self._notice
        self._asked = time.monotonic()
        self._remaining = self._project.remaining
        total = self._project.store.n
        self._notice = f"semantic view: {total - self._remaining:,} of {total:,} embedded" if self._remaining else ""
        if self._remaining and self._process is not None and self._process.poll() not in (None, 0):
            self._notice = f"semantic view: stopped: {self._last_words()}"
        return self._notice

    def stop(self) -> None:
        """End the process, if it still runs: what it embedded stays, and the next review goes on from there."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", errors="replace").strip().splitlines()
        return (
            lines[-1].removeprefix("Error: ") if lines else f"exit status {self._process and self._process.returncode}"
        )


class _Keep(logging.Handler):
    def __init__(self, notices: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        self.notices.append(record.getMessage())


@contextmanager
def _held_back() -> Iterator[list[str]]:
    """Keep log messages and Python's warnings off the screen while it belongs to the reviewer; they are told after."""
    notices: list[str] = []
    root, ours, keep = logging.getLogger(), logging.getLogger("docreview"), _Keep(notices)
    before, ours.handlers, ours.propagate = ours.handlers, [], True
    root.addHandler(keep)

    def kept(
        message: Warning | str, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        notices.append(f"{category.__name__}: {message}")

    shown, warnings.showwarning = warnings.showwarning, kept
    try:
        yield notices
    finally:
        warnings.showwarning = shown
        root.removeHandler(keep)
        ours.handlers, ours.propagate = before, False
