"""``plugins doctor``: what is wrong with the plugins that are installed, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from docreview.cli.around import Around, look_around, mend
from docreview.cli.common import console, counted, json_option, print_json, printable, project_option
from docreview.cli.naming import words
from docreview.cli.plugin_info import api_of
from docreview.errors import BadSetting, DocreviewError, PluginFailed, did_you_mean, one_line
from docreview.registry import BUILT_IN, KINDS

if TYPE_CHECKING:
    from rich.console import Console

    from docreview.registry import Registration

#: seconds that the making of one component may take
LIMIT = 120.0
SWITCHES = {
    "DOCREVIEW_STRICT_PLUGINS": "a plugin that fails is an error",
    "DOCREVIEW_DISABLE_PLUGINS": "these plugins are left out",
    "DOCREVIEW_TRACE_PLUGINS": "each hook call is printed",
}


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and where it is not, what to do."""

    about: str
    state: Literal["ok", "off", "warns", "wrong"]
    what: str
    mend: str = ""


@click.command("doctor", short_help="Check the plugins that are installed.")
@project_option
@json_option
def doctor_command(project: Path | None, as_json: bool) -> None:
    """Check the plugins that are installed, and say what to do where something is wrong.

    Looks at each plugin, at the switches in the environment, makes every component that needs no setting, and, in a
    project, whether its settings can be met. Ends with 1 where something is wrong.

    \b
    Example:
      docreview plugins doctor
    """
    from docreview.corpus import library_versions

    around = look_around(project)
    sections = {
        "plugins": [*_plugins(around), *_shadowed()],
        "switches": list(_switches(around)),
        "components": list(_components(around)),
        "project": list(_project(around)),
    }
    packages = {"python": platform.python_version(), **library_versions()}
    wrong = sum(1 for findings in sections.values() for finding in findings if finding.state == "wrong")
    if as_json:
        told = {name: [asdict(finding) for finding in findings] for name, findings in sections.items()}
        print_json({"well": not wrong, **told, "packages": packages})
    else:
        out = console()
        for name, findings in sections.items():
            _show(out, name, findings)
        _show(out, "versions that results depend on", [Finding(n, "ok", v) for n, v in packages.items()])
        click.echo(f"{counted(wrong, 'thing')} to mend." if wrong else "Nothing is wrong.")
    if wrong:
        raise SystemExit(1)


# -------------------------------------------------------------------------------------------------------------- plugins


def _plugins(around: Around) -> Iterator[Finding]:
    loaded = around.plugins
    for name, version in loaded.loaded.items():
        api = api_of(around, name)
        told = "" if name == BUILT_IN else f"API {api}, " if api is not None else "names no API version, "
        about = f"{name} {version}"
        yield Finding(about, "ok", f"{told}{loaded.origins.get(name, '')}")
        for warning in loaded.warnings.get(name, ()):
            yield Finding(about, "warns", warning)
    for name in loaded.disabled:
        yield Finding(name, "off", "switched off by DOCREVIEW_DISABLE_PLUGINS")
    for failed in around.failed:
        yield Finding(f"{failed.name} {failed.version}", "wrong", failed.cause, mend(failed))


def _shadowed() -> Iterator[Finding]:
    """Distributions of plugins that are installed twice in different versions: one of them is never seen."""
    seen: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        if "[docreview]" not in (distribution.read_text("entry_points.txt") or ""):
            continue
        name, version = distribution.metadata["Name"], distribution.version
        if version != seen.setdefault(name, version):
            where = distribution.locate_file("")
            what = f"is hidden by version {seen[name]}; it lies in {where}"
            yield Finding(f"{name} {version}", "wrong", what, f"pip uninstall {name}, and install the one you want.")


def _switches(around: Around) -> Iterator[Finding]:
    for name, meaning in SWITCHES.items():
        if os.environ.get(name, "") not in ("", "0"):
            yield Finding(f"{name}={os.environ[name]}", "ok", meaning)
    known = {*around.plugins.disabled, *around.plugins.loaded, *(failed.name for failed in around.failed), "*"}
    for entry in os.environ.get("DOCREVIEW_DISABLE_PLUGINS", "").split(","):
        if entry.strip() and entry.strip() not in known:
            hint = did_you_mean(entry.strip(), known - {"*", BUILT_IN}).strip()
            what = f"there is no plugin '{entry.strip()}'"
            yield Finding("DOCREVIEW_DISABLE_PLUGINS", "wrong", what, hint or "Take it out.")


# ----------------------------------------------------------------------------------------------------------- components


def _components(around: Around) -> Iterator[Finding]:
    """Make every component that needs no setting."""
    from docreview.limits import limited

    registry = around.plugins.registry
    began = time.perf_counter()
    made = 0
    failed: list[Finding] = []
    for kind in KINDS:
        for entry in registry.entries(kind):
            if any(parameter.default is parameter.empty for parameter in entry.settings.values()):
                continue
            try:
                limited(LIMIT, lambda kind=kind, name=entry.name: registry.create(kind, name))  # type: ignore[misc]
            except (Exception, SystemExit) as error:  # noqa: BLE001 - what a plugin raises is what is looked for
                failed.append(_unmade(entry, error))
            else:
                made += 1
    took = time.perf_counter() - began
    yield Finding(f"{made:,} of {made + len(failed):,}", "ok", f"can be made with their defaults ({took:.1f} s)")
    yield from failed


def _unmade(entry: Registration, error: BaseException) -> Finding:
    """A component that cannot be made: one that says what it lacks is off, one that fails is wrong."""
    about = f"{words(entry.kind)} '{entry.name}' ({entry.plugin})"
    if isinstance(error, DocreviewError) and not isinstance(error, PluginFailed | BadSetting):
        return Finding(about, "off", str(error))
    cause = str(error) if isinstance(error, DocreviewError) else one_line(error)
    return Finding(about, "wrong", cause, "Tell its author; DOCREVIEW_STRICT_PLUGINS=1 shows where it fails.")


# -------------------------------------------------------------------------------------------------------------- project


def _project(around: Around) -> Iterator[Finding]:
    """Whether everything that the project's file names is there: it is opened as every command opens it."""
    from docreview.project import Project

    if around.folder is None:
        return
    about = str(around.folder)
    if around.trouble is not None:
        yield Finding(about, "wrong", around.trouble, "Correct docreview.toml.")
        return
    try:
        project = Project.open(around.folder)
    except DocreviewError as error:
        yield Finding(about, "wrong", str(error), "Correct docreview.toml, or install what it names.")
        return
    with project:
        for name in project.questions:
            try:
                project.assemble(project.settings(name))
            except DocreviewError as error:
                yield Finding(f"question {name}", "wrong", str(error), "Correct docreview.toml, or install it.")
            else:
                yield Finding(f"question {name}", "ok", "every component that it names can be made")


# ----------------------------------------------------------------------------------------------------------------- show


def _show(out: Console, title: str, findings: Iterable[Finding]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    findings = list(findings)
    if not findings:
        return
    out.print(Text(title, style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(width=5)
    table.add_column(overflow="fold")
    style = {"ok": "", "off": "dim", "warns": "yellow", "wrong": "bold red"}
    for finding in findings:
        word = finding.state.upper() if finding.state == "wrong" else finding.state
        what = Text(printable(f"{finding.about}: {finding.what}"), style[finding.state])
        table.add_row(Text(word, style[finding.state]), what)
        if finding.mend:
            table.add_row("", Text(printable(finding.mend)))
    out.print(Padding(table, (0, 0, 0, 2)))
