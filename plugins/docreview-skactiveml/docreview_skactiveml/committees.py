"""Strategies that ask where the members of a committee disagree.

docreview has one model, so the committee is made here: logistic regressions on the dense view, each fitted on the
labeled documents under random weights of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from docreview_skactiveml.adapter import Ranking, Spatial

if TYPE_CHECKING:
    from docreview.types import Ints
    from docreview_skactiveml.case import Array, Case


@dataclass(frozen=True)
class _Committee(Spatial):
    candidates: int = 20_000
    members: int = 10
    C: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(2, members=self.members)
        self._between(0, float("inf"), C=self.C)

    def width(self, k: int, dimensions: int) -> int:
        """Probabilities of each member."""
        return self.members * k + dimensions


@dataclass(frozen=True)
class QueryByCommittee(Ranking, _Committee):
    """The documents on which the members of a committee disagree most.

    The committee is `members` logistic regressions (inverse strength of regularization `C`) on the dense view, each
    fitted under random weights of its own (Bayesian bootstrap). `method` measures how they differ.

    Paper: Seung et al. 1992, Query by Committee.
    """

    method: Literal["KL_divergence", "vote_entropy", "variation_ratios"] = "KL_divergence"

    def utilities(self, case: Case) -> Array:
        """Disagreement about each."""
        from docreview_skactiveml.learners import committee, pool

        strategy = pool.QueryByCommittee(method=self.method, random_state=case.seed)
        return case.utilities(
            strategy, case.vectors, ensemble=committee(case, self.members, self.C), fit_ensemble=False
        )


@dataclass(frozen=True)
class GreedyBALD(Ranking, _Committee):
    """The documents of which the committee is unsure while its members are sure, each in its own way.

    The committee is `members` logistic regressions (inverse strength of regularization `C`) on the dense view, each
    fitted under random weights of its own (Bayesian bootstrap).

    Paper: Houlsby et al. 2011, Bayesian Active Learning for Classification and Preference Learning.
    """

    def utilities(self, case: Case) -> Array:
        """What the label of each would tell about which member is right, in nats."""
        from docreview_skactiveml.learners import committee, pool

        strategy = pool.GreedyBALD(random_state=case.seed)
        return case.utilities(
            strategy, case.vectors, ensemble=committee(case, self.members, self.C), fit_ensemble=False
        )


@dataclass(frozen=True)
class BatchBALD(_Committee):
    """The batch that together tells most about which member of a committee is right; alike documents tell it once.

    The committee is `members` logistic regressions (inverse strength of regularization `C`) on the dense view, each
    fitted under random weights of its own (Bayesian bootstrap). `monte_carlo_samples` answers to the batch are sampled
    once it has more than that many combinations. A batch of more than 50 is chosen 50 at a time. No scores: the
    information is that of the whole batch so far.

    Paper: Kirsch et al. 2019, BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian Active Learning.
    """

    candidates: int = 1_000
    monte_carlo_samples: int = 100

    #: more, and the probability of the sampled answers is zero in floating point
    most: ClassVar[int] = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(self.members, monte_carlo_samples=self.monte_carlo_samples)

    def width(self, k: int, dimensions: int) -> int:
        """Probabilities of each member, and of each sampled answer to the batch."""
        return (self.members + self.monte_carlo_samples) * k + dimensions

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Take one by one what adds most."""
        import numpy as np

        from docreview_skactiveml.learners import committee, pool

        strategy = pool.BatchBALD(n_MC_samples=self.monte_carlo_samples, random_state=case.seed)
        ensemble = committee(case, self.members, self.C)
        chosen, _ = case.query(strategy, case.vectors, n, ensemble=ensemble, fit_ensemble=False)
        return chosen, np.full(chosen.size, np.nan)
