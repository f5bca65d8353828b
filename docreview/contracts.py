"""Where components are called and what they return is checked: the one place where a plugin is blamed by name.

pluggy checks the names of a hook's arguments and nothing else. Here a message names the component, its plugin, the rule
and the round. Nothing is repaired: a component that breaks its protocol stops the run before the run can lie. Shapes
are looked at before anything is copied or converted, so an answer of absurd size costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from docreview.errors import BadSetting, ContractViolation, DocreviewError, PluginFailed, did_you_mean, one_line
from docreview.limits import OutOfTime, limited
from docreview.registry import BUILT_IN, Registration, describe, registration_of
from docreview.types import (
    Document,
    Explains,
    Fitted,
    Linear,
    MakesCommittees,
    Sample,
    Selection,
    StopDecision,
    Vectors,
    frozen,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from docreview.types import CommitteeKind, Exporter, Floats, Importer, Ints, Question, ReviewState, Scalar

log = logging.getLogger(__name__)

T = TypeVar("T")

#: candidates among which a strategy whose batch all has one score must tell some apart
_PROBE = 500


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
        return {"name": entry.name, "plugin": entry.plugin, "version": entry.version, "settings": describe(self.value)}


def component_of(value: Any, kind: str) -> Component:
    """A component that stands inside another, with its registration; a nameless one where no registry made it."""
    entry = registration_of(value)
    return Component(value, entry or Registration(kind, type(value).__name__, type(value), BUILT_IN, "?"))


def label_of(component: object) -> str:
    """``classifier 'knn' (acme 1.0)``, or the type of a component that no registry made."""
    entry = registration_of(component)
    return entry.label if entry is not None else f"the component {type(component).__name__}"


def blame(who: str, rule: str, round_: int | None = None) -> NoReturn:
    """Stop with one line that names the culprit."""
    raise ContractViolation(f"{who} broke its contract{_when(round_)}: {rule}.")



@contextmanager
def guarded(entry: Registration | None, doing: str, round_: int | None = None) -> Iterator[None]:
    """Around a plugin's code: what it raises is told in one line that names it. `doing` completes "failed while ...".

    docreview's own components, and those that no registry made, are let through: their errors are bugs that keep their
    traceback.
    """
    if entry is None or entry.built_in:
        yield
        return
    try:
        yield
    except DocreviewError:
        raise
    except OutOfTime:
        limit = f"it was still {doing} after {entry.time_limit:g} s ([plugins] time_limit in docreview.toml)"
        blame(entry.label, limit, round_)
    except (Exception, SystemExit) as error:
        raise PluginFailed(
            f"{entry.label} failed while {doing}{_when(round_)}: {one_line(error)} "
            "(DOCREVIEW_STRICT_PLUGINS=1 shows where)."
        ) from error


def call(entry: Registration | None, doing: str, function: Callable[[], T], round_: int | None = None) -> T:
    """Call a plugin's code, guarded, and for no longer than it may take.

    What may rightly take hours (embedding, files, answers of people) is `guarded` alone.
    """
    if entry is None or entry.built_in:
        return function()

    def late() -> None:
        log.warning("%s is still %s%s after %g s: it is stopped.", entry.label, doing, _when(round_), entry.time_limit)

    with guarded(entry, doing, round_):
        return limited(entry.time_limit, function, late)


def _when(round_: int | None) -> str:
    return "" if round_ is None else f" in round {round_}"


# ----------------------------------------------------------------------------------------------------- query strategies


def select(component: Component, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
    """Let a strategy choose, and check what it chose."""
    entry = component.registration
    if not entry.built_in and "model" in component.value.needs:
        state.fitted()  # before the strategy's time begins: the model's errors and seconds are the model's
    selection = call(entry, "selecting", lambda: component.value.select(state, n, rng), state.round)
    checked = check_selection(component, selection, state, n)
    _check_telling(component, state, checked, rng)
    return checked


def check_selection(component: Component, selection: object, state: ReviewState, n: int) -> Selection:
    """Return the selection in standard types; its rows must be distinct candidates, min(n, pool) of them."""
    import numpy as np

    wrong = _Blame(component.registration.label, state.round)
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
    if selection.scores is not None and not np.isfinite(scores).all():
        wrong("scores must be finite")
    if not ((drawn > 0) & (drawn <= 1)).all():
        wrong("probabilities of being drawn must lie in (0, 1]")
    return Selection(rows, scores.astype(np.float32), drawn.astype(np.float32))


def _check_telling(component: Component, state: ReviewState, chosen: Selection, rng: np.random.Generator) -> None:
    """Refuse a strategy that gives every document one score while the model tells them apart.

    The best of many may well be even, so the strategy is asked again, to rank a random part of the pool.
    """
    import numpy as np

    scores, pool = chosen.scores, state.candidates
    if scores is None or scores.size < 2 or not np.isfinite(scores[0]) or (scores != scores[0]).any():
        return
    if "model" not in component.value.needs or np.ptp(state.scores[pool]) == 0:
        return
    kept = rng.permutation(pool)[:_PROBE]
    part = replace(state, samples=(*state.samples, Sample("probe", np.setdiff1d(pool, kept), 1.0)))
    again = call(
        component.registration, "selecting", lambda: component.value.select(part, kept.size, rng), state.round
    )
    ranked = check_selection(component, again, part, kept.size).scores
    if ranked is not None and kept.size > 1 and (ranked == scores[0]).all():
        blame(
            component.registration.label,
            f"it gave the score {scores[0]:g} to every document, which is no better than order by chance",
            state.round,
        )


# --------------------------------------------------------------------------------------------------------------- models


def fit(component: Component, state: ReviewState, rng: np.random.Generator) -> CheckedFitted:
    """Fit a model; what it learned is checked when it is looked at."""
    fitted = call(component.registration, "fitting", lambda: component.value.fit(state, rng), state.round)
    return CheckedFitted(component, fitted, state)


def fit_committee(
    component: Component, state: ReviewState, kind: CommitteeKind, members: int, rng: np.random.Generator
) -> Floats:
    """Probabilities (members, n, k) of a committee of the model, each member checked like the model itself."""
    import numpy as np

    model = component.value
    if not isinstance(model, MakesCommittees):
        raise BadSetting(f"{component.registration.label} makes no committees: choose another model or strategy.")
    doing = "fitting a committee"
    fits = call(component.registration, doing, lambda: model.committee(state, kind, members, rng), state.round)
    checked = [CheckedFitted(component, fitted, state) for fitted in fits]
    if len(checked) < 2:
        blame(component.registration.label, f"a committee must have two members at least, got {len(checked)}")
    return frozen(np.stack([fitted.probabilities for fitted in checked]))


class CheckedFitted:
    """A fitted model whose scores and probabilities are checked when they are first asked for."""

    def __init__(self, component: Component, fitted: Fitted, state: ReviewState) -> None:
        self._entry, self._fitted, self._round = component.registration, fitted, state.round
        self._shape = (state.n, len(state.question.labels))
        self._wrong = _Blame(self._entry.label, state.round)

    @cached_property
    def scores(self) -> Floats:
        """Ranking scores (n, k)."""
        return self._array("scores", call(self._entry, "scoring", lambda: self._fitted.scores, self._round))

    @cached_property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k)."""
        import numpy as np

        doing = "computing probabilities"
        given = call(self._entry, doing, lambda: self._fitted.probabilities, self._round)
        values = self._array("probabilities", given)
        if values.size and (values.min() < 0 or np.abs(values.sum(axis=1) - 1).max() > 1e-3):
            self._wrong("probabilities must lie in 0 to 1 and each row must sum to one")
        return values

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """Spans of `text` and what each says for the label; empty where the model cannot tell."""
        fitted = self._fitted
        if not isinstance(fitted, Explains):
            return []
        return call(self._entry, "explaining", lambda: fitted.word_weights(text, label), self._round)

    def coefficients(self, view: str) -> Floats | None:
        """What a row of that view adds to the scores (k, d); None where the model is not linear in it."""
        import numpy as np

        fitted = self._fitted
        if not isinstance(fitted, Linear):
            return None
        given = call(self._entry, "telling its coefficients", lambda: fitted.coefficients(view), self._round)
        if given is not None and (np.ndim(given) != 2 or np.shape(given)[0] != self._shape[1]):
            self._wrong(f"coefficients must have one row a label, got the shape {np.shape(given)}")
        return given

    def to_probabilities(self, scores: Floats) -> Floats:
        """Calibrated probabilities (m, k) of scores (m, k); only for a model that has `coefficients`."""
        fitted = self._fitted
        assert isinstance(fitted, Linear), "asked for after `coefficients`"
        return call(self._entry, "computing probabilities", lambda: fitted.to_probabilities(scores), self._round)

    def _array(self, name: str, values: object) -> Floats:
        import numpy as np

        given: Any = values
        shape = np.shape(given)
        if shape != self._shape:
            self._wrong(f"{name} must have shape {self._shape}, got {shape}")
        array = np.asarray(given, dtype=np.float32)
        if not np.isfinite(array).all():
            self._wrong(f"{name} must be finite")
        return array


