"""Mixtures: shares, duplicates, and an exploration share whose recorded probabilities are those of the draw."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from docreview import Label, Project
from docreview.errors import BadSetting, ContractViolation
from docreview.plugins import load_plugins
from docreview.query_strategies import Entropy, Margin, Mixture, MostRelevant, Random
from docreview.query_strategies.mixture import whole_numbers
from docreview.types import Question, ReviewState, Sample, Selection, Vectors


class Learned:
    def __init__(self, probabilities):
        self.probabilities = self.scores = np.asarray(probabilities, dtype=np.float32)


def make_state(n=60, read=10, seed=0, samples=()):
    rng = np.random.default_rng(seed)
    labels = np.full(n, -1)
    labels[:read] = np.arange(read) % 2
    learned = Learned(rng.dirichlet(np.ones(2), size=n))
    return ReviewState(
        question=Question("q", ("yes", "no"), target="yes"), round=2, n=n,
        views={"semantic": Vectors(np.eye(n, 8, dtype=np.float32), "x")}, labels=labels,
        rounds=np.where(labels >= 0, 1, -1), reviewed=np.arange(read), samples=samples, fitted=lambda: learned,
    )  # fmt: skip


def generator(seed=0):
    return np.random.default_rng(seed)


@dataclass(frozen=True)
class Ordered:
    """The candidates from the first on, or from the last."""

    backwards: bool = False
    needs = frozenset()

    def select(self, state, n, rng):
        return Selection(state.candidates[::-1][:n] if self.backwards else state.candidates[:n])


# ------------------------------------------------------------------------------------------------------------- shares


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any), st.integers(0, 40), st.integers(0, 99))
@settings(deadline=None)
def test_numbers_are_shares_rounded_up_or_down(weights, n, seed):
    shares = np.array(weights) / sum(weights)
    got = whole_numbers(tuple(shares), n, generator(seed))
    assert got.sum() == n
    assert (np.abs(got - shares * n) < 1 + 1e-9).all()
    assert (got[shares == 0] == 0).all()


def test_on_the_average_everyone_has_the_exact_share():
    shares = (0.05, 0.6, 0.35)
    mean = np.mean([whole_numbers(shares, 3, generator(seed)) for seed in range(4000)], axis=0)
    assert mean == pytest.approx(np.array(shares) * 3, abs=0.03)


def test_each_strategy_gives_its_share_in_its_order():
    state = make_state()
    mixture = Mixture((Ordered(), Ordered(backwards=True)), (0.7, 0.3))
    for seed in range(10):
        rows = mixture.select(state, 10, generator(seed)).rows
        assert rows[rows < 30].tolist() == [10, 11, 12, 13, 14, 15, 16]
        assert rows[rows > 30].tolist() == [59, 58, 57]
    # nobody comes first by right
    firsts = Counter(int(mixture.select(state, 10, generator(seed)).rows[0]) for seed in range(400))
    assert firsts[59] == pytest.approx(120, abs=40)
    assert firsts[10] + firsts[59] == 400


def test_what_two_want_counts_for_the_first_and_the_second_gives_its_next():
    state = make_state()
    whole = Margin().select(state, 12, generator()).rows.tolist()
    chosen = Mixture((Margin(), Entropy())).select(state, 12, generator())
    # with two labels both rank alike: together they take the first 12, and each document once
    assert sorted(chosen.rows.tolist()) == sorted(whole)
    relevant = MostRelevant().select(state, 50, generator()).rows.tolist()
    for seed in range(5):
        rows = Mixture((Margin(), MostRelevant()), (0.5, 0.5)).select(state, 12, generator(seed)).rows.tolist()
        expected = {*whole[:6], *[row for row in relevant if row not in whole[:6]][:6]}
        assert set(rows) == expected


def test_a_mixture_of_one_is_that_one():
    state = make_state()
    chosen = Mixture((Margin(),)).select(state, 9, generator())
    assert chosen.rows.tolist() == Margin().select(state, 9, generator()).rows.tolist()
    assert chosen.probabilities.tolist() == [1] * 9


def test_a_batch_larger_than_the_pool_takes_all_of_it():
    state = make_state(samples=(Sample("validation", np.array([50, 51]), 0.1),))
    chosen = Mixture((Margin(), MostRelevant()), (0.9, 0.1), exploration=0.3).select(state, 500, generator())
    assert sorted(chosen.rows.tolist()) == state.candidates.tolist()


# -------------------------------------------------------------------------------------------------------- exploration


def test_the_share_drawn_at_random_is_drawn_as_its_recorded_probabilities_say():
    state = make_state()
    mixture = Mixture((Margin(), MostRelevant()), (0.5, 0.5), exploration=0.25)
    wanted = set(Margin().select(state, 8, generator()).rows.tolist())
    counts, expected, places = np.zeros(60), 0.0, np.zeros(20)
    for seed in range(3000):
        chosen = mixture.select(state, 20, generator(seed))
        explored = chosen.probabilities < 1
        assert explored.sum() == 5
        assert chosen.probabilities[explored] == pytest.approx(5 / 50)
        counts[chosen.rows[explored]] += 1
        places += explored
        expected += 5 / 50
    assert counts[:10].sum() == 0
    # as often as recorded, also where a strategy wanted the document anyhow
    assert counts[10:].mean() == pytest.approx(expected)
    assert chisquare(counts[10:]).pvalue > 1e-4
    assert counts[sorted(wanted)].mean() == pytest.approx(expected, rel=0.1)
    # and no place in the batch betrays them
    assert chisquare(places).pvalue > 1e-4


def test_a_share_of_less_than_a_document_is_drawn_now_and_then():
    state = make_state()
    mixture = Mixture((Margin(),), exploration=0.1)
    drawn = []
    for seed in range(2000):
        p = mixture.select(state, 3, generator(seed)).probabilities
        drawn.append(int((p < 1).sum()))
        assert set(p[p < 1].tolist()) <= {np.float32(1 / 50)}
    assert set(drawn) == {0, 1}
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.04)


def test_an_average_over_the_explored_documents_is_that_of_the_pool():
    # the explored ones are a simple random sample, however much the strategies differ from the pool
    state = make_state(200)
    p = state.probabilities[:, 0]
    means = []
    for seed in range(1500):
        chosen = Mixture((MostRelevant(),), exploration=0.5).select(state, 20, generator(seed))
        means.append(p[chosen.rows[chosen.probabilities < 1]].mean())
    pool = p[state.candidates]
    assert np.mean(means) == pytest.approx(pool.mean(), abs=4 * pool.std() / np.sqrt(10 * 1500))


def test_no_score_tells_what_was_drawn_at_random():
    assert Mixture((Margin(),), exploration=0.3).select(make_state(), 10, generator()).scores is None


def test_a_strategy_that_draws_keeps_its_own_probabilities():
    state = make_state()
    chosen = Mixture((Ordered(), Random()), (0.5, 0.5)).select(state, 10, generator())
    assert sorted(chosen.probabilities.tolist()) == pytest.approx([5 / 45] * 5 + [1] * 5)


# ----------------------------------------------------------------------------------------------------------- settings


def test_a_mixture_needs_what_any_of_its_strategies_needs():
    assert Mixture((Random(),)).needs == frozenset()
    assert Mixture((Random(), Margin())).needs == {"model"}
    made = load_plugins().registry.create("query_strategies", "mixture", {"query_strategies": ["seals", "random"]})
    assert made.needs == {"model", "neighbors"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "needs the setting 'query_strategies'"),
        ({"query_strategies": []}, "must name at least one strategy"),
        ({"query_strategies": "margin"}, "must be a list"),
        ({"query_strategies": ["margin", "random"], "shares": [1.0]}, "one for each of 2 strategies, got 1"),
        ({"query_strategies": ["margin", "random"], "shares": [0.5, 0.6]}, "sum to 1"),
        ({"query_strategies": ["margin", "random"], "shares": [1.5, -0.5]}, "above 0"),
        ({"query_strategies": ["margin"], "exploration": 1.0}, "below 1"),
        ({"query_strategies": ["margin"], "exploration": -0.1}, "at least 0"),
    ],
)
def test_impossible_settings_are_refused(settings, told):
    with pytest.raises(BadSetting, match=told):
        load_plugins().registry.create("query_strategies", "mixture", settings)


class Nothing:
    needs = frozenset()

    def select(self, state, n, rng):
        return Selection(state.candidates[:0])


def test_a_strategy_inside_that_breaks_its_contract_is_blamed_itself():
    with pytest.raises(ContractViolation, match=r"'Nothing'.*asked for 4 rows, it returned 0"):
        Mixture((Margin(), Nothing()), (0.6, 0.4)).select(make_state(), 10, generator())


def test_in_a_project_the_cold_start_comes_first_and_the_record_tells_what_was_drawn(lexical_project):
    more = """
cold_start = "random"
seed = 3
[questions.copyleft.query_strategy]
name = "mixture"
query_strategies = ["most-relevant", {name = "class-balanced", query_strategy = "margin"}]
shares = [0.5, 0.5]
exploration = 0.2
"""
    project: Project = lexical_project(200, more)
    review = project.review()
    first = review.next_batch()
    assert first.strategy == "random"
    review.record(*(Label(i, "yes" if at % 2 else "no") for at, i in enumerate(first)))
    second = review.next_batch()
    assert second.strategy == "mixture"
    explored = [p for p in second.probabilities if p < 1]
    assert explored == pytest.approx([4 / 180] * 4)
