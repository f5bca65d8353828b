"""``new``, ``add``, ``embed``: from nothing to documents that can be reviewed."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docreview.cli.common import (
    counted,
    json_option,
    open_project,
    print_json,
    printable,
    progress_bars,
    project_option,
    question_option,
)
from docreview.cli.naming import set_option, settings_of
from docreview.errors import DocreviewError, ProjectLocked
from docreview.types import Progress

if TYPE_CHECKING:
    from docreview.project import AddSummary


@click.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--question", "-q", "name", metavar="NAME", help="Short name of the question. Default: the folder's name."
)
@click.option("--prompt", metavar="TEXT", help="The question in full, as reviewers read it above every document.")
@click.option("--label", "-l", "labels", multiple=True, metavar="NAME", help="One possible answer; give two or more.")
@click.option("--target", "-t", metavar="LABEL", help="The label whose documents must all be found, if there is one.")
@click.option(
    "--language",
    default="xx",
    show_default=True,
    metavar="CODE",
    help="Language code (en, de, ha ...); xx where mixed or unknown.",
)
@click.option(
    "--embedder",
    "model",
    default="packaged",
    show_default=True,
    metavar="MODEL",
    help="The semantic model: 'packaged' (English), the name of a sentence-transformers model, or a folder with one.",
)
def new_command(
    folder: Path,
    name: str | None,
    prompt: str | None,
    labels: tuple[str, ...],
    target: str | None,
    language: str,
    model: str,
) -> None:
    """Make a project: a folder with a question and a settings file.

    In a terminal, it asks for what is not given. The file docreview.toml that it writes explains itself; change it as
    you like.

    \b
    Example:
      docreview new licenses --prompt "Does it impose copyleft?" -l copyleft -l other -t copyleft
    """
    from docreview.config import FILE
    from docreview.project import Project
    from docreview.types import Question

    if os.path.exists(folder / FILE):  # unlike Path.exists, False where that cannot be known
        raise DocreviewError(f"{folder} is a docreview project already. Add documents to it, or take another folder.")
    if not labels:
        if not sys.stdin.isatty():
            raise click.UsageError("give two or more labels: --label yes --label no.")
        prompt = prompt if prompt is not None else click.prompt("What is to be decided for each document?")
        text = click.prompt("The possible answers, with commas between them", default="yes, no")
        labels = tuple(label.strip() for label in text.split(",") if label.strip())
        if target is None:
            answer = click.prompt(
                f"Must all documents of one of them be found? Which ({', '.join(labels)}; Enter: none)",
                default="",
                show_default=False,
            )
            target = answer.strip() or None
    called = folder.resolve().name.encode("utf-8", "replace").decode()  # a folder's name may be any bytes
    question = Question(name or called or "question", labels, prompt or "", target)
    Project.create(folder, question, language=language, model=model).close()
    here = f" -p {shlex.quote(printable(str(folder)))}"
    click.echo(f"Made {printable(str(folder / FILE))}. Next:\n  docreview add{here} FILE...\n  docreview review{here}")


@click.command("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--text", metavar="COLUMN", help="The column that holds the text. Found by its name where it can be.")
@click.option("--title", metavar="COLUMN", help="The column that holds the title.")
@click.option("--id", "id_", metavar="COLUMN", help="The column that holds the id.")
@click.option(
    "--label", metavar="COLUMN", help="The column that holds labels given before; they are learned from at once."
)
@click.option(
    "--encoding", metavar="NAME", help="How the file is encoded (utf-8, cp1252 ...). Found out where not given."
)
@set_option("importer")
@project_option
@question_option
@json_option
def add_command(
    paths: tuple[Path, ...],
    text: str | None,
    title: str | None,
    id_: str | None,
    label: str | None,
    encoding: str | None,
    pairs: tuple[str, ...],
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Add documents from files or folders.

    Reads folders of .txt files, .csv, .tsv, .xlsx and .jsonl (each also .gz) and whatever plugins read. A file is added
    whole or not at all. Adding a file again adds only what is new in it.

    \b
    Example:
      docreview add articles.csv --text abstract --title title
    """
    given = {"text": text, "title": title, "id": id_, "label": label}
    columns = {role: column for role, column in given.items() if column is not None}
    settings = settings_of(pairs) | ({} if encoding is None else {"encoding": encoding})
    summaries: list[tuple[Path, AddSummary]] = []
    try:
        with open_project(project) as opened, progress_bars() as progress:
            for path in paths:
                summaries.append(
                    (path, opened.add(path, columns, question=question, settings=settings, progress=progress))
                )
            total, remaining = opened.store.n, opened.remaining
    except BaseException:
        if not as_json:
            _say_added(summaries)  # files before the one that failed are in
        raise
    if as_json:
        added = [
            {
                "path": str(path),
                "added": summary.added,
                "skipped": summary.skipped,
                "priors": summary.priors,
                "warnings": list(summary.warnings),
                "seconds": summary.seconds,
            }
            for path, summary in summaries
        ]
        print_json({"files": added, "documents": total, "remaining": remaining})
        return
    _say_added(summaries)
    click.echo(f"{counted(total, 'document')} in all. Next: docreview review")
    if remaining:
        click.echo(
            f"The semantic model has {remaining:,} of them still to read: the review does that in the background; "
            "'docreview embed' does it now."
        )


def _say_added(summaries: Sequence[tuple[Path, AddSummary]]) -> None:
    for path, summary in summaries:
        parts = [f"{summary.added:,} added"]
        if summary.skipped:
            parts.append(f"{summary.skipped:,} there already")
        if summary.priors:
            parts.append(counted(summary.priors, "label") + " taken")
        click.echo(f"{printable(str(path))}: {', '.join(parts)} ({summary.seconds:.1f} s)")
        for warning in summary.warnings:
            click.echo(f"Warning: {printable(warning)}", err=True)


@click.command("embed")
@project_option
@click.option("--quiet", is_flag=True, help="Show nothing.")
@click.option(
    "--background", is_flag=True, help="With lowest priority; ends quietly where another process does it already."
)
def embed_command(project: Path | None, quiet: bool, background: bool) -> None:
    """Let the semantic model read the documents now.

    A review does this in the background as well. Stopped at any time, it goes on where it was. Done again, it reads
    only documents that are new.

    \b
    Example:
      docreview embed
    """
    if background:
        _step_back()
    with open_project(project) as opened, progress_bars(quiet or background) as progress:
        try:
            opened.embed(_while_parent_lives(progress) if background else progress)
        except ProjectLocked:
            if not background:
                raise
            return
        if not quiet:
            corpus = opened.corpus
            aside = {name: reason for name in corpus.views if (reason := corpus.aside(name))}
            for name, reason in aside.items():
                click.echo(f"The view '{name}' stands aside: {reason}")
            click.echo(f"All {corpus.n:,} documents have been read; every {'other ' * bool(aside)}view is built.")


def _step_back() -> None:
    """Take the lowest priority: a person is reading on this machine."""
    if hasattr(os, "nice"):
        os.nice(19)


def _while_parent_lives(progress: Progress) -> Progress:
    parent = os.getppid()

    def watched(step: str, done: int, total: int) -> None:
        if os.getppid() != parent:  # the review that started this is gone; the next one goes on from here
            raise SystemExit(0)
        progress(step, done, total)

    return watched