# ---------------------------------------------------------------------------------------------- stopping rules, oracles


def decide(component: Component, state: ReviewState) -> StopDecision:
    """Ask a stopping rule, and check its decision."""
    if not component.registration.built_in and state.trainable:
        state.fitted()  # as in `select`; docreview's own rules mostly need no model, and none is fitted for them
    decision = call(component.registration, "deciding", lambda: component.value.check(state), state.round)
    return check_decision(component, decision, state.round)


def check_decision(component: Component, decision: object, round_: int) -> StopDecision:
    """Return the decision; it must be a `StopDecision` with a reason."""
    wrong = _Blame(component.registration.label, round_)
    if not isinstance(decision, StopDecision):
        wrong(f"it must return a StopDecision, got {type(decision).__name__}")
    if not isinstance(decision.reason, str) or not decision.reason.strip():
        wrong("a decision must give its reason")
    return decision


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
    wrong = _Blame(component.registration.label, round_)
    answers = list(answers)
    if len(answers) != len(documents):
        wrong(f"asked about {len(documents)} documents, it gave {len(answers)} answers")
    for document, answer in zip(documents, answers, strict=True):
        if answer is not None and answer not in question.labels:
            wrong(f"it answered {answer!r} for document '{document.id}', which is no label of '{question.name}'")
    return answers


