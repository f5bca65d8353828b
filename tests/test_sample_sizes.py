"""How large a sample must be: against enumeration, published numbers, and what samples of that size do."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview.certificates import least_missed, sample_hits_needed
from docreview.estimates import hypergeometric
from docreview.sample_sizes import (
    chance_of_none,
    elusion_sample,
    error_of_look,
    positives_for_qbcb,
    recall_certified,
    recall_of_positives,
    sample_for_margin,
)


def test_looks_spend_no_more_than_there_is() -> None:
    assert error_of_look(0.95, 1) == pytest.approx(0.025)
    assert sum(error_of_look(0.95, look) for look in range(1, 5000)) <= 0.05
    assert sum(error_of_look(0.95, look) for look in range(1, 5000)) == pytest.approx(0.05, abs=1e-4)
    with pytest.raises(ValueError, match="counted from 1"):
        error_of_look(0.95, 0)


def test_none_is_drawn_by_enumeration() -> None:
    drawn = list(combinations(range(8), 3))
    assert chance_of_none(2, 3, 8) == pytest.approx(sum(min(d) >= 2 for d in drawn) / len(drawn))
    assert chance_of_none(8, 1, 8) == 0
    with pytest.raises(ValueError, match="cannot draw"):
        chance_of_none(2, 9, 8)


def test_zero_hit_sizes_as_people_know_them() -> None:
    # at least 10 missed among 5,000, to be ruled out with 95 %: M ln(20) / m is 1,498, less for a finite pile
    assert least_missed(190, 0.95) == 11
    assert 1_150 < elusion_sample(190, 5_000, 0.95) < 5_000 * math.log(20) / 11
    assert elusion_sample(0, 5_000, 0.95) == 4_750  # a single one that is missed is too many
    assert elusion_sample(95, 5, 0.95) == 0  # five missed would be no less than 95 %


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(1, 3000), st.floats(0.5, 0.99), st.floats(0.005, 0.2))
def test_the_least_sample_that_certifies(found: int, pile: int, recall: float, error: float) -> None:
    n = elusion_sample(found, pile, recall, error)
    missed = least_missed(found, recall)
    if n == 0:
        assert missed > pile
        return
    assert chance_of_none(missed, n, pile) <= error
    assert n == 1 or chance_of_none(missed, n - 1, pile) > error
    # what the plan promises, the report then says
    assert recall_certified(found, 0, n, pile, error) >= recall - 1e-9
    assert n == 1 or recall_certified(found, 0, n - 1, pile, error) < recall or not found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(1, 800), st.data())
def test_what_a_sample_certifies_is_right_often_enough(found: int, pile: int, data: st.DataObject) -> None:
    """For each number that may be missed, the chance to certify more than the truth, over all outcomes."""
    from scipy.stats import hypergeom

    n, missed = data.draw(st.integers(0, min(pile, 60))), data.draw(st.integers(0, pile))
    wrong = 0.0
    for hits in range(max(0, n - (pile - missed)), min(n, missed) + 1):
        truth = (found + hits) / (found + missed) if found + missed else 1.0
        if recall_certified(found, hits, n, pile) > truth + 1e-12:
            wrong += float(hypergeom.pmf(hits, pile, missed, n))
    assert wrong <= 0.05 + 1e-9


def test_nothing_drawn_certifies_what_is_certain() -> None:
    assert recall_certified(90, 0, 0, 10) == pytest.approx(0.9)
    assert recall_certified(90, 3, 10, 10) == 1
    assert recall_certified(0, 0, 0, 0) == 1


def test_margins() -> None:
    # the normal formula says 385 for 5 % at a half; the exact interval a little more
    assert 385 <= sample_for_margin(0.5, 0.05) <= 405
    assert sample_for_margin(0.5, 0.05, 500) < 260
    assert sample_for_margin(0.5, 0.05, 3) == 3
    assert sample_for_margin(0.0, 0.05) == pytest.approx(36, abs=1)  # 1 - 0.025 ** (1 / n) is 0.1
    assert sample_for_margin(0.02, 0.01, 20_000) < sample_for_margin(0.5, 0.01, 20_000)
    for wrong in ((1.5, 0.1), (0.5, 0.0), (0.5, 1.0)):
        with pytest.raises(ValueError, match="share"):
            sample_for_margin(*wrong)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0.02, 0.3), st.integers(1, 5000))
def test_a_sample_is_as_narrow_as_was_asked_for(share: float, margin: float, population: int) -> None:
    n = sample_for_margin(share, margin, population)
    total = hypergeometric(round(share * n), n, population)
    assert total.high - total.low <= 2 * margin * population


def test_qbcb_needs_59() -> None:
    assert positives_for_qbcb(0.95) == 59
    assert (positives_for_qbcb(0.9), positives_for_qbcb(0.8), positives_for_qbcb(0.7)) == (29, 14, 9)
    for recall in (0.5, 0.77, 0.95, 0.99):
        least = positives_for_qbcb(recall)
        assert sample_hits_needed(least, recall) == least
        assert least == 1 or sample_hits_needed(least - 1, recall) is None
        assert recall_of_positives(least) >= recall > recall_of_positives(least - 1)
    assert recall_of_positives(0) == 0
