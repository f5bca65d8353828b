"""``plugins check``: the conformance checks, run on a component that is installed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.around import Around, brought_by, look_around, mend
from docreview.cli.common import console, counted, json_option, print_json, printable, project_option, seconds_shown
from docreview.cli.naming import WORDS, Kind, set_option, settings_of, with_truth
from docreview.errors import BadSetting, PluginError, UnknownComponent, did_you_mean
from docreview.registry import KINDS

if TYPE_CHECKING:
    from docreview.registry import Registration, Registry
    from docreview.testing import CheckResult

_STYLES = {"passed": "green", "failed": "bold red", "expected": "yellow", "skipped": "dim"}


@click.command("check", short_help="Check that a component keeps its promises.")
@click.argument("name")
@click.option("--kind", "-k", type=Kind(), metavar="KIND", help="Of which kind it is; needed where several have it.")
@set_option("component")
@project_option
@json_option
def check_command(name: str, kind: str | None, pairs: tuple[str, ...], project: Path | None, as_json: bool) -> None:
    """Check that a component keeps the promises of its kind.

    Makes the component and runs the conformance checks of docreview.testing on it, a line for each. Ends with 1 where
    one fails, or none could be run. An importer needs files to read for most of them: those are for its own tests.

    \b
    Examples:
      docreview plugins check most-relevant
      docreview plugins check budget --set labels=500
    """
    around = look_around(project)
    registry = around.plugins.registry
    entry = _entry(around, name, kind)
    component = _made(registry, entry, settings_of(pairs))
    began = time.perf_counter()
    results = list(_told(entry, component, as_json))
    counts = {outcome: sum(1 for r in results if r.outcome == outcome) for outcome in _STYLES}
    seconds = time.perf_counter() - began
    if as_json:
        told = {"name": entry.name, "kind": KINDS[entry.kind].replace("_", " "), "plugin": entry.plugin}
        print_json({**told, "version": entry.version, **counts, "checks": [asdict(result) for result in results]})
    else:
        said = [f"{counts['passed']} of {counted(len(results), 'check')} passed"]
        said += [f"{counts[outcome]} {outcome}" for outcome in ("failed", "skipped") if counts[outcome]]
        click.echo(f"{printable(entry.label)}: {', '.join(said)}; {seconds_shown(seconds)}")
    if counts["failed"] or not counts["passed"]:
        raise SystemExit(1)


def _entry(around: Around, name: str, kind: str | None) -> Registration:
    """The one component that is meant."""
    registry = around.plugins.registry
    kinds = [kind] if kind is not None else [of_kind for of_kind in KINDS if name in registry.names(of_kind)]
    if len(kinds) > 1:
        named = " or ".join(f"--kind {word}" for word, of_kind in WORDS.items() if of_kind in kinds)
        raise click.UsageError(f"several kinds have a component '{name}': give {named}.")
    if kinds and name in registry.names(kinds[0]):
        return registry.get(kinds[0], name)
    for failed in around.failed:
        if failed.name == name:
            cause = failed.cause.rstrip(".")
            raise PluginError(f"the plugin '{name}' {failed.version} was not let in: {cause}. {mend(failed)}")
    if name in around.plugins.loaded:
        brought = [f"'{entry}'" for of_kind, names in brought_by(around, name).items() for entry in names]
        raise UnknownComponent(f"'{name}' is a plugin: name one of its components: {', '.join(brought)}.")
    if kind is not None:
        return registry.get(kind, name)
    known = {entry.name for of_kind in KINDS for entry in registry.entries(of_kind)}
    raise UnknownComponent(f"there is no component '{name}'.{' '.join([did_you_mean(name, known), *registry.absent])}")


def _made(registry: Registry, entry: Registration, settings: Mapping[str, Any]) -> Any:
    """The component; an oracle that needs the truth gets some about the documents of the checks."""
    from docreview.testing import QUESTION, make_documents

    spec: dict[str, Any] = {**settings, "name": entry.name}
    if entry.kind == "oracles":
        truth = {document.id: QUESTION.labels[i % 2] for i, document in enumerate(make_documents())}
        spec = with_truth(registry, spec, truth)
    given = {key: value for key, value in spec.items() if key != "name"}
    for key, parameter in entry.settings.items():
        if parameter.default is parameter.empty and key not in given:
            raise BadSetting(f"{entry.label} needs a setting: --set {key}=VALUE ({entry.types()[key]}).")
    return registry.create(entry.kind, entry.name, given)


def _told(entry: Registration, component: Any, quiet: bool) -> Iterator[CheckResult]:
    """Run the checks, and print what becomes of each as it ends."""
    from rich.padding import Padding
    from rich.text import Text

    from docreview.testing import CHECKS, run_checks

    out = console()
    total = len(CHECKS[entry.kind])
    # what stands still for a while says what it waits for
    status = nullcontext() if quiet or not out.is_terminal else out.status(f"{total} checks")
    with status as shown:
        for done, result in enumerate(run_checks(entry.kind, component), start=1):
            yield result
            if shown is not None:
                shown.update(f"{done} of {total} checks")
            if quiet:
                continue
            word = "FAILED" if result.outcome == "failed" else result.outcome
            took = f"{result.seconds:.1f} s" if result.seconds >= 0.05 else ""
            line = f"{word:<8} {result.name.partition('_')[2].replace('_', ' '):<20} {took}".rstrip()
            out.print(Text(line, style=_STYLES[result.outcome]))
            below = [result.detail]
            if result.outcome == "failed":
                below = [f"The rule: {result.rule}", f"What happened: {result.detail}"]
            for text in filter(None, below):
                out.print(Padding(Text(printable(text)), (0, 0, 0, 9)))
