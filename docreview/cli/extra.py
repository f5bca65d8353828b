"""Commands of plugins.

They are looked for only when they are needed: for ``docreview --help``, and for a command that is not built in. Then
the module of each installed entry point is imported (nothing else of docreview is), which is why a plugin must import
what is heavy inside its commands and factories. A plugin that fails, or takes the name of another command, is left out,
and ``docreview plugins`` says why. ``DOCREVIEW_DISABLE_PLUGINS`` and ``DOCREVIEW_STRICT_PLUGINS`` hold here as well.
"""

from __future__ import annotations

import os
from functools import cache

import click
import pluggy

from docreview import hookspecs
from docreview.errors import PluginError
from docreview.plugins import Quarantined, cause_of, installed


@cache
def plugin_commands(taken: tuple[str, ...]) -> tuple[dict[str, click.Command], list[Quarantined]]:
    """Return the commands of all plugins by name, and the plugins left out. `taken` names are not to be had."""
    disabled = {name.strip() for name in os.environ.get("DOCREVIEW_DISABLE_PLUGINS", "").split(",")}
    strict = os.environ.get("DOCREVIEW_STRICT_PLUGINS", "") not in ("", "0")
    commands: dict[str, click.Command] = {}
    failed = []
    for name, version, load in installed():
        if name in disabled or "*" in disabled:
            continue
        try:
            added = _commands_of(load())
            doubles = sorted(set(added) & {*taken, *commands})
            if doubles:
                raise PluginError(f"the command '{doubles[0]}' is there already.")
        except (Exception, SystemExit) as error:
            # a plugin may raise anything at import, or leave: that must not take the command line with it
            if strict:
                raise PluginError(f"plugin '{name}' {version}: {cause_of(error)}") from error
            failed.append(Quarantined(name, version, cause_of(error)))
        else:
            commands |= added
    return commands, failed


def _commands_of(plugin: object) -> dict[str, click.Command]:
    """Ask one plugin for its commands, by a manager of its own, so that it sees nobody else's."""
    manager = pluggy.PluginManager("docreview")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    group = click.Group()
    manager.hook.register_commands(cli=group)
    return dict(group.commands)
