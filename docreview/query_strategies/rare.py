"""Rare classes: batches that even out the labels, and small pools around the labels that were found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from docreview.contracts import component_of, select
from docreview.query_strategies.common import best, densified, finite_or_none, view_of
from docreview.query_strategies.uncertainty import Margin
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Matrix, QueryStrategy, ReviewState

_MARGIN = Margin()


def _check_inner(strategy: object) -> None:
    if not hasattr(strategy, "select"):
        raise ValueError(f"setting 'query_strategy' must be a strategy, a name or a table, got {strategy!r}")


# ------------------------------------------------------------------------------------------------------ class-balanced


@dataclass(frozen=True)
class ClassBalanced:
    """As many of each predicted class as make the labels even, each class's share chosen by another strategy.

    Every candidate belongs to the class that is likeliest for it (equally likely ones: by chance). The batch is filled
    one document at a time, from the class that has the fewest labels and places in the batch together and still has
    candidates (several: by chance). So labels and batch become as even as they can, if the predictions are right; a
    class that is predicted for too few documents gives all of them, and the others fill the rest. Within its class,
    `query_strategy` chooses. The batch is in the order in which it was filled: however much of it is read, that is even
    too. Scores are those of `query_strategy`. Costs the pass over the probabilities (n, k), and `query_strategy` on
    each part: together about what it costs on the whole. This is the idea of small-text's ``ClassBalancer``.
    """

    query_strategy: QueryStrategy = _MARGIN

    def __post_init__(self) -> None:
        _check_inner(self.query_strategy)

    @property
    def needs(self) -> frozenset[str]:
        """A model, and what the strategy inside needs."""
        return self.query_strategy.needs | {"model"}

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Give each class its share, and let the strategy inside choose among the documents predicted to be of it."""
        import numpy as np

        pool = state.candidates
        predicted = likeliest(state.probabilities[pool], rng)
        _ = state.scores  # computed once here, and not in each part
        k = len(state.question.labels)
        have = np.bincount(state.labels[state.labeled], minlength=k)
        share = shares(have, np.bincount(predicted, minlength=k), min(n, pool.size), rng)
        inner = component_of(self.query_strategy, "query_strategies")
        parts = [
            select(inner, state.restricted(pool[predicted == label]), int(share[label]), rng)
            for label in np.flatnonzero(share)
        ]
        if not parts:
            return Selection(pool[:0])
        rows, scores, drawn = joined(parts)
        level = np.concatenate([have[label] + np.arange(share[label]) for label in np.flatnonzero(share)])
        order = np.lexsort((rng.permutation(level.size), level))
        return Selection(rows[order], finite_or_none(scores[order]), drawn[order])


def joined(parts: list[Selection]) -> tuple[Ints, Floats, Floats]:
    """Rows, scores and draw probabilities of checked selections, one after the other."""
    import numpy as np

    scores = [part.scores for part in parts if part.scores is not None]
    drawn = [part.probabilities for part in parts if part.probabilities is not None]
    return np.concatenate([part.rows for part in parts]), np.concatenate(scores), np.concatenate(drawn)


def likeliest(probabilities: Floats, rng: np.random.Generator) -> Ints:
    """The likeliest class (m,) of each row of `probabilities` (m, k), equally likely ones by chance."""
    import numpy as np

    first = np.asarray(probabilities.argmax(axis=1))
    top = np.take_along_axis(probabilities, first[:, None], axis=1)
    tied = np.flatnonzero((probabilities == top).sum(axis=1) > 1)
    if tied.size:
        chances = np.where(probabilities[tied] == top[tied], rng.random((tied.size, probabilities.shape[1])), -1)
        first[tied] = chances.argmax(axis=1)
    return first


