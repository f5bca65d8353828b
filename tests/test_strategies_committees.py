"""Query by committee against SciPy's entropies and divergences, against scikit-activeml, and on what it is made for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare, entropy

from docreview.errors import BadSetting
from docreview.models import LateFusion
from docreview.plugins import load_plugins
from docreview.query_strategies import KLDivergence, Margin, VoteEntropy
from docreview.query_strategies.committees import consensus_entropy, kl_divergence, vote_entropy
from docreview.testing import make_state
from docreview.testing.samples import one_view
from docreview.types import ReviewState, frozen

STRATEGIES = [VoteEntropy(), KLDivergence()]


def committee(members: int, n: int, k: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.5), size=(members, n)).astype(np.float32)


def with_committee(probabilities: Any, state: ReviewState | None = None) -> ReviewState:
    state = state or make_state(probabilities.shape[1], read=10)
    return replace(state, committee=lambda kind, members: frozen(probabilities))


@pytest.mark.parametrize(("members", "k"), [(2, 2), (5, 2), (4, 3), (7, 9)])
def test_entropies_and_divergences_agree_with_their_definitions(members: int, k: int) -> None:
    given = committee(members, 50, k)
    rows = np.random.default_rng(1).permutation(50)[:37]
    p = given[:, rows].astype(np.float64)
    votes = [np.bincount(column, minlength=k) / members for column in p.argmax(axis=2).T]
    np.testing.assert_allclose(vote_entropy(given, rows), [entropy(v) for v in votes], atol=1e-9)
    np.testing.assert_allclose(consensus_entropy(given, rows), entropy(p.mean(axis=0), axis=1), atol=1e-6)
    mean = p.mean(axis=0)
    divergences = [np.mean([entropy(p[c, i], mean[i]) for c in range(members)]) for i in range(rows.size)]
    np.testing.assert_allclose(kl_divergence(given, rows), divergences, atol=1e-6)


def test_what_is_computed_in_blocks_is_put_together_in_order() -> None:
    given = committee(3, 20_000, 2)
    rows = np.arange(20_000)[::-1]
    np.testing.assert_array_equal(kl_divergence(given, rows)[:9], kl_divergence(given, rows[:9]))
    np.testing.assert_array_equal(vote_entropy(given, rows)[-9:], vote_entropy(given, rows[-9:]))


def test_members_that_agree_score_zero_also_where_they_are_certain() -> None:
    given = np.repeat(np.array([[[1, 0], [0.7, 0.3], [0.5, 0.5]]], dtype=np.float32), 4, axis=0)
    assert vote_entropy(given, np.arange(3)).tolist() == [0, 0, 0]
    np.testing.assert_allclose(kl_divergence(given, np.arange(3)), 0, atol=1e-12)
    split = np.array([[[1, 0]], [[0, 1]]], dtype=np.float32)
    np.testing.assert_allclose(kl_divergence(split, np.arange(1)), np.log(2))
    np.testing.assert_allclose(vote_entropy(split, np.arange(1)), np.log(2))


@pytest.mark.parametrize(("members", "k"), [(5, 2), (6, 4)])
def test_scores_are_those_of_scikit_activeml(members: int, k: int) -> None:
    peer = pytest.importorskip("skactiveml.pool._query_by_committee")
    given = committee(members, 80, k)
    rows = np.arange(80)
    votes = given.argmax(axis=2).T
    np.testing.assert_allclose(vote_entropy(given, rows), peer.vote_entropy(votes, np.arange(k)), atol=1e-9)
    # it raises probabilities below 1e-7 to that, so it is a little off where a member is certain
    peers = peer.average_kl_divergence(given.astype(np.float64))
    np.testing.assert_allclose(kl_divergence(given, rows), peers, atol=1e-5)


def test_the_strategies_take_what_the_measures_rank_first() -> None:
    state = with_committee(committee(5, 120, 3), make_state(labels=("a", "b", "c"), target=None))
    pool = state.candidates
    chosen = KLDivergence(power=math.inf).select(state, 9, np.random.default_rng(0))
    scores = kl_divergence(state.committee("bootstrap", 5), pool)
    assert chosen.rows.tolist() == pool[np.argsort(-scores)[:9]].tolist()
    np.testing.assert_allclose(chosen.scores, np.sort(scores)[::-1][:9], rtol=1e-5)
    votes = vote_entropy(state.committee("bootstrap", 5), pool)
    mean = consensus_entropy(state.committee("bootstrap", 5), pool)
    chosen = VoteEntropy().select(state, pool.size, np.random.default_rng(0))
    assert chosen.rows.tolist() == pool[np.lexsort((-mean, -votes))].tolist()
    np.testing.assert_allclose(chosen.scores, np.sort(votes)[::-1], atol=2e-4)


def test_documents_are_drawn_in_proportion_to_their_divergence_to_the_power() -> None:
    given = committee(5, 120, 2)
    given[:, :40] = 0.5
    state = with_committee(given)
    pool = state.candidates
    scores = kl_divergence(state.committee("bootstrap", 5), pool)
    for power in (1.0, 3.0):
        strategy = KLDivergence(power=power)
        first = [strategy.select(state, 5, np.random.default_rng(seed)).rows[0] for seed in range(3000)]
        expected = 3000 * scores**power / (scores**power).sum()
        often = np.array([(np.array(first) == row).sum() for row in pool])
        assert (often[scores == 0] == 0).all()
        common = expected > 5
        assert chisquare(often[common], expected[common] * often[common].sum() / expected[common].sum()).pvalue > 1e-3
    # what all members agree on is still there where nothing else is left
    every = KLDivergence().select(state, pool.size, np.random.default_rng(0)).rows
    assert sorted(every.tolist()) == pool.tolist()
    assert (scores[np.searchsorted(pool, every)][(scores > 0).sum() :] == 0).all()


def test_equal_votes_and_probabilities_are_ordered_by_chance() -> None:
    given = np.repeat(committee(5, 1, 2), 400, axis=1)
    for strategy in STRATEGIES:
        state = with_committee(given)
        rows = np.concatenate([strategy.select(state, 20, np.random.default_rng(seed)).rows for seed in range(20)])
        assert rows.mean() == pytest.approx(200, abs=30)
        assert len(np.unique(rows)) > 150


def test_a_committee_asks_what_it_is_divided_on_and_not_what_all_find_hard() -> None:
    """The case it is made for: noise that every member sees as noise, and a region each reads in its own way."""
    given = np.full((4, 120, 2), 0.5, dtype=np.float32)
    divided = np.arange(60, 90)
    given[:2, divided] = 0.9, 0.1
    given[2:, divided] = 0.1, 0.9
    sure = np.arange(90, 120)
    given[:, sure] = 0.95, 0.05
    state = with_committee(given)
    mean = frozen(given.mean(axis=0))

    class Mean:
        scores = probabilities = mean

    state = replace(state, fitted=lambda: Mean())
    there = np.intersect1d(state.candidates, divided).size
    for strategy in (VoteEntropy(), KLDivergence(power=2.0)):
        chosen = strategy.select(state, there, np.random.default_rng(0)).rows
        assert np.isin(chosen, divided).all()
    # the model's own doubt cannot tell them from the noise
    assert np.isin(Margin().select(state, there, np.random.default_rng(0)).rows, divided).mean() < 0.6


@pytest.mark.parametrize("kind", ["bootstrap", "views", "classifiers", "initializations"])
def test_committees_of_the_model_of_docreview(kind: Any) -> None:
    state = make_state(validation=10)
    model, members = LateFusion(), []
    for fitted in model.committee(state, kind, 3, np.random.default_rng(0)):
        members.append(fitted.probabilities)
    state = with_committee(np.stack(members), state)
    for strategy in (VoteEntropy(kind, 3), KLDivergence(kind, 3)):
        chosen = strategy.select(state, 8, np.random.default_rng(0))
        assert np.ptp(chosen.scores) > 0
        assert np.isin(chosen.rows, state.candidates).all()


def test_the_committee_asked_for_is_the_one_that_is_made() -> None:
    asked = []

    def made(kind: Any, members: int) -> Any:
        asked.append((kind, members))
        return committee(members, 120, 2)

    KLDivergence("classifiers", 4).select(replace(make_state(), committee=made), 3, np.random.default_rng(0))
    VoteEntropy().select(replace(make_state(), committee=made), 3, np.random.default_rng(0))
    assert asked == [("classifiers", 4), ("bootstrap", 5)]


@pytest.mark.parametrize("name", ["vote-entropy", "kl-divergence"])
def test_settings(name: str) -> None:
    registry = load_plugins().registry
    assert registry.create("query_strategies", name).committee == "bootstrap"
    with pytest.raises(BadSetting, match="'members' must be at least 2, got 1"):
        registry.create("query_strategies", name, {"members": 1})
    with pytest.raises(BadSetting, match="'committee' must be one of 'bootstrap'"):
        registry.create("query_strategies", name, {"committee": "boosting"})
    strategy = registry.create("query_strategies", name, {"committee": "views"})
    with pytest.raises(BadSetting, match="needs two views"):
        strategy.select(one_view(make_state(), "semantic"), 3, np.random.default_rng(0))


def test_the_power_is_above_zero() -> None:
    with pytest.raises(BadSetting, match="'power' must be greater than 0, got 0"):
        load_plugins().registry.create("query_strategies", "kl-divergence", {"power": 0.0})
