"""Stopping rules: deterministic functions of the state.

Most prove nothing: they say what they saw. Each says in its description what it guarantees, and on what condition. A
rule that cannot be asked of a question (it needs a target) raises `BadSetting`.
"""

from __future__ import annotations

from docreview.hookspecs import Register, hookimpl
from docreview.stopping_rules.combined import AllRules, AlphaSpending, AnyRule
from docreview.stopping_rules.model import ChangeInF, DiminishingReturns, OverallUncertainty, Quant, TargetReached
from docreview.stopping_rules.reading import Buscar, ConsecutiveMisses, Knee, SequentialBuscar
from docreview.stopping_rules.samples import QBCB, ConfidenceSequence, RecallBound, TargetSet
from docreview.stopping_rules.simple import Budget, Never, PoolExhausted

__all__ = [
    "QBCB",
    "AllRules",
    "AlphaSpending",
    "AnyRule",
    "Budget",
    "Buscar",
    "ChangeInF",
    "ConfidenceSequence",
    "ConsecutiveMisses",
    "DiminishingReturns",
    "Knee",
    "Never",
    "OverallUncertainty",
    "PoolExhausted",
    "Quant",
    "RecallBound",
    "SequentialBuscar",
    "TargetReached",
    "TargetSet",
    "register_stopping_rules",
]


@hookimpl
def register_stopping_rules(register: Register) -> None:
    """Register docreview's own stopping rules."""
    register("budget", Budget)
    register("target-reached", TargetReached)
    register("diminishing-returns", DiminishingReturns)
    register("overall-uncertainty", OverallUncertainty)
    register("change-in-f", ChangeInF)
    register("quant", Quant)
    register("consecutive-misses", ConsecutiveMisses)
    register("knee", Knee)
    register("buscar", Buscar)
    register("sequential-buscar", SequentialBuscar)
    register("qbcb", QBCB)
    register("target-set", TargetSet)
    register("recall-bound", RecallBound)
    register("confidence-sequence", ConfidenceSequence)
    register("pool-exhausted", PoolExhausted)
    register("never", Never)
    register("any", AnyRule)
    register("all", AllRules)
    register("alpha-spending", AlphaSpending)
