"""Oracles that answer by themselves, for simulation. The person at the terminal is one too: see `docreview.cli`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from docreview.contracts import ask, component_of
from docreview.errors import UnknownDocument
from docreview.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np

    from docreview.hookspecs import Register
    from docreview.types import Document, Oracle, Question


@dataclass(frozen=True)
class KnownLabels:
    """Answers from labels known beforehand, by document id.

    `missing` says what becomes of a document whose label is not known: ``"error"`` or ``"skip"`` (answered None).
    """

    labels: Mapping[str, str | None]
    missing: Literal["error", "skip"] = "error"

    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        """Look each document up; raise `UnknownDocument` or `UnknownLabel`."""
        answers: list[str | None] = []
        for document in documents:
            if document.id not in self.labels and self.missing == "error":
                raise UnknownDocument(
                    f"no label is known for document '{document.id}'; give it one, or set missing = \"skip\"."
                )
            answer = self.labels.get(document.id)
            if answer is not None:
                question.index(answer)
            answers.append(answer)
        return answers


@dataclass(frozen=True)
class Noisy:
    """Another oracle's answers with mistakes in them.

    `flip` is the chance that an answer is replaced by one of the other labels, each as likely. `confusion` gives
    instead, for each true label, the chance of each answer: ``{"relevant": {"relevant": 0.9, "other": 0.1}}``; a label
    that it does not name is answered truly. Only one of the two may be set. Seeded by the caller's generator.
    """

    oracle: Oracle
    flip: float = 0.0
    confusion: Mapping[str, Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.flip <= 1:
            raise ValueError(f"setting 'flip' must lie between 0 and 1, got {self.flip}")
        if self.flip and self.confusion:
            raise ValueError("set 'flip' or 'confusion', not both")
        for label, row in (self.confusion or {}).items():
            if any(p < 0 for p in row.values()) or abs(sum(row.values()) - 1) > 1e-6:
                raise ValueError(f"setting 'confusion': the chances for '{label}' must sum to 1, got {dict(row)}")

    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        """Answer as the wrapped oracle does, then err; None stays None."""
        truth = ask(component_of(self.oracle, "oracles"), documents, question, rng)
        return [None if answer is None else self._err(answer, question, rng) for answer in truth]

    def _err(self, answer: str, question: Question, rng: np.random.Generator) -> str:
        if self.confusion is None:
            others = [label for label in question.labels if label != answer]
            return others[int(rng.integers(len(others)))] if rng.random() < self.flip else answer
        row = self.confusion.get(answer, {answer: 1.0})
        for label in row:
            question.index(label)
        chances = list(row.values())
        return list(row)[int(rng.choice(len(chances), p=[p / sum(chances) for p in chances]))]


@hookimpl
def register_oracles(register: Register) -> None:
    """Register docreview's own oracles."""
    register("known-labels", KnownLabels)
    register("noisy", Noisy)
