"""Class-balanced batches and small pools, against brute force and on the rare class that they are made for."""

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from docreview.errors import BadSetting, ContractViolation
from docreview.plugins import load_plugins
from docreview.query_strategies import AnchorAL, ClassBalanced, Margin, MostRelevant, Random, Seals, pool_recall
from docreview.query_strategies.rare import likeliest, plus_plus, shares
from docreview.types import Neighbors, Question, ReviewState, Sample, Selection, Vectors

TOPICS = Question("topic", ("law", "art", "sport"))


class Learned:
    def __init__(self, probabilities):
        self.probabilities = self.scores = np.asarray(probabilities, dtype=np.float32)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def neighbors_of(vectors, k):
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    rows = np.argsort(-similarity, axis=1)[:, :k].astype(np.int32)
    return Neighbors(rows, np.take_along_axis(similarity, rows, axis=1), "semantic", "x")


def make_state(
    labels, vectors=None, probabilities=None, k=4, question=TOPICS, graph=True, samples=(), skipped=(), seed=0
):
    """A state whose answered rows are those of `labels` (row -> class index) and those `skipped`."""
    rng = np.random.default_rng(seed)
    n = 60 if vectors is None else len(vectors)
    vectors = unit(rng.normal(size=(n, 6))) if vectors is None else vectors
    values = np.full(n, -1)
    values[list(labels)] = list(labels.values())
    read = [*labels, *skipped]
    rounds = np.full(n, -1)
    rounds[read] = 1
    if probabilities is None:
        probabilities = rng.dirichlet(np.ones(len(question.labels)), size=n)
    learned = Learned(probabilities)
    return ReviewState(
        question=question, round=2, n=n, views={"semantic": Vectors(vectors, "x")}, labels=values, rounds=rounds,
        reviewed=np.array(read, dtype=np.int64), samples=samples, fitted=lambda: learned,
        neighbors=neighbors_of(vectors, k) if graph else None,
    )  # fmt: skip


def generator(seed=0):
    return np.random.default_rng(seed)


# -------------------------------------------------------------------------------------------------- part of the pool


def test_a_part_of_the_pool_holds_the_candidates_among_its_rows():
    sample = Sample("validation", np.array([8]), 0.1)
    state = make_state({0: 0, 1: 1}, samples=(sample,), skipped=[2])
    part = state.restricted(np.array([9, 1, 8, 2, 5, 9, 40]))
    assert part.candidates.tolist() == part.pool.tolist() == [5, 9, 40]
    assert not part.candidates.flags.writeable
    assert part.restricted(np.array([40, 3, 9])).candidates.tolist() == [9, 40]
    assert part.restricted(np.array([], dtype=np.int64)).candidates.size == 0
    assert part.labeled.tolist() == state.labeled.tolist() == [0, 1]
    # a strategy that locks more of it, or thinks some labels up, is given what it asks for
    locked = replace(part, samples=(sample, Sample("more", np.array([9, 0]), 1.0)))
    assert locked.candidates.tolist() == [5, 40]
    assert locked.labeled.tolist() == [1]


def test_a_part_of_the_pool_shares_what_was_computed():
    state = make_state({0: 0, 1: 1})
    kept = {name: getattr(state, name) for name in ("labeled", "found", "probabilities", "scores")}
    part = state.restricted(np.array([7]))
    assert all(getattr(part, name) is value for name, value in kept.items())


# ------------------------------------------------------------------------------------------------------ class-balanced

small = st.lists(st.integers(0, 4), min_size=2, max_size=3)


@given(small, st.data(), st.integers(0, 6), st.integers(0, 99))
@settings(deadline=None)
def test_shares_are_the_most_even_of_all(have, data, n, seed):
    room = data.draw(st.lists(st.integers(0, 4), min_size=len(have), max_size=len(have)))
    got = shares(np.array(have), np.array(room), n, generator(seed))
    total = min(n, sum(room))
    assert got.sum() == total
    assert ((got >= 0) & (got <= room)).all()
    every = [places for places in itertools.product(*(range(r + 1) for r in room)) if sum(places) == total]
    squares = [sum((h + p) ** 2 for h, p in zip(have, places, strict=True)) for places in every]
    assert ((np.array(have) + got) ** 2).sum() == min(squares)


def test_places_that_are_left_over_are_given_by_lot():
    got = {tuple(shares(np.array([2, 2, 2]), np.array([9, 9, 9]), 4, generator(seed)).tolist()) for seed in range(30)}
    assert got == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}