def shares(have: Ints, room: Ints, n: int, rng: np.random.Generator) -> Ints:
    """How many of `n` places each class gets (k,), at most its `room` (k,), so that `have` + places is most even.

    The places are poured like water: all classes below one level are filled up to it. Places that are left over, fewer
    than there are classes at that level, are given by lot.
    """
    import numpy as np

    n = min(n, int(room.sum()))
    low, high = 0, int(have.max()) + n
    while low < high:
        level = (low + high + 1) // 2
        if np.clip(level - have, 0, room).sum() <= n:
            low = level
        else:
            high = level - 1
    places = np.clip(low - have, 0, room)
    next_ = np.flatnonzero((places < room) & (have + places == low))
    places[rng.permutation(next_)[: n - int(places.sum())]] += 1
    return places


# ---------------------------------------------------------------------------------------------------- seals, anchor-al


@dataclass(frozen=True)
class Seals:
    """Another strategy, asked about the stored neighbors of labeled documents only: for a rare class, where they lie.

    The pool is the union of the k neighbors (as many as are stored: ``[index] neighbors``) of every labeled row, less
    what was answered. It grows with the labels L and not with the corpus: O(k |L|), and what `query_strategy` takes for
    so many. Where it holds fewer than the batch takes, rows drawn at random from the rest fill it up, and their draw
    probability is recorded. While there are no neighbors, `query_strategy` is asked about the whole pool.

    What is lost is measured by `pool_recall`. Of the 20 smallest margins among 4,000 documents (AG News, SMS spam,
    TREC-6, Subj; 20 neighbors; 50 random labels, then by margin), the pool held 7 to 28 % at 50 labels, 45 to 60 % at
    200 and 78 to 88 % at 500, when it was 21, 53 and 77 % of the corpus on the mean: no more than chance would give,
    but for SMS spam, of which one class is rare. So it is for rare classes, and where a pass over all takes too long.

    Paper: Coleman et al. 2022, Similarity search for efficient active learning and search of rare concepts.
    """

    query_strategy: QueryStrategy = _MARGIN

    def __post_init__(self) -> None:
        _check_inner(self.query_strategy)

    @property
    def needs(self) -> frozenset[str]:
        """The neighbor graph, and what the strategy inside needs."""
        return self.query_strategy.needs | {"neighbors"}

    def subpool(self, state: ReviewState, n: int, rng: np.random.Generator) -> Ints:
        """Candidates among the neighbors of labeled rows, in order; all candidates where there are no neighbors."""
        import numpy as np

        if state.neighbors is None:
            return state.candidates
        near = state.neighbors.rows[state.labeled].ravel()
        return state.restricted(near[near >= 0].astype(np.int64)).candidates

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Let the strategy inside choose from the neighbors."""
        return select_within(self.query_strategy, state, self.subpool(state, n, rng), n, rng)


@dataclass(frozen=True)
class AnchorAL:
    """Another strategy, asked about the `pool_size` candidates most like some labeled documents of every class.

    Up to `anchors` labeled documents of each class are drawn by k-means++ (Arthur and Vassilvitskii 2007), far from
    each other, anew each round. The stored neighbors of the anchors are candidates; each scores its mean similarity to
    the anchors whose neighbor it is, and the best `pool_size` (never fewer than the batch takes) are kept. So a class
    has as many anchors however rare it is, and the pool keeps its size. O(`anchors` |L| d), whatever the size of the
    corpus. A pool that is too small is filled up as in `seals`, and without neighbors `query_strategy` is asked about
    the whole pool. The paper finds neighbors among unread documents; the stored ones lie among all, and where many
    around an anchor are read, few remain.

    Measured as at `seals`, the pool held 18 to 45 % of the 20 smallest margins at 200 labels and 25 to 47 % at 500; it
    was a quarter of the corpus. It is for rare classes in large corpora.

    Paper: Lesci and Vlachos 2024, AnchorAL: computationally efficient active learning for large and imbalanced datasets
    """

    query_strategy: QueryStrategy = _MARGIN
    anchors: int = 50
    pool_size: int = 1000

    def __post_init__(self) -> None:
        _check_inner(self.query_strategy)
        if self.anchors < 1:
            raise ValueError(f"setting 'anchors' must be at least 1, got {self.anchors}")
        if self.pool_size < 1:
            raise ValueError(f"setting 'pool_size' must be at least 1, got {self.pool_size}")

    @property
    def needs(self) -> frozenset[str]:
        """The neighbor graph, and what the strategy inside needs."""
        return self.query_strategy.needs | {"neighbors"}

    def subpool(self, state: ReviewState, n: int, rng: np.random.Generator) -> Ints:
        """Candidates most like the anchors, at most max(`pool_size`, `n`); all where there are no neighbors."""
        import numpy as np

        graph, view = state.neighbors, view_of(state)
        if graph is None or view is None:
            return state.candidates
        labeled = state.labeled
        values = state.labels[labeled]
        drawn = [np.empty(0, dtype=np.int64)]
        for label in np.unique(values):
            rows = labeled[values == label]
            drawn.append(rows[plus_plus(view.matrix[rows], self.anchors, rng)])
        anchors = np.concatenate(drawn)
        near, similarities = graph.rows[anchors].ravel(), graph.similarities[anchors].ravel()
        there = near >= 0
        found, place = np.unique(near[there].astype(np.int64), return_inverse=True)
        likeness = np.bincount(place, similarities[there]) / np.bincount(place)
        free = np.isin(found, state.restricted(found).candidates)
        found, likeness = found[free], likeness[free]
        return np.sort(found[best(likeness, max(self.pool_size, n), rng)])

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Let the strategy inside choose from what lies near the anchors."""
        return select_within(self.query_strategy, state, self.subpool(state, n, rng), n, rng)


