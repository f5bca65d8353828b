"""Clusters: documents that stand for groups of others, one of each group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.query_strategies.common import BLOCK, best, needed_view
from docreview.query_strategies.k_means import k_means
from docreview.query_strategies.prefilter import check_prefilter, dense_rows, drawn
from docreview.query_strategies.uncertainty import informativeness
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Neighbors, ReviewState

    Doubles = npt.NDArray[np.float64]

#: most clusters that are made, however many documents are asked for (TypiClust's bound, which serves the others too)
MOST_CLUSTERS = 500
#: most candidates of the smallest margins that are clustered, unless more are asked for
_MOST = 10_000
#: neighbors that say how typical a document is
_NEIGHBORS = 20
#: clusters of no more documents come last
_SMALL = 5
#: members of a cluster that its members are compared with where there is no neighbor graph
_COMPARED = 1_000


def _how_many(wanted: int, m: int) -> int:
    """Clusters for `wanted` of `m` documents: of fewer than two on the mean, none would stand for another."""
    return max(1, min(wanted, MOST_CLUSTERS, m // 2))


def place_in_cluster(labels: Ints, value: Doubles) -> Ints:
    """Place (m,) of each document in its cluster by `value` (m,), the highest 0; the first of equals is first."""
    import numpy as np

    order = np.lexsort((-value, labels))
    sorted_ = labels[order]
    begins = np.flatnonzero(np.r_[True, sorted_[1:] != sorted_[:-1]]) if labels.size else order
    places = np.empty(labels.size, dtype=np.int64)
    places[order] = np.arange(labels.size) - np.repeat(begins, np.diff(np.r_[begins, labels.size]))
    return places


def blank(rows: Floats) -> npt.NDArray[np.bool_]:
    """Which of `rows` (m, d) are zero: the view sees nothing in them, they stand for nothing and come last."""
    import numpy as np

    return np.asarray(~rows.any(axis=1))


@dataclass(frozen=True)
class KMeans:
    """Documents in the middle of the clusters that the pool falls into, whatever the labels so far.

    k-means makes as many clusters as documents are asked for (at most 500, and half of the candidates); of each, the
    document nearest to the center is taken, those of large clusters first, and where there are fewer clusters, the
    second nearest, and so on. Scores are cosine similarities to the center. No model is needed: a good cold start.

    Of a pool larger than `prefilter`, so many are drawn at random: centers and sizes of clusters are estimated from
    them. O(m n d) for m = `prefilter`. Rows are those of one view, a dense one if there is one; sparse ones go through
    latent semantic analysis.

    Paper: Kang, Ryu and Kwon 2004, Using cluster-based sampling to select initial training set for active learning.
    """

    prefilter: int = 10_000

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Cluster, and take from the middle of each."""
        import numpy as np

        if not state.candidates.size:
            return Selection(state.candidates)
        pool = drawn(state.candidates, max(self.prefilter, n), rng)
        rows = dense_rows(needed_view(state, "k-means"), pool, rng)
        found = k_means(rows, _how_many(n, pool.size), rng)
        sizes = np.bincount(found.labels)[found.labels]
        place = place_in_cluster(found.labels, -found.distances)
        order = np.lexsort((-sizes, place, blank(rows)))[:n]
        centers = found.centers[found.labels[order]]
        likeness = np.einsum("nd,nd->n", rows[order], centers)
        likeness /= np.maximum(np.linalg.norm(centers, axis=1), 1e-9)
        return Selection(pool[order], likeness)


