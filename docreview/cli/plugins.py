"""``plugins``: which components and plugins there are, what is wrong with them, and how a new one begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.around import Around, look_around
from docreview.cli.common import Subcommands, console, json_option, print_json, printable, project_option
from docreview.cli.plugin_checks import check_command
from docreview.cli.plugin_doctor import doctor_command
from docreview.cli.plugin_info import info_command
from docreview.cli.plugin_new import new_command
from docreview.registry import KINDS

if TYPE_CHECKING:
    from rich.console import Console

#: columns of a name in a list; a longer one has a line of its own
NAME = 22


@click.group("plugins", cls=Subcommands, invoke_without_command=True)
@project_option
@json_option
@click.pass_context
def plugins_command(context: click.Context, project: Path | None, as_json: bool) -> None:
    """List components and plugins; check, explain and begin them.

    Without a command it lists what there is. Every component can be named in docreview.toml or on the command line:
    'docreview plugins info NAME' says how. A plugin that could not be loaded is listed with the cause; everything else
    goes on without it. In a project, its one-file plugins are listed too.

    \b
    Example:
      docreview plugins
    """
    if context.invoked_subcommand is not None:
        if project is not None or as_json:
            raise click.UsageError(f"give options after '{context.invoked_subcommand}', not before it.", context)
        return
    around = look_around(project)
    if as_json:
        print_json(_listed(around))
    else:
        _show(console(), around)


def _listed(around: Around) -> dict[str, Any]:
    loaded = around.plugins
    components = {
        kind: [
            {"name": e.name, "plugin": e.plugin, "version": e.version, "summary": e.summary}
            for e in loaded.registry.entries(kind)
        ]
        for kind in KINDS
    }
    return {
        "plugins": loaded.loaded,
        "origins": loaded.origins,
        "components": components,
        "commands": sorted(around.extra.commands),
        "quarantined": [
            {"name": f.name, "version": f.version, "cause": f.cause, "origin": f.origin} for f in around.failed
        ],
        "disabled": loaded.disabled,
        "warnings": loaded.warnings,
        "project": None if around.config is None else str(around.folder),
    }


def _show(out: Console, around: Around) -> None:
    from rich.text import Text

    loaded, extra = around.plugins, around.extra
    for kind in KINDS:
        entries = loaded.registry.entries(kind)
        rows = [(e.name, e.summary, "" if e.built_in else f"{e.plugin} {e.version}") for e in entries]
        _print_list(out, kind.replace("_", " "), rows)
    commands = sorted(extra.commands.items())
    rows = [(name, command.get_short_help_str(200), extra.owners[name]) for name, command in commands]
    _print_list(out, "commands of plugins", rows)
    rows = [(f"{name} {version}", "", loaded.origins.get(name, "")) for name, version in loaded.loaded.items()]
    _print_list(out, "plugins", rows)
    for name, lines in loaded.warnings.items():
        for line in lines:
            out.print(Text(printable(f"warning: {name}: {line}"), style="yellow"))
    for name in loaded.disabled:
        out.print(Text(printable(f"switched off by DOCREVIEW_DISABLE_PLUGINS: {name}"), style="dim"))
    for failed in around.failed:
        origin = f" ({failed.origin})" if failed.origin else ""
        out.print(Text(printable(f"not loaded: {failed.name} {failed.version}: {failed.cause}{origin}"), "bold red"))


def _print_list(out: Console, title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print a title and rows of a name, what it is and who brings it; nothing where there are none."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if rows:
        out.print(Text(title, style="bold"))
    for name, what, by in rows:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=NAME, no_wrap=True)
        table.add_column(overflow="fold")
        beside = printable(name)
        if len(beside) > NAME:
            out.print(Text(f"  {beside}"), soft_wrap=True)
            beside = ""
        provider = f"{' ' * bool(what)}({printable(by)})" if what else printable(by)
        table.add_row(Text(beside), Text.assemble(printable(what), (provider if by else "", "dim")))
        out.print(Padding(table, (0, 0, 0, 2)))


for _command in (info_command, doctor_command, check_command, new_command):
    plugins_command.add_command(_command)
