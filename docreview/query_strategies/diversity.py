"""Diversity: documents that together cover the pool, or reach into every corner of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.query_strategies.common import BLOCK, needed_view
from docreview.query_strategies.density import telling
from docreview.query_strategies.greedy import farthest, lazy_greedy, nearest_similarity, stochastic_greedy
from docreview.query_strategies.prefilter import check_prefilter, dense_rows, drawn
from docreview.query_strategies.uncertainty import Informativeness
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, ReviewState

    Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KCenter:
    """One by one the document that is farthest from all that are labeled or chosen: the core-set by greedy k-center.

    It reaches into every corner that no label covers yet, and so takes outliers too. The largest distance of a
    candidate to a chosen or labeled one is at most twice the least possible (Gonzalez 1985). Scores are the (Euclidean)
    distances when a document was chosen; without any label, the first is one by chance, with 2. Documents in which the
    view sees nothing come last, with 0.

    Of a pool larger than `prefilter`, so many are drawn at random, and of more labeled ones as many: the bound then
    holds among these. O(m (l + n) d) for m candidates, l labels and a batch of n. Rows are those of one view, a dense
    one if there is one; sparse ones go through latent semantic analysis.

    Paper: Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set approach.
    """

    prefilter: int = 10_000

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing: it does not look at what labels say."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the farthest, and the farthest from all these."""
        import numpy as np

        pool = drawn(state.candidates, max(self.prefilter, n), rng)
        labeled = drawn(state.labeled, self.prefilter, rng)
        rows = dense_rows(needed_view(state, "k-center"), np.concatenate([pool, labeled]), rng)
        rows, known = rows[: pool.size], rows[pool.size :]
        nearest = nearest_similarity(rows, known)
        nearest[~rows.any(axis=1)] = 1
        chosen, similarity = farthest(rows, min(n, pool.size), nearest)
        distance = np.sqrt(np.maximum(2 - 2 * similarity, 0))
        return Selection(pool[chosen], distance.astype(np.float32))


@dataclass(frozen=True)
class FacilityLocation:
    """Documents that together stand for the pool: every document of it is like one of them, or like a labeled one.

    The value of a batch S is the weighted mean over a ground set of the largest cosine similarity (0 where negative) of
    each document to one of S or of the labels: between 0 and 1, monotone and submodular. With `informativeness`
    (``"margin"``, ``"entropy"``, ``"least-confidence"``, ``"target"``), documents of the ground set weigh as much as
    the model is unsure of them (or as they rank for the target), and otherwise the same; outliers, like nothing else,
    are left out. Greedy choice is worth at least 1 - 1/e of the best batch (Nemhauser, Wolsey and Fisher 1978), found
    lazily (Minoux 1978). With an `epsilon` above 0, each document is the best of a random part of the candidates: at
    least 1 - 1/e - `epsilon` on the mean (Mirzasoleiman et al. 2015), worth it only for a large `prefilter`. Scores are
    what each document added to the value.

    The ground set is `ground` documents drawn at random from the pool: the value of a given batch on the whole pool
    differs from that on the ground set by less than 0.03 with a chance of 95 % (Hoeffding, for 2,000). Candidates are
    at most `prefilter` documents, drawn at random. O(m g d) and m g float32 numbers for m candidates, g in the ground
    set. Rows are those of one view, a dense one if there is one; sparse ones go through latent semantic analysis.

    Paper: Wei, Iyer and Bilmes 2015, Submodularity in data subset selection and active learning.
    """

    informativeness: Informativeness | None = None
    epsilon: float = 0.0
    ground: int = 2_000
    prefilter: int = 10_000

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)
        if not 0 <= self.epsilon < 1:
            raise ValueError(f"setting 'epsilon' must be at least 0 and less than 1, got {self.epsilon}")
        if self.ground < 1:
            raise ValueError(f"setting 'ground' must be at least 1, got {self.ground}")

    @property
    def needs(self) -> frozenset[str]:
        """A model where it is asked how telling documents are."""
        return frozenset() if self.informativeness is None else frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take what adds most to the likeness of the ground set."""
        import numpy as np

        if not state.candidates.size:
            return Selection(state.candidates)
        pool = drawn(state.candidates, max(self.prefilter, n), rng)
        ground = drawn(state.candidates, self.ground, rng)
        labeled = drawn(state.labeled, self.prefilter, rng)
        view = needed_view(state, "facility-location")
        rows = dense_rows(view, np.concatenate([pool, ground, labeled]), rng)
        ends = pool.size, pool.size + ground.size
        weights = None
        if self.informativeness is not None:
            weights = telling(state, ground, self.informativeness, "facility-location")
        objective = Coverage.of(rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] :], weights)
        if self.epsilon:
            chosen, gains = stochastic_greedy(objective, pool.size, n, self.epsilon, rng)
        else:
            chosen, gains = lazy_greedy(objective, pool.size, n)
        return Selection(pool[chosen], gains.astype(np.float32))


@dataclass
class Coverage:
    """The weighted mean over a ground set of the largest similarity to one of a set that grows: facility location.

    `similarities` (m, g) are multiplied by weights that sum to one; `covered` (g,), never negative, is what the set
    gives now, in the same terms. Gains lie between 0 and 1.
    """

    similarities: Floats
    covered: npt.NDArray[Any]

    @classmethod
    def of(cls, rows: Floats, ground: Floats, known: Floats, weights: Doubles | None = None) -> Coverage:
        """From unit `rows` (m, d) to choose from, those of the ground set (g, d) and those `known` (l, d) before.

        Where `weights` (g,) are all zero, all weigh the same.
        """
        import numpy as np

        weights = np.ones(len(ground)) if weights is None or not weights.any() else weights
        share = (weights / weights.sum()).astype(np.float32)
        similarities = rows @ ground.T
        for start in range(0, len(rows), BLOCK):  # what the processor's cache holds
            part = similarities[start : start + BLOCK]
            np.minimum(part, 1, out=part)  # rounding
            part *= share
        return cls(similarities, np.clip(nearest_similarity(ground, known), 0, 1) * share)

    def gains(self, positions: Ints) -> Doubles:
        """What each of `positions` would add (len,)."""
        import numpy as np

        gains = np.empty(len(positions))
        for start in range(0, len(positions), BLOCK):
            part = self.similarities[positions[start : start + BLOCK]]
            part -= self.covered
            gains[start : start + BLOCK] = np.maximum(part, 0, out=part).sum(axis=1)
        return gains

    def take(self, position: int) -> None:
        """Add one to the set."""
        import numpy as np

        self.covered = np.maximum(self.covered, self.similarities[position])
