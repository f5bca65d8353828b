"""What a live check found, in plain sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from docreview.live_check.results import LiveCheck

if TYPE_CHECKING:
    from docreview.types import ReviewState


def told(base: LiveCheck, state: ReviewState, why: str = "") -> LiveCheck:
    """The check with what it says in words: `why` nothing was compared, or what came of it."""
    sentences = []
    if base.accuracy is not None:
        seen = base.accuracy
        sentences.append(
            f"Over the last {base.over:,} labels the model was right on {seen.value:.1%} of {seen.n:,} random "
            f"documents that it had not seen yet ({seen.low:.1%} to {seen.high:.1%} of all unread ones)."
        )
    sentences.append(why or _verdict(base))
    target = state.question.target
    if base.target_chosen is not None and base.target_random is not None and base.chosen and base.random:
        sentences.append(
            f"Of the chosen documents {base.target_chosen.value:.1%} are '{target}', of the random ones "
            f"{base.target_random.value:.1%}."
        )
    return replace(base, reason=" ".join(sentences))


def _verdict(check: LiveCheck) -> str:
    assert check.difference is not None, "set where arms were compared"
    between, m = check.difference, check.labels
    learned = (
        f"after the start, the first {m} labels asked for make it right on {check.accuracy_asked:.1%} of random "
        f"documents, {m} random labels on {check.accuracy_random:.1%}: the difference lies between "
        f"{_points(between.low)} and {_points(between.high)} points"
    )
    if check.helps:
        return f"Choosing helps: {learned}. {_saving(check)}"
    if check.helps is False:
        return (
            f"Choosing does not help: {learned}, below zero. {_saving(check)} Documents drawn at random, or another "
            "query strategy, would teach more."
        )
    wanted = _more(check)
    more = f"If it is what it looks like, about {wanted:,} more random documents would tell" if wanted else ""
    return f"Whether choosing helps cannot be told yet: {learned}. {more or 'More random documents narrow that down'}."


def _saving(check: LiveCheck) -> str:
    saved, tried = check.saved, check.tried
    assert saved is not None, "set where arms were compared"
    assert tried is not None, "set with it"
    bounds = f"({saved.low:.0%} to {saved.high:.0%})"
    if saved.value <= tried[0] + 1e-9 < 0:
        return f"It saved no labels: {-tried[0]:.0%} more of them did not do what the random ones did."
    if saved.value < 0:
        return f"It took {-saved.value:.0%} more labels to be as good {bounds}."
    least = "at least " if saved.value >= tried[1] - 1e-9 else ""
    return f"It saved {least}{saved.value:.0%} of the labels {bounds}."


def _more(check: LiveCheck) -> int:
    """How many more random documents would take 0 out of the interval, were the difference as it is; 0: too many."""
    assert check.difference is not None, "set where arms were compared"
    apart, half = abs(check.difference.value), (check.difference.high - check.difference.low) / 2
    if not apart or half / apart > 3:
        return 0
    more = check.random * ((half / apart) ** 2 - 1)
    step = 10 if more < 1_000 else 100
    return max(math.ceil(more / step) * step, step)


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def documents(n: int) -> str:
    """A number of documents, in words."""
    return f"{n:,} {'document' if n == 1 else 'documents'}"
