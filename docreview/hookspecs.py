"""Every place where a plugin can join in, in the order in which a review meets them.

The ``register_*`` hooks are each called once, when the project's plugin manager starts. A plugin says
``register("name", factory)``: the name in kebab-case, the factory a class or function whose parameters are the
component's settings. Heavy imports belong inside the factory. Built-ins register through these same hooks.

::

    import docreview

    @docreview.hookimpl
    def register_query_strategies(register):
        register("longest-first", LongestFirst)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click

    from docreview.review import Review
    from docreview.types import Document, Label

hookspec = pluggy.HookspecMarker("docreview")
hookimpl = pluggy.HookimplMarker("docreview")


class Register(Protocol):
    """Handed to each ``register_*`` hook."""

    def __call__(self, name: str, factory: Callable[..., Any]) -> None: ...


@hookspec
def register_importers(register: Register) -> None:
    """Add importers: `docreview.types.Importer`."""


@hookspec
def register_text_processors(register: Register) -> None:
    """Add text processors: `docreview.types.TextProcessor`."""


@hookspec
def register_embedders(register: Register) -> None:
    """Add embedders: `docreview.types.Embedder`."""


@hookspec
def register_views(register: Register) -> None:
    """Add views: `docreview.corpus.View`."""


@hookspec
def register_classifiers(register: Register) -> None:
    """Add classifiers: `docreview.types.Classifier`, scikit-learn's protocol."""


@hookspec
def register_models(register: Register) -> None:
    """Add models: `docreview.types.Model`."""


@hookspec
def register_query_strategies(register: Register) -> None:
    """Add query strategies: `docreview.types.QueryStrategy`."""


@hookspec
def register_oracles(register: Register) -> None:
    """Add oracles: `docreview.types.Oracle`."""


@hookspec
def register_stopping_rules(register: Register) -> None:
    """Add stopping rules: `docreview.types.StoppingRule`."""


@hookspec
def register_exporters(register: Register) -> None:
    """Add exporters: `docreview.types.Exporter`."""


@hookspec
def register_presets(register: Register) -> None:
    """Add presets: the factory takes no settings and returns a question's settings as `docreview.toml` has them."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the command line.

    Called at most once, and only when it must be known which commands there are: for ``docreview --help``, and for a
    command that is not built in. Import what is heavy inside the commands.
    """


@hookspec(firstresult=True)
def render_document(document: Document) -> str | None:
    """Return the text to show the reviewer, or None to leave it to others: the first result that is not None wins."""


@hookspec
def labels_recorded(review: Review, labels: Sequence[Label]) -> None:
    """Called after labels were committed. An exception here is logged and never undoes a label."""
