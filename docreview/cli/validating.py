"""``validate``: random samples that say what a review has missed: how large, drawn, and what may be claimed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docreview.cli.common import (
    Subcommands,
    console,
    counted,
    json_option,
    open_project,
    print_json,
    print_table,
    printable,
    project_option,
    question_option,
)
from docreview.errors import DocreviewError

if TYPE_CHECKING:
    from rich.console import Console

    from docreview.validation import Validation
    from docreview.validation_plan import Plan


@click.group("validate", cls=Subcommands)
def validate_command() -> None:
    """Measure by random samples what a review has missed: plan, sample, report.

    'plan' says how large a sample must be for what you want to claim, 'sample' draws it of what nobody has read, you
    read it with 'docreview review', and 'report' says what may be claimed, and why not where it may not.

    \b
    Example:
      docreview validate plan
    """


def _confidence(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--confidence", type=float, default=0.95, show_default=True, metavar="SHARE", help="How sure to be."
    )(command)


def _recall(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--recall", type=float, default=0.95, show_default=True, metavar="SHARE", help="The recall to be certified."
    )(command)


@validate_command.command("plan")
@_recall
@_confidence
@click.option(
    "--margin",
    type=float,
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Plus or minus what, where recall or richness is to be estimated.",
)
@click.option("--richness", type=float, metavar="SHARE", help="Share of the target to suppose. Default: as measured.")
@click.option("--seconds", type=float, metavar="S", help="Seconds a document takes. Default: as recorded.")
@project_option
@question_option
@json_option
def plan_command(
    recall: float,
    confidence: float,
    margin: float,
    richness: float | None,
    seconds: float | None,
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Say how large a sample must be, what it costs, and what smaller ones can certify.

    Looks at the review as it stands, and draws nothing. A small corpus cannot carry every certificate: then it says
    which it can.

    \b
    Examples:
      docreview validate plan
      docreview validate plan --recall 0.8 --richness 0.02
    """
    from docreview.validation_plan import plan_of

    with open_project(project) as opened:
        review = opened.review(question)
        plan = plan_of(review, recall=recall, confidence=confidence, margin=margin, share=richness, seconds=seconds)
    if as_json:
        print_json(plan.to_json())
    else:
        _show_plan(console(), plan)


def _show_plan(out: Console, plan: Plan) -> None:
    from docreview.report import Table

    def cost(documents: float) -> str:
        hours = plan.hours(documents)
        return "" if hours is None else f" ({_hours(hours)})"

    def say(line: str = "") -> None:
        click.echo(printable(line) if line else "")

    target, n = plan.target, plan.documents
    pace = "not known yet" if plan.seconds_per_document is None else f"{plan.seconds_per_document:.1f} s a document"
    say(
        f"{plan.question}: {plan.read:,} of {counted(n, 'document')} read, {plan.found:,} of '{target}' found, "
        f"{plan.unread:,} unread. Pace: {pace}."
    )
    shown = "not known" if plan.richness is None else f"{plan.richness:.2%}"
    say(f"Richness: {shown} ({plan.richness_from}).")
    say()
    wanted = f"a recall of {plan.recall:g} with confidence {plan.confidence:g}"
    going_by = ""
    if plan.supposed_found != plan.found:
        going_by = f", supposing that the review finds all {plan.supposed_found:,} that the richness says there are"
    if not plan.supposed_found:
        say("Elusion sample: it is planned once documents of the target are found, or with --richness.")
    elif not plan.elusion:
        say(f"Elusion sample: none is needed for {wanted}: too few are unread to hold so many.")
    else:
        which = "" if plan.look == 1 else f", look {plan.look}"
        say(
            f"Elusion sample of what is unread{which}: {counted(plan.elusion, 'document')}{cost(plan.elusion)} certify "
            f"{wanted} if none of them is '{target}'{going_by}. Were half as many missed as may be, none would be "
            f"found with a chance of {plan.elusion_chance:.0%}."
        )
        if plan.dear:
            say(
                f"That is {plan.elusion / plan.supposed_unread:.0%} of what is unread: reading all of it says more. "
                "The table has what smaller samples certify instead."
            )
    if plan.options:
        rows = tuple((o.size, o.hours, o.none, o.one, o.five) for o in plan.options)
        columns = ("documents", "hours", "none found", "one found", "five found")
        print_table(
            out, Table(f"Recall certified (confidence {plan.confidence:g})", columns, rows, percent=columns[2:])
        )
    say()
    whole = f"{counted(plan.for_richness, 'document')}{cost(plan.for_richness)}"
    say(f"Sample of the whole corpus for richness within {plan.margin:g}: {whole}.")
    if plan.for_recall is None:
        say(
            f"Sample for recall within {plan.margin:g}: one with {plan.positives_for_recall:,} of '{target}'; for "
            f"'qbcb' to certify {wanted}: one with {plan.positives_for_qbcb:,}."
        )
        return
    assert plan.for_qbcb is not None, "known where richness is"
    for what, positives, documents in (
        (f"Sample for recall within {plan.margin:g}", plan.positives_for_recall, plan.for_recall),
        (f"Validation sample for 'qbcb' to certify {wanted}", plan.positives_for_qbcb, plan.for_qbcb),
    ):
        fits = f"about {documents:,.0f} documents{cost(documents)}"
        if documents > n:
            fits = f"more than the corpus has: all {n:,} hold about {plan.richness * n if plan.richness else 0:,.0f}"
        say(f"{what}: {positives:,} of '{target}', {fits}.")
    if plan.for_qbcb > n:
        say(f"With all of them, 'qbcb' can certify a recall of {plan.qbcb_at_most:.2f} at most.")


