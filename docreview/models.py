"""Models: from labels to scores and probabilities for every document.

`LateFusion` fits a classifier for each view and adds their standardized scores. That gains a little on either view
alone almost everywhere, where joining the columns of both views first loses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.calibration import Calibration, calibrate
from docreview.errors import BadSetting, ContractViolation
from docreview.hookspecs import hookimpl

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
    machine with C = 0.11. `weights` (by view) says how much a view counts: 1 where it is not named, 0 leaves it out. A
    view that is not built yet stands aside. With more than two labels each label is set against the rest.

    Where the question has a target, its documents together weigh `ratio` times as much as all others together, however
    rare they are (ASReview's ELAS u4); every other label weighs as much as its rest. Probabilities are calibrated out
    of fold in `folds` folds on unweighted labels, each row alone where there are at most 20. They describe documents
    like the labeled ones, which are no random sample: use them to rank and to choose, and a random sample to count.
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
        return Fused(task, parts, weights, self.folds, seed)


def _linear_svm() -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=0.11, max_iter=10_000)


def balanced(positive: npt.NDArray[np.bool_], ratio: float) -> Doubles:
    """Sample weights (m,) with mean 1, so that all positives together weigh `ratio` times all negatives together."""
    import numpy as np

    ones = int(positive.sum())
    weights = np.where(positive, 1.0, ones / (ratio * max(positive.size - ones, 1)))
    return np.asarray(weights * (positive.size / weights.sum()))


@dataclass(frozen=True)
class _Task:
    """Which binary problems the question becomes: one for two labels, one for each label otherwise."""

    question: Question
    labels: Ints
    ratio: float

    @property
    def k(self) -> int:
        return len(self.question.labels)

    @property
    def positives(self) -> tuple[int, ...]:
        """The class that each problem sets against the rest."""
        if self.k > 2:
            return tuple(range(self.k))
        target = self.question.target_index
        return (1 if target is None else target,)

    def problem(self, positive: int, labels: Ints) -> tuple[npt.NDArray[np.bool_], Doubles] | None:
        """Truth and sample weights of one problem, or None where only one side of it is labeled."""
        truth = labels == positive
        if truth.all() or not truth.any():
            return None
        return truth, balanced(truth, self.ratio if positive == self.question.target_index else 1.0)


class _Part:
    """One view's share: the labeled rows cut down to their own columns, and the classifiers fitted on them."""

    def __init__(self, view: Vectors, rows: Ints, classifier: Any, seed: int) -> None:
        import numpy as np
        import scipy.sparse as sp

        self.view, self.classifier, self.seed = view, classifier, seed
        self.columns: Ints | None = None
        matrix: Any = view.matrix
        self.train: Any = matrix[rows]
        if not view.dense:
            # lbfgs and liblinear both pay for empty columns: of millions, the labeled rows have some thousands
            self.columns, inverse = np.unique(self.train.indices, return_inverse=True)
            shape = (rows.size, max(self.columns.size, 1))
            # scikit-learn still asks for the matrix, not the array, with 32-bit indices
            parts = (self.train.data, inverse.astype(np.int32), self.train.indptr.astype(np.int32))
            self.train = sp.csr_matrix(parts, shape=shape)

    def fit(self, task: _Task, rows: Ints | slice = slice(None)) -> list[Any]:
        """Fit a clone for each problem on those of the labeled rows; None for a problem with one side only."""
        from sklearn.base import clone

        estimators: list[Any] = []
        train, labels = self.train[rows], task.labels[rows]
        for positive in task.positives:
            problem = task.problem(positive, labels)
            if problem is None:
                estimators.append(None)
                continue
            estimator = clone(self.classifier)
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=self.seed)
            estimators.append(estimator.fit(train, problem[0], sample_weight=problem[1]))
        return estimators

    def decide(self, estimators: list[Any], matrix: Any) -> Floats:
        """Decision values (m, problems) for rows of cut-down columns; NaN for a problem without a classifier."""
        import numpy as np

        values = np.full((matrix.shape[0], len(estimators)), np.nan, dtype=np.float32)
        for i, estimator in enumerate(estimators):
            if estimator is not None:
                values[:, i] = _decision(estimator, matrix)
        return values

    def decide_all(self, estimators: list[Any]) -> Floats:
        """Decision values (n, problems) for the whole corpus, in float32."""
        import numpy as np

        matrix: Any = self.view.matrix
        linear = [None if e is None else _linear(e) for e in estimators]
        fast = all(e is None or line is not None for e, line in zip(estimators, linear, strict=True))
        if fast and (self.columns is None or len(estimators) == 1):
            # one product over the matrix as it lies; coefficients of columns that no labeled row has are 0
            weights = np.zeros((matrix.shape[1], len(estimators)), dtype=np.float32)
            offsets = np.full(len(estimators), np.nan, dtype=np.float32)
            for i, line in enumerate(linear):
                if line is not None:
                    weights[slice(None) if self.columns is None else self.columns, i] = line[0]
                    offsets[i] = line[1]
            product = matrix @ (weights[:, 0] if len(estimators) == 1 else weights)
            return np.asarray(product, dtype=np.float32).reshape(matrix.shape[0], -1) + offsets
        blocks = [self.decide(estimators, block) for block in self._blocks()]
        return np.concatenate(blocks) if blocks else np.empty((0, len(estimators)), dtype=np.float32)

    def _blocks(self) -> Iterator[Any]:
        """The corpus in blocks of rows, cut down to the labeled rows' columns."""
        import numpy as np
        import scipy.sparse as sp

        matrix: Any = self.view.matrix
        n = matrix.shape[0]
        if self.columns is None:
            yield from (matrix[start : start + _BLOCK] for start in range(0, n, _BLOCK))
            return
        place = np.full(matrix.shape[1], -1, dtype=np.int32)
        place[self.columns] = np.arange(self.columns.size, dtype=np.int32)
        for start in range(0, n, _BLOCK):
            pointers = np.asarray(matrix.indptr[start : start + _BLOCK + 1], dtype=np.int64)
            span = slice(int(pointers[0]), int(pointers[-1]))
            columns = place[matrix.indices[span]]
            known = columns >= 0
            kept = np.concatenate(([0], np.cumsum(known)))[pointers - pointers[0]].astype(np.int32)
            shape = (pointers.size - 1, max(self.columns.size, 1))
            yield sp.csr_matrix((matrix.data[span][known], columns[known], kept), shape=shape)


