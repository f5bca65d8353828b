"""Sentiment in languages with few resources: a view made from a list of words, and projects that use it.

``docreview sentiment new`` makes a project whose views see words, what words are made of, and the words of a list.
Importing this stays light: numpy and scipy load when the view is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import docreview
from docreview_sentiment.lexicon import Lexicon

if TYPE_CHECKING:
    import click

    from docreview.hookspecs import Register

__version__ = "0.1.0"

#: the version of docreview's plugin API that this plugin was written for
docreview_api = 1


@docreview.hookimpl
def register_views(register: Register) -> None:
    """Register the view of a word list."""
    register("lexicon", Lexicon)


@docreview.hookimpl
def register_commands(cli: click.Group) -> None:
    """Add ``docreview sentiment``."""
    from docreview_sentiment.commands import sentiment

    cli.add_command(sentiment)
