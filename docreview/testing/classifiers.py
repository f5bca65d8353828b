"""Checks of classifiers: scikit-learn estimators, as the models use them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from docreview.testing.common import digest, global_generators_untouched, require
from docreview.testing.effort import SIZES, processor_seconds, require_memory, require_time
from docreview.testing.samples import MANY, make_state

if TYPE_CHECKING:
    from docreview.types import Classifier


def _task() -> tuple[Any, Any, Any]:
    """Rows of word weights (csr, not negative), 1 for the class and 0 for the rest, and sample weights: 90 rows."""
    import numpy as np
    import scipy.sparse as sp

    state = make_state(90, read=90, skipped=0)
    matrix: Any = state.views["lexical"].matrix
    truth = (state.labels == 0).astype(np.int64)
    return sp.csr_matrix(matrix.copy()), truth, np.where(truth == 1, 2.0, 1.0)


def _fit(classifier: Classifier, X: Any, y: Any, weight: Any) -> Any:
    from sklearn.base import clone

    fitted = clone(classifier)
    if "random_state" in fitted.get_params():
        fitted.set_params(random_state=0)
    return fitted.fit(X, y, sample_weight=weight)


def _scores(fitted: Any, X: Any) -> Any:
    import numpy as np

    if hasattr(fitted, "decision_function"):
        scores = np.asarray(fitted.decision_function(X))
    else:
        scores = np.asarray(fitted.predict_proba(X))
        scores = scores[:, 1] if scores.shape[1] == 2 else scores
    require(scores.shape[0] == X.shape[0], f"one score a row, got shape {scores.shape} for {X.shape[0]} rows")
    require(np.isfinite(scores).all(), "scores must be finite")
    return scores


def check_classifier_clones(classifier: Classifier) -> None:
    """`sklearn.base.clone` makes a classifier of the same settings from it."""
    from sklearn.base import clone

    pair: tuple[Any, Any] = (classifier, clone(classifier))
    given, kept = ({k: repr(v) for k, v in one.get_params(deep=False).items()} for one in pair)
    require(given == kept, f"a clone must have the same settings: {given} became {kept}")
    if " at 0x" not in repr(classifier):  # what a classifier shows of itself, where that is no place in memory
        require(repr(pair[1]) == repr(classifier), f"a clone must have the same settings as {classifier!r}")


def check_classifier_learns(classifier: Classifier) -> None:
    """Unseen rows of the class score higher on the mean than the others, from sparse rows and from dense ones."""
    X, y, weight = _task()
    for rows in (X, X.toarray()):
        fitted = _fit(classifier, rows[:60], y[:60], weight[:60])
        scores, right = _scores(fitted, rows[60:]), y[60:] == 1
        require(scores.shape == (30,), f"one score a row, got shape {scores.shape}")
        require(scores[right].mean() > scores[~right].mean(), "rows of the class must score higher than the others")


def check_classifier_probabilities(classifier: Classifier) -> None:
    """Where it has `predict_proba`, rows lie in 0 to 1 and sum to one, a column for each of `classes_` in order."""
    import numpy as np

    X, y, weight = _task()
    fitted = _fit(classifier, X, y, weight)
    require(list(fitted.classes_) == [0, 1], f"`classes_` must hold the classes in order, got {list(fitted.classes_)}")
    if hasattr(fitted, "predict_proba"):
        chances = fitted.predict_proba(X)
        require(chances.shape == (90, 2), f"one column a class, got shape {chances.shape}")
        require(np.isfinite(chances).all() and chances.min() >= 0, "probabilities must be finite and not negative")
        require(np.allclose(chances.sum(axis=1), 1, atol=1e-5), "each row of probabilities must sum to one")


def check_classifier_few_rows(classifier: Classifier) -> None:
    """It can be fitted from one row of each of two classes."""
    X, y, weight = _task()
    rows = [int((y == 0).argmax()), int((y == 1).argmax())]
    _scores(_fit(classifier, X[rows], y[rows], weight[rows]), X)


def check_classifier_many_labels(classifier: Classifier) -> None:
    """It can be fitted to 150 classes, a score for each, and puts the right one first more often than chance."""
    import numpy as np
    import scipy.sparse as sp

    state = make_state(450, labels=MANY, target=None, read=450, skipped=0)
    X: Any = sp.csr_matrix(state.views["lexical"].matrix.copy())
    seen, weight = np.arange(450) < 350, np.ones(450)
    fitted = _fit(classifier, X[seen], state.labels[seen], weight[seen])
    scores = _scores(fitted, X[~seen])
    classes = np.unique(state.labels[seen])
    require(list(fitted.classes_) == list(classes), "`classes_` must hold the classes in order")
    require(scores.shape == (100, classes.size), f"one score a class, got shape {scores.shape}")
    share = float((classes[scores.argmax(axis=1)] == state.labels[~seen]).mean())
    require(share > 0.05, f"the right one of 150 classes is first for {share:.0%} of the rows, no better than chance")


def check_classifier_weights(classifier: Classifier) -> None:
    """Sample weights count: of rows that contradict each other, those that weigh more are believed."""
    import numpy as np
    import scipy.sparse as sp

    # two sorts of rows, each as often in the class as not; heavy ones put the first sort in, the second out
    sort = np.repeat([0, 0, 1, 1], 30)
    y = np.repeat([1, 0, 1, 0], 30)
    weight = np.where(sort == y, 1.0, 10.0)
    first, second = _scores(_fit(classifier, sp.csr_matrix(np.eye(2)[sort]), y, weight), sp.csr_matrix(np.eye(2)))
    require(first > second, "rows that weigh more must count for more")


def check_classifier_empty_rows(classifier: Classifier) -> None:
    """Rows in which there is nothing are learned from and scored like others."""
    import scipy.sparse as sp

    X, y, weight = _task()
    X = sp.vstack([sp.csr_matrix((10, X.shape[1]), dtype=X.dtype), X[10:]], format="csr")
    for rows in (X, X.toarray()):
        _scores(_fit(classifier, rows, y, weight), rows)


def check_classifier_alike(classifier: Classifier) -> None:
    """It can be fitted to rows that are all the same."""
    X, y, weight = _task()
    for rows in (X[[0] * 90], X[[0] * 90].toarray()):
        _scores(_fit(classifier, rows, y, weight), rows)


def check_classifier_alone(classifier: Classifier) -> None:
    """A row's score does not depend on the rows beside it."""
    import numpy as np

    X, y, weight = _task()
    fitted = _fit(classifier, X, y, weight)
    together, alone = _scores(fitted, X)[:5], [_scores(fitted, X[i : i + 1])[0] for i in range(5)]
    require(np.allclose(together, alone, rtol=1e-3, atol=1e-4), "a row's score must not depend on the rows beside it")


