"""Stopping rules: deterministic functions of the state. None of these proves a recall; each says what it saw.

A rule that cannot be asked of a question (it needs a target) raises `BadSetting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from docreview.contracts import component_of, decide
from docreview.errors import BadSetting
from docreview.hookspecs import hookimpl
from docreview.types import VALIDATION, StopDecision

if TYPE_CHECKING:
    from docreview.hookspecs import Register
    from docreview.types import ReviewState, Scalar, StoppingRule


def _at_least(low: float, **settings: float) -> None:
    for name, value in settings.items():
        if not value >= low:
            raise ValueError(f"setting '{name}' must be at least {low:g}, got {value:g}")


def _target(state: ReviewState, rule: str) -> tuple[int, str]:
    question = state.question
    if question.target is None:
        raise BadSetting(
            f"stopping rule '{rule}' needs a question with a target, and question '{question.name}' has none; "
            "name a target, or choose another stopping rule."
        )
    return question.labels.index(question.target), question.target


@dataclass(frozen=True)
class Budget:
    """Stop once `labels` documents have been read, skipped ones included."""

    labels: int

    def __post_init__(self) -> None:
        _at_least(1, labels=self.labels)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Compare the documents read with the budget."""
        read = state.read
        evidence: dict[str, Scalar] = {"read": read, "budget": self.labels}
        if read >= self.labels:
            return StopDecision(True, f"The budget of {self.labels} documents has been read ({read}).", evidence)
        return StopDecision(False, f"{read} of the budget of {self.labels} documents have been read.", evidence)


