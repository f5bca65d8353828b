"""A good index, and those wrong in just one way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


class Searched:
    """What the good index builds: exact search."""

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors

    def search(self, vectors: Any, k: int) -> tuple[Any, Any]:
        similarities = vectors @ self.vectors.T
        rows = np.argsort(-similarities, axis=1, kind="stable")[:, : min(k, len(self.vectors))]
        return rows, np.take_along_axis(similarities, rows, axis=1)


class Brute:
    """A good index, to be spoiled."""

    def build(self, vectors: Any, segments: Any, cache: Any, progress: Any) -> Any:
        if not np.isfinite(vectors).all():
            raise ValueError("vectors must be finite.")
        return self.over(vectors, segments, cache)

    def over(self, vectors: Any, segments: Any, cache: Any) -> Any:
        return Searched(vectors)


@dataclass
class Answers(Searched):
    """A good search, its answers changed."""

    vectors: Any
    change: Callable[[Any, Any, Any, Any], tuple[Any, Any]]

    def search(self, vectors: Any, k: int) -> tuple[Any, Any]:
        return self.change(self, vectors, *super().search(vectors, k))


@dataclass
class Changed(Brute):
    change: Callable[[Any, Any, Any, Any], tuple[Any, Any]]

    def over(self, vectors: Any, segments: Any, cache: Any) -> Any:
        return Answers(vectors, self.change)


def _narrow(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    return (rows.astype(np.int32) if len(asked) == 7 else rows), near


def _pads(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    lacking = 10 - rows.shape[1] if len(asked) == 4 else 0
    return np.pad(rows, ((0, 0), (0, lacking))), np.pad(near, ((0, 0), (0, lacking)))


def _distances(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    return rows, (1 - near if len(asked) == 20 and rows.shape[1] == 12 else near)


def _not_itself(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    lost = len(asked) == len(self.vectors) == 300
    return (rows[:, ::-1] + 1) % 300 if lost else rows, near


def _hasty(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    if len(self.vectors) < 1_000:
        return rows, near
    return Searched(self.vectors[::4]).search(asked, rows.shape[1])


def _gives_up(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    assert rows.shape[1] < 30 or near[:, 25].max() < 0.9999
    return rows, near


def _no_zeros(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    assert asked.any(axis=1).all()
    return rows, near


def _jitters(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    if len(asked) == 50:
        near = near * (1 - np.float32(1e-6) * np.random.default_rng().random(near.shape, np.float32))
    return rows, near


def _overwrites(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    if len(self.vectors) == 100 and len(asked) == 10:
        asked *= np.float32(1.0001)
    return rows, near


def _index_seeds(self: Answers, asked: Any, rows: Any, near: Any) -> tuple[Any, Any]:
    random.random()
    return rows, near


class TakesAll(Brute):
    def build(self, vectors: Any, segments: Any, cache: Any, progress: Any) -> Any:
        return self.over(vectors, segments, cache)


class NeverGrows(Brute):
    def over(self, vectors: Any, segments: Any, cache: Any) -> Any:
        return Searched(vectors[: segments[0][1]] if len(segments) > 1 else vectors)


class OneName(Brute):
    def over(self, vectors: Any, segments: Any, cache: Any) -> Any:
        name = f"brute/{len(vectors)}"
        if name not in cache:
            with cache.write(name) as writer:
                writer.array("vectors", vectors)
        return Searched(np.array(cache.load(name).arrays["vectors"]))


WRONG: dict[str, Any] = {
    "index_shape": Changed(_narrow),
    "index_few_rows": Changed(_pads),
    "index_similarities": Changed(_distances),
    "index_finds_itself": Changed(_not_itself),
    "index_recall": Changed(_hasty),
    "index_duplicates": Changed(_gives_up),
    "index_zero_rows": Changed(_no_zeros),
    "index_refuses_nan": TakesAll(),
    "index_repeats": Changed(_jitters),
    "index_grows": NeverGrows(),
    "index_other_vectors": OneName(),
    "index_leaves_vectors": Changed(_overwrites),
    "index_generators": Changed(_index_seeds),
}
GOOD: dict[str, Any] = {
    "indexes": Brute(),
}
