"""The plugins that a command meets: those that are installed, and the one-file plugins of the project around."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docreview.cli.common import find_project, printable, say_warnings
from docreview.errors import DocreviewError
from docreview.registry import KINDS

if TYPE_CHECKING:
    from docreview.cli.extra import Extra
    from docreview.config import Config
    from docreview.plugins import Plugins, Quarantined


@dataclass(frozen=True)
class Around:
    """The plugins that are installed, with the one-file plugins of the project around, where there is one."""

    plugins: Plugins
    extra: Extra
    #: plugins that were not let in, be it with their components or with their commands
    failed: list[Quarantined]
    #: the project's folder and its settings; None where there is no project, or its file cannot be read
    folder: Path | None = None
    config: Config | None = None
    #: why its file cannot be read
    trouble: str | None = None

    @property
    def question(self) -> str:
        """The name of a question for examples: the project's first."""
        return next(iter(self.config.questions), "QUESTION") if self.config is not None else "QUESTION"


def look_around(project: Path | None = None) -> Around:
    """Load the plugins that a command would meet here; a broken project is told in one line and hides no plugin."""
    from docreview.cli import COMMANDS
    from docreview.cli.extra import plugin_commands
    from docreview.config import read_config
    from docreview.plugins import load_plugins

    say_warnings()
    folder, config, trouble = project, None, None
    try:
        folder = project if project is not None else find_project()
        if folder is not None:
            config = read_config(folder)
    except DocreviewError as error:
        trouble = str(error)
        click.echo(f"Warning: one-file plugins are not listed: {printable(trouble)}", err=True)
    loaded = load_plugins() if config is None else load_plugins(files=config.plugin_files, time_limit=config.time_limit)
    extra = plugin_commands(tuple(COMMANDS))
    known = {failed.name for failed in loaded.quarantined}
    failed = [*loaded.quarantined, *(failed for failed in extra.failed if failed.name not in known)]
    return Around(loaded, extra, failed, folder, config, trouble)


def brought_by(around: Around, plugin: str) -> dict[str, list[str]]:
    """Kind -> names of the components that a plugin brings; its commands under ``commands``."""
    registry = around.plugins.registry
    brought = {kind: [e.name for e in registry.entries(kind) if e.plugin == plugin] for kind in KINDS}
    brought["commands"] = sorted(name for name, owner in around.extra.owners.items() if owner == plugin)
    return {kind: names for kind, names in brought.items() if names}


def mend(failed: Quarantined) -> str:
    """What to do about a plugin that was not let in, in one line."""
    distribution = re.fullmatch(r"distribution (\S+) \S+", failed.origin)
    aside = f"DOCREVIEW_DISABLE_PLUGINS={failed.name} leaves it out"
    if distribution is None:  # a file of the project
        return f"Mend {failed.origin or 'it'}, or take it out of [plugins] files in docreview.toml; {aside}."
    name = distribution[1]
    without = f"To do without it: pip uninstall {name}; {aside}."
    missing = re.match(r"ModuleNotFoundError: No module named '([^']+)'", failed.cause)
    if missing:
        return f"Install what brings the module '{missing[1]}'. {without}"
    if "upgrade the plugin" in failed.cause:
        return f"pip install --upgrade {name}. {without}"
    if "upgrade docreview" in failed.cause:
        return f"pip install --upgrade docreview. {without}"
    if re.search(r"is taken|takes a name|is there already", failed.cause):
        return f"Two plugins cannot bring the same name: uninstall one of them. {without}"
    return f"DOCREVIEW_STRICT_PLUGINS=1 docreview plugins shows where it fails. {without}"
