"""Every place where a plugin can join in, in the order in which a review meets them.

The ``register_*`` hooks are each called once, when the project's plugin manager starts. A plugin says
``register("name", factory)``: the name in kebab-case, the factory a class or function whose parameters are the
component's settings, with types and defaults. Heavy imports belong inside the factory. Built-ins register through these
same hooks.

::

    import docreview

    docreview_api = 1  # the version of this interface that the plugin was written for

    @docreview.hookimpl
    def register_query_strategies(register):
        register("longest-first", LongestFirst)

An implementation may take any of a hook's arguments and leave out the rest, so arguments can be added to a hook without
breaking a plugin. `docs/plugins/compatibility.md` says what is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click

    from docreview.review import Review
    from docreview.types import Document, Label

#: version of the plugin interface; a plugin that states another in ``docreview_api`` is not let in
API = 1

hookspec = pluggy.HookspecMarker("docreview")
hookimpl = pluggy.HookimplMarker("docreview")


class Register(Protocol):
    """Handed to each ``register_*`` hook. A name is in kebab-case and free; a factory's parameters are settings."""

    def __call__(self, name: str, factory: Callable[..., Any]) -> None: ...


@hookspec
def register_importers(register: Register) -> None:
    """Add importers: they read documents from files. The longest ending that fits decides; docreview's own go first.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Importer`.
    Must return: nothing.
    If it raises: the plugin is not let in, and files of its formats cannot be added. An importer that raises while it
    reads adds nothing: an add is whole or not at all.
    """


@hookspec
def register_text_processors(register: Register) -> None:
    """Add text processors: they change texts before any view sees them; reviewers still see the original.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.TextProcessor`.
    Must return: nothing.
    If it raises: the plugin is not let in, and projects whose `text_processors` name it do not open. A processor that
    raises stops the building of views; documents and answers stay.
    """


@hookspec
def register_embedders(register: Register) -> None:
    """Add embedders: they turn texts into vectors, for the view `semantic`.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Embedder`.
    Must return: nothing.
    If it raises: the plugin is not let in, and projects that name it do not open. An embedder that raises while it
    embeds stops `docreview embed`; blocks that are finished are kept, and the review goes on without that view.
    """


@hookspec
def register_views(register: Register) -> None:
    """Add views: ways of seeing the whole corpus as vectors or word weights.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.corpus.View`.
    Must return: nothing.
    If it raises: the plugin is not let in, and projects that name it do not open. A view that raises while it is built
    stops that command; the record is not touched.
    """


@hookspec
def register_indexes(register: Register) -> None:
    """Add indexes: they find each document's nearest neighbors.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Index`.
    Must return: nothing.
    If it raises: the plugin is not let in, and projects whose `[index]` names it do not open. An index that raises
    while it is built stops `docreview embed`; strategies then do without neighbors.
    """


@hookspec
def register_classifiers(register: Register) -> None:
    """Add classifiers, in scikit-learn's protocol, for models that fuse views.

    Called: once, when a project is opened.
    With: `register`; each factory makes an unfitted `docreview.types.Classifier`, which is cloned for each fit.
    Must return: nothing.
    If it raises: the plugin is not let in, and reviews that name it do not open. A classifier that raises while it is
    fitted stops the round; no batch is drawn, and nothing is recorded.
    """


@hookspec
def register_models(register: Register) -> None:
    """Add models: from all views and labels to scores and probabilities of every document.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Model`.
    Must return: nothing.
    If it raises: the plugin is not let in, and reviews that name it do not open. A model that raises stops the round;
    no batch is drawn, and nothing is recorded.
    """


@hookspec
def register_query_strategies(register: Register) -> None:
    """Add query strategies: they choose what to ask next.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.QueryStrategy`.
    Must return: nothing.
    If it raises: the plugin is not let in, and reviews that name it do not open. A strategy that raises stops the
    round; no batch is drawn, and nothing is recorded.
    """


@hookspec
def register_oracles(register: Register) -> None:
    """Add oracles: they answer for documents instead of the person at the screen.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Oracle`.
    Must return: nothing.
    If it raises: the plugin is not let in, and whoever asks for that oracle is told. An oracle that raises ends the
    simulation that asks it; answers before that are kept.
    """


@hookspec
def register_stopping_rules(register: Register) -> None:
    """Add stopping rules: they say when enough has been read.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.StoppingRule`.
    Must return: nothing.
    If it raises: the plugin is not let in, and reviews that name it do not open. A rule that raises stops the command
    that asks it; batches and answers are not affected.
    """


@hookspec
def register_exporters(register: Register) -> None:
    """Add exporters: they write documents with their labels to files.

    Called: once, when a project is opened.
    With: `register`; each factory makes a `docreview.types.Exporter`.
    Must return: nothing.
    If it raises: the plugin is not let in, and its formats cannot be written. An exporter that raises leaves the file
    that was there before.
    """


@hookspec
def register_presets(register: Register) -> None:
    """Add presets: settings of a review under one name.

    Called: once, when a project is opened.
    With: `register`; each factory takes no settings and returns a table with `model`, `query_strategy`, `cold_start`
    and `stopping_rule`, and perhaps `batch_size` and `validation`, as a question's table in `docreview.toml` has them.
    Must return: nothing.
    If it raises: the plugin is not let in, and reviews that name the preset do not open. A review that has begun keeps
    what its preset said then.
    """


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the command line.

    Called: at most once, and only when it must be known which commands there are: for `docreview --help`, and for a
    command that is not built in. Never for a one-file plugin. Import what is heavy inside the commands.
    With: `cli`, an empty group; say ``cli.add_command(command)`` or decorate with ``@cli.command("name")``.
    Must return: nothing.
    If it raises: the plugin's commands are not there, `docreview --help` and `docreview plugins` say so, and its
    components still are.
    """


@hookspec(firstresult=True)
def render_document(document: Document) -> str | None:
    """Say how a document is shown to the reviewer.

    Called: for each document that comes on the screen of `docreview review`.
    With: `document`, as it was added.
    Must return: the text to show, or None to leave it to others: the first result that is not None wins.
    If it raises: the reviewer is told which plugin failed, and sees the document's own text.
    """


@hookspec
def labels_recorded(review: Review, labels: Sequence[Label]) -> None:
    """Learn of answers, after they were committed.

    Called: after each commit of answers, in the process that took them, priors of an add among them.
    With: `review`, and the `labels` that were just recorded.
    Must return: nothing.
    If it raises: nobody loses anything: the failure is logged with the plugin's name, the other plugins are still
    called, and the answers stay recorded.
    """
