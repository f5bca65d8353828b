"""Query strategies: what to ask next. All choose from `state.candidates`; ties are broken by the generator."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.query_strategies.common import best
from docreview.query_strategies.density import DensityMMR, local_density, mmr, mutual_density
from docreview.query_strategies.simple import MostRelevant, Random
from docreview.query_strategies.uncertainty import Entropy, LeastConfidence, Margin, informativeness

__all__ = [
    "DensityMMR",
    "Entropy",
    "LeastConfidence",
    "Margin",
    "MostRelevant",
    "Random",
    "best",
    "informativeness",
    "local_density",
    "mmr",
    "mutual_density",
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
