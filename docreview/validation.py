"""What may be claimed of a review from its random samples, and why not where it may not.

The record says what each sample was drawn from, who answered what, and when: every number here is computed from it
anew. All claims are about what reviewers called the target; how often they err is another question
(`docreview.agreement`, `docreview.corrected_estimates`).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting, ComponentError
from docreview.estimates import Estimate, clopper_pearson
from docreview.report import Table
from docreview.sample_reading import Reading, counted, read_sample
from docreview.sample_sizes import error_of_look
from docreview.types import VALIDATION

if TYPE_CHECKING:
    from docreview.ledger import Ledger
    from docreview.review import Review
    from docreview.types import ReviewState, Sample

EXACT = "Buonaccorsi 1987, A note on confidence intervals for proportions in finite populations"
_NO_SAMPLE = "no random sample was drawn: 'docreview validate sample' draws one of what nobody has read"
SPENDING = "Lan and DeMets 1983, Discrete sequential boundaries for clinical trials"
BINOMIAL = "Clopper and Pearson 1934, The use of confidence or fiducial limits illustrated in the case of the binomial"


@dataclass(frozen=True)
class Figure:
    """One number that a sample gives, with its interval and a sentence; or, in `refused`, why there is none."""

    name: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    confidence: float = math.nan
    #: of the target among the documents of the sample that count
    hits: int = 0
    n: int = 0
    sentence: str = ""
    paper: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Drawn:
    """A sample that was drawn: of how many documents, how many were read of it, and of these how many are the target.

    `hits` is None until it is read to its end: to look before would be a peek.
    """

    name: str
    population: int
    size: int
    read: int
    hits: int | None
    mixed: bool


@dataclass(frozen=True)
class Validation:
    """What a report may say, and what it has to."""

    question: str
    target: str
    documents: int
    read: int
    found: int
    #: how many elusion samples were drawn
    looks: int
    samples: tuple[Drawn, ...]
    figures: tuple[Figure, ...]
    #: what was not as a plan would have it, each a sentence
    deviations: tuple[str, ...]

    def __getitem__(self, name: str) -> Figure:
        """The figure of that name."""
        return next(figure for figure in self.figures if figure.name == name)

    def to_json(self) -> dict[str, Any]:
        """Plain values; each figure under its name."""
        return {**asdict(self), "figures": {figure.name: asdict(figure) for figure in self.figures}}


def target_of(review: Review) -> tuple[int, str]:
    """Class index and name of the target; raise `BadSetting` where the question has none."""
    question = review.question
    if question.target_index is None or question.target is None:
        raise BadSetting(
            f"question '{question.name}' has no target: recall and elusion are about documents of one; name it in "
            "docreview.toml."
        )
    return question.target_index, question.target


def validation_of(review: Review, confidence: float = 0.95) -> Validation:
    """Compute what the samples of a review say of it now."""
    target, name = target_of(review)
    ledger, state = review.ledger, review.state()
    found = int((state.labels == target).sum())
    looks = ledger.elusion
    first, last = ledger.samples.get(VALIDATION), looks[-1] if looks else None
    entries, rows_of = review.entries, review.corpus.store.rows
    validation = None if first is None else read_sample(state, first, entries, rows_of)
    elusion = None if last is None else read_sample(state, last, entries, rows_of)
    basis = elusion if elusion is not None else validation
    count = None if basis is None else _Count.of(state, basis.sample, target, name)
    level = 1 - 2 * error_of_look(confidence, max(len(looks), 1))
    figures = [
        *_recall(basis, count, level, confidence, len(looks)),
        _elusion(elusion, name, level),
        _richness(basis, count, level),
        _precision(validation, state, target, name, confidence),
    ]
    samples = []
    for sample in (*(() if first is None else (first,)), *looks):
        read = sum(1 for row in sample.rows.tolist() if row in ledger.rounds)
        hits = int((state.labels[sample.rows] == target).sum()) if read == sample.rows.size else None
        mixed = sample.name in ledger.mixed
        samples.append(Drawn(sample.name, sample.population, int(sample.rows.size), read, hits, mixed))
    return Validation(
        question=review.name,
        target=name,
        documents=state.n,
        read=state.read,
        found=found,
        looks=len(looks),
        samples=tuple(samples),
        figures=tuple(figures),
        deviations=_deviations(basis, ledger, state, name),
    )


def _deviations(basis: Reading | None, ledger: Ledger, state: ReviewState, target: str) -> tuple[str, ...]:
    import numpy as np

    said = []
    if len(ledger.elusion) > 1:
        said.append(
            f"{len(ledger.elusion)} elusion samples were drawn: this is look {len(ledger.elusion)}, and intervals are "
            f"wider for it, so that the claims of all looks hold together ({SPENDING})."
        )
    if basis is None:
        return tuple(said)
    sample, outside = basis.sample, basis.sample.outside
    assert outside is not None, "a ledger knows what its samples were drawn from"
    if sample.name != VALIDATION and sample.name not in ledger.mixed:
        said.append(
            f"The {sample.name} sample was asked by itself, not hidden among other documents: who read it could know."
        )
    others = np.setdiff1d(np.flatnonzero(state.rounds > 0), np.concatenate([outside, sample.rows]))
    if sample.name != VALIDATION and others.size:
        said.append(
            f"{counted(others.size)} outside of the {sample.name} sample were read after it was drawn: elusion is that "
            "of what was unread then, recall counts what was found since."
        )
    if basis.unknown and not basis.refused:
        said.append(f"{counted(basis.unknown)} of the {sample.name} sample could not be told: they may be '{target}'.")
    if basis.changed:
        said.append(
            f"{counted(basis.changed)} of the {sample.name} sample, '{target}' when it had been read to its end, are "
            f"something else now: they are counted as '{target}'."
        )
    return tuple(said)


def refusals(result: Validation) -> tuple[str, ...]:
    """Why some figures cannot be given, one sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for figure in result.figures:
        if figure.refused:
            reasons.setdefault(figure.refused, []).append(figure.name.replace("_", " "))
    return tuple(f"No {', '.join(names)}: {reason.rstrip('.')}." for reason, names in reasons.items())


