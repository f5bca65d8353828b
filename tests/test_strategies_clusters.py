"""k-means and what chooses by clusters, against definitions, scikit-learn and scikit-activeml, and on blobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_support import blobs, doubt, generator, graph_of, state_of, unit

from docreview.errors import BadSetting
from docreview.plugins import load_plugins
from docreview.query_strategies import KMeans, Margin, MarginKMeans, Random, TypiClust
from docreview.query_strategies.clusters import cluster_typicality, graph_typicality, place_in_cluster
from docreview.query_strategies.k_means import k_means, nearest_center
from docreview.types import Sample

STRATEGIES = [KMeans(), MarginKMeans(), MarginKMeans(weighted=False), TypiClust()]

# ------------------------------------------------------------------------------------------------------------- k-means


def test_k_means_is_as_good_as_scikit_learns_run_to_its_end() -> None:
    from sklearn.cluster import KMeans as Peer

    for noise, seed in ((0.1, 0), (0.3, 1)):
        rows, _ = blobs(generator(seed).integers(1, 60, size=90), d=96, noise=noise, seed=seed)
        found = k_means(rows, 40, generator(seed))
        peer = Peer(40, n_init=1, random_state=0).fit(rows.astype(np.float64))
        assert found.distances.sum() < 1.03 * peer.inertia_


def test_centers_and_distances_are_those_of_the_clusters() -> None:
    rows, weights = unit(generator(0).normal(size=(400, 6))), generator(1).random(400)
    for given_ in (None, weights):
        found = k_means(rows, 12, generator(2), given_)
        for cluster in range(12):
            members = found.labels == cluster
            weight = np.ones(400) if given_ is None else weights
            center = np.average(rows[members], axis=0, weights=weight[members])
            np.testing.assert_allclose(found.centers[cluster], center, atol=1e-5)
            away = np.linalg.norm(rows[members] - center, axis=1) ** 2
            np.testing.assert_allclose(found.distances[members], away, atol=1e-5)


def test_the_nearest_center_is_the_nearest() -> None:
    rows, centers = generator(0).normal(size=(5_000, 4)), generator(1).normal(size=(30, 4))
    expected = np.linalg.norm(rows[:, None] - centers, axis=2).argmin(axis=1)
    assert (nearest_center(rows.astype(np.float32), centers.astype(np.float32)) == expected).mean() > 0.999


@pytest.mark.parametrize("seed", range(10))
def test_blobs_that_lie_apart_are_found_however_few_documents_they_have(seed: int) -> None:
    # the start does that: rows drawn evenly would begin in the large blobs, and Lloyd's steps stay there
    rows, blob = blobs([300] * 4 + [25] * 12, noise=0.02, seed=seed)
    labels = k_means(rows, 16, generator(seed)).labels
    assert len(set(zip(labels.tolist(), blob.tolist(), strict=True))) == 16


def test_rows_that_are_alike_or_few_make_fewer_clusters() -> None:
    row = unit(np.ones((1, 5)))
    assert np.unique(k_means(np.repeat(row, 30, axis=0), 4, generator()).labels).size == 1
    assert k_means(row, 4, generator()).labels.tolist() == [0]
    assert k_means(row, 1, generator(), np.zeros(1)).centers.shape == (1, 5)


# ------------------------------------------------------------------------------------------------ all that use clusters


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=30))
@settings(deadline=None)
def test_places_are_those_of_a_sort_within_each_cluster(pairs: list[tuple[int, int]]) -> None:
    labels, values = (np.array([p[i] for p in pairs], dtype=np.int64) for i in (0, 1))
    expected = [
        sum(other == label and (w > v or (w == v and j < i)) for j, (other, w) in enumerate(pairs))
        for i, (label, v) in enumerate(pairs)
    ]
    assert place_in_cluster(labels, values.astype(np.float64)).tolist() == expected


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_more_documents_than_clusters_are_taken_from_each_cluster_in_turn(strategy: Any) -> None:
    rows, _ = blobs([30] * 4)
    state = state_of(np.concatenate([rows[:1]] * 90))  # copies: one cluster
    assert np.unique(strategy.select(state, 40, generator()).rows).size == 40
    assert np.unique(strategy.select(state_of(rows), 1_000, generator()).rows).size == 120


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_documents_in_which_the_view_sees_nothing_come_last(strategy: Any) -> None:
    rows, _ = blobs([30] * 4)
    rows[:20] = 0
    state = state_of(rows, probabilities=np.full((120, 2), 0.5))
    chosen = strategy.select(state, 120, generator()).rows
    assert set(chosen[100:].tolist()) == set(range(20))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_without_a_view_it_says_what_to_do(strategy: Any) -> None:
    state = replace(state_of(blobs([30])[0]), views={})
    with pytest.raises(BadSetting, match="needs a view, and there is none"):
        strategy.select(state, 3, generator())


@pytest.mark.parametrize("name", ["k-means", "margin-k-means", "typiclust"])
def test_impossible_settings_are_refused(name: str) -> None:
    with pytest.raises(BadSetting, match="'prefilter' must be at least 1, got 0"):
        load_plugins().registry.create("query_strategies", name, {"prefilter": 0})


# ------------------------------------------------------------------------------------------------------------- k-means

SIZES = (70, 60, 50, 40, 30, 20)


def middles(rows: Any, blob: Any, members: Any, weights: Any) -> list[int]:
    """Of each blob the member nearest to the weighted mean of its members, the blobs in order."""
    chosen = []
    for b in np.unique(blob[members]):
        own = members[blob[members] == b]
        exact = rows[own].astype(np.float64)
        center = np.average(exact, axis=0, weights=weights[own])
        chosen.append(int(own[np.linalg.norm(exact - center, axis=1).argmin()]))
    return chosen


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_k_means_takes_the_middle_of_each_cluster_the_largest_first(make: Any) -> None:
    rows, blob = blobs(SIZES)
    chosen = KMeans().select(state_of(make(rows)), 6, generator())
    assert chosen.rows.tolist() == middles(rows, blob, np.arange(270), np.ones(270))
    assert chosen.scores is not None
    means = np.array([rows[blob == b].mean(axis=0) for b in range(6)])
    cosines = (rows[chosen.rows] * means).sum(axis=1) / np.linalg.norm(means, axis=1)
    np.testing.assert_allclose(chosen.scores, cosines, atol=1e-5)


def test_k_means_takes_one_of_every_cluster_from_a_part_of_the_pool_and_chance_does_not() -> None:
    rows, blob = blobs([300] * 10)
    state = state_of(rows)
    choices = [KMeans(prefilter=300).select(state, 10, generator(seed)).rows for seed in range(5)]
    assert all(sorted(blob[chosen]) == list(range(10)) for chosen in choices)
    assert np.unique(choices).size > 40, "another part each time"
    by_chance = [np.unique(blob[Random().select(state, 10, generator(seed)).rows]).size for seed in range(20)]
    assert np.mean(by_chance) < 8


# ------------------------------------------------------------------------------------------------------ margin, k-means


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_margin_k_means_follows_its_definition(make: Any, weighted: bool) -> None:
    rows, blob = blobs(SIZES, noise=0.1)
    unsure = generator(1).random(270)
    state = state_of(make(rows), read=range(10), probabilities=doubt(unsure))
    kept = 10 + np.argsort(-unsure[10:])[:60]
    assert np.unique(blob[kept]).size == 6
    expected = middles(rows, blob, kept, unsure if weighted else np.ones(270))
    chosen = MarginKMeans(weighted).select(state, 6, generator())
    assert chosen.rows.tolist() == sorted(expected, key=lambda row: -unsure[row])
    np.testing.assert_allclose(chosen.scores, unsure[chosen.rows], atol=1e-5)


def test_margin_k_means_takes_different_documents_where_margin_takes_copies() -> None:
    rows, blob = blobs([40] * 8)
    # of the first blob the model knows least, of the next four little
    state = state_of(rows, probabilities=doubt(np.where(blob == 0, 0.95, np.where(blob < 5, 0.9, 0.2))))
    assert set(blob[Margin().select(state, 5, generator()).rows]) == {0}
    for strategy in (MarginKMeans(prefilter=40), MarginKMeans(weighted=False, prefilter=40)):
        assert sorted(blob[strategy.select(state, 5, generator()).rows]) == list(range(5))


def test_by_weights_doubt_still_counts_where_all_candidates_are_kept() -> None:
    rows, _ = blobs([100] * 4, noise=0.3)
    unsure = generator(0).random(400) ** 4
    state = state_of(rows, probabilities=doubt(unsure))
    mean = {
        weighted: np.mean(
            [unsure[MarginKMeans(weighted, 1_000).select(state, 20, generator(s)).rows] for s in range(8)]
        )
        for weighted in (True, False)
    }
    assert mean[True] > 1.15 * mean[False]


# ------------------------------------------------------------------------------------------------------------ typiclust


def brute_typicality(rows: Any, among: Any, k: int = 20) -> Any:
    exact = rows.astype(np.float64)
    apart = np.linalg.norm(exact[:, None] - exact[among][None], axis=2)
    # the first of the sorted is the document itself
    return 1 / (np.sort(apart, axis=1)[:, 1 : k + 1].mean(axis=1) + 1e-5)


@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_typiclust_takes_the_most_typical_of_the_largest_clusters_without_a_label(make: Any, graph: bool) -> None:
    rows, blob = blobs((70, 60, 50, 45, 40, 30, 25), noise=0.1)
    labeled = [int(np.flatnonzero(blob == b)[3]) for b in (1, 3, 6)]
    state = state_of(make(rows), labeled, graph=graph_of(rows) if graph else None)
    typical = brute_typicality(rows, np.arange(320))
    expected = [max(np.flatnonzero(blob == b), key=lambda row: typical[row]) for b in (0, 2, 4, 5)]
    chosen = TypiClust().select(state, 4, generator())
    assert chosen.rows.tolist() == expected
    np.testing.assert_allclose(chosen.scores, typical[expected], rtol=1e-3)


def test_typiclust_takes_what_scikit_activeml_takes_from_the_same_clusters() -> None:
    # Where scikit-activeml 1.0.1 differs: it has no bound on the number of clusters and takes clusters of one document
    # as they come; once every cluster holds a label it calls all documents equally typical, where the paper's own code
    # (and docreview) goes on with the clusters of the fewest labels. Its default is 5 neighbors, the paper's 20.
    pool = pytest.importorskip("skactiveml.pool")
    rows, blob = blobs((70, 60, 50, 45, 40, 30, 25), noise=0.1, seed=3)
    labeled = [int(np.flatnonzero(blob == b)[0]) for b in (0, 5)]
    y = np.full(320, np.nan)
    y[labeled] = 0
    expected = pool.TypiClust(k=20, random_state=0).query(rows.astype(np.float64), y, batch_size=5)
    chosen = TypiClust().select(state_of(rows, labeled, graph=graph_of(rows)), 5, generator())
    assert chosen.rows.tolist() == expected.tolist()


def test_once_all_clusters_have_labels_those_with_the_fewest_come_first() -> None:
    # copies of three documents make three clusters, however many are asked for
    blob = np.repeat(np.arange(3), (60, 50, 40))
    labeled = [0, 1, 60, 110]
    chosen = TypiClust().select(state_of(unit(np.eye(3)[blob]), labeled), 5, generator()).rows
    assert blob[chosen].tolist() == [1, 2, 0, 1, 2]


def test_outliers_come_last() -> None:
    rows, blob = blobs([60] * 6 + [2] * 12)
    labeled = [int(np.flatnonzero(blob == b)[0]) for b in range(6)]
    state = state_of(rows, labeled, graph=graph_of(rows))
    assert (blob[TypiClust().select(state, 12, generator()).rows] < 6).all()
    by_chance = [(blob[Random().select(state, 12, generator(seed)).rows] < 6).all() for seed in range(20)]
    assert not all(by_chance)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_large_pool_it_sees_a_part_and_every_label(seed: int) -> None:
    rows, blob = blobs([400] * 10, seed=seed)
    labeled = [int(np.flatnonzero(blob == b)[0]) for b in range(6)]
    chosen = TypiClust(prefilter=300).select(state_of(rows, labeled), 4, generator(seed)).rows
    assert sorted(blob[chosen]) == [6, 7, 8, 9]


def test_labels_of_a_locked_sample_cover_nothing() -> None:
    rows, blob = blobs([50] * 3)
    locked = np.array([int(np.flatnonzero(blob == b)[0]) for b in (0, 1)])
    state = state_of(rows, {int(row): 0 for row in locked}, samples=(Sample("validation", locked, 0.1),))
    assert sorted(blob[TypiClust().select(state, 3, generator()).rows]) == [0, 1, 2]


def test_typicality_is_one_over_the_mean_distance_to_the_neighbors_there_are() -> None:
    rows = unit(generator(0).normal(size=(50, 4)))
    graph = graph_of(rows, 30)
    np.testing.assert_allclose(graph_typicality(graph, np.arange(50)), brute_typicality(rows, np.arange(50)), rtol=1e-3)
    some, near = graph.rows.copy(), graph.similarities.copy()
    some[0], near[0], some[1, 1:], near[1, 1:] = -1, 0, -1, 0
    few = graph_typicality(replace(graph, rows=some, similarities=near), np.arange(2))
    assert few == pytest.approx([0, 1 / (np.sqrt(2 - 2 * near[1, 0]) + 1e-5)], rel=1e-3)


def test_without_a_graph_neighbors_are_sought_in_the_cluster() -> None:
    rows = unit(generator(0).normal(size=(1_300, 4)))
    labels = np.where(np.arange(1_300) < 1_200, 0, 1)  # more than are compared, and fewer
    rows[1_299], labels[1_298] = 0, 2
    got = cluster_typicality(rows, labels)
    own = np.arange(1_200, 1_298)
    np.testing.assert_allclose(got[own], brute_typicality(rows[own], np.arange(98)), rtol=1e-2)
    assert got[1_298:].tolist() == [0, 0], "alone in its cluster, and blank"
    first = brute_typicality(rows[:1_200], np.arange(1_000))
    np.testing.assert_allclose(got[:1_000], first[:1_000], rtol=1e-2)
