"""k-center and facility location against brute force, exhaustive search and peers, and on what they are made for."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_support import YES_NO, blobs, doubt, generator, state_of, unit

from docreview.errors import BadSetting
from docreview.plugins import load_plugins
from docreview.query_strategies import FacilityLocation, KCenter, Random
from docreview.query_strategies.diversity import Coverage
from docreview.query_strategies.greedy import lazy_greedy, nearest_similarity, stochastic_greedy
from docreview.types import Sample

BOUND = 1 - 1 / math.e


def value(similarities: Any, weights: Any, known: Any, chosen: Any) -> float:
    """Facility location by its definition, in double precision: `known` (g,) is covered before."""
    best = np.maximum(known, similarities[list(chosen)].max(axis=0, initial=0))
    return float((weights / weights.sum()) @ best.clip(0))


def naive_greedy(similarities: Any, weights: Any, known: Any, n: int) -> tuple[list[int], list[float]]:
    """Every gain anew at every step; the first among equals."""
    chosen: list[int] = []
    gains = []
    for _ in range(n):
        before = value(similarities, weights, known, chosen)
        left = [i for i in range(len(similarities)) if i not in chosen]
        added = [value(similarities, weights, known, [*chosen, i]) - before for i in left]
        chosen.append(left[int(np.argmax(added))])
        gains.append(max(added))
    return chosen, gains


class Counting(Coverage):
    """Counts the gains that are asked for."""

    asked = 0

    def gains(self, positions: Any) -> Any:
        self.asked += len(positions)
        return super().gains(positions)


# ------------------------------------------------------------------------------------------------------ greedy choice


@given(st.integers(1, 90), st.integers(1, 6), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None)
def test_lazy_greedy_is_naive_greedy_also_where_gains_are_equal(m: int, g: int, levels: int, seed: int) -> None:
    # few whole numbers: sums are exact in any precision, and ties are everywhere
    rng = np.random.default_rng(seed)
    similarities = rng.integers(0, levels + 1, size=(m, g)).astype(np.float32)
    covered, left, expected = np.zeros(g), list(range(m)), []
    for _ in range(n := int(rng.integers(1, m + 1))):
        gains = [float(np.maximum(similarities[i] - covered, 0).sum()) for i in left]
        best = int(np.argmax(gains))
        expected.append((left.pop(best), gains[best]))
        covered = np.maximum(covered, similarities[expected[-1][0]])
    chosen, added = lazy_greedy(Coverage(similarities, np.zeros(g, np.float32)), m, n)
    assert list(zip(chosen.tolist(), added.tolist(), strict=True)) == expected


@pytest.mark.parametrize("seed", range(3))
def test_lazy_greedy_takes_what_naive_greedy_takes_and_asks_for_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, _ = blobs([40, 30, 20, 20, 10, 80], noise=0.2, seed=seed)
    known, weights = unit(rng.normal(size=(5, 24))), rng.random(200)
    similarities = (rows.astype(np.float64) @ rows.T.astype(np.float64)).clip(0)
    expected, gains = naive_greedy(similarities, weights, (known @ rows.T).max(axis=0).clip(0), 25)
    objective = Coverage.of(rows, rows, known, weights)
    counting = Counting(objective.similarities, objective.covered)
    chosen, added = lazy_greedy(counting, 200, 25)
    assert chosen.tolist() == expected
    np.testing.assert_allclose(added, gains, atol=1e-6)
    assert counting.asked < 200 * 25 / 2


@pytest.mark.parametrize("seed", range(8))
def test_greedy_is_worth_its_share_of_the_best_of_all_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, weights = unit(np.abs(rng.normal(size=(12, 3)))), rng.random(12)
    similarities, none = (rows.astype(np.float64) @ rows.T).clip(0), np.zeros(12)
    best = max(value(similarities, weights, none, s) for s in itertools.combinations(range(12), 4))
    chosen, gains = lazy_greedy(Coverage.of(rows, rows, rows[:0], weights), 12, 4)
    assert value(similarities, weights, none, chosen) == pytest.approx(gains.sum(), abs=1e-6)
    assert best >= gains.sum() - 1e-6 >= BOUND * best
    assert (np.diff(gains) <= 1e-7).all(), "what is added never rises"


def test_stochastic_greedy_keeps_its_bound_on_the_mean_where_chance_does_not() -> None:
    # of 66 documents 61 are alike: chance takes those, the best batch one of each kind
    kind = np.r_[np.zeros(61, int), np.arange(1, 6)]
    rows, ground = unit(np.eye(6)[kind]), unit(np.eye(6))
    similarities, none = rows.astype(np.float64) @ ground.T, np.zeros(6)
    worth: dict[str, list[float]] = {"stochastic": [], "random": []}
    for seed in range(200):
        counting = Counting(*vars(Coverage.of(rows, ground, rows[:0])).values())
        chosen, gains = stochastic_greedy(counting, 66, 6, 0.1, generator(seed))
        assert len(set(chosen.tolist())) == 6
        assert counting.asked <= 6 * math.ceil(66 / 6 * math.log(10))
        worth["stochastic"].append(float(gains.sum()))
        assert gains.sum() == pytest.approx(value(similarities, np.ones(6), none, chosen), abs=1e-6)
        worth["random"].append(value(similarities, np.ones(6), none, generator(seed).choice(66, 6, replace=False)))
    # the best is worth 1
    assert np.mean(worth["random"]) < BOUND - 0.1 < np.mean(worth["stochastic"])


def test_with_a_small_epsilon_stochastic_greedy_looks_at_all() -> None:
    rows, _ = blobs([20, 15, 10], noise=0.2)
    some = Coverage.of(rows, rows, rows[:0]), Coverage.of(rows, rows, rows[:0])
    chosen, _ = stochastic_greedy(some[0], 45, 9, 1e-9, generator())
    assert chosen.tolist() == lazy_greedy(some[1], 45, 9)[0].tolist()


def test_nearest_similarities_are_those_of_all_pairs() -> None:
    rows, others = unit(generator(0).normal(size=(40, 5))), unit(generator(1).normal(size=(1_100, 5)))
    np.testing.assert_allclose(nearest_similarity(rows, others), (rows @ others.T).max(axis=1), atol=1e-6)
    assert (nearest_similarity(rows, others[:0]) == -1).all()


# -------------------------------------------------------------------------------------------------- facility location


@pytest.mark.parametrize("kind", [None, "margin", "target"])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_facility_location_follows_its_definition(make: Any, kind: Any) -> None:
    rows = unit(generator(4).normal(size=(80, 6)))
    state = state_of(make(rows), read=range(5))
    pool, exact = np.arange(5, 80), rows.astype(np.float64)
    weights = {
        None: np.ones(75),
        "margin": 1 - np.abs(state.probabilities[pool, 0] - state.probabilities[pool, 1]),
        "target": (lambda s: (s - s.min()) / (s.max() - s.min()))(state.scores[pool].astype(np.float64)),
    }[kind]
    similarities = (exact[pool] @ exact[pool].T).clip(0)
    known = (exact[:5] @ exact[pool].T).max(axis=0).clip(0)
    expected, gains = naive_greedy(similarities, weights, known, 20)
    selection = FacilityLocation(informativeness=kind).select(state, 20, generator())
    chosen = (selection.rows - 5).tolist()
    np.testing.assert_allclose(selection.scores, gains, atol=1e-6)
    # without weights, two that are nearest to each other add the same: either may be taken
    worth = [value(similarities, weights, known, chosen[:i]) for i in range(21)]
    np.testing.assert_allclose(np.diff(worth), gains, atol=1e-6)
    assert chosen == expected or kind is None
    assert 0 < worth[-1] <= 1


def test_facility_location_takes_one_of_each_blob_and_no_outlier_and_chance_does_not() -> None:
    rows, blob = blobs([50] * 6 + [1] * 12, d=18)
    state = state_of(rows)
    for strategy in (FacilityLocation(), FacilityLocation(epsilon=0.05)):
        assert sorted(blob[strategy.select(state, 6, generator()).rows]) == list(range(6))
    by_chance = [sorted(blob[Random().select(state, 6, generator(seed)).rows]) for seed in range(20)]
    assert sum(drawn == list(range(6)) for drawn in by_chance) < 5


def test_what_a_label_stands_for_needs_no_other_document() -> None:
    rows, blob = blobs([50] * 6)
    labeled = [int(np.flatnonzero(blob == b)[0]) for b in (0, 2, 4)]
    chosen = FacilityLocation().select(state_of(rows, read=labeled), 3, generator()).rows
    assert sorted(blob[chosen]) == [1, 3, 5]


def test_labels_of_a_locked_sample_cover_nothing() -> None:
    rows, blob = blobs([50] * 3)
    locked = np.array([int(np.flatnonzero(blob == b)[0]) for b in (0, 1)])
    state = state_of(rows, {int(row): 0 for row in locked}, samples=(Sample("validation", locked, 0.1),))
    for strategy in (FacilityLocation(), KCenter()):
        assert sorted(blob[strategy.select(state, 3, generator()).rows]) == [0, 1, 2]


def test_with_informativeness_what_is_in_doubt_is_stood_for() -> None:
    rows, blob = blobs([50] * 6)
    unsure = np.isin(blob, (1, 4))
    state = state_of(rows, probabilities=doubt(np.where(unsure, 0.9, 0.01)))
    assert sorted(blob[FacilityLocation(informativeness="margin").select(state, 2, generator()).rows]) == [1, 4]
    certain = state_of(rows, probabilities=doubt(np.zeros(300)))
    chosen = FacilityLocation(informativeness="entropy").select(certain, 6, generator()).rows
    assert sorted(blob[chosen]) == list(range(6)), "where nothing is in doubt all count alike"
    assert FacilityLocation().needs == frozenset()
    assert FacilityLocation(informativeness="margin").needs == {"model"}
    state = replace(state, question=replace(YES_NO, target=None))
    with pytest.raises(BadSetting, match="'facility-location' needs a question with a target"):
        FacilityLocation(informativeness="target").select(state, 2, generator())


def test_a_sample_of_the_ground_is_about_as_good_as_all_of_it() -> None:
    rows, blob = blobs(np.arange(40, 140, 5), noise=0.3)
    state = state_of(rows)
    similarities = (rows @ rows.T).clip(0).astype(np.float64)
    worth = [
        value(similarities, np.ones(blob.size), np.zeros(blob.size), strategy.select(state, 20, generator()).rows)
        for strategy in (FacilityLocation(), FacilityLocation(ground=300), Random())
    ]
    assert worth[0] >= worth[1] > worth[0] - 0.03
    assert worth[1] > worth[2] + 0.03


# ----------------------------------------------------------------------------------------------------------- k-center


def farthest_first(exact: Any, pool: Any, known: list[int], n: int) -> tuple[list[int], list[float]]:
    chosen, distances = [], []
    for _ in range(n):
        centers = exact[[*known, *chosen]]
        left = [i for i in pool if i not in chosen]
        nearest = [np.linalg.norm(exact[i] - centers, axis=1).min() for i in left]
        chosen.append(int(left[int(np.argmax(nearest))]))
        distances.append(max(nearest))
    return chosen, distances


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_k_center_is_farthest_first_traversal(make: Any) -> None:
    rows = unit(generator(3).normal(size=(90, 7)))
    state = state_of(make(rows), read=range(0, 90, 9))
    expected, distances = farthest_first(rows.astype(np.float64), state.pool, list(range(0, 90, 9)), 30)
    chosen = KCenter().select(state, 30, generator())
    assert chosen.rows.tolist() == expected
    np.testing.assert_allclose(chosen.scores, distances, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_distance_is_at_most_twice_the_least_there_is(seed: int) -> None:
    rows = unit(generator(seed).normal(size=(13, 3)))
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    least = min(apart[:, s].min(axis=1).max() for s in itertools.combinations(range(13), 3))
    chosen = KCenter().select(state_of(rows), 3, generator(seed)).rows
    assert least <= apart[:, chosen].min(axis=1).max() + 1e-6 <= 2 * least + 2e-6


def test_k_center_takes_what_scikit_activeml_takes() -> None:
    peer = pytest.importorskip("skactiveml.pool._core_set")
    rows = unit(generator(5).normal(size=(120, 10)))
    y = np.full(120, np.nan)
    y[:12] = 0
    expected, _ = peer.k_greedy_center(rows.astype(np.float64), y, batch_size=25, random_state=0)
    assert KCenter().select(state_of(rows, range(12)), 25, generator()).rows.tolist() == expected.tolist()


def test_k_center_takes_what_small_text_takes_where_unlabeled_rows_come_first() -> None:
    # small-text 1.4.1 notes what it has chosen by its place among the unlabeled rows and then looks it up among all
    # rows: right only where the unlabeled ones come first. Elsewhere it measures distances to other documents, and
    # brute force, scikit-activeml and docreview agree against it. (Its cosine distance is NaN where rounding makes a
    # product of unit rows greater than 1; the Euclidean one, its default, ranks the same.)
    peer = pytest.importorskip("small_text.query_strategies.coresets")
    rows = unit(generator(6).normal(size=(120, 10)))
    unlabeled, labeled = np.arange(108), np.arange(108, 120)
    expected = peer.greedy_coreset(rows, unlabeled, labeled, 25, distance_metric="euclidean")
    chosen = KCenter().select(state_of(rows, labeled.tolist()), 25, generator()).rows
    assert chosen.tolist() == expected.tolist()


def test_k_center_finds_regions_without_a_label_and_outliers_and_chance_does_not() -> None:
    rows, blob = blobs([90] * 3 + [2] * 6)
    state = state_of(rows, np.flatnonzero(np.isin(blob, (0, 1)))[:40].tolist())
    assert sorted(blob[KCenter().select(state, 7, generator()).rows]) == list(range(2, 9))
    found = [np.unique(blob[Random().select(state, 7, generator(seed)).rows]).size for seed in range(20)]
    assert np.mean(found) < 5


def test_without_a_label_the_first_is_one_by_chance_and_the_farthest_follow() -> None:
    rows, blob = blobs([30] * 5)
    firsts = set()
    for seed in range(12):
        chosen = KCenter().select(state_of(rows), 5, generator(seed))
        assert sorted(blob[chosen.rows]) == list(range(5))
        assert chosen.scores is not None
        assert chosen.scores[0] == 2
        firsts.add(int(chosen.rows[0]))
    assert len(firsts) > 8


@pytest.mark.parametrize("strategy", [KCenter(), FacilityLocation()], ids=repr)
def test_twins_and_blank_documents_come_last(strategy: Any) -> None:
    rows = unit(generator(1).normal(size=(20, 30)))
    state = state_of(np.concatenate([rows, rows, np.zeros((9, 30), np.float32)]))
    chosen = strategy.select(state, 49, generator())
    assert len({row % 20 for row in chosen.rows[:20].tolist()}) == 20
    assert (chosen.rows[:20] < 40).all()
    if isinstance(strategy, KCenter):
        assert set(chosen.rows[:20].tolist()).isdisjoint(range(40, 49))
        assert chosen.scores is not None
        np.testing.assert_allclose(chosen.scores[20:], 0, atol=1e-3)


# ------------------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize("strategy", [KCenter(prefilter=50), FacilityLocation(prefilter=50, ground=40)], ids=repr)
def test_of_a_large_pool_a_part_drawn_at_random_is_looked_at(strategy: Any) -> None:
    state = state_of(unit(generator(1).normal(size=(1_000, 8))))
    rows = np.concatenate([strategy.select(state, 10, generator(seed)).rows for seed in range(60)])
    assert rows.mean() == pytest.approx(500, abs=60)
    assert np.unique(rows).size > 200
    assert strategy.select(state, 400, generator()).rows.size == 400, "more than are looked at may be asked for"


@pytest.mark.parametrize(
    ("name", "setting", "wrong"),
    [
        ("k-center", "prefilter", 0),
        ("facility-location", "prefilter", 0),
        ("facility-location", "ground", 0),
        ("facility-location", "epsilon", 1.0),
        ("facility-location", "epsilon", -0.1),
        ("facility-location", "informativeness", "magic"),
    ],
)
def test_impossible_settings_are_refused(name: str, setting: str, wrong: Any) -> None:
    with pytest.raises(BadSetting, match=setting):
        load_plugins().registry.create("query_strategies", name, {setting: wrong})
