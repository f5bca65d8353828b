"""``status``, ``report``, ``export``, ``replay``: what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docreview.cli.common import (
    console,
    counted,
    json_option,
    open_project,
    print_json,
    print_table,
    printable,
    progress_bars,
    project_option,
    question_option,
    writing,
)
from docreview.cli.naming import label_of_spec, set_option, settings_of, spec_of
from docreview.text import BROKEN, Writing

if TYPE_CHECKING:
    from docreview.cost import Amount
    from docreview.stopping_replay import RuleReplay
    from docreview.types import Question


@click.command("status")
@click.option(
    "--rate",
    "prices",
    multiple=True,
    metavar="PRICE",
    help="What an hour of reading costs; NAME=PRICE for that of one reviewer. May be given again.",
)
@project_option
@question_option
@json_option
def status_command(prices: tuple[str, ...], project: Path | None, question: str | None, as_json: bool) -> None:
    """Say where the review stands.

    How many documents were read, what was found, what that took, and what the stopping rule says to that; and what the
    corpus is written in, by letters of each script and by languages guessed offline, and which documents look broken.

    \b
    Example:
      docreview status
    """
    rates = _rates(prices)
    with open_project(project) as opened:
        names = [question] if question is not None else list(opened.questions)
        stands = [opened.status(name, rates) for name in names]
        forgotten = opened.forgotten
    if as_json:
        print_json(stands[0].to_json() if len(stands) == 1 else {s.question.name: s.to_json() for s in stands})
        return
    from rich.table import Table
    from rich.text import Text

    out = console()
    for status in stands:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")

        def row(name: str, value: str, table: Table = table) -> None:
            # a label stands a little in from the left
            indent = "  " if name.startswith("  ") else ""
            table.add_row(Text(indent + printable(name)), Text(printable(value)))

        share = f" ({status.read / status.documents:.1%})" if status.documents else ""
        prompt = status.question.prompt
        row("question", f"{status.question.name}: {prompt}" if prompt else status.question.name)
        row("documents", f"{status.documents:,}")
        row("read", f"{status.read:,}{share}; round {status.round:,}")
        for label, count in status.found.items():
            row(f"  {label}", f"{count:,}{' (the target)' if label == status.question.target else ''}")
        if status.skipped:
            row("  could not tell", f"{status.skipped:,}")
        if status.priors:
            row("came labeled", f"{status.priors:,}")
        row("left", f"{status.pool:,}{f', {status.pending:,} of them given out' if status.pending else ''}")
        if status.seconds_per_document is not None:
            row("pace", f"{status.seconds_per_document:.1f} s a document")
        if status.cost is not None:
            row("cost", f"{_hours(status.cost.hours)} so far{_price(status.cost.money)}")
            saved = f"{_hours(status.cost.hours_saved)} to read the rest{_price(status.cost.money_saved)}"
            row("", f"{saved}: saved where you may stop now")
        if status.validation[1]:
            row("validation", f"{status.validation[0]:,} of {status.validation[1]:,} blindly drawn documents answered")
        if status.elusion[1]:
            look = "" if status.looks == 1 else f" (look {status.looks})"
            row("elusion sample", f"{status.elusion[0]:,} of {status.elusion[1]:,} documents answered{look}")
        if status.richness is not None and status.richness.n:
            target, drawn = status.question.target, status.richness
            bounds = f"{drawn.low:.1%} to {drawn.high:.1%}, by the validation sample"
            row("richness", f"{drawn.value:.1%} of all are '{target}' ({bounds})")
        if status.live_check is not None:
            row("does choosing help", status.live_check.reason)
        row("views", ", ".join(status.views) or "none yet")
        if status.remaining:
            row("", f"{status.remaining:,} documents still to be embedded")
        for view, reason in status.aside.items():
            row("", f"'{view}' stands aside: {reason}")
        if status.writing is not None and status.documents:
            for name, value in written(status.writing, status.language, status.broken_documents):
                row(name, value)
        row("stopping rule", ("stop. " if status.stop.stop else "go on. ") + status.stop.reason)
        for plugin in status.quarantined:
            row("plugin not loaded", plugin)
        out.print(table)
        if status is not stands[-1]:
            out.print()
    for name in forgotten:
        click.echo(
            f"Warning: the record has answers to the question '{printable(name)}', which docreview.toml does not name; "
            "where it was renamed, give it its old name.",
            err=True,
        )


def _rates(prices: Sequence[str]) -> dict[str, float]:
    """Prices of an hour by reviewer, from ``PRICE`` or ``NAME=PRICE`` each."""
    rates = {}
    for text in prices:
        name, _, price = text.rpartition("=")
        try:
            rates[name] = float(price)
        except ValueError:
            rates[name] = -1.0
        if not 0 <= rates[name] < float("inf"):
            raise click.UsageError(f"--rate takes PRICE or NAME=PRICE, not '{text}'.")
    return rates


def _hours(hours: Amount) -> str:
    uncertain = f" ({hours.low:,.1f} to {hours.high:,.1f})" if hours.low < hours.high else ""
    return f"{hours.value:,.1f} h{uncertain}"


def _price(money: Amount | None) -> str:
    return "" if money is None else f", {money.value:,.0f} in money"


def written(writing: Writing, declared: str, documents: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Rows about scripts, languages and what looks broken."""
    letters, looked_at = sum(writing.scripts.values()), writing.looked_at
    of = "" if looked_at == writing.documents else f" (of {looked_at:,} documents looked at)"
    yield "scripts", (shares(writing.scripts, letters).replace("_", " ") or "no letters") + of
    yield "languages", f"{shares(writing.languages, looked_at)}{'' if declared == 'xx' else f'; declared: {declared}'}"
    for name, count in writing.broken.items():
        yield "looks broken", f"{counted(count, 'document')}: {BROKEN[name]}; the first is '{documents[name]}'"