# ------------------------------------------------------------------------------------------------- what reads documents


def documents(importer: Importer, path: Path, columns: Mapping[str, str], **told: Any) -> Iterator[Document]:
    """The documents that an importer yields, checked one by one."""
    with guarded(registration_of(importer), f"reading {path}"):
        for document in importer.read(path, columns, **told):
            yield check_document(importer, document)


def check_document(importer: object, document: object) -> Document:
    """Return what an importer yielded; it must be a `Document` with an id and a text."""
    if not isinstance(document, Document):
        blame(label_of(importer), f"it yielded a {type(document).__name__}, not a Document")
    if not isinstance(document.id, str) or not document.id or not isinstance(document.text, str):
        blame(label_of(importer), f"it yielded a document whose id or text is no text: {document.id!r}")
    return document


def process(processor: Any, texts: list[str]) -> list[str]:
    """Texts as a text processor changes them: one text each."""
    with guarded(registration_of(processor), "processing texts"):
        made = [processor(text) for text in texts]
    for text in made:
        if not isinstance(text, str):
            blame(label_of(processor), f"it must return text, got {type(text).__name__}")
    return made


def check_search(index: object, answer: object, queries: int, k: int, n: int) -> tuple[Ints, Floats]:
    """Return rows and similarities (queries, k) that an index found; rows of the corpus, and finite numbers."""
    import numpy as np

    wrong = _Blame(label_of(index), None)
    if not isinstance(answer, tuple) or len(answer) != 2:
        wrong("a search must return rows and similarities")
    for name, values in zip(("rows", "similarities"), answer, strict=True):
        if np.shape(values) != (queries, k):
            wrong(f"{name} must have the shape {(queries, k)}, got {np.shape(values)}")
    rows, similarities = np.asarray(answer[0]), np.asarray(answer[1], dtype=np.float32)
    if rows.dtype.kind not in "iu" or (rows.size and not 0 <= rows.min() <= rows.max() < n):
        wrong(f"rows must be whole numbers from 0 to {n - 1}")
    if not np.isfinite(similarities).all():
        wrong("similarities must be finite")
    return rows.astype(np.int64), similarities


def write_rows(exporter: Exporter, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
    """Let an exporter write rows; it must say how many."""
    with guarded(registration_of(exporter), f"writing {path}"):
        written = exporter.write(path, rows)
    if not isinstance(written, int):
        blame(label_of(exporter), f"it must return the number of rows, got {written!r}")
    return written


#: what a preset says of a review, and whether it must
PRESET_KEYS = {
    "model": True,
    "query_strategy": True,
    "cold_start": True,
    "stopping_rule": True,
    "batch_size": False,
    "validation": False,
}


def check_preset(entry: Registration, preset: object) -> Mapping[str, Any]:
    """Return what a preset says; it must be a table of settings of a review, with a component for each role."""
    if not isinstance(preset, Mapping):
        blame(entry.label, f"it must return a table of settings, got {type(preset).__name__}")
    for key in preset:
        if key not in PRESET_KEYS:
            blame(entry.label, f"a review has no setting '{key}'.{did_you_mean(str(key), PRESET_KEYS)}".rstrip("."))
    missing = [key for key, needed in PRESET_KEYS.items() if needed and key not in preset]
    if missing:
        blame(entry.label, f"it must set '{missing[0]}'")
    return preset


def check_vectors(view: object, vectors: object, n: int) -> Vectors:
    """Return what a view built: one float32 row a document, finite where a plugin made it."""
    import numpy as np

    wrong = _Blame(label_of(view), None)
    if not isinstance(vectors, Vectors):
        wrong(f"it must build Vectors, got {type(vectors).__name__}")
    matrix: Any = vectors.matrix
    shape = np.shape(matrix) if vectors.dense else matrix.shape
    if len(shape) != 2 or shape[0] != n:
        wrong(f"it must make one row a document, {n} in all, got the shape {tuple(shape)}")
    if matrix.dtype != np.float32:
        wrong(f"its matrix must be float32, got {matrix.dtype}")
    sizes = {None if part is None else len(part) for part in (vectors.chunks, vectors.chunk_rows)}
    if len(sizes) > 1:
        wrong("chunks and chunk_rows must come together, one row for each chunk")
    entry = registration_of(view)
    if entry is not None and not entry.built_in:
        values = matrix if vectors.dense else matrix.data
        if not np.isfinite(values).all():
            wrong("its vectors must be finite")
    return vectors


@dataclass(frozen=True)
class _Blame:
    who: str
    round: int | None

    def __call__(self, rule: str) -> NoReturn:
        blame(self.who, rule, self.round)
