"""How large a random sample must be, and what one of a given size can say. Exact; all for one look, unless said."""

from __future__ import annotations

import math

from docreview.certificates import least_missed, sample_hits_needed
from docreview.estimates import check_counts, clopper_pearson, first, hypergeometric


def error_of_look(confidence: float, look: int) -> float:
    """The chance that the upper end of a missed share may be wrong at the `look`-th sample, from 1.

    ``(1 - confidence) / (look * (look + 1))``: over all looks there ever are, these add up to ``1 - confidence``, so
    that the lower ends of recall hold together however many samples are drawn (union bound; Lan and DeMets 1983 spend
    error so). The first look's interval, both ends together, errs with ``1 - confidence``, as if it were the only one.
    """
    check_counts(0, 0, confidence)
    if look < 1:
        raise ValueError(f"looks are counted from 1, got {look}")
    return (1 - confidence) / (look * (look + 1))


def elusion_sample(found: int, pile: int, recall: float, error: float = 0.05) -> int:
    """Documents to draw of the unread `pile` so that, where none is relevant, recall is at least `recall`.

    `found` relevant documents are known. The least n with which a pile that holds as many as too low a recall needs
    (`least_missed`) yields none with probability at most `error`: Hypergeometric(0; pile, missed, n). 0 where the pile
    could not hold so many.
    """
    missed = least_missed(found, recall)
    if missed > pile:
        return 0
    return first(1, pile, lambda n: chance_of_none(missed, n, pile) <= error)


def chance_of_none(missed: int, n: int, pile: int) -> float:
    """The chance that `n` drawn at random of a `pile` hold none of the `missed` relevant ones."""
    from scipy.stats import hypergeom

    if not (0 <= n <= pile and 0 <= missed <= pile):
        raise ValueError(f"cannot draw {n} of {pile}, or {missed} of them are missed")
    return float(hypergeom.pmf(0, pile, missed, n))


def recall_certified(found: int, hits: int, n: int, pile: int, error: float = 0.05) -> float:
    """The recall that a sample of `n` of the unread `pile` with `hits` relevant ones certifies, those counted as found.

    One-sided: where recall is lower, a sample says so much with probability at most `error`
    (`docreview.estimates.hypergeometric`). 1 where there can be nothing.
    """
    high = int(hypergeometric(hits, n, pile, 1 - 2 * error).high) if n else pile
    total = found + high
    return (found + hits) / total if total else 1.0


def sample_for_margin(share: float, margin: float, population: int | None = None, confidence: float = 0.95) -> int:
    """Documents to draw so that a share of about `share` is known to plus or minus `margin`.

    The least n whose exact interval at the hits to be expected is no wider than twice `margin`: Clopper-Pearson, or
    hypergeometric where the `population` is finite (all of it, at most).
    """
    check_counts(0, 0, confidence)
    if not 0 <= share <= 1 or not 0 < margin < 1:
        raise ValueError(f"need a share in [0, 1] and a margin in (0, 1), got {share} and {margin}")

    def narrow(n: int) -> bool:
        hits = round(share * n)
        if population is None:
            interval = clopper_pearson(hits, n, confidence)
            return interval.high - interval.low <= 2 * margin
        total = hypergeometric(hits, n, population, confidence)
        return total.high - total.low <= 2 * margin * population

    most = population
    if most is None:
        most = 1
        while not narrow(most):
            most *= 2
    return first(min(1, most), most, narrow)


def positives_for_qbcb(recall: float, confidence: float = 0.95) -> int:
    """Relevant documents that a validation sample must hold at least, for `qbcb` to be able to certify `recall`.

    59 for a recall of 0.95 with confidence 0.95 (Lewis, Yang and Frieder 2021).
    """
    if not 0 < recall < 1:
        raise ValueError(f"recall must lie in (0, 1), got {recall}")
    least = max(1, math.floor(math.log1p(-confidence) / math.log(recall)))
    while sample_hits_needed(least, recall, confidence) is None:
        least += 1
    return least


def recall_of_positives(positives: int, confidence: float = 0.95) -> float:
    """The recall that `qbcb` can certify at most with so many relevant documents in its sample: all must be reached."""
    check_counts(0, positives, confidence)
    return float((1 - confidence) ** (1 / positives)) if positives else 0.0
