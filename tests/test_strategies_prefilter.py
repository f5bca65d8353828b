"""The part of a large pool that is compared, the dense rows of a sparse view, and what a prefilter loses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import chisquare
from strategy_support import blobs, generator, state_of, unit

from docreview.query_strategies import KCenter, KMeans, MarginKMeans, prefilter_recall
from docreview.query_strategies.prefilter import TOPICS, dense_rows, drawn, latent
from docreview.types import Vectors


def test_rows_are_drawn_evenly_in_random_order() -> None:
    rows = np.arange(100, 140)
    draws = np.array([drawn(rows, 10, generator(seed)) for seed in range(800)])
    assert all(np.unique(draw).size == 10 for draw in draws)
    assert chisquare(np.bincount(draws.ravel() - 100, minlength=40)).pvalue > 1e-4
    assert chisquare(np.bincount(draws[:, 0] - 100, minlength=40)).pvalue > 1e-4
    assert sorted(drawn(rows, 1_000, generator())) == rows.tolist()


@pytest.mark.parametrize("d", [30, TOPICS])
def test_dense_rows_and_narrow_sparse_ones_stay_as_they_are(d: int) -> None:
    rows, some = unit(generator(0).normal(size=(60, d))), np.array([5, 3, 59])
    for matrix in (rows, sp.csr_array(rows)):
        got = dense_rows(Vectors(matrix, "x"), some, generator())
        assert got.flags.c_contiguous
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, rows[some])


def words_of_topics(n: int, topics: int, words: int, seed: int = 0) -> tuple[Any, Any]:
    """CSR rows (n, topics * words) of documents that each have a few of the words of one topic, and their topics."""
    rng = generator(seed)
    topic = rng.integers(topics, size=n)
    counts = np.zeros((n, topics * words))
    for row, t in enumerate(topic):
        counts[row, t * words + rng.choice(words, 6, replace=False)] = 1
        counts[row, rng.choice(topics * words, 2, replace=False)] = 1
    return sp.csr_array(unit(counts)), topic


def test_inner_products_are_kept_where_topics_can_say_all_there_is_to_say() -> None:
    # of rank 60, with no more rows than topics are learned from
    mixed = generator(0).random((400, 60)) @ (generator(1).random((60, 3_000)) < 0.01)
    matrix = sp.csr_array(unit(mixed))
    rows = latent(matrix, generator())
    assert rows.shape[1] <= TOPICS
    np.testing.assert_allclose(rows @ rows.T, (matrix @ matrix.T).toarray(), atol=1e-3)


def test_topics_show_what_documents_have_in_common_that_share_few_words() -> None:
    matrix, topic = words_of_topics(1_500, 20, 60)
    rows = dense_rows(Vectors(matrix, "x"), np.arange(1_500), generator())
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    same = topic[:, None] == topic[None]
    nearest = [similarity[same].mean() - similarity[~same].mean() for similarity in (rows @ rows.T, _cosines(matrix))]
    assert nearest[0] > 2 * nearest[1]
    for strategy in (KMeans(), KCenter()):
        assert strategy.select(state_of(matrix), 20, generator()).rows.size == 20
    assert np.unique(topic[KMeans().select(state_of(matrix), 20, generator()).rows]).size >= 18


def _cosines(matrix: Any) -> Any:
    return (matrix @ matrix.T).toarray()


def test_rows_in_which_nothing_is_seen_are_zero() -> None:
    matrix = words_of_topics(300, 5, 60)[0].tolil()
    matrix[:10] = 0
    rows = latent(sp.csr_array(matrix), generator())
    assert not rows[:10].any()
    np.testing.assert_allclose(np.linalg.norm(rows[10:], axis=1), 1, atol=1e-5)
    blank = latent(sp.csr_array((20, 500), dtype=np.float32), generator())
    assert not blank.any()
    assert len(blank) == 20


# -------------------------------------------------------------------------------------------------------------- recall


def test_a_prefilter_that_keeps_all_loses_nothing() -> None:
    state = state_of(unit(generator(0).normal(size=(200, 8))), range(5))
    recall = prefilter_recall(KCenter(), state, 20, 0)
    assert (recall.rows, recall.rows_again) == (1, 1)
    assert recall.likeness == pytest.approx(1, abs=1e-5)
    assert recall.likeness_again == pytest.approx(1, abs=1e-5)


def test_recall_is_the_share_of_the_whole_choice_that_the_part_gives_too() -> None:
    rows = unit(generator(0).normal(size=(600, 8)))
    state = state_of(rows, range(5))
    strategy = KCenter(prefilter=500)
    recall = prefilter_recall(strategy, state, 30, 4)
    whole = KCenter(prefilter=10_000).select(state, 30, generator()).rows
    part = strategy.select(state, 30, np.random.default_rng([4, 2])).rows
    assert recall.rows == pytest.approx(np.isin(whole, part).mean())
    assert recall.likeness == pytest.approx((rows[whole] @ rows[part].T).max(axis=1).mean(), abs=1e-5)
    assert 0 < recall.rows < recall.rows_again == 1
    assert recall.likeness < recall.likeness_again


def test_what_chance_does_alone_is_told_apart_from_what_the_prefilter_does() -> None:
    rows, _ = blobs([300] * 8, noise=0.1)
    recall = prefilter_recall(KMeans(prefilter=400), state_of(rows), 8, 0)
    assert recall.rows_again > recall.rows, "the middles of blobs are the same; in a part they are others"
    assert recall.likeness > 0.8
    doubtful = prefilter_recall(MarginKMeans(prefilter=2), state_of(rows), 8, 0)
    assert 0 <= doubtful.rows <= 1


def test_an_empty_pool_has_nothing_to_lose() -> None:
    rows, _ = blobs([20])
    assert prefilter_recall(KMeans(), state_of(rows, range(20)), 5, 0).rows == 1
