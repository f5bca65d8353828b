"""Exchange documents and labels with people who do not use docreview: CSV and Label Studio.

``docreview exchange send`` writes the documents to read next to a file, ``docreview exchange receive`` takes the
answers. The oracle ``answered-file`` answers simulations from such a file, and the exporter ``label-studio`` writes
whole projects as Label Studio tasks (``.ls.json``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import docreview

if TYPE_CHECKING:
    import click

    from docreview.hookspecs import Register

__version__ = "0.1.0"
docreview_api = 1


@docreview.hookimpl
def register_oracles(register: Register) -> None:
    """Register the oracle that answers from a file."""
    from docreview_exchange.oracle import AnsweredFile

    register("answered-file", AnsweredFile)


@docreview.hookimpl
def register_exporters(register: Register) -> None:
    """Register the exporter of Label Studio tasks."""
    from docreview_exchange.label_studio import Tasks

    register("label-studio", Tasks)


@docreview.hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``docreview exchange``."""
    from docreview_exchange.commands import exchange

    cli.add_command(exchange)
