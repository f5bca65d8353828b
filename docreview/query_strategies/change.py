"""Expected model change: the documents whose labels would move the model most.

The model of a review is softmax regression on the rows of all views joined: its scores are a sum of linear functions,
one of each view, and its probabilities their softmax. The gradient of the loss of a document x with the label y, with
respect to what each column adds to the scores, is (p - e_y) outer x. It is never built: all that is asked of it comes
from p and x alone. A constant (the slope of the calibration) is left out. Any model with probabilities will do; of one
that is not linear, this is the gradient of a softmax regression that says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.query_strategies.common import best, densified
from docreview.query_strategies.passes import best_below, in_blocks
from docreview.query_strategies.prefilter import check_prefilter
from docreview.types import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, ReviewState, Vectors

    Doubles = npt.NDArray[np.float64]

#: rows that are copied at once
_ROWS = 2_048


def squared_lengths(views: Iterable[Vectors], rows: Ints) -> npt.NDArray[np.int64]:
    """Squared length (m,) of the joined `rows` of `views`: in how many of them it is not zero, as rows are units."""
    import numpy as np

    total = np.zeros(rows.size, dtype=np.int64)
    for view in views:
        matrix: Any = view.matrix
        if not view.dense:
            total += matrix.indptr[rows + 1] > matrix.indptr[rows]
            continue
        seen = matrix[rows, 0] != 0
        rest = np.flatnonzero(~seen)  # few, so that hardly a row is read whole
        seen[rest] = matrix[rows[rest]].any(axis=1)
        total += seen
    return total


def expected_gradient_length(probabilities: Floats) -> Doubles:
    """Expected length (m,) of p - e_y, where y is drawn from `probabilities` (m, k)."""
    import numpy as np

    p = np.ascontiguousarray(probabilities.T, dtype=np.float64)
    squared = np.einsum("km,km->m", p, p)
    return np.asarray((p * np.sqrt(np.maximum(squared - 2 * p + 1, 0))).sum(axis=0))


@dataclass(frozen=True)
class ExpectedGradientLength:
    """The documents whose label is expected to change the model most.

    The score is the length of the gradient that a label would cause, on the mean over labels as the model expects them:
    |x| sum_y p_y |p - e_y|. Documents that no view sees score 0. With two labels it is proportional to p (1 - p)
    |x|: where every view sees every document, it ranks as `margin` does. O(n k).

    Paper: Settles, Craven and Ray 2008, Multiple-instance active learning.
    """

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the largest expected lengths."""
        import numpy as np

        pool = state.candidates
        expected = in_blocks(lambda rows: expected_gradient_length(state.probabilities[rows]), pool)

        def score(some: Ints) -> Doubles:
            return expected[some] * np.sqrt(squared_lengths(state.views.values(), pool[some]))

        chosen, scores = best_below(expected * np.sqrt(len(state.views)), score, n, rng)
        return Selection(pool[chosen], scores.astype(np.float32))


