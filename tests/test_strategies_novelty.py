"""DropQuery and discriminative active learning against their definitions, and on what they are made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from docreview.errors import BadSetting
from docreview.models import LateFusion
from docreview.plugins import load_plugins
from docreview.query_strategies import Discriminative, DropQuery, Margin, Random, novelty
from docreview.query_strategies.novelty import dropped, linear_view, telling_apart
from docreview.testing import make_state
from docreview.testing.samples import one_view
from docreview.types import Question, ReviewState, Vectors, frozen

ABC = ("a", "b", "c")

# ---------------------------------------------------------------------------------------------------------- drop-query


@pytest.mark.parametrize("make", [np.array, sp.csr_array])
def test_dropped_features_are_zero_or_scaled_up_and_right_on_the_mean(make: Any) -> None:
    rng = np.random.default_rng(0)
    whole = np.asarray(rng.random((2_000, 20)), dtype=np.float32)
    given = make(whole)
    left = dropped(given, 0.75, rng)
    values = left.toarray() if sp.issparse(left) else left
    kept = values != 0
    assert kept.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(values[kept], 4 * whole[kept], rtol=1e-6)
    assert values.mean(axis=0) == pytest.approx(whole.mean(axis=0), rel=0.1)
    assert len(np.unique(kept, axis=0)) > 1_000, "each document loses its own"
    assert ((given.toarray() if sp.issparse(given) else given) == whole).all()


class Line:
    """A linear model of one view, or of none, for two labels."""

    def __init__(self, views: dict[str, Vectors], name: str, weights: Any, offset: Any = 0.0) -> None:
        self.name, self.weights = name, np.stack([-weights, weights]).astype(np.float32)
        self.scores = np.asarray(views[name].matrix @ self.weights.T + offset, dtype=np.float32)
        self.probabilities = self.to_probabilities(self.scores)

    def coefficients(self, view: str) -> Any:
        return self.weights if view == self.name else None

    def to_probabilities(self, scores: Any) -> Any:
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def state_of(views: dict[str, Vectors], model: Any, read: Any = ()) -> ReviewState:
    n = next(iter(views.values())).matrix.shape[0]
    labels = np.full(n, -1)
    labels[list(read)] = np.arange(len(read)) % 2
    rounds, rows = np.where(labels >= 0, 1, -1), np.array(read, dtype=np.int64)
    question = Question("q", ("no", "yes"))
    return ReviewState(question, 2, n, views, labels, rounds, rows, fitted=lambda: model)


def _fragile(n: int = 400) -> ReviewState:
    """Equally sure of all: of the first half by one feature, of the rest by 50 that say the same."""
    rng = np.random.default_rng(0)
    rows = np.zeros((n, 51))
    sign = rng.choice([-1, 1], n)
    rows[: n // 2, 0] = sign[: n // 2]
    rows[n // 2 :, 1:] = sign[n // 2 :, None] / np.sqrt(50)
    views = {"semantic": Vectors(rows.astype(np.float32), "x")}
    weights = np.r_[1.0, np.full(50, 1 / np.sqrt(50))]
    # a little below what a lost feature costs: without its one feature a document's label turns
    return state_of(views, Line(views, "semantic", weights, np.array([[0.25, -0.25]]) * sign[:, None]))


def test_documents_whose_label_hangs_on_few_features_come_first() -> None:
    """The case it is made for: margin sees two equal halves, and asks at random."""
    state = _fragile()
    fragile = np.arange(400) < 200
    p = state.probabilities.max(axis=1)
    np.testing.assert_allclose(p, p[0], rtol=1e-5)
    for seed in range(5):
        chosen = DropQuery().select(state, 10, np.random.default_rng(seed))
        assert fragile[chosen.rows].all()
    assert fragile[Margin().select(state, 100, np.random.default_rng(0)).rows].mean() < 0.7


@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_scores_are_the_mean_chance_of_another_label_when_features_are_dropped(view: str) -> None:
    state = one_view(make_state(labels=ABC, target=None), view)
    pool = state.candidates
    given: Any = state.views[view].matrix
    x = given[pool].toarray() if sp.issparse(given) else given[pool]
    fitted: Any = state.fitted()
    rng, expected = np.random.default_rng(1), np.zeros(pool.size)
    for _ in range(400):
        p = fitted.to_probabilities((x * (rng.random(x.shape) < 0.5) * 2) @ fitted.coefficients(view).T)
        expected += 1 - p[np.arange(pool.size), state.probabilities[pool].argmax(axis=1)]
    chosen = DropQuery(passes=400, rate=0.5).select(state, pool.size, np.random.default_rng(0))
    np.testing.assert_allclose(chosen.scores, expected[np.searchsorted(pool, chosen.rows)] / 400, atol=0.06)


def test_what_other_views_say_is_left_whole() -> None:
    """A document that the other view is sure of keeps its label, whatever is dropped."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 40))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    views = {"semantic": Vectors(rows.astype(np.float32), "x")}
    sure = np.arange(300) < 150
    model = Line(views, "semantic", rng.normal(size=40), np.where(sure, 60, 0)[:, None] * [[-1, 1]])
    chosen = DropQuery().select(state_of(views, model), 10, np.random.default_rng(0))
    assert not sure[chosen.rows].any()
    assert (DropQuery().select(state_of(views, model), 300, np.random.default_rng(0)).scores[-140:] < 1e-6).all()


