"""What the adapter works around in scikit-activeml: a test that fails here says that a way around can go."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from skactiveml import pool
from skactiveml.classifier import ParzenWindowClassifier, SklearnClassifier
from sklearn.linear_model import LogisticRegression

NAN = np.nan
X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.array([0, 1] + [NAN] * 6)


def logistic(C: float = 1.0) -> Any:
    return SklearnClassifier(LogisticRegression(C=C), classes=[0, 1])


def test_batch_bald_answers_with_others_than_it_went_on_with() -> None:
    pairs = np.repeat(X[:2], 5, axis=0)
    y = np.array([0, NAN, NAN, NAN, NAN, 1, NAN, NAN, NAN, NAN])
    members = [logistic(C) for C in (0.1, 1, 10)]
    drawn = [pool.BatchBALD(random_state=seed).query(pairs, y, members, batch_size=4) for seed in range(5)]
    assert min(np.unique(rows).size for rows in drawn) < 4


def test_typi_clust_fails_where_every_cluster_has_a_label() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnboundLocalError):
            pool.TypiClust(random_state=0).query(np.ones((4, 2)), np.array([0, NAN, NAN, NAN]), batch_size=2)


def test_typi_clust_chooses_a_document_twice() -> None:
    y, pairs = np.array([0] + [NAN] * 7), np.repeat(np.eye(2), 4, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = [pool.TypiClust(random_state=seed).query(pairs, y, batch_size=4) for seed in range(5)]
    assert min(np.unique(rows).size for rows in drawn) < 4


def test_expected_error_reduction_cannot_take_the_mean_criterion() -> None:
    window = ParzenWindowClassifier(classes=[0, 1], metric_dict={"gamma": "mean"})
    with pytest.raises(TypeError):
        pool.MonteCarloEER().query(X, Y, window)


def test_cost_reduction_divides_by_zero_where_many_labels_are_near() -> None:
    with pytest.raises(RuntimeWarning, match="divide by zero"):
        pool.cost_reduction(np.array([[900.0, 900.0], [1.0, 2.0]]), prior=1, m_max=1)


@pytest.mark.parametrize(
    "query",
    [
        lambda: pool.Clue(random_state=0).query(X, Y, logistic(), batch_size=2),
        lambda: pool.DropQuery(random_state=0).query(X, Y, logistic(), batch_size=2),
        lambda: pool.CostEmbeddingAL(classes=[0, 1], random_state=0).query(X, Y),
    ],
    ids=["Clue", "DropQuery", "CostEmbeddingAL"],
)
def test_some_draw_from_the_global_generator(query: Callable[[], Any]) -> None:
    before: Any = np.random.get_state()  # noqa: NPY002 - the very thing that is watched
    query()
    after: Any = np.random.get_state()  # noqa: NPY002
    assert (before[2], before[1].tolist()) != (after[2], after[1].tolist())
