"""Which names of ``skactiveml.pool`` are served, under which name, and why the others are not."""

from __future__ import annotations

import re
from typing import Any

from docreview_skactiveml import batches, committees, diversity, uncertainty


def kebab(name: str) -> str:
    """``MonteCarloEER`` as ``monte-carlo-eer``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


#: registered name -> factory; each class has the name of scikit-activeml's
SERVED: dict[str, type[Any]] = {
    f"skactiveml-{kebab(strategy.__name__)}": strategy
    for strategy in (
        batches.Badge,
        batches.Clue,
        batches.DropQuery,
        batches.Falcun,
        batches.FourDs,
        committees.BatchBALD,
        committees.GreedyBALD,
        committees.QueryByCommittee,
        diversity.CoreSet,
        diversity.DiscriminativeAL,
        diversity.GreedySamplingX,
        diversity.MaxHerding,
        diversity.ProbCover,
        diversity.RandomSampling,
        diversity.TypiClust,
        uncertainty.ContrastiveAL,
        uncertainty.CostEmbeddingAL,
        uncertainty.EpistemicUncertaintySampling,
        uncertainty.MonteCarloEER,
        uncertainty.ProbabilisticAL,
        uncertainty.Quire,
        uncertainty.UncertaintySampling,
        uncertainty.ValueOfInformationEER,
    )
}

#: classes and modules of strategies that are not served -> why
NOT_SERVED: dict[str, str] = {
    "ExpectedErrorReduction": "abstract: MonteCarloEER and ValueOfInformationEER are its two forms, and are served",
    "ExpectedModelChangeMaximization": "regression only: needs a regressor, and documents carry labels, not numbers",
    "ExpectedModelOutputChange": "regression only: needs a probabilistic regressor",
    "ExpectedModelVarianceReduction": "regression only: needs a probabilistic regressor",
    "GreedySamplingTarget": "regression only: needs a regressor; GreedySamplingX, which needs none, is served",
    "KLDivergenceMaximization": "regression only: needs a probabilistic regressor",
    "ParallelUtilityEstimationWrapper": "no strategy: spreads another one over processes, for batches of one only",
    "RegressionTreeBasedAL": "regression only: needs a regression tree",
    "SubSamplingWrapper": "no strategy: another one on a random part of the pool, which the setting 'candidates' does",
    "multiannotator": (
        "IntervalEstimationThreshold and SingleAnnotatorWrapper also choose who is asked, which is for docreview's "
        "users to decide; IntervalEstimationAnnotModel is a model of annotators"
    ),
}

#: functions and modules that strategies are made of
HELPERS: frozenset[str] = frozenset(
    {
        "average_kl_divergence",
        "batch_bald",
        "cost_reduction",
        "expected_average_precision",
        "k_greedy_center",
        "uncertainty_scores",
        "utils",
        "variation_ratios",
        "vote_entropy",
    }
)