@validate_command.command("sample")
@click.option("--size", type=click.IntRange(min=1), metavar="N", help="How many documents. Default: as planned.")
@click.option(
    "--mixed", is_flag=True, help="Hide them among ordinary documents, so that nobody can tell which they are."
)
@_recall
@_confidence
@project_option
@question_option
@json_option
def sample_command(
    size: int | None,
    mixed: bool,
    recall: float,
    confidence: float,
    project: Path | None,
    question: str | None,
    as_json: bool,
) -> None:
    """Draw a random sample of what nobody has read, and lock it.

    Its documents are asked by 'docreview review' before all others, or hidden among them, and never train the model.
    It cannot be taken back. Another one can be drawn once it is read: that is a second look, which is counted, and
    claims less. Without --size it is as large as 'validate plan' says for --recall and --confidence.

    \b
    Examples:
      docreview validate sample
      docreview validate sample --size 200 --mixed
    """
    from docreview.validation_plan import plan_of

    with open_project(project) as opened:
        review = opened.review(question)
        wanted = size
        # what cannot be drawn at all is said by the draw itself
        if wanted is None and review.ledger.read and review.ledger.waiting is None:
            plan = plan_of(review, recall=recall, confidence=confidence)
            if not plan.found:
                raise DocreviewError("no document of the target is found yet: give --size, or go on with the review.")
            if not plan.elusion:
                raise DocreviewError(
                    f"too few documents are unread to hold as many as a recall below {recall:g} needs: no sample is "
                    "needed for that; give --size to draw one all the same."
                )
            if plan.dear:
                raise DocreviewError(
                    f"to certify a recall of {recall:g} with confidence {confidence:g}, {plan.elusion:,} of the "
                    f"{plan.unread:,} unread documents must be drawn: read them all, or give --size or a lower "
                    "--recall ('docreview validate plan' says what smaller samples certify)."
                )
            wanted = plan.elusion
        sample = review.draw_elusion(wanted or 1, mixed=mixed)
        look, drawn = len(review.ledger.elusion), int(sample.rows.size)
    if as_json:
        print_json({"name": sample.name, "size": drawn, "population": sample.population, "look": look, "mixed": mixed})
        return
    how = "They are asked among other documents" if mixed else "They are asked before all others"
    click.echo(f"Drew {counted(drawn, 'document')} of {sample.population:,} that nobody has read ({sample.name}).")
    click.echo(f"{how}: docreview review. Read to the end, 'docreview validate report' says what may be claimed.")
    if look > 1:
        click.echo(f"This is look {look}: its intervals are wider, so that the claims of all looks hold together.")


@validate_command.command("report")
@_confidence
@project_option
@question_option
@json_option
def report_command(confidence: float, project: Path | None, question: str | None, as_json: bool) -> None:
    """Say what may be claimed: recall, elusion, richness, precision.

    Each with an exact interval and the method's paper; or refused, with the reason: a sample that is not read to its
    end, that was spoiled, or that does not speak for documents added since.

    \b
    Example:
      docreview validate report
    """
    from docreview.validation import validation_of

    if not 0 < confidence < 1:
        raise click.UsageError(f"--confidence must lie above 0 and below 1, got {confidence:g}.")
    with open_project(project) as opened:
        result = validation_of(opened.review(question), confidence)
    if as_json:
        print_json(result.to_json())
    else:
        _show_report(console(), result)


def _show_report(out: Console, result: Validation) -> None:
    from docreview.validation import figures_table, refusals

    click.echo(
        printable(
            f"{result.question}: {result.read:,} of {counted(result.documents, 'document')} read, {result.found:,} of "
            f"'{result.target}' found."
        )
    )
    for drawn in result.samples:
        hits = "" if drawn.hits is None else f", {drawn.hits:,} of '{result.target}'"
        hidden = ", hidden among others" if drawn.mixed else ""
        of = f"{drawn.size:,} of {drawn.population:,} documents"
        click.echo(printable(f"{drawn.name} sample: {of}{hidden}; {drawn.read:,} read{hits}"))
    table = figures_table(result)
    if table.rows:
        click.echo()
        print_table(out, table)
    click.echo()
    notes = (f"Note: {deviation}" for deviation in result.deviations)
    for line in (*(f.sentence for f in result.figures if not f.refused), *refusals(result), *notes):
        click.echo(printable(line))


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:,.1f} h"