def test_one_document_of_each_cluster_is_asked() -> None:
    """Ten groups of fragile documents, one of them nine times as large: random, and margin, ask it most."""
    rng = np.random.default_rng(0)
    group = np.sort(rng.choice(10, 600, p=[0.5, *[0.5 / 9] * 9]))
    centers = np.linalg.qr(rng.normal(size=(60, 10)))[0].T
    rows = centers[group] + 0.01 * rng.normal(size=(600, 60))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    views = {"semantic": Vectors(rows.astype(np.float32), "x")}
    state = state_of(views, Line(views, "semantic", rng.normal(size=60) * 1e-3))
    groups = [len(set(group[DropQuery().select(state, 10, np.random.default_rng(s)).rows])) for s in range(5)]
    others = [
        len(set(group[t.select(state, 10, np.random.default_rng(s)).rows]))
        for t in (Margin(), Random())
        for s in range(5)
    ]
    assert np.mean(groups) >= 9
    assert np.mean(others) < 7


def test_candidates_change_their_label_and_are_filled_up_where_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    state = _fragile()
    asked: list[Any] = []
    seen = novelty.dense_rows

    def watched(view: Vectors, rows: Any, rng: Any) -> Any:
        asked.append(rows)
        return seen(view, rows, rng)

    monkeypatch.setattr(novelty, "dense_rows", watched)
    DropQuery().select(state, 3, np.random.default_rng(0))
    DropQuery().select(state, 30, np.random.default_rng(0))
    # a lone feature is lost in two or three of three passes with a probability of .84
    assert 150 < asked[0].size < 190
    assert (asked[0] < 200).all()
    assert asked[1].size == 300
    # all that changed come before those that did not; a lone feature stays in all passes with a probability of .016
    assert np.isin(np.arange(200), asked[1]).mean() > 0.95


def test_the_dense_view_is_taken_where_the_model_is_linear_in_both() -> None:
    state = make_state()
    model = LateFusion().fit(state, np.random.default_rng(0))
    view, _, coefficients = linear_view(replace(state, fitted=lambda: model))
    assert view.dense
    assert coefficients.shape == (2, view.matrix.shape[1])
    lexical = linear_view(replace(state, views={"lexical": state.views["lexical"]}, fitted=lambda: model))
    assert not lexical[0].dense


def test_a_model_that_is_not_linear_is_told_of() -> None:
    state = make_state()

    class Curved:
        scores, probabilities = state.scores, state.probabilities

    with pytest.raises(BadSetting, match="needs a model that is linear in a view"):
        DropQuery().select(replace(state, fitted=lambda: Curved()), 3, np.random.default_rng(0))


@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_with_the_model_of_docreview(view: str) -> None:
    state = one_view(make_state(labels=ABC, target=None), view)
    model = LateFusion().fit(state, np.random.default_rng(0))
    state = replace(state, fitted=lambda: model)
    chosen = DropQuery(prefilter=40).select(state, 6, np.random.default_rng(0))
    doubt = np.sort(state.probabilities[state.candidates], axis=1)
    margins = doubt[:, -1] - doubt[:, -2]
    smallest = state.candidates[np.argsort(margins)[:40]]
    assert np.isin(chosen.rows, smallest).all()
    assert np.ptp(chosen.scores) > 0


# ------------------------------------------------------------------------------------------------------ discriminative


@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_the_first_are_those_that_scikit_learn_tells_apart_best(view: str) -> None:
    state = one_view(make_state(), view)
    pool, labeled = state.candidates, state.labeled
    given: Any = state.views[view].matrix
    x = given.toarray() if sp.issparse(given) else given
    side = np.repeat([0, 1], [labeled.size, pool.size])
    fit = LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=5_000).fit(x[np.r_[labeled, pool]], side)
    expected = fit.decision_function(x[pool]) - fit.intercept_
    chosen = Discriminative(sub_batches=1).select(state, 10, np.random.default_rng(0))
    np.testing.assert_allclose(chosen.scores, np.sort(expected)[::-1][:10], atol=0.01)
    assert np.isin(chosen.rows, pool[np.argsort(-expected)[:12]]).all()