def test_equally_likely_classes_are_told_apart_by_chance():
    p = np.array([[0.4, 0.4, 0.2]] * 3000 + [[0.1, 0.2, 0.7]], dtype=np.float32)
    found = likeliest(p, generator())
    assert found[-1] == 2
    counts = np.bincount(found[:-1], minlength=3)
    assert counts[2] == 0
    assert counts[:2].min() > 1400


def test_every_beginning_of_the_batch_is_as_even_as_predictions_allow():
    labels = {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 2}
    state = make_state(labels, seed=4)
    predicted = state.probabilities.argmax(axis=1)
    chosen = ClassBalanced().select(state, 20, generator())
    count = np.bincount(list(labels.values()), minlength=3)
    left = [int((predicted[state.candidates] == label).sum()) for label in range(3)]
    for row in chosen.rows:
        fewest = min(count[label] for label in range(3) if left[label])
        label = predicted[row]
        assert count[label] == fewest
        count[label] += 1
        left[label] -= 1
    # within each class, the margin's own choice in its own order
    for label in range(3):
        mine = [row for row in chosen.rows.tolist() if predicted[row] == label]
        of_label = state.candidates[predicted[state.candidates] == label]
        p = np.sort(state.probabilities[of_label], axis=1)
        assert mine == of_label[np.argsort(p[:, 2] - p[:, 1])][: len(mine)].tolist()
    ordered = np.sort(state.probabilities[chosen.rows], axis=1)
    assert chosen.scores == pytest.approx(1 - ordered[:, 2] + ordered[:, 1], abs=1e-6)


def test_a_class_that_is_hardly_predicted_gives_all_and_the_others_the_rest():
    p = np.tile([0.7, 0.2, 0.1], (60, 1)) + np.random.default_rng(0).random((60, 3)) * 1e-3
    p[50:52] = [0.1, 0.2, 0.7]
    p /= p.sum(axis=1, keepdims=True)
    state = make_state({0: 0, 1: 1}, probabilities=p)
    rows = ClassBalanced().select(state, 10, generator()).rows
    assert {50, 51} <= set(rows.tolist())
    assert len(rows) == 10


def test_the_strategy_inside_keeps_its_draw_probabilities():
    state = make_state({0: 0, 1: 1})
    chosen = ClassBalanced(Random()).select(state, 9, generator())
    predicted = state.probabilities.argmax(axis=1)
    for label in range(3):
        of_label = int((predicted[state.candidates] == label).sum())
        mine = predicted[chosen.rows] == label
        assert chosen.probabilities[mine] == pytest.approx(mine.sum() / of_label)
    assert chosen.scores is None


# -------------------------------------------------------------------------------------------------------------- seals


def test_seals_asks_about_the_neighbors_of_labeled_rows_only():
    state = make_state({3: 0, 7: 1, 9: 1}, skipped=[20, 21], samples=(Sample("validation", np.array([30, 31]), 0.1),))
    near = {int(row) for labeled in (3, 7, 9) for row in state.neighbors.rows[labeled]} - {3, 7, 9, 20, 21, 30, 31}
    assert Seals().subpool(state, 3, generator()).tolist() == sorted(near)
    ordered = np.sort(state.probabilities[sorted(near)], axis=1)
    best = np.array(sorted(near))[np.argsort(ordered[:, 2] - ordered[:, 1])][:3]
    chosen = Seals().select(state, 3, generator())
    assert chosen.rows.tolist() == best.tolist()
    assert chosen.probabilities.tolist() == [1, 1, 1]
    assert len(near) < 13


def test_labels_of_a_locked_sample_have_no_neighbors_in_the_pool():
    state = make_state({3: 0, 7: 1, 9: 1})
    locked = replace(state, samples=(Sample("validation", np.array([9]), 0.1),))
    without = make_state({3: 0, 7: 1}, skipped=[9])
    assert Seals().subpool(locked, 3, generator()).tolist() == Seals().subpool(without, 3, generator()).tolist()


@pytest.mark.parametrize("strategy", [Seals(), AnchorAL()], ids=repr)
def test_a_pool_too_small_is_filled_by_chance_with_the_chance_recorded(strategy):
    state = make_state({3: 0, 7: 1}, k=2)
    inside = strategy.subpool(state, 12, generator())
    outside = np.setdiff1d(state.candidates, inside)
    counts = np.zeros(60)
    for seed in range(2000):
        chosen = strategy.select(state, 12, generator(seed))
        assert set(inside.tolist()) <= set(chosen.rows.tolist())
        by_chance = ~np.isin(chosen.rows, inside)
        assert chosen.probabilities[~by_chance].tolist() == [1] * inside.size
        assert chosen.probabilities[by_chance] == pytest.approx((12 - inside.size) / outside.size)
        counts[chosen.rows[by_chance]] += 1
    assert chisquare(counts[outside]).pvalue > 1e-4
    # the whole pool and more: everything, certainly
    chosen = strategy.select(state, 100, generator())
    assert sorted(chosen.rows.tolist()) == state.candidates.tolist()
    assert (chosen.probabilities == 1).all()


