"""Stopping rules that ask about the model: is it right, sure, settled? None can say what it does not know of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from docreview.stopping_rules.common import a_share, at_least, target_of
from docreview.types import VALIDATION, StopDecision

if TYPE_CHECKING:
    from docreview.types import Ints, ReviewState, Scalar


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
            target_of(state, "target-reached")
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


def _recent(state: ReviewState, window: int, minimum_rounds: int) -> tuple[list[Ints], int, int]:
    """Predictions on the stop set in the last `window` + 1 rounds with a model; how many such there are, and must be.

    No predictions where there are too few rounds.
    """
    import numpy as np

    sets = [r.stop_set for r in state.history if r.stop_set is not None and not np.isnan(r.stop_set).any()]
    wanted = max(window + 1, minimum_rounds)
    return [s.argmax(axis=1) for s in sets[-window - 1 :]] if len(sets) >= wanted else [], len(sets), wanted


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
        at_least(1, window=self.window, minimum_rounds=self.minimum_rounds)
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

        recent, rounds, wanted = _recent(state, self.window, self.minimum_rounds)
        evidence: dict[str, Scalar] = {"rounds": rounds, "window": self.window, "threshold": self.threshold}
        if not recent:
            reason = f"Too early to see whether the model still changes: {rounds} of {wanted} rounds with a model."
            return StopDecision(False, reason, evidence)
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
class OverallUncertainty:
    """Stop once the model is sure of the documents nobody has read: mean entropy at most `threshold`.

    Entropy is that of the predicted probabilities, over its largest value: 0 is certain, 1 is as good as a guess. Sure
    is not the same as right; a model of a rare target is sure from the first day on, and stops a review at once. No
    guarantee.

    Paper: Zhu et al. 2010, Confidence-based stopping criteria for active learning for data annotation.
    """

    threshold: float = 0.05
    minimum_rounds: int = 5

    def __post_init__(self) -> None:
        at_least(1, minimum_rounds=self.minimum_rounds)
        a_share(threshold=self.threshold)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Take the mean entropy over the pool."""
        import numpy as np

        rounds = len(state.history)
        evidence: dict[str, Scalar] = {"rounds": rounds, "threshold": self.threshold}
        if rounds < self.minimum_rounds:
            return StopDecision(False, f"Too early to stop: {rounds} of {self.minimum_rounds} rounds.", evidence)
        if not state.trainable:
            return StopDecision(False, "There is no model yet whose doubt could be measured.", evidence)
        pool = state.pool
        if not pool.size:
            return StopDecision(True, "There is no document left to be uncertain about.", evidence)
        p = state.probabilities[pool].astype(np.float64)
        entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1) / np.log(p.shape[1])
        mean = float(entropy.mean())
        evidence |= {"entropy": mean, "unread": int(pool.size)}
        stop = mean <= self.threshold
        reason = (
            f"Over the {pool.size} unread documents the model's uncertainty is {mean:.3f} on average (1 is a guess), "
            f"{'at most' if stop else 'above'} {self.threshold:g}."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class ChangeInF:
    """Stop once further labels hardly change the F measure that the model would have (Altschuler and Bloodgood 2019).

    Between successive rounds, on the stop set, the change is taken to be ``1 - 2a / (2a + b + c)``: a documents that
    both models call the target, b and c that only one does; without a target, its mean over the labels called at
    least once. The largest over the last `window` pairs of rounds must be at most `threshold`. It needs no labels, and
    says nothing about how high F is. No guarantee.

    Paper: Altschuler and Bloodgood 2019, Stopping active learning based on predicted change of F measure.
    """

    window: int = 3
    threshold: float = 0.05
    minimum_rounds: int = 5

    def __post_init__(self) -> None:
        at_least(1, window=self.window, minimum_rounds=self.minimum_rounds)
        a_share(threshold=self.threshold)

    @property
    def needs(self) -> frozenset[str]:
        """A stop set."""
        return frozenset({"stop_set"})

    def check(self, state: ReviewState) -> StopDecision:
        """Compare the predictions of the last rounds."""
        import numpy as np

        recent, rounds, wanted = _recent(state, self.window, self.minimum_rounds)
        evidence: dict[str, Scalar] = {"rounds": rounds, "window": self.window, "threshold": self.threshold}
        if not recent:
            reason = f"Too early to see whether the model still changes: {rounds} of {wanted} rounds with a model."
            return StopDecision(False, reason, evidence)
        target = state.question.target_index
        labels = np.unique(np.concatenate(recent)) if target is None else np.array([target])
        changes = [_change_in_f(a, b, labels) for a, b in pairwise(recent)]
        if any(np.isnan(changes)):
            reason = f"The model calls no document of the stop set '{state.question.target}', so F is not defined."
            return StopDecision(False, reason, evidence)
        change = max(changes)
        evidence |= {"change": change, "stop_set": int(recent[0].size)}
        stop = change <= self.threshold
        reason = (
            f"Over the last {self.window} rounds the model's answers on {recent[0].size} fixed documents would change "
            f"F by {change:.3f} at most, {'no more' if stop else 'more'} than {self.threshold:g}."
        )
        return StopDecision(stop, reason, evidence)


def _change_in_f(a: Ints, b: Ints, labels: Ints) -> float:
    """Mean over the `labels` of ``1 - 2 both / (in a + in b)``; NaN where neither ever gives any of them."""
    import numpy as np

    both = np.array([((a == label) & (b == label)).sum() for label in labels])
    called = np.array([(a == label).sum() + (b == label).sum() for label in labels])
    there = called > 0
    return float((1 - 2 * both[there] / called[there]).mean()) if there.any() else float("nan")


@dataclass(frozen=True)
class Quant:
    """Stop once the recall that the model itself expects, less its uncertainty, reaches `recall`.

    Expected recall is the sum of the target's probabilities over the labeled documents, over the sum over all of them;
    its standard deviation takes documents for independent (delta method), and `deviations` of it are taken off: 2 is
    the rule called QuantCI, 0 plain Quant. As sound as the probabilities: those of a model that is blind to a part of
    the target call that part irrelevant, and the review stops without it. No guarantee, though an interval.

    Paper: Yang, Lewis and Frieder 2021, Heuristic stopping rules for technology-assisted review.
    """

    recall: float = 0.95
    deviations: float = 2.0

    def __post_init__(self) -> None:
        a_share(recall=self.recall)
        at_least(0, deviations=self.deviations)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Sum the probabilities."""
        import numpy as np

        target, name = target_of(state, "quant")
        evidence: dict[str, Scalar] = {"recall": self.recall, "deviations": self.deviations}
        if not state.trainable:
            return StopDecision(False, "There is no model yet that could expect a recall.", evidence)
        p = state.probabilities[:, target].astype(np.float64)
        known = state.labels >= 0
        in_known, total = float(p[known].sum()), float(p.sum())
        if not total:
            return StopDecision(False, f"The model expects no document of '{name}' anywhere.", evidence)
        spread = p * (1 - p)
        of_all, of_known = float(spread.sum()), float(spread[known].sum())
        deviation = float(np.sqrt(in_known**2 / total**4 * of_all + of_known / total**2))
        value = in_known / total
        bound = value - self.deviations * deviation
        evidence |= {"expected": value, "low": bound, "high": min(value + self.deviations * deviation, 1.0)}
        stop = bound >= self.recall
        reason = (
            f"The model expects a recall of {value:.3f}, with its doubt at least {max(bound, 0):.3f}, "
            f"{'no less' if stop else 'less'} than the {self.recall:g} asked for."
        )
        return StopDecision(stop, reason, evidence)
