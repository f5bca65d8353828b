"""``plugins info``: a component's settings, paper, origin and use; what a plugin brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.around import Around, brought_by, look_around, mend
from docreview.cli.common import console, json_option, print_json, printable, project_option
from docreview.cli.naming import Kind, in_toml, setting_lines, toml, toml_key, usage, words
from docreview.errors import DocreviewError, UnknownComponent, did_you_mean, one_line
from docreview.registry import BUILT_IN, KINDS

if TYPE_CHECKING:
    from rich.console import Console

    from docreview.registry import Registration


@click.command("info")
@click.argument("name")
@click.option("--kind", "-k", type=Kind(), metavar="KIND", help="Of which kind the component is: strategy, oracle ...")
@project_option
@json_option
def info_command(name: str, kind: str | None, project: Path | None, as_json: bool) -> None:
    """Explain a component, or a plugin.

    A component's settings with their types and defaults, the paper it comes from, where it came from, and the lines
    that use it. A plugin's components, version and origin. Where several things have the name, all are shown.

    \b
    Example:
      docreview plugins info density-mmr
    """
    around = look_around(project)
    registry = around.plugins.registry
    kinds = [kind] if kind is not None else list(KINDS)
    entries = [registry.get(of_kind, name) for of_kind in kinds if name in registry.names(of_kind)]
    components = [_component(around, entry) for entry in entries]
    plugin = _plugin(around, name) if kind is None else None
    if not components and plugin is None:
        if kind is not None:
            registry.get(kind, name)  # says what is near, and which plugins are not there
        known = {e.name for of_kind in KINDS for e in registry.entries(of_kind)} | set(around.plugins.loaded)
        hint = " ".join([did_you_mean(name, known), *registry.absent])
        raise UnknownComponent(f"there is no component or plugin '{name}'.{hint}")
    if as_json:
        print_json({"components": components, "plugin": plugin})
        return
    out = console()
    for i, component in enumerate(components):
        if i:
            out.print()
        _show_component(out, component)
    if plugin is not None:
        if components:
            out.print()
        _show_plugin(out, plugin)


# ------------------------------------------------------------------------------------------------------------ component


def _component(around: Around, entry: Registration) -> dict[str, Any]:
    """All that can be said of a component, as plain values."""
    types = entry.types()
    settings = [
        {
            "name": name,
            "type": types[name],
            "needed": parameter.default is parameter.empty,
            "default": None if parameter.default is parameter.empty else _default(parameter.default),
        }
        for name, parameter in entry.settings.items()
    ]
    told: dict[str, Any] = {
        "kind": words(entry.kind),
        "name": entry.name,
        "plugin": entry.plugin,
        "version": entry.version,
        "origin": around.plugins.origins.get(entry.plugin, ""),
        "papers": list(entry.papers),
        "description": entry.description,
        "settings": settings,
        "in_toml": in_toml(entry.kind),
        "usage": usage(entry.kind, entry.name, setting_lines(entry), around.question),
    }
    if entry.kind == "presets":
        told["preset"], told["failure"] = _preset(around, entry)
    return told


def _default(value: Any) -> str:
    """A default as it would stand in `docreview.toml`, or as Python has it."""
    written = "none" if value is None else toml(value)
    return written if written is not None else " ".join(repr(value).split())


def _preset(around: Around, entry: Registration) -> tuple[dict[str, Any], str]:
    """The settings that a preset stands for, and why they cannot be told."""
    from docreview.contracts import check_preset

    try:
        return dict(check_preset(entry, around.plugins.registry.create("presets", entry.name))), ""
    except DocreviewError as error:
        return {}, str(error)
    except Exception as error:  # noqa: BLE001 - a plugin's code; what is wrong with it is what is told
        return {}, one_line(error)


def _show_component(out: Console, told: Mapping[str, Any]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out.print(Text(printable(f"{told['kind']} '{told['name']}'"), style="bold"))
    rows = [("from", _from(told["plugin"], told["version"], told["origin"]))]
    rows += [("paper", paper) for paper in told["papers"]]
    _print_rows(out, rows)
    for block in _blocks(told["description"]):
        out.print()
        for line in block:
            out.print(Padding(Text(line), (0, 0, 0, 2)))
    out.print()
    if told["settings"]:
        _show_settings(out, told["settings"])
    else:
        out.print("  It has no settings.")
    if told.get("failure"):
        out.print(Text(printable(f"What it stands for cannot be told: {told['failure']}"), style="bold red"))
    elif "preset" in told:
        out.print("\nIt stands for:")
        _print_lines(out, [f"{toml_key(key)} = {toml(value)}" for key, value in told["preset"].items()])
    out.print("\nIn docreview.toml:" if told["in_toml"] else "\nTo use it:")
    _print_lines(out, told["usage"])


def _blocks(description: str) -> list[list[str]]:
    """A docstring to be wrapped anew: paragraphs of one line, or of one for each item of a list.

    Papers, which have a row of their own, are left out.
    """
    blocks: list[list[str]] = [[]]
    for line in description.replace("``", "`").splitlines():
        if line.strip().startswith("Paper:"):
            continue
        if not line.strip():
            blocks.append([])
        elif line.lstrip().startswith(("- ", "* ", ">>>")) or not blocks[-1]:
            blocks[-1].append(printable(line))
        else:
            blocks[-1][-1] += f" {printable(line)}"
    return [block for block in blocks if block]


def _show_settings(out: Console, settings: Sequence[Mapping[str, Any]]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for column in ("setting", "type", "default"):
        table.add_column(column, overflow="fold")
    for setting in settings:
        default = Text("needed", style="yellow") if setting["needed"] else Text(printable(setting["default"]))
        table.add_row(Text(printable(setting["name"])), Text(printable(setting["type"])), default)
    out.print(Padding(table, (0, 0, 0, 2)))


# --------------------------------------------------------------------------------------------------------------- plugin


def _plugin(around: Around, name: str) -> dict[str, Any] | None:
    """All that can be said of a plugin; None where there is none of that name."""
    loaded = around.plugins
    failed = next((plugin for plugin in around.failed if plugin.name == name), None)
    if failed is None and name not in loaded.loaded and name not in loaded.disabled:
        return None
    state = "quarantined" if failed else "disabled" if name in loaded.disabled else "loaded"
    return {
        "name": name,
        "version": failed.version if failed else loaded.loaded.get(name, ""),
        "origin": failed.origin if failed else loaded.origins.get(name, ""),
        "state": state,
        "api": api_of(around, name),
        "brings": brought_by(around, name),
        "warnings": loaded.warnings.get(name, []),
        "cause": failed.cause if failed else "",
        "mend": mend(failed) if failed else "",
    }


def api_of(around: Around, name: str) -> int | None:
    """The plugin API version that a loaded plugin says it was written for; None where it says nothing."""
    api = getattr(around.plugins.manager.get_plugin(name), "docreview_api", None)
    return api if isinstance(api, int) else None


def _show_plugin(out: Console, told: Mapping[str, Any]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out.print(Text(printable(f"plugin '{told['name']}'"), style="bold"))
    rows = [("version", told["version"]), ("from", told["origin"])]
    if told["api"] is not None:
        rows.append(("API", str(told["api"])))
    for kind, names in told["brings"].items():
        rows.append((kind.replace("_", " "), ", ".join(names)))
    _print_rows(out, [(label, value) for label, value in rows if value])
    notes = [(f"warning: {warning}", "yellow") for warning in told["warnings"]]
    if told["state"] == "disabled":
        notes.append(("It is switched off by DOCREVIEW_DISABLE_PLUGINS.", "dim"))
    if told["state"] == "quarantined":
        notes += [(f"not loaded: {told['cause']}", "bold red"), (told["mend"], "")]
    for note, style in notes:
        out.print(Padding(Text(printable(note), style), (0, 0, 0, 2)))


# ---------------------------------------------------------------------------------------------------------------- lines


def _from(plugin: str, version: str, origin: str) -> str:
    return f"{plugin} {version}" + (f" ({origin})" if origin and plugin != BUILT_IN else "")


def _print_rows(out: Console, rows: Sequence[tuple[str, str]]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(Text(label), Text(printable(value)))
    out.print(Padding(table, (0, 0, 0, 2)))


def _print_lines(out: Console, lines: Sequence[str]) -> None:
    """Print lines that are to be copied: never broken, for a broken one would be another."""
    for line in lines:
        out.print(f"  {printable(line)}" if line else "", soft_wrap=True)