def check_classifier_repeats(classifier: Classifier) -> None:
    """The same rows, labels and `random_state` give the same scores."""
    X, y, weight = _task()
    first, second = (_scores(_fit(classifier, X, y, weight), X) for _ in range(2))
    require(digest(first) == digest(second), "the same rows, labels and random_state must give the same scores")


def check_classifier_generators(classifier: Classifier) -> None:
    """It leaves the global random generators alone."""
    X, y, weight = _task()
    with global_generators_untouched():
        _scores(_fit(classifier, X, y, weight), X)


def check_classifier_leaves_input(classifier: Classifier) -> None:
    """It changes neither the rows nor the labels nor the weights."""
    X, y, weight = _task()
    before = digest(X, y, weight)
    _scores(_fit(classifier, X, y, weight), X)
    require(digest(X, y, weight) == before, "rows, labels and weights must not be changed")


@cache
def _many_rows(n: int) -> tuple[Any, Any]:
    """Rows of ten words each (csr, n x 150), and their classes."""
    import numpy as np
    import scipy.sparse as sp

    rng = np.random.default_rng(n)
    y = rng.integers(0, 2, n)
    words = rng.integers(0, 100, size=(n, 10)) + 50 * y[:, None]
    weights = np.full(words.size, 0.3, np.float32)
    X = sp.csr_matrix((weights, words.ravel().astype(np.int32), np.arange(0, words.size + 1, 10, dtype=np.int32)))
    X.sum_duplicates()
    return X, y


def _work(classifier: Classifier) -> Callable[[int], Callable[[], object]]:
    import numpy as np

    def work(n: int) -> Callable[[], object]:
        X, y = _many_rows(n)
        return lambda: _scores(_fit(classifier, X[:1000], y[:1000], np.ones(1000)), X)

    return work


@cache
def _usual() -> float:
    from docreview.classifiers import linear_svm

    return processor_seconds(_work(linear_svm())(SIZES[-1]))


def check_classifier_time(classifier: Classifier) -> None:
    """To learn from 1,000 rows and score 100,000 it takes at most 20 times as long as `linear-svm`, and 1 s."""
    require_time(_work(classifier), _usual(), 1.0)


def check_classifier_memory(classifier: Classifier) -> None:
    """To score 100,000 rows it takes at most 4 KiB of memory a row."""
    require_memory(_work(classifier))
