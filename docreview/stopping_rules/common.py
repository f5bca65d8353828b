"""What stopping rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docreview.errors import BadSetting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import ReviewState


def at_least(low: float, **settings: float) -> None:
    """Raise `ValueError` for a setting below `low`."""
    for name, value in settings.items():
        if not value >= low:
            raise ValueError(f"setting '{name}' must be at least {low:g}, got {value:g}")


def a_share(*, below_one: bool = False, **settings: float) -> None:
    """Raise `ValueError` for a setting that is not above 0 and at most 1, or below 1."""
    for name, value in settings.items():
        if not 0 < value <= 1 or (below_one and value == 1):
            raise ValueError(
                f"setting '{name}' must lie above 0 and {'below' if below_one else 'at most at'} 1, got {value}"
            )


def target_of(state: ReviewState, rule: str) -> tuple[int, str]:
    """Class index and name of the target; raise `BadSetting` where the question has none."""
    question = state.question
    if question.target is None:
        raise BadSetting(
            f"stopping rule '{rule}' needs a question with a target, and question '{question.name}' has none; "
            "name a target, or choose another stopping rule."
        )
    return question.labels.index(question.target), question.target


def hits_in_order(state: ReviewState, target: int) -> npt.NDArray[np.int64]:
    """For each document read in this review, in order, 1 where it is of the target; no priors, samples or skips."""
    import numpy as np

    counted = (state.rounds > 0) & (state.labels >= 0)
    for sample in state.samples:
        counted[sample.rows] = False
    read = state.reviewed[counted[state.reviewed]]
    return np.asarray(state.labels[read] == target, dtype=np.int64)
