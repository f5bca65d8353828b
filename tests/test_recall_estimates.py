"""Recall from samples: by hand, and coverage by enumeration of every sample there could be."""

from __future__ import annotations

import math
from itertools import product

import pytest
from scipy.stats import hypergeom

from docreview.estimates import hypergeometric
from docreview.recall_estimates import elusion, precision, recall_from_both, recall_from_control, recall_from_elusion


def test_recall_from_elusion_by_hand() -> None:
    # 2 of 100 of a pile of 5,000 are relevant after all: about 100 missed beside 900 found
    estimate = recall_from_elusion(900, 2, 100, 5_000)
    assert estimate.value == pytest.approx(0.9)
    # the ends are those of the number missed: the totals that leave 2.5 % for so many, or so few, in the sample
    missed = [
        k for k in range(5_001) if hypergeom.sf(1, 5_000, k, 100) > 0.025 and hypergeom.cdf(2, 5_000, k, 100) > 0.025
    ]
    assert estimate.low == pytest.approx(900 / (900 + max(missed)))
    assert estimate.high == pytest.approx(900 / (900 + min(missed)))


def test_the_size_of_an_elusion_sample_without_a_hit() -> None:
    """1,295 documents without a hit rule out 10 missed in a pile of 5,000, at 95 % one-sided; 1,290 do not."""
    assert recall_from_elusion(90, 0, 1_295, 5_000, 0.9).low > 0.9
    assert recall_from_elusion(90, 0, 1_285, 5_000, 0.9).low <= 0.9


def test_a_pile_that_was_read_whole_leaves_no_doubt() -> None:
    estimate = recall_from_elusion(8, 2, 50, 50)
    assert (estimate.low, estimate.value, estimate.high) == (0.8, 0.8, 0.8)
    nothing = recall_from_elusion(0, 0, 50, 50)
    assert (nothing.low, nothing.high) == (1, 1), "nothing is missing where there is nothing"
    unread = recall_from_elusion(8, 0, 0, 50)
    assert math.isnan(unread.value)
    assert (unread.low, unread.high) == (8 / 58, 1)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("n", [5, 15, 30])
def test_elusion_covers_what_it_says(n: int, confidence: float) -> None:
    pile, found = 40, 12
    for missed in range(pile + 1):
        truth = found / (found + missed)
        covered = sum(
            hypergeom.pmf(hits, pile, missed, n)
            for hits in range(max(0, n - pile + missed), min(n, missed) + 1)
            if (e := recall_from_elusion(found, hits, n, pile, confidence)).low <= truth <= e.high
        )
        assert covered >= confidence - 1e-9


def test_elusion_with_recall_covers_what_it_says() -> None:
    confidence, produced, pile = 0.8, 12, 30
    for right, missed in product(range(0, 13, 3), range(0, 31, 5)):
        truth = right / (right + missed) if right + missed else 1.0
        covered = sum(
            hypergeom.pmf(a, produced, right, 6) * hypergeom.pmf(b, pile, missed, 10)
            for a, b in product(range(7), range(11))
            if (hypergeom.pmf(a, produced, right, 6) * hypergeom.pmf(b, pile, missed, 10)) > 0
            and (e := recall_from_both((a, 6, produced), (b, 10, pile), confidence)).low <= truth <= e.high
        )
        assert covered >= confidence - 1e-9


def test_elusion_with_recall_counts_wrong_finds_out() -> None:
    # 80 of 100 of the 1,000 produced are right, 1 of 100 of a pile of 10,000 was missed
    estimate = recall_from_both((80, 100, 1_000), (1, 100, 10_000))
    assert estimate.value == pytest.approx(800 / 900)
    assert (estimate.hits, estimate.n) == (81, 200)
    sure = recall_from_both((1_000, 1_000, 1_000), (0, 10_000, 10_000))
    assert (sure.low, sure.value, sure.high) == (1, 1, 1)


def test_elusion_and_precision_are_shares_of_a_finite_pile() -> None:
    share = elusion(3, 40, 60)
    total = hypergeometric(3, 40, 60)
    assert (share.value, share.low, share.high) == (3 / 40, total.low / 60, total.high / 60)
    assert share == precision(3, 40, 60)
    assert (elusion(3, 60, 60).low, elusion(3, 60, 60).high) == (0.05, 0.05)
    assert math.isnan(precision(0, 0, 60).value)


def test_nothing_is_known_of_an_empty_pile() -> None:
    for estimate in (elusion(0, 0, 0), precision(0, 0, 0)):
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high) == (0, 1)


def test_control_set_known_values() -> None:
    estimate = recall_from_control(190, 200)
    assert (estimate.value, round(estimate.low, 3), round(estimate.high, 3)) == (0.95, 0.910, 0.976)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="found"):
        recall_from_elusion(-1, 0, 1, 1)
    with pytest.raises(ValueError, match="cannot draw"):
        recall_from_elusion(1, 0, 3, 2)
