"""Expected model change against gradients that are built, and against scikit-activeml's BADGE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from docreview.errors import BadSetting
from docreview.plugins import load_plugins
from docreview.query_strategies import Badge, ExpectedGradientLength, Margin, Random
from docreview.query_strategies.change import (
    Gradients,
    compact,
    expected_gradient_length,
    likeliest_residuals,
    products,
    row_products,
    spread,
    squared_lengths,
)
from docreview.testing import make_state
from docreview.types import Question, ReviewState, Vectors, frozen

ABC = ("a", "b", "c")


def joined(state: ReviewState) -> Any:
    """The rows of all views side by side (n, d), as an array."""
    parts: list[Any] = [view.matrix for view in state.views.values()]
    return np.hstack([part.toarray() if sp.issparse(part) else part for part in parts]).astype(np.float64)


def gradients_of(state: ReviewState, rows: Any) -> Any:
    """The gradients (m, k d) of the likeliest labels, built."""
    p, x = state.probabilities[rows].astype(np.float64), joined(state)[rows]
    return np.einsum("mk,md->mkd", p - np.eye(p.shape[1])[p.argmax(axis=1)], x).reshape(len(rows), -1)


@pytest.mark.parametrize("labels", [("a", "b"), ABC])
def test_gradient_lengths_are_those_of_the_loss_itself(labels: tuple[str, ...]) -> None:
    """Against differences of the loss: nothing of the formula is assumed."""
    rng = np.random.default_rng(0)
    k, d = len(labels), 5
    weights = rng.normal(size=(k, d))

    def softmax(w: Any, x: Any) -> Any:
        odds = np.exp(w @ x - (w @ x).max())
        return odds / odds.sum()

    for x in rng.normal(size=(6, d)):
        p, expected, step = softmax(weights, x), 0.0, 1e-6
        for y in range(k):
            gradient = np.empty((k, d))
            for i in np.ndindex(k, d):
                up, down = weights.copy(), weights.copy()
                up[i], down[i] = up[i] + step, down[i] - step
                gradient[i] = (np.log(softmax(down, x)[y]) - np.log(softmax(up, x)[y])) / (2 * step)
            expected += p[y] * np.linalg.norm(gradient)
        ours = expected_gradient_length(p[None].astype(np.float32))[0] * np.linalg.norm(x)
        assert ours == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("target", [None, "a"])
def test_expected_lengths_over_all_views_by_outer_products(target: str | None) -> None:
    state = make_state(labels=ABC, target=target, blank=15)
    pool, x = state.candidates, joined(state)
    p = state.probabilities.astype(np.float64)
    outer = [[np.linalg.norm(np.outer(p[i] - np.eye(3)[y], x[i])) for y in range(3)] for i in pool]
    expected = (np.array(outer) * p[pool]).sum(axis=1)
    chosen = ExpectedGradientLength().select(state, pool.size, np.random.default_rng(0))
    np.testing.assert_allclose(chosen.scores, np.sort(expected)[::-1], rtol=1e-4)
    np.testing.assert_allclose(chosen.scores, expected[np.searchsorted(pool, chosen.rows)], rtol=1e-4)
    unseen = np.flatnonzero(pool >= 105).size
    assert unseen > 5
    assert (chosen.scores[-unseen:] == 0).all()
    assert (chosen.rows[-unseen:] >= 105).all()


def test_certain_and_impossible_labels_give_no_nan() -> None:
    given = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], dtype=np.float32)
    np.testing.assert_allclose(expected_gradient_length(given), [0, np.sqrt(0.5), np.sqrt(2 / 3)], atol=1e-6)


def test_with_two_labels_and_full_views_it_ranks_as_margin() -> None:
    state = make_state()
    ours, margin = (s.select(state, 60, np.random.default_rng(0)).rows for s in (ExpectedGradientLength(), Margin()))
    assert ours.tolist() == margin.tolist()


def test_a_document_that_more_views_see_comes_first() -> None:
    """The case it is made for: equal doubt, but one label would move the weights of two views, the other those of one.

    Margin cannot tell them apart.
    """
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(100, 6))
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    words = sp.csr_array(np.outer(np.arange(100) < 50, np.eye(8)[0]).astype(np.float32))
    state = make_state(100, read=0)
    given = frozen(np.full((100, 2), 0.5, dtype=np.float32))

    class Unsure:
        scores = probabilities = given

    views = {"semantic": Vectors(dense.astype(np.float32), "x"), "lexical": Vectors(words, "y")}
    state = replace(state, views=views, fitted=lambda: Unsure())
    assert (ExpectedGradientLength().select(state, 50, np.random.default_rng(0)).rows < 50).all()
    assert (Margin().select(state, 50, np.random.default_rng(0)).rows < 50).mean() < 0.7


def test_squared_lengths_count_the_views_that_see_something() -> None:
    state = make_state(blank=9)
    rows = np.random.default_rng(0).permutation(120)[:50]
    expected = (joined(state)[rows] ** 2).sum(axis=1)
    np.testing.assert_allclose(squared_lengths(state.views.values(), rows), expected, atol=1e-5)
    # rows that begin with a zero and are not zero
    dense = np.array([[0, 1], [0, 0], [1, 0]], dtype=np.float32)
    assert squared_lengths([Vectors(dense, "x")], np.arange(3)).tolist() == [1, 0, 1]


def test_products_are_the_same_for_few_rows_and_many() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(6_000, 7)).astype(np.float32)
    weights = rng.normal(size=(7, 3)).astype(np.float32)
    for rows in (rng.permutation(6_000)[:2_900], rng.permutation(6_000)[:5_000], np.arange(0)):
        for matrix in (dense, sp.csr_array(dense)):
            np.testing.assert_allclose(products(matrix, rows, weights), dense[rows] @ weights, atol=1e-5)
            np.testing.assert_allclose(products(matrix, rows, weights[:, 0]), dense[rows] @ weights[:, 0], atol=1e-5)


def test_products_of_rows_do_not_need_columns_that_none_has() -> None:
    rng = np.random.default_rng(0)
    matrix = sp.random_array((40, 900), density=0.01, format="csr", dtype=np.float32, rng=rng)
    small = compact(matrix)
    assert small.shape[1] == len(np.unique(matrix.indices))
    for i in (0, 7, 39):
        np.testing.assert_allclose(row_products(small, i), (matrix @ matrix[[i]].T).toarray()[:, 0], atol=1e-6)
    assert compact(sp.csr_array((3, 5), dtype=np.float32)).shape == (3, 1)


def test_factored_products_are_those_of_the_gradients() -> None:
    state = make_state(labels=ABC, target=None, blank=10)
    rows = state.candidates
    residuals = likeliest_residuals(state.probabilities[rows])
    factors = Gradients(residuals, [compact(view.matrix[rows]) for view in state.views.values()])
    built = gradients_of(state, rows)
    for i in (0, 5, rows.size - 1):
        np.testing.assert_allclose(factors.products(i), built @ built[i], atol=1e-6)


class Watched:
    """A generator that notes the chances it is asked to draw by."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.chances: list[Any] = []

    def choice(self, m: int, p: Any) -> Any:
        self.chances.append(p)
        return self.rng.choice(m, p=p)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rng, name)


