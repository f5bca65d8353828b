"""Where a review stands: numbers for a screen, the rows of an export, and the data of a report."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import docreview
from docreview.corpus import library_versions
from docreview.cost import Cost, cost_of
from docreview.errors import ComponentError
from docreview.estimates import Estimate, richness
from docreview.history import chosen
from docreview.live_check import Between, LiveCheck
from docreview.plots import Curve
from docreview.report import ReportData, Table
from docreview.review import Review
from docreview.types import VALIDATION, Progress, Question, Scalar, StopDecision, now, silent
from docreview.validation import Validation, figures_table, refusals, validation_of

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.ledger import Ledger
    from docreview.plugins import Plugins
    from docreview.store import Store
    from docreview.text import Writing
    from docreview.types import Floats, Sample


@dataclass(frozen=True)
class Status:
    """Where a review stands."""

    question: Question
    documents: int
    #: documents answered in this review; labels that came with the files are `priors`
    read: int
    priors: int
    #: documents read, by label; skips and "cannot tell" are counted in `skipped`
    found: Mapping[str, int]
    skipped: int
    #: documents nobody has answered
    pool: int
    round: int
    #: documents of the last batch still to be answered
    pending: int
    stop: StopDecision
    #: views in use, and those that stand aside, with the reason
    views: tuple[str, ...]
    aside: Mapping[str, str]
    #: documents that the slowest view has still to read
    remaining: int
    seconds_per_document: float | None
    #: hours, and money where rates are known, so far and saved; None where too few answers have a time
    cost: Cost | None
    #: documents of the validation sample that are answered, and its size
    validation: tuple[int, int]
    #: the same of the sample of what nobody had read, the last where there are several; and how many were drawn
    elusion: tuple[int, int]
    looks: int
    #: share of the corpus that carries the target, estimated from the validation sample
    richness: Estimate | None
    #: whether choosing helps, as it was computed last; None where no random documents are drawn among the chosen ones
    live_check: LiveCheck | None
    #: plugins that were not let in, with the cause
    quarantined: tuple[str, ...]
    #: language that the project file declares; ``xx`` where it declares none
    language: str
    #: scripts and languages of the corpus, and what looks broken; None where a text processor keeps it from being read
    writing: Writing | None
    #: for each of `writing.broken`, the id of the first document that is so
    broken_documents: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def status_of(review: Review, corpus: Corpus, plugins: Plugins, rates: Mapping[str, float] | None = None) -> Status:
    """Count. `rates` are prices of an hour, as `cost.cost_of` has them."""
    ledger, state = review.ledger, review.state()
    found = dict(zip(review.question.labels, state.found.tolist(), strict=True))
    sample, looks = ledger.samples.get(VALIDATION), ledger.elusion
    names = list(corpus.views) if corpus.n else []
    aside = {name: reason for name in names if (reason := corpus.aside(name))}
    writing = _writing(corpus)
    first = {} if writing is None else writing.first
    return Status(
        question=review.question,
        documents=corpus.n,
        read=state.read,
        priors=sum(1 for round_ in ledger.rounds.values() if round_ == 0),
        found=found,
        skipped=state.read - sum(found.values()),
        pool=int(state.pool.size),
        round=ledger.round,
        pending=len(ledger.pending),
        stop=_stop(review),
        views=tuple(state.views),
        aside=aside,
        remaining=max((corpus.remaining(name) for name in names), default=0),
        seconds_per_document=ledger.seconds / ledger.timed if ledger.timed else None,
        cost=_cost(review, corpus.n, rates),
        validation=_answered(ledger, sample),
        elusion=_answered(ledger, looks[-1] if looks else None),
        looks=len(looks),
        richness=None
        if sample is None or review.question.target_index is None
        else richness(state, sample, review.question.target_index),
        live_check=_live_check(review, compute=False),
        quarantined=tuple(f"{q.name} {q.version}: {q.cause}" for q in plugins.quarantined),
        language=corpus.language,
        writing=writing,
        broken_documents=dict(zip(first, corpus.store.ids_of(first.values()), strict=True)),
    )


def _cost(review: Review, documents: int, rates: Mapping[str, float] | None) -> Cost | None:
    """What the answers took, those taken back too; documents that came labeled need no reading."""
    ledger = review.ledger
    given = (e.payload for e in review.entries if e.kind == "label" and not e.payload["prior"])
    answers = [(payload["reviewer"], payload["seconds"]) for payload in given]
    return cost_of(answers, ledger.read, documents - len(ledger.rounds), rates)


def _answered(ledger: Ledger, sample: Sample | None) -> tuple[int, int]:
    """How many documents of a sample are answered, of how many."""
    rows = [] if sample is None else sample.rows.tolist()
    return sum(1 for row in rows if row in ledger.rounds), len(rows)


def _writing(corpus: Corpus) -> Writing | None:
    """What the corpus is written in; None, with a warning, where a plugin keeps it from being read."""
    try:
        return corpus.writing()
    except ComponentError as error:
        log.warning("what the corpus is written in is left out: %s", error)
        return None


def _stop(review: Review) -> StopDecision:
    """What the stopping rule says, or who keeps it from being asked."""
    try:
        return review.should_stop()
    except ComponentError as error:
        return StopDecision(False, f"The stopping rule could not be asked: {error}", {"error": str(error)})


def _live_check(review: Review, progress: Progress = silent, *, compute: bool) -> LiveCheck | None:
    """Whether choosing helps; None, with a warning, where a plugin keeps the model from being fitted."""
    try:
        return review.live_check(progress, compute=compute)
    except ComponentError as error:
        log.warning("whether choosing helps is left out: %s", error)
        return None


def _predicted(review: Review) -> Floats | None:
    """Probabilities (n, k), once there is a model; None, with a warning, where a plugin keeps it from being fitted."""
    state = review.state()
    try:
        return state.probabilities if state.trainable else None
    except ComponentError as error:
        log.warning("the model's probabilities are left out: %s", error)
        return None


def rows_of(review: Review, store: Store, everything: bool) -> Iterator[dict[str, Scalar]]:
    """One row a document for an export: its text, its label and how it came by it; in the order of the corpus.

    `everything` includes documents nobody has answered. Once there is a model, each row has its probabilities.
    `selected_by` and `selection_probability` say what asked about the document, and with which probability it was drawn
    in that round; `sample` the blind random sample that it belongs to.
    """
    ledger, state = review.ledger, review.state()
    how = chosen(store.entries(review.chain))
    predicted = _predicted(review)
    rows = list(range(state.n)) if everything else sorted(ledger.rounds)
    blocks = [rows[start : start + 4096] for start in range(0, len(rows), 4096)]
    # every row has the same columns, so all keys must be known before the first is written
    keys = dict.fromkeys(key for block in blocks for document in store.documents(block) for key in document.metadata)
    for block in blocks:
        for row, document in zip(block, store.documents(block), strict=True):
            given = ledger.answers.get(row, {})
            round_ = ledger.rounds.get(row)
            choice = how.get(document.id)
            out: dict[str, Scalar] = {
                "id": document.id,
                "title": document.title,
                "text": document.text,
                "label": ledger.consensus(row),
                "status": "unread" if round_ is None else "prior" if round_ == 0 else "read",
                "round": round_,
                "selected_by": None if choice is None else choice.strategy,
                "selection_probability": None if choice is None else choice.probability,
                "sample": (choice and choice.sample) or None,
                "reviewers": ", ".join(given) if given else None,
                "notes": " | ".join(ledger.notes.get(row, {}).values()) or None,
            }
            if predicted is not None:
                out |= {f"p({label})": float(predicted[row, k]) for k, label in enumerate(review.question.labels)}
            yield out | {f"metadata.{key}": document.metadata.get(key) for key in keys}


def report_of(
    review: Review, corpus: Corpus, store: Store, plugins: Plugins, progress: Progress = silent
) -> ReportData:
    """Everything a report says about a running or finished review, from the record."""
    checked = _live_check(review, progress, compute=True)
    status = status_of(review, corpus, plugins)
    question = review.question
    entries = store.entries(review.chain)
    target = "" if question.target is None else f" {status.found[question.target]:,} carry '{question.target}'."
    described = corpus.describe()
    samples = review.ledger.samples
    validated = validation_of(review) if samples and question.target is not None else None
    return ReportData(
        title=f"Review: {question.name}",
        question=question,
        created=now().isoformat(timespec="seconds"),
        documents=status.documents,
        read=status.read,
        priors=status.priors,
        skipped=status.skipped,
        found=status.found,
        seconds_per_document=status.seconds_per_document,
        summary=f"{status.read:,} of {status.documents:,} documents were read.{target} {status.stop.reason}",
        progress=_progress(review),
        tables=(
            *((_reviewers(review),) if status.read else ()),
            *_validated(validated, status),
            *_checked(checked, question),
        ),
        labels_by_day=dict(
            Counter(e.payload["at"][:10] for e in entries if e.kind == "label" and not e.payload["prior"])
        ),
        stop=status.stop,
        settings=_settings(review),
        versions=versions(plugins),
        views=plain_views(described),
        chain=review.chain,
        entries=len(entries),
        closing_hash=entries[-1].hash if entries else "",
        warnings=(*_warnings(status), *_unclaimed(validated)),
    )


def versions(plugins: Plugins | None = None) -> dict[str, str]:
    """Versions of docreview, of its plugins and of what its results depend on."""
    return {"docreview": docreview.__version__, **library_versions(), **(plugins.loaded if plugins else {})}


def _progress(review: Review) -> tuple[Curve, ...]:
    """Documents found with each label against documents read, in the order of reading."""
    ledger = review.ledger
    rows = [row for row, round_ in ledger.rounds.items() if round_ > 0]
    given = [ledger.consensus(row) for row in rows]
    curves = []
    for label in review.question.labels:
        found, ys = 0, [0.0]
        for value in given:
            found += value == label
            ys.append(found)
        role: Literal["main", "other"] = "main" if label == review.question.target else "other"
        curves.append(Curve(label, tuple(range(len(rows) + 1)), tuple(ys), role=role))
    return tuple(curves) if rows else ()


def _validated(validated: Validation | None, status: Status) -> tuple[Table, ...]:
    """What may be claimed from random samples; from one that is half read, the richness that it shows so far."""
    table = None if validated is None else figures_table(validated)
    if validated is None or table is None or not table.rows:
        return _richness(status)
    sentences = " ".join(figure.sentence for figure in validated.figures if not figure.refused)
    rest = () if not validated["richness"].refused else _richness(status)
    return (replace(table, note=sentences), *rest)


def _unclaimed(validated: Validation | None) -> tuple[str, ...]:
    """What may not be claimed, and why; nothing where no sample was drawn to claim it from."""
    if validated is None or not validated.looks:
        return ()
    return (*refusals(validated), *validated.deviations)


def _richness(status: Status) -> tuple[Table, ...]:
    estimate = status.richness
    if estimate is None or not estimate.n:
        return ()
    row = (f"carry '{status.question.target}'", estimate.value, estimate.low, estimate.high, estimate.n)
    return (
        Table(
            "Estimated for the whole corpus",
            ("documents that", "share", "at least", "at most", "drawn and answered"),
            (row,),
            percent=("share", "at least", "at most"),
            note=f"From the blind random sample, with {estimate.confidence:.0%} confidence (Clopper and Pearson 1934). "
            "It speaks for the documents that were there when the sample was drawn.",
        ),
    )


def _checked(check: LiveCheck | None, question: Question) -> tuple[Table, ...]:
    """What the random documents say about the chosen ones."""
    if check is None:
        return ()
    m, target = check.labels, question.target
    shown: list[tuple[str, Estimate | Between | None]] = [
        ("random documents that the model of then was right on", check.accuracy),
        (f"right by the first {m} labels asked for, less by {m} random ones", check.difference),
        ("the same, macro-F1", check.macro_f1_difference),
        ("labels saved by choosing", check.saved),
        (f"random documents that are '{target}'", check.target_random if check.random else None),
        (f"chosen documents that are '{target}'", check.target_chosen if check.chosen else None),
    ]
    rows = tuple((what, between.value, between.low, between.high) for what, between in shown if between is not None)
    names = ("", "share", "at least", "at most")
    return (
        Table("Whether choosing helps", names, rows, percent=names[1:], note=f"{check.reason} Intervals hold 95 %."),
    )


def _reviewers(review: Review) -> Table:
    ledger = review.ledger
    counts: dict[str, Counter[str | None]] = {}
    for row, given in ledger.answers.items():
        if ledger.rounds[row] > 0:
            for reviewer, value in given.items():
                counts.setdefault(reviewer, Counter())[value] += 1
    labels = review.question.labels
    rows: list[tuple[Scalar, ...]] = [
        (reviewer, count.total(), *(count[label] for label in labels), count[None])
        for reviewer, count in sorted(counts.items())
    ]
    return Table("Who answered what", ("reviewer", "documents", *labels, "could not tell"), tuple(rows))


def _settings(review: Review) -> dict[str, Scalar]:
    payload = dict(review.ledger.settings or {})
    components = payload.pop("components", {})
    shown: dict[str, Scalar] = {role: part["settings"] for role, part in components.items()}
    shown |= {key: payload[key] for key in ("preset", "seed", "validation")}
    shown["batch_size"] = str(payload["batch_size"])
    return shown


def plain_views(described: Mapping[str, Any]) -> dict[str, dict[str, Scalar]]:
    """How each view was built, as `Corpus.describe` says it, for people to read."""
    views: dict[str, dict[str, Scalar]] = {}
    for name, view in {**described["views"], "neighbors": described["neighbors"] or {}}.items():
        if view:
            views[name] = {k: v if isinstance(v, Scalar) else str(v) for k, v in view.items()}
    return views


def _warnings(status: Status) -> tuple[str, ...]:
    warnings: Sequence[str] = [f"The view '{name}' stands aside: {reason}" for name, reason in status.aside.items()]
    if status.remaining:
        warnings = [
            *warnings,
            f"{status.remaining:,} documents are still to be embedded; they are ranked by words alone.",
        ]
    if status.skipped:
        warnings = [*warnings, f"{status.skipped:,} documents were skipped: they count as read, and carry no label."]
    return (*warnings, *(f"A plugin was not let in: {cause}" for cause in status.quarantined))
