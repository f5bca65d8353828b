"""A docreview plugin that learns from what lies near: nearest neighbors, spreading along the graph, and SetFit.

Importing it stays light: scikit-learn, scipy and SetFit load when a component is made or fitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docreview
from docreview_neighbors.fewshot import SetFit
from docreview_neighbors.spreading import Spreading

if TYPE_CHECKING:
    from docreview.hookspecs import Register

__version__ = "0.1.0"

#: the version of docreview's plugin API that this plugin was written for
docreview_api = 1


def nearest_neighbors(k: int = 50, temperature: float = 0.1) -> Any:
    """Nearest neighbors: the `k` most similar labeled rows vote, each with exp(cosine / `temperature`).

    Nothing is fitted, so a label of one document is usable at once. See `docreview_neighbors.nearest`.

    Paper: Cover and Hart 1967, Nearest neighbor pattern classification.
    """
    from docreview_neighbors.nearest import NearestNeighbors

    if k < 1:
        raise ValueError(f"setting 'k' must be at least 1, got {k}")
    if not temperature > 0:
        raise ValueError(f"setting 'temperature' must be greater than 0, got {temperature}")
    return NearestNeighbors(k=k, temperature=temperature)


@docreview.hookimpl
def register_classifiers(register: Register) -> None:
    """Register the classifier."""
    register("nearest-neighbors", nearest_neighbors)


@docreview.hookimpl
def register_models(register: Register) -> None:
    """Register the models."""
    register("spreading", Spreading)
    register("setfit", SetFit)
