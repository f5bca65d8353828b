"""docreview's own conformance checks, over every strategy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from docreview_skactiveml.coverage import SERVED

from docreview.testing import make_state, parametrize_with_checks

#: settings under which what is slow for each candidate is checked in seconds; the defaults are timed below
SMALL: dict[str, dict[str, Any]] = {
    "skactiveml-batch-bald": {"members": 3, "monte_carlo_samples": 12},
    "skactiveml-epistemic-uncertainty-sampling": {"candidates": 40},
    "skactiveml-greedy-bald": {"members": 3},
    "skactiveml-monte-carlo-eer": {"candidates": 20, "labeled": 20},
    "skactiveml-query-by-committee": {"members": 3},
    "skactiveml-value-of-information-eer": {"candidates": 20, "labeled": 20},
}
COMPONENTS = {name: strategy(**SMALL.get(name, {})) for name, strategy in SERVED.items()}


@parametrize_with_checks("query_strategies", COMPONENTS)
def test_conformance(component: Any, check: Callable[[Any], None]) -> None:
    check(component)


@pytest.fixture(scope="module")
def large() -> Any:
    state = make_state(100_000, read=1_000)
    _ = state.pool, state.probabilities
    return state


@pytest.mark.parametrize("name", SERVED)
def test_by_default_a_hundred_thousand_documents_take_no_more_than_a_second_or_two(name: str, large: Any) -> None:
    strategy = SERVED[name]()
    strategy.select(make_state(), 2, np.random.default_rng(0))  # imports
    began = time.process_time()
    assert np.unique(strategy.select(large, 20, np.random.default_rng(0)).rows).size == 20
    assert time.process_time() - began < 2
