"""Late fusion: a classifier for each view, their standardized scores added.

Joining the columns of both views first, unscaled, loses what this gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.calibration import Calibration, calibrate, weigh
from docreview.contracts import blame, label_of
from docreview.errors import BadSetting
from docreview.models.committees import architectures, network, resampled
from docreview.models.parts import Part, Task, linear
from docreview.models.saved import Restored, restored, saved_views

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import CommitteeKind, Floats, Ints, Question, ReviewState

#: how far offsets are shrunk where no target is sought: docs/benchmarks.md tells what that is worth
_EVEN = 5.0


@dataclass(frozen=True)
class LateFusion:
    """One classifier for each view, fitted on labeled rows only, their standardized scores added.

    `classifier` is used for every view that `classifiers` (by view) does not name: by default a linear support vector
    machine with C = 1. A view that is not built yet stands aside. Scores are standardized on the rows without a label:
    those with one are the classifier's own training rows, which it scores too well.

    `weights` (by view) says how much a view counts: 1 where it is not named, 0 leaves it out. Without, all count alike
    where a target is sought, and where not, weights are learned from held-out scores (`docreview.calibration.weigh`).

    The target's documents together weigh `ratio` times as much as all others together, however rare they are
    (ASReview's ELAS u4), each label as much as any other where no target is sought. With a target among more than two
    labels, the target is set against the rest by a classifier of its own.

    Probabilities are calibrated out of fold in `folds` folds on unweighted labels, each row alone where there are at
    most 20. They describe documents like the labeled ones, which are no random sample: use them to choose, and a random
    sample to count. Where no target is sought, labels are taken to be a little more equally common than they were among
    the labeled rows (`docreview.calibration.calibrate`): chosen rows, or few, say little about that. Scores rank the
    documents of one label; which label a document has, the probabilities say.
    """

    classifier: Any = None
    classifiers: Mapping[str, Any] | None = None
    weights: Mapping[str, float] | None = None
    ratio: float = 9.8
    folds: int = 3

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
        return self._fit(state, state.labeled, rng)

    def committee(
        self, state: ReviewState, kind: CommitteeKind, members: int, rng: np.random.Generator
    ) -> Sequence[Fused | Member]:
        """Fit members on bootstrap samples of the labels (Breiman 1996), one on each view, or of other classifiers.

        There are as many views as the project has, and four classifiers; networks differ by where they begin.
        """
        if kind == "bootstrap":
            # calibrated and weighed by the whole model: what a bootstrap sample holds out, it may hold twice
            whole = self.fit(state, rng)
            weighed = replace(self, weights={**dict.fromkeys(state.views, 0.0), **whole.weights})
            labels = state.labels[state.labeled]
            samples = [resampled(state.labeled, labels, rng) for _ in range(members)]
            return [Member(weighed._fit(state, rows, rng).scores, whole.calibration) for rows in samples]
        if kind == "views":
            used = [name for name in state.views if (self.weights or {}).get(name, 1.0) > 0]
            if len(used) < 2:
                raise BadSetting(
                    f"a committee by view needs two views, and there is {', '.join(used) or 'none'}: add a view to "
                    "docreview.toml ('docreview embed' builds it), or take another kind of committee."
                )
            alone = [replace(self, weights={name: float(name == one) for name in state.views}) for one in used]
            return [model.fit(state, rng) for model in alone]
        if kind == "classifiers":
            kinds = architectures(state.views)[: max(members, 2)]
            return [replace(self, classifiers=classifiers).fit(state, rng) for classifiers in kinds]
        if kind == "initializations":
            model = replace(self, classifier=network(), classifiers=None)
            return [model.fit(state, rng) for _ in range(members)]
        raise BadSetting(f"model 'late-fusion' makes no committee by '{kind}'.")

    def restored(self, saved: Mapping[str, Any], question: Question) -> Restored:
        """The model as `Fused.saved` wrote it down, without the corpus; `ValueError` where that does not fit."""
        return restored(saved, len(question.labels))

    def _fit(self, state: ReviewState, rows: Ints, rng: np.random.Generator) -> Fused:
        """Fit on these labeled rows, some of them perhaps several times."""
        import numpy as np

        if not state.trainable:
            raise ValueError("labels of at least two classes are needed to fit a model")
        weights = {name: float((self.weights or {}).get(name, 1.0)) for name in state.views}
        weights = {name: weight for name, weight in weights.items() if weight > 0}
        if not weights:
            raise BadSetting(f"model 'late-fusion' gives every view there is ({', '.join(state.views)}) the weight 0.")
        task = Task(state.question, state.labels[rows], self.ratio)
        seed = int(rng.integers(2**31))
        parts = {}
        for name in weights:
            classifier = (self.classifiers or {}).get(name, self.classifier)
            if classifier is None:
                classifier = _linear_svm()
            parts[name] = Part(state.views[name], rows, classifier, seed)
        unlabeled = np.ones(state.n, dtype=bool)
        unlabeled[state.labeled] = False
        learned = self.weights is None and len(weights) > 1 and state.question.target_index is None
        return Fused(task, parts, weights, learned, unlabeled, self.folds, seed)


def _linear_svm() -> Any:
    from sklearn.svm import LinearSVC

    # as `docreview.classifiers.linear_svm`
    return LinearSVC(C=1.0, dual=True, tol=0.01, max_iter=10_000)


@dataclass(frozen=True)
class Member:
    """A member of a committee whose scores another model's calibration turns into probabilities."""

    scores: Floats
    calibration: Calibration

    @cached_property
    def probabilities(self) -> Floats:
        """Probabilities (n, k), float32, rows summing to one."""
        return self.calibration.apply(self.scores)


class Fused:
    """What `LateFusion` learned. Scores are computed at once, probabilities when first asked for."""

    def __init__(
        self,
        task: Task,
        parts: dict[str, Part],
        weights: dict[str, float],
        learned: bool,
        unlabeled: npt.NDArray[np.bool_],
        folds: int,
        seed: int,
    ) -> None:
        import numpy as np

        self._task, self._parts, self._folds, self._seed = task, parts, folds, seed
        self._absent = ~np.isin(np.arange(task.k), task.labels)
        self._fits = {name: part.fit(task) for name, part in parts.items()}
        self._scales: dict[str, tuple[Floats, Floats]] = {}
        #: how much each view counts
        self.weights = weights
        standing = unlabeled if unlabeled.any() else ~unlabeled
        decided = {name: part.decide_all(self._fits[name], task.k) for name, part in parts.items()}
        for name, values in decided.items():
            if not np.isfinite(values[:, ~self._absent]).all():
                blame(label_of(parts[name].classifier), f"its scores for the view '{name}' must be finite")
            # sums in float64: over 100,000 rows, float32 loses digits
            mean = values.mean(axis=0, dtype=np.float64, where=standing[:, None]).astype(np.float32)
            spread = values.std(axis=0, dtype=np.float64, where=standing[:, None]).astype(np.float32)
            self._scales[name] = mean, np.where(spread > 0, spread, np.float32(1))
        if learned:
            found = weigh(self._held_out, task.labels, self._absent)
            self.weights = dict(zip(parts, map(float, found), strict=True))
        fused: Any = 0.0
        for name in parts:
            fused = fused + self._standard(name, decided.pop(name)) * np.float32(self.weights[name])
        #: ranking scores (n, k), float32: higher is likelier. A label that nobody gave yet scores below every other
        self.scores: Floats = self._last(fused)

    def _standard(self, name: str, values: Floats) -> Floats:
        """Decision values in standard deviations over the unlabeled rows."""
        mean, spread = self._scales[name]
        return (values - mean) / spread

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
        """Fitted on scores that each labeled row got from classifiers that had not seen it."""
        import numpy as np

        weights = np.array([self.weights[name] for name in self._parts], dtype=np.float32)
        scores = np.einsum("v,vmk->mk", weights, self._held_out)
        # how common the target is must come through; other labels are to be told apart
        even = _EVEN if self._task.question.target_index is None else 0.0
        return calibrate(scores, self._task.labels, self._absent, even)

    @cached_property
    def _held_out(self) -> Floats:
        """Standardized decision values (views, m, k) of the labeled rows, by classifiers that had not seen the row.

        The only row of its label stays in every fold, or nothing could be learned of it: it has the score in sample.
        NaN for labels that nobody gave.
        """
        import numpy as np

        task = self._task
        fold = assign_folds(task.labels, self._folds, np.random.default_rng(self._seed))
        scores = np.empty((len(self._parts), task.labels.size, task.k), dtype=np.float32)
        for number in range(-1, int(fold.max()) + 1):
            held, seen = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            if not held.size:
                continue
            for view, (name, part) in enumerate(self._parts.items()):
                fits = self._fits[name] if number < 0 else part.fit(task, seen)
                scores[view, held] = self._standard(name, part.decide(fits, task.k, held))
        return scores

    def saved(self) -> dict[str, Any]:
        """What was learned, as arrays and plain values; `BadSetting` where a classifier is not linear."""
        return {"views": saved_views(self._parts, self._fits, self._scales, self.weights), **vars(self.calibration)}

    def to_probabilities(self, scores: Floats) -> Floats:
        """Calibrated probabilities (m, k) of scores (m, k)."""
        return self.calibration.apply(scores)

    def coefficients(self, view: str) -> Floats | None:
        """What a row of that view adds to the scores (k, d), float32; None where its classifier is not linear.

        Zero for labels that nobody gave yet: their score is below all others whatever the row.
        """
        import numpy as np

        part = self._parts.get(view)
        if part is None:
            return None
        width = part.view.matrix.shape[1]
        total = np.zeros((self._task.k, width), dtype=np.float32)
        for estimator, columns in self._fits[view]:
            line = linear(estimator)
            if line is None:
                return None
            rows = np.zeros((len(line[0]), width), dtype=np.float32)
            rows[:, slice(None) if part.columns is None else part.columns] = line[0]
            if len(rows) == 1:
                rows = np.concatenate([-rows, rows])
            for column, row in zip(columns, rows, strict=True):
                if column >= 0:
                    total[column] = row  # the last classifier that scores the label is the one whose score counts
        return total / self._scales[view][1][:, None] * np.float32(self.weights[view])

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """Spans of `text`, and how much each speaks for (above 0) or against `label`, over all views that can tell.

        In standard deviations of the ranking score. Empty where no view can explain itself, where its classifier is not
        linear, or where nobody gave the label yet.
        """
        import numpy as np

        index = self._task.question.index(label)
        told: dict[tuple[int, int], float] = {}
        for name, part in self._parts.items():
            explain = part.view.explain
            if explain is None or part.columns is None:
                continue
            # the last fit that scores the label is the one whose score counts
            fits = [(linear(e), columns.index(index)) for e, columns in self._fits[name] if index in columns]
            if not fits or (line := fits[-1][0]) is None:
                continue
            position = fits[-1][1]
            sign = 1 if len(line[0]) > 1 or position == 1 else -1
            weights = np.zeros(part.view.matrix.shape[1], dtype=np.float32)
            weights[part.columns] = line[0][position if len(line[0]) > 1 else 0]
            spans, matrix = explain(text)
            scale = sign * self.weights[name] / float(self._scales[name][1][index])
            for span, value in zip(spans, (matrix @ weights).tolist(), strict=True):
                told[span] = told.get(span, 0.0) + float(value * scale)
        return [(start, end, value) for (start, end), value in sorted(told.items())]


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
