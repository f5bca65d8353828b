"""Strategies that ask about what a model does not know, or would learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from docreview.errors import BadSetting
from docreview_skactiveml.adapter import Ranking, Sampled, Spatial
from docreview_skactiveml.case import FEW_LABELS

if TYPE_CHECKING:
    from typing import Any

    from docreview_skactiveml.case import Array, Case

#: costs by label given (rows) and label predicted (columns), in the order of the question's labels
Costs = tuple[tuple[float, ...], ...]

#: most documents among which the expected average precision can be computed in a minute
_FEW = 50


def matrix(costs: Costs | None, case: Case) -> Any:
    """Costs as scikit-activeml takes them; raise `BadSetting` where they do not fit the question."""
    if costs is None:
        return None
    if len(costs) != case.k or any(len(row) != case.k for row in costs):
        raise BadSetting(f"setting 'cost_matrix' must have {case.k} rows of {case.k} numbers: the question's labels.")
    return [list(row) for row in costs]


@dataclass(frozen=True)
class UncertaintySampling(Ranking, Sampled):
    """The documents of which docreview's model is least sure.

    With a `cost_matrix` (rows: the true label, columns: the one predicted, in the question's order), by expected cost
    (Chen and Lin 2013): `method` ``"least_confident"`` or ``"margin_sampling"`` only. ``"expected_average_precision"``
    (Wang et al. 2018) takes time that grows with the third power of `candidates`, of which it allows 50 at most.

    Paper: Lewis and Gale 1994, A Sequential Algorithm for Training Text Classifiers.
    """

    candidates: int = 1_000_000
    method: Literal["least_confident", "margin_sampling", "entropy", "expected_average_precision"] = "least_confident"
    cost_matrix: Costs | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cost_matrix is not None and self.method not in ("least_confident", "margin_sampling"):
            raise ValueError(f"method '{self.method}' knows no costs: leave out 'cost_matrix'")
        if self.method == "expected_average_precision" and self.candidates > _FEW:
            raise ValueError(f"method '{self.method}' is for few documents: set 'candidates' to {_FEW} or less")

    def utilities(self, case: Case) -> Array:
        """How unsure docreview's own model is."""
        from docreview_skactiveml.learners import Known, pool

        strategy = pool.UncertaintySampling(
            method=self.method, cost_matrix=matrix(self.cost_matrix, case), random_state=case.seed
        )
        return case.utilities(strategy, case.numbers, clf=Known(case), fit_clf=False)


@dataclass(frozen=True)
class ProbabilisticAL(Ranking, Spatial):
    """The documents whose label would lower the expected error around them most: unsure, and few labels near by.

    docreview's model says how likely each label is, a Parzen window of `gamma` (by default the mean criterion of
    Chaudhuri et al. 2017) how many labeled documents are near. `prior` is the prior of each label, `m_max` how many
    labels ahead it looks.

    Paper: Kottke et al. 2016, Multi-Class Probabilistic Active Learning.
    """

    candidates: int = 2_000
    prior: float = 1.0
    m_max: int = 1
    gamma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, m_max=self.m_max)
        self._between(0, float("inf"), prior=self.prior, gamma=1.0 if self.gamma is None else self.gamma)

    def utilities(self, case: Case) -> Array:
        """Expected gain of accuracy for each."""
        import numpy as np

        from docreview_skactiveml.learners import Known, parzen, pool

        case = case.against_rest(FEW_LABELS, "probabilistic active learning")
        counts = (
            parzen(case, self.gamma).fit(case.vectors, case.y).predict_freq(case.vectors).sum(axis=1, keepdims=True)
        )
        # beyond that scikit-activeml divides by a beta function that is zero in floating point, and nothing is gained
        near = np.minimum(counts, 500 / np.log(case.k))
        strategy = pool.ProbabilisticAL(prior=self.prior, m_max=self.m_max, random_state=case.seed)
        gain = case.utilities(strategy, case.numbers, clf=Known(case, near * case.probabilities), fit_clf=False)
        # no label that `m_max` more could change: the rest of a subtraction says nothing about which is better
        return np.where(np.abs(gain) < 1e-12, 0.0, gain)


@dataclass(frozen=True)
class EpistemicUncertaintySampling(Ranking, Spatial):
    """The documents for which the labels near by allow either answer: doubt that a label would end, not noise.

    The labels near by are counted by a Parzen window of `gamma` (by default the mean criterion of Chaudhuri et al.
    2017), not by docreview's model. Of more than two labels, the target is set against the rest.

    Paper: Nguyen et al. 2019, Epistemic Uncertainty Sampling.
    """

    candidates: int = 1_000
    gamma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), gamma=1.0 if self.gamma is None else self.gamma)

    def utilities(self, case: Case) -> Array:
        """Epistemic uncertainty of each."""
        from docreview_skactiveml.learners import parzen, pool

        case = case.against_rest(2, "epistemic uncertainty")
        strategy = pool.EpistemicUncertaintySampling(random_state=case.seed)
        return case.utilities(strategy, case.vectors, clf=parzen(case, self.gamma))


