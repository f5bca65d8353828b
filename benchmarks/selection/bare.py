"""What the strategies are held against: bare numpy's formula, or the one product that cannot be done without.

A formula scores the pool and takes the best, by `argpartition`. A bound is what must at least be computed, named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from docreview.types import ReviewState

Run = Callable[[], Any]
Make = Callable[[ReviewState, Any, int], Run]


def _best(scores: np.ndarray, n: int) -> np.ndarray:
    return np.argpartition(-scores, n)[:n]


def _scored(formula: Callable[[np.ndarray], np.ndarray]) -> Make:
    def make(state: ReviewState, strategy: Any, n: int) -> Run:
        return lambda: _best(formula(state.probabilities[state.candidates]), n)

    return make


def _margin(p: np.ndarray) -> np.ndarray:
    top = np.partition(p, p.shape[1] - 2, axis=1)
    return 1 - (top[:, -1] - top[:, -2])


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)


def _egl(p: np.ndarray) -> np.ndarray:
    squares = (p * p).sum(axis=1, keepdims=True)
    return (p * np.sqrt(np.maximum(squares - 2 * p + 1, 0))).sum(axis=1)


def _committee(formula: Callable[[np.ndarray], np.ndarray]) -> Make:
    def make(state: ReviewState, strategy: Any, n: int) -> Run:
        voted = state.committee(strategy.committee, strategy.members)
        return lambda: _best(formula(voted[:, state.candidates]), n)

    return make


def _votes(p: np.ndarray) -> np.ndarray:
    said = p.argmax(axis=2)
    shares = np.stack([(said == c).mean(axis=0) for c in range(p.shape[2])], axis=1)
    return _entropy(shares)


def _divergence(p: np.ndarray) -> np.ndarray:
    mean = p.mean(axis=0)
    return (p * np.log(np.maximum(p, 1e-12) / np.maximum(mean, 1e-12))).sum(axis=2).mean(axis=0)


#: by strategy: the formula in bare numpy, of which docreview should need no more time
FORMULAS: dict[str, Make] = {
    "random": lambda state, strategy, n: lambda: np.random.default_rng(0).choice(state.candidates, n, replace=False),
    "most-relevant": lambda state, strategy, n: lambda: _best(state.scores[state.candidates], n),
    "least-confidence": _scored(lambda p: 1 - p.max(axis=1)),
    "margin": _scored(_margin),
    "entropy": _scored(_entropy),
    "expected-gradient-length": _scored(_egl),
    "vote-entropy": _committee(_votes),
    "kl-divergence": _committee(_divergence),
}


def _looked_at(state: ReviewState, strategy: Any, n: int) -> np.ndarray:
    """As many rows as the strategy looks at: a `prefilter` above 1,000 counts documents, a smaller one batches."""
    most = getattr(strategy, "prefilter", state.candidates.size)
    return state.candidates[: min(most if most > 1000 else most * n, state.candidates.size)]


def _product(width: Callable[[ReviewState, int], int]) -> Make:
    """One product of the rows that are looked at, gathered, with a matrix of so many columns."""

    def make(state: ReviewState, strategy: Any, n: int) -> Run:
        matrix: Any = next(iter(state.views.values())).matrix
        rows = _looked_at(state, strategy, n)
        other = np.ones((matrix.shape[1], width(state, n)), np.float32)
        return lambda: matrix[rows] @ other

    return make


def _greedy(state: ReviewState, strategy: Any, n: int) -> Run:
    """A product with one row for each document chosen: the next choice waits for it."""
    matrix: Any = next(iter(state.views.values())).matrix
    rows = _looked_at(state, strategy, n)

    def run() -> np.ndarray:
        part = matrix[rows]
        total = np.zeros(rows.size, np.float32)
        for row in rows[:n]:
            total += part @ matrix[row]
        return total

    return run


#: by strategy: what its lower bound is called (m rows that it looks at, d numbers each, n chosen), and that product
BOUNDS: dict[str, tuple[str, Make]] = {
    "laplace": ("m x d x d", _product(lambda state, n: next(iter(state.views.values())).matrix.shape[1])),
    "k-center": ("n times m x d", _greedy),
    "badge": ("n times m x d", _greedy),
    "density-mmr": ("n times m x d", _greedy),
    "k-means": ("m x d x n", _product(lambda state, n: n)),
    "margin-k-means": ("m x d x n", _product(lambda state, n: n)),
}
