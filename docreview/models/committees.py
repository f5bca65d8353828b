"""What the members of a committee are made of: resampled labels, other classifiers, networks that begin elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Ints, Vectors


def resampled(rows: Ints, labels: Ints, rng: np.random.Generator) -> Ints:
    """A bootstrap sample of `rows` (m,): as many, with replacement, and one of each of their `labels` (m,) at least.

    Each label keeps its number of rows (a stratified bootstrap): with few labels, a member that never saw the rare one
    would say nothing about it.
    """
    import numpy as np

    drawn = [rng.choice(rows[labels == label], (labels == label).sum()) for label in np.unique(labels)]
    return np.sort(np.concatenate(drawn))


def architectures(views: Mapping[str, Vectors]) -> list[dict[str, Any]]:
    """Four classifiers of different kinds, each as a table by view: naive Bayes depends on what a view's rows are."""
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.naive_bayes import ComplementNB, GaussianNB
    from sklearn.svm import LinearSVC

    bayes = {name: GaussianNB(var_smoothing=1e-3) if view.dense else ComplementNB() for name, view in views.items()}
    alike = (
        LinearSVC(dual=True, tol=0.01, max_iter=10_000),
        LogisticRegression(C=10.0, max_iter=1000),
        RidgeClassifier(),
    )
    return [dict.fromkeys(views, estimator) for estimator in alike] + [bayes]


def network() -> Any:
    """A small network, whose outcome depends on where it begins."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((16,), alpha=1e-3, learning_rate_init=0.01, max_iter=60, tol=1e-3)
