"""Passes over a large pool: what is left out by a bound is never missed, and blocks do not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_support import generator

from docreview.query_strategies.common import best
from docreview.query_strategies.passes import best_below, by_label, in_blocks


@given(st.integers(0, 80), st.integers(0, 90), st.integers(1, 5), st.floats(0, 3), st.integers(0, 10**6))
@settings(deadline=None)
def test_the_best_are_those_of_all_scores_in_the_same_order_of_chance(
    m: int, n: int, levels: int, slack: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, size=m).astype(np.float64)  # ties are everywhere
    bounds = scores + slack * rng.integers(0, 3, size=m)
    chosen, found = best_below(bounds, lambda some: scores[some], n, generator(seed))
    assert chosen.tolist() == best(scores, n, generator(seed)).tolist()
    assert found.tolist() == scores[chosen].tolist()


def test_scores_are_asked_for_only_where_they_may_be_among_the_best() -> None:
    scores = generator(0).random(10_000)
    bounds = scores + 0.01 * generator(1).random(10_000)
    asked: list[int] = []

    def score(some: Any) -> Any:
        asked.extend(some.tolist())
        return scores[some]

    chosen, _ = best_below(bounds, score, 50, generator())
    assert chosen.tolist() == np.argsort(-scores)[:50].tolist()
    assert len(asked) == len(set(asked)) < 300


@pytest.mark.parametrize("shape", [(20_000, 3), (4, 20_000, 3)])
def test_blocks_are_put_together_in_order_and_each_label_lies_together(shape: tuple[int, ...]) -> None:
    p = generator(0).random(shape).astype(np.float32)
    rows = generator(1).permutation(20_000)[:17_000]
    some = by_label(p, rows[:50])
    np.testing.assert_array_equal(some, np.moveaxis(p[..., rows[:50], :], -1, 0))
    assert some.flags.c_contiguous
    weights = np.array([1, 2, 4])

    def function(some: Any) -> Any:
        return np.tensordot(weights, by_label(p, some), 1).reshape(-1, len(some)).sum(axis=0)

    np.testing.assert_allclose(in_blocks(function, rows), (p @ weights).reshape(-1, 20_000).sum(axis=0)[rows])
    assert in_blocks(function, rows[:0]).size == 0
