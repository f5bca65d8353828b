"""One view's share of a fused model: the problems that a question becomes, and the classifiers that solve them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from docreview.contracts import blame, call, label_of
from docreview.registry import carry_over, registration_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Question, Vectors

    Doubles = npt.NDArray[np.float64]

#: rows of a sparse view that are cut down to the labeled rows' columns at once (200 words each: some 40 MB)
_BLOCK = 16_384


def balanced(labels: Ints, shares: Mapping[int, float]) -> Doubles:
    """Sample weights (m,) with mean 1, so that the rows of each label together weigh its share (labels unnamed: 1)."""
    import numpy as np

    present, counts = np.unique(labels, return_counts=True)
    each = np.array([shares.get(int(c), 1.0) for c in present]) / counts
    weights = each[np.searchsorted(present, labels)]
    return np.asarray(weights * (labels.size / weights.sum()))


@dataclass(frozen=True)
class Task:
    """Which problems the question becomes: one over all labels, and one of the target against the rest."""

    question: Question
    labels: Ints
    ratio: float

    @property
    def k(self) -> int:
        return len(self.question.labels)

    def problems(self, labels: Ints) -> list[tuple[Ints, Doubles, tuple[int, ...]]]:
        """Classes and weights of the rows, and the columns of the scores that the classes stand for."""
        import numpy as np

        target = self.question.target_index
        shares = {} if target is None or self.k > 2 else {target: self.ratio}
        present = tuple(int(c) for c in np.unique(labels))
        problems = [(labels, balanced(labels, shares), present)]
        if target is not None and self.k > 2 and target in present:
            truth = (labels == target).astype(np.int64)
            problems.append((truth, balanced(truth, {1: self.ratio}), (-1, target)))
        return problems


#: a fitted estimator, and the columns of the scores that its classes stand for; -1: none
Fits = list[tuple[Any, tuple[int, ...]]]


class Part:
    """One view's share: the labeled rows cut down to their own columns, and the classifiers fitted on them."""

    def __init__(self, view: Vectors, rows: Ints, classifier: Any, seed: int) -> None:
        import numpy as np
        import scipy.sparse as sp

        self.view, self.classifier, self.seed = view, classifier, seed
        self._entry = registration_of(classifier)
        matrix: Any = view.matrix
        self.train: Any = matrix[rows]
        self.columns: Ints | None = None
        if not view.dense:
            # lbfgs and liblinear both pay for empty columns: of millions, the labeled rows have some thousands
            used = np.zeros(matrix.shape[1], dtype=bool)
            used[self.train.indices] = True
            self.columns = np.flatnonzero(used)
            place = np.empty(matrix.shape[1], dtype=np.int32)
            place[self.columns] = np.arange(self.columns.size, dtype=np.int32)
            # scikit-learn still asks for the matrix, not the array, with 32-bit indices
            parts = (self.train.data, place[self.train.indices], self.train.indptr.astype(np.int32))
            self.train = sp.csr_matrix(parts, shape=(rows.size, max(self.columns.size, 1)))

    def fit(self, task: Task, rows: Ints | slice = slice(None)) -> Fits:
        """Fit a clone for each problem on those of the labeled rows."""
        from sklearn.base import clone

        fits: Fits = []
        for classes, weights, columns in task.problems(task.labels[rows]):
            copied = call(self._entry, "being cloned", lambda: clone(self.classifier))
            estimator = carry_over(self.classifier, copied)
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=self.seed)
            with warnings.catch_warnings():
                # many labels and few answers yet: scikit-learn wonders whether they are measurements
                warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
                # a network of a committee need not have come to rest
                warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
                learn = partial(estimator.fit, self.train[rows], classes, sample_weight=weights)
                fits.append((call(self._entry, "fitting", learn), columns))
        return fits

    def decide(self, fits: Fits, k: int, rows: Ints) -> Floats:
        """Decision values (m, k), float32, of those of the labeled rows; NaN for labels without a classifier."""
        import numpy as np

        values = np.full((rows.size, k), np.nan, dtype=np.float32)
        for estimator, columns in fits:
            _place(values, self._decision(estimator, self.train[rows], len(columns)), columns)
        return values

    def _decision(self, estimator: Any, matrix: Any, classes: int) -> npt.NDArray[Any]:
        decided = call(self._entry, "scoring", lambda: _decision(estimator, matrix))
        wanted = (matrix.shape[0], 1 if classes == 2 else classes)
        if decided.shape != wanted:
            blame(label_of(self.classifier), f"its scores must have the shape {wanted}, got {decided.shape}")
        return decided

    def decide_all(self, fits: Fits, k: int) -> Floats:
        """Decision values (n, k), float32, of the whole corpus; NaN for labels without a classifier."""
        return decide_matrix(self.view.matrix, self.columns, fits, k, self._decision)


