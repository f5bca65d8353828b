"""Shares and totals from samples that were not drawn with equal chances: by recorded probabilities, or by strata."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.estimates import Estimate, Total, hypergeometric, normal_deviations, within

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = Sequence[float] | npt.NDArray[Any]


def horvitz_thompson(
    values: Numbers, probabilities: Numbers, population: int | None = None, confidence: float = 0.95
) -> Total:
    """Total of `values` in the population, each weighted by one over the probability with which it was drawn.

    Horvitz and Thompson (1952). Unbiased whatever the probabilities, if no document had probability 0; the variance
    ``sum((1 - p) / p**2 * value**2)`` is unbiased where each was drawn by itself, and too large as a rule where their
    number was fixed. The interval is normal: for a few hits, or a few tiny probabilities, it covers less than it says.
    It is cut off at what is certain: the documents drawn, and, with `population`, those left (values of 0 or 1).
    """
    import numpy as np

    v, p = _drawn(values, probabilities)
    total, spread = float((v / p).sum()), normal_deviations(confidence) * math.sqrt(((1 - p) / p**2 * v**2).sum())
    if population is None:
        return Total(total, total - spread, total + spread, v.size, confidence)
    if not np.isin(v, (0, 1)).all() or v.size > population:
        raise ValueError(f"values of a count must be 0 or 1, and at most {population} of them")
    seen, left = float(v.sum()), float(population - v.size)
    return Total(
        total, min(max(total - spread, seen), seen + left), min(total + spread, seen + left), population, confidence
    )


def hajek(values: Numbers, probabilities: Numbers, confidence: float = 0.95) -> Estimate:
    """Share (mean of `values` in 0 to 1), weighted as in `horvitz_thompson` but over the sum of the weights.

    Hajek (1971): a little biased in small samples, and far steadier where the number drawn or the weights vary. The
    variance is linearized, ``sum((1 - p) / p**2 * (value - share)**2) / sum(1 / p)**2``, and the interval normal: it
    is no interval where every value is the same. NaN and (0, 1) where nothing was drawn.
    """
    v, p = _drawn(values, probabilities)
    z = normal_deviations(confidence)
    if not v.size:
        return Estimate(math.nan, 0.0, 1.0, 0, 0, confidence)
    if v.min() < 0 or v.max() > 1:
        raise ValueError("values of a share must lie in [0, 1]")
    weight = (1 / p).sum()
    share = float((v / p).sum() / weight)
    spread = z * math.sqrt(((1 - p) / p**2 * (v - share) ** 2).sum()) / weight
    return Estimate(share, *within(share, spread), int((v > 0).sum()), v.size, confidence)


@dataclass(frozen=True)
class Stratum:
    """A part of the collection: `hits` among `n` documents drawn at random of its `population`."""

    population: int
    n: int
    hits: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.n <= self.population:
            raise ValueError(f"need 0 <= hits <= n <= population, got {self.hits}, {self.n} and {self.population}")


def stratified(strata: Sequence[Stratum], confidence: float = 0.95) -> Estimate:
    """Share of hits in the whole collection from a sample of each part (Cochran 1977, section 5.6), normal interval.

    Right where each part has many hits and misses; a part whose sample has none of either adds no variance, so that
    the interval is too narrow: `stratified_exact` has no such fault. Needs two documents of each part not read whole.
    """
    total = sum(s.population for s in strata)
    if not total or any(s.n < min(2, s.population) for s in strata):
        raise ValueError("each stratum needs at least two documents drawn, or all it has")
    share = variance = 0.0
    for s in (s for s in strata if s.population):
        p, weight = s.hits / s.n, s.population / total
        share += weight * p
        if s.n < s.population:
            variance += weight**2 * (1 - s.n / s.population) * p * (1 - p) / (s.n - 1)
    low, high = within(share, normal_deviations(confidence) * math.sqrt(variance))
    return Estimate(share, low, high, sum(s.hits for s in strata), sum(s.n for s in strata), confidence)


def stratified_exact(strata: Sequence[Stratum], confidence: float = 0.95) -> Total:
    """Number of hits in the whole collection; the interval never covers less than it says.

    The sum of `docreview.estimates.hypergeometric` of the parts, the error shared among those not read whole
    (Bonferroni): wider than need be where there are many parts. The value is NaN where a part has no sample.
    """
    sampled = sum(s.n < s.population for s in strata)
    each = 1 - (1 - confidence) / max(sampled, 1)
    parts = [hypergeometric(s.hits, s.n, s.population, each) for s in strata if s.population]
    return Total(
        sum(part.value for part in parts),
        sum(part.low for part in parts),
        sum(part.high for part in parts),
        sum(s.population for s in strata),
        confidence,
    )


def neyman(populations: Sequence[int], shares: Sequence[float], n: int, least: int = 2) -> list[int]:
    """How many of `n` documents to draw of each stratum so that the variance of the total is least (Neyman 1934).

    For the `shares` of hits one expects; at least `least`, at most all of each. In whole numbers, and exactly the best
    (Wright 2012): each further document goes to the stratum with the highest ``population * deviation /
    sqrt(k * (k + 1))`` after k. Where no share says anything (all 0 or 1), in proportion to the populations.
    """
    if len(populations) != len(shares) or min(populations, default=0) < 0 or not all(0 <= p <= 1 for p in shares):
        raise ValueError("needs one population of 0 or more and one share in [0, 1] for each stratum")
    counts = [min(size, max(least, 1)) for size in populations]
    if not sum(counts) <= n <= sum(populations):
        raise ValueError(f"n must lie between {sum(counts)} and {sum(populations)}, got {n}")
    deviations = [math.sqrt(p * (1 - p)) for p in shares]
    if not any(deviations):
        deviations = [1.0] * len(shares)

    def priority(i: int) -> tuple[float, int]:
        return -populations[i] * deviations[i] / math.sqrt(counts[i] * (counts[i] + 1)), i

    queue = [priority(i) for i, size in enumerate(populations) if counts[i] < size]
    heapq.heapify(queue)
    for _ in range(n - sum(counts)):
        _, i = heapq.heappop(queue)
        counts[i] += 1
        if counts[i] < populations[i]:
            heapq.heappush(queue, priority(i))
    return counts


def _drawn(values: Numbers, probabilities: Numbers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import numpy as np

    v, p = np.asarray(values, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if v.shape != p.shape or v.ndim != 1 or not np.isfinite(v).all():
        raise ValueError("needs one finite value and one probability for each document drawn")
    if not ((p > 0) & (p <= 1)).all():
        raise ValueError("probabilities must lie in (0, 1]: nothing can be said for documents that were never drawn")
    return v, p
