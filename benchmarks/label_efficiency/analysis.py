"""What learning curves say: areas against random, labels needed, deficiency, wins, with intervals over the seeds.

A curve is an array of scores (seeds, budgets), one row a seed, beside `labels` (budgets,), ascending. Two arms that are
compared share their seeds, row by row: what is compared are differences within a seed. Intervals are percentiles of the
bootstrap over seeds (Efron 1979), both arms resampled together, taken so far out that they are as wide as a t interval
would be (Hesterberg 2015): plain percentiles of 5 seeds cover some 80 % instead of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.stats import norm, t, wilcoxon

Array = npt.NDArray[np.float64]

#: resamples of an interval; fewer where each resample is smoothed
RESAMPLES, SMOOTHED_RESAMPLES = 2000, 400
#: fewer seeds than these say nothing of how far the next would be: no interval goes beyond the seeds there are
SEEDS = 5


@dataclass(frozen=True)
class Estimate:
    """A value, and its interval of 95 %: NaN for fewer than five seeds. Infinite where a level is not reached."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Crossing:
    """How many labels an arm needs for what random choice has after `budget` labels, and how many random itself needs.

    `level` is the smoothed score of random there. `own` is at most `budget`: random's smoothed curve may be flat before
    it. `arm.value` is infinite where the arm never gets there, as are bounds of its interval.
    """

    budget: int
    level: float
    arm: Estimate
    own: Estimate

    @property
    def share(self) -> float:
        """Labels needed as a share of the budget; 1 where the level is not reached."""
        return min(self.arm.value / self.budget, 1.0)

    @property
    def reached(self) -> bool:
        """Whether the arm gets there within its labels."""
        return math.isfinite(self.arm.value)


