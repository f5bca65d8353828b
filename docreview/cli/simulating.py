"""``simulate``: what a review would have cost, measured on documents whose labels are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.common import (
    console,
    json_option,
    open_project,
    print_json,
    print_table,
    printable,
    progress_bars,
    project_option,
    question_option,
)
from docreview.cli.naming import label_of_spec, spec_of, with_truth
from docreview.errors import DocreviewError, ImportFailed, did_you_mean

if TYPE_CHECKING:
    from docreview.plots import Curve
    from docreview.project import Project
    from docreview.report import Table
    from docreview.simulation import Simulation
    from docreview.types import Document, Importer, Progress, Question

LEVELS = (0.80, 0.95, 1.00)
OWN = "docreview"


@click.command("simulate")
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with the true labels. Without it: the labels in the project.",
)
@click.option("--truth-id", metavar="COLUMN", help="The column of that file that holds the document's id.")
@click.option("--truth-label", metavar="COLUMN", help="The column of that file that holds the label.")
@click.option(
    "--strategy",
    "-s",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="A query strategy to compare with the project's own; may be given again. With settings: "
    "'{name = \"density-mmr\", beta = 1.0}'.",
)
@click.option(
    "--oracle",
    metavar="NAME",
    help="Who answers in the place of the truth, against which all is measured: with settings, "
    "'{name = \"noisy\", flip = 0.1}'.",
)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many times, with seeds 0 to N - 1.",
)
@click.option(
    "--labels", type=click.IntRange(min=1), metavar="N", help="Stop after so many labels. Without a target: 500."
)
@click.option(
    "--report",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report with the curves (.html or .json).",
)
@project_option
@question_option
@json_option
def simulate_command(
    truth: Path | None,
    truth_id: str | None,
    truth_label: str | None,
    strategies: tuple[str, ...],
    oracle: str | None,
    seeds: int,
    labels: int | None,
    file: Path | None,
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Measure what a review would have cost, on known labels.

    Takes documents whose labels are known, hides the labels, and reviews with the project's settings. With a target, it
    says how many documents are read until 80, 95 and 100 % of the target are found, beside random order; without one,
    accuracy and macro-F1 on a fifth of the documents, held out. The stopping rule is not
    asked. Nothing is written to the project's record.

    \b
    Examples:
      docreview simulate --truth labels.csv --truth-id id --truth-label label --seeds 5
      docreview simulate --oracle '{name = "noisy", flip = 0.1}'
    """
    given = [spec_of(text, "--strategy") for text in strategies]
    answering = None if oracle is None else spec_of(oracle, "--oracle")
    with open_project(project) as opened, progress_bars() as progress:
        asked = opened.question(question)
        known = _truth(opened, asked, truth, truth_id, truth_label)
        registry = opened.plugins.registry
        arms: dict[str, dict[str, Any]] = {OWN: {}}
        for spec in given:
            registry.component("query_strategies", spec)  # what is wrong with it is told before anything runs
            arms[label_of_spec(spec)] = {"query_strategy": spec}
        options: dict[str, Any] = {"labels": labels}
        if answering is not None:
            options["oracle"] = with_truth(registry, answering, known)
            registry.component("oracles", options["oracle"])
        measure = _recall if asked.target is not None else _quality
        result, curves = measure(opened, asked, known, arms, seeds, progress, options)
        if answering is not None:
            result["oracle"] = label_of_spec(answering)
        table = _table(asked, len(known), seeds, result)
        if file is not None:
            _write_report(file, asked, known, table, result, curves)
    if as_json:
        print_json({"question": asked.name, "documents": len(known), "seeds": seeds, **result})
    else:
        print_table(console(), table)
        if file is not None:
            click.echo(f"Wrote {printable(str(file))}")


