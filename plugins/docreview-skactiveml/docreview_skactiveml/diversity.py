"""Strategies that cover the corpus: they ask no model, and so before the first label too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docreview.types import Selection
from docreview_skactiveml.adapter import Spatial, Strategy

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Ints, ReviewState
    from docreview_skactiveml.case import Array, Case


@dataclass(frozen=True)
class RandomSampling(Strategy):
    """Any document, each as likely; every one's draw probability is n / pool."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Draw without replacement."""
        import numpy as np

        from docreview_skactiveml.learners import pool

        chosen, _ = case.query(pool.RandomSampling(random_state=case.seed), case.numbers, n)
        return chosen, np.full(chosen.size, np.nan)

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw, and say how likely each was to be drawn."""
        import numpy as np

        rows = super().select(state, n, rng).rows
        share = rows.size / max(state.candidates.size, 1)
        return Selection(rows, probabilities=np.full(rows.size, share, np.float32))


@dataclass(frozen=True)
class _Covering(Spatial):
    needs: ClassVar[frozenset[str]] = frozenset()
    covers: ClassVar[bool] = True


@dataclass(frozen=True)
class CoreSet(_Covering):
    """One by one the document that is farthest from all that are labeled or chosen (greedy k-center).

    Paper: Sener and Savarese 2018, Active Learning for Convolutional Neural Networks: A Core-Set Approach.
    """

    candidates: int = 10_000

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are distances to the nearest labeled or chosen document."""
        from docreview_skactiveml.learners import pool

        return case.query(pool.CoreSet(random_state=case.seed), case.vectors, n)


@dataclass(frozen=True)
class GreedySamplingX(_Covering):
    """One by one the document that is farthest from all that are labeled or chosen, the first in the middle.

    Published for regression; it looks at no target, and so serves any question.

    Paper: Wu et al. 2019, Active Learning for Regression Using Greedy Sampling.
    """

    candidates: int = 2_000
    labeled: int = 500

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are distances to the nearest labeled or chosen document."""
        from docreview_skactiveml.learners import pool

        return case.query(pool.GreedySamplingX(random_state=case.seed), case.vectors, n)


@dataclass(frozen=True)
class TypiClust(_Covering):
    """The most typical document of each of the largest clusters that hold no labeled one.

    There are as many clusters (k-means) as labeled documents and documents to choose. A document is typical where its
    `k` nearest neighbors in the cluster are near.

    Paper: Hacohen et al. 2022, Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets.
    """

    candidates: int = 2_000
    labeled: int = 300
    k: int = 5

    #: a hundred clusters more, and k-means takes a minute
    most: ClassVar[int] = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, k=self.k)

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are typicalities."""
        from docreview_skactiveml.learners import pool

        return case.query(pool.TypiClust(k=self.k, random_state=case.seed), case.vectors, n)


@dataclass(frozen=True)
class ProbCover(_Covering):
    """One by one the document that has most others, not covered yet, within a radius.

    The radius is the largest of `deltas` (by default 0.2, 0.4 ... 2; euclidean distances between unit vectors) within
    which a share `alpha` of documents has only documents of its own cluster (k-means, as many as the question has
    labels) around it.

    Paper: Yehuda et al. 2022, Active Learning Through a Covering Lens.
    """

    candidates: int = 2_000
    labeled: int = 500
    alpha: float = 0.95
    deltas: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, 1, alpha=self.alpha)
        if self.deltas is not None:
            self._at_least(1, deltas=len(self.deltas))
            self._at_least(0, deltas=min(self.deltas))

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are numbers of documents newly covered."""
        from docreview_skactiveml.learners import pool

        strategy = pool.ProbCover(
            n_classes=case.k,
            deltas=None if self.deltas is None else list(self.deltas),
            alpha=self.alpha,
            random_state=case.seed,
        )
        return case.query(strategy, case.vectors, n)


@dataclass(frozen=True)
class MaxHerding(_Covering):
    """One by one the document that brings all others nearest to what is labeled or chosen, on the mean.

    Nearness is a Gaussian kernel of `gamma`.

    Paper: Bae et al. 2024, Generalized Coverage for More Robust Low-Budget Active Learning.
    """

    candidates: int = 2_000
    gamma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), gamma=self.gamma)

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are the mean gains of nearness."""
        from docreview_skactiveml.learners import pool

        strategy = pool.MaxHerding(metric="rbf", metric_dict={"gamma": self.gamma}, random_state=case.seed)
        return case.query(strategy, case.vectors, n)


@dataclass(frozen=True)
class DiscriminativeAL(_Covering):
    """The documents that a classifier can tell best from the labeled ones, whatever their labels.

    The classifier is a logistic regression (inverse strength of regularization `C`), refitted after each choice, or,
    with `greedy_selection`, fitted once.

    Paper: Gissin and Shalev-Shwartz 2019, Discriminative Active Learning.
    """

    candidates: int = 2_000
    labeled: int = 500
    greedy_selection: bool = False
    C: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), C=self.C)

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Scores are probabilities of being unlike the labeled documents."""
        from docreview_skactiveml.learners import logistic, pool

        strategy = pool.DiscriminativeAL(greedy_selection=self.greedy_selection, random_state=case.seed)
        return case.query(strategy, case.vectors, n, discriminator=logistic(case, self.C, [0, 1]))
