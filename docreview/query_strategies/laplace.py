"""Uncertainty times novelty, in closed form: the Laplace approximation of a linear model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.query_strategies.change import compact, products, squared_lengths
from docreview.query_strategies.common import BLOCK, densified, needed_view
from docreview.query_strategies.greedy import lazy_greedy
from docreview.query_strategies.passes import best_below, in_blocks
from docreview.query_strategies.prefilter import check_prefilter
from docreview.query_strategies.uncertainty import informativeness
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
    (1 - margin) x' S x: its uncertainty times the variance of its score. A batch is chosen one by one: S takes in each
    document chosen (Sherman and Morrison 1950), so that alike ones are not asked twice, for the first 1,000. Scores are
    those when a document was chosen. With more labels, p (1 - p) is half of sum_y p_y (1 - p_y).

    A larger `prior` makes more of doubt and less of novelty. With p (1 - p) in the place of 1 - margin the score is, to
    first order, the information that the label is expected to give about the weights; that, with a prior of 1, asked
    for oddities, and lost to random choice where this does not (docs/benchmarks.md).

    The rows are those of one view, a dense one if there is one. In a sparse one S is kept in its dual form, of the
    1,000 labeled rows that say most. Of a pool larger than `prefilter`, the documents that may score highest are gone
    through: by a bound that knows the 16 directions of least variance, in a sparse view by their uncertainty.
    O(n d + m d^2 + b m (d + b)) for m = `prefilter` and a batch of b.

    Paper: MacKay 1992, Information-based objective functions for active data selection.
    """

    prior: float = 100.0
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
        doubt = in_blocks(lambda rows: informativeness(state.probabilities[rows], "margin"), pool)
        weights = bernoulli_variance(state.probabilities[labeled])
        # for so little, threads wait for each other longer than they work
        with threadpool_limits(1):
            posterior = (Sparse if hasattr(matrix, "indptr") else Dense).of(matrix[labeled], weights, self.prior)

            def highest(some: Ints) -> Doubles:
                return doubt[some] * posterior.bounds(matrix, pool[some]) * squared_lengths([view], pool[some])

            if pool.size > max(self.prefilter, n):
                kept, _ = best_below(doubt / self.prior, highest, max(self.prefilter, n), rng)
            else:
                kept = rng.permutation(pool.size)
            whitened, known = posterior.factors(matrix[pool[kept]])
            information = bernoulli_variance(state.probabilities[pool[kept]])
            chosen, scores = one_by_one(whitened, known, doubt[kept], information, min(n, kept.size))
        return Selection(pool[kept[chosen]], scores.astype(np.float32))


@dataclass(frozen=True)
class Dense:
    """The covariance S of the weights of a dense view, by what was `learned` (d, d): X' W X."""

    learned: Doubles
    prior: float

    @classmethod
    def of(cls, labeled: Floats, weights: Doubles, prior: float) -> Dense:
        """From labeled rows (l, d) and their weights (l,)."""
        import numpy as np

        rows = labeled.astype(np.float64)
        return cls(rows.T @ (weights[:, None] * rows), prior)

    @cached_property
    def certain(self) -> Floats:
        """Directions (d, r) of least variance, as long as the variance of each is less than it was before."""
        import numpy as np
        from scipy.linalg import eigh

        d = len(self.learned)
        known, directions = eigh(self.learned, subset_by_index=(max(d - _DIRECTIONS, 0), d - 1))
        shrink = 1 / self.prior - 1 / (known.clip(0) + self.prior)
        return np.asarray(directions * np.sqrt(shrink), dtype=np.float32)

    def bounds(self, matrix: Floats, rows: Ints) -> Doubles:
        """Upper bounds (m,) of the variances of `rows` of unit length: what is least certain of them is left out."""
        import numpy as np

        certain = products(matrix, rows, self.certain)
        return np.asarray(1 / self.prior - np.einsum("mr,mr->m", certain, certain, dtype=np.float64))

    def factors(self, rows: Floats) -> tuple[Floats, None]:
        """Z (m, d) with Z Z' the covariances of the scores of `rows` (m, d)."""
        import numpy as np
        from scipy.linalg import cholesky, solve_triangular

        identity = np.eye(len(self.learned))
        root = cholesky(self.learned + self.prior * identity, lower=True)
        whitening = solve_triangular(root, identity, lower=True).T
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


@dataclass
class Novelty:
    """What each document is worth once some have been chosen: its `doubt` (m,) x the variance that they leave.

    Covariances before are ``whitened @ whitened.T - known.T @ known``. After the chosen C with the `information` D
    (m,), those are k - k_C (K_CC + 1/D)^-1 k_C'; the inverse is ``roots @ roots.T``, and `roots` (n, n), triangular,
    grows by a column for each document chosen.
    """

    whitened: Matrix
    known: Floats | None
    doubt: Doubles
    information: Doubles
    variance: Doubles
    roots: Doubles
    chosen: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, whitened: Matrix, known: Floats | None, doubt: Doubles, information: Doubles, n: int) -> Novelty:
        """Before the first of at most `n` is chosen."""
        import numpy as np

        variance = row_squares(whitened)
        if known is not None:
            variance = variance - np.einsum("lm,lm->m", known, known, dtype=np.float64)
        return cls(whitened, known, doubt, information, variance, np.zeros((n, n)))

    def shares(self, positions: Ints) -> Doubles:
        """Covariances (len, t) with what the t chosen have told: their squares are what is missing of the variance."""
        import numpy as np

        covariance = densified(self.whitened[positions] @ self.whitened[self.chosen].T).astype(np.float64)
        if self.known is not None:
            covariance -= self.known[:, positions].T @ self.known[:, self.chosen]
        t = len(self.chosen)
        return np.asarray(covariance @ self.roots[:t, :t])

    def gains(self, positions: Ints) -> Doubles:
        """What each of `positions` is worth now (len,)."""
        import numpy as np

        variance: Doubles = self.variance[positions]
        for start in range(0, len(positions) if self.chosen else 0, BLOCK):
            shares = self.shares(positions[start : start + BLOCK])
            variance[start : start + BLOCK] -= np.einsum("mt,mt->m", shares, shares)
        return np.asarray(self.doubt[positions] * variance.clip(0))

    def take(self, position: int) -> None:
        """Add one to the chosen."""
        import numpy as np

        t, told = len(self.chosen), self.information[position]
        share = self.shares(np.array([position]))[0] if t else np.zeros(0)
        variance = max(self.variance[position] - share @ share, 0)
        self.roots[t, t] = root = np.sqrt(told / (1 + told * variance))
        self.roots[:t, t] = -root * (self.roots[:t, :t] @ share)
        self.chosen.append(position)


def one_by_one(
    whitened: Matrix, known: Floats | None, doubt: Doubles, information: Doubles, n: int
) -> tuple[Ints, Doubles]:
    """Positions (n,) of the highest `doubt` (m,) x variance, and these scores; each lessens the variance of others.

    By how much, its `information` (m,) says: p (1 - p). Covariances are ``whitened @ whitened.T - known.T @ known``.
    The first among equals comes first.
    """
    import numpy as np

    updates = min(n, _UPDATES)
    novelty = Novelty.of(whitened, known, doubt, information, updates)
    chosen, scores = lazy_greedy(novelty, doubt.size, updates)
    if n == updates:
        return chosen, scores
    left = np.delete(np.arange(doubt.size), chosen)
    value = novelty.gains(left)
    order = np.argsort(-value, kind="stable")[: n - updates]
    return np.concatenate([chosen, left[order]]), np.concatenate([scores, value[order]])
