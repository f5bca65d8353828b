"""Stopping rules that count what was read: a budget, everything, never."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.stopping_rules.common import at_least
from docreview.types import StopDecision

if TYPE_CHECKING:
    from docreview.types import ReviewState, Scalar


@dataclass(frozen=True)
class Budget:
    """Stop once `labels` documents have been read, skipped ones included."""

    labels: int

    def __post_init__(self) -> None:
        at_least(1, labels=self.labels)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Compare the documents read with the budget."""
        read = state.read
        evidence: dict[str, Scalar] = {"read": read, "budget": self.labels}
        if read >= self.labels:
            return StopDecision(True, f"The budget of {self.labels} documents has been read ({read}).", evidence)
        return StopDecision(False, f"{read} of the budget of {self.labels} documents have been read.", evidence)


@dataclass(frozen=True)
class PoolExhausted:
    """Stop once every document that may be asked about has been answered."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Look at the pool."""
        left = int(state.pool.size)
        if not left:
            return StopDecision(True, "Every document has been read.", {"left": 0})
        return StopDecision(
            False, f"{left} {'document is' if left == 1 else 'documents are'} left to read.", {"left": left}
        )


@dataclass(frozen=True)
class Never:
    """Leave the decision to the reviewer."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def check(self, state: ReviewState) -> StopDecision:
        """Say no."""
        return StopDecision(False, "No stopping rule is set: the reviewer decides.", {})
