"""Stopping rules made of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from docreview.contracts import component_of, decide
from docreview.registry import carry_over
from docreview.stopping_rules.common import a_share, at_least
from docreview.types import StopDecision

if TYPE_CHECKING:
    from docreview.types import ReviewState, Scalar, StoppingRule


@dataclass(frozen=True)
class _Combined:
    stopping_rules: tuple[StoppingRule, ...]

    def __post_init__(self) -> None:
        _check_rules(self.stopping_rules)

    @property
    def needs(self) -> frozenset[str]:
        """All that any of the rules needs."""
        return frozenset().union(*(rule.needs for rule in self.stopping_rules))

    def _decisions(self, state: ReviewState) -> list[StopDecision]:
        return [decide(component_of(rule, "stopping_rules"), state) for rule in self.stopping_rules]


@dataclass(frozen=True)
class AnyRule(_Combined):
    """Stop once one of the rules says so."""

    def check(self, state: ReviewState) -> StopDecision:
        """Ask every rule; the reasons of those that say stop, or of all where none does."""
        decisions = self._decisions(state)
        told = [d for d in decisions if d.stop] or decisions
        return StopDecision(any(d.stop for d in decisions), " ".join(d.reason for d in told), _evidence(decisions))


@dataclass(frozen=True)
class AllRules(_Combined):
    """Stop once all of the rules say so."""

    def check(self, state: ReviewState) -> StopDecision:
        """Ask every rule; the reasons of those that do not say stop yet, or of all where every one does."""
        decisions = self._decisions(state)
        told = [d for d in decisions if not d.stop] or decisions
        return StopDecision(all(d.stop for d in decisions), " ".join(d.reason for d in told), _evidence(decisions))


@dataclass(frozen=True)
class AlphaSpending:
    """Ask a test that is good for one look at every round, at levels that add up to `alpha`.

    In round j the rule is asked at level ``alpha / (j (j + 1))``; with `looks`, at ``alpha / looks`` in each of the
    first so many rounds, and never after. Guarantee: if one look at the rule at level a stops wrongly with probability
    at most a, all looks together do with at most `alpha` (union bound; Lan and DeMets 1983 spend it so), one look a
    round. It mends the many looks and nothing else: a rule that is not valid for one look stays so. The rule must
    have a method ``at_level(alpha)`` that returns it at another level, as `buscar` and `recall-bound` have.

    Paper: Lan and DeMets 1983, Discrete sequential boundaries for clinical trials.
    """

    stopping_rule: StoppingRule
    alpha: float = 0.05
    looks: int | None = None

    def __post_init__(self) -> None:
        a_share(below_one=True, alpha=self.alpha)
        if self.looks is not None:
            at_least(1, looks=self.looks)
        if not isinstance(self.stopping_rule, _HasLevel):
            raise ValueError("setting 'stopping_rule' must be a rule with a level, such as 'buscar' or 'recall-bound'")

    @property
    def needs(self) -> frozenset[str]:
        """What the rule needs."""
        return self.stopping_rule.needs

    def check(self, state: ReviewState) -> StopDecision:
        """Ask the rule at this round's level."""
        assert isinstance(self.stopping_rule, _HasLevel), "checked when made"
        look = max(state.round - 1, 1)  # the state's round is the one to come
        if self.looks is not None and look > self.looks:
            return StopDecision(False, f"All {self.looks} looks have been used.", {"look": look, "level": 0.0})
        level = self.alpha / (look * (look + 1) if self.looks is None else self.looks)
        rule = carry_over(self.stopping_rule, self.stopping_rule.at_level(level))
        decision = decide(component_of(rule, "stopping_rules"), state)
        evidence: dict[str, Scalar] = {"look": look, "level": level}
        return StopDecision(decision.stop, decision.reason, evidence | dict(decision.evidence))


@runtime_checkable
class _HasLevel(Protocol):
    @property
    def needs(self) -> frozenset[str]: ...

    def at_level(self, alpha: float) -> StoppingRule: ...


def _check_rules(rules: object) -> None:
    if not isinstance(rules, tuple | list) or not all(hasattr(rule, "check") for rule in rules):
        raise ValueError(f"setting 'stopping_rules' must be a list of rules, each a name or a table, got {rules!r}")
    if not rules:
        raise ValueError("setting 'stopping_rules' must name at least one rule")


def _evidence(decisions: list[StopDecision]) -> dict[str, Scalar]:
    """Each rule's numbers under its place among the rules, from 1: ``"2.read"``."""
    return {f"{i}.{key}": value for i, d in enumerate(decisions, 1) for key, value in d.evidence.items()}
