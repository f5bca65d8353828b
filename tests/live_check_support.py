"""Reviews for tests of the live check: a ledger fed by the real mixture, over documents whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from docreview.contracts import component_of
from docreview.ledger import Ledger
from docreview.query_strategies import Mixture, Random
from docreview.rounds import generator, make_state
from docreview.types import Question, Selection, Vectors

LABELS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Ridge:
    """Least squares on indicator columns, for the first view: a model that takes a millisecond."""

    def fit(self, state: Any, rng: np.random.Generator) -> Any:
        matrix, rows = next(iter(state.views.values())).matrix, state.labeled
        X, wanted = matrix[rows], np.eye(len(state.question.labels))[state.labels[rows]]
        weights = np.linalg.solve(X.T @ X + 0.1 * np.eye(X.shape[1]), X.T @ wanted)
        scores = (matrix @ weights).astype(np.float32)
        odds = np.exp(5 * scores.astype(np.float64))
        return SimpleNamespace(scores=scores, probabilities=(odds / odds.sum(1, keepdims=True)).astype(np.float32))


@dataclass(frozen=True)
class Clusters:
    """Asks where least has been asked; of `only` these clusters, where they are named, as long as there is one left."""

    cluster: Any
    only: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()

    def select(self, state: Any, n: int, rng: np.random.Generator) -> Selection:
        asked = np.bincount(self.cluster[state.reviewed], minlength=self.cluster.max() + 1).astype(float)
        pool, chosen = state.candidates, []
        outside = 1e6 * ~np.isin(self.cluster[pool], self.only) if self.only else np.zeros(pool.size)
        for _ in range(n):
            order = outside + asked[self.cluster[pool]]
            order[np.isin(pool, chosen)] = np.inf
            chosen.append(int(pool[order.argmin()]))
            asked[self.cluster[chosen[-1]]] += 1
        return Selection(np.array(chosen, dtype=np.int64))


@dataclass
class Simulated:
    """Documents in `clusters` (40 of equal size), each with one label; `noise` is how far they scatter."""

    seed: int = 0
    n: int = 2_000
    clusters: int = 40
    noise: float = 0.1
    question: Question = field(default_factory=lambda: Question("q", LABELS))
    samples: Mapping[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 3])
        self.cluster = rng.integers(self.clusters, size=self.n)
        self.truth = rng.permutation(np.arange(self.clusters) % len(self.question.labels))[self.cluster]
        matrix = np.eye(self.clusters)[self.cluster] + self.noise * rng.normal(size=(self.n, self.clusters))
        self.views = {"semantic": Vectors((matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype("f4"), "x")}
        self.ledger = Ledger(lambda ids: [int(i) for i in ids])
        self.model = component_of(Ridge(), "models")
        asked = {"name": "q", "labels": list(self.question.labels), "prompt": "", "target": self.question.target}
        self.enter("question", asked)
        for name, rows in self.samples.items():
            self.enter("sample", {"name": name, "document_ids": [str(row) for row in rows], "probability": 1.0})

    def enter(self, kind: str, payload: Mapping[str, Any]) -> None:
        self.ledger.apply([SimpleNamespace(chain="review:q", seq=self.ledger.seq + 1, kind=kind, payload=payload)])  # type: ignore[list-item]

    def answer(self, row: int, value: int | None, prior: bool = False) -> None:
        label = None if value is None else self.question.labels[value]
        payload = {"document_id": str(row), "value": label, "reviewer": "me", "note": "", "prior": prior}
        self.enter("label", {**payload, "seconds": None})

    @property
    def state(self) -> Any:
        texts = lambda rows: [""] * len(rows)  # noqa: E731
        return make_state(self.ledger, lambda: self.model, self.seed, self.n, self.views, None, texts)

    def batch(self, strategy: Any, size: int, name: str = "mixture") -> list[int]:
        """Draw a batch as the engine does, enter it, and return its rows."""
        state = self.state
        chosen = strategy.select(state, size, generator(self.seed, state.round, "query-strategy"))
        drawn = np.ones(chosen.rows.size, np.float32) if chosen.probabilities is None else chosen.probabilities
        self.enter("batch", {
            "round": state.round, "document_ids": [str(row) for row in chosen.rows], "n": self.n, "strategy": name,
            "scores": [None] * chosen.rows.size, "probabilities": drawn.tolist(),
        })  # fmt: skip
        return [int(row) for row in chosen.rows]

    def read(self, strategy: Any, rounds: int, size: int = 20, exploration: float = 0.25, cold: int = 0) -> Simulated:
        """Answer `rounds` batches of a mixture, after a random one of `cold` documents."""
        for row in self.batch(Random(), cold, "random") if cold else []:
            self.answer(row, int(self.truth[row]))
        for _ in range(rounds):
            for row in self.batch(Mixture((strategy,), exploration=exploration), size):
                self.answer(row, int(self.truth[row]))
        return self
