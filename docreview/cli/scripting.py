"""``next`` and ``record``: the review for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from docreview.cli.common import (
    json_option,
    open_project,
    print_json,
    printable,
    progress_bars,
    project_option,
    question_option,
)
from docreview.errors import DocreviewError, UnknownDocument, UnknownLabel, did_you_mean
from docreview.types import LONGEST, Label

if TYPE_CHECKING:
    from docreview.review import Review

_KEYS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "label": str,
    "note": str,
    "seconds": (int, float),
    "reviewer": str,
}


def reviewer_name(given: str | None) -> str:
    """Return the name given, else the one the person is logged in by."""
    names = (given, *(os.environ.get(name) for name in ("USER", "LOGNAME", "USERNAME")))
    return next((name.strip() for name in names if name and name.strip()), "anonymous")


@click.command("next")
@click.option(
    "-n", "number", type=click.IntRange(min=1), metavar="N", help="How many. Default: the project's batch size."
)
@project_option
@question_option
@json_option
def next_command(number: int | None, project: Path | None, question: str | None, as_json: bool) -> None:
    """Print the documents to read next.

    Documents given out before and not answered yet come first. One line a document: its id, a tab, its title or the
    beginning of its text. With --json, one object with the documents whole.

    \b
    Example:
      docreview next -n 5 --json
    """
    with open_project(project) as opened, progress_bars():
        review = opened.review(question)
        if not opened.store.n:
            raise DocreviewError("the project has no documents yet: 'docreview add FILE...'.")
        batch = review.next_batch(number)
        ids = batch.document_ids[:number]
        documents = [review.document(document_id) for document_id in ids]
    if as_json:
        shown = [
            {
                "id": document.id,
                "title": document.title,
                "text": document.text,
                "metadata": dict(document.metadata),
                "score": batch.scores[i],
                "probability": batch.probabilities[i],
            }
            for i, document in enumerate(documents)
        ]
        print_json({"question": review.name, "round": batch.round, "strategy": batch.strategy, "documents": shown})
        return
    for document in documents:
        click.echo(f"{printable(document.id)}\t{printable(document.title or document.text[:300])[:100]}")
    if not documents:
        click.echo("Every document has been answered.", err=True)


@click.command("record")
@click.argument("document_id", required=False, metavar="[ID")
@click.argument("label", required=False, metavar="LABEL]")
@click.option(
    "--file", "-f", "lines", type=click.File(encoding="utf-8-sig"), help="JSON lines to read, - for standard input."
)
@click.option("--skip", is_flag=True, help="Record that it could not be told, in the place of a label.")
@click.option("--note", default="", metavar="TEXT", help="A note, kept with the label.")
@click.option("--seconds", type=click.FloatRange(min=0), metavar="S", help="How long reading it took.")
@click.option("--reviewer", metavar="NAME", help="Who answered. Default: your login name.")
@project_option
@question_option
@json_option
def record_command(
    document_id: str | None,
    label: str | None,
    lines: IO[str] | None,
    skip: bool,
    note: str,
    seconds: float | None,
    reviewer: str | None,
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Record labels from the command line or from JSON lines.

    A line of the file is an object with "id" and "label" (null: could not be told) and, if you like, "note", "seconds"
    and "reviewer". What one call gives is recorded whole, or not at all where an id or a label is unknown.

    \b
    Examples:
      docreview record doc-17 copyleft
      docreview record --file labels.jsonl
    """
    who = reviewer_name(reviewer)
    if lines is not None:
        if document_id is not None or skip or note or seconds is not None:
            raise click.UsageError("give either an id and its label, or --file.")
        places, labels = [], []
        for where, one in _read(lines, who):
            places.append(where)
            labels.append(one)
    elif document_id is None or (label is None) != skip:
        raise click.UsageError("give an id and a label (or --skip), or --file with JSON lines.")
    else:
        places, labels = [], [Label(document_id, label, who, seconds=seconds, note=note)]
    with open_project(project) as opened:
        review = opened.review(question)
        try:
            review.record(*labels)
        except (UnknownLabel, UnknownDocument):
            for where, one in zip(places, labels, strict=False):
                _check(review, one, where)
            raise
    if as_json:
        recorded = [{"id": one.document_id, "label": one.value, "reviewer": one.reviewer} for one in labels]
        print_json({"recorded": len(labels), "labels": recorded})
        return
    for one in labels if len(labels) <= 10 else ():
        click.echo(f"{printable(one.document_id)}\t{printable(one.value or '(could not tell)')}")
    click.echo(f"{len(labels):,} recorded.")


def _read(lines: IO[str], reviewer: str) -> Iterator[tuple[str, Label]]:
    """Read labels from JSON lines, each with its place; an error names the line."""
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                where = f"{lines.name}, line {number}"
                yield where, _label(line, where, reviewer)
    except UnicodeDecodeError as error:
        raise DocreviewError(f"{lines.name} is not UTF-8 ({error.reason}): save it as UTF-8.") from error


def _check(review: Review, label: Label, where: str) -> None:
    try:
        review.check(label)
    except (UnknownLabel, UnknownDocument) as error:
        raise type(error)(f"{where}: {error}") from error


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:60]}..."


def _label(line: str, where: str, reviewer: str) -> Label:
    try:
        entry: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise DocreviewError(f"{where}: not JSON ({error.msg}, column {error.colno}).") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists without end
        raise DocreviewError(f"{where}: JSON that cannot be read: a number too long, or nested too deep.") from error
    if not isinstance(entry, Mapping):
        raise DocreviewError(f"{where}: an object with 'id' and 'label' is needed.")
    for key, value in entry.items():
        if key not in _KEYS:
            raise DocreviewError(f"{where}: unknown key '{key}'.{did_you_mean(key, _KEYS)}")
        if (value is not None and not isinstance(value, _KEYS[key])) or isinstance(value, bool):
            raise DocreviewError(f"{where}: '{key}' cannot be {_short(value)}.")
    if not entry.get("id") or "label" not in entry:
        raise DocreviewError(f"{where}: 'id' and 'label' are needed (a label of null: could not be told).")
    seconds = entry.get("seconds")
    if seconds is not None and not 0 <= seconds <= LONGEST:
        raise DocreviewError(f"{where}: 'seconds' cannot be {_short(seconds)}.")
    return Label(
        entry["id"], entry["label"], entry.get("reviewer") or reviewer, seconds=seconds, note=entry.get("note") or ""
    )
