"""Stopping rules that look at the labels in the order in which they were given, and at nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from docreview.stopping_rules.common import a_share, at_least, hits_in_order, target_of
from docreview.types import StopDecision

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import ReviewState, Scalar


@dataclass(frozen=True)
class ConsecutiveMisses:
    """Stop after `n` documents in a row without the target, once at least one has been found.

    Widely used and without any guarantee: on a plateau it stops too early (Repke et al. 2025). Skipped documents
    neither count nor break the row; priors and locked samples are left out.
    """

    n: int = 50

    def __post_init__(self) -> None:
        at_least(1, n=self.n)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Count the documents since the last hit."""
        import numpy as np

        target, name = target_of(state, "consecutive-misses")
        read = hits_in_order(state, target)
        hits = np.flatnonzero(read)
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
class Knee:
    """Stop once relevant documents have become far rarer than before the bend of the recall curve.

    The bend is the rank i that lies farthest above the line from the first document read to the last, s; the ratio is
    that of hits a document before it and after it (one hit added there). Stops where the ratio is at least 156 less
    the number found, and at least `ratio`. Measured on many collections, and without any guarantee: a second topic,
    unlike the first, lies behind a bend too. Asked at each round, with the batch sizes of the review.

    Paper: Cormack and Grossman 2016, Engineering quality and reliability in technology-assisted review.
    """

    ratio: float = 6.0
    minimum_read: int = 1

    def __post_init__(self) -> None:
        at_least(1, ratio=self.ratio, minimum_read=self.minimum_read)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Find the bend, and compare the hits before and after it."""
        import numpy as np

        target, name = target_of(state, "knee")
        read = hits_in_order(state, target)
        s, found = int(read.size), int(read.sum())
        evidence: dict[str, Scalar] = {"read": s, "found": found}
        if s < max(self.minimum_read, 2) or not found:
            reason = f"Too early to look for a bend: {s} documents read and {found} of '{name}' found."
            return StopDecision(False, reason, evidence)
        gain = read.cumsum()[:-1]
        rank = np.arange(1, s)
        bend = int((gain * s - rank * found).argmax())
        i, before = bend + 1, int(gain[bend])
        ratio = (before / i) / ((1 + found - before) / (s - i))
        wanted = max(156.0 - found, self.ratio)
        stop = ratio >= wanted
        evidence |= {"bend": i, "ratio": ratio, "wanted": wanted}
        reason = (
            f"Documents of '{name}' were {ratio:.1f} times as frequent up to document {i} as in the {s - i} since, "
            f"{'at least' if stop else 'less than'} the {wanted:g} times asked for."
        )
        return StopDecision(stop, reason, evidence)


@dataclass(frozen=True)
class Buscar:
    """Stop once the hypothesis that recall lies below `recall` is refused at level `alpha`, by what was read last.

    The hypothesis: among the documents read last and all unread ones, relevant ones are as many as too low a recall
    needs, and those read last were drawn at random. Its smallest p value over all choices of "last" is compared.

    No guarantee: as published it chooses the best of many tests, and is asked again each round. Where what is left is
    read in an order no better than random it stops too early more often than `alpha` says: in simulations in 18 % of
    reviews instead of 5 % for a recall of 0.8, in 7 to 12 % for 0.95; where the ranking stays good, hardly ever.
    `urn` fixes the choice: that share of the documents read, the last ones. Then it is valid for one look, and in
    `alpha-spending` for many, where each document read was at least as likely to be relevant as those unread. Skipped
    documents and those set aside count as unread; priors and samples as read before all others.

    Paper: Callaghan and Müller-Hansen 2020, Statistical stopping criteria for automated screening.
    """

    recall: float = 0.95
    alpha: float = 0.05
    urn: float | None = None

    def __post_init__(self) -> None:
        a_share(recall=self.recall)
        a_share(below_one=True, alpha=self.alpha)
        if self.urn is not None:
            a_share(urn=self.urn)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def at_level(self, alpha: float) -> Buscar:
        """The same rule at another level."""
        return replace(self, alpha=alpha)

    def check(self, state: ReviewState) -> StopDecision:
        """Compute the p value."""
        from docreview.certificates import buscar

        target, name = target_of(state, "buscar")
        read, unread, before = _reading(state, target)
        p = buscar(read, unread, self.recall, before, self.urn)
        return _tested(p, self.alpha, self.recall, name, read, unread, before)


@dataclass(frozen=True)
class SequentialBuscar:
    """Stop once a test of "recall lies below `recall`" that may be asked at any time refuses it at level `alpha`.

    The question of `buscar`, with the many looks and the many urns paid for by a supermartingale: it starts anew at
    each of `starts` equally spaced places of the collection and takes the mean.

    Guarantee: the chance that it ever stops below `recall` is at most `alpha`, on one condition: at each document
    read, the chance that it was relevant, given all before, was no smaller than the share among those then unread
    (reading no worse than random: relevance ranking and random choice, not a strategy that seeks doubt or variety).
    No condition on the model otherwise. It reads more than `buscar`. Skipped documents count as unread.

    Paper: Waudby-Smith and Ramdas 2020, Confidence sequences for sampling without replacement.
    Paper: Callaghan and Müller-Hansen 2020, Statistical stopping criteria for automated screening.
    """

    recall: float = 0.95
    alpha: float = 0.05
    starts: int = 20

    def __post_init__(self) -> None:
        a_share(recall=self.recall)
        a_share(below_one=True, alpha=self.alpha)
        at_least(1, starts=self.starts)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Compute the evidence."""
        from docreview.certificates import reading_evidence

        target, name = target_of(state, "sequential-buscar")
        read, unread, before = _reading(state, target)
        evidence = reading_evidence(read, unread, self.recall, before, self.starts)
        p = min(1.0, 1 / evidence) if evidence else 1.0
        return _tested(p, self.alpha, self.recall, name, read, unread, before)


def _reading(state: ReviewState, target: int) -> tuple[npt.NDArray[np.int64], int, int]:
    """Hits in the order read; how many documents have no label; and how many hits priors and samples brought."""
    read = hits_in_order(state, target)
    unread = state.n - int((state.labels >= 0).sum())
    return read, unread, int((state.labels == target).sum() - read.sum())


def _tested(
    p: float, alpha: float, recall: float, name: str, read: npt.NDArray[np.int64], unread: int, before: int
) -> StopDecision:
    found = before + int(read.sum())
    evidence: dict[str, Scalar] = {"p": p, "alpha": alpha, "recall": recall}
    evidence |= {"found": found, "read": int(read.size), "unread": unread}
    stop = p < alpha
    reason = (
        f"Were the {found} documents of '{name}' found less than {recall:.4g} of all, so few hits among those read "
        f"last would be {'unlikely' if stop else 'likely enough'}: p {p:.3g}, "
        f"{'below' if stop else 'not below'} {alpha:.3g}."
    )
    return StopDecision(stop, reason, evidence)
