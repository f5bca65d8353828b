"""What a random sample says about the whole, with its uncertainty."""

from __future__ import annotations

import math
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


def _check(hits: int, n: int, confidence: float) -> None:
    if not 0 <= hits <= n:
        raise ValueError(f"need 0 <= hits <= n, got {hits} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")


def wilson(hits: int, n: int, confidence: float = 0.95) -> Estimate:
    """Wilson (1927) score interval: right on average, also for small samples. NaN and (0, 1) where n is 0."""
    from scipy.stats import norm

    _check(hits, n, confidence)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, 0, confidence)
    z = float(norm.isf((1 - confidence) / 2))
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

    _check(hits, n, confidence)
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0, 0, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.isf(tail, hits + 1, n - hits))
    return Estimate(hits / n, low, high, hits, n, confidence)


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
