"""``docreview exchange``: send documents out, receive answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from docreview.errors import DocreviewError, ExportFailed, ImportFailed, did_you_mean

if TYPE_CHECKING:
    from docreview import Project
    from docreview_exchange.answers import AnswerFile
    from docreview_exchange.receiving import Conflict, Received, Receiver

#: rows of a table on the screen; the rest is counted
SHOWN = 30

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _project_options(command: _Command) -> _Command:
    """Add ``--project`` and ``--question``, as docreview's own commands have them."""
    question = click.option(
        "--question", "-q", metavar="NAME", help="Which question of the project; not needed where there is one only."
    )
    project = click.option(
        "--project",
        "-p",
        default=".",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The project's folder. Default: this folder.",
    )
    return project(question(command))


def _force_option(command: _Command) -> _Command:
    return click.option("--force", is_flag=True, help="Write over files that are there already.")(command)


@click.group()
def exchange() -> None:
    """Exchange files with people who do not use docreview.

    \b
    Example:
      docreview exchange send tasks.csv
      docreview exchange receive tasks-from-ada.csv --reviewer ada
    """


@exchange.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "-n", "number", type=click.IntRange(min=1), metavar="N", help="How many. Default: the project's batch size."
)
@click.option("--for", "reviewer", default="", metavar="NAME", help="Who will answer: stands in each row of a CSV.")
@_force_option
@_project_options
def send(file: Path, number: int | None, reviewer: str, force: bool, project: Path, question: str | None) -> None:
    """Write the documents to read next to FILE, for somebody else to answer.

    FILE.csv is a table for a spreadsheet with an empty column 'label', and FILE.txt says how to fill it in. FILE.json
    is a list of tasks for Label Studio, and FILE.xml the labeling config to go with it. Documents sent before and not
    answered yet are sent again: send the same file to two people, and both read the same documents.

    \b
    Example:
      docreview exchange send tasks.csv -n 50 --for ada
    """
    from docreview import Project
    from docreview_exchange import label_studio, sheets
    from docreview_exchange.files import check_free

    suffix = file.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise click.UsageError("FILE must end in .csv (spreadsheets) or .json (Label Studio).")
    if reviewer and suffix == ".json":
        raise click.UsageError("--for is for CSV: Label Studio says itself who answered.")
    beside = file.with_suffix(".txt" if suffix == ".csv" else ".xml")
    # what cannot be written is told before documents are drawn
    check_free(file, beside, force=force)
    if not file.parent.is_dir():
        raise ExportFailed(f"{file} cannot be written: there is no folder {file.parent}.")
    with Project.open(project) as opened:
        review = opened.review(question)
        if not opened.n:
            raise DocreviewError("the project has no documents yet: 'docreview add FILE...'.")
        waiting = len(review.pending)
        ids = review.next_batch(number).document_ids[:number]
        if not ids:
            click.echo("Every document has been answered: nothing was written.")
            return
        documents = [review.document(document_id) for document_id in ids]
        if suffix == ".csv":
            sheets.write_instructions(beside, file, review.question)
            sheets.write(file, documents, review.question, reviewer=reviewer.strip())
        else:
            label_studio.write_config(beside, review.question)
            label_studio.write_tasks(file, documents, review.question)
    click.echo(f"Wrote {_counted(len(ids), 'document')} to {shown(file)}; {shown(beside)} goes with it.")
    if waiting:
        click.echo(f"They were given out before: {_counted(waiting, 'document')} of the last batch had no answer yet.")


@exchange.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_force_option
@_project_options
def config(file: Path, force: bool, project: Path, question: str | None) -> None:
    """Write Label Studio's labeling config for a question to FILE.

    \b
    Example:
      docreview export all.ls.json
      docreview exchange config all.xml
    """
    from docreview import Project
    from docreview_exchange import label_studio
    from docreview_exchange.files import check_free

    check_free(file, force=force)
    with Project.open(project) as opened:
        label_studio.write_config(file, opened.review(question).question)
    click.echo(f"Wrote {shown(file)}")


@exchange.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--reviewer", default="", metavar="NAME", help="Who gave the answers that name nobody.")
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="What to call a reviewer of the files, such as 1=ada; may be given again.",
)
@click.option("--partial", is_flag=True, help="Record what is right of a file in which something is wrong.")
@click.option("--changes", is_flag=True, help="Take answers that differ from the same reviewer's in the record.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and record nothing.")
@click.option(
    "--conflicts",
    "conflicts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the documents on which reviewers differ to a CSV, to be decided like any other.",
)
@_force_option
@_project_options
def receive(
    files: tuple[Path, ...],
    reviewer: str,
    renames: tuple[str, ...],
    partial: bool,
    changes: bool,
    dry_run: bool,
    conflicts_file: Path | None,
    force: bool,
    project: Path,
    question: str | None,
) -> None:
    """Record the answers in FILES: sheets that came back, or exports of Label Studio.

    What is recorded already is passed over, so a file may be received again. A row without a label is not answered, and
    stays to be read; '?' says that it could not be told. Where an id or a label is wrong, or somebody gives two answers
    for a document, nothing of that file is recorded. Where reviewers differ, all their answers are recorded, and the
    documents are listed.

    \b
    Example:
      docreview exchange receive ada.csv studio.json --rename 1=bob --conflicts conflicts.csv
    """
    from docreview import Project
    from docreview_exchange import sheets
    from docreview_exchange.files import check_free
    from docreview_exchange.receiving import Receiver

    renamed = dict(_renaming(entry) for entry in renames)
    if conflicts_file is not None:
        check_free(conflicts_file, force=force)
    with Project.open(project) as opened:
        read, failed = _read(files, opened, question)
        if conflicts_file is not None and len({asked for _, asked in read}) > 1:
            raise click.UsageError("--conflicts: the files answer several questions; receive them one by one.")
        receivers: dict[str, Receiver] = {}
        for file, asked in read:
            if asked not in receivers:
                receivers[asked] = Receiver(opened.review(asked), reviewer.strip(), renamed, partial, changes, dry_run)
            try:
                received = receivers[asked].receive(file)
            except ImportFailed as error:
                failed.append(str(error))
                continue
            _tell(received, dry_run)
            if received.problems and not partial:
                others = f", or give --partial to record the other {received.held:,}" if received.held else ""
                failed.append(
                    f"{file.path}: {_counted(len(received.problems), 'answer')} wrong, nothing recorded: mend the "
                    f"file{others}."
                )
        for receiver in receivers.values():
            conflicts = receiver.conflicts()
            _tell_conflicts(conflicts)
            if conflicts_file is not None:
                review = receiver.review
                said = {c.document_id: _spelled(c) for c in conflicts}
                documents = map(review.document, said)
                sheets.write(conflicts_file, documents, review.question, answers=said)
                click.echo(f"Wrote {_counted(len(said), 'document')} to {shown(conflicts_file)}")
    if failed:
        if len(files) > 1:
            for line in failed:
                click.echo(f"Not received: {shown(line)}", err=True)
            raise DocreviewError(f"{len(failed)} of {len(files)} files were not received.")
        raise DocreviewError(failed[0])


