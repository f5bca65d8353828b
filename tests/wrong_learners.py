"""Classifiers and models: a good one of each kind, and those wrong in just one way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from wrong_deciders import dawdle, hoard

from docreview.errors import BadSetting
from docreview.testing import make_state, models
from docreview.testing.effort import FACTOR
from docreview.types import ReviewState


class Means(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A good classifier, to be spoiled: the nearest mean, its rows weighted."""

    def __init__(self, scale: float = 1.0, random_state: int | None = None) -> None:
        self.scale = scale
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        self.classes_ = np.unique(y)
        member = (np.asarray(y) == self.classes_[:, None]) * sample_weight
        self.means_ = np.asarray(member @ X) / member.sum(axis=1, keepdims=True)
        return self

    def predict_proba(self, X: Any) -> Any:
        odds = np.exp(self.scale * np.asarray(X @ self.means_.T))
        return odds / odds.sum(axis=1, keepdims=True)


class Forgetful(Means):
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"random_state": self.random_state}

    def __repr__(self) -> str:
        return f"Forgetful({self.scale})"


class Backwards(Means):
    def predict_proba(self, X: Any) -> Any:
        chances = super().predict_proba(X)
        # right where rows contradict each other and where there are many classes: not its fault here
        return chances if chances.shape[1] > 2 or X.shape[1] == 2 else chances[:, ::-1]


class SumsToTwo(Means):
    def predict_proba(self, X: Any) -> Any:
        return 2 * super().predict_proba(X)


