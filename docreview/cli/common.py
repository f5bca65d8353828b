"""What the commands share: options, the project, output, progress bars.

Public, for commands of plugins as well (`docs/plugins/compatibility.md`): `project_option`, `question_option`,
`json_option`, `open_project`, `console`, `print_json`, `printable`, `counted`, `progress_bars`, `writing`. The rest of
`docreview.cli` is not::

    import click

    from docreview.cli.common import open_project, printable, project_option

    @click.command("longest")
    @project_option
    def longest(project):
        with open_project(project) as opened:
            for document_id in opened.store.ids():
                click.echo(printable(document_id))
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from docreview.errors import DocreviewError, did_you_mean
from docreview.types import Progress, Scalar, silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from docreview.project import Project
    from docreview.report import Table

_Command = TypeVar("_Command", bound=Callable[..., Any])
FILE = "docreview.toml"


def project_option(command: _Command) -> _Command:
    """Add ``--project``."""
    return click.option(
        "--project",
        "-p",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The project's folder. Without it: this folder, or the nearest above it that is a project.",
    )(command)


def question_option(command: _Command) -> _Command:
    """Add ``--question``."""
    return click.option(
        "--question",
        "-q",
        metavar="NAME",
        help="Which question of the project; not needed where there is one only.",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


class Subcommands(click.Group):
    """A command with commands of its own, which says what an unknown one may have meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            hint = did_you_mean(args[0], self.commands)
            raise click.UsageError(f"'{ctx.command_path}' has no command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@contextmanager
def open_project(folder: Path | None) -> Iterator[Project]:
    """Open the project in `folder`, or the one around the current folder, and close it after the block."""
    from docreview.project import Project

    say_warnings()
    found = folder if folder is not None else find_project()
    if found is None:
        raise DocreviewError(
            f"neither {Path.cwd()} nor a folder above it is a docreview project (there is no {FILE}). "
            "Make one with 'docreview new FOLDER', or name one with --project."
        )
    with Project.open(found) as project:
        yield project


def find_project() -> Path | None:
    """The current folder, or the nearest above it, that is a project; None where there is none."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise DocreviewError(
            "the current folder is gone; change to another, or name a project with --project."
        ) from None
    return next((place for place in (here, *here.parents) if os.path.isfile(place / FILE)), None)


def say_warnings() -> None:
    """Print what docreview logs as a warning to stderr, one line each."""
    logger = logging.getLogger("docreview")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logging.addLevelName(logging.WARNING, "Warning")
        logger.addHandler(handler)
        logger.propagate = False


def printable(text: str) -> str:
    """Return `text` on one line, with control characters (a file's name may hold some) as symbols."""
    from docreview.cli.screen import one_line

    return one_line(text)


def counted(number: int, noun: str) -> str:
    """Return "1 document", "2,000 documents"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; numbers that are not finite become null."""
    click.echo(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and value - value != 0:  # infinite, or not a number
        return None
    return value


def console(*, err: bool = False) -> Console:
    """Return a console that takes no text for markup."""
    from rich.console import Console

    return Console(stderr=err, markup=False, emoji=False, highlight=False)


def print_table(out: Console, table: Table) -> None:
    """Print a table of the report on the console: numbers to the right, shares in percent."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    words = [[len(cell) for row in table.rows if isinstance(cell := row[i], str)] for i in range(len(table.columns))]
    # numbers are cut off where there is no room for them, words are folded
    room = out.width - sum(len(column) + 2 for column, lengths in zip(table.columns, words, strict=True) if not lengths)
    for column, lengths in zip(table.columns, words, strict=True):
        width = max(10, min(40, max(lengths), room)) if lengths else None
        justify: Literal["left", "right"] = "left" if lengths else "right"
        grid.add_column(Text(printable(column)), justify=justify, overflow="fold", min_width=width)
    for row in table.rows:
        cells = zip(table.columns, row, strict=True)
        grid.add_row(*(Text(printable(_cell(value, column in table.percent))) for column, value in cells))
    out.print(Text(printable(table.title), style="bold"))
    out.print(grid)
    if table.note:
        out.print(Text(printable(table.note), style="dim"))


def _cell(value: Scalar, percent: bool) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.1%}" if percent else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def seconds_shown(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """Show one bar for each long step on stderr, with its rate; nothing where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(err=True)) as bars:
        yield _Steps(bars)


class _Steps:
    """A `docreview.types.Progress` that draws bars; told often, it draws seldom."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._steps: dict[str, tuple[TaskID, float, int]] = {}
        self._drawn = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step not in self._steps:
            task = self._bars.add_task(printable(step), total=total or None, rate="")
            # what was there when the step was first heard of (a cache) says nothing about the speed
            self._steps[step] = task, now, done
        elif now - self._drawn < 0.1 and done != total:
            return
        self._drawn = now
        task, began, before = self._steps[step]
        passed = now - began
        rate = f"{(done - before) / passed:,.0f}/s" if passed > 0.5 and done > before else ""
        self._bars.update(task, completed=done, total=total or None, rate=rate)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says about a file that cannot be written into one line for the person."""
    try:
        yield
    except OSError as error:
        raise DocreviewError(f"cannot write {path}: {error.strerror or error}.") from error