@exchange.command("dataset")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--unlabeled", is_flag=True, help="Add a split of the documents that have no label.")
@click.option(
    "--spacy", default="", metavar="LANGUAGE", help="Add a DocBin for each split, for spaCy in that language (xx: any)."
)
@_force_option
@_project_options
def dataset(folder: Path, unlabeled: bool, spacy: str, force: bool, project: Path, question: str | None) -> None:
    """Write the labels as a data set: FOLDER is what load_dataset of Hugging Face's 'datasets' takes.

    Parquet files with features and splits: train, and each blind random sample by its name. README.md is the datasheet:
    languages, counts, agreement, how the documents were chosen and with which probabilities. history.jsonl has every
    answer ever given. Texts are included: what their owners allow is yours to know.

    \b
    Example:
      docreview exchange dataset hausa-sentiment --spacy xx
    """
    from docreview import Project
    from docreview_exchange.dataset import write_dataset

    with Project.open(project) as opened:
        counts = write_dataset(folder, opened, question, unlabeled=unlabeled, spacy=spacy, force=force)
    said = ", ".join(f"{split} {n:,}" for split, n in counts.items())
    click.echo(f"Wrote {_counted(sum(counts.values()), 'document')} to {shown(folder)}: {said}.")


def _renaming(entry: str) -> tuple[str, str]:
    old, sign, new = (part.strip() for part in entry.partition("="))
    if not (old and sign and new):
        raise click.UsageError(f"--rename takes OLD=NEW, such as 1=ada, not '{entry}'.")
    return old, new


def _read(
    files: Sequence[Path], project: Project, question: str | None
) -> tuple[list[tuple[AnswerFile, str]], list[str]]:
    """The files that can be read, each with the question it answers, and what is wrong with the others."""
    from docreview_exchange.answers import read_answers

    asked = None if question is None else project.review(question).name
    read = []
    failed = []
    for path in dict.fromkeys(files):
        try:
            file = read_answers(path)
        except ImportFailed as error:
            failed.append(str(error))
            continue
        if asked is None and file.question and file.question not in project.questions:
            hint = did_you_mean(file.question, project.questions)
            failed.append(f"{path} answers the question '{file.question}', which the project has not.{hint}")
            continue
        read.append((file, asked or file.question or project.review(None).name))
    return read, failed


def _tell(received: Received, dry_run: bool) -> None:
    done = "would be recorded" if dry_run else "recorded"
    counts = (
        (len(received.labels), done),
        (received.known, "recorded before"),
        (received.unanswered, "not answered"),
        (received.repeated, "said again"),
        (len(received.problems), "wrong"),
    )
    said = ", ".join(f"{n:,} {what}" for n, what in counts if n or what == done)
    click.echo(f"{shown(received.path)}: {said}.")
    if received.untimed:
        click.echo(f"  {_counted(received.untimed, 'time')} left out: no number of seconds that reading can take.")
    by_reviewer: dict[str, int] = {}
    for label in received.labels:
        by_reviewer[label.reviewer] = by_reviewer.get(label.reviewer, 0) + 1
    for name, n in by_reviewer.items():
        click.echo(f"  {shown(name)}: {n:,}")
    _table(("wrong", "document", "what"), [(p.place, p.document_id, p.what) for p in received.problems])
    _table(("not recorded", "document", "what"), [(p.place, p.document_id, p.what) for p in received.stray])


def _tell_conflicts(conflicts: Sequence[Conflict]) -> None:
    if conflicts:
        click.echo(f"Reviewers differ on {_counted(len(conflicts), 'document')}:")
        _table(("document", "answers"), [(c.document_id, _spelled(c)) for c in conflicts])


def _spelled(conflict: Conflict) -> str:
    return ", ".join(f"{name}: {'?' if value is None else value}" for name, value in conflict.answers.items())


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its first rows at least; nothing where there is none."""
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 2))
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows[:SHOWN]:
        grid.add_row(*(Text(shown(cell)) for cell in row))
    # where no screen sets the width, lines are not to be torn early
    Console(markup=False, emoji=False, highlight=False, width=None if sys.stdout.isatty() else 160).print(grid)
    if len(rows) > SHOWN:
        click.echo(f"  ... and {len(rows) - SHOWN:,} more")


def shown(value: object) -> str:
    """`value` on one line, without characters that would steer a terminal: ids and labels come from strangers."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