def _truth(
    project: Project, question: Question, file: Path | None, id_column: str | None, label_column: str | None
) -> dict[str, str]:
    """The label of each document that has one, in the corpus's order."""
    if file is None:
        if id_column or label_column:
            raise click.UsageError("--truth-id and --truth-label name columns of a file: give --truth FILE.")
        given = {key: label for key, label in project.labels(question.name).items() if label is not None}
    else:
        columns = {role: column for role, column in (("id", id_column), ("label", label_column)) if column}
        importers = project.components("importers")
        given = {}
        for document in _rows(file, importers, columns):
            if document.label is not None:
                if document.label not in question.labels:
                    hint = did_you_mean(document.label, question.labels)
                    raise DocreviewError(f"{file}: '{document.label}' is no label of '{question.name}'.{hint}")
                given[document.id] = document.label
    known = {key: given[key] for key in project.store.ids() if key in given}
    if len(known) < 2:
        source = f"in {file}" if file else "in the project"
        raise DocreviewError(
            f"labels of {len(known)} of the project's documents are known {source}: there is nothing to simulate. "
            "Give a file with --truth, its columns with --truth-id and --truth-label."
        )
    return known


def _rows(file: Path, importers: Mapping[str, Importer], columns: Mapping[str, str]) -> list[Document]:
    """The file's rows. Ids and labels will do, the texts are in the project: then ids stand where texts would."""
    from docreview.importers import read_documents

    def read(columns: Mapping[str, str]) -> list[Document]:
        return list(read_documents(file, importers, columns, warn=lambda message: None))

    if "id" in columns:
        return read({**columns, "text": columns["id"]})
    try:
        return read(columns)
    except ImportFailed:
        return read({**columns, "id": "id", "text": "id"})


Result = dict[str, Any]


def _recall(
    project: Project,
    question: Question,
    known: Mapping[str, str],
    arms: Mapping[str, Mapping[str, Any]],
    seeds: int,
    progress: Progress,
    options: Mapping[str, Any],
) -> tuple[Result, list[Curve]]:
    """Documents read to each share of the target, mean over seeds, beside what random order reads on average."""
    from docreview.metrics import expected_random_reading, needed
    from docreview.plots import Curve
    from docreview.simulation import mean_gain

    total = sum(1 for label in known.values() if label == question.target)
    expected = [expected_random_reading(needed(level, total), total, len(known)) for level in LEVELS]
    rows: list[dict[str, Any]] = []
    curves = []
    for arm, overrides in arms.items():
        runs = _runs(project, question, known, arm, overrides, seeds, progress, **options)
        read = [_mean([run.read_to(level) for run in runs]) for level in LEVELS]
        saving = None if read[1] is None else 1 - read[1] / expected[1]
        rows.append({"order": arm, "read": read, "saving": saving, "seconds": sum(run.seconds for run in runs)})
        gain = mean_gain([run.hits.cumsum() for run in runs])
        x, y, low, high = (tuple(values.tolist()) for values in gain)
        curves.append(Curve(arm, x, y, low, high, "main" if arm == OWN else "other"))
    rows.append({"order": "random order, expected", "read": expected, "saving": None, "seconds": None})
    return {"target": question.target, "total": total, "levels": list(LEVELS), "rows": rows}, curves


