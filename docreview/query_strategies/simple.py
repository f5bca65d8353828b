"""Chance and relevance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.query_strategies.common import best, target_scores
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import ReviewState


@dataclass(frozen=True)
class Random:
    """Any document, each as likely; every one's draw probability is n / pool."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw without replacement."""
        import numpy as np

        pool = state.candidates
        n = min(n, pool.size)
        rows = rng.choice(pool, n, replace=False)
        return Selection(rows, None, np.full(n, n / max(pool.size, 1), dtype=np.float32))


@dataclass(frozen=True)
class MostRelevant:
    """The documents likeliest to carry the target: continuous active learning.

    Paper: Cormack and Grossman 2014, Evaluation of machine-learning protocols for technology-assisted review.
    """

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the highest ranking scores; raise `BadSetting` where the question has no target."""
        scores = target_scores(state, "most-relevant")[state.candidates]
        chosen = best(scores, n, rng)
        return Selection(state.candidates[chosen], scores[chosen])
