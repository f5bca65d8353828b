"""What the strategies are held against: bare numpy's formula, or the products that cannot be done without.

A formula scores the pool and takes the best, by `argpartition`. A bound is what must at least be computed, named: N
documents, m of them looked at (gathered first, where that is not all), d numbers each, k labels, l labeled, n chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

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


def _lengths(p: np.ndarray) -> np.ndarray:
    return (p * p).sum(axis=1) - 2 * p.max(axis=1) + 1


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


def _matrix(state: ReviewState) -> Any:
    return next(iter(state.views.values())).matrix


def _looked_at(state: ReviewState, strategy: Any, n: int) -> np.ndarray:
    """As many rows as the strategy looks at, drawn: a `prefilter` above 1,000 counts documents, a smaller one batches.

    In the order in which it would find them: by chance.
    """
    most = getattr(strategy, "prefilter", state.candidates.size)
    return np.random.default_rng(0).permutation(state.candidates)[: most if most > 1000 else most * n]


def _product(width: Callable[[ReviewState, Any, int], int], times: int = 1) -> Make:
    """The product of the rows that are looked at, gathered, with a matrix of so many columns, as many `times`."""

    def make(state: ReviewState, strategy: Any, n: int) -> Run:
        matrix, rows = _matrix(state), _looked_at(state, strategy, n)
        other = np.ones((matrix.shape[1], width(state, strategy, n)), np.float32)

        def run() -> Any:
            part = matrix[rows]
            return [part @ other for _ in range(times)]

        return run

    return make


def _greedy(state: ReviewState, strategy: Any, n: int) -> Run:
    """A product with one row for each document chosen: the next choice waits for it."""
    matrix, rows = _matrix(state), _looked_at(state, strategy, n)

    def run() -> np.ndarray:
        part = matrix[rows]
        total = np.zeros(rows.size, np.float32)
        with threadpool_limits(1):  # as the strategies do: two threads take longer for so little
            for row in rows[:n]:
                total += part @ matrix[row]
        return total

    return run


def _all(state: ReviewState, strategy: Any, n: int) -> Run:
    """The product of all rows as they lie with one."""
    matrix = _matrix(state)
    return lambda: matrix @ matrix[0]


def _dropped(state: ReviewState, strategy: Any, n: int) -> Run:
    """Numbers dropped by chance from the rows that are looked at, three times, and what a linear model says then."""
    matrix, rows = _matrix(state), _looked_at(state, strategy, n)
    weights = np.ones((matrix.shape[1], len(state.question.labels)), np.float32)
    rng = np.random.default_rng(0)

    def run() -> Any:
        part = matrix[rows]
        return [(part * (rng.random(part.shape, np.float32) > 0.75)) @ weights for _ in range(3)]

    return run


def _start(state: ReviewState, strategy: Any, n: int) -> Run:
    """Distances of 1,000 rows to six draws for each of n centers: the greedy k-means++."""
    part = _matrix(state)[:1000]
    return lambda: part @ np.ones((part.shape[1], 6 * n), np.float32)


def _density(state: ReviewState, strategy: Any, n: int) -> Run:
    graph: Any = state.neighbors
    return lambda: graph.similarities[state.candidates].mean(axis=1)


def _then(*makes: Make) -> Make:
    def make(state: ReviewState, strategy: Any, n: int) -> Run:
        runs = [make(state, strategy, n) for make in makes]
        return lambda: [run() for run in runs]

    return make


def _chosen(state: ReviewState, strategy: Any, n: int) -> int:
    return n


_MARGINS = _scored(_margin)

#: by strategy: what its lower bound is called, and that
BOUNDS: dict[str, tuple[str, Make]] = {
    "laplace": ("margins of N, m x d x d", _then(_MARGINS, _product(lambda state, *_: _matrix(state).shape[1]))),
    "k-center": ("m x d x l", _product(lambda state, *_: state.labeled.size)),
    "facility-location": ("m x d x 2,000 (its ground set)", _product(lambda _, strategy, n: strategy.ground)),
    "badge": ("lengths of N, n times m x d", _then(_scored(_lengths), _greedy)),
    "density-mmr": ("margins of N, means of N x 20, n times m x d", _then(_MARGINS, _density, _greedy)),
    "information-density": ("margins of N, means of N x 20", _then(_MARGINS, _density)),
    "k-means": ("k-means++ of 1,000; m x d x n, 5 steps", _then(_start, _product(_chosen, 5))),
    "margin-k-means": (
        "margins of N; k-means++ of 1,000; m x d x n, 5 steps",
        _then(_MARGINS, _start, _product(_chosen, 5)),
    ),
    "typiclust": ("m x d x 500 (its clusters), 5 steps", _product(lambda *_: 500, 5)),
    "drop-query": ("margins of N; 3 times m x d drawn and m x d x k", _then(_MARGINS, _dropped)),
    "from-words": ("N x d", _all),
}
