"""Unequal chances and strata: every sample there could be is drawn, and its estimates are averaged."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from docreview.survey_estimates import Stratum, hajek, horvitz_thompson, neyman, stratified, stratified_exact

Z = float(norm.isf(0.025))
VALUES = np.array([1, 0, 1, 1, 0, 1, 0, 0])
CHANCES = np.array([1.0, 0.9, 0.2, 0.5, 0.4, 0.8, 0.3, 0.6])


def samples():
    """Every sample of independent draws, with its chance."""
    for drawn in product([False, True], repeat=VALUES.size):
        mask = np.array(drawn)
        chance = float(np.where(mask, CHANCES, 1 - CHANCES).prod())
        if chance:
            yield mask, chance


def test_horvitz_thompson_and_its_variance_are_unbiased() -> None:
    estimates = [(horvitz_thompson(VALUES[m], CHANCES[m]), chance) for m, chance in samples()]
    mean = sum(e.value * chance for e, chance in estimates)
    assert mean == pytest.approx(VALUES.sum())
    spread = sum((e.value - VALUES.sum()) ** 2 * chance for e, chance in estimates)
    stated = sum(((e.high - e.low) / 2 / Z) ** 2 * chance for e, chance in estimates)
    assert stated == pytest.approx(spread)


def test_a_count_is_cut_off_at_what_is_certain() -> None:
    estimate = horvitz_thompson([1, 0, 1], [0.01, 0.5, 1.0], population=50)
    assert estimate.value == pytest.approx(101)
    assert (estimate.low, estimate.high) == (2, 49)
    with pytest.raises(ValueError, match="0 or 1"):
        horvitz_thompson([0.5], [1.0], population=50)


def test_hajek_by_hand_and_where_all_was_drawn_for_certain() -> None:
    estimate = hajek([1, 0, 0], [0.5, 0.25, 1.0])
    assert estimate.value == pytest.approx(2 / 7)
    spread = math.sqrt(2 * (5 / 7) ** 2 + 12 * (2 / 7) ** 2) / 7
    assert estimate.high == pytest.approx(2 / 7 + Z * spread)
    assert estimate.low == 0
    sure = hajek([1, 0, 1, 1], [1, 1, 1, 1])
    assert (sure.low, sure.value, sure.high) == (0.75, 0.75, 0.75)
    assert math.isnan(hajek([], []).value)


def test_hajek_covers_about_what_it_says_where_the_chances_follow_the_scores() -> None:
    """1,000 documents drawn with chances of 0.05 to 0.9 that go with relevance, 400 times."""
    rng = np.random.default_rng(0)
    score = rng.random(1_000)
    values, chances = (rng.random(1_000) < score**3).astype(int), 0.05 + 0.85 * score
    truth, covered, plain = values.mean(), 0, 0
    for _ in range(400):
        drawn = rng.random(1_000) < chances
        estimate = hajek(values[drawn], chances[drawn])
        covered += estimate.low <= truth <= estimate.high
        plain += abs(values[drawn].mean() - truth) < (estimate.high - estimate.low) / 2
    assert covered >= 360
    assert plain < 200, "the plain share of what was drawn must be wrong here"


@pytest.mark.parametrize("chances", [[0.0], [1.1], [math.nan], [0.5, 0.5]])
def test_chances_that_cannot_be_are_refused(chances: list[float]) -> None:
    for method in (horvitz_thompson, hajek):
        with pytest.raises(ValueError, match="probabilit"):
            method([1], chances)


# --------------------------------------------------------------------------------------------------------------- strata


def test_stratified_and_its_variance_are_unbiased() -> None:
    """Strata of 6 and 9 documents, 2 and 4 relevant, 3 and 4 drawn; no interval so narrow is cut off at its mean."""
    truth, mean, spread, stated = 6 / 15, 0.0, 0.0, 0.0
    for a, b in product(range(4), range(5)):
        chance = float(hypergeom.pmf(a, 6, 2, 3) * hypergeom.pmf(b, 9, 4, 4))
        # a tiny confidence, so that no end is cut off
        estimate = stratified([Stratum(6, 3, a), Stratum(9, 4, b)], 0.02)
        mean += chance * estimate.value
        spread += chance * (estimate.value - truth) ** 2
        stated += chance * ((estimate.high - max(estimate.value, 0)) / float(norm.isf(0.49))) ** 2
    assert mean == pytest.approx(truth)
    assert stated == pytest.approx(spread)


def test_stratified_exact_covers_what_it_says() -> None:
    for first, second in product(range(0, 11, 2), range(0, 16, 3)):
        covered = sum(
            hypergeom.pmf(a, 10, first, 5) * hypergeom.pmf(b, 15, second, 6)
            for a, b in product(range(6), range(7))
            if hypergeom.pmf(a, 10, first, 5) * hypergeom.pmf(b, 15, second, 6) > 0
            and (t := stratified_exact([Stratum(10, 5, a), Stratum(15, 6, b), Stratum(4, 4, 1)], 0.8)).low
            <= first + second + 1
            <= t.high
        )
        assert covered >= 0.8 - 1e-9


def test_what_was_read_whole_is_certain() -> None:
    whole = [Stratum(5, 5, 2), Stratum(3, 3, 0), Stratum(0, 0, 0)]
    assert (stratified(whole).low, stratified(whole).high) == (0.25, 0.25)
    assert (stratified_exact(whole).low, stratified_exact(whole).high) == (2, 2)
    with pytest.raises(ValueError, match="at least two"):
        stratified([Stratum(5, 1, 0)])
    with pytest.raises(ValueError, match="hits"):
        Stratum(5, 3, 4)


@given(
    st.lists(st.tuples(st.integers(2, 7), st.floats(0, 1)), min_size=1, max_size=3).flatmap(
        lambda strata: st.tuples(st.just(strata), st.integers(2 * len(strata), sum(size for size, _ in strata)))
    )
)
def test_neyman_is_the_best_of_all_allocations(case: tuple[list[tuple[int, float]], int]) -> None:
    strata, n = case
    sizes, shares = [size for size, _ in strata], [share for _, share in strata]
    counts = neyman(sizes, shares, n)
    assert sum(counts) == n
    assert all(2 <= count <= size for count, size in zip(counts, sizes, strict=True))

    def variance(allocation: tuple[int, ...]) -> float:
        return sum(
            size**2 * p * (1 - p) * (1 / k - 1 / size) for size, p, k in zip(sizes, shares, allocation, strict=True)
        )

    others = [a for a in product(*(range(2, size + 1) for size in sizes)) if sum(a) == n]
    assert variance(tuple(counts)) <= min(map(variance, others)) + 1e-9


def test_neyman_by_hand() -> None:
    # deviations 0.5 and 0.3, so 5 : 3 of 80
    assert neyman([1_000, 1_000], [0.5, 0.1], 80) == [50, 30]
    assert neyman([100, 300], [0.0, 1.0], 40) == [10, 30], "no share says anything: in proportion"
    with pytest.raises(ValueError, match="n must lie"):
        neyman([10, 10], [0.5, 0.5], 21)
    with pytest.raises(ValueError, match="one population"):
        neyman([10], [0.5, 0.5], 5)