def _linear(estimator: Any) -> tuple[Doubles, float] | None:
    """Coefficients and offset of a fitted binary classifier whose decision is linear, else None."""
    coefficients = getattr(estimator, "coef_", None)
    if coefficients is not None and hasattr(estimator, "intercept_"):
        import numpy as np

        return coefficients.ravel(), float(np.ravel(estimator.intercept_)[0])
    if type(estimator).__module__ == "sklearn.naive_bayes" and hasattr(estimator, "feature_log_prob_"):
        chances, priors = estimator.feature_log_prob_, estimator.class_log_prior_
        # complement naive Bayes leaves the prior out where there are two classes
        prior = float(priors[1] - priors[0]) if type(estimator).__name__ == "MultinomialNB" else 0.0
        if type(estimator).__name__ in ("MultinomialNB", "ComplementNB"):
            return chances[1] - chances[0], prior
    return None


def _decision(estimator: Any, matrix: Any) -> npt.NDArray[Any]:
    """Decision values (m,) of a binary classifier; the log odds of its probabilities where it has no other."""
    import numpy as np

    line = _linear(estimator)
    if line is not None:
        return np.asarray(matrix @ line[0]).ravel() + line[1]
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(matrix)).ravel()
    chance = np.clip(np.asarray(estimator.predict_proba(matrix))[:, 1], 1e-9, 1 - 1e-9)
    return np.asarray(np.log(chance / (1 - chance)))


class Fused:
    """What `LateFusion` learned. Scores are computed at once, probabilities when first asked for."""

    def __init__(self, task: _Task, parts: dict[str, _Part], weights: dict[str, float], folds: int, seed: int) -> None:
        import numpy as np

        self._task, self._parts, self._weights, self._folds, self._seed = task, parts, weights, folds, seed
        self._estimators = {name: part.fit(task) for name, part in parts.items()}
        self._scales: dict[str, tuple[Floats, Floats]] = {}
        fused: Any = 0.0
        for name, part in parts.items():
            values = part.decide_all(self._estimators[name])
            present = [e is not None for e in self._estimators[name]]
            if not np.isfinite(values[:, present]).all():
                raise ContractViolation(
                    f"model 'late-fusion': {part.classifier!r} gave scores for view '{name}' that are not finite."
                )
            # float64 sums: a mean over 100,000 float32 values loses digits
            mean, spread = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
            self._scales[name] = (mean.astype(np.float32), np.where(spread > 0, spread, 1).astype(np.float32))
            fused = fused + self._standard(name, values)
        self._absent = np.array([e is None for e in next(iter(self._estimators.values()))])
        #: ranking scores (n, k), float32: higher is likelier. A label that nobody gave yet scores below every other
        self.scores: Floats = self._spread(fused)

    def _standard(self, name: str, values: Floats) -> Floats:
        """Decision values in standard deviations over the corpus, times the view's weight."""
        mean, spread = self._scales[name]
        return (values - mean) / spread * self._weights[name]

    def _spread(self, fused: Floats) -> Floats:
        """One column for each label (m, k) from one for each problem."""
        import numpy as np

        if self._task.k > 2:
            if self._absent.any() and fused.size:
                fused[:, self._absent] = np.nanmin(fused) - 1
            return fused
        value = np.ascontiguousarray(fused[:, 0])
        columns = (-value, value) if self._task.positives == (1,) else (value, -value)
        return np.stack(columns, axis=1)

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

        labels = self._task.labels
        fold = assign_folds(labels, self._folds, np.random.default_rng(self._seed))
        scores = np.empty((labels.size, self._task.k), dtype=np.float32)
        for number in range(-1, int(fold.max()) + 1):
            held = np.flatnonzero(fold == number)
            if not held.size:
                continue
            fused: Any = 0.0
            for name, part in self._parts.items():
                seen = np.flatnonzero(fold != number)
                estimators = self._estimators[name] if number < 0 else part.fit(self._task, seen)
                fused = fused + self._standard(name, part.decide(estimators, part.train[held]))
            scores[held] = self._spread(fused)
        return calibrate(scores, labels, ~np.isin(np.arange(self._task.k), labels))

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
            problem, sign = (index, 1.0) if self._task.k > 2 else (0, 1.0 if (index,) == self._task.positives else -1.0)
            estimator = self._estimators[name][problem]
            line = None if estimator is None else _linear(estimator)
            if line is None:
                continue
            spans, matrix = explain(text)
            weights = np.zeros(part.view.matrix.shape[1], dtype=np.float32)
            weights[part.columns] = line[0]
            scale = sign * self._weights[name] / float(self._scales[name][1][problem])
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
