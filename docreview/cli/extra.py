"""Commands of plugins.

They are looked for only when they are needed: for ``docreview --help``, and for a command that is not built in. Then
the module of each installed entry point is imported (nothing else of docreview is), which is why a plugin must import
what is heavy inside its commands and factories. A plugin that fails, or takes the name of another command, is left out,
and ``docreview plugins`` says why. The variables that `docreview.plugins` knows hold here as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import click

from docreview.errors import PluginError
from docreview.plugins import Found, Quarantined, attempt, check_plugin, installed, is_disabled, make_manager


@dataclass
class Extra:
    """The commands of plugins, by name, and which plugin each is of."""

    commands: dict[str, click.Command] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    #: plugins that were left out, and why
    failed: list[Quarantined] = field(default_factory=list)
    #: plugins that ``DOCREVIEW_DISABLE_PLUGINS`` leaves out
    disabled: list[str] = field(default_factory=list)


@cache
def plugin_commands(taken: tuple[str, ...]) -> Extra:
    """Find the commands of all plugins. `taken` names are not to be had."""
    extra = Extra()

    def add(plugin: Found) -> None:
        added = _commands_of(plugin)
        doubles = sorted(set(added) & {*taken, *extra.commands})
        if doubles:
            raise PluginError(f"the command '{doubles[0]}' is there already.")
        extra.commands.update(added)
        extra.owners.update(dict.fromkeys(added, plugin.name))

    for plugin in installed():
        if is_disabled(plugin.name):
            extra.disabled.append(plugin.name)
            continue
        cause = attempt(plugin, lambda plugin=plugin: add(plugin))  # type: ignore[misc]
        if cause is not None:
            extra.failed.append(cause)
    return extra


def _commands_of(found: Found) -> dict[str, click.Command]:
    """Ask one plugin for its commands, by a manager of its own, so that it sees nobody else's."""
    plugin = found.load()
    check_plugin(plugin)
    manager = make_manager()
    manager.register(plugin, found.name)
    group = click.Group()
    manager.hook.register_commands(cli=group)
    return dict(group.commands)
