"""small-text's strategies, made for one question. Where 1.4.1 errs, a subclass changes that and no more.

What is wrong in each, with the evidence, is in the README; tests show it on small-text as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import small_text.query_strategies as small_text  # type: ignore[import-untyped]
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from small_text.utils.clustering import init_kmeans_plusplus_safe  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import numpy.typing as npt

    from docreview.types import Floats, Ints
    from docreview_small_text.adapter import Frame


class BreakingTies(small_text.BreakingTies):  # type: ignore[misc]
    """The same differences, computed at once and not one call a document."""

    def get_confidence(self, clf: Any, dataset: Any, *_: Any) -> npt.NDArray[Any]:
        """Difference (len,) of each document's two largest probabilities."""
        probabilities = clf.predict_proba(dataset)
        k = probabilities.shape[1]
        top = np.partition(probabilities, k - 2, axis=1)[:, k - 2 :]
        return np.asarray(top[:, 1] - top[:, 0])


class PredictionEntropy(small_text.PredictionEntropy):  # type: ignore[misc]
    """The same entropies, computed at once: one call a document takes 9 s for 100,000."""

    def get_confidence(self, clf: Any, dataset: Any, *_: Any) -> npt.NDArray[Any]:
        """Entropy (len,) of each document's probabilities."""
        return np.asarray(entropy(clf.predict_proba(dataset), axis=1))


class ContrastiveActiveLearning(small_text.ContrastiveActiveLearning):  # type: ignore[misc]
    """With no more neighbors than documents, and no more batches than candidates: either raises in small-text."""

    def sample(self, clf: Any, dataset: Any, indices_unlabeled: Ints, *rest: Any, **named: Any) -> Ints:
        """Choose, with k and the size of a batch in bounds."""
        self.k: int = min(self.k, len(dataset))
        self.batch_size: int = max(self.batch_size, math.ceil(len(dataset) / len(indices_unlabeled)))
        chosen: Ints = super().sample(clf, dataset, indices_unlabeled, *rest, **named)
        return chosen


class LightweightCoreset(small_text.LightweightCoreset):  # type: ignore[misc]
    """With a mean a little shorter than one.

    The cosine of a document and the mean may round to more than 1, whose angle is NaN, and then numpy refuses to draw.
    """

    def sample(self, clf: Any, dataset: Any, indices_unlabeled: Ints, *args: Any, **named: Any) -> Ints:
        """Draw `n` of the candidates."""
        n, embeddings = args[2], args[3]
        vectors = normalize(embeddings[indices_unlabeled])
        mean = normalize(vectors.mean(axis=0)[None]).ravel() * np.float32(1 - 1e-5)
        chosen: Ints = small_text.lightweight_coreset(vectors, mean, n, normalized=True)
        return chosen


class ExactIndex:
    """Stands where small-text has an HNSW index, and answers as that would, but exactly.

    HNSW built by several threads differs from run to run, and building it anew for each batch costs more than searching
    (4 s for 10,000 documents); kept from batch to batch, it would miss what a person has undone, and documents added.
    """

    def __init__(self, vectors: Floats, positions: Ints, block: int = 16_000_000) -> None:
        """Search among those `positions` of `vectors`, with at most about `block` distances in memory at one time."""
        self.positions, self.block = positions, block
        # squares beside the vectors, so that one product gives distances
        self.beside = np.column_stack([vectors[positions], (vectors[positions] ** 2).sum(axis=1)])

    def knn_query(self, queries: Floats, k: int) -> tuple[Ints, Floats]:
        """Positions (m, k) of the nearest vectors and their squared distances (m, k), in no order."""
        k = min(k, self.positions.size)
        near, distances = [], []
        for block in np.array_split(queries, math.ceil(queries.shape[0] * self.positions.size / self.block)):
            apart = np.column_stack([-2 * block, np.ones(len(block), block.dtype)]) @ self.beside.T
            found = np.argpartition(apart, k - 1, axis=1)[:, :k]
            near.append(self.positions[found])
            distances.append(np.take_along_axis(apart, found, axis=1) + (block**2).sum(axis=1)[:, None])
        return np.concatenate(near), np.concatenate(distances)


def _exact_index(embeddings: Floats, indices_unlabeled: Ints, hnsw_kwargs: Any) -> ExactIndex:
    return ExactIndex(embeddings, indices_unlabeled)


