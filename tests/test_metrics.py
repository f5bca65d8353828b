from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, ndcg_score

from docreview import metrics

hits_lists = st.lists(st.integers(0, 1), min_size=1, max_size=60)


def test_recall_curve_by_hand():
    assert metrics.recall_curve([0, 1, 1, 0, 1]) == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1])
    assert metrics.recall_curve([0, 1, 0], total=4) == pytest.approx([0, 0.25, 0.25])


def test_recall_curve_of_nothing_to_find_is_complete():
    assert metrics.recall_curve([0, 0]).tolist() == [1, 1]


def test_reading_to_a_recall_by_hand():
    hits = [0, 1, 1, 0, 1, 0, 0, 1]
    assert metrics.read_to_recall(hits, 0.5) == 3
    assert metrics.read_to_recall(hits, 0.75) == 5
    assert metrics.read_to_recall(hits, 0.76) == 8
    assert metrics.read_to_recall(hits, 1.0) == 8
    assert metrics.read_to_recall(hits, 1.0, total=5) is None


def test_a_rounding_error_costs_no_document():
    # 0.07 * 100 is a little more than 7 in floating point
    assert metrics.needed(0.07, 100) == 7
    assert metrics.needed(0.95, 550) == 523
    with pytest.raises(ValueError, match="fraction"):
        metrics.needed(1.5, 10)


@pytest.mark.parametrize(("relevant", "documents"), [(1, 4), (2, 5), (3, 6), (4, 4)])
def test_expected_random_reading_agrees_with_all_orders(relevant, documents):
    orders = list(permutations(range(documents)))
    for k in range(1, relevant + 1):
        ranks = [sorted(order.index(d) for d in range(relevant))[k - 1] + 1 for order in orders]
        assert metrics.expected_random_reading(k, relevant, documents) == pytest.approx(np.mean(ranks))


def test_expected_random_reading_of_the_demo():
    assert metrics.expected_random_reading(523, 550, 2289) == pytest.approx(2173.6, abs=0.1)
    with pytest.raises(ValueError, match="need"):
        metrics.expected_random_reading(3, 2, 10)


def test_work_saved_by_hand():
    # 10 documents, both relevant ones found after 4: (10 - 4) / 10 - (1 - 1)
    assert metrics.wss([1, 0, 0, 1], 1.0, documents=10) == pytest.approx(0.6)
    assert metrics.wss([1, 0, 0, 1, 0, 0, 0, 0, 0, 0], 0.95) == pytest.approx(0.55)
    assert np.isnan(metrics.wss([1, 0], 0.95, documents=10, total=2))


def area_between(hits):
    """Loss as it is meant: the area between best and actual recall curve, over that between best and worst."""
    n, r = len(hits), sum(hits)
    curve = np.cumsum(hits)
    best, worst = np.cumsum([1] * r + [0] * (n - r)), np.cumsum([0] * (n - r) + [1] * r)
    return (best - curve).sum() / (best - worst).sum()


@given(hits_lists)
def test_loss_is_the_normalized_area_between_the_curves(hits):
    if 0 < sum(hits) < len(hits):
        assert metrics.loss(hits) == pytest.approx(area_between(hits))
    else:
        assert np.isnan(metrics.loss(hits))


def test_loss_of_best_worst_and_random_order():
    assert metrics.loss([1, 1, 0, 0, 0]) == pytest.approx(0)
    assert metrics.loss([0, 0, 0, 1, 1]) == pytest.approx(1)
    orders = set(permutations([1, 1, 0, 0, 0]))
    assert np.mean([metrics.loss(order) for order in orders]) == pytest.approx(0.5)


@given(hits_lists, st.integers(0, 20))
def test_what_was_not_read_was_not_found(hits, unread):
    padded = [*hits, *[0] * unread]
    for metric in (metrics.loss, metrics.ndcg, metrics.atd):
        assert metric(hits, documents=len(padded)) == pytest.approx(metric(padded), nan_ok=True)


@given(hits_lists)
def test_ndcg_agrees_with_scikit_learn(hits):
    if sum(hits) and len(hits) > 1:
        scores = -np.arange(len(hits), dtype=float)
        assert metrics.ndcg(hits) == pytest.approx(ndcg_score([hits], [scores]))


def test_average_time_to_discovery_by_hand():
    assert metrics.atd([0, 1, 0, 1, 0, 0, 0, 0, 0, 0], normalized=False) == 3
    assert metrics.atd([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]) == pytest.approx(0.3)


def test_impossible_hits_are_refused():
    with pytest.raises(ValueError, match="0 and 1"):
        metrics.loss([0, 2])
    with pytest.raises(ValueError, match="do not fit"):
        metrics.loss([0, 1, 1], documents=2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_classification_metrics_agree_with_scikit_learn(pairs):
    truth, predicted = map(list, zip(*pairs, strict=True))
    assert metrics.accuracy(truth, predicted) == pytest.approx(accuracy_score(truth, predicted))
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert metrics.macro_f1(truth, predicted) == pytest.approx(expected)
    over_all = f1_score(truth, predicted, average="macro", labels=range(5), zero_division=0)
    assert metrics.macro_f1(truth, predicted, classes=5) == pytest.approx(over_all)


def test_kappa_by_hand():
    # Cohen's own kind of table: 20 and 15 agreed, 5 and 10 not, of 50: observed .7, by chance .5
    a = [0] * 25 + [1] * 25
    b = [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    assert metrics.cohen_kappa(a, b) == pytest.approx(0.4)
    assert metrics.cohen_kappa([2, 2], [2, 2]) == 1
    assert metrics.cohen_kappa([0, 1], [1, 0]) == pytest.approx(-1)
    with pytest.raises(ValueError, match="same length"):
        metrics.cohen_kappa([0], [0, 1])
