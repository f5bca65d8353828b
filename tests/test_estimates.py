import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from docreview.estimates import clopper_pearson, hypergeometric, richness, wilson
from docreview.types import Question, ReviewState, Sample


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(95, 100, 0.887, 0.984), (190, 200, 0.910, 0.976), (380, 400, 0.924, 0.969)]
)
def test_clopper_pearson_known_values(hits, n, low, high):
    estimate = clopper_pearson(hits, n)
    assert (round(estimate.low, 3), round(estimate.high, 3)) == (low, high)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_agree_with_scipy(case):
    hits, n = case
    test = binomtest(hits, n)
    for method, ours in (("exact", clopper_pearson(hits, n)), ("wilson", wilson(hits, n))):
        theirs = test.proportion_ci(0.95, method=method)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
        assert ours.value == hits / n


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("population", "n"), [(20, 7), (20, 20), (45, 10), (45, 30)])
def test_hypergeometric_covers_what_it_says(population, n, confidence):
    tail = (1 - confidence) / 2
    for truth in range(population + 1):
        below = above = 0.0
        for hits in range(max(0, n - population + truth), min(n, truth) + 1):
            total = hypergeometric(hits, n, population, confidence)
            below += hypergeom.pmf(hits, population, truth, n) * (truth > total.high)
            above += hypergeom.pmf(hits, population, truth, n) * (truth < total.low)
        # either end by itself
        assert max(below, above) <= tail + 1e-9


@given(st.integers(1, 80).flatmap(lambda m: st.tuples(st.just(m), st.integers(1, m))), st.data())
def test_hypergeometric_holds_the_totals_that_neither_test_refuses(sizes, data):
    population, n = sizes
    hits = data.draw(st.integers(0, n))
    total = hypergeometric(hits, n, population, 0.9)
    tail = (1 - 0.9) / 2  # not 0.05, to the last digit
    kept = [
        k
        for k in range(hits, population - n + hits + 1)
        if hypergeom.sf(hits - 1, population, k, n) > tail and hypergeom.cdf(hits, population, k, n) > tail
    ]
    assert (total.low, total.high) == (min(kept), max(kept))
    assert total.low <= total.value + 1e-9
    assert total.value <= total.high + 1e-9


def test_hypergeometric_in_a_large_population_is_clopper_pearson():
    total, share = hypergeometric(3, 200, 10_000_000), clopper_pearson(3, 200)
    assert (total.low / 10_000_000, total.high / 10_000_000) == pytest.approx((share.low, share.high), rel=1e-3)


def test_nothing_read_says_nothing():
    for method in (wilson, clopper_pearson):
        estimate = method(0, 0)
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high) == (0, 1)
    total = hypergeometric(0, 0, 50)
    assert math.isnan(total.value)
    assert (total.low, total.high) == (0, 50)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="hits"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(1, 2, confidence=95)
    with pytest.raises(ValueError, match="cannot draw"):
        hypergeometric(1, 3, 2)


def state(labels, reviewed, samples):
    labels = np.asarray(labels)
    return ReviewState(
        question=Question("q", ("yes", "no"), target="yes"),
        round=1,
        n=labels.size,
        views={},
        labels=labels,
        rounds=np.where(np.isin(np.arange(labels.size), reviewed), 1, -1),
        reviewed=np.asarray(reviewed),
        samples=samples,
    )


def test_richness_counts_the_answered_beginning_of_the_sample():
    sample = Sample("validation", np.array([7, 2, 5, 0]), 0.5)
    labels = [0, -1, 1, -1, -1, -1, -1, 0]
    # row 5 is open: row 0 behind it, though answered, is not part of the random beginning
    estimate = richness(state(labels, [0, 2, 7], (sample,)), sample, 0)
    assert (estimate.hits, estimate.n) == (1, 2)
    # a skip (row 5) is answered and has no label
    estimate = richness(state(labels, [0, 2, 5, 7], (sample,)), sample, 0)
    assert (estimate.hits, estimate.n) == (2, 3)
