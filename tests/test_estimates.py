import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from docreview.estimates import clopper_pearson, richness, wilson
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


def test_nothing_read_says_nothing():
    for method in (wilson, clopper_pearson):
        estimate = method(0, 0)
        assert math.isnan(estimate.value)
        assert (estimate.low, estimate.high) == (0, 1)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="hits"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="confidence"):
        clopper_pearson(1, 2, confidence=95)


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
