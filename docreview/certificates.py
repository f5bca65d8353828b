"""What may be said of recall while a review runs: the arithmetic behind the stopping rules that test or bound it.

`hits` is 0/1 in reading order, one a document; `recall` in (0, 1] is the target. Two of these stay valid however often
one looks (`confidence_sequence`, `reading_evidence`): their chance of ever saying something false is bounded. The rest
are for one look, at a time that does not depend on what was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from docreview.estimates import Total, check_counts, first

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hits = Sequence[int] | Sequence[bool] | npt.NDArray[Any]
    Counts = npt.NDArray[np.int64]


def least_missed(found: int, recall: float) -> int:
    """How many relevant documents are unfound, at least, where recall lies below the target.

    The smallest total that makes `found` too few, less `found`.
    """
    _share(recall=recall)
    # 57 / 0.95 is 60.00000000000001 or 59.99999999999999: a rounding error must not shift it
    return math.floor(found / recall + 1e-9) + 1 - found


def buscar(hits: Hits, unread: int, recall: float, found_before: int = 0, urn: float | None = None) -> float:
    """P value of the hypothesis that recall lies below the target (Callaghan and Müller-Hansen 2020).

    For an urn, the last s documents read with k hits: were as many missing as would make recall too low
    (`least_missed`), how likely would it be that a random s of the s + `unread` hold no more than k? As published, the
    smallest over all urns, which is not valid even for one look: it chooses among many tests. With `urn`, only that
    share of the documents read, the last ones: valid for one look where reading was no worse than random.
    `found_before` hits stand before any urn (priors).

    An urn between two hits is never the smallest: with k and what is missing unchanged, a longer one says more.
    """
    import numpy as np
    from scipy.stats import hypergeom

    read = _hits(hits)
    missed = least_missed(found_before + int(read.sum()), recall)
    if missed > unread:  # so many are not there to be missed
        return 0.0
    if urn is None:
        starts = np.concatenate([[0], np.flatnonzero(read) + 1])
    else:
        _share(urn=urn)
        starts = np.array([read.size - math.ceil(urn * read.size)])
    starts = starts[starts < read.size]
    if not starts.size:
        return 1.0
    inside = read.sum() - np.concatenate([[0], read.cumsum()])[starts]
    drawn = read.size - starts
    return float(hypergeom.sf(missed - 1, drawn + unread, missed + inside, unread).min())


def reading_evidence(hits: Hits, unread: int, recall: float, found_before: int = 0, starts: int = 20) -> float:
    """Evidence (an e-value) against recall below the target; 1 / alpha or more is proof at level alpha, at any time.

    Valid however often one looks, if at each document read, given all before, the chance that it is a hit was no
    smaller than the share of hits among the documents unread then, and no documents or labels came from elsewhere
    since the reading began (they would move the places). The test behind `buscar` with its two choices, of
    the moment and of the urn, paid for: from each of `starts` equally spaced places of the collection on, a likelihood
    ratio of "k are left" for all k below what too low a recall would need, weighted 1 / ((k + 1) (k + 2)), against just
    that many. Each is a supermartingale under the hypothesis, hence their mean, and Ville's inequality (1939) bounds
    the chance that it ever reaches 1 / alpha. A start where still more relevant documents would explain better what
    was read counts as 0, so that the mean bounds that of every lower recall too.

    Built from Waudby-Smith and Ramdas 2020, Confidence sequences for sampling without replacement.
    """
    import numpy as np
    from scipy.special import gammaln, logsumexp

    read = _hits(hits)
    if starts < 1:
        raise ValueError(f"starts must be at least 1, got {starts}")
    missed = least_missed(found_before + int(read.sum()), recall)
    if missed > unread:
        return math.inf
    population = read.size + unread
    begin = np.unique(np.arange(starts) * population // starts)
    weight = 1 / begin.size
    begin = begin[begin < read.size]
    inside = read.sum() - np.concatenate([[0], read.cumsum()])[begin]
    left = population - begin

    def likelihood(total: Counts, hits_: Counts, of: Counts) -> npt.NDArray[np.float64]:
        """Log chance of one order of `hits_` among the documents read, where `total` of the `of` are hits."""
        rest = total - hits_
        outcomes = gammaln(unread + 1) - gammaln(rest + 1) - gammaln(unread - rest + 1)
        return np.asarray(outcomes - gammaln(of + 1) + gammaln(total + 1) + gammaln(of - total + 1))

    total = inside + missed
    null = likelihood(total, inside, left)
    # still more relevant documents would be no likelier (a tie must not depend on rounding)
    falling = likelihood(np.minimum(total + 1, inside + unread), inside, left) <= null + 1e-9
    if not falling.any():
        return 0.0
    inside, left, null = inside[falling], left[falling], null[falling]
    fewer = inside[:, None] + np.arange(missed)
    prior = -np.log(fewer + 1) - np.log(fewer + 2)
    ratios = logsumexp(prior + likelihood(fewer, inside[:, None], left[:, None]), axis=1) - null
    return float(weight * np.exp(np.minimum(ratios, 600)).sum())


def sample_hits_needed(positives: int, recall: float, confidence: float = 0.95) -> int | None:
    """How many of a random sample of `positives` a review must have come by before it may stop (QBCB).

    The least j with ``P(Binomial(positives, recall) < j) >= confidence``: a review that stops when it comes to the
    j-th misses the target recall with at most the probability left. None where even all of them would not do. Lewis,
    Yang and Frieder 2021, Certifying one-phase technology-assisted reviews.
    """
    from scipy.stats import binom

    _share(recall=recall, confidence=confidence)
    if positives < 0:
        raise ValueError(f"positives must be at least 0, got {positives}")
    # the quantile q is the least with P(X <= q) >= confidence
    needed = int(binom.ppf(confidence, positives, recall)) + 1
    return needed if needed <= positives else None


def confidence_sequence(
    hits: int, n: int, population: int, confidence: float = 0.95, prior: tuple[float, float] = (0.1, 1.0)
) -> Total:
    """Interval for how many of a `population` are hits after n random draws without replacement, valid at every n.

    With probability `confidence` all the intervals, after each draw, hold the truth: one may look after every document
    and stop when one likes. Totals whose prior probability is ``1 / (1 - confidence)`` times the posterior are out; the
    beta-binomial `prior` changes how wide it is and never whether it is valid; the default suits rare hits.
    The value is NaN where n is 0.

    Paper: Waudby-Smith and Ramdas 2020, Confidence sequences for sampling without replacement, theorem 2.1.
    """
    from scipy.special import betaln

    check_counts(hits, n, confidence)
    a, b = prior
    if n > population or not min(a, b) > 0:
        raise ValueError(f"cannot draw {n} of {population}, or prior {prior} is not positive")
    # prior / posterior of a total is the marginal chance of what was drawn over its chance under that total
    marginal = betaln(a + hits, b + n - hits) - betaln(a, b)

    def possible(total: int) -> bool:
        chance = _ordered(hits, n, total, population)
        return bool(marginal - chance < -math.log1p(-confidence))

    least, most = hits, population - (n - hits)
    # the likeliest total is always possible, and totals are the less likely the farther from it
    mode = min(max(math.floor(hits * (population + 1) / n), least), most) if n else least
    low = first(least, mode, possible)
    high = most - first(0, most - mode, lambda less: possible(most - less))
    return Total(hits / n * population if n else math.nan, low, high, population, confidence)


def _ordered(hits: int, n: int, total: int, population: int) -> float:
    """Log chance of drawing just that order of hits and misses."""

    def choose(m: int, k: int) -> float:
        return math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1)

    return choose(population - n, total - hits) - choose(population, total)


def _hits(hits: Hits) -> Counts:
    import numpy as np

    read = np.asarray(hits, dtype=np.int64)
    if read.ndim != 1 or not np.isin(read, (0, 1)).all():
        raise ValueError("hits must be a sequence of 0 and 1 in reading order")
    return read


def _share(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 < value <= 1:
            raise ValueError(f"{name} must lie above 0 and at most at 1, got {value}")
