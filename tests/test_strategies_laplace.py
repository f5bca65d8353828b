"""The Laplace approximation against the inverse matrix itself, computed anew for each document of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from docreview.errors import BadSetting
from docreview.plugins import load_plugins
from docreview.query_strategies import Laplace, Margin, Random, laplace
from docreview.query_strategies.laplace import Dense, Sparse, bernoulli_variance, row_squares
from docreview.testing import make_state
from docreview.testing.samples import one_view
from docreview.types import Question, ReviewState, Vectors, frozen

ABC = ("a", "b", "c")


def dense(matrix: Any) -> Any:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=np.float64)


def exact(state: ReviewState, n: int, prior: float) -> tuple[list[int], list[float]]:
    """The batch and its scores by inverting the precision anew for every document."""
    x = dense(next(iter(state.views.values())).matrix)
    p = state.probabilities.astype(np.float64)
    information = (p * (1 - p)).sum(axis=1) / 2
    ordered = np.sort(p, axis=1)
    doubt = 1 - (ordered[:, -1] - ordered[:, -2])
    precision = prior * np.eye(x.shape[1])
    for row in state.labeled:
        precision += information[row] * np.outer(x[row], x[row])
    left, chosen, scores = state.candidates.tolist(), [], []
    for _ in range(n):
        covariance = np.linalg.inv(precision)
        value = [doubt[i] * (x[i] @ covariance @ x[i]) for i in left]
        best = left.pop(int(np.argmax(value)))
        chosen.append(best)
        scores.append(max(value))
        precision += information[best] * np.outer(x[best], x[best])
    return chosen, scores


@pytest.mark.parametrize("prior", [1.0, 0.05])
@pytest.mark.parametrize("labels", [("a", "b"), ABC])
@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_batches_are_those_of_the_inverse_itself(view: str, labels: tuple[str, ...], prior: float) -> None:
    state = one_view(make_state(labels=labels, target=None, validation=10), view)
    rows, scores = exact(state, 25, prior)
    chosen = Laplace(prior).select(state, 25, np.random.default_rng(0))
    np.testing.assert_allclose(chosen.scores, scores, rtol=1e-4)
    assert chosen.rows.tolist() == rows


def test_with_two_labels_uncertainty_is_p_times_one_less_p() -> None:
    p = np.array([[0.3, 0.7], [1, 0], [0.5, 0.5]], dtype=np.float32)
    np.testing.assert_allclose(bernoulli_variance(p), [0.21, 0, 0.25], atol=1e-6)


@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_bounds_are_above_the_variances_and_factors_give_them(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laplace, "_DIRECTIONS", 3)
    state = one_view(make_state(), view)
    matrix, labeled, pool = state.views[view].matrix, state.labeled, state.candidates
    weights = bernoulli_variance(state.probabilities[labeled])
    made: Any = (Dense if view == "semantic" else Sparse).of(matrix[labeled], weights, 0.2)
    x = dense(matrix)
    precision = 0.2 * np.eye(x.shape[1]) + x[labeled].T @ (weights[:, None] * x[labeled])
    covariances = x[pool] @ np.linalg.inv(precision) @ x[pool].T
    whitened, known = made.factors(matrix[pool])
    ours = dense(whitened) @ dense(whitened).T - (0 if known is None else known.T @ known)
    np.testing.assert_allclose(ours, covariances, atol=1e-4)
    np.testing.assert_allclose(row_squares(whitened), np.diag(dense(whitened) @ dense(whitened).T), rtol=1e-5)
    bounds = made.bounds(matrix, pool)
    assert (bounds > np.diag(covariances) - 1e-5).all()
    assert view == "lexical" or bounds.mean() < 0.9 / 0.2, "better than knowing nothing"


def test_the_prefilter_keeps_what_may_score_highest() -> None:
    state = one_view(make_state(600, dimension=40), "semantic")
    everything = Laplace().select(state, 10, np.random.default_rng(0))
    few = Laplace(prefilter=60).select(state, 10, np.random.default_rng(0))
    assert np.isin(everything.rows, few.rows).mean() >= 0.9
    assert Laplace(prefilter=5).select(state, 200, np.random.default_rng(0)).rows.size == 200


def test_of_many_labeled_rows_a_sparse_view_keeps_those_that_say_most(monkeypatch: pytest.MonkeyPatch) -> None:
    state = one_view(make_state(read=60), "lexical")
    whole = Laplace().select(state, 8, np.random.default_rng(0))
    monkeypatch.setattr(laplace, "_LABELED", 40)
    part = Laplace().select(state, 8, np.random.default_rng(0))
    assert (part.scores >= whole.scores - 1e-6).all(), "less is known, so more is uncertain"
    assert np.isin(part.rows, whole.rows).mean() >= 0.5


def test_after_the_last_update_the_rest_comes_in_the_order_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    state = one_view(make_state(), "semantic")
    whole = Laplace().select(state, 30, np.random.default_rng(0))
    monkeypatch.setattr(laplace, "_UPDATES", 10)
    cut = Laplace().select(state, 30, np.random.default_rng(0))
    assert cut.rows[:11].tolist() == whole.rows[:11].tolist()
    assert len(set(cut.rows.tolist())) == 30
    assert (np.diff(cut.scores) <= 1e-6).all()


def test_a_sure_model_leaves_a_sparse_view_without_anything_known() -> None:
    state = one_view(make_state(), "lexical")
    sure = frozen(np.tile(np.array([1, 0], np.float32), (state.n, 1)))

    class Sure:
        scores = probabilities = sure

    chosen = Laplace().select(replace(state, fitted=lambda: Sure()), 5, np.random.default_rng(0))
    assert chosen.scores.tolist() == [0] * 5


def _regions(seed: int = 0) -> ReviewState:
    """Six regions, the model unsure in all alike; there are labels in the first five, most documents in the first."""
    rng = np.random.default_rng(seed)
    region = np.sort(rng.choice(6, 400, p=[0.75, 0.05, 0.05, 0.05, 0.05, 0.05]))
    centers = np.linalg.qr(rng.normal(size=(24, 6)))[0].T
    rows = centers[region] + 0.02 * rng.normal(size=(400, 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    given = rng.uniform(0.45, 0.55, size=(400, 1)).astype(np.float32)
    given = frozen(np.hstack([given, 1 - given]))
    read = np.concatenate([np.flatnonzero(region == r)[:8] for r in range(5)])
    labels = np.full(400, -1)
    labels[read] = np.arange(read.size) % 2

    class Unsure:
        scores = probabilities = given

    views = {"semantic": Vectors(rows.astype(np.float32), "x")}
    question = Question("q", ("yes", "no"))
    return ReviewState(question, 2, 400, views, labels, np.where(labels >= 0, 1, -1), read, fitted=lambda: Unsure())


def _sixth(state: ReviewState) -> Any:
    matrix: Any = state.views["semantic"].matrix
    return matrix @ matrix[-1] > 0.5


def test_it_goes_where_nothing_was_labeled_and_not_only_there() -> None:
    """The case it is made for: doubt is everywhere, but in one region it comes from having seen nothing."""
    state = _regions()
    new = _sixth(state)
    assert 15 < new.sum() < 30
    for seed in range(5):
        chosen = new[Laplace(1.0).select(state, 14, np.random.default_rng(seed)).rows]
        assert chosen[:5].all()
        assert not chosen.all()
    others = [s.select(state, 5, np.random.default_rng(seed)).rows for s in (Random(), Margin()) for seed in range(5)]
    assert np.mean([new[rows].mean() for rows in others]) < 0.3


def test_a_batch_is_not_copies_of_one_document() -> None:
    """A document, asked once, tells of its copies; without the update the batch would be nothing but these."""
    state = _regions()
    new, matrix = _sixth(state), np.array(state.views["semantic"].matrix)
    matrix[new] = matrix[-1]
    state = replace(state, views={"semantic": Vectors(matrix, "y")})
    chosen = Laplace(0.1).select(state, 14, np.random.default_rng(0))
    assert new[chosen.rows[0]]
    assert new[chosen.rows].mean() < 0.7
    doubt, rows = bernoulli_variance(state.probabilities), state.labeled
    alone = Dense.of(matrix[rows], doubt[rows], 0.1).factors(matrix)[0]
    assert new[np.argsort(-doubt * row_squares(alone))[:14]].all()


def test_of_a_large_pool_of_equal_doubt_chance_keeps_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding once put scores above their bound, and the end of the file was kept."""
    state = one_view(make_state(600), "lexical")
    doubtful = frozen(np.tile(np.array([0.55, 0.45], np.float32), (state.n, 1)))

    class Doubtful:
        scores = probabilities = doubtful

    state = replace(state, fitted=lambda: Doubtful())
    strategy = Laplace(prior=77.0, prefilter=5)
    rows = np.concatenate([strategy.select(state, 5, np.random.default_rng(seed)).rows for seed in range(60)])
    assert np.unique(rows).size > 150


def test_settings() -> None:
    registry = load_plugins().registry
    with pytest.raises(BadSetting, match="'prior' must be greater than 0, got 0"):
        registry.create("query_strategies", "laplace", {"prior": 0})
    with pytest.raises(BadSetting, match="'prefilter' must be at least 1, got 0"):
        registry.create("query_strategies", "laplace", {"prefilter": 0})
    with pytest.raises(BadSetting, match="'laplace' needs a view"):
        Laplace().select(replace(make_state(), views={}, neighbors=None), 3, np.random.default_rng(0))