def area(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Array:
    """Mean score over the labels (...,): the area under each curve (..., budgets) over its width, by trapezoids."""
    x, y = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if x.size == 1:
        return np.asarray(y[..., 0])
    return np.asarray(np.trapezoid(y, x, axis=-1) / (x[-1] - x[0]))


def smoothed(scores: npt.ArrayLike) -> Array:
    """The mean curve (budgets,) made to fall nowhere: isotonic regression, least squares (Barlow et al. 1972)."""
    values = np.atleast_2d(np.asarray(scores, np.float64)).mean(axis=0)
    return np.asarray(isotonic_regression(values).x)


def needed(labels: npt.ArrayLike, curve: npt.ArrayLike, level: float) -> float:
    """Labels at which a curve that falls nowhere reaches `level`, interpolated; infinite where it does not."""
    x, y = np.asarray(labels, np.float64), np.asarray(curve, np.float64)
    # a mean of floats that ought to be equal must not cost a batch
    there = np.flatnonzero(y >= level - 1e-12)
    if not there.size:
        return math.inf
    i = int(there[0])
    if i == 0:
        return float(x[0])
    rise = y[i] - y[i - 1]
    return float(x[i] if rise <= 0 else x[i - 1] + (x[i] - x[i - 1]) * min(1.0, (level - y[i - 1]) / rise))


def resamples(seeds: int, count: int = RESAMPLES) -> npt.NDArray[np.int64]:
    """Which seeds are in each resample (count, seeds): always the same, so that tables do not change by chance."""
    return np.random.default_rng(0).integers(0, seeds, (count, seeds))


def percentiles(seeds: int, freedom: int | None = None) -> list[float]:
    """The two percentiles of an interval of 95 % from so many seeds; `freedom`: degrees, where it is not seeds - 1."""
    width = float(t.ppf(0.975, freedom or seeds - 1)) * math.sqrt(seeds / (seeds - 1))
    tail = 100 * float(norm.cdf(-width))
    return [tail, 100 - tail]


def mean_interval(values: npt.ArrayLike) -> Estimate:
    """Mean of one value a seed (seeds,)."""
    x = np.asarray(values, np.float64)
    if x.size < SEEDS:
        return Estimate(float(x.mean()), math.nan, math.nan)
    low, high = np.percentile(x[resamples(x.size)].mean(axis=1), percentiles(x.size))
    return Estimate(float(x.mean()), float(low), float(high))


def mean_over(corpora: Sequence[npt.ArrayLike]) -> Estimate:
    """Mean over corpora of the mean over seeds; each corpus resampled by itself, the corpora being what they are."""
    values = [np.asarray(x, np.float64) for x in corpora]
    if min(x.size for x in values) < SEEDS:
        return Estimate(float(np.mean([x.mean() for x in values])), math.nan, math.nan)
    rng = np.random.default_rng(0)
    means = np.mean([x[rng.integers(0, x.size, (RESAMPLES, x.size))].mean(axis=1) for x in values], axis=0)
    low, high = np.percentile(means, percentiles(min(x.size for x in values), sum(x.size - 1 for x in values)))
    return Estimate(float(np.mean([x.mean() for x in values])), float(low), float(high))


def gains(labels: npt.ArrayLike, arm: npt.ArrayLike, random: npt.ArrayLike) -> Array:
    """Area of the arm minus that of random, for each seed (seeds,)."""
    return area(labels, arm) - area(labels, random)


def crossing(labels: npt.ArrayLike, arm: npt.ArrayLike, random: npt.ArrayLike, budget: int) -> Crossing:
    """Labels that the arm needs to reach random@`budget`; `budget` must be one of the labels."""
    x = np.asarray(labels, np.int64)
    a, r = np.asarray(arm, np.float64), np.asarray(random, np.float64)
    at = int(np.flatnonzero(x == budget)[0])

    def both(arm_rows: Array, random_rows: Array) -> tuple[float, float, float]:
        base = smoothed(random_rows)
        return base[at], needed(x, smoothed(arm_rows), base[at]), needed(x, base, base[at])

    level, value, own = both(a, r)
    if len(r) < SEEDS:
        return Crossing(budget, float(level), Estimate(value, math.nan, math.nan), Estimate(own, math.nan, math.nan))
    drawn = np.array([both(a[rows], r[rows])[1:] for rows in resamples(len(r), SMOOTHED_RESAMPLES)])
    # no interpolation: it would make infinity minus infinity of what is not reached
    low, high = np.percentile(drawn, percentiles(len(r)), axis=0, method="nearest")
    return Crossing(budget, float(level), Estimate(value, low[0], high[0]), Estimate(own, low[1], high[1]))


def deficiency(arm: npt.ArrayLike, random: npt.ArrayLike, full: float) -> float:
    """Sum of what the arm lacks to `full` over what random lacks: below 1 is better than random, 0 perfect.

    `full` is the score with every document of the pool labeled, or the best score there is where that is higher, so
    that nothing lacks less than nothing. Paper: Baram, El-Yaniv and Luz 2004, Online choice of active learning
    algorithms.
    """
    a, r = smoothed(arm), smoothed(random)
    top = max(full, float(a.max()), float(r.max()))
    lacking = float((top - r).sum())
    return float((top - a).sum()) / lacking if lacking > 0 else math.nan


@dataclass(frozen=True)
class Tally:
    """Over corpora: how many the arm wins and loses against random, how many of them surely, and Wilcoxon's p.

    "Surely" is where the interval over seeds leaves 0 out. `p` is two-sided (Wilcoxon 1945) on the corpora's mean
    differences; NaN for fewer than five corpora, where it could not be small, or where all differences are 0.
    """

    wins: int
    losses: int
    sure_wins: int
    sure_losses: int
    p: float


def tally(corpora: Sequence[npt.ArrayLike]) -> Tally:
    """Count wins and losses from the gains (seeds,) on each corpus."""
    found = [mean_interval(x) for x in corpora]
    means = np.array([e.value for e in found])
    p = math.nan
    if means.size >= 5 and np.any(means != 0):
        p = float(wilcoxon(means).pvalue)
    return Tally(
        int((means > 0).sum()),
        int((means < 0).sum()),
        sum(e.low > 0 for e in found),
        sum(e.high < 0 for e in found),
        p,
    )
