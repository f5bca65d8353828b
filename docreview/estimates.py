"""What a simple random sample says about a share or a total, with its uncertainty.

Clopper-Pearson and hypergeometric intervals never cover less than they say; Wilson's covers that much on average.
`docreview.survey_estimates` is for samples drawn with unequal chances, `docreview.recall_estimates` for recall, and
`docreview.corrected_estimates` for labels that are partly wrong. All assume that the labels given are right, unless
they say otherwise, and that one looks once: `docreview.certificates` has what may be looked at after each document.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docreview.types import ReviewState, Sample


@dataclass(frozen=True)
class Estimate:
    """A share estimated from `hits` of `n`, and the interval that holds the truth with probability `confidence`."""

    value: float
    low: float
    high: float
    hits: int
    n: int
    confidence: float = 0.95


@dataclass(frozen=True)
class Total:
    """How many documents of `population` there are of a kind, and an interval that holds the truth as `Estimate`'s."""

    value: float
    low: float
    high: float
    population: int
    confidence: float = 0.95


def check_counts(hits: int, n: int, confidence: float) -> None:
    """Raise `ValueError` for counts and levels that cannot be."""
    if not 0 <= hits <= n:
        raise ValueError(f"need 0 <= hits <= n, got {hits} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")


def normal_deviations(confidence: float) -> float:
    """How many standard deviations to either side of the mean hold `confidence` of a normal distribution."""
    from scipy.stats import norm

    check_counts(0, 0, confidence)
    return float(norm.isf((1 - confidence) / 2))


def within(share: float, spread: float) -> tuple[float, float]:
    """The interval of `spread` to either side of a share, cut off at 0 and 1."""
    return max(share - spread, 0.0), min(share + spread, 1.0)


def wilson(hits: int, n: int, confidence: float = 0.95) -> Estimate:
    """Wilson (1927) score interval: right on average, also for small samples. NaN and (0, 1) where n is 0."""
    check_counts(hits, n, confidence)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, 0, confidence)
    z = normal_deviations(confidence)
    p = hits / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # at the ends the bound is exactly 0 or 1; rounding must not say otherwise
    low = 0.0 if hits == 0 else max(center - half, 0.0)
    high = 1.0 if hits == n else min(center + half, 1.0)
    return Estimate(p, low, high, hits, n, confidence)


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> Estimate:
    """Clopper and Pearson (1934) interval: never covers less than it says, hence wider. NaN and (0, 1) where n is 0."""
    from scipy.stats import beta

    check_counts(hits, n, confidence)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, 0, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.isf(tail, hits + 1, n - hits))
    return Estimate(hits / n, low, high, hits, n, confidence)


def hypergeometric(hits: int, n: int, population: int, confidence: float = 0.95) -> Total:
    """Exact interval for how many of a `population` are hits, after `n` drawn at random without replacement.

    Those totals that neither of two tests at half the error refuses (Buonaccorsi 1987): as `clopper_pearson`, it never
    covers less than it says, and it is narrower where much of the population was drawn. The lower or the upper end
    alone errs at most half as often. NaN and everything possible where n is 0.
    """
    from scipy.stats import hypergeom

    check_counts(hits, n, confidence)
    if n > population:
        raise ValueError(f"cannot draw {n} of {population}")
    least, most, tail = hits, population - (n - hits), (1 - confidence) / 2
    if n == 0:
        return Total(math.nan, 0, population, population, confidence)
    # the smallest total under which so many hits, or more, are likely enough; then the largest for so many or fewer
    low = first(least, most, lambda total: hypergeom.sf(hits - 1, population, total, n) > tail)
    high = most - first(0, most - least, lambda less: hypergeom.cdf(hits, population, most - less, n) > tail)
    return Total(hits / n * population, low, high, population, confidence)


def first(low: int, high: int, true: Callable[[int], bool]) -> int:
    """The first whole number from `low` to `high` that makes a monotone test true; it is known to be so at `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if true(middle) else (middle + 1, high)
    return low


def richness(state: ReviewState, sample: Sample, label: int, confidence: float = 0.95) -> Estimate:
    """Share of the corpus that carries class `label`, from the answered rows of a random sample (Clopper-Pearson).

    Only a sample that was read in the order drawn may be half read: rows are drawn in random order, so its answered
    beginning is a random sample too. Rows answered out of that order, skips included, count up to the first open one.
    """
    import numpy as np

    answered = np.isin(sample.rows, state.reviewed)
    read = int(answered.argmin()) if not answered.all() else answered.size
    labels = state.labels[sample.rows[:read]]
    known = labels[labels >= 0]
    return clopper_pearson(int((known == label).sum()), int(known.size), confidence)
