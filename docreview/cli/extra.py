"""Commands of plugins.

They are looked for only when they are needed: for ``docreview --help``, and for a command that is not built in. Then
the module of each installed entry point is imported (nothing else of docreview is), which is why a plugin must import
what is heavy inside its commands and factories. A plugin that fails, or takes the name of another command, is left out,
and ``docreview plugins`` says why. The variables that `docreview.plugins` knows hold here as well.
"""

from __future__ import annotations

from functools import cache

import click

from docreview.errors import PluginError
from docreview.plugins import Found, Quarantined, attempt, check_plugin, installed, is_disabled, make_manager


@cache
def plugin_commands(taken: tuple[str, ...]) -> tuple[dict[str, click.Command], list[Quarantined]]:
    """Return the commands of all plugins by name, and the plugins left out. `taken` names are not to be had."""
    commands: dict[str, click.Command] = {}
    failed = []

    def add(plugin: Found) -> None:
        added = _commands_of(plugin)
        doubles = sorted(set(added) & {*taken, *commands})
        if doubles:
            raise PluginError(f"the command '{doubles[0]}' is there already.")
        commands.update(added)

    for plugin in installed():
        if not is_disabled(plugin.name):
            cause = attempt(plugin, lambda plugin=plugin: add(plugin))  # type: ignore[misc]
            if cause is not None:
                failed.append(cause)
    return commands, failed


def _commands_of(found: Found) -> dict[str, click.Command]:
    """Ask one plugin for its commands, by a manager of its own, so that it sees nobody else's."""
    plugin = found.load()
    check_plugin(plugin)
    manager = make_manager()
    manager.register(plugin, found.name)
    group = click.Group()
    manager.hook.register_commands(cli=group)
    return dict(group.commands)
