"""What a review has cost, and what reading on to the end would: from recorded reading times. Pure functions.

Times are of answers: a document that two people read counts twice. An answer without a time is taken to have lasted as
long as its reviewer's others; intervals are normal predictions for a sum, about right from some 30 times on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from docreview.estimates import normal_deviations

#: the rate of reviewers who have none of their own
EVERYONE = ""


@dataclass(frozen=True)
class Amount:
    """Hours or money, and an interval that holds them with probability `confidence`."""

    value: float
    low: float
    high: float
    confidence: float = 0.95

    def times(self, factor: float) -> Amount:
        """The same in another unit."""
        return Amount(self.value * factor, self.low * factor, self.high * factor, self.confidence)


@dataclass(frozen=True)
class ReviewerCost:
    """What one reviewer's answers took; `timed` of them have a time. None where no time or no rate is known."""

    reviewer: str
    answers: int
    timed: int
    hours: Amount | None
    money: Amount | None


@dataclass(frozen=True)
class Cost:
    """What was spent, and what is saved where reading ends now instead of with the last document (linear review)."""

    reviewers: tuple[ReviewerCost, ...]
    hours: Amount
    money: Amount | None
    hours_saved: Amount
    money_saved: Amount | None


def sum_of_times(times: Sequence[float], more: int, confidence: float = 0.95) -> Amount | None:
    """Seconds that `more` answers take, by those of `times`; None where there are too few to tell: none, or one.

    Mean times `more`, with the spread of a sum of new ones and that of the mean: ``s * sqrt(more + more**2 / k)``.
    """
    if not more:
        return Amount(0.0, 0.0, 0.0, confidence)
    k = len(times)
    if k < 2:
        return None
    mean = math.fsum(times) / k
    deviation = math.sqrt(math.fsum((t - mean) ** 2 for t in times) / (k - 1))
    spread = normal_deviations(confidence) * deviation * math.sqrt(more + more**2 / k)
    return Amount(more * mean, max(more * mean - spread, 0.0), more * mean + spread, confidence)


def cost_of(
    answers: Iterable[tuple[str, float | None]],
    read: int,
    unread: int,
    rates: Mapping[str, float] | None = None,
    confidence: float = 0.95,
) -> Cost | None:
    """Add up `answers` (reviewer, seconds or None) of `read` documents; None where fewer than two have a time.

    What is saved are the `unread` documents, at the pace of all answers and as many answers a document as so far.
    `rates` are prices of an hour by reviewer, that of everybody else under `EVERYONE`. There is money only where every
    reviewer has a rate; what is saved is priced at the mean rate of the hours so far.
    """
    rates = rates or {}
    times: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for reviewer, seconds in answers:
        counts[reviewer] = counts.get(reviewer, 0) + 1
        given = times.setdefault(reviewer, [])
        if seconds is not None:
            given.append(seconds)
    pooled = [t for given in times.values() for t in given]
    if len(pooled) < 2:
        return None
    lines = []
    for reviewer in sorted(counts):
        given = times[reviewer]
        # who never was timed is taken for one of the others
        missing = sum_of_times(given if len(given) > 1 else pooled, counts[reviewer] - len(given), confidence)
        assert missing is not None, "two times are known"
        done = math.fsum(given)
        hours = Amount(done + missing.value, done + missing.low, done + missing.high, confidence).times(1 / 3600)
        rate = rates.get(reviewer, rates.get(EVERYONE))
        money = None if rate is None else hours.times(rate)
        lines.append(ReviewerCost(reviewer, counts[reviewer], len(given), hours, money))
    total = _sum([line.hours for line in lines], confidence)
    money = _sum([line.money for line in lines], confidence)
    assert total is not None, "each reviewer's are known"
    saved = sum_of_times(pooled, round(unread * sum(counts.values()) / read) if read else unread, confidence)
    assert saved is not None, "two times are known"
    price = None if money is None or not total.value else money.value / total.value
    saved = saved.times(1 / 3600)
    return Cost(tuple(lines), total, money, saved, None if price is None else saved.times(price))


def _sum(amounts: Sequence[Amount | None], confidence: float) -> Amount | None:
    """The sum of independent amounts: spreads add up in squares. None where one is not known."""
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return None
    value = math.fsum(a.value for a in known)
    low = math.sqrt(math.fsum((a.value - a.low) ** 2 for a in known))
    high = math.sqrt(math.fsum((a.high - a.value) ** 2 for a in known))
    return Amount(value, value - low, value + high, confidence)
