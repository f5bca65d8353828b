"""``plugins new``: a plugin to begin with, whose code works."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import docreview
from docreview.cli.around import Around, look_around
from docreview.cli.common import printable
from docreview.cli.naming import COMMAND, Kind, in_toml, usage, words
from docreview.errors import DocreviewError
from docreview.registry import KINDS

#: what to run once the tests pass, where it is not the command that uses the component anyway
_TRY = {"query_strategies": "docreview simulate --strategy {name}", "oracles": "docreview simulate --oracle {name}"}


@click.command("new", short_help="Begin a plugin: code that works, and its tests.")
@click.argument("name")
@click.option(
    "--kind",
    "-k",
    required=True,
    type=Kind(COMMAND),
    metavar="KIND",
    help="What it brings: importer, text-processor, embedder, view, index, classifier, model, strategy, oracle, "
    "stopping-rule (rule), exporter, preset or command.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Where to put it. Default: here.",
)
@click.option("--install", is_flag=True, help="Install it at once, so that changes take effect without installing.")
def new_command(name: str, kind: str, folder: Path, install: bool) -> None:
    """Begin a plugin: a folder docreview-NAME with code that works, and its tests.

    The code is one module with a small component of that kind, to be changed; the tests check the promises that
    docreview relies on. NAME is both the plugin's name and the component's.

    \b
    Example:
      docreview plugins new shortest-first --kind strategy --install
      pytest docreview-shortest-first
      docreview simulate --strategy shortest-first
    """
    from docreview.scaffold import scaffold

    _check_free(look_around(), name, kind)
    singular = KINDS.get(kind, COMMAND)
    files = scaffold(name, singular, folder, docreview.__version__, _use(kind, name))
    target = folder / f"docreview-{name}"
    noun = words(kind) if kind in KINDS else COMMAND
    click.echo(f"Made {printable(str(target))}:")
    told = {files[0]: f"the {noun}: change this", files[1]: "its tests"}
    for file in files:
        shown = printable(str(file.relative_to(target)))
        click.echo(f"  {shown:<{max(30, len(shown))}}  {told.get(file, '')}".rstrip())
    path = shlex.quote(printable(str(target)))
    next_ = [f"pytest {path}", _TRY.get(kind, f"docreview plugins info {name}").format(name=name)]
    if kind == COMMAND:
        next_[-1] = f"docreview {name} --help"
    if install:
        _install(target)
        click.echo("Installed it.")
    else:
        next_.insert(0, f"{shlex.quote(sys.executable)} -m pip install --editable {path} --no-deps")
    click.echo("Next:\n" + "\n".join(f"  {line}" for line in next_))


def _check_free(around: Around, name: str, kind: str) -> None:
    """Refuse a name that an installed plugin, or a component or command, has."""
    from docreview.cli import COMMANDS

    loaded = around.plugins
    taken = None
    if kind == COMMAND and (name in COMMANDS or name in around.extra.commands):
        taken = f"a command 'docreview {name}'"
    elif kind in KINDS and name in loaded.registry.names(kind):
        taken = f"the {loaded.registry.get(kind, name).label}"
    elif name in {*loaded.loaded, *loaded.disabled, *(failed.name for failed in around.failed)}:
        taken = f"a plugin '{name}'"
    if taken is not None:
        raise DocreviewError(f"there is {taken} already: take another name.")


def _use(kind: str, name: str) -> str:
    """How the component is used, for the README."""
    file = {"importers": f"docreview add FILE.{name}", "exporters": f"docreview export FILE.{name}"}
    lines = [file[kind]] if kind in file else usage(kind, name)
    where = "In `docreview.toml`:\n\n```toml" if kind in KINDS and in_toml(kind) else "```"
    return "\n".join([where, *lines, "```"])


def _install(target: Path) -> None:
    """Let pip install the folder, editable; what pip says is shown where it fails."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--no-deps", "--editable", str(target.resolve())], capture_output=True, text=True, check=False
    )
    if done.returncode:
        for line in _told(done.stdout + done.stderr):
            click.echo(f"  {printable(line)}", err=True)
        offline = "Without a network, install hatchling and set PIP_NO_BUILD_ISOLATION=0."
        hint = f" {offline}" if "hatchling" in done.stderr else ""
        raise DocreviewError(f"pip could not install {target}, which is there all the same.{hint}")


def _told(output: str) -> Sequence[str]:
    """The last lines of what pip said."""
    return [line for line in output.splitlines() if line.strip()][-15:]