@dataclass(frozen=True)
class TargetReached:
    """Stop once the model does well enough on the validation sample, which it never learned from.

    `metric` is ``"accuracy"``, ``"macro-f1"`` or ``"recall"`` (the share of the sample's target documents that the
    model calls target). The sample is asked again each round: a number near `value` may reach it by luck.
    """

    metric: Literal["accuracy", "macro-f1", "recall"] = "accuracy"
    value: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.value <= 1:
            raise ValueError(f"setting 'value' must lie above 0 and at most at 1, got {self.value}")

    @property
    def needs(self) -> frozenset[str]:
        """A validation sample."""
        return frozenset({VALIDATION})

    def check(self, state: ReviewState) -> StopDecision:
        """Measure the model's predictions on the labeled rows of the sample."""
        import numpy as np

        from docreview.estimates import wilson
        from docreview.metrics import accuracy, macro_f1

        if self.metric == "recall":
            _target(state, "target-reached")
        sample = next((s for s in state.samples if s.name == VALIDATION), None)
        if sample is None or not sample.rows.size:
            return StopDecision(False, "There is no validation sample to measure on; set 'validation' to its size.")
        answered = int(np.isin(sample.rows, state.reviewed).sum())
        size = int(sample.rows.size)
        evidence: dict[str, Scalar] = {"metric": self.metric, "wanted": self.value}
        evidence |= {"answered": answered, "sample": size}
        if answered < size:
            reason = f"The validation sample is not fully read yet: {answered} of {size} documents."
            return StopDecision(False, reason, evidence)
        rows = sample.rows[state.labels[sample.rows] >= 0]
        truth = state.labels[rows]
        chances = state.probabilities[rows]
        if np.isnan(chances).any():
            return StopDecision(False, "There is no model to measure on the validation sample yet.", evidence)
        predicted = chances.argmax(axis=1)
        if self.metric == "recall":
            target = truth == state.question.target_index
            truth, predicted = truth[target], predicted[target]
        if not truth.size:
            wanted = "document of the target" if self.metric == "recall" else "labeled document"
            return StopDecision(False, f"The validation sample holds no {wanted} to measure on.", evidence)
        reached = macro_f1(truth, predicted) if self.metric == "macro-f1" else accuracy(truth, predicted)
        evidence |= {"value": reached, "n": int(truth.size)}
        interval = ""
        if self.metric != "macro-f1":
            bounds = wilson(int((truth == predicted).sum()), int(truth.size))
            evidence |= {"low": bounds.low, "high": bounds.high}
            interval = f" (95 % interval {bounds.low:.3f} to {bounds.high:.3f})"
        name = {"accuracy": "accuracy", "macro-f1": "macro-F1", "recall": "recall"}[self.metric]
        stop = reached >= self.value
        reason = (
            f"On {truth.size} validation documents the model's {name} is {reached:.3f}{interval}, "
            f"{'at least' if stop else 'below'} the {self.value:g} asked for."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class DiminishingReturns:
    """Stop once further labels no longer change the model's answers on a fixed set (Bloodgood and Vijay-Shanker 2009).

    The mean Cohen kappa between the predictions of successive rounds on the stop set, over the last `window` pairs of
    rounds, must reach `threshold`, after at least `minimum_rounds` rounds with a model. Predictions that name only one
    label throughout say nothing, and do not stop a review. Stable is not the same as right.

    Paper: Bloodgood and Vijay-Shanker 2009, A method for stopping active learning based on stabilizing predictions.
    """

    window: int = 3
    threshold: float = 0.99
    minimum_rounds: int = 5

    def __post_init__(self) -> None:
        _at_least(1, window=self.window, minimum_rounds=self.minimum_rounds)
        if not 0 < self.threshold <= 1:
            raise ValueError(f"setting 'threshold' must lie above 0 and at most at 1, got {self.threshold}")

    @property
    def needs(self) -> frozenset[str]:
        """A stop set."""
        return frozenset({"stop_set"})

    def check(self, state: ReviewState) -> StopDecision:
        """Compare the predictions of the last rounds."""
        import numpy as np

        from docreview.metrics import cohen_kappa

        sets = [r.stop_set for r in state.history if r.stop_set is not None and not np.isnan(r.stop_set).any()]
        wanted = max(self.window + 1, self.minimum_rounds)
        evidence: dict[str, Scalar] = {"rounds": len(sets), "window": self.window, "threshold": self.threshold}
        if len(sets) < wanted:
            reason = f"Too early to see whether the model still changes: {len(sets)} of {wanted} rounds with a model."
            return StopDecision(False, reason, evidence)
        recent = [s.argmax(axis=1) for s in sets[-self.window - 1 :]]
        if len(np.unique(np.concatenate(recent))) < 2:
            reason = "The model gives one single label to the whole stop set, which says nothing about stability."
            return StopDecision(False, reason, evidence)
        kappa = float(np.mean([cohen_kappa(a, b) for a, b in pairwise(recent)]))
        evidence |= {"kappa": kappa, "stop_set": int(recent[0].size)}
        stop = kappa >= self.threshold
        reason = (
            f"Over the last {self.window} rounds the model's answers on {recent[0].size} fixed documents "
            f"{'have settled' if stop else 'still change'}: mean kappa {kappa:.3f}, "
            f"{'at least' if stop else 'below'} {self.threshold:g}."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class ConsecutiveMisses:
    """Stop after `n` documents in a row without the target, once at least one has been found.

    Widely used and without any guarantee: on a plateau it stops too early (Repke et al. 2025). Skipped documents
    neither count nor break the row; priors and locked samples are left out.
    """

    n: int = 50

    def __post_init__(self) -> None:
        _at_least(1, n=self.n)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Count the documents since the last hit."""
        import numpy as np

        target, name = _target(state, "consecutive-misses")
        counted = (state.rounds > 0) & (state.labels >= 0)
        for sample in state.samples:
            counted[sample.rows] = False
        read = state.reviewed[counted[state.reviewed]]
        hits = np.flatnonzero(state.labels[read] == target)
        misses = int(read.size - 1 - hits[-1]) if hits.size else int(read.size)
        evidence: dict[str, Scalar] = {"misses": misses, "wanted": self.n, "found": int(hits.size)}
        if not hits.size:
            reason = f"No document labeled '{name}' has been found yet in {misses} read."
            return StopDecision(False, reason, evidence)
        stop = misses >= self.n
        rest = "" if stop else f", of the {self.n} that would end the review"
        reason = f"{misses} documents in a row were not '{name}'{rest}."
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class PoolExhausted:
    """Stop once every document that may be asked about has been answered."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Look at the pool."""
        left = int(state.pool.size)
        if not left:
            return StopDecision(True, "Every document has been read.", {"left": 0})
        return StopDecision(
            False, f"{left} {'document is' if left == 1 else 'documents are'} left to read.", {"left": left}
        )


@dataclass(frozen=True)
class Never:
    """Leave the decision to the reviewer."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Say no."""
        return StopDecision(False, "No stopping rule is set: the reviewer decides.", {})


@dataclass(frozen=True)
class _Combined:
    stopping_rules: tuple[StoppingRule, ...]

    def __post_init__(self) -> None:
        _check_rules(self.stopping_rules)

    @property
    def needs(self) -> frozenset[str]:
        """All that any of the rules needs."""
        return frozenset().union(*(rule.needs for rule in self.stopping_rules))

    def _decisions(self, state: ReviewState) -> list[StopDecision]:
        return [decide(component_of(rule, "stopping_rules"), state) for rule in self.stopping_rules]


@dataclass(frozen=True)
class AnyRule(_Combined):
    """Stop once one of the rules says so."""

    def check(self, state: ReviewState) -> StopDecision:
        """Ask every rule; the reasons of those that say stop, or of all where none does."""
        decisions = self._decisions(state)
        told = [d for d in decisions if d.stop] or decisions
        return StopDecision(any(d.stop for d in decisions), " ".join(d.reason for d in told), _evidence(decisions))


@dataclass(frozen=True)
class AllRules(_Combined):
    """Stop once all of the rules say so."""

    def check(self, state: ReviewState) -> StopDecision:
        """Ask every rule; the reasons of those that do not say stop yet, or of all where every one does."""
        decisions = self._decisions(state)
        told = [d for d in decisions if not d.stop] or decisions
        return StopDecision(all(d.stop for d in decisions), " ".join(d.reason for d in told), _evidence(decisions))


def _check_rules(rules: object) -> None:
    if not isinstance(rules, tuple | list) or not all(hasattr(rule, "check") for rule in rules):
        raise ValueError(f"setting 'stopping_rules' must be a list of rules, each a name or a table, got {rules!r}")
    if not rules:
        raise ValueError("setting 'stopping_rules' must name at least one rule")


def _evidence(decisions: list[StopDecision]) -> dict[str, Scalar]:
    """Each rule's numbers under its place among the rules, from 1: ``"2.read"``."""
    return {f"{i}.{key}": value for i, d in enumerate(decisions, 1) for key, value in d.evidence.items()}


@hookimpl
def register_stopping_rules(register: Register) -> None:
    """Register docreview's own stopping rules."""
    register("budget", Budget)
    register("target-reached", TargetReached)
    register("diminishing-returns", DiminishingReturns)
    register("consecutive-misses", ConsecutiveMisses)
    register("pool-exhausted", PoolExhausted)
    register("never", Never)
    register("any", AnyRule)
    register("all", AllRules)