def decide_matrix(
    matrix: Any, used: Ints | None, fits: Fits, k: int, decision: Callable[[Any, Any, int], npt.NDArray[Any]]
) -> Floats:
    """Decision values (n, k), float32, of the rows of a view's matrix; NaN for labels without a classifier.

    `used` are the columns of a sparse view that classifiers know; `decision` asks those that are not linear. What comes
    out for a row of a sparse view does not depend on the other rows, to the last bit.
    """
    import numpy as np

    n = matrix.shape[0]
    values = np.full((n, k), np.nan, dtype=np.float32)
    for estimator, columns in fits:
        line = linear(estimator)
        if line is not None and used is None:
            _place(values, matrix @ line[0].T.astype(np.float32) + line[1].astype(np.float32), columns)
        elif line is not None and len(line[0]) == 1:
            # one product over the matrix as it lies; columns that no labeled row has weigh nothing
            weights = np.zeros(matrix.shape[1], dtype=np.float32)
            weights[used] = line[0][0]
            _place(values, (matrix @ weights + np.float32(line[1][0]))[:, None], columns)
        else:
            start = 0
            for block in _blocks(matrix, used):
                if line is None:
                    rows = block if used is None else block[:, :-1]
                    decided = decision(estimator, rows, len(columns))
                else:
                    weights = np.zeros((block.shape[1], len(line[0])), dtype=np.float32)
                    weights[:-1] = line[0].T
                    decided = block @ weights + line[1].astype(np.float32)
                _place(values[start : start + block.shape[0]], decided, columns)
                start += block.shape[0]
    return values


def _blocks(matrix: Any, used: Ints | None) -> Iterator[Any]:
    """Rows in blocks; of a sparse matrix cut down to the `used` columns, then one for all others."""
    import numpy as np
    import scipy.sparse as sp

    if used is None:
        yield from (matrix[start : start + _BLOCK] for start in range(0, matrix.shape[0], _BLOCK))
        return
    width = max(used.size, 1)
    place = np.full(matrix.shape[1], width, dtype=np.int32)
    place[used] = np.arange(used.size, dtype=np.int32)
    for start in range(0, matrix.shape[0], _BLOCK):
        pointers = np.asarray(matrix.indptr[start : start + _BLOCK + 1], dtype=np.int64)
        span = slice(int(pointers[0]), int(pointers[-1]))
        parts = (matrix.data[span], place[matrix.indices[span]], (pointers - pointers[0]).astype(np.int32))
        yield sp.csr_matrix(parts, shape=(pointers.size - 1, width + 1))


def _place(values: Floats, decided: npt.NDArray[Any], columns: tuple[int, ...]) -> None:
    """Write decision values (m, classes), or (m, 1) for two classes, into their columns of `values` (m, k)."""
    if decided.shape[1] == 1:
        for column, sign in zip(columns, (-1, 1), strict=True):
            if column >= 0:
                values[:, column] = sign * decided[:, 0]
    else:
        for i, column in enumerate(columns):
            values[:, column] = decided[:, i]


def linear(estimator: Any) -> tuple[Doubles, Doubles] | None:
    """Coefficients (classes or 1, columns) and offsets of a fitted classifier whose decision is linear, else None."""
    import numpy as np

    if hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        coefficients = np.atleast_2d(estimator.coef_)
        return coefficients, np.broadcast_to(np.ravel(estimator.intercept_), len(coefficients))
    name = type(estimator).__name__
    if name in ("ComplementNB", "MultinomialNB") and len(estimator.classes_) == 2:
        # complement naive Bayes leaves the prior out where there are two classes
        prior = np.diff(estimator.class_log_prior_) if name == "MultinomialNB" else np.zeros(1)
        return np.diff(estimator.feature_log_prob_, axis=0), prior
    return None


def _decision(estimator: Any, matrix: Any) -> npt.NDArray[Any]:
    """Decision values (m, classes), or (m, 1) for two classes; the log odds of its probabilities if it has no other."""
    import numpy as np

    line = linear(estimator)
    if line is not None:
        return np.asarray(matrix @ line[0].T) + line[1]
    if hasattr(estimator, "decision_function"):
        decided = np.asarray(estimator.decision_function(matrix))
        return decided[:, None] if decided.ndim == 1 else decided
    # in single precision, Gaussian naive Bayes has log likelihoods of 100,000 with errors that are seen in the sum
    wide = matrix.astype(np.float64) if isinstance(matrix, np.ndarray) else matrix
    chances = np.asarray(estimator.predict_proba(wide), dtype=np.float64)
    # written so that NaN is wrong too
    if chances.ndim != 2 or not ((chances >= -1e-6) & (chances <= 1 + 1e-6)).all():
        blame(label_of(estimator), "its probabilities must be a column for each class, from 0 to 1")
    if not (np.abs(chances.sum(axis=1) - 1) < 1e-3).all():
        blame(label_of(estimator), "each row of its probabilities must sum to one")
    chances = np.clip(chances, 1e-9, 1 - 1e-9)
    odds = np.log(chances / (1 - chances))
    return odds[:, 1:] if odds.shape[1] == 2 else odds
