"""Stopping rules that bound recall by a random sample, which the review never learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from docreview.stopping_rules.common import a_share, at_least, target_of
from docreview.types import VALIDATION, StopDecision

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.estimates import Total
    from docreview.types import Ints, ReviewState, Scalar


@dataclass(frozen=True)
class QBCB:
    """Stop once the review has come to so many of a random sample's target documents that `recall` is certified.

    With r documents of the target in the validation sample, the j-th of them must be reached, j being the least number
    with ``P(Binomial(r, recall) >= j) <= 1 - confidence`` (quantile binomial confidence bound): of 50, 43 or so for a
    recall of 0.8. As the sample is locked, a document of it counts as reached once the model ranks it above every
    document still unread: in the pool it would have been read by now. A skipped one counts as not reached.

    Guarantee: for a ranking that does not depend on the sample, recall at the stop lies below `recall` with probability
    at most ``1 - confidence``, for one sample, however often one looks. While the model still learns, a document of
    the sample may be reached and lost again; then no theorem says so (in simulations it missed in at most 2 % of
    reviews, of the 5 % allowed). It supposes that the unread document ranked highest is what is read next: a
    strategy that leaves it unread makes the rule wait.

    Paper: Lewis, Yang and Frieder 2021, Certifying one-phase technology-assisted reviews.
    """

    recall: float = 0.8
    confidence: float = 0.95

    def __post_init__(self) -> None:
        a_share(recall=self.recall)
        a_share(below_one=True, confidence=self.confidence)

    @property
    def needs(self) -> frozenset[str]:
        """A validation sample."""
        return frozenset({VALIDATION})

    def check(self, state: ReviewState) -> StopDecision:
        """Count the target documents of the sample that the model ranks above the pool."""
        from docreview.certificates import sample_hits_needed

        target, name = target_of(state, "qbcb")
        sample = _Sampled.of(state, VALIDATION, target)
        problem = sample.problem(whole=True)
        if problem:
            return StopDecision(False, problem, {"recall": self.recall})
        positives, reached = sample.positives.size + sample.skipped, int(_reached(state, sample.positives).sum())
        needed = sample_hits_needed(positives, self.recall, self.confidence)
        evidence: dict[str, Scalar] = {"recall": self.recall, "confidence": self.confidence}
        evidence |= {"positives": int(positives), "reached": reached, "needed": needed}
        if needed is None:
            reason = (
                f"The validation sample holds {positives} documents of '{name}', too few to certify a recall of "
                f"{self.recall:g} with confidence {self.confidence:g}."
            )
            return StopDecision(False, reason, evidence)
        stop = reached >= needed
        reason = (
            f"The review has come to {reached} of the {positives} documents of '{name}' in the random sample, "
            f"{'enough' if stop else f'of the {needed} needed'} to certify a recall of {self.recall:g} "
            f"with confidence {self.confidence:g}."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class TargetSet:
    """Stop once the review has come to each of `positives` target documents found at random before it (target method).

    The set is the first `positives` target documents of the validation sample, in the order drawn; reached is what
    it is for `qbcb`, of which this is the case where all must be. Guarantee, on the conditions of `qbcb`: recall at
    the stop lies below t with probability at most ``t ** positives``: with 10, recall is at least 0.74 with
    probability 0.95 (the paper says 0.7). One hard document among them makes it read on for long.

    Paper: Cormack and Grossman 2016, Engineering quality and reliability in technology-assisted review.
    """

    positives: int = 10

    def __post_init__(self) -> None:
        at_least(1, positives=self.positives)

    @property
    def needs(self) -> frozenset[str]:
        """A validation sample."""
        return frozenset({VALIDATION})

    def check(self, state: ReviewState) -> StopDecision:
        """See which of the set the model ranks above the pool."""
        target, name = target_of(state, "target-set")
        sample = _Sampled.of(state, VALIDATION, target)
        problem = sample.problem(whole=False)
        if problem:
            return StopDecision(False, problem, {"positives": self.positives})
        chosen = sample.positives[: self.positives]
        evidence: dict[str, Scalar] = {"positives": self.positives, "found": int(chosen.size)}
        if chosen.size < self.positives:
            reason = (
                f"The validation sample holds {chosen.size} documents of '{name}' so far, of {self.positives} needed."
            )
            return StopDecision(False, reason, evidence)
        reached = int(_reached(state, chosen).sum())
        certified = 0.05 ** (1 / self.positives)
        evidence |= {"reached": reached, "recall": certified, "confidence": 0.95}
        stop = reached == self.positives
        reason = (
            f"The review has come to {reached} of the {self.positives} documents of '{name}' found at random first; "
            f"all of them mean a recall of at least {certified:.3f} with confidence 0.95."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class _Bound:
    """Stop once even the most documents that a random sample leaves possible would make recall high enough."""

    recall: float = 0.95
    confidence: float = 0.95
    sample: str = VALIDATION

    def __post_init__(self) -> None:
        a_share(recall=self.recall)
        a_share(below_one=True, confidence=self.confidence)

    @property
    def needs(self) -> frozenset[str]:
        """The validation sample, unless another is named."""
        return frozenset({VALIDATION}) if self.sample == VALIDATION else frozenset()

    def _decide(self, name: str, sample: _Sampled, total: Total) -> StopDecision:
        missed = max(int(total.high) - sample.found_inside, 0) + sample.skipped_before
        found = sample.found_before + sample.found_inside
        bound = found / (found + missed) if found + missed else 1.0
        evidence: dict[str, Scalar] = {"recall": self.recall, "confidence": self.confidence, "found": found}
        evidence |= {"missed_at_most": missed, "low": bound, "sampled": sample.read, "population": sample.population}
        # a review in which nothing was found does not stop on "there is nothing": it has read no more than a sample
        stop = bound >= self.recall and found > 0
        reason = (
            f"After {sample.read} documents of the random sample, at most {missed} of '{name}' are unfound with "
            f"confidence {self.confidence:g}: with {found} found, recall is at least {bound:.3f}, "
            f"{'no less' if stop else 'less'} than the {self.recall:g} asked for."
        )
        if not found:
            reason = f"No document of '{name}' has been found yet, and at most {missed} are there to be found."
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class RecallBound(_Bound):
    """Stop once even the most documents that a random sample leaves possible would make recall high enough.

    The sample, read to its end, bounds how many target documents there are (hypergeometric test, one-sided); those
    found are counted against it. Guarantee: for one sample, recall at the stop lies below `recall` with probability at
    most ``1 - confidence``, whatever the ranking and however often one looks: the bound is made once. With the
    `validation` sample it needs many target documents in it (hundreds, for 0.95), as the bound on their number must
    come close; `qbcb` needs fewer. With a sample drawn late, of what nobody has read (`sample = "elusion"`), this is
    the elusion test: sharp, and good for one sample. To draw another where the first disappoints voids it; for that
    there is `alpha-spending`. Skipped documents count as relevant and unfound.
    """

    @property
    def alpha(self) -> float:
        """The chance of a wrong stop."""
        return 1 - self.confidence

    def at_level(self, alpha: float) -> RecallBound:
        """The same rule with another chance of a wrong stop."""
        return replace(self, confidence=1 - alpha)

    def check(self, state: ReviewState) -> StopDecision:
        """Bound the number of target documents, and count those found against it."""
        from docreview.estimates import hypergeometric

        target, name = target_of(state, "recall-bound")
        sample = _Sampled.of(state, self.sample, target)
        problem = sample.problem(whole=True)
        if problem:
            return StopDecision(False, problem, {"recall": self.recall})
        # one end of an interval that errs twice as often errs as often as it should
        level = max(1 - 2 * (1 - self.confidence), 1e-9)
        total = hypergeometric(sample.hits, sample.read, sample.population, level)
        return self._decide(name, sample, total)


@dataclass(frozen=True)
class ConfidenceSequence(_Bound):
    """Stop once a random sample, read one by one and looked at each time, leaves too few unfound to matter.

    As `recall-bound`, with a bound that holds after each document of the sample at once, so that one may stop in the
    middle of it. Guarantee: recall at the stop lies below `recall` with probability at most ``1 - confidence``,
    whatever the ranking, however often one looks, at whatever length the sample is read. What it costs is a wider
    bound: a fifth to a half more documents for a pile that holds nothing. The sample must be read in the order drawn;
    one drawn late, of what nobody has read (`sample = "elusion"`), says most.

    Paper: Waudby-Smith and Ramdas 2020, Confidence sequences for sampling without replacement.
    Paper: Lewis et al. 2023, Confidence sequences for evaluating one-phase technology-assisted review.
    """

    def check(self, state: ReviewState) -> StopDecision:
        """Bound the number of target documents, and count those found against it."""
        from docreview.certificates import confidence_sequence

        target, name = target_of(state, "confidence-sequence")
        sample = _Sampled.of(state, self.sample, target)
        problem = sample.problem(whole=False)
        if problem:
            return StopDecision(False, problem, {"recall": self.recall})
        total = confidence_sequence(sample.hits, sample.read, sample.population, self.confidence)
        return self._decide(name, sample, total)


@dataclass(frozen=True)
class _Sampled:
    """What a random sample and the labels say: `read` documents of its beginning, of a `population`."""

    name: str
    size: int
    read: int
    skipped: int
    #: rows of the target in the beginning, in the order drawn
    positives: Ints
    #: documents that the sample was drawn from, all that there are but those read before it, and how many of them are
    #: locked in other samples and not read: a simulation sets some aside for good
    population: int
    expected: int
    aside: int
    #: documents of the target found before the sample, and since then
    found_before: int
    found_inside: int
    skipped_before: int

    @property
    def hits(self) -> int:
        """Documents of the beginning that are, or may be, of the target: a skipped one may."""
        return int(self.positives.size) + self.skipped

    @staticmethod
    def of(state: ReviewState, name: str, target: int) -> _Sampled:
        """Count; a sample that is not there has size 0."""
        import numpy as np

        sample = next((s for s in state.samples if s.name == name), None)
        if sample is None or not sample.rows.size:
            return _Sampled(name, 0, 0, 0, np.zeros(0, dtype=np.int64), 0, state.n, 0, 0, 0, 0)
        answered = state.rounds[sample.rows] >= 0
        # read in the order drawn, the answered beginning of a random sample is random too
        beginning = sample.rows[: answered.size if answered.all() else int(answered.argmin())]
        labels = state.labels[beginning]
        locked = np.zeros(state.n, dtype=bool)
        for other in state.samples:
            locked[other.rows] |= other.name != name
        unread = state.rounds < 0
        before = np.zeros(state.n, dtype=bool)
        if sample.outside is not None:
            before[sample.outside] = True
            expected, aside = state.n - int(before.sum()), 0
            before &= ~(unread & locked)
        else:  # what was answered before the first of the sample was
            drawn = int(state.rounds[sample.rows][answered].min()) if answered.any() else state.round
            before = ~unread & (state.rounds < drawn)
            before[sample.rows] = False
            expected, aside = state.n - int(before.sum()), int((locked & unread).sum())
        is_target = state.labels == target
        return _Sampled(
            name=name,
            size=int(sample.rows.size),
            read=int(beginning.size),
            skipped=int((labels < 0).sum()),
            positives=beginning[labels == target],
            population=sample.population,
            expected=expected,
            aside=aside,
            found_before=int((is_target & before).sum()),
            found_inside=int((is_target & ~before).sum()),
            skipped_before=int((before & (state.labels < 0)).sum()),
        )

    def problem(self, *, whole: bool) -> str:
        """Why nothing can be said, in a sentence; empty where something can."""
        if not self.size:
            hint = "; set 'validation' to its size" if self.name == VALIDATION else ""
            return f"There is no {self.name} sample to go by{hint}."
        if self.population not in (self.expected, self.expected - self.aside):
            return (
                f"The {self.name} sample was drawn from {self.population} documents and there are {self.expected}: it "
                "says nothing about those added since."
            )
        if self.read < (self.size if whole else 1):
            return f"The {self.name} sample is not fully read yet: {self.read} of {self.size} documents."
        return ""


def _reached(state: ReviewState, rows: Ints) -> npt.NDArray[np.bool_]:
    """Which of the rows the model ranks above every unread one; none where there is no model."""
    import numpy as np

    if not state.pool.size:
        return np.ones(rows.size, dtype=bool)
    if not state.trainable:
        return np.zeros(rows.size, dtype=bool)
    return np.asarray(state.scores[rows] > state.scores[state.pool].max())
