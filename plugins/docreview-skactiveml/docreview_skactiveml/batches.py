"""Strategies that look for doubtful documents unlike each other: uncertainty and diversity in one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from docreview_skactiveml.adapter import Sampled, Spatial

if TYPE_CHECKING:
    from docreview.types import Ints
    from docreview_skactiveml.case import Array, Case


@dataclass(frozen=True)
class Badge(Spatial):
    """Documents whose labels would move the model far, in different directions: k-means++ on gradients.

    The gradient is that of the last layer of a network whose probabilities are those of docreview's model.

    Paper: Ash et al. 2020, Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds.
    """

    candidates: int = 5_000

    def width(self, k: int, dimensions: int) -> int:
        """The gradient, and its square."""
        return 2 * k * dimensions

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are the probabilities with which each was drawn at its turn."""
        from docreview_skactiveml.learners import Known, pool

        strategy = pool.Badge(clf_embedding_flag_name="vectors", random_state=case.seed)
        return case.query(strategy, case.numbers, n, clf=Known(case), fit_clf=False)


@dataclass(frozen=True)
class Clue(Spatial):
    """The documents nearest to the centers of clusters in which doubtful documents weigh more.

    `method` measures the doubt of docreview's model.

    Paper: Prabhu et al. 2021, Active Domain Adaptation via Clustering Uncertainty-Weighted Embeddings.
    """

    candidates: int = 5_000
    method: Literal["least_confident", "margin_sampling", "entropy"] = "entropy"

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are distances to the center, negated."""
        from docreview_skactiveml.learners import Known, pool

        strategy = pool.Clue(
            predict_dict={"vectors": True},
            method=self.method,
            cluster_algo_dict={"random_state": case.seed},
            random_state=case.seed,
        )
        return case.query(strategy, case.numbers, n, estimator=Known(case), fit_estimator=False)


@dataclass(frozen=True)
class DropQuery(Spatial):
    """Documents whose predicted label changes when features are dropped, one from each of their clusters.

    A logistic regression (inverse strength of regularization `C`) on the dense view predicts, `n_dropout_samples` times
    with a share `dropout_rate` of the features set to zero; docreview's own model cannot be asked about such vectors.

    Paper: Gupte et al. 2024, Revisiting Active Learning in the Era of Vision Foundation Models.
    """

    candidates: int = 5_000
    dropout_rate: float = 0.75
    n_dropout_samples: int = 5
    C: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, 1, dropout_rate=self.dropout_rate)
        self._between(0, float("inf"), C=self.C)
        self._at_least(3, n_dropout_samples=self.n_dropout_samples)

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are distances to the center of the cluster, negated."""
        from docreview_skactiveml.learners import logistic, pool

        strategy = pool.DropQuery(
            dropout_rate=self.dropout_rate,
            n_dropout_samples=self.n_dropout_samples,
            cluster_algo_dict={"random_state": case.seed},
            random_state=case.seed,
        )
        return case.query(strategy, case.vectors, n, clf=logistic(case, self.C))


@dataclass(frozen=True)
class Falcun(Sampled):
    """Doubtful documents whose probabilities differ from each other's, drawn at random; `gamma` sharpens the draw.

    It looks at the probabilities of docreview's model only.

    Paper: Gilhuber et al. 2024, FALCUN: A Simple and Efficient Deep Active Learning Strategy.
    """

    candidates: int = 50_000
    gamma: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(0, gamma=self.gamma)

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are the probabilities with which each was drawn at its turn."""
        from docreview_skactiveml.learners import Known, pool

        strategy = pool.Falcun(gamma=self.gamma, random_state=case.seed)
        return case.query(strategy, case.numbers, n, clf=Known(case), fit_clf=False)


@dataclass(frozen=True)
class FourDs(Spatial):
    """Distance to the decision boundary, density, diversity and the mixture's distribution, weighed in turn.

    The classifier is a mixture of `components` Gaussians with diagonal covariances, fitted on labeled and unlabeled
    documents. `lmbda` (0 to 1) weighs diversity; by default it grows with the batch.

    Paper: Reitmaier and Sick 2013, Let Us Know Your Decision: Pool-Based Active Training of a Generative Classifier.
    """

    candidates: int = 5_000
    labeled: int = 500
    components: int = 10
    lmbda: float | None = None

    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(2, components=self.components)
        if self.lmbda is not None and not 0 <= self.lmbda <= 1:
            raise ValueError(f"setting 'lmbda' must lie between 0 and 1, got {self.lmbda}")

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are the weighed sums."""
        from docreview_skactiveml.learners import mixture, pool

        strategy = pool.FourDs(lmbda=self.lmbda, random_state=case.seed)
        return case.query(strategy, case.vectors, n, clf=mixture(case, self.components))
