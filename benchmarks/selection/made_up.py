"""A made-up review of any size, with all that a strategy may be given: vectors, a model, neighbor lists, committees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from docreview.types import Neighbors, Question, ReviewState, Vectors, frozen

VIEW, NEIGHBORS, CLUSTER, LABELED = "semantic", 20, 100, 1000


@dataclass(frozen=True)
class Linear:
    """A fitted model: scores are a product with the vectors, probabilities their softmax."""

    weights: np.ndarray
    scores: np.ndarray
    probabilities: np.ndarray

    def coefficients(self, view: str) -> Any:
        return self.weights.T if view == VIEW else None

    def to_probabilities(self, scores: Any) -> np.ndarray:
        return softmax(np.asarray(scores, np.float32))


def softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def made_up(n: int, k: int, d: int = 384, seed: int = 0) -> ReviewState:
    """`n` documents (a multiple of 100), in clusters of 100 that lie row by row, `k` labels; 1,000 have been read."""
    rng = np.random.default_rng([seed, n, k])
    clusters = n // CLUSTER
    centers = rng.standard_normal((clusters, d), np.float32)
    vectors = np.empty((n, d), np.float32)
    for start in range(0, n, clusters):  # row i lies in cluster i modulo clusters
        part = vectors[start : start + clusters]
        rng.standard_normal(out=part, dtype=np.float32)
        part += centers
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    weights = 4 * rng.standard_normal((d, k), np.float32)
    scores = vectors @ weights
    model = Linear(weights, frozen(scores), frozen(softmax(scores)))
    read = rng.permutation(n)[: min(LABELED, n // 4)]
    labels, rounds = np.full(n, -1), np.full(n, -1)
    labels[read] = (scores[read] + rng.standard_normal((read.size, k)) * 2).argmax(axis=1)
    rounds[read] = 1 + np.arange(read.size) // 20

    @cache
    def committee(kind: str, members: int) -> np.ndarray:
        drawn = np.random.default_rng([seed, members])
        voted = np.empty((members, n, k), np.float32)
        for member in voted:
            drawn.standard_normal(out=member, dtype=np.float32)
            member *= 0.5
            member += scores
            member[:] = softmax(member)
        return voted

    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.ascontiguousarray(centers[: len(texts)] / np.linalg.norm(centers[: len(texts)], axis=1)[:, None])

    state = ReviewState(
        question=Question("made up", tuple(f"label {i}" for i in range(k)), "Is it so?", "label 0"),
        round=int(rounds.max()) + 1,
        n=n,
        views={VIEW: Vectors(vectors, f"made up {n} {k}", embed=embed)},
        labels=frozen(labels),
        rounds=frozen(rounds),
        reviewed=frozen(read),
        neighbors=_neighbors(vectors, clusters),
        fitted=lambda: model,
        committee=committee,
        texts=lambda rows: [f"document {row}" for row in rows],
    )
    _ = state.pool, state.labeled, state.found, state.probabilities, state.scores
    return state


def _neighbors(vectors: np.ndarray, clusters: int) -> Neighbors:
    """The nearest within each row's cluster: a million rows are not searched exactly in a benchmark."""
    n, d = vectors.shape
    rows, similarities = np.empty((n, NEIGHBORS), np.int32), np.empty((n, NEIGHBORS), np.float32)
    by_cluster = vectors.reshape(CLUSTER, clusters, d)
    step = max(1, 20_000_000 // (CLUSTER * d))
    for start in range(0, clusters, step):
        members = np.ascontiguousarray(by_cluster[:, start : start + step].transpose(1, 0, 2))
        cosines = members @ members.transpose(0, 2, 1)
        cosines[:, np.arange(CLUSTER), np.arange(CLUSTER)] = -2
        near = np.argpartition(-cosines, NEIGHBORS, axis=2)[:, :, :NEIGHBORS]
        found = np.take_along_axis(cosines, near, axis=2)
        order = np.argsort(-found, axis=2)
        near, found = np.take_along_axis(near, order, axis=2), np.take_along_axis(found, order, axis=2)
        numbers = start + np.arange(len(members))
        own = (np.arange(CLUSTER)[None, :] * clusters + numbers[:, None]).ravel()
        rows[own] = (near * clusters + numbers[:, None, None]).reshape(-1, NEIGHBORS)
        similarities[own] = found.reshape(-1, NEIGHBORS)
    return Neighbors(rows, similarities, VIEW, f"made up {n}")