def figures_table(result: Validation) -> Table:
    """The figures that are not refused, for a screen or a report."""
    names = ("", "value", "at least", "at most", "confidence", "found", "of drawn")
    rows = tuple(
        (f.name.replace("_", " "), f.value, f.low, f.high, f.confidence, f.hits, f.n)
        for f in result.figures
        if not f.refused
    )
    return Table("What the random samples say", names, rows, percent=names[1:5])


# --------------------------------------------------------------------------------------------------------- the figures


@dataclass(frozen=True)
class _Count:
    """Documents of the target, as they are counted for recall."""

    name: str
    #: in what the sample was not drawn from, of which so many `unknown` were read and could not be told
    before: int
    unknown: int
    #: everywhere, now
    found: int
    documents: int

    @staticmethod
    def of(state: ReviewState, sample: Sample, target: int, name: str) -> _Count:
        is_target, outside = state.labels == target, sample.outside
        unknown = (state.rounds[outside] > 0) & (state.labels[outside] < 0)
        return _Count(name, int(is_target[outside].sum()), int(unknown.sum()), int(is_target.sum()), state.n)

    def all(self, drawn: Estimate) -> Estimate:
        """How many there are in the whole corpus, from how many there are in what the sample was drawn from."""
        return replace(
            drawn,
            value=max(self.before + drawn.value, self.found),
            low=max(self.before + drawn.low, self.found),
            high=max(self.before + drawn.high, self.found) + self.unknown,
        )