@dataclass(frozen=True)
class MarginKMeans:
    """Doubtful documents that differ from each other: the smallest margins, clustered, one of each cluster.

    The `prefilter` x n candidates with the smallest margins are kept; k-means makes n clusters of them (at most 500),
    and of each the document nearest to the center is taken, the most doubtful of these first. Where there are fewer
    clusters, the second nearest follow, and so on. With `weighted`, a document counts for a center as much as its
    doubt, 1 - margin: so the choice still depends on doubt where the pool is hardly larger than what is kept. Scores
    are 1 - margin. O(N k) and O(`prefilter` n^2 d); no more than 10,000 are kept. Rows are those of one view, a dense
    one if there is one; sparse ones go through latent semantic analysis.

    Paper: Zhdanov 2019, Diverse mini-batch active learning.
    """

    weighted: bool = True
    prefilter: int = 10

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Keep the smallest margins, cluster them, and take from the middle of each cluster."""
        import numpy as np

        pool = state.candidates
        if not pool.size:
            return Selection(pool)
        doubt = informativeness(state.probabilities[pool], "margin")
        kept = best(doubt, max(n, min(self.prefilter * n, _MOST)), rng)
        pool, doubt = pool[kept], doubt[kept]
        rows = dense_rows(needed_view(state, "margin-k-means"), pool, rng)
        found = k_means(rows, _how_many(n, pool.size), rng, doubt if self.weighted else None)
        place = place_in_cluster(found.labels, -found.distances)
        order = np.lexsort((-doubt, place, blank(rows)))[:n]
        return Selection(pool[order], doubt[order].astype(np.float32))


@dataclass(frozen=True)
class TypiClust:
    """The most typical document of each large cluster that has no label yet: for the first labels of all.

    Labeled documents and candidates are clustered together by k-means into as many clusters as there are labels and
    places in the batch, at most 500. One after the other, the cluster with the fewest labels and choices gives its most
    typical document, the larger one first; clusters of five or fewer come last. How typical a document is, its score,
    is 1 / its mean distance to its 20 nearest neighbors: those of the neighbor graph, and while there is none, those
    among (at most 1,000 of) its cluster.

    Of more than `prefilter` documents, candidates are drawn at random, so that about so many are left; labeled ones
    (at most `prefilter`) all stay, and count for less, as if they had been drawn. O(m c d) for m documents and c
    clusters. Rows are those of one view, a dense one if there is one; sparse ones go through latent semantic analysis.

    Paper: Hacohen, Dekel and Weinshall 2022, Active learning on a budget: opposite strategies suit high and low budgets
    """

    prefilter: int = 10_000

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """The neighbor graph."""
        return frozenset({"neighbors"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Cluster all, and take the most typical of those with the fewest labels."""
        import numpy as np

        if not state.candidates.size:
            return Selection(state.candidates)
        labeled = drawn(state.labeled, self.prefilter, rng)
        share = min(1.0, self.prefilter / (state.candidates.size + state.labeled.size))
        pool = drawn(state.candidates, max(math.ceil(share * state.candidates.size), n), rng)
        n = min(n, pool.size)
        rows = dense_rows(needed_view(state, "typiclust"), np.concatenate([pool, labeled]), rng)
        weights = np.ones(len(rows))
        weights[pool.size :] = share
        found = k_means(rows, _how_many(labeled.size + n, len(rows)), rng, weights)
        sizes = np.bincount(found.labels, weights)
        have = np.bincount(found.labels[pool.size :], minlength=sizes.size)
        labels, rows = found.labels[: pool.size], rows[: pool.size]
        if state.neighbors is not None:
            typical = graph_typicality(state.neighbors, pool)
        else:
            typical = cluster_typicality(rows, labels)
        place = place_in_cluster(labels, typical)
        order = np.lexsort((-sizes[labels], have[labels] + place, sizes[labels] <= _SMALL, blank(rows)))[:n]
        return Selection(pool[order], typical[order].astype(np.float32))


def typicality(similarities: Doubles) -> Doubles:
    """1 / mean distance (m,) of unit rows, given their cosine similarities (m, k) to the nearest; NaN for none there.

    A row without any has 0.
    """
    import numpy as np

    there = ~np.isnan(similarities)
    distance = np.sqrt(np.maximum(2 - 2 * np.where(there, similarities, 1), 0))
    count = there.sum(axis=1)
    return np.where(count > 0, 1 / (distance.sum(axis=1) / np.maximum(count, 1) + 1e-5), 0)


def graph_typicality(graph: Neighbors, rows: Ints) -> Doubles:
    """How typical each of `rows` (m,) is by its neighbors in the graph."""
    import numpy as np

    near = graph.similarities[rows, :_NEIGHBORS].astype(np.float64)
    near[graph.rows[rows, :_NEIGHBORS] < 0] = np.nan
    return typicality(near)


def cluster_typicality(rows: Floats, labels: Ints) -> Doubles:
    """How typical each of `rows` (m, d) is by its neighbors in its cluster; 0 for one that is alone, or is zero."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    typical = np.zeros(len(rows))
    order = np.argsort(labels, kind="stable")
    with threadpool_limits(1):  # for products this small, threads wait for each other longer than they work
        for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
            # rows that are zero are near to nothing
            seen = members[rows[members].any(axis=1)]
            typical[seen] = _typicality_among(rows[seen])
    return typical


def _typicality_among(rows: Floats) -> Doubles:
    """How typical each of `rows` (m, d) is among the first 1,000 of them; the order is random."""
    import numpy as np

    others, typical = rows[:_COMPARED], np.zeros(len(rows))
    k = min(_NEIGHBORS, len(others) - 1)
    for start in range(0, len(rows) if k > 0 else 0, BLOCK):
        near = rows[start : start + BLOCK] @ others.T
        itself = np.arange(start, min(start + len(near), len(others)))
        near[itself - start, itself] = -np.inf
        highest = np.partition(near, near.shape[1] - k, axis=1)[:, near.shape[1] - k :]
        typical[start : start + len(near)] = typicality(highest.astype(np.float64))
    return typical
