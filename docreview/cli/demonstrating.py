"""``demo``: the whole way, on a real collection."""

from __future__ import annotations

from pathlib import Path

import click

from docreview.cli.common import progress_bars, say_warnings


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("docreview-demo"))
def demo_command(folder: Path) -> None:
    """Review a real legal collection, from nothing to the report.

    Takes about 2,300 license texts, asks which of them impose copyleft, and measures how many have to be read to find
    them. Works in FOLDER (docreview-demo where none is given) and says what it wrote there.

    \b
    Example:
      docreview demo
    """
    from docreview import demo

    say_warnings()
    with progress_bars() as progress:
        demo.run(folder, progress=progress)