@dataclass(frozen=True)
class Badge:
    """Documents whose gradients are long and point in different directions (BADGE).

    Each document is taken to have its likeliest label; its gradient g = (p - e_y) outer x is long where the model is
    unsure. The batch is drawn as k-means++ draws its centers: first the longest gradient, then each next one with a
    probability proportional to the squared distance to the nearest gradient drawn. The distances are factored,
    |g - h|^2 = |a|^2 |x|^2 + |b|^2 |z|^2 - 2 (a . b) (x . z), so that a draw costs O(m (k + d)) and no more memory.

    Of a pool larger than `prefilter`, the m = `prefilter` documents with the longest gradients are drawn from. Scores
    are lengths of gradients; probabilities, those with which each document was drawn when its turn came.

    Paper: Ash et al. 2020, Deep batch active learning by diverse, uncertain gradient lower bounds.
    """

    prefilter: int = 10_000

    def __post_init__(self) -> None:
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Keep the longest gradients, and draw among them."""
        import numpy as np
        from threadpoolctl import threadpool_limits

        pool = state.candidates
        lengths = in_blocks(lambda rows: likeliest_lengths(state.probabilities[rows]), pool)

        def score(some: Ints) -> Doubles:
            return lengths[some] * squared_lengths(state.views.values(), pool[some])

        kept, squared = best_below(lengths * len(state.views), score, max(self.prefilter, n), rng)
        rows = pool[kept]
        residuals = likeliest_residuals(state.probabilities[rows])
        gradients = Gradients(residuals, [compact(view.matrix[rows]) for view in state.views.values()])
        with threadpool_limits(1):  # for so little, threads wait for each other longer than they work
            drawn, probabilities = spread(gradients, squared, min(n, kept.size), rng)
        return Selection(rows[drawn], np.sqrt(squared[drawn]).astype(np.float32), probabilities)


def likeliest_lengths(probabilities: Floats) -> Doubles:
    """Squared length (m,) of p - e_y for the likeliest label y of each row of `probabilities` (m, k)."""
    import numpy as np

    p = np.ascontiguousarray(probabilities.T, dtype=np.float64)
    return np.asarray(np.einsum("km,km->m", p, p) - 2 * p.max(axis=0) + 1)


def likeliest_residuals(probabilities: Floats) -> Doubles:
    """p - e_y (m, k) for the likeliest label y of each row."""
    import numpy as np

    residuals = probabilities.astype(np.float64)
    residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1
    return residuals


def compact(matrix: Any) -> Any:
    """A matrix without the columns that none of its rows has: products of rows are the same, and cheap."""
    import numpy as np
    import scipy.sparse as sp

    if not hasattr(matrix, "indptr"):
        return matrix
    columns, places = np.unique(matrix.indices, return_inverse=True)
    return sp.csr_array((matrix.data, places.astype(np.int32), matrix.indptr), (matrix.shape[0], max(columns.size, 1)))


def products(matrix: Any, rows: Ints, weights: Floats) -> Floats:
    """Products of `rows` (m,) with `weights` (d,) or (d, r), without a copy of all rows."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    if rows.size > matrix.shape[0] / 2:
        return np.asarray(matrix @ weights)[rows]
    with threadpool_limits(1):  # for so little at once, threads wait for each other longer than they work
        parts = [np.asarray(matrix[rows[start : start + _ROWS]] @ weights) for start in range(0, rows.size, _ROWS)]
    return np.concatenate(parts) if parts else np.zeros((0, *weights.shape[1:]), dtype=np.float32)


def row_products(rows: Any, i: int) -> Floats:
    """Inner products (m,) of all `rows` (m, d) with the i-th."""
    import numpy as np

    return np.asarray(rows @ np.ravel(densified(rows[[i]])))


@dataclass(frozen=True)
class Gradients:
    """Gradients of m documents in factors: residuals (m, k), and the rows (m, d) of each view."""

    residuals: Doubles
    views: list[Any]

    def products(self, i: int) -> Doubles:
        """Inner products (m,) of all gradients with the i-th."""
        likeness: Any = sum(row_products(rows, i) for rows in self.views)
        return likeness * (self.residuals @ self.residuals[i])  # type: ignore[no-any-return]


def spread(gradients: Gradients, squared: Doubles, n: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Positions (n,) drawn as centers of k-means++ from gradients of `squared` lengths (m,), and the probabilities.

    The longest comes first. Where all that is left lies on what was drawn, each is as likely.
    """
    import numpy as np

    drawn, probabilities = np.empty(n, dtype=np.int64), np.ones(n, dtype=np.float32)
    distance, open_ = np.full(squared.size, np.inf), np.ones(squared.size, dtype=bool)
    for t in range(n):
        if t == 0:
            i = int(best(squared, 1, rng)[0])
        else:
            chances = distance if distance.any() else open_.astype(np.float64)
            chances = chances / chances.sum()
            i = int(rng.choice(chances.size, p=chances))
            probabilities[t] = chances[i]
        drawn[t] = i
        open_[i] = False
        apart = squared + squared[i] - 2 * gradients.products(i)
        # what rounding leaves between equal gradients is no distance
        apart[apart < 1e-6 * (squared + squared[i])] = 0
        np.minimum(distance, apart, out=distance)
        distance[i] = 0
    return drawn, probabilities