def _quality(
    project: Project,
    question: Question,
    known: Mapping[str, str],
    arms: Mapping[str, Mapping[str, Any]],
    seeds: int,
    progress: Progress,
    options: Mapping[str, Any],
) -> tuple[Result, list[Curve]]:
    """Accuracy and macro-F1 on a held-out fifth after some numbers of labels, mean over seeds."""
    import numpy as np

    from docreview.plots import Curve

    ids = list(known)
    if len(ids) < 10:
        raise DocreviewError(f"only {len(ids)} documents have a label: without a target, 10 are needed at least.")
    # held out by a generator of its own: the same documents for every arm and seed
    drawn = np.random.default_rng([0, len(ids)]).permutation(len(ids))[: max(2, len(ids) // 5)]
    held_out = [ids[i] for i in sorted(drawn.tolist())]
    most = min(options["labels"] or 500, len(ids) - len(held_out))
    options = {**options, "labels": most, "held_out": held_out}
    rows, curves = [], []
    for arm, overrides in arms.items():
        runs = _runs(project, question, known, arm, overrides, seeds, progress, **options)
        steps = [run.rounds for run in runs]
        by_read: dict[int, list[tuple[float, float]]] = {}
        for rounds in steps:
            for step in rounds:
                if step.accuracy is not None and step.macro_f1 is not None:
                    by_read.setdefault(step.read, []).append((step.accuracy, step.macro_f1))
        points = [
            (read, *(sum(column) / len(column) for column in zip(*values, strict=True)))
            for read, values in sorted(by_read.items())
            if len(values) == len(runs)
        ]
        if not points:
            raise DocreviewError("no model could be trained: too few labels, or all of one kind.")
        x = tuple(float(point[0]) for point in points)
        accuracies = tuple(point[1] for point in points)
        curves.append(Curve(f"{arm}, accuracy", x, accuracies, role="main" if arm == OWN else "other"))
        curves.append(Curve(f"{arm}, macro-F1", x, tuple(point[2] for point in points)))
        for share in (0.2, 0.5, 1.0):
            read, accuracy, macro_f1 = min(points, key=lambda point: abs(point[0] - share * most))
            rows.append({"order": arm, "labels": int(read), "accuracy": accuracy, "macro_f1": macro_f1})
    return {"target": None, "held_out": len(held_out), "rows": rows}, curves


def _runs(
    project: Project,
    question: Question,
    known: Mapping[str, str],
    arm: str,
    overrides: Mapping[str, Any],
    seeds: int,
    progress: Progress,
    **options: Any,
) -> list[Simulation]:
    return [
        project.simulate(known, question.name, overrides=overrides, arm=arm, seed=seed, progress=progress, **options)
        for seed in range(seeds)
    ]


def _mean(values: Sequence[int | None]) -> float | None:
    """The mean, or None where one is missing: a run that never got there has no number."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _table(question: Question, documents: int, seeds: int, result: Result) -> Table:
    """The result as a table for the screen and the report."""
    from docreview.report import Table

    runs = "one run" if seeds == 1 else f"mean of {seeds} runs"
    if "oracle" in result:
        runs += f"; answers by {result['oracle']}"
    if result["target"] is None:
        title = f"{documents:,} documents with known labels, {result['held_out']:,} of them held out; {runs}"
        rows = tuple((row["order"], row["labels"], row["accuracy"], row["macro_f1"]) for row in result["rows"])
        return Table(title, ("order", "labels", "accuracy", "macro-F1"), rows, ("accuracy", "macro-F1"))
    title = f"{documents:,} documents with known labels, {result['total']:,} of them '{question.target}'; {runs}"
    columns = ("order", *(f"read to {level:.0%}" for level in LEVELS), "saving at 95%")
    whole = [[None if read is None else round(read) for read in row["read"]] for row in result["rows"]]
    rows = tuple((row["order"], *read, row["saving"]) for row, read in zip(result["rows"], whole, strict=True))
    note = "Saving: against reading all of them."
    return Table(title, columns, rows, ("saving at 95%",), note)


def _write_report(
    file: Path, question: Question, known: Mapping[str, str], table: Table, result: Result, curves: list[Curve]
) -> None:
    import docreview
    from docreview.report import ReportData, report
    from docreview.types import now

    recall = result["target"] is not None
    report(
        ReportData(
            title=f"Simulation: {question.name}",
            question=question,
            created=now().strftime("%Y-%m-%d %H:%M UTC"),
            documents=len(known),
            gain=tuple(curves) if recall else (),
            total=result["total"] if recall else None,
            learning=() if recall else tuple(curves),
            tables=(table,),
            versions={"docreview": docreview.__version__},
        ),
        file,
    )
