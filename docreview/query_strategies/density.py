"""Density: documents that are like many others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.query_strategies.common import BLOCK, best, densified, ranks, target_scores, unit_scaled, view_of
from docreview.query_strategies.greedy import farthest
from docreview.query_strategies.passes import best_below, in_blocks
from docreview.query_strategies.uncertainty import Informativeness, informativeness
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Matrix, ReviewState

#: how many times the batch's size density is estimated among while there is no neighbor graph
_PREFILTER = 10


@dataclass(frozen=True)
class InformationDensity:
    """Telling documents from crowded places: uncertainty and density together.

    Each candidate scores informativeness x density^`beta`, where density is *local*: its mean cosine similarity to its
    nearest neighbors (Zhu et al. 2008), as a rank among the candidates from 0 to 1. (Similarity to the whole corpus, as
    in Settles and Craven, favors its center and costs accuracy.) Nothing keeps a batch from being all alike: where that
    matters, `density-mmr` goes on from the same scores.

    `informativeness` is ``"margin"``, ``"entropy"``, ``"least-confidence"`` or ``"target"`` (the ranking score). While
    the neighbor graph is not there yet, density is estimated among the 10 x n most informative candidates, in the view
    there is: their mean similarity to the 10 nearest of each other. O(N (k + log N)) with the graph.

    Paper: Settles and Craven 2008, An analysis of active learning strategies for sequence labeling tasks.
    Paper: Zhu et al. 2008, Active learning with sampling by uncertainty and density for word sense disambiguation.
    """

    informativeness: Informativeness = "margin"
    beta: float = 0.5

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"setting 'beta' must not be negative, got {self.beta}")

    @property
    def needs(self) -> frozenset[str]:
        """A model and the neighbor graph."""
        return frozenset({"model", "neighbors"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the highest scores."""
        import numpy as np

        doubt = telling(state, state.candidates, self.informativeness, "information-density")
        kept, scores = telling_and_dense(state, doubt, self.beta, _PREFILTER * n, rng)
        order = best(scores, n, rng)
        return Selection(state.candidates[kept[order]], scores[order].astype(np.float32))


@dataclass(frozen=True)
class DensityMMR:
    """Telling documents from crowded places, no two of them alike.

    Each candidate scores informativeness x density^`beta` (Settles and Craven 2008), where density is *local*: its mean
    cosine similarity to its nearest neighbors, as a rank among the candidates from 0 to 1. (Similarity to the whole
    corpus favors its center and costs accuracy.) From the best `prefilter` x n, documents are taken one by one: the
    highest `trade_off` x score - (1 - `trade_off`) x largest similarity to one already taken (maximal marginal
    relevance, Carbonell and Goldstein 1998), scores scaled to 0..1 among them.

    `informativeness` is ``"margin"``, ``"entropy"``, ``"least-confidence"`` or ``"target"`` (the ranking score). While
    the neighbor graph is not there yet, density is estimated among the `prefilter` x n most informative candidates, in
    the view there is: their mean similarity to the 10 nearest of each other.

    Paper: Settles and Craven 2008, An analysis of active learning strategies for sequence labeling tasks.
    Paper: Carbonell and Goldstein 1998, The use of MMR, diversity-based reranking.
    """

    informativeness: Informativeness = "margin"
    beta: float = 0.5
    trade_off: float = 0.7
    prefilter: int = 10

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"setting 'beta' must not be negative, got {self.beta}")
        if not 0 <= self.trade_off <= 1:
            raise ValueError(f"setting 'trade_off' must lie between 0 and 1, got {self.trade_off}")
        if self.prefilter < 1:
            raise ValueError(f"setting 'prefilter' must be at least 1, got {self.prefilter}")

    @property
    def needs(self) -> frozenset[str]:
        """A model and the neighbor graph."""
        return frozenset({"model", "neighbors"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Score, keep the best, and take them one by one. Scores are those before the penalty for likeness."""
        import numpy as np

        pool, view = state.candidates, view_of(state)
        doubt = telling(state, pool, self.informativeness, "density-mmr")
        keep = min(self.prefilter * n, pool.size)
        kept, scores = telling_and_dense(state, doubt, self.beta, keep, rng)
        if view is None:
            order = best(scores, n, rng)
        else:
            order = mmr(view.matrix[pool[kept]], unit_scaled(scores), min(n, keep), self.trade_off)
        return Selection(pool[kept[order]], scores[order].astype(np.float32))


def telling(state: ReviewState, rows: Ints, kind: Informativeness, strategy: str) -> npt.NDArray[np.float64]:
    """How telling each of `rows` (m,) is, from 0 to 1; raise `BadSetting` for a target where there is none."""
    import numpy as np

    if kind == "target":
        return unit_scaled(target_scores(state, strategy)[rows].astype(np.float64))
    return in_blocks(lambda some: informativeness(state.probabilities[some], kind), rows)


def telling_and_dense(
    state: ReviewState, doubt: npt.NDArray[np.float64], beta: float, keep: int, rng: np.random.Generator
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Positions of the `keep` candidates of the highest `doubt` (m,) x density^`beta`, and these scores, in order.

    Without a neighbor graph they are those of the highest `doubt`, and not in the order of their scores.
    """
    import numpy as np

    pool, graph = state.candidates, state.neighbors
    if graph is not None:
        density = in_blocks(lambda rows: local_density(graph.rows[rows], graph.similarities[rows]), pool)
        ordered = np.sort(density)

        def score(some: Ints) -> npt.NDArray[np.float64]:
            below = np.searchsorted(ordered, density[some], "left") + np.searchsorted(ordered, density[some], "right")
            return doubt[some] * ((below + 1) / (2 * ordered.size)) ** beta  # equal ones share their rank

        return best_below(doubt, score, keep, rng)
    kept = best(doubt, keep, rng)
    view, scores = view_of(state), doubt[kept]
    if view is not None:
        scores = scores * ranks(mutual_density(view.matrix[pool[kept]])) ** beta
    return kept, scores


def local_density(rows: npt.NDArray[np.int32], similarities: Floats) -> npt.NDArray[np.float64]:
    """Mean similarity (m,) to the nearest neighbors, given as (m, k) with -1 where there is none; 0 without any."""
    import numpy as np

    there = rows >= 0
    if there.all():  # as nearly always, and in half the time
        return np.asarray(np.einsum("mk->m", similarities, dtype=np.float64) / max(rows.shape[1], 1))
    total = np.where(there, similarities, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(there.sum(axis=1), 1))


def mutual_density(vectors: Matrix, k: int = 10) -> npt.NDArray[np.float64]:
    """Mean similarity (m,) of each of `vectors` (m, d) to its `k` nearest among the others, in blocks."""
    import numpy as np

    m = vectors.shape[0]
    k = min(k, m - 1)
    if k < 1:
        return np.zeros(m)
    density = np.empty(m)
    for start in range(0, m, BLOCK):
        block = densified(vectors[start : start + BLOCK] @ vectors.T)
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        density[start : start + len(block)] = np.partition(block, m - k, axis=1)[:, m - k :].mean(axis=1)
    return density


def mmr(vectors: Matrix, scores: npt.NDArray[np.float64], n: int, trade_off: float) -> Ints:
    """Positions of `n` of `vectors` (m, d; unit rows) by greedy maximal marginal relevance, earlier among equals."""
    import numpy as np

    return farthest(vectors, n, np.zeros(scores.size), trade_off * scores, 1 - trade_off)[0]
