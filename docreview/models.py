"""Models: from labels to scores and probabilities for every document.

`LateFusion` fits a classifier for each view and adds their standardized scores: joining the columns of both views
first, unscaled, loses what it gains.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from docreview.calibration import Calibration, calibrate
from docreview.contracts import blame, call, label_of
from docreview.errors import BadSetting
from docreview.hookspecs import hookimpl
from docreview.registry import registration_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.hookspecs import Register
    from docreview.types import Floats, Ints, Question, ReviewState, Vectors

    Doubles = npt.NDArray[np.float64]

#: rows of a sparse view that are cut down to the labeled rows' columns at once (200 words each: some 40 MB)
_BLOCK = 16_384


@dataclass(frozen=True)
class LateFusion:
    """One classifier for each view, fitted on labeled rows only, their standardized scores added.

    `classifier` is used for every view that `classifiers` (by view) does not name: by default a linear support vector
    machine with C = 1. `weights` (by view) says how much a view counts: 1 where it is not named, 0 leaves it out. A
    view that is not built yet stands aside. Scores are standardized on the rows without a label: those with one are the
    classifier's own training rows, which it scores too well.

    The target's documents together weigh `ratio` times as much as all others together, however rare they are
    (ASReview's ELAS u4), each label as much as any other where no target is sought. With a target among more than two
    labels, the target is set against the rest by a classifier of its own.

    Probabilities are calibrated out of fold in `folds` folds on unweighted labels, each row alone where there are at
    most 20. They describe documents like the labeled ones, which are no random sample: use them to choose, and a random
    sample to count. Scores rank the documents of one label; which label a document has, the probabilities say.
    """

    classifier: Any = None
    classifiers: Mapping[str, Any] | None = None
    weights: Mapping[str, float] | None = None
    ratio: float = 9.8
    folds: int = 5

    def __post_init__(self) -> None:
        if not self.ratio > 0:
            raise ValueError(f"setting 'ratio' must be greater than 0, got {self.ratio}")
        if self.folds < 2:
            raise ValueError(f"setting 'folds' must be at least 2, got {self.folds}")
        for view, weight in (self.weights or {}).items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight >= 0:
                raise ValueError(f"setting 'weights': that of view '{view}' must be a number from 0, got {weight!r}")

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Fused:
        """Fit on `state.labeled`; raise `ValueError` unless these carry at least two labels."""
        import numpy as np

        if not state.trainable:
            raise ValueError("labels of at least two classes are needed to fit a model")
        weights = {name: float((self.weights or {}).get(name, 1.0)) for name in state.views}
        weights = {name: weight for name, weight in weights.items() if weight > 0}
        if not weights:
            raise BadSetting(f"model 'late-fusion' gives every view there is ({', '.join(state.views)}) the weight 0.")
        task = _Task(state.question, state.labels[state.labeled], self.ratio)
        seed = int(rng.integers(2**31))
        parts = {}
        for name in weights:
            classifier = (self.classifiers or {}).get(name, self.classifier)
            if classifier is None:
                classifier = _linear_svm()
            parts[name] = _Part(state.views[name], state.labeled, classifier, seed)
        unlabeled = np.ones(state.n, dtype=bool)
        unlabeled[state.labeled] = False
        return Fused(task, parts, weights, unlabeled, self.folds, seed)


def _linear_svm() -> Any:
    from sklearn.svm import LinearSVC

    # as `docreview.classifiers.linear_svm`
    return LinearSVC(C=1.0, tol=0.01, max_iter=10_000)


def balanced(labels: Ints, shares: Mapping[int, float]) -> Doubles:
    """Sample weights (m,) with mean 1, so that the rows of each label together weigh its share (labels unnamed: 1)."""
    import numpy as np

    present, counts = np.unique(labels, return_counts=True)
    each = np.array([shares.get(int(c), 1.0) for c in present]) / counts
    weights = each[np.searchsorted(present, labels)]
    return np.asarray(weights * (labels.size / weights.sum()))


@dataclass(frozen=True)
class _Task:
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


class _Part:
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

    def fit(self, task: _Task, rows: Ints | slice = slice(None)) -> Fits:
        """Fit a clone for each problem on those of the labeled rows."""
        from sklearn.base import clone

        fits: Fits = []
        for classes, weights, columns in task.problems(task.labels[rows]):
            estimator = clone(self.classifier)
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=self.seed)
            with warnings.catch_warnings():
                # many labels and few answers yet: scikit-learn wonders whether they are measurements
                warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
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
        import numpy as np

        matrix: Any = self.view.matrix
        n = matrix.shape[0]
        values = np.full((n, k), np.nan, dtype=np.float32)
        for estimator, columns in fits:
            line = _linear(estimator)
            if line is not None and self.columns is None:
                _place(values, matrix @ line[0].T.astype(np.float32) + line[1].astype(np.float32), columns)
            elif line is not None and len(line[0]) == 1:
                # one product over the matrix as it lies; columns that no labeled row has weigh nothing
                weights = np.zeros(matrix.shape[1], dtype=np.float32)
                weights[self.columns] = line[0][0]
                _place(values, (matrix @ weights + np.float32(line[1][0]))[:, None], columns)
            else:
                start = 0
                for block in self._blocks():
                    if line is None:
                        rows = block if self.columns is None else block[:, :-1]
                        decided = self._decision(estimator, rows, len(columns))
                    else:
                        weights = np.zeros((block.shape[1], len(line[0])), dtype=np.float32)
                        weights[:-1] = line[0].T
                        decided = block @ weights + line[1].astype(np.float32)
                    _place(values[start : start + block.shape[0]], decided, columns)
                    start += block.shape[0]
        return values

    def _blocks(self) -> Iterator[Any]:
        """The corpus in blocks of rows; a sparse one cut down to the labeled rows' columns, then one for all others."""
        import numpy as np
        import scipy.sparse as sp

        matrix: Any = self.view.matrix
        if self.columns is None:
            yield from (matrix[start : start + _BLOCK] for start in range(0, matrix.shape[0], _BLOCK))
            return
        width = max(self.columns.size, 1)
        place = np.full(matrix.shape[1], width, dtype=np.int32)
        place[self.columns] = np.arange(self.columns.size, dtype=np.int32)
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


def _linear(estimator: Any) -> tuple[Doubles, Doubles] | None:
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

    line = _linear(estimator)
    if line is not None:
        return np.asarray(matrix @ line[0].T) + line[1]
    if hasattr(estimator, "decision_function"):
        decided = np.asarray(estimator.decision_function(matrix))
        return decided[:, None] if decided.ndim == 1 else decided
    chances = np.clip(np.asarray(estimator.predict_proba(matrix), dtype=np.float64), 1e-9, 1 - 1e-9)
    odds = np.log(chances / (1 - chances))
    return odds[:, 1:] if odds.shape[1] == 2 else odds


class Fused:
    """What `LateFusion` learned. Scores are computed at once, probabilities when first asked for."""

    def __init__(
        self,
        task: _Task,
        parts: dict[str, _Part],
        weights: dict[str, float],
        unlabeled: npt.NDArray[np.bool_],
        folds: int,
        seed: int,
    ) -> None:
        import numpy as np

        self._task, self._parts, self._weights, self._folds, self._seed = task, parts, weights, folds, seed
        self._absent = ~np.isin(np.arange(task.k), task.labels)
        self._fits = {name: part.fit(task) for name, part in parts.items()}
        self._scales: dict[str, tuple[Floats, Floats]] = {}
        standing = unlabeled if unlabeled.any() else ~unlabeled
        fused: Any = 0.0
        for name, part in parts.items():
            values = part.decide_all(self._fits[name], task.k)
            if not np.isfinite(values[:, ~self._absent]).all():
                blame(label_of(part.classifier), f"its scores for the view '{name}' must be finite")
            # sums in float64: over 100,000 rows, float32 loses digits
            mean = values.mean(axis=0, dtype=np.float64, where=standing[:, None]).astype(np.float32)
            spread = values.std(axis=0, dtype=np.float64, where=standing[:, None]).astype(np.float32)
            self._scales[name] = mean, np.where(spread > 0, spread, np.float32(1))
            fused = fused + self._standard(name, values)
        #: ranking scores (n, k), float32: higher is likelier. A label that nobody gave yet scores below every other
        self.scores: Floats = self._last(fused)

    def _standard(self, name: str, values: Floats) -> Floats:
        """Decision values in standard deviations over the unlabeled rows, times the view's weight."""
        mean, spread = self._scales[name]
        return (values - mean) / spread * self._weights[name]

    def _last(self, fused: Floats) -> Floats:
        """Put labels nobody gave yet below all others."""
        import numpy as np

        if self._absent.any() and fused.size:
            fused[:, self._absent] = np.nanmin(fused) - 1
        return fused

    @cached_property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k), float32, rows summing to one."""
        return self.calibration.apply(self.scores)

    @cached_property
    def calibration(self) -> Calibration:
        """Fitted on scores that each labeled row got from classifiers that had not seen it.

        The only row of its label stays in every fold, or nothing could be learned of it: it has the score in sample.
        """
        import numpy as np

        task = self._task
        fold = assign_folds(task.labels, self._folds, np.random.default_rng(self._seed))
        scores = np.empty((task.labels.size, task.k), dtype=np.float32)
        for number in range(-1, int(fold.max()) + 1):
            held, seen = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            if not held.size:
                continue
            fused: Any = 0.0
            for name, part in self._parts.items():
                fits = self._fits[name] if number < 0 else part.fit(task, seen)
                fused = fused + self._standard(name, part.decide(fits, task.k, held))
            scores[held] = self._last(fused)
        return calibrate(scores, task.labels, self._absent)

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """Spans of `text` that a lexical view sees, and how much each speaks for (above 0) or against `label`.

        In standard deviations of the ranking score. Empty where no view can explain itself, where its classifier is not
        linear, or where nobody gave the label yet.
        """
        import numpy as np

        index = self._task.question.index(label)
        for name, part in self._parts.items():
            explain = part.view.explain
            if explain is None or part.columns is None:
                continue
            # the last fit that scores the label is the one whose score counts
            fits = [(_linear(e), columns.index(index)) for e, columns in self._fits[name] if index in columns]
            if not fits or (line := fits[-1][0]) is None:
                continue
            position = fits[-1][1]
            sign = 1 if len(line[0]) > 1 or position == 1 else -1
            weights = np.zeros(part.view.matrix.shape[1], dtype=np.float32)
            weights[part.columns] = line[0][position if len(line[0]) > 1 else 0]
            spans, matrix = explain(text)
            scale = sign * self._weights[name] / float(self._scales[name][1][index])
            values = np.asarray(matrix @ weights).ravel() * scale
            return [(start, end, float(value)) for (start, end), value in zip(spans, values, strict=True)]
        return []


def assign_folds(labels: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Fold of each row (m,), each label spread evenly; up to 20 rows each its own; -1 for the only row of its label."""
    import numpy as np

    count = labels.size if labels.size <= 20 else folds
    fold = np.full(labels.size, -1, dtype=np.int64)
    dealt = 0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if rows.size > 1:
            fold[rng.permutation(rows)] = (dealt + np.arange(rows.size)) % count
            dealt += rows.size
    return fold


@hookimpl
def register_models(register: Register) -> None:
    """Register docreview's own models."""
    register("late-fusion", LateFusion)