class SEALS(small_text.SEALS):  # type: ignore[misc]
    """With exact search."""

    initialize_index = staticmethod(_exact_index)


class AnchorSubsampling(small_text.AnchorSubsampling):  # type: ignore[misc]
    """With exact search, and anchors drawn from the generator that was seeded.

    small-text draws them from a fresh generator, and counts labels by a set's order, which is not that of the counts.
    """

    initialize_index = staticmethod(_exact_index)

    def _get_anchors(self, clf: Any, embeddings: Floats, indices_labeled: Ints, y: Ints) -> Ints:
        anchors = []
        for label in np.unique(y):
            positions = indices_labeled[y == label]
            count = min(positions.size, self.num_anchors)
            _, chosen = init_kmeans_plusplus_safe(embeddings[positions], count)
            anchors.append(positions[chosen])
        return np.concatenate(anchors)


class Discriminators:
    """Makes the classifiers that tell candidates from labeled documents by their vectors."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def new(self) -> Discriminator:
        """Return one that is not fitted."""
        return Discriminator(self.frame.vectors)


class Discriminator:
    """A logistic regression, as small-text asks a classifier."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = vectors
        self.regression = LogisticRegression(max_iter=1_000)

    def fit(self, train_set: Any) -> Discriminator:
        """Fit to the vectors of a part of the frame's data set."""
        self.regression.fit(self.vectors[train_set.x[:, 0]], train_set.y)
        return self

    def predict_proba(self, data_set: Any) -> npt.NDArray[Any]:
        """Probabilities (len, 2) of being labeled and of being a candidate."""
        return np.asarray(self.regression.predict_proba(self.vectors[data_set.x[:, 0]]))


def _random_sampling(frame: Frame, n: int) -> Any:
    return small_text.RandomSampling()


def _breaking_ties(frame: Frame, n: int) -> Any:
    return BreakingTies()


def _least_confidence(frame: Frame, n: int) -> Any:
    return small_text.LeastConfidence()


def _prediction_entropy(frame: Frame, n: int) -> Any:
    return PredictionEntropy()


def _embedding_kmeans(frame: Frame, n: int) -> Any:
    return small_text.EmbeddingKMeans()


def _contrastive(frame: Frame, n: int, k: int = 10) -> Any:
    return ContrastiveActiveLearning(k=k, pbar=None)


def _discriminative(frame: Frame, n: int, num_iterations: int = 10, unlabeled_factor: int = 10) -> Any:
    return small_text.DiscriminativeActiveLearning(
        Discriminators(frame), min(num_iterations, n), unlabeled_factor=unlabeled_factor, pbar=None
    )


def _greedy_coreset(frame: Frame, n: int) -> Any:
    return small_text.GreedyCoreset()


def _lightweight_coreset(frame: Frame, n: int) -> Any:
    return LightweightCoreset()


def _subsampling(frame: Frame, n: int, base: str, subsample_size: int) -> Any:
    return small_text.SubsamplingQueryStrategy(MAKE[base](frame, n), max(subsample_size, n))


# a base must be left n documents at least, which the nearest n of any one document are


def _seals(frame: Frame, n: int, base: str, k: int) -> Any:
    return SEALS(MAKE[base](frame, n), k=max(k, n))


def _anchor_subsampling(frame: Frame, n: int, base: str, subsample_size: int, num_anchors: int, k: int) -> Any:
    return AnchorSubsampling(MAKE[base](frame, n), max(subsample_size, n), num_anchors, max(k, n))


#: name without the prefix -> maker, given the frame, the number of documents wanted and the strategy's settings
MAKE: dict[str, Callable[..., Any]] = {
    "random-sampling": _random_sampling,
    "breaking-ties": _breaking_ties,
    "least-confidence": _least_confidence,
    "prediction-entropy": _prediction_entropy,
    "embedding-kmeans": _embedding_kmeans,
    "contrastive-active-learning": _contrastive,
    "discriminative-active-learning": _discriminative,
    "greedy-coreset": _greedy_coreset,
    "lightweight-coreset": _lightweight_coreset,
    "subsampling": _subsampling,
    "seals": _seals,
    "anchor-subsampling": _anchor_subsampling,
}
