"""One query as scikit-activeml sees it: X, y, candidates; asked in one thread, its known warnings ignored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Ints, Matrix, ReviewState

    Array = npt.NDArray[np.float64]

#: dimensions to which a sparse view is reduced
DIMENSIONS = 100
#: rows that its directions are learned from
LEARNED_FROM = 5_000

#: most labels of a question for strategies that go through all labels, or all pairs, for each candidate
FEW_LABELS = 10

#: warnings of scikit-activeml and scikit-learn that say nothing a reviewer could act on
KNOWN_WARNINGS = (
    # k-means among nearly equal documents
    r"Number of distinct clusters \(\d+\) found smaller than n_clusters",
    # FourDs: a mixture that would still change a little
    r"Best performing initialization did not converge",
    # ProbCover: no radius separates the clusters; it then takes the smallest one
    r"The maximum purity was",
    # expected error reduction: no candidate is labeled, so none is counted twice
    r"The `partial_fit` function by sklearn might not ensure that every sample is used only once",
    # DiscriminativeAL before the first label: all documents are of one kind, and the first is drawn at random
    r"The 'base_estimator' could not be fitted because of .* least 2 classes",
    r"Since the 'base_estimator' could not be fitted",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore `KNOWN_WARNINGS`, and compute in one thread: sums over several differ in their last digit."""
    import warnings

    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(limits=1):
        for message in KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield


@dataclass(frozen=True)
class Case:
    """One query: labeled documents first, then the candidates."""

    #: corpus rows of the candidates (m,), in random order
    rows: Ints
    #: class indices (l,) of the labeled documents
    labels: Ints
    #: vectors (l + m, d); d is 0 for strategies that look at none
    vectors: Array
    #: probabilities of docreview's model (l + m, k), or (l + m, 0) for strategies that need none
    probabilities: Array
    #: number of labels of the question
    k: int
    #: class index of the target, or None
    target: int | None
    #: seed of whatever is random
    seed: int

    @property
    def m(self) -> int:
        """Number of candidates."""
        return int(self.rows.size)

    @property
    def start(self) -> int:
        """Number of labeled documents: where in X the candidates start."""
        return int(self.labels.size)

    @cached_property
    def y(self) -> Array:
        """Class indices (l + m,), NaN for the candidates."""
        import numpy as np

        return np.concatenate([self.labels.astype(float), np.full(self.m, np.nan)])

    @cached_property
    def numbers(self) -> Ints:
        """Row numbers (l + m, 1): X for strategies that ask `learners.Known`."""
        import numpy as np

        return np.arange(self.start + self.m)[:, None]

    @property
    def candidates(self) -> Ints:
        """Where in X the candidates are (m,)."""
        import numpy as np

        return np.arange(self.start, self.start + self.m)

    def against_rest(self, most: int, what: str) -> Case:
        """The case itself where the question has `most` labels or fewer, else that of the target against the rest.

        Class 1 is the target then. Raises `BadSetting` where there is none.
        """
        import numpy as np

        if self.k <= most:
            return self
        if self.target is None:
            raise BadSetting(f"{what} is for questions with a target or with at most {most} labels, not with {self.k}.")
        labels = (self.labels == self.target).astype(np.int64)
        probabilities = self.probabilities
        if probabilities.size:
            likely = probabilities[:, self.target]
            probabilities = np.column_stack([1 - likely, likely])
        return replace(self, labels=labels, probabilities=probabilities, k=2, target=1)

    def query(self, strategy: Any, X: Any, n: int, **arguments: Any) -> tuple[Ints, Array]:
        """The `n` candidates (0 to m - 1) that the strategy chooses, and the utility each had at its turn."""
        import numpy as np

        chosen, utilities = self.ask(strategy, X, n, **arguments)
        return chosen - self.start, utilities[np.arange(chosen.size), chosen]

    def ask(self, strategy: Any, X: Any, n: int, **arguments: Any) -> tuple[Ints, Array]:
        """What the strategy answers: rows of X (n,), and utilities (n, l + m)."""
        import numpy as np

        with quiet():
            chosen, utilities = strategy.query(
                X=X,
                y=self.y,
                candidates=self.candidates,
                batch_size=n,
                return_utilities=True,
                **arguments,
            )
        return np.asarray(chosen, dtype=np.int64), utilities

    def utilities(self, strategy: Any, X: Any, **arguments: Any) -> Array:
        """Utilities (m,) of all candidates, before any is chosen."""
        return self.ask(strategy, X, 1, **arguments)[1][0, self.start :]

    def without(self, chosen: Ints, covered: bool) -> Case:
        """The same case after `chosen` were taken: they stay as labeled documents where they are `covered`."""
        import numpy as np

        left = np.delete(np.arange(self.m), chosen)
        taken = chosen if covered else chosen[:0]
        keep = np.concatenate([np.arange(self.start), self.start + taken, self.start + left])
        labels = np.concatenate([self.labels, np.zeros(taken.size, np.int64)])
        vectors, probabilities = self.vectors[keep], self.probabilities[keep]
        return replace(self, rows=self.rows[left], labels=labels, vectors=vectors, probabilities=probabilities)


