"""``save-model``, ``predict``: the trained model leaves its project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    say_warnings,
    writing,
)
from docreview.cli.naming import set_option, settings_of

if TYPE_CHECKING:
    from docreview.saved_model import Prediction
    from docreview.types import Scalar


@click.command("save-model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@project_option
@question_option
@json_option
def save_model_command(file: Path, project: Path | None, question: str | None, as_json: bool) -> None:
    """Write the trained model to one file.

    'docreview predict' labels other documents with it, on any machine, without the project. The file holds weights and
    settings: no text, no id and no answer. Nothing in it is run when it is read.

    \b
    Example:
      docreview save-model sentiment.model
    """
    with open_project(project) as opened, writing(file):
        labels = opened.save_model(file, question)
    if as_json:
        print_json({"file": str(file), "labels": labels})
    else:
        click.echo(f"Wrote the model to {printable(str(file))}: it learned from {counted(labels, 'label')}.")


@click.command("predict")
@click.argument("path", type=click.Path(path_type=Path), metavar="INPUT")
@click.option(
    "--model", "-m", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The saved model to ask."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write there, in the format its ending says, and not JSON lines to the screen.",
)
@click.option("--text", metavar="COLUMN", help="The column that holds the text. Found by its name where it can be.")
@click.option("--title", metavar="COLUMN", help="The column that holds the title.")
@click.option("--id", "id_", metavar="COLUMN", help="The column that holds the id.")
@click.option("--encoding", metavar="NAME", help="How the file is encoded (utf-8, cp1252 ...). Found out if not given.")
@set_option("importer")
def predict_command(
    path: Path,
    model: Path,
    output: Path | None,
    text: str | None,
    title: str | None,
    id_: str | None,
    encoding: str | None,
    pairs: tuple[str, ...],
) -> None:
    """Label other documents with a saved model, without the project.

    INPUT is a file or folder as 'docreview add' takes it. For each document: its id, the likeliest label, and the
    probability of each label. The probabilities describe documents like those that were labeled: where these were
    chosen, and not drawn at random, do not count by them.

    \b
    Example:
      docreview predict new-tweets.csv --model sentiment.model --output labeled.csv
    """
    from docreview.contracts import write_rows
    from docreview.exporters import exporter_for
    from docreview.importers import importer_for, read_documents
    from docreview.plugins import load_plugins
    from docreview.project import ready_components
    from docreview.saved_model import load_model

    say_warnings()
    registry = load_plugins().registry
    exporters = ready_components(registry, "exporters") if output is not None else {}
    exporter = None if output is None else exporters[exporter_for(output, exporters)]
    saved = load_model(model, registry)
    for line in saved.warnings:
        click.echo(f"Warning: {printable(line)}. What it predicts may differ.", err=True)
    importers = ready_components(registry, "importers")
    name = importer_for(path, importers)
    settings = settings_of(pairs) | ({} if encoding is None else {"encoding": encoding})
    if settings:
        importers = {name: registry.create("importers", name, settings)}
    columns = {role: column for role, column in (("text", text), ("title", title), ("id", id_)) if column is not None}

    def warn(line: str) -> None:
        click.echo(f"Warning: {printable(line)}", err=True)

    with progress_bars() as progress:
        documents = read_documents(path, importers, columns, warn=warn, progress=progress)
        predictions = saved.predict(documents, warn)
        if output is None or exporter is None:
            for prediction in predictions:
                print_json(_shown(prediction))
            return
        with writing(output):
            rows = write_rows(exporter, output, map(_row, predictions))
    click.echo(f"Wrote {counted(rows, 'document')} to {printable(str(output))}")


def _shown(prediction: Prediction) -> dict[str, Any]:
    return {
        "id": prediction.document_id,
        "label": prediction.label,
        "probabilities": dict(prediction.probabilities),
    }


def _row(prediction: Prediction) -> Mapping[str, Scalar]:
    """As `docreview export` names them."""
    probabilities = {f"p({label})": p for label, p in prediction.probabilities.items()}
    return {"id": prediction.document_id, "label": prediction.label, **probabilities}
