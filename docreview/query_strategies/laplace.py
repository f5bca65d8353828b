"""Uncertainty times novelty, in closed form: the Laplace approximation of a linear model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.query_strategies.change import compact, products, row_products, squared_lengths
from docreview.query_strategies.common import best, densified, needed_view
from docreview.query_strategies.prefilter import check_prefilter
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import scipy.sparse as sp

    from docreview.types import Floats, Ints, Matrix, ReviewState

    Doubles = npt.NDArray[np.float64]

#: directions of most certainty that the rough variance of a large pool knows of
_DIRECTIONS = 16
#: labeled rows that the variance in a sparse view knows of
_LABELED = 1_000
#: picks after which the rest of a batch comes in the order that is left
_UPDATES = 1_000


def bernoulli_variance(probabilities: Floats) -> Doubles:
    """Half of sum_y p_y (1 - p_y), (m,), of `probabilities` (m, k): p (1 - p) where there are two labels."""
    import numpy as np

    p = probabilities.astype(np.float64)
    return np.asarray((1 - np.einsum("mk,mk->m", p, p)).clip(0) / 2)


@dataclass(frozen=True)
class Laplace:
    """Documents of which the model is unsure because it has seen nothing like them (Laplace approximation).

    A linear model's weights are taken to be normal about what was learned, with the covariance
    S = (X' W X + `prior` I)^-1 of the labeled rows X, W = diag(p (1 - p)). The score of a document x is
    p (1 - p) x' S x: its uncertainty times the variance of its score, which is the information that its label is
    expected to give about the weights, to first order. With more labels, p (1 - p) is half of sum_y p_y (1 - p_y). A
    batch is chosen one by one: S takes in each document chosen (Sherman and Morrison 1950), so that alike ones are not
    asked twice, for the first 1,000. Scores are those when a document was chosen. A larger `prior` makes more of doubt
    and less of novelty.

    The rows are those of one view, a dense one if there is one. In a sparse one S is kept in its dual form, of the
    1,000 labeled rows that say most. Of a pool larger than `prefilter`, the documents that may score highest are gone
    through: by a bound that knows the 16 directions of least variance, in a sparse view by their uncertainty.
    O(n d + m d^2 + b m (d + b)) for m = `prefilter` and a batch of b.

    Paper: MacKay 1992, Information-based objective functions for active data selection.
    """

    prior: float = 1.0
    prefilter: int = 10_000

    def __post_init__(self) -> None:
        if not self.prior > 0:
            raise ValueError(f"setting 'prior' must be greater than 0, got {self.prior}")
        check_prefilter(self.prefilter)

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Keep those that may score highest, and take them one by one."""
        import numpy as np
        from threadpoolctl import threadpool_limits

        view = needed_view(state, "laplace")
        matrix: Any = view.matrix
        pool, labeled = state.candidates, state.labeled
        doubt = bernoulli_variance(state.probabilities[pool])
        weights = bernoulli_variance(state.probabilities[labeled])
        with threadpool_limits(1):  # for so little, threads wait for each other longer than they work
            posterior = (Sparse if hasattr(matrix, "indptr") else Dense).of(matrix[labeled], weights, self.prior)
        if pool.size > max(self.prefilter, n):
            highest = doubt * posterior.bounds(matrix, pool) * squared_lengths([view], pool)
            kept = best(highest, max(self.prefilter, n), rng)
        else:
            kept = rng.permutation(pool.size)
        whitened, known = posterior.factors(matrix[pool[kept]])
        with threadpool_limits(1):
            chosen, scores = one_by_one(whitened, known, doubt[kept], min(n, kept.size))
        return Selection(pool[kept[chosen]], scores.astype(np.float32))


@dataclass(frozen=True)
class Dense:
    """The covariance S of the weights of a dense view, by the eigenvectors of what was learned."""

    eigenvalues: Doubles
    eigenvectors: Doubles
    prior: float

    @classmethod
    def of(cls, labeled: Floats, weights: Doubles, prior: float) -> Dense:
        """From labeled rows (l, d) and their weights (l,)."""
        import numpy as np

        rows = labeled.astype(np.float64)
        values, vectors = np.linalg.eigh(rows.T @ (weights[:, None] * rows))
        return cls(values.clip(0), vectors, prior)

    def bounds(self, matrix: Floats, rows: Ints) -> Doubles:
        """Upper bounds (m,) of the variances of `rows` of unit length: what is least certain of them is left out."""
        import numpy as np

        known = self.eigenvalues[-_DIRECTIONS:]
        shrink = 1 / self.prior - 1 / (known + self.prior)
        directions = (self.eigenvectors[:, -_DIRECTIONS:] * np.sqrt(shrink)).astype(np.float32)
        certain = products(matrix, rows, directions)
        return np.asarray(1 / self.prior - np.einsum("mr,mr->m", certain, certain, dtype=np.float64))

    def factors(self, rows: Floats) -> tuple[Floats, None]:
        """Z (m, d) with Z Z' the covariances of the scores of `rows` (m, d)."""
        import numpy as np

        whitening = self.eigenvectors / np.sqrt(self.eigenvalues + self.prior)
        return np.asarray(rows @ whitening.astype(np.float32)), None


@dataclass(frozen=True)
class Sparse:
    """The covariance S of the weights of a sparse view: ``(I - X' (X X' + prior W^-1)^-1 X) / prior``."""

    labeled: Any
    root: Doubles
    prior: float

    @classmethod
    def of(cls, labeled: sp.csr_array, weights: Doubles, prior: float) -> Sparse:
        """From labeled rows (l, d) and their weights (l,)."""
        import numpy as np
        from scipy.linalg import cholesky

        telling = np.argsort(-weights, kind="stable")[:_LABELED]
        telling = telling[weights[telling] > 1e-9]
        rows: Any = labeled[telling]
        inner = densified(rows @ rows.T).astype(np.float64) + np.diag(prior / weights[telling])
        return cls(rows, cholesky(inner, lower=True), prior)

    def bounds(self, matrix: sp.csr_array, rows: Ints) -> Doubles:
        """Upper bounds (m,) of the variances of `rows` of unit length: those before anything was learned."""
        import numpy as np

        return np.full(rows.size, 1 / self.prior)

    def factors(self, rows: sp.csr_array) -> tuple[sp.csr_array, Floats]:
        """Z (m, d) and V (l, m) with Z Z' - V' V the covariances of the scores of `rows` (m, d)."""
        import numpy as np
        from scipy.linalg import solve_triangular

        shared = densified(self.labeled @ rows.T).astype(np.float64)
        known = solve_triangular(self.root, shared, lower=True, overwrite_b=True) / np.sqrt(self.prior)
        return compact(rows) / np.float32(np.sqrt(self.prior)), known.astype(np.float32)


def row_squares(rows: Matrix) -> Doubles:
    """Squared lengths (m,) of rows (m, d)."""
    import numpy as np

    values: Any = rows
    if hasattr(rows, "indptr"):
        return np.ravel((values * values).sum(axis=1)).astype(np.float64)
    return np.asarray(np.einsum("md,md->m", values, values, dtype=np.float64))


def one_by_one(whitened: Matrix, known: Floats | None, doubt: Doubles, n: int) -> tuple[Ints, Doubles]:
    """Positions (n,) of the highest `doubt` (m,) x variance, and these scores; each lessens the variance of others.

    Covariances are ``whitened @ whitened.T - known.T @ known``. The first among equals comes first.
    """
    import numpy as np

    m, updates = doubt.size, min(n, _UPDATES)
    first = 0 if known is None else len(known)
    taken = np.zeros((first + updates, m), dtype=np.float32)
    if known is not None:
        taken[:first] = known
    variance = row_squares(whitened) - np.einsum("lm,lm->m", taken[:first], taken[:first], dtype=np.float64)
    chosen, scores, open_ = np.empty(n, dtype=np.int64), np.empty(n), np.ones(m, dtype=bool)
    for t in range(updates):
        value = doubt * variance.clip(0)
        i = int(np.where(open_, value, -1).argmax())
        chosen[t], scores[t], open_[i] = i, value[i], False
        used = taken[: first + t]
        covariance = row_products(whitened, i) - used[:, i] @ used
        change = covariance * np.sqrt(doubt[i] / (1 + doubt[i] * max(variance[i], 0)))
        taken[first + t] = change
        variance -= change.astype(np.float64) ** 2
    left = np.flatnonzero(open_)
    value = (doubt * variance.clip(0))[left]
    order = np.argsort(-value, kind="stable")[: n - updates]
    chosen[updates:], scores[updates:] = left[order], value[order]
    return chosen, scores
