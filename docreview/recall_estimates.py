"""Recall estimated from random samples. Exact: the intervals never cover less than they say, for one look.

All take labels for right, and samples for random and blind: whoever reads them does not know what the review said.
"""

from __future__ import annotations

import math

from docreview.estimates import Estimate, clopper_pearson, hypergeometric


def elusion(hits: int, n: int, pile: int, confidence: float = 0.95) -> Estimate:
    """Share of the discard `pile` that is relevant after all, from `hits` among `n` drawn at random of it.

    NaN, and all of 0 to 1, where the pile is empty.
    """
    total = hypergeometric(hits, n, pile, confidence)
    if not pile:  # all was read, or nothing produced: there is nothing to have a share
        return Estimate(math.nan, 0.0, 1.0, hits, n, confidence)
    return Estimate(hits / n if n else math.nan, total.low / pile, total.high / pile, hits, n, confidence)


def precision(hits: int, n: int, produced: int, confidence: float = 0.95) -> Estimate:
    """Share of what was `produced` as relevant that is, from `hits` among `n` drawn at random of it."""
    return elusion(hits, n, produced, confidence)


def recall_from_elusion(found: int, hits: int, n: int, pile: int, confidence: float = 0.95) -> Estimate:
    """Recall of a review that found `found`, from `hits` among `n` documents drawn at random of the discard `pile`.

    Elusion is the share of the pile that is relevant after all. Recall is ``found / (found + missed)``, and the
    interval that of `missed` (`docreview.estimates.hypergeometric`); `hits` were missed, though the sample has found
    them. `found` is taken for certain: no error of a reviewer, no sample. One look at one sample: to draw another
    whenever the first disappoints gives no such interval (`docreview.certificates.confidence_sequence` does).
    """
    if found < 0:
        raise ValueError(f"found must be at least 0, got {found}")
    missed = hypergeometric(hits, n, pile, confidence)
    value = math.nan if math.isnan(missed.value) else _recall(found, missed.value)
    return Estimate(value, _recall(found, missed.high), _recall(found, missed.low), hits, n, confidence)


def recall_from_both(produced: tuple[int, int, int], pile: tuple[int, int, int], confidence: float = 0.95) -> Estimate:
    """Recall from a sample of what was `produced` as relevant and one of the discard `pile`: elusion with recall.

    Each is (hits, n, population). As reviewers err, what they called relevant is sampled too. Either interval is made
    at half the error, so that both hold together (Bonferroni), and the ends of recall are the worst and the best of
    them. The value is NaN where a sample is empty.
    """
    both = (1 + confidence) / 2
    found, missed = hypergeometric(*produced, both), hypergeometric(*pile, both)
    unknown = math.isnan(found.value) or math.isnan(missed.value)
    value = math.nan if unknown else _recall(found.value, missed.value)
    low, high = _recall(found.low, missed.high), _recall(found.high, missed.low)
    return Estimate(value, low, high, produced[0] + pile[0], produced[1] + pile[1], confidence)


def recall_from_control(found: int, relevant: int, confidence: float = 0.95) -> Estimate:
    """Recall from a random control set: of its `relevant` documents, `found` are among those that the review found.

    Clopper-Pearson, given how many turned out relevant. The control set must be drawn of the whole collection and
    have no part in the review: what a model learned from would be found too easily.
    """
    return clopper_pearson(found, relevant, confidence)


def _recall(found: float, missed: float) -> float:
    """1 where there is nothing to find."""
    return found / (found + missed) if found + missed else 1.0
