"""Novelty: where the model's answer hangs on few features, and where nothing has been labeled yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting
from docreview.query_strategies.change import products
from docreview.query_strategies.clusters import MOST_CLUSTERS, place_in_cluster
from docreview.query_strategies.common import best, needed_view
from docreview.query_strategies.k_means import k_means
from docreview.query_strategies.prefilter import check_prefilter, dense_rows
from docreview.query_strategies.simple import Random
from docreview.query_strategies.uncertainty import informativeness
from docreview.types import Linear, Selection

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Floats, Ints, ReviewState, Vectors

#: how many times the batch the candidates of `drop-query` should be
_CANDIDATES = 10
#: documents without a label, for each with one, that `discriminative` learns from, the fewest and the most
_UNLABELED, _FEWEST, _MOST = 10, 1_000, 10_000


@dataclass(frozen=True)
class DropQuery:
    """Documents whose label changes when features are dropped, one from each region of them.

    In each of `passes`, a share `rate` of each document's features is set to zero, at random, and the others scaled up.
    Candidates are those whose label changes in more than half of the passes, filled up to 10 times the batch by those
    whose label changes in fewer, or is nearest to it. k-means makes as many clusters of them as documents are asked for
    (at most 500), and of each the document nearest to the center is taken; where there are fewer clusters, the second
    nearest follow, and so on. Scores are the mean probability, over the passes, of any other label than the predicted.

    Features are those of a view in which the model is linear, a dense one if there is one; other views stay whole. A
    model that is linear in none raises `BadSetting`. To be clustered, rows of a sparse view go through latent semantic
    analysis. Of a pool larger than `prefilter`, the documents with the smallest margins are looked at.
    O(n k + m d (passes k + b)) for m = `prefilter` and a batch of b.

    Paper: Gupte et al. 2024, Revisiting active learning in the era of vision foundation models.
    """

    passes: int = 3
    rate: float = 0.75
    prefilter: int = 10_000

    def __post_init__(self) -> None:
        if self.passes < 1:
            raise ValueError(f"setting 'passes' must be at least 1, got {self.passes}")
        if not 0 < self.rate < 1:
            raise ValueError(f"setting 'rate' must lie between 0 and 1, got {self.rate}")
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Drop features, keep those whose label changes, and take one from each cluster of them."""
        import numpy as np

        pool, n = state.candidates, min(n, state.candidates.size)
        if not pool.size:
            return Selection(pool)
        doubt = informativeness(state.probabilities[pool], "margin")
        # in order of chance among equals, and so are the first of equals below
        rows = pool[best(doubt, max(self.prefilter, n), rng)]
        view, model, coefficients = linear_view(state)
        matrix: Any = view.matrix
        features, scores = matrix[rows], model.scores[rows]
        label = state.probabilities[rows].argmax(axis=1)
        changes, others = np.zeros(rows.size, dtype=np.int64), np.zeros(rows.size)
        for _ in range(self.passes):
            lost = dropped(features, self.rate, rng) - features
            p = model.to_probabilities(scores + np.asarray(lost @ coefficients.T, dtype=np.float32))
            changes += p.argmax(axis=1) != label
            others += 1 - p[np.arange(rows.size), label]
        size = max((changes > self.passes // 2).sum(), _CANDIDATES * n)
        among = np.lexsort((-others, -changes))[:size]
        vectors = dense_rows(view, rows[among], rng)
        found = k_means(vectors, min(n, MOST_CLUSTERS, among.size), rng)
        place = place_in_cluster(found.labels, -found.distances)
        chosen = among[np.lexsort((-others[among], place))][:n]
        return Selection(rows[chosen], (others[chosen] / self.passes).astype(np.float32))


def linear_view(state: ReviewState) -> tuple[Vectors, Any, Floats]:
    """A view in which the model is linear (a dense one if there is one), the model, and its coefficients (k, d)."""
    fitted = state.fitted()
    if isinstance(fitted, Linear):
        for name in sorted(state.views, key=lambda name: not state.views[name].dense):
            coefficients = fitted.coefficients(name)
            if coefficients is not None:
                return state.views[name], fitted, coefficients
    raise BadSetting(
        "query strategy 'drop-query' needs a model that is linear in a view, and this one is not: "
        "choose another classifier, or use 'margin'."
    )


def dropped(features: Any, rate: float, rng: np.random.Generator) -> Any:
    """A copy of `features` (m, d) with a share `rate` of them set to zero at random, the others scaled up to match."""
    import numpy as np

    left = features.copy()
    values = left.data if hasattr(left, "indptr") else left
    values *= (rng.random(values.shape, dtype=np.float32) >= rate) / np.float32(1 - rate)
    return left


@dataclass(frozen=True)
class Discriminative:
    """Documents that are told apart most surely from those with a label: discriminative active learning.

    A logistic regression learns to tell labeled documents from candidates (drawn at random, 10 for each with a label,
    from 1,000 to 10,000; both sides weigh the same). The score is its decision in favor of a candidate. The batch is
    chosen in `sub_batches`: what was chosen counts as labeled for the next, so that one new region does not fill it.
    Which labels were given plays no part, and no model is needed. Without a labeled document it draws at random.

    Rows are those of one view, a dense one if there is one. Of a pool larger than `prefilter`, the documents that score
    highest at first stay candidates. O(n d) and `sub_batches` fits.

    Paper: Gissin and Shalev-Shwartz 2019, Discriminative active learning.
    """

    sub_batches: int = 5
    prefilter: int = 10_000

    def __post_init__(self) -> None:
        if self.sub_batches < 1:
            raise ValueError(f"setting 'sub_batches' must be at least 1, got {self.sub_batches}")
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing: it does not look at what labels say."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Learn what is labeled, take what is not like it, and learn again."""
        import numpy as np

        pool, labeled = state.candidates, state.labeled
        if not labeled.size or not pool.size:
            return Random().select(state, n, rng)
        n, drawn = min(n, pool.size), min(max(_UNLABELED * labeled.size, _FEWEST), _MOST)
        matrix: Any = needed_view(state, "discriminative").matrix
        open_, near = np.ones(pool.size, dtype=bool), np.arange(pool.size)
        chosen: list[Ints] = []
        scores: list[Floats] = []
        for t in range(parts := min(self.sub_batches, n)):
            unknown = np.flatnonzero(open_)
            unknown = rng.choice(unknown, min(unknown.size, drawn), replace=False)
            weights = telling_apart(matrix, np.concatenate([labeled, *(pool[c] for c in chosen)]), pool[unknown])
            near = near[open_[near]]
            values = products(matrix, pool[near], weights)
            if t == 0:
                kept = best(values, max(self.prefilter, n), rng)
                near, values = near[kept], values[kept]
            taken = best(values, n * (t + 1) // parts - n * t // parts, rng)
            chosen.append(near[taken])
            scores.append(values[taken])
            open_[near[taken]] = False
        return Selection(pool[np.concatenate(chosen)], np.concatenate(scores).astype(np.float32))


def telling_apart(matrix: Any, known: Ints, unknown: Ints) -> Floats:
    """Weights (d,) of a logistic regression that tells the rows `unknown` (positive) from the rows `known`."""
    import numpy as np
    import scipy.sparse as sp
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    learned = np.concatenate([known, unknown])
    side = np.repeat([0, 1], [known.size, unknown.size])
    train, columns = matrix[learned], np.arange(matrix.shape[1])
    if hasattr(matrix, "indptr"):
        # lbfgs pays for columns that no row has; scikit-learn asks for the matrix, with 32-bit indices
        columns = np.unique(train.indices)
        parts = (train.data, np.searchsorted(columns, train.indices).astype(np.int32), train.indptr.astype(np.int32))
        train = sp.csr_matrix(parts, shape=(learned.size, max(columns.size, 1)))
    with threadpool_limits(1):  # for so little, threads wait for each other longer than they work
        model = LogisticRegression(class_weight="balanced", max_iter=1_000).fit(train, side)
    weights = np.zeros(matrix.shape[1], dtype=np.float32)
    weights[columns] = model.coef_[0, : columns.size]
    return weights