def _recall(basis: Reading | None, count: _Count | None, level: float, confidence: float, looks: int) -> list[Figure]:
    """Recall now; and of an elusion sample, recall when it was drawn, and what it certifies as the only one."""
    names = ("recall", "recall_at_draw", "certificate")
    if basis is None or count is None or basis.refused:
        return [Figure(name, refused=_NO_SAMPLE if basis is None else basis.refused) for name in names]
    if not count.found:
        return [Figure(name, refused=f"no document of '{count.name}' has been found") for name in names]
    drawn = basis.total(level)
    there, found, before = count.all(drawn), count.found, count.before
    now = replace(drawn, value=found / there.value, low=found / there.high, high=found / there.low)
    figures = [_figure("recall", now, f"The review has found {_share(now.value)} of all '{count.name}'", EXACT)]
    if basis.sample.name == VALIDATION:
        why = "no elusion sample was drawn"
        return [*figures, *(Figure(name, refused=why) for name in names[1:])]
    missed = (drawn.value, drawn.high + count.unknown, drawn.low)
    value, low, high = (before / (before + more) if before + more else math.nan for more in missed)
    then = replace(drawn, value=value, low=low, high=high)
    said = f"When the sample was drawn, the review had found {_share(value)} of them"
    figures.append(_figure(names[1], then, said, EXACT))
    if looks > 1:
        why = (
            f"a certificate is of an only sample, and this is look {looks}: the interval of recall holds for all looks"
        )
        return [*figures, Figure(names[2], refused=why)]
    # one end of an interval that errs twice as often errs as often as it should
    most = count.all(basis.total(max(2 * confidence - 1, 1e-9))).high
    certified = replace(drawn, value=math.nan, low=found / most, high=1.0, confidence=confidence)
    sentence = (
        f"With confidence {percent(confidence)}, recall is at least {_share(certified.low)}, as long as no other "
        f"sample is drawn: at most {most - found:,.0f} of '{count.name}' are not found ({_cited(EXACT)})."
    )
    return [*figures, replace(_figure(names[2], certified, "", EXACT), sentence=sentence)]


def _elusion(elusion: Reading | None, name: str, level: float) -> Figure:
    if elusion is None or elusion.refused:
        return Figure("elusion", refused=_NO_SAMPLE if elusion is None else elusion.refused)
    pile = elusion.sample.population
    total = elusion.total(level)
    share = replace(total, value=total.value / pile, low=total.low / pile, high=total.high / pile)
    said = f"Of the {pile:,} documents that were unread at the draw, {_share(share.value)} are '{name}'"
    return _figure("elusion", share, said, EXACT)


def _richness(basis: Reading | None, count: _Count | None, level: float) -> Figure:
    if basis is None or count is None or basis.refused:
        return Figure("richness", refused=_NO_SAMPLE if basis is None else basis.refused)
    there, n = count.all(basis.total(level)), count.documents
    share = replace(there, value=there.value / n, low=there.low / n, high=there.high / n)
    return _figure("richness", share, f"Of all {n:,} documents, {_share(share.value)} are '{count.name}'", EXACT)


def _precision(validation: Reading | None, state: ReviewState, target: int, name: str, confidence: float) -> Figure:
    """Of the documents that the model calls target, how many are: by the validation sample, which it never saw."""
    import numpy as np

    if validation is None or validation.refused:
        why = "no validation sample was drawn; set 'validation' in docreview.toml before a review begins"
        return Figure("precision", refused=why if validation is None else validation.refused)
    rows = validation.sample.rows
    try:
        chances = state.probabilities[rows]
    except ComponentError as error:
        return Figure("precision", refused=f"the model could not be fitted: {error}")
    called = rows[chances.argmax(axis=1) == target]
    if np.isnan(chances).any() or not called.size:
        return Figure("precision", refused=f"the model calls no document of the validation sample '{name}'")
    labels, n = state.labels[called], int(called.size)
    hits, unknown = int((labels == target).sum()), int((labels < 0).sum())
    exact = clopper_pearson(hits, n, confidence)
    exact = replace(exact, high=clopper_pearson(hits + unknown, n, confidence).high)
    said = f"Of the documents that the model calls '{name}' without having learned from them, {_share(exact.value)} are"
    return _figure("precision", exact, said, BINOMIAL)


def _figure(name: str, estimate: Estimate, said: str, paper: str) -> Figure:
    drawn = f"by {estimate.hits:,} of {estimate.n:,} random documents"
    interval = f"{percent(estimate.confidence)} interval {_share(estimate.low)} to {_share(estimate.high)}"
    return Figure(
        name,
        estimate.value,
        estimate.low,
        estimate.high,
        estimate.confidence,
        estimate.hits,
        estimate.n,
        f"{said}, {drawn} ({interval}; {_cited(paper)}).",
        paper,
    )


def percent(confidence: float) -> str:
    """Return "95%", "99.17%"."""
    return f"{100 * confidence:.4g}%"


def _cited(paper: str) -> str:
    return paper.partition(",")[0]


def _share(value: float) -> str:
    return "an unknown share" if math.isnan(value) else f"{value:.1%}"
