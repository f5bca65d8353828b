"""What a live check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from docreview.estimates import Estimate


@dataclass(frozen=True)
class Between:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LiveCheck:
    """What the random documents of a review say. Shares from 0 to 1; None where it cannot be said."""

    #: labeled documents of the review when this was computed; those drawn at random, and those chosen
    labeled: int
    random: int
    chosen: int
    #: whether what was asked for taught the model more than as many random labels; None where it cannot be told
    helps: bool | None
    #: all of it in plain sentences
    reason: str
    #: share of random documents on which the model of then was right, with the interval of Wilson (1927)
    accuracy: Estimate | None = None
    #: over how many labels, up to now, these models and documents are spread
    over: int | None = None
    #: labels in each arm of the comparison, and how often a model is right that learned from what the review asked for
    #: first, and from random ones alone
    labels: int | None = None
    accuracy_asked: float | None = None
    accuracy_random: float | None = None
    #: of the first less the second
    difference: Between | None = None
    macro_f1_difference: Between | None = None
    #: share of labels that choosing saved, below 0 where it cost some; `tried` are the least and the most to be seen
    saved: Between | None = None
    tried: tuple[float, float] | None = None
    #: share of the target among the random and among the chosen documents, where there is a target
    target_random: Estimate | None = None
    target_chosen: Estimate | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LiveCheck:
        """The inverse of `to_json`."""
        parts: dict[str, Any] = dict(value)
        for kind, names in (
            (Estimate, ("accuracy", "target_random", "target_chosen")),
            (Between, ("difference", "macro_f1_difference", "saved")),
            (tuple, ("tried",)),
        ):
            for name in names:
                if parts[name] is not None:
                    parts[name] = tuple(parts[name]) if kind is tuple else kind(**parts[name])
        return cls(**parts)
