"""What query strategies, stopping rules and oracles return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from docreview.contracts.calls import Blame, Component, blame, call, guarded, shown_to
from docreview.types import Sample, Selection, StopDecision

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Document, Question, ReviewState

#: candidates among which a strategy whose batch all has one score must tell some apart
_PROBE = 500
#: in batches of one, the rounds from one such look to the next
_EVERY = 10


def select(component: Component, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
    """Let a strategy choose, and check what it chose."""
    if not component.registration.built_in and "model" in component.value.needs:
        state.fitted()  # before the strategy's time begins: the model's errors and seconds are the model's
    checked = _chosen(component, state, n, rng)
    _check_telling(component, state, checked, rng)
    return checked


def _chosen(component: Component, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
    shown = shown_to(component, state)

    def choose() -> Selection:
        return check_selection(component, component.value.select(shown, n, rng), state, n)

    return call(component.registration, "selecting", choose, state.round)


def check_selection(component: Component, selection: object, state: ReviewState, n: int) -> Selection:
    """Return the selection in standard types; its rows must be distinct candidates, min(n, pool) of them."""
    import numpy as np

    wrong = Blame(component.registration.label, state.round)
    if not isinstance(selection, Selection):
        wrong(f"it must return a Selection, got {type(selection).__name__}")
    rows = np.asarray(selection.rows)
    if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
        wrong(f"rows must be a 1-d array of whole numbers, got {rows.dtype} of shape {rows.shape}")
    expected = min(n, state.candidates.size)
    if rows.size != expected:
        wrong(f"asked for {expected} rows, it returned {rows.size}")
    rows = rows.astype(np.int64)
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
        if values.dtype.kind not in "fiub":
            wrong(f"{name} must be numbers, got {values.dtype}")
    with np.errstate(over="ignore"):
        scores, drawn = scores.astype(np.float32), drawn.astype(np.float32)
    if selection.scores is not None and not np.isfinite(scores).all():
        wrong("scores must be finite")
    if not ((drawn > 0) & (drawn <= 1)).all():
        wrong("probabilities of being drawn must lie in (0, 1]")
    return Selection(rows, scores, drawn)


def _check_telling(component: Component, state: ReviewState, chosen: Selection, rng: np.random.Generator) -> None:
    """Refuse a strategy that gives every document one score while the model tells them apart.

    The best of many may well be even, so the strategy is asked again, to rank a random part of the pool.
    """
    import numpy as np

    scores, pool = chosen.scores, state.candidates
    if scores is None or not scores.size or not np.isfinite(scores[0]):
        return
    if scores.size == 1 and state.round % _EVERY != 1:  # one score is always even: look now and then
        return
    tolerance = 1e-6 * abs(float(scores[0]))
    if np.abs(scores - scores[0]).max() > tolerance:
        return
    if "model" not in component.value.needs or np.ptp(state.scores[pool]) == 0:
        return
    kept = rng.permutation(pool)[:_PROBE]
    part = replace(state, samples=(*state.samples, Sample("probe", np.setdiff1d(pool, kept), 1.0)))
    ranked = _chosen(component, part, kept.size, rng).scores
    if ranked is not None and kept.size > 1 and np.abs(ranked - scores[0]).max() <= tolerance:
        blame(
            component.registration.label,
            f"it gave the score {scores[0]:g} to every document, which is no better than order by chance",
            state.round,
        )


def decide(component: Component, state: ReviewState) -> StopDecision:
    """Ask a stopping rule, and check its decision."""
    if not component.registration.built_in and state.trainable:
        state.fitted()  # as in `select`; docreview's own rules mostly need no model, and none is fitted for them
    shown = shown_to(component, state)

    def answer() -> StopDecision:
        return check_decision(component, component.value.check(shown), state.round)

    return call(component.registration, "deciding", answer, state.round)


def check_decision(component: Component, decision: object, round_: int) -> StopDecision:
    """Return the decision; it must be a `StopDecision` with a reason."""
    import numpy as np

    wrong = Blame(component.registration.label, round_)
    if not isinstance(decision, StopDecision):
        wrong(f"it must return a StopDecision, got {type(decision).__name__}")
    if not isinstance(decision.stop, bool | np.bool_):
        wrong(f"stop must be True or False, got {decision.stop!r}")
    if not isinstance(decision.reason, str) or not decision.reason.strip() or "\n" in decision.reason:
        wrong("a decision must give its reason, in one line")
    if not isinstance(decision.evidence, Mapping):
        wrong(f"evidence must be a table, got {type(decision.evidence).__name__}")
    for name, value in decision.evidence.items():
        if not isinstance(value, str | int | float | bool | None) or (isinstance(value, float) and value - value != 0):
            wrong(f"evidence must be plain, finite values, got {name} = {value!r}")
    return replace(decision, stop=bool(decision.stop))


def ask(
    component: Component,
    documents: Sequence[Document],
    question: Question,
    rng: np.random.Generator,
    round_: int | None = None,
) -> list[str | None]:
    """Ask an oracle, and check its answers."""
    with guarded(component.registration, "labeling", round_):
        answers = list(component.value.label(documents, question, rng))
        return check_answers(component, answers, documents, question, round_)


def check_answers(
    component: Component,
    answers: Sequence[str | None],
    documents: Sequence[Document],
    question: Question,
    round_: int | None = None,
) -> list[str | None]:
    """Return an oracle's answers: one for each document, each a label of the question or None."""
    wrong = Blame(component.registration.label, round_)
    answers = list(answers)
    if len(answers) != len(documents):
        wrong(f"asked about {len(documents)} documents, it gave {len(answers)} answers")
    for document, answer in zip(documents, answers, strict=True):
        if answer is not None and (type(answer) is not str or answer not in question.labels):
            wrong(f"it answered {answer!r} for document '{document.id}', which is no label of '{question.name}'")
    return answers