class _Pooled(Protocol):
    @property
    def query_strategy(self) -> QueryStrategy: ...

    def subpool(self, state: ReviewState, n: int, rng: np.random.Generator) -> Ints: ...


def pool_recall(strategy: _Pooled, state: ReviewState, n: int, rng: np.random.Generator) -> float:
    """Share of what the strategy inside would choose from all candidates that lies in the pool it is asked about."""
    import numpy as np

    whole = strategy.query_strategy.select(state, n, rng).rows
    return float(np.isin(whole, strategy.subpool(state, n, rng)).mean()) if whole.size else 1.0


def select_within(
    strategy: QueryStrategy, state: ReviewState, rows: Ints, n: int, rng: np.random.Generator
) -> Selection:
    """Let `strategy` choose from the candidates among `rows`; random others fill up where those are too few.

    The rows drawn so have the probability with which they were drawn.
    """
    import numpy as np

    part = state.restricted(rows)
    inside, pool = part.candidates, state.candidates
    missing = min(n, pool.size) - inside.size
    filled, chance = inside[:0], 1.0
    if missing > 0:
        others = rng.choice(pool, missing + inside.size, replace=False)
        filled = others[~np.isin(others, inside)][:missing]
        chance = missing / (pool.size - inside.size)
        part = state.restricted(np.concatenate([inside, filled]))
    chosen = select(component_of(strategy, "query_strategies"), part, n, rng)
    rows, scores, drawn = joined([chosen])
    drawn = np.where(np.isin(rows, filled), drawn * chance, drawn).astype(np.float32)
    return Selection(rows, finite_or_none(scores), drawn)


def plus_plus(vectors: Matrix, k: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions of up to `k` of `vectors` (m, d), each drawn by its squared distance to the nearest drawn before it."""
    import numpy as np

    m = vectors.shape[0]
    if m <= k:
        return np.arange(m)
    lengths = np.asarray((vectors * vectors).sum(axis=1), dtype=np.float64).ravel()
    chosen = [int(rng.integers(m))]
    distance = np.full(m, np.inf)
    while len(chosen) < k:
        last = chosen[-1]
        likeness = densified(vectors @ vectors[[last]].T)[:, 0].astype(np.float64)
        distance = np.minimum(distance, np.maximum(lengths + lengths[last] - 2 * likeness, 0))
        distance[last] = 0
        # where no other lies further than rounding does, the rest are twins
        if distance.sum() <= 1e-6 * m:
            break
        chosen.append(int(rng.choice(m, p=distance / distance.sum())))
    return np.array(chosen, dtype=np.int64)
