"""Query strategies: what to ask next. All choose from `state.candidates`; ties are broken by the generator."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.query_strategies.change import Badge, ExpectedGradientLength
from docreview.query_strategies.clusters import KMeans, MarginKMeans, TypiClust
from docreview.query_strategies.cold_start import FromWords
from docreview.query_strategies.committees import KLDivergence, VoteEntropy
from docreview.query_strategies.common import best
from docreview.query_strategies.density import DensityMMR, InformationDensity, local_density, mmr, mutual_density
from docreview.query_strategies.diversity import FacilityLocation, KCenter
from docreview.query_strategies.laplace import Laplace
from docreview.query_strategies.mixture import Mixture
from docreview.query_strategies.novelty import Discriminative, DropQuery
from docreview.query_strategies.prefilter import prefilter_recall
from docreview.query_strategies.rare import AnchorAL, ClassBalanced, Seals, pool_recall
from docreview.query_strategies.simple import MostRelevant, Random
from docreview.query_strategies.uncertainty import Entropy, LeastConfidence, Margin, informativeness

__all__ = [
    "AnchorAL",
    "Badge",
    "ClassBalanced",
    "DensityMMR",
    "Discriminative",
    "DropQuery",
    "Entropy",
    "ExpectedGradientLength",
    "FacilityLocation",
    "FromWords",
    "InformationDensity",
    "KCenter",
    "KLDivergence",
    "KMeans",
    "Laplace",
    "LeastConfidence",
    "Margin",
    "MarginKMeans",
    "Mixture",
    "MostRelevant",
    "Random",
    "Seals",
    "TypiClust",
    "VoteEntropy",
    "best",
    "informativeness",
    "local_density",
    "mmr",
    "mutual_density",
    "pool_recall",
    "prefilter_recall",
    "register_query_strategies",
]


@hookimpl
def register_query_strategies(register: Register) -> None:
    """Register docreview's own query strategies."""
    register("random", Random)
    register("most-relevant", MostRelevant)
    register("least-confidence", LeastConfidence)
    register("margin", Margin)
    register("entropy", Entropy)
    register("density-mmr", DensityMMR)
    register("information-density", InformationDensity)
    register("k-means", KMeans)
    register("typiclust", TypiClust)
    register("margin-k-means", MarginKMeans)
    register("k-center", KCenter)
    register("facility-location", FacilityLocation)
    register("class-balanced", ClassBalanced)
    register("seals", Seals)
    register("anchor-al", AnchorAL)
    register("from-words", FromWords)
    register("mixture", Mixture)
    register("vote-entropy", VoteEntropy)
    register("kl-divergence", KLDivergence)
    register("expected-gradient-length", ExpectedGradientLength)
    register("badge", Badge)
    register("laplace", Laplace)
    register("drop-query", DropQuery)
    register("discriminative", Discriminative)
