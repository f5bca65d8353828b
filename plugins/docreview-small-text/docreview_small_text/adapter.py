"""Asks a strategy of small-text about a docreview state.

small-text speaks positions in a data set. Here that is always the same one, a `Frame`: the candidates in random order,
then the labeled documents. What comes back is mapped to rows of the corpus in one place, `ask`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from sklearn.random_projection import SparseRandomProjection
from small_text.classifiers import Classifier  # type: ignore[import-untyped]
from small_text.data import SklearnDataset  # type: ignore[import-untyped]
from small_text.query_strategies import ConfidenceBasedQueryStrategy  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits

from docreview.errors import BadSetting, did_you_mean
from docreview.types import Selection
from docreview_small_text.served import MAKE

if TYPE_CHECKING:
    import numpy.typing as npt

    from docreview.types import Floats, Ints, ReviewState

#: strategies that read probabilities
_READ_PROBABILITIES = frozenset(
    {"breaking-ties", "least-confidence", "prediction-entropy", "contrastive-active-learning"}
)
#: columns that a sparse view is projected to
_DIMENSIONS = 256
#: one at a time: two that seed the global generator would draw from each other's
_GLOBAL_GENERATOR = threading.Lock()


def ask(
    name: str,
    state: ReviewState,
    n: int,
    rng: np.random.Generator,
    settings: Mapping[str, Any],
    *,
    view: str | None = None,
    candidates: int | None = None,
) -> Selection:
    """Return the `n` rows that small-text's strategy of that name chooses, all where n is larger.

    `candidates` is how many documents of the pool, drawn at random, it is shown (n at least); all where it is None.
    """
    n = min(n, state.candidates.size)
    if n <= 0:
        return Selection(np.empty(0, dtype=np.int64))
    with _quiet():
        frame = Frame(name, state, rng, view, None if candidates is None else max(candidates, n))
    if not _READ_PROBABILITIES.isdisjoint({name, settings.get("base")}):
        # fitted before the global generator is seeded, so that a model does not meet a generator that is not its own
        _ = frame.probabilities
    # one thread: k-means adds up in the order in which threads finish, and many small products gain nothing by more
    with _seeded(rng), _quiet(), threadpool_limits(limits=1):
        strategy = MAKE[name](frame, n, **settings)
        chosen = strategy.query(frame.model, frame.dataset, frame.unlabeled, frame.labeled, frame.y, n=n)
    positions = np.asarray(chosen, dtype=np.int64)
    scores = _scores(strategy, positions)
    if scores is not None:  # small-text partitions: the first n are the most wanted, but in no order
        order = np.argsort(-scores, kind="stable")
        positions, scores = positions[order], scores[order].astype(np.float32)
    return Selection(frame.rows[positions], scores)


class Frame:
    """The data set that small-text is shown.

    `rows` are the corpus rows of its documents: candidates first, at the positions `unlabeled`, then the documents with
    a label that may train, at the positions `labeled`, with the class indices `y`. Candidates stand in random order,
    so that small-text, which breaks ties by order, breaks them by chance.
    """

    def __init__(
        self, name: str, state: ReviewState, rng: np.random.Generator, view: str | None, most: int | None
    ) -> None:
        pool = rng.permutation(state.candidates)[:most]
        self.rows: Ints = np.concatenate([pool, state.labeled])
        self.unlabeled = np.arange(pool.size)
        self.labeled = np.arange(pool.size, self.rows.size)
        self.y: Ints = state.labels[state.labeled].astype(np.int64)
        self.classes = len(state.question.labels)
        self._name, self._state, self._view, self._rng = name, state, view, rng
        # the features are the positions themselves: a part of the data set still knows where it came from
        unknown = np.full(pool.size, -1)
        positions, classes = np.arange(self.rows.size)[:, None], np.arange(self.classes)
        self.dataset = SklearnDataset(positions, np.concatenate([unknown, self.y]), target_labels=classes)
        self.model = Model(self)

    @cached_property
    def probabilities(self) -> Floats:
        """docreview's probabilities (documents, k)."""
        found: Floats = self._state.probabilities[self.rows]
        return found

    @cached_property
    def vectors(self) -> Floats:
        """Vectors (documents, d) of the view that was named, or else of the first dense one, or the first of all."""
        views = self._state.views
        if self._view is not None and self._view not in views:
            told = f"the view '{self._view}' is none of those that can be used now"
            mend = f"{did_you_mean(self._view, views)} Where it is one that is not built, run 'docreview embed'."
            raise BadSetting(f"query strategy 'small-text-{self._name}': {told}.{mend}")
        if not views:
            raise BadSetting(f"query strategy 'small-text-{self._name}' needs a view, and none can be used now.")
        first = next((name for name, view in views.items() if view.dense), next(iter(views)))
        matrix: Any = views[self._view or first].matrix
        return _dense(matrix[self.rows], self._rng)