def dense(state: ReviewState, rows: Ints) -> Array:
    """Vectors (len(rows), d), float64: of the first dense view or, where there is none, of a sparse one, reduced."""
    import numpy as np

    for view in state.views.values():
        if view.dense:
            return np.asarray(view.matrix[rows], dtype=np.float64)
    for view in state.views.values():
        return reduced(view.matrix[rows], *directions(view.fingerprint, view.matrix))
    raise BadSetting("this query strategy compares vectors, and no view is ready; run 'docreview embed'.")


#: columns and directions of the views that were looked at last, by fingerprint: they cost far more than most choices
_KEPT: dict[str, tuple[Ints, Array]] = {}


def directions(fingerprint: str, matrix: Matrix) -> tuple[Ints, Array]:
    """Columns (c,) of a view and its first directions (c, `DIMENSIONS` or fewer) along them, computed once.

    By truncated singular value decomposition of at most `LEARNED_FROM` rows, drawn with a seed of its own: directions
    are the view's, not the choice's. Columns that these rows lack have no part in them.
    """
    import numpy as np
    from sklearn.utils.extmath import randomized_svd

    if fingerprint not in _KEPT:
        n = matrix.shape[0]
        rows: Any = matrix[np.sort(np.random.default_rng(0).choice(n, min(n, LEARNED_FROM), replace=False))]
        columns = np.unique(rows.indices)
        found = np.zeros((0, 1))
        if columns.size:
            values = rows[:, columns].astype(np.float64)
            with quiet():
                found = randomized_svd(values, min(DIMENSIONS, *values.shape), random_state=0)[2].T
        while len(_KEPT) > 1:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[fingerprint] = columns, np.ascontiguousarray(found)
    return _KEPT[fingerprint]


def reduced(matrix: Matrix, columns: Ints, found: Array) -> Array:
    """Rows (m, `DIMENSIONS` or fewer), of unit length or zero, of a sparse matrix (m, d) along directions."""
    import numpy as np

    # equal rows stay equal, bit for bit: each is multiplied alone
    made = np.asarray(matrix[:, columns].astype(np.float64) @ found)
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    return made / np.where(lengths > 1e-12, lengths, np.inf)


def new_rows(vectors: Array, start: int) -> npt.NDArray[np.bool_]:
    """Which of the rows from `start` on differ from all rows before them."""
    import numpy as np

    seen = {row.tobytes() for row in vectors[:start]}
    new = np.ones(len(vectors) - start, dtype=bool)
    for i, row in enumerate(vectors[start:]):
        key = row.tobytes()
        new[i] = key not in seen
        seen.add(key)
    return new
