"""``demo``: the whole way, on a real collection."""

from __future__ import annotations

from pathlib import Path

import click

from docreview.cli.common import console, print_table, printable, progress_bars, say_warnings, seconds_shown


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docreview-demo"))
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(min=1), metavar="N", help="How many runs.")
def demo_command(folder: Path, seeds: int) -> None:
    """Review a real legal collection, from nothing to the report.

    Takes about 2,300 license texts, asks which of them impose copyleft, and measures how many have to be read to find
    them. Works in FOLDER (docreview-demo where none is given) and says what it wrote there. A second run is quicker:
    what the semantic model has read, it does not read again.

    \b
    Example:
      docreview demo
    """
    from rich.table import Table
    from rich.text import Text

    from docreview import demo

    say_warnings()
    with progress_bars() as progress:
        result = demo.run(folder, seeds=seeds, progress=progress)
    out = console()
    out.print()
    print_table(out, demo.reading_table(result.arms, result.documents))
    out.print()
    print_table(out, demo.classes_table(result.classes))
    out.print()
    times = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    for step, seconds in result.timings.items():
        times.add_row(Text(printable(step)), Text(seconds_shown(seconds)))
    out.print(Text("Time", style="bold"))
    out.print(times)
    out.print()
    out.print(Text(printable(result.summary)))
    click.echo(
        f"\nThe report: {result.report}\nThe gain curve: {result.picture}\n\n"
        "Review your own files:\n"
        '  docreview new my-review --prompt "What is looked for?" --label yes --label no --target yes\n'
        "  docreview add -p my-review FILE...\n"
        "  docreview review -p my-review"
    )
