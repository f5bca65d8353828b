"""Review states for tests of query strategies: given vectors, in blobs or as they are, and a model that was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from docreview.types import Neighbors, Question, ReviewState, Sample, Vectors

YES_NO = Question("copyleft", ("yes", "no"), target="yes")


class Learned:
    """A fitted model with these probabilities."""

    def __init__(self, probabilities: Any) -> None:
        self.probabilities = self.scores = np.asarray(probabilities, dtype=np.float32)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def unit(vectors: Any) -> Any:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def blobs(sizes: Iterable[int], d: int = 24, noise: float = 0.05, seed: int = 0) -> tuple[Any, Any]:
    """Unit vectors (n, d) in well separated blobs of these sizes, shuffled, and the blob (n,) of each."""
    rng = np.random.default_rng([seed, 7])
    sizes = list(sizes)
    blob = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return unit(np.eye(d)[blob] + noise * rng.normal(size=(blob.size, d))), blob


def doubt(probability: Any) -> Any:
    """Probabilities (n, 2) with this doubt: 1 - margin."""
    half = np.asarray(probability, dtype=np.float64) / 2
    return np.stack([1 - half, half], axis=1)


def graph_of(vectors: Any, k: int = 20) -> Neighbors:
    similarity = np.asarray(vectors, dtype=np.float64) @ np.asarray(vectors, dtype=np.float64).T
    np.fill_diagonal(similarity, -np.inf)
    rows = np.argsort(-similarity, axis=1)[:, :k].astype(np.int32)
    return Neighbors(rows, np.take_along_axis(similarity, rows, axis=1).astype(np.float32), "semantic", "x")


def state_of(
    matrix: Any,
    read: Mapping[int, int] | Iterable[int] = (),
    probabilities: Any = None,
    graph: Neighbors | None = None,
    samples: tuple[Sample, ...] = (),
    question: Question = YES_NO,
) -> ReviewState:
    """A state with one view; `read` are answered rows, with their labels or all of the first label."""
    n = matrix.shape[0]
    given = dict(read) if isinstance(read, Mapping) else dict.fromkeys(read, 0)
    labels = np.full(n, -1)
    labels[list(given)] = list(given.values())
    reviewed = [*given, *(int(row) for sample in samples for row in sample.rows if row not in given)]
    if probabilities is None:
        probabilities = np.random.default_rng(n).dirichlet(np.ones(len(question.labels)), size=n)
    learned = Learned(probabilities)
    return ReviewState(
        question=question,
        round=2,
        n=n,
        views={"semantic": Vectors(matrix, "x")},
        labels=labels,
        rounds=np.where(labels >= 0, 1, -1),
        reviewed=np.array(reviewed, dtype=np.int64),
        samples=samples,
        neighbors=graph,
        fitted=lambda: learned,
    )
