"""``demo``: the whole way, on a real collection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from docreview.cli.common import progress_bars, say_warnings

if TYPE_CHECKING:
    from docreview.report import Table


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docreview-demo"))
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="How many reviews to average over.")
def demo_command(folder: Path, seeds: int) -> None:
    """Review a real legal collection, from nothing to the report.

    Takes about 2,300 license texts, asks which of them impose copyleft, and measures how many have to be read to find
    them. Works in FOLDER (docreview-demo where none is given) and says what it wrote there.

    \b
    Example:
      docreview demo
    """
    from rich.console import Console

    from docreview import demo
    from docreview.report import Table

    say_warnings()
    click.echo("docreview demo: which of these licences impose copyleft?\n")
    with progress_bars() as progress:
        result = demo.run(folder, seeds, progress)
    console = Console()
    timings = Table(
        "Seconds on this machine", ("step", "seconds"), tuple((k, round(v, 1)) for k, v in result.timings.items())
    )
    for table in (demo.reading_table(result.arms, result.documents), demo.classes_table(result.classes), timings):
        _print(console, table)
    click.echo(result.summary)
    click.echo(f"\nThe gain curve is in  {result.picture}\nThe report is in      {result.report}")
    click.echo(
        "\nA review of your own files starts with three commands:\n"
        '  docreview new my-review --prompt "What is to be decided?" --label yes --label no --target yes\n'
        "  docreview add -p my-review YOUR-FILE.csv\n"
        "  docreview review -p my-review"
    )


def _print(console: object, table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    assert isinstance(console, Console)
    shown = RichTable(
        title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3)
    )
    for column in table.columns:
        numeric = any(isinstance(row[table.columns.index(column)], int | float) for row in table.rows)
        shown.add_column(column, justify="right" if numeric else "left")
    for row in table.rows:
        shown.add_row(
            *(_cell(value, column in table.percent) for column, value in zip(table.columns, row, strict=True))
        )
    console.print(shown)
    console.print(f"[dim]{table.note}[/dim]\n" if table.note else "")


def _cell(value: object, percent: bool) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0%}" if percent else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