@pytest.mark.parametrize("labels", [("a", "b"), ABC])
def test_badge_draws_by_squared_distances_between_gradients(labels: tuple[str, ...]) -> None:
    state = make_state(labels=labels, target=None)
    pool = state.candidates
    built = gradients_of(state, pool)
    squared = (built**2).sum(axis=1)
    residuals = likeliest_residuals(state.probabilities[pool])
    watched: Any = Watched(0)
    factors = Gradients(residuals, [compact(view.matrix[pool]) for view in state.views.values()])
    drawn, probabilities = spread(factors, squared, 12, watched)
    assert drawn[0] == squared.argmax()
    assert probabilities[0] == 1
    assert len(set(drawn.tolist())) == 12
    for t in range(1, 12):
        distance = ((built[:, None] - built[drawn[:t]]) ** 2).sum(axis=2).min(axis=1)
        np.testing.assert_allclose(watched.chances[t - 1], distance / distance.sum(), atol=1e-6)
        assert probabilities[t] == pytest.approx(watched.chances[t - 1][drawn[t]], rel=1e-5)


def test_badge_beside_that_of_scikit_activeml() -> None:
    """Both begin with the longest gradient; from then on scikit-activeml takes the origin for a center that was drawn.

    It keeps the squared lengths, by which it chose the first, as the distances that later ones may only lessen. The
    paper and its authors' code know no center but those drawn, and so do we: with the origin among them, documents of
    which the model is sure are as good as drawn. Its probabilities are ours once the origin is put in.
    """
    pool_ = pytest.importorskip("skactiveml.pool")
    base = pytest.importorskip("skactiveml.base")
    state = make_state(labels=ABC, target=None)
    rows = state.candidates
    p = state.probabilities[rows].astype(np.float64)

    class Given(base.SkactivemlClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            return self

        def predict_proba(self, X: Any) -> Any:
            return p

    given = {"X": joined(state)[rows], "y": np.full(rows.size, np.nan), "clf": Given(classes=[0, 1, 2])}
    peer = pool_.Badge(random_state=0)
    order, utilities = peer.query(**given, fit_clf=False, batch_size=6, return_utilities=True)
    built = gradients_of(state, rows)
    squared = (built**2).sum(axis=1)
    views = [compact(view.matrix[rows]) for view in state.views.values()]

    class Follows(Watched):
        def choice(self, m: int, p: Any) -> Any:
            self.chances.append(p)
            return order[len(self.chances)]

    watched: Any = Follows(0)
    drawn, _ = spread(Gradients(likeliest_residuals(state.probabilities[rows]), views), squared, 6, watched)
    assert drawn.tolist() == list(order)
    for t, (ours, theirs) in enumerate(zip(watched.chances, utilities[1:], strict=True), 1):
        distance = ((built[:, None] - built[order[:t]]) ** 2).sum(axis=2).min(axis=1)
        np.testing.assert_allclose(ours, distance / distance.sum(), atol=1e-6)
        with_origin = np.minimum(distance, squared)
        left = np.isfinite(theirs)
        np.testing.assert_allclose(theirs[left], (with_origin / with_origin.sum())[left], atol=1e-6)


def _copies(n: int = 300) -> ReviewState:
    """A few distinct documents many times over, the model equally unsure of all."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(10, 16))
    kinds /= np.linalg.norm(kinds, axis=1, keepdims=True)
    which = np.sort(np.where(rng.random(n) < 0.9, 0, rng.integers(10, size=n)))
    given = frozen(np.full((n, 2), 0.5, dtype=np.float32))

    class Unsure:
        scores = probabilities = given

    view = Vectors(kinds[which].astype(np.float32), "x")
    question = Question("q", ("yes", "no"))
    none = np.full(n, -1)
    return ReviewState(question, 1, n, {"semantic": view}, none, none, np.array([], np.int64), fitted=lambda: Unsure())


def test_badge_asks_about_different_documents_where_random_asks_about_copies() -> None:
    state = _copies()
    matrix: Any = state.views["semantic"].matrix
    for seed in range(5):
        distinct = {
            type(strategy): len(np.unique(matrix[strategy.select(state, 8, np.random.default_rng(seed)).rows], axis=0))
            for strategy in (Badge(), Random(), Margin())
        }
        assert distinct[Badge] == 8
        assert max(distinct[Random], distinct[Margin]) <= 5


def test_badge_goes_on_by_chance_where_only_copies_are_left() -> None:
    state = _copies()
    chosen = Badge().select(state, 40, np.random.default_rng(0))
    assert len(set(chosen.rows.tolist())) == 40
    assert chosen.probabilities[10:] == pytest.approx(1 / (300 - np.arange(10, 40)), rel=1e-4)


def test_badge_of_a_large_pool_draws_among_the_longest_gradients() -> None:
    state = make_state(labels=ABC, target=None)
    pool = state.candidates
    lengths = np.linalg.norm(gradients_of(state, pool), axis=1)
    longest = set(pool[np.argsort(-lengths)[:15]].tolist())
    for seed in range(5):
        chosen = Badge(prefilter=15).select(state, 10, np.random.default_rng(seed))
        assert set(chosen.rows.tolist()) <= longest
        np.testing.assert_allclose(chosen.scores, lengths[np.searchsorted(pool, chosen.rows)], rtol=1e-4)
    assert Badge(prefilter=15).select(state, 40, np.random.default_rng(0)).rows.size == 40


def test_settings() -> None:
    with pytest.raises(BadSetting, match="'prefilter' must be at least 1, got 0"):
        load_plugins().registry.create("query_strategies", "badge", {"prefilter": 0})
