"""The classifiers that scikit-activeml's strategies ask; imports scikit-activeml, so load it inside methods only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skactiveml import pool  # type: ignore[import-untyped]
from skactiveml.base import SkactivemlClassifier  # type: ignore[import-untyped]
from skactiveml.classifier import (  # type: ignore[import-untyped]
    MixtureModelClassifier,
    ParzenWindowClassifier,
    SklearnClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVR

from docreview_skactiveml.case import quiet

if TYPE_CHECKING:
    from docreview_skactiveml.case import Array, Case

__all__ = ["Known", "SeededSVR", "committee", "logistic", "mixture", "parzen", "pool", "window"]


class Known(SkactivemlClassifier):  # type: ignore[misc]
    """docreview's own fitted model as a classifier of scikit-activeml's: samples are row numbers (m, 1), looked up.

    With ``vectors=True`` it returns the rows' vectors beside their probabilities, as strategies want it that compare
    documents by what a network makes of them.
    """

    def __init__(self, case: Case | None = None, frequencies: Array | None = None) -> None:
        super().__init__(classes=None if case is None else list(range(case.k)))
        self.case, self.frequencies = case, frequencies

    @property
    def classes_(self) -> Any:
        """Class indices (k,)."""
        return np.array(self.classes)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Known:
        """Nothing to learn."""
        return self

    def predict_proba(self, X: Any, vectors: bool = False) -> Any:
        """Probabilities (m, k)."""
        assert self.case is not None
        rows = X[:, 0]
        return (self.case.probabilities[rows], self.case.vectors[rows]) if vectors else self.case.probabilities[rows]

    def predict_freq(self, X: Any) -> Any:
        """How many labeled documents of each label are near (m, k)."""
        assert self.frequencies is not None
        return self.frequencies[X[:, 0]]


class Window(SkactivemlClassifier):  # type: ignore[misc]
    """A Parzen window classifier that learns one label more in no time: samples are row numbers (m, 1).

    It predicts what `ParzenWindowClassifier` does, which has no ``partial_fit``: fitted anew for each candidate and
    label, that one takes milliseconds where this one takes a hundred microseconds.
    """

    def __init__(self, kernel: Kernel | None = None, classes: Any = None) -> None:
        super().__init__(classes=classes)
        self.kernel = kernel

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Window:
        """Count the labeled rows near every row, by label."""
        self._validate_data(X, y)
        self.counts = np.zeros((len(self._of(slice(None))), len(self.classes_)))
        known = ~np.isnan(y)
        return self.partial_fit(X[known], y[known])

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Window:
        """Count more labeled rows."""
        votes = np.eye(len(self.classes_))[y.astype(int)]
        self.counts = self.counts + self._of(X[:, 0]).T @ votes
        return self

    def predict_proba(self, X: Any) -> Any:
        """Shares of the counts (m, k); even where nothing is near."""
        counts = self.counts[X[:, 0]]
        total = counts.sum(axis=1, keepdims=True)
        return np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / counts.shape[1])

    def _of(self, rows: Any) -> Array:
        assert self.kernel is not None
        near: Array = self.kernel.values[rows]
        return near


class Kernel:
    """Nearness of all rows to each other (m, m); copies of a classifier share it."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __deepcopy__(self, memo: Any) -> Kernel:
        return self


class SeededSVR(SVR):  # type: ignore[misc]
    """A support vector regression that leaves the global generator alone; libsvm's seed changes nothing in it."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """As scikit-learn's, with a seed."""
        self.random_state = 0
        return super().fit(X, y, sample_weight)


def logistic(case: Case, C: float, classes: list[int] | None = None) -> Any:
    """A logistic regression, not fitted."""
    return SklearnClassifier(
        LogisticRegression(C=C, max_iter=1000), classes=list(range(case.k)) if classes is None else classes
    )


def committee(case: Case, members: int, C: float) -> list[Any]:
    """Logistic regressions, each fitted on the labeled documents under weights of its own: a Bayesian bootstrap.

    Weights are drawn from the exponential distribution (Rubin 1981), so that no member misses a label altogether, as
    one that draws with replacement may.
    """
    rng = np.random.default_rng(case.seed)
    made = []
    with quiet():
        for _ in range(members):
            weight = rng.exponential(size=case.start)
            made.append(logistic(case, C).fit(case.vectors[: case.start], case.labels, weight))
    return made


def mean_gamma(case: Case) -> float:
    """The width of a Gaussian kernel by the mean criterion (Chaudhuri et al. 2017)."""
    window = ParzenWindowClassifier(metric="rbf", metric_dict={"gamma": "mean"}, classes=list(range(case.k)))
    return float(window.fit(case.vectors, case.y).metric_dict_["gamma"])


def parzen(case: Case, gamma: float | None) -> Any:
    """A Parzen window classifier, not fitted; by the mean criterion where `gamma` is None."""
    width = {"gamma": mean_gamma(case) if gamma is None else gamma}
    return ParzenWindowClassifier(metric="rbf", metric_dict=width, classes=list(range(case.k)), random_state=case.seed)


def window(case: Case, gamma: float | None) -> Window:
    """The same for strategies that refit it for every candidate."""
    width = mean_gamma(case) if gamma is None else gamma
    return Window(Kernel(rbf_kernel(case.vectors, gamma=width)), list(range(case.k)))


def mixture(case: Case, components: int) -> Any:
    """A Bayesian mixture of Gaussians with diagonal covariances, not fitted."""
    from sklearn.mixture import BayesianGaussianMixture

    model = BayesianGaussianMixture(
        n_components=min(components, case.start + case.m),
        covariance_type="diag",
        random_state=case.seed,
    )
    return MixtureModelClassifier(mixture_model=model, classes=list(range(case.k)), random_state=case.seed)