def test_columns_that_no_row_has_weigh_nothing() -> None:
    matrix = sp.random_array((60, 500), density=0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
    weights = telling_apart(matrix, np.arange(20), np.arange(20, 60))
    unseen = np.setdiff1d(np.arange(500), matrix.indices)
    assert weights.shape == (500,)
    assert (weights[unseen] == 0).all()
    assert (weights != 0).any()


def _islands(seed: int = 0) -> ReviewState:
    """Four regions, a model equally unsure of all, labels in the first two; the last two are small."""
    rng = np.random.default_rng(seed)
    region = np.sort(rng.choice(4, 500, p=[0.45, 0.45, 0.05, 0.05]))
    centers = np.linalg.qr(rng.normal(size=(30, 4)))[0].T
    rows = centers[region] + 0.05 * rng.normal(size=(500, 30))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    given = frozen(np.full((500, 2), 0.5, dtype=np.float32))

    class Unsure:
        scores = probabilities = given

    return state_of({"semantic": Vectors(rows.astype(np.float32), "x")}, Unsure(), [*range(20), *range(250, 270)])


def _regions(state: ReviewState) -> Any:
    matrix: Any = state.views["semantic"].matrix
    near = matrix @ np.stack([matrix[0], matrix[300], matrix[-40], matrix[-1]]).T
    return near.argmax(axis=1)


def test_it_asks_where_nothing_is_labeled_in_both_places() -> None:
    """The case it is made for: the model is as unsure everywhere, and margin asks at random."""
    state = _islands()
    region = _regions(state)
    assert np.unique(region[state.labeled]).tolist() == [0, 1]
    for seed in range(5):
        chosen = region[Discriminative().select(state, 4, np.random.default_rng(seed)).rows]
        assert sorted(set(chosen.tolist())) == [2, 3]
    others = [s.select(state, 4, np.random.default_rng(seed)).rows for s in (Random(), Margin()) for seed in range(5)]
    assert np.mean([(region[rows] >= 2).mean() for rows in others]) < 0.3


def test_sub_batches_keep_what_is_new_from_filling_the_batch() -> None:
    state = _islands()
    at_once, in_five = (
        _regions(state)[Discriminative(parts).select(state, 10, np.random.default_rng(0)).rows] for parts in (1, 5)
    )
    assert (at_once >= 2).all()
    assert (in_five[:4] >= 2).all()
    assert not (in_five >= 2).all()


def test_the_size_of_sub_batches_adds_up_and_chosen_rows_count_as_labeled(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Any] = []
    fit = novelty.telling_apart

    def watched(matrix: Any, labeled: Any, unknown: Any) -> Any:
        assert not np.isin(labeled, unknown).any()
        known.append(labeled)
        return fit(matrix, labeled, unknown)

    monkeypatch.setattr(novelty, "telling_apart", watched)
    state = make_state()
    chosen = Discriminative(sub_batches=4).select(state, 10, np.random.default_rng(0))
    assert [rows.size - state.labeled.size for rows in known] == [0, 2, 5, 7]
    for rows in known:
        assert rows.tolist() == [*state.labeled, *chosen.rows[: rows.size - state.labeled.size]]


def test_labels_play_no_part_and_without_any_it_draws_at_random() -> None:
    state = _islands()
    other = replace(state, labels=np.where(state.labels >= 0, 1 - state.labels, -1))
    first, second = (Discriminative().select(s, 10, np.random.default_rng(0)).rows.tolist() for s in (state, other))
    assert first == second
    none = make_state(read=0)
    chosen, drawn = (s.select(none, 7, np.random.default_rng(3)) for s in (Discriminative(), Random()))
    assert chosen.rows.tolist() == drawn.rows.tolist()
    assert chosen.probabilities == pytest.approx(np.full(7, 7 / 120))


def test_of_a_large_pool_it_learns_from_a_part_and_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "_FEWEST", 50)
    monkeypatch.setattr(novelty, "_UNLABELED", 1)
    state = _islands()
    chosen = Discriminative(prefilter=30).select(state, 10, np.random.default_rng(0)).rows
    assert (_regions(state)[chosen] >= 2).mean() > 0.8
    assert Discriminative(prefilter=30).select(state, 460, np.random.default_rng(0)).rows.size == 460


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("drop-query", {"passes": 0}, "'passes' must be at least 1"),
        ("drop-query", {"rate": 1.0}, "'rate' must lie between 0 and 1"),
        ("drop-query", {"rate": 0.0}, "'rate' must lie between 0 and 1"),
        ("drop-query", {"prefilter": 0}, "'prefilter' must be at least 1"),
        ("discriminative", {"sub_batches": 0}, "'sub_batches' must be at least 1"),
        ("discriminative", {"prefilter": 0}, "'prefilter' must be at least 1"),
    ],
)
def test_settings(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        load_plugins().registry.create("query_strategies", name, settings)