@pytest.mark.parametrize("strategy", [Seals(), AnchorAL()], ids=repr)
def test_without_neighbors_the_strategy_inside_is_asked_about_all(strategy):
    state = make_state({3: 0, 7: 1}, graph=False)
    chosen = strategy.select(state, 5, generator())
    assert chosen.rows.tolist() == Margin().select(state, 5, generator()).rows.tolist()


@pytest.mark.parametrize("strategy", [Seals(), AnchorAL()], ids=repr)
def test_rows_without_neighbors_stand_for_nothing(strategy):
    state = make_state({3: 0, 7: 1})
    rows, similarities = state.neighbors.rows.copy(), state.neighbors.similarities.copy()
    rows[3], similarities[3] = -1, 0
    rows[7, 2:], similarities[7, 2:] = -1, 0
    state = replace(state, neighbors=Neighbors(rows, similarities, "semantic", "x"))
    expected = sorted({int(row) for row in rows[7, :2]} - {3, 7})
    assert strategy.subpool(state, 2, generator()).tolist() == expected


# ----------------------------------------------------------------------------------------------------------- anchor-al


def brute_subpool(state, anchors, size):
    """Candidates by mean similarity over the anchors whose neighbor they are, as AnchorAL's own code has it."""
    found = {}
    for anchor in anchors:
        for row, similarity in zip(state.neighbors.rows[anchor], state.neighbors.similarities[anchor], strict=True):
            found.setdefault(int(row), []).append(float(similarity))
    free = [row for row in found if row in set(state.candidates.tolist())]
    return sorted(sorted(free, key=lambda row: -np.mean(found[row]))[:size])


def test_anchor_al_keeps_the_candidates_most_like_the_anchors():
    labels = {row: row % 3 for row in range(12)}
    state = make_state(labels, k=6)
    for size in (4, 10, 1000):
        strategy = AnchorAL(pool_size=size)
        assert strategy.subpool(state, 3, generator()).tolist() == brute_subpool(state, range(12), size)
        inside = strategy.subpool(state, 3, generator())
        margin = Margin().select(state.restricted(inside), 3, generator())
        assert strategy.select(state, 3, generator()).rows.tolist() == margin.rows.tolist()
    assert AnchorAL(pool_size=2).subpool(state, 7, generator()).size == 7


def test_a_rare_class_has_as_many_anchors_as_a_common_one():
    # 40 labels of one class and 3 of the other: 3 anchors each, so the pool is what lies near any 6 such
    state = make_state({row: int(row >= 40) for row in range(43)}, k=5, question=Question("q", ("yes", "no")))
    rare = {int(row) for anchor in (40, 41, 42) for row in state.neighbors.rows[anchor]} & set(
        state.candidates.tolist()
    )
    for seed in range(10):
        pool = set(AnchorAL(anchors=3).subpool(state, 1, generator(seed)).tolist())
        assert rare <= pool
        assert any(
            pool == set(brute_subpool(state, [*chosen, 40, 41, 42], 1000))
            for chosen in itertools.combinations(range(40), 3)
        )


def test_anchors_are_drawn_as_k_means_plus_plus_draws():
    vectors = unit(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.2]]))
    square = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2).astype(float)
    expected = np.zeros((4, 4))
    for first in range(4):
        expected[first] = square[first] / square[first].sum() / 4
    counts = np.zeros((4, 4))
    for seed in range(4000):
        first, second = plus_plus(vectors, 2, generator(seed))
        counts[first, second] += 1
    off = ~np.eye(4, dtype=bool)
    assert counts[~off].sum() == 0
    assert chisquare(counts[off], expected[off] * 4000).pvalue > 1e-4


def test_twins_do_not_all_become_anchors():
    vectors = unit(np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5))
    assert sorted(int(i >= 5) for i in plus_plus(vectors, 4, generator())) == [0, 1]


# --------------------------------------------------------------------------------- what a small pool costs, and loses


def test_pool_recall_is_the_share_of_the_exact_choice_inside_the_pool():
    state = make_state({3: 0, 7: 1, 9: 1, 11: 2})
    exact = Margin().select(state, 10, generator()).rows.tolist()
    for strategy in (Seals(), AnchorAL()):
        inside = set(strategy.subpool(state, 10, generator()).tolist())
        share = sum(row in inside for row in exact) / 10
        assert pool_recall(strategy, state, 10, generator()) == pytest.approx(share)
        assert 0 < share < 1
    assert pool_recall(Seals(), make_state({3: 0, 7: 1}, k=59), 10, generator()) == 1
    assert pool_recall(Seals(), make_state({row: row % 3 for row in range(60)}), 10, generator()) == 1


