"""Models: from labels to scores and probabilities for every document."""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.models.late_fusion import Fused, LateFusion, assign_folds
from docreview.models.parts import balanced

__all__ = ["Fused", "LateFusion", "assign_folds", "balanced", "register_models"]


@hookimpl
def register_models(register: Register) -> None:
    """Register docreview's own models."""
    register("late-fusion", LateFusion)
