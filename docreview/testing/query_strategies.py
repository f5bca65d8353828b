"""Checks of query strategies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from docreview.errors import BadSetting
from docreview.testing.common import digest, global_generators_untouched, require, state_digest, under_test
from docreview.testing.effort import SIZES, processor_seconds, require_memory, require_time
from docreview.testing.samples import MANY, large_state, make_state, one_view, relabeled
from docreview.types import Sample, frozen

if TYPE_CHECKING:
    from docreview.types import QueryStrategy, ReviewState, Selection

SEVEN = tuple("abcdefg")


def _select(strategy: QueryStrategy, state: ReviewState, n: int, seed: int = 0) -> Selection:
    import numpy as np

    from docreview.contracts import check_selection

    chosen = strategy.select(state, n, np.random.default_rng(seed))
    return check_selection(under_test("query_strategies", strategy), chosen, state, n)


def _states(strategy: QueryStrategy) -> Iterator[ReviewState]:
    """States that a strategy must cope with; it may refuse a question without a target by `BadSetting`."""
    yield make_state()
    yield make_state(validation=10, seed=1)
    for state in (make_state(target=None, seed=2), make_state(labels=SEVEN, target=None, seed=3)):
        try:
            _select(strategy, state, 1)
        except BadSetting:
            continue
        yield state


def check_strategy_needs(strategy: QueryStrategy) -> None:
    """Its `needs` are a frozenset that holds nothing but ``"model"`` and ``"neighbors"``."""
    known = {"model", "neighbors"}
    good = isinstance(strategy.needs, frozenset) and strategy.needs <= known
    require(good, f"`needs` must be a frozenset of {sorted(known)}, got {strategy.needs!r}")


def check_strategy_rows(strategy: QueryStrategy) -> None:
    """It chooses n distinct rows of the candidates, or all of them where n is larger."""
    for state in _states(strategy):
        for n in (1, 7, state.candidates.size + 5):
            _select(strategy, state, n)


def check_strategy_short_pool(strategy: QueryStrategy) -> None:
    """It chooses one row from a pool of one, and none from an empty pool."""
    for left in (1, 0):
        chosen = _select(strategy, make_state(40, read=40 - left), 5)
        require(chosen.rows.size == left, f"a pool of {left} must give {left} rows")


def check_strategy_locked(strategy: QueryStrategy) -> None:
    """It never chooses a document of a locked sample, be it answered or not."""
    state = make_state()
    waiting = Sample("validation", frozen(state.pool[::3]), 0.3)
    state = replace(state, samples=(waiting,))
    for n in (8, state.candidates.size):
        _select(strategy, state, n)


def check_strategy_blind(strategy: QueryStrategy) -> None:
    """Which label a document of a locked sample got, on which the model is measured, does not change its choice."""
    state = make_state(validation=20)
    first, second = _select(strategy, state, 9), _select(strategy, relabeled(state), 9)
    same = digest(first.rows, first.scores) == digest(second.rows, second.scores)
    require(same, "labels of a locked sample must not change the choice")


def check_strategy_repeats(strategy: QueryStrategy) -> None:
    """The same state and the same generator give the same choice."""
    for state in _states(strategy):
        first, second = _select(strategy, state, 9), _select(strategy, state, 9)
        same = digest(first.rows, first.scores) == digest(second.rows, second.scores)
        require(same, "the same state and generator must give the same choice")


def check_strategy_generators(strategy: QueryStrategy) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        _select(strategy, make_state(), 9)


def check_strategy_leaves_state(strategy: QueryStrategy) -> None:
    """It changes nothing in the state."""
    state = make_state()
    before = state_digest(state)
    _select(strategy, state, 9)
    require(state_digest(state) == before, "the state must not be changed")


def check_strategy_scores(strategy: QueryStrategy) -> None:
    """Where it gives scores, they differ between documents that differ."""
    import numpy as np

    for state in _states(strategy):
        scores = _select(strategy, state, state.candidates.size).scores
        flat = scores is not None and np.isfinite(scores).all() and np.ptp(scores) == 0
        require(not flat, "documents that differ must not all have the same score")


def _by_chance(strategy: QueryStrategy, state: ReviewState) -> None:
    choices = {tuple(sorted(_select(strategy, state, 5, seed).rows.tolist())) for seed in range(8)}
    require(len(choices) > 1, "documents that nothing tells apart must be chosen by chance, not by their order")


def check_strategy_ties(strategy: QueryStrategy) -> None:
    """Among documents that nothing tells apart it chooses by chance, not by their order."""
    _by_chance(strategy, make_state(alike=True))


def check_strategy_before_labels(strategy: QueryStrategy) -> None:
    """Where it needs no model, it chooses before there is a label, and where all labels are the same."""
    if "model" not in strategy.needs:
        _select(strategy, make_state(read=0), 5)
        _select(strategy, make_state(classes=1), 5)


def check_strategy_nan(strategy: QueryStrategy) -> None:
    """Where it needs no model, the NaN that stand for probabilities before the first fit put nothing in an order."""
    if "model" not in strategy.needs:
        _by_chance(strategy, make_state(read=0, alike=True))
        _by_chance(strategy, make_state(classes=1, alike=True))


def check_strategy_many_labels(strategy: QueryStrategy) -> None:
    """It chooses for a question of 150 labels, with a target or without."""
    for target in (None, MANY[0]):
        try:
            _select(strategy, make_state(500, labels=MANY, target=target, read=300), 9)
        except BadSetting:
            require(target is None, "it may refuse a question without a target, not one with a target")


def check_strategy_views(strategy: QueryStrategy) -> None:
    """It chooses while only one view is built and there are no neighbors, whichever view that is."""
    for name in ("lexical", "semantic"):
        _select(strategy, one_view(make_state(), name), 9)


def check_strategy_blank(strategy: QueryStrategy) -> None:
    """It chooses among documents in which no view sees anything."""
    for blank in (20, 120):
        state = make_state(blank=blank)
        _select(strategy, state, state.candidates.size)


def check_strategy_texts(strategy: QueryStrategy) -> None:
    """It chooses among documents whose texts are empty, huge, of control characters or in any script."""
    state = make_state(odd=True)
    _select(strategy, state, state.candidates.size)


def _work(strategy: QueryStrategy) -> Callable[[int], Callable[[], object]]:
    def work(n: int) -> Callable[[], object]:
        state = large_state(n)
        return lambda: _select(strategy, state, 20)

    return work


@cache
def _usual(needs_model: bool) -> float:
    from docreview.query_strategies import Margin, Random

    return processor_seconds(_work(Margin() if needs_model else Random())(SIZES[-1]))


def check_strategy_time(strategy: QueryStrategy) -> None:
    """At 100,000 documents it takes at most 20 times as long as `margin` (`random` if without a model) and 0.5 s."""
    require_time(_work(strategy), _usual("model" in strategy.needs), 0.5)


def check_strategy_memory(strategy: QueryStrategy) -> None:
    """At 100,000 documents it takes at most 4 KiB of memory a document: no matrix of all pairs."""
    require_memory(_work(strategy))