@dataclass(frozen=True)
class MonteCarloEER(Ranking, Spatial):
    """The documents whose label, whichever it will be, leaves the lowest expected error on the rest.

    A Parzen window of `gamma` (by default the mean criterion of Chaudhuri et al. 2017) is refitted for every candidate
    and label; docreview's model is too slow for that. `method` is the loss; ``"log_loss"`` knows no `cost_matrix`
    (rows: the true label, columns: the one predicted, in the question's order).

    Paper: Roy and McCallum 2001, Toward Optimal Active Learning through Sampling Estimation of Error Reduction.
    """

    candidates: int = 150
    labeled: int = 300
    method: Literal["misclassification_loss", "log_loss"] = "misclassification_loss"
    cost_matrix: Costs | None = None
    gamma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), gamma=1.0 if self.gamma is None else self.gamma)
        if self.cost_matrix is not None and self.method == "log_loss":
            raise ValueError("method 'log_loss' knows no costs: leave out 'cost_matrix'")

    def utilities(self, case: Case) -> Array:
        """The expected error after each, negated."""
        from docreview_skactiveml.learners import pool, window

        case = case.against_rest(FEW_LABELS, "expected error reduction")
        strategy = pool.MonteCarloEER(
            method=self.method, cost_matrix=matrix(self.cost_matrix, case), random_state=case.seed
        )
        return case.utilities(strategy, case.numbers, clf=window(case, self.gamma), ignore_partial_fit=False)


@dataclass(frozen=True)
class ValueOfInformationEER(Ranking, Spatial):
    """The documents whose label is worth most: the expected cost of errors on read and unread documents falls most.

    A Parzen window of `gamma` (by default the mean criterion of Chaudhuri et al. 2017) is refitted for every candidate
    and label; docreview's model is too slow for that. `cost_matrix` has a row for each true label and a column for
    each predicted one, in the question's order. Errors are summed over the unlabeled documents (`consider_unlabeled`)
    and the labeled ones (`consider_labeled`), the candidate counted among the latter (`candidate_to_labeled`);
    `normalize` takes their mean.

    Paper: Kapoor et al. 2007, Selective Supervision: Guiding Supervised Learning with Decision-Theoretic ...
    """

    candidates: int = 100
    labeled: int = 300
    cost_matrix: Costs | None = None
    consider_unlabeled: bool = True
    consider_labeled: bool = True
    candidate_to_labeled: bool = True
    normalize: bool = False
    gamma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), gamma=1.0 if self.gamma is None else self.gamma)
        if not (self.consider_unlabeled or self.consider_labeled):
            raise ValueError("set 'consider_unlabeled' or 'consider_labeled': without both there is no error to count")

    def utilities(self, case: Case) -> Array:
        """The expected cost after each, negated."""
        from docreview_skactiveml.learners import pool, window

        case = case.against_rest(FEW_LABELS, "the value of information")
        strategy = pool.ValueOfInformationEER(
            cost_matrix=matrix(self.cost_matrix, case),
            consider_unlabeled=self.consider_unlabeled,
            consider_labeled=self.consider_labeled,
            candidate_to_labeled=self.candidate_to_labeled,
            normalize=self.normalize,
            random_state=case.seed,
        )
        return case.utilities(strategy, case.numbers, clf=window(case, self.gamma), ignore_partial_fit=False)


@dataclass(frozen=True)
class CostEmbeddingAL(Ranking, Spatial):
    """The documents whose predicted place among the labels, laid out by what confusing them costs, is far from any.

    `cost_matrix` has a row for each true label and a column for each predicted one, in the question's order; by default
    all errors cost the same. A support vector regression on the labeled documents predicts the place, in `embed_dim`
    dimensions (by default as many as there are labels).

    Paper: Huang and Lin 2016, A Novel Uncertainty Sampling Algorithm for Cost-Sensitive Multiclass Active Learning.
    """

    candidates: int = 5_000
    labeled: int = 1_000
    cost_matrix: Costs | None = None
    embed_dim: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, embed_dim=1 if self.embed_dim is None else self.embed_dim)

    def utilities(self, case: Case) -> Array:
        """Distance of each to the nearest label."""
        from docreview_skactiveml.learners import SeededSVR, pool

        case = case.against_rest(FEW_LABELS, "cost embedding")
        strategy = pool.CostEmbeddingAL(
            classes=list(range(case.k)),
            base_regressor=SeededSVR(),
            cost_matrix=matrix(self.cost_matrix, case),
            embed_dim=self.embed_dim,
            random_state=case.seed,
        )
        return case.utilities(strategy, case.vectors)


@dataclass(frozen=True)
class ContrastiveAL(Ranking, Spatial):
    """The documents that docreview's model judges unlike the labeled documents nearest to them.

    `n_neighbors` nearest labeled documents are compared, by the divergence of the probabilities.

    Paper: Margatina et al. 2021, Active Learning by Acquiring Contrastive Examples.
    """

    candidates: int = 10_000
    n_neighbors: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, n_neighbors=self.n_neighbors)

    def utilities(self, case: Case) -> Array:
        """Mean divergence of each from its labeled neighbors."""
        from docreview_skactiveml.learners import Known, pool

        strategy = pool.ContrastiveAL(
            nearest_neighbors_dict={"n_neighbors": self.n_neighbors},
            clf_embedding_flag_name="vectors",
            random_state=case.seed,
        )
        return case.utilities(strategy, case.numbers, clf=Known(case), fit_clf=False)


@dataclass(frozen=True)
class Quire(Ranking, Spatial):
    """The documents that are informative and representative at once, by a min-max bound on a kernel classifier.

    `lmbda` regularizes, `gamma` is the width of the Gaussian kernel. Time grows with the third power of `candidates`.

    Paper: Huang et al. 2010, Active Learning by Querying Informative and Representative Examples.
    """

    candidates: int = 200
    labeled: int = 300
    lmbda: float = 1.0
    gamma: float = 1.0

    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._between(0, float("inf"), lmbda=self.lmbda, gamma=self.gamma)

    def utilities(self, case: Case) -> Array:
        """The bound for each, negated."""
        from docreview_skactiveml.learners import pool

        case = case.against_rest(FEW_LABELS, "QUIRE")
        strategy = pool.Quire(
            classes=list(range(case.k)), lmbda=self.lmbda, metric_dict={"gamma": self.gamma}, random_state=case.seed
        )
        return case.utilities(strategy, case.vectors)