class Model(Classifier):  # type: ignore[misc]
    """docreview's fitted model, as small-text asks a classifier."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.num_classes = frame.classes

    def fit(self, train_set: Any, weights: Any = None) -> Any:
        """Refuse: the engine fits."""
        raise NotImplementedError("the model is fitted by docreview")

    def predict_proba(self, data_set: Any) -> Floats:
        """Probabilities (len, k) of the documents of a part of the frame's data set."""
        probabilities: Floats = self.frame.probabilities[data_set.x[:, 0]]
        return probabilities

    def predict(self, data_set: Any, return_proba: bool = False) -> Any:
        """Class indices (len,), and probabilities where wanted."""
        probabilities = self.predict_proba(data_set)
        labels = probabilities.argmax(axis=1)
        return (labels, probabilities) if return_proba else labels

    def embed(self, data_set: Any, return_proba: bool = False, pbar: Any = None) -> Any:
        """Vectors (len, d), and probabilities where wanted."""
        vectors = self.frame.vectors[data_set.x[:, 0]]
        return (vectors, self.predict_proba(data_set)) if return_proba else vectors


def _dense(matrix: Any, rng: np.random.Generator) -> Floats:
    """Rows as an array. Sparse ones of many columns are projected at random, which keeps distances to about a tenth.

    Paper: Li, Hastie and Church 2006, Very Sparse Random Projections.
    """
    if not hasattr(matrix, "indptr"):
        vectors: Floats = matrix
    elif matrix.shape[1] <= _DIMENSIONS:
        vectors = matrix.toarray()
    else:
        seed = int(rng.integers(2**32))
        projection = SparseRandomProjection(_DIMENSIONS, dense_output=True, random_state=seed)
        vectors = normalize(projection.fit_transform(csr_matrix(matrix)).astype(np.float32))
    return vectors


def _scores(strategy: Any, positions: Ints) -> npt.NDArray[Any] | None:
    """Scores of what was chosen, higher for the more wanted; None where small-text keeps none."""
    base = getattr(strategy, "base_query_strategy", strategy)
    if not isinstance(base, ConfidenceBasedQueryStrategy):
        return None
    # where the base was shown a part, its scores are in the order of that part
    inner = getattr(strategy, "subsampled_indices_", None)
    values = np.asarray(base.scores_)[positions if inner is None else inner]
    return 1 - values if base.lower_is_better else values


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed numpy's global generator from `rng`, and put it back as it was.

    small-text (and scikit-learn within it) draws from the global generator and takes no other. docreview's plugins must
    leave that one alone: whoever else uses it must not notice, and the same `rng` must give the same choice.
    """
    with _GLOBAL_GENERATOR:
        kept = np.random.get_state()  # noqa: NPY002
        try:
            np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
            yield
        finally:
            np.random.set_state(kept)  # noqa: NPY002


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what small-text and scikit-learn say of documents that look alike, and of small-text's own past."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The function get_flattened_unique_labels has been", DeprecationWarning)
        warnings.filterwarnings("ignore", "Default distance metric has changed", UserWarning)
        warnings.filterwarnings("ignore", "kmeans_plusplus returned identical cluster centers", UserWarning)
        warnings.filterwarnings("ignore", "Number of distinct clusters")  # sklearn.exceptions.ConvergenceWarning
        yield
