"""Checks what components return: the one place where a plugin is blamed, by name, component, rule and round.

Nothing is repaired here. A component that breaks its protocol stops the run before the run can lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from docreview.errors import ContractViolation
from docreview.types import Explains, Fitted, Selection, StopDecision

if TYPE_CHECKING:
    from docreview.registry import Registration
    from docreview.types import Document, Floats, Question, ReviewState


@dataclass(frozen=True)
class Component:
    """A component at work: the object, and the registration that says whose it is."""

    value: Any
    registration: Registration

    @property
    def name(self) -> str:
        """The registered name."""
        return self.registration.name

    def describe(self) -> dict[str, str]:
        """What the record keeps of it."""
        entry = self.registration
        return {"name": entry.name, "plugin": entry.plugin, "version": entry.version, "settings": repr(self.value)}


def blame(component: Component, round_: int, rule: str) -> NoReturn:
    """Stop with one line that names the culprit."""
    raise ContractViolation(f"{component.registration.label} broke its contract in round {round_}: {rule}.")


def check_selection(component: Component, selection: object, state: ReviewState, n: int) -> Selection:
    """Return the selection in standard types; its rows must be distinct candidates, min(n, pool) of them."""
    import numpy as np

    wrong = _Blame(component, state.round)
    if not isinstance(selection, Selection):
        wrong(f"it must return a Selection, got {type(selection).__name__}")
    rows = np.asarray(selection.rows)
    if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
        wrong(f"rows must be a 1-d array of whole numbers, got {rows.dtype} of shape {rows.shape}")
    rows = rows.astype(np.int64)
    expected = min(n, state.candidates.size)
    if rows.size != expected:
        wrong(f"asked for {expected} rows, it returned {rows.size}")
    if np.unique(rows).size != rows.size:
        wrong("it returned a row twice")
    outside = rows[~np.isin(rows, state.candidates)]
    if outside.size:
        wrong(f"row {outside[0]} is not among the candidates")
    scores = np.full(rows.size, np.nan, np.float32) if selection.scores is None else np.asarray(selection.scores)
    drawn = np.ones(rows.size, np.float32) if selection.probabilities is None else np.asarray(selection.probabilities)
    for name, values in (("scores", scores), ("probabilities", drawn)):
        if values.shape != rows.shape:
            wrong(f"{name} must have one value a row, got shape {values.shape} for {rows.size} rows")
    if selection.scores is not None and not np.isfinite(scores).all():
        wrong("scores must be finite")
    if not ((drawn > 0) & (drawn <= 1)).all():
        wrong("probabilities of being drawn must lie in (0, 1]")
    return Selection(rows, scores.astype(np.float32), drawn.astype(np.float32))


class CheckedFitted:
    """A fitted model whose scores and probabilities are checked when they are first asked for."""

    def __init__(self, component: Component, fitted: Fitted, state: ReviewState) -> None:
        self._component, self._fitted = component, fitted
        self._shape = (state.n, len(state.question.labels))
        self._wrong = _Blame(component, state.round)

    @cached_property
    def scores(self) -> Floats:
        """Ranking scores (n, k)."""
        return self._array("scores", self._fitted.scores)

    @cached_property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k)."""
        import numpy as np

        values = self._array("probabilities", self._fitted.probabilities)
        if values.size and (values.min() < 0 or np.abs(values.sum(axis=1) - 1).max() > 1e-3):
            self._wrong("probabilities must lie in 0 to 1 and each row must sum to one")
        return values

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """Spans of `text` and what each says for the label; empty where the model cannot tell."""
        return self._fitted.word_weights(text, label) if isinstance(self._fitted, Explains) else []

    def _array(self, name: str, values: object) -> Floats:
        import numpy as np

        array = np.asarray(values, dtype=np.float32)
        if array.shape != self._shape:
            self._wrong(f"{name} must have shape {self._shape}, got {array.shape}")
        if not np.isfinite(array).all():
            self._wrong(f"{name} must be finite")
        return array


def check_decision(component: Component, decision: object, round_: int) -> StopDecision:
    """Return the decision; it must be a `StopDecision` with a reason."""
    if not isinstance(decision, StopDecision):
        blame(component, round_, f"it must return a StopDecision, got {type(decision).__name__}")
    if not decision.reason.strip():
        blame(component, round_, "a decision must give its reason")
    return decision


def check_answers(
    component: Component, answers: Sequence[str | None], documents: Sequence[Document], question: Question, round_: int
) -> list[str | None]:
    """Return an oracle's answers: one for each document, each a label of the question or None."""
    answers = list(answers)
    if len(answers) != len(documents):
        blame(component, round_, f"asked about {len(documents)} documents, it gave {len(answers)} answers")
    for document, answer in zip(documents, answers, strict=True):
        if answer is not None and answer not in question.labels:
            rule = f"it answered {answer!r} for document '{document.id}', which is no label of '{question.name}'"
            blame(component, round_, rule)
    return answers


@dataclass(frozen=True)
class _Blame:
    component: Component
    round: int

    def __call__(self, rule: str) -> NoReturn:
        blame(self.component, self.round, rule)
