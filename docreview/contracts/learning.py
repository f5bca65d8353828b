"""What models return."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.contracts.calls import Blame, Component, blame, call, shown_to
from docreview.errors import BadSetting
from docreview.types import Explains, Linear, MakesCommittees, Saves, frozen

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import CommitteeKind, Fitted, Floats, ReviewState


def fit(component: Component, state: ReviewState, rng: np.random.Generator) -> CheckedFitted:
    """Fit a model; what it learned is checked when it is looked at."""
    shown = shown_to(component, state)
    fitted = call(component.registration, "fitting", lambda: component.value.fit(shown, rng), state.round)
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
    shown = shown_to(component, state)
    fits = call(component.registration, doing, lambda: model.committee(shown, kind, members, rng), state.round)
    checked = [CheckedFitted(component, fitted, state) for fitted in fits]
    if len(checked) < 2:
        blame(component.registration.label, f"a committee must have two members at least, got {len(checked)}")
    return frozen(np.stack([fitted.probabilities for fitted in checked]))


class CheckedFitted:
    """A fitted model whose scores and probabilities are checked when they are first asked for."""

    def __init__(self, component: Component, fitted: Fitted, state: ReviewState) -> None:
        self._entry, self._fitted, self._round = component.registration, fitted, state.round
        self._shape = (state.n, len(state.question.labels))
        self._wrong = Blame(self._entry.label, state.round)

    @cached_property
    def scores(self) -> Floats:
        """Ranking scores (n, k)."""
        return call(self._entry, "scoring", lambda: self._array("scores", self._fitted.scores), self._round)

    @cached_property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k)."""
        import numpy as np

        doing = "computing probabilities"
        values = call(self._entry, doing, lambda: self._array("probabilities", self._fitted.probabilities), self._round)
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

    def saved(self) -> Mapping[str, Any]:
        """What it learned, to be written down; `BadSetting` where the model cannot do that."""
        fitted = self._fitted
        if not isinstance(fitted, Saves):
            raise BadSetting(f"{self._entry.label} cannot be saved: take 'late-fusion', which can.")
        return call(self._entry, "being saved", fitted.saved, self._round)

    def _array(self, name: str, values: object) -> Floats:
        import numpy as np

        given: Any = values
        shape = np.shape(given)
        if shape != self._shape:
            self._wrong(f"{name} must have shape {self._shape}, got {shape}")
        array = np.asarray(given, dtype=np.float32)
        if not np.isfinite(array).all():
            self._wrong(f"{name} must be finite")
        return frozen(array)
