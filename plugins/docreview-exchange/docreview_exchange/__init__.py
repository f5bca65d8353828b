"""Exchange documents and labels with people who do not use docreview: CSV, Label Studio, Hugging Face, spaCy.

``docreview exchange send`` writes the documents to read next to a file, ``docreview exchange receive`` takes the
answers. The oracle ``answered-file`` answers simulations from such a file. ``docreview exchange dataset`` writes the
labels as a folder that Hugging Face's ``datasets`` loads, with its datasheet; the exporters ``label-studio``,
``parquet`` and ``spacy`` write whole projects as Label Studio tasks (``.ls.json``), as a table (``.parquet``) and as
documents to train a text classifier of spaCy on (``.spacy``).
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
    """Register the exporters of Label Studio tasks, Parquet and spaCy's documents."""
    from docreview_exchange.label_studio import Tasks
    from docreview_exchange.parquet import Parquet
    from docreview_exchange.spacy_documents import SpacyDocuments

    register("label-studio", Tasks)
    register("parquet", Parquet)
    register("spacy", SpacyDocuments)


@docreview.hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``docreview exchange``."""
    from docreview_exchange.commands import exchange

    cli.add_command(exchange)