@pytest.mark.parametrize("strategy", [Seals(), AnchorAL()], ids=repr)
def test_a_pool_around_the_labels_costs_nothing_of_the_size_of_the_corpus(strategy):
    n = 400_000
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(n, 8)))
    rows = rng.integers(n, size=(n, 10), dtype=np.int32)
    graph = Neighbors(rows, rng.random((n, 10), dtype=np.float32), "semantic", "x")
    state = make_state({row: row % 3 for row in range(200)}, vectors, rng.dirichlet(np.ones(3), n), graph=False)
    state = replace(state, neighbors=graph)
    _ = state.pool, state.labeled, state.probabilities, state.scores  # what any strategy is given
    tracemalloc.start()
    try:
        strategy.select(state, 20, generator())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n  # not so much as one byte a document


# ------------------------------------------------------------------------------------ the case that they are made for


def corpus(seed, n=2000, d=24):
    """Vectors in 30 clusters, most of which no label has been seen of, and a class of 1 % beside one of them."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(30, d))
    vectors = centers[rng.integers(30, size=n)] + 0.3 * rng.normal(size=(n, d))
    rare = rng.permutation(n)[: n // 100]
    vectors[rare] = 0.8 * centers[0] + 0.6 * rng.normal(size=d) + 0.3 * rng.normal(size=(rare.size, d))
    truth = np.ones(n, dtype=int)
    truth[rare] = 0
    return unit(vectors), truth


def review(strategy, seed, rounds=4, batch=10):
    """Labels of the rare class after some rounds that begin with 1 of it and 19 others."""
    from sklearn.linear_model import LogisticRegression

    vectors, truth = corpus(seed)
    rng = np.random.default_rng(seed)
    graph = neighbors_of(vectors, 20)
    read = [*rng.permutation(np.flatnonzero(truth == 0))[:1], *rng.permutation(np.flatnonzero(truth == 1))[:19]]
    for _ in range(rounds):
        model = LogisticRegression(C=10, class_weight="balanced").fit(vectors[read], truth[read])
        p = model.predict_proba(vectors)
        state = make_state(
            {row: truth[row] for row in read}, vectors, p, graph=False, question=Question("q", ("a", "b"))
        )
        read += strategy.select(replace(state, neighbors=graph), batch, rng).rows.tolist()
    return int((truth[read] == 0).sum())


def test_of_a_rare_class_they_find_more_than_margin_and_random():
    # margin goes where the model has seen nothing, while the rest of the class lies beside the one that is known
    found = {
        strategy: np.mean([review(strategy, seed) for seed in range(5)])
        for strategy in (ClassBalanced(), Seals(), AnchorAL(), Margin(), Random())
    }
    assert found[ClassBalanced()] > 1.5 * found[Margin()]
    assert found[AnchorAL()] > 1.2 * found[Margin()]
    assert found[Seals()] > 1.2 * found[Margin()]
    assert found[Margin()] > found[Random()]


# ------------------------------------------------------------------------------------------------------------ settings


def test_a_strategy_stands_inside_another_by_its_name():
    registry = load_plugins().registry
    made = registry.create("query_strategies", "class-balanced", {"query_strategy": "most-relevant"})
    assert made == ClassBalanced(MostRelevant())
    nested = {"query_strategy": {"name": "class-balanced", "query_strategy": "random"}, "anchors": 5}
    made = registry.create("query_strategies", "anchor-al", nested)
    assert made == AnchorAL(ClassBalanced(Random()), anchors=5)
    assert made.needs == {"model", "neighbors"}
    assert Seals(Random()).needs == {"neighbors"}
    assert registry.create("query_strategies", "seals") == Seals(Margin())


def test_impossible_settings_are_refused():
    registry = load_plugins().registry
    for name, value in (("anchors", 0), ("pool_size", 0), ("query_strategy", 3)):
        with pytest.raises(BadSetting, match=f"'anchor-al'.*{name}"):
            registry.create("query_strategies", "anchor-al", {name: value})


class Twice:
    needs = frozenset()

    def select(self, state, n, rng):
        return Selection(np.repeat(state.candidates[:1], n))


@pytest.mark.parametrize("make", [ClassBalanced, Seals, AnchorAL])
def test_a_strategy_inside_that_breaks_its_contract_is_blamed_itself(make):
    strategy = make(Twice())
    with pytest.raises(ContractViolation, match=r"'Twice'.*returned a row twice"):
        strategy.select(make_state({3: 0, 7: 1, 9: 1}), 6, generator())