def shares(counts: Mapping[str, int], total: int) -> str:
    """The four most frequent, with their shares, but none that would read 0.0 %."""
    shown = [(name, count) for name, count in list(counts.items())[:4] if count / total >= 0.0005]
    rest = len(counts) - len(shown)
    return ", ".join(f"{name} {count / total:.1%}" for name, count in shown) + (f", {rest} more" if rest else "")


@click.command("report")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("report.html"))
@project_option
@question_option
def report_command(file: Path, project: Path | None, question: str | None) -> None:
    """Write the report: one HTML file, or JSON.

    The file holds everything, pictures too, and needs no network. With a name ending in .json, the same numbers go
    there. FILE is report.html where none is given. Where random documents were drawn among the chosen ones, this also
    computes whether choosing helps, which 'docreview status' shows from then on.

    \b
    Example:
      docreview report findings.html
    """
    with open_project(project) as opened, progress_bars() as progress, writing(file):
        path = opened.report(file, question, progress)
    click.echo(f"Wrote {printable(str(path))}")


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--answered", is_flag=True, help="Leave out documents nobody has answered.")
@click.option("--history", is_flag=True, help="One row an answer: who said what when, and what was taken back.")
@set_option("exporter")
@project_option
@question_option
@json_option
def export_command(
    file: Path,
    answered: bool,
    history: bool,
    pairs: tuple[str, ...],
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Write the documents with their labels to a file.

    One row a document: id, title, text, label, who answered, in which round, what chose it and with which probability,
    with which notes, and how likely the model thinks each label. The file's ending says the format: .csv, .jsonl,
    .xlsx, or one of a plugin.

    \b
    Example:
      docreview export labels.xlsx
      docreview export history.jsonl --history
    """
    if history and answered:
        raise click.UsageError("--history holds answers alone: --answered says nothing there.")
    with open_project(project) as opened, progress_bars(), writing(file):
        rows = opened.export(file, question, everything=not answered, history=history, settings=settings_of(pairs))
    if as_json:
        print_json({"file": str(file), "rows": rows})
    else:
        click.echo(f"Wrote {counted(rows, 'answer' if history else 'document')} to {printable(str(file))}")


@click.command("replay")
@click.option(
    "--stopping-rule",
    "rules",
    multiple=True,
    metavar="NAME",
    help="Ask this rule what it would have said, instead of drawing again; may be given again, to compare. With "
    "settings: '{name = \"buscar\", recall = 0.9}'.",
)
@click.option("--rounds", is_flag=True, help="With --stopping-rule: say what each rule says after each round.")
@click.option("--other-versions", is_flag=True, help="Go on where other versions of plugins made the record.")
@project_option
@question_option
@json_option
def replay_command(
    rules: tuple[str, ...],
    rounds: bool,
    other_versions: bool,
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Check the record, and draw every batch again; or ask stopping rules of it.

    First the hash chains: a changed, dropped or inserted entry is named. Then every batch is drawn anew, from the
    documents and the answers before it, and compared. With the same versions on the same machine nothing differs, even
    where .docreview/cache was deleted. Ends with 1 where something does. Where another version of docreview or of a
    plugin made the record, nothing is drawn, unless --other-versions says that batches may differ for that alone.

    With --stopping-rule, no batch is drawn: each rule is asked after every round what it would have said then, and the
    table says where it would have stopped, and what had been read and found by then.

    \b
    Examples:
      docreview replay
      docreview replay --stopping-rule knee --stopping-rule '{name = "buscar", recall = 0.9}'
    """
    from docreview.rounds import chain_of

    if rounds and not rules:
        raise click.UsageError("--rounds goes with --stopping-rule.")
    specs = {label_of_spec(spec): spec for spec in (spec_of(text, "--stopping-rule") for text in rules)}
    with open_project(project) as opened, progress_bars() as progress:
        for chain in opened.store.chains:
            opened.store.verify(chain)
        asked = opened.question(question)
        name = asked.name
        if specs:
            said = opened.replay_rules(specs, name, progress, other_versions=other_versions)
        else:
            findings = opened.replay(name, progress, other_versions=other_versions)
            batches = sum(1 for entry in opened.store.entries(chain_of(name)) if entry.kind == "batch")
    if specs:
        _say_rules(said, asked, rounds=rounds, as_json=as_json)
        return
    if as_json:
        print_json({"question": name, "batches": batches, "findings": findings})
    else:
        for finding in findings:
            click.echo(printable(finding))
        outcome = f"{counted(len(findings), 'difference')}" if findings else "every one comes out the same"
        click.echo(f"The record is whole. {batches:,} batches were drawn again: {outcome}.")
    if findings:
        raise SystemExit(1)


def _say_rules(said: Sequence[RuleReplay], question: Question, *, rounds: bool, as_json: bool) -> None:
    from docreview.report import Table

    if as_json:
        print_json({"question": question.name, "rules": [one.to_json() for one in said]})
        return
    if not said[0].rounds:
        click.echo("Nothing has been read yet.")
        return
    end, out = said[0].rounds[-1], console()
    found = "" if end.found is None else f", {end.found:,} of '{question.target}' found"
    click.echo(printable(f"{question.name}: {end.read:,} documents read in {end.round:,} rounds{found}."))

    def share(part: int | None, whole: int | None) -> float | None:
        return None if part is None or not whole else part / whole

    table = []
    for one in said:
        at = one.stopped
        row = (None,) * 5 if at is None else (at.round, at.read, share(at.read, end.read), at.found)
        table.append((one.rule, *(row if at is None else (*row, share(at.found, end.found)))))
    columns = ("stopping rule", "round", "read", "of it all", "found", "of them all")
    print_table(out, Table("Where each would have stopped", columns, tuple(table), percent=(columns[3], columns[5])))
    if rounds:
        names = tuple(one.rule for one in said)
        lines = tuple(
            (r.round, r.read, r.found, *("stop" if one.rounds[i].decision.stop else "go on" for one in said))
            for i, r in enumerate(said[0].rounds)
        )
        print_table(out, Table("After each round", ("round", "read", "found", *names), lines))
    for one in said:
        at = one.stopped or end
        where = f"after round {at.round:,}" if one.stopped else "never stops; at the end"
        reason = (one.stopped or one.rounds[-1]).decision.reason
        click.echo(printable(f"{one.rule}, {where}: {reason}"))