class WantsMore(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        assert X.shape[0] > 5
        return super().fit(X, y, sample_weight)


class TwoClasses(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        assert len(np.unique(y)) == 2
        return super().fit(X, y, sample_weight)


class Weightless(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        return super().fit(X, y, np.ones(len(y)))


class Normalizes(Means):
    def predict_proba(self, X: Any) -> Any:
        lengths = np.asarray(X.sum(axis=1))
        assert lengths.all()
        return super().predict_proba(X)


class Standardizes(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        assert np.ptp(X.toarray() if hasattr(X, "toarray") else X, axis=0).any()
        return super().fit(X, y, sample_weight)


class RanksBatch(Means):
    def decision_function(self, X: Any) -> Any:
        chances = self.predict_proba(X)
        return chances - chances.mean(axis=0) if chances.shape[1] > 2 else chances[:, 1] - chances[:, 1].mean()


class Unseeded(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        super().fit(X, y, sample_weight)
        self.means_ += np.random.default_rng().normal(scale=1e-6, size=self.means_.shape)
        return self


class SeedsAll(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        random.seed(self.random_state)
        return super().fit(X, y, sample_weight)


class Weighs(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        sample_weight *= 2
        return super().fit(X, y, sample_weight)


class SlowMeans(Means):
    def predict_proba(self, X: Any) -> Any:
        dawdle(X.shape[0], 2.5)
        return super().predict_proba(X)


class LargeMeans(Means):
    def predict_proba(self, X: Any) -> Any:
        hoard(X.shape[0])
        return super().predict_proba(X)


@dataclass
class Outcome:
    scores: Any
    probabilities: Any


class Spoiled:
    """A good model, the nearest of the labels' centroids, in the first view there is, with its outcome changed."""

    def __init__(self, change: Callable[[ReviewState, Any], Any]) -> None:
        self.change = change

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Any:
        matrix, rows = next(iter(state.views.values())).matrix, state.labeled
        member = state.labels[rows] == np.arange(len(state.question.labels))[:, None]
        centroids = np.asarray(member.astype(np.float32) @ matrix[rows])
        scores = np.asarray(matrix @ (centroids / np.maximum(np.linalg.norm(centroids, axis=1)[:, None], 1e-9)).T)
        odds = np.exp(5 * scores.astype(np.float64))
        return self.change(state, Outcome(scores.astype(np.float32), odds / odds.sum(axis=1, keepdims=True)))


def _endless(state: ReviewState, made: Outcome) -> Outcome:
    made.scores[:1] = np.inf if state.samples and state.question.target is None else 0
    return made


def _shrugs(state: ReviewState, made: Outcome) -> Outcome:
    made.probabilities[:] = 1 / len(state.question.labels)
    return made


def _ranks_nothing(state: ReviewState, made: Outcome) -> Outcome:
    made.scores[:] = 0.5
    return made


def _wants_all_labels(state: ReviewState, made: Outcome) -> Outcome:
    assert state.labeled.size > 2
    return made


def _wants_few_labels(state: ReviewState, made: Outcome) -> Outcome:
    assert len(state.question.labels) < 100
    return made


def _wants_pool(state: ReviewState, made: Outcome) -> Outcome:
    assert state.pool.size
    return made


def _wants_both_views(state: ReviewState, made: Outcome) -> Outcome:
    if len(state.views) < 2:
        raise BadSetting("both views are needed.")
    return made


def _divides_by_length(state: ReviewState, made: Outcome) -> Outcome:
    assert state.views["semantic"].matrix.any(axis=1).all() if "semantic" in state.views else True
    return made


def _standardizes(state: ReviewState, made: Outcome) -> Outcome:
    assert np.ptp(made.scores, axis=0).any()
    return made


def _reads_first_words(state: ReviewState, made: Outcome) -> Outcome:
    assert all(text.split()[0] for text in state.texts(range(0, state.n, 10)))
    return made


def _peeks(state: ReviewState, made: Outcome) -> Outcome:
    locked = np.concatenate([sample.rows for sample in state.samples] or [[]]).astype(np.int64)
    made.scores[locked, state.labels[locked]] += 1
    return made


def _trembles(state: ReviewState, made: Outcome) -> Outcome:
    if np.array_equal(state.reviewed, make_state().reviewed):
        made.scores += np.random.default_rng().normal(scale=0.01, size=made.scores.shape).astype(np.float32)
    return made


def _seeds_all(state: ReviewState, made: Outcome) -> Outcome:
    np.random.seed(0)  # noqa: NPY002
    return made


def _scribbles(state: ReviewState, made: Outcome) -> Outcome:
    state.__dict__["rounds"] = state.rounds + 1
    return made


def _dawdles(state: ReviewState, made: Outcome) -> Outcome:
    limit = FACTOR * models._usual() + 0.5  # seconds, on this machine
    dawdle(state.n, 2.2 * limit)
    return made


def _hoards(state: ReviewState, made: Outcome) -> Outcome:
    hoard(state.n)
    return made


class Hysteresis(Spoiled):
    """Keeps what it learned, in the place where it kept what it learned before."""

    def __init__(self) -> None:
        super().__init__(lambda state, made: made)
        self.kept = Outcome(None, None)

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Any:
        vars(self.kept).update(vars(super().fit(state, rng)))
        return self.kept


@dataclass
class Shrug:
    """What is made of a saved model again, and has forgotten all."""

    k: int

    def predict(self, views: Any) -> Any:
        return np.full((next(iter(views.values())).shape[0], self.k), 1 / self.k, np.float32)


class Written(Outcome):
    def saved(self) -> Any:
        return {"views": {"lexical": {}}}


class Amnesia(Spoiled):
    """Writes down nothing of what it learned."""

    def __init__(self) -> None:
        super().__init__(lambda state, made: Written(made.scores, made.probabilities))

    def restored(self, saved: Any, question: Any) -> Any:
        return Shrug(len(question.labels))


WRONG: dict[str, Any] = {
    "classifier_clones": Forgetful(scale=2.0),
    "classifier_learns": Backwards(),
    "classifier_probabilities": SumsToTwo(),
    "classifier_few_rows": WantsMore(),
    "classifier_many_labels": TwoClasses(),
    "classifier_weights": Weightless(),
    "classifier_empty_rows": Normalizes(),
    "classifier_alike": Standardizes(),
    "classifier_alone": RanksBatch(),
    "classifier_repeats": Unseeded(),
    "classifier_generators": SeedsAll(),
    "classifier_leaves_input": Weighs(),
    "classifier_time": SlowMeans(),
    "classifier_memory": LargeMeans(),
    "model_probabilities": Spoiled(_endless),
    "model_learns": Spoiled(_shrugs),
    "model_ranks": Spoiled(_ranks_nothing),
    "model_few_labels": Spoiled(_wants_all_labels),
    "model_many_labels": Spoiled(_wants_few_labels),
    "model_all_read": Spoiled(_wants_pool),
    "model_views": Spoiled(_wants_both_views),
    "model_blank": Spoiled(_divides_by_length),
    "model_alike": Spoiled(_standardizes),
    "model_texts": Spoiled(_reads_first_words),
    "model_blind": Spoiled(_peeks),
    "model_repeats": Spoiled(_trembles),
    "model_remembers_nothing": Hysteresis(),
    "model_saved": Amnesia(),
    "model_generators": Spoiled(_seeds_all),
    "model_leaves_state": Spoiled(_scribbles),
    "model_time": Spoiled(_dawdles),
    "model_memory": Spoiled(_hoards),
}
GOOD: dict[str, Any] = {
    "classifiers": Means(),
    "models": Spoiled(lambda state, made: made),
}
