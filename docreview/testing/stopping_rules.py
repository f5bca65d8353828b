"""Checks of stopping rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from docreview.errors import BadSetting
from docreview.testing.common import global_generators_untouched, require, state_digest, under_test
from docreview.testing.effort import SIZES, processor_seconds, require_memory, require_time
from docreview.testing.samples import MANY, large_state, make_state

if TYPE_CHECKING:
    from docreview.types import ReviewState, StopDecision, StoppingRule

SEVEN = tuple("abcdefg")


def _decide(rule: StoppingRule, state: ReviewState) -> StopDecision:
    from docreview.contracts import check_decision

    decision = check_decision(under_test("stopping_rules", rule), rule.check(state), state.round)
    require(isinstance(decision.stop, bool), f"`stop` must be True or False, got {decision.stop!r}")
    json.dumps(dict(decision.evidence), allow_nan=False)
    return decision


def _moments(rule: StoppingRule) -> Iterator[ReviewState]:
    """Moments of a review, from nothing read to everything; a rule may refuse a question without a target."""
    yield make_state(read=0)
    yield make_state(classes=1)
    yield make_state(validation=20)
    yield make_state(read=120)
    state = make_state(labels=SEVEN, target=None, validation=20)
    try:
        rule.check(state)
    except BadSetting:
        return
    yield state


def check_rule_needs(rule: StoppingRule) -> None:
    """Its `needs` are a frozenset that holds nothing but ``"stop_set"`` and ``"validation"``."""
    known = {"stop_set", "validation"}
    good = isinstance(rule.needs, frozenset) and rule.needs <= known
    require(good, f"`needs` must be a frozenset of {sorted(known)}, got {rule.needs!r}")


def check_rule_decides(rule: StoppingRule) -> None:
    """At every moment of a review it returns a decision with a reason and evidence that JSON can hold."""
    for state in _moments(rule):
        _decide(rule, state)


def check_rule_at_start(rule: StoppingRule) -> None:
    """It does not stop a review in which nothing has been read."""
    require(not _decide(rule, make_state(read=0)).stop, "a review in which nothing was read must go on")


def check_rule_short_pool(rule: StoppingRule) -> None:
    """It decides for a pool of one document and for an empty one."""
    for left in (1, 0):
        _decide(rule, make_state(30, read=30 - left))


def check_rule_many_labels(rule: StoppingRule) -> None:
    """It decides for a question of 150 labels, with a target or without."""
    for target in (None, MANY[0]):
        try:
            _decide(rule, make_state(450, labels=MANY, target=target, read=250, validation=30))
        except BadSetting:
            require(target is None, "it may refuse a question without a target, not one with a target")


def check_rule_repeats(rule: StoppingRule) -> None:
    """It remembers nothing: the same state gives the same decision, whatever was asked between."""
    first = [rule.check(state) for state in _moments(rule)]
    second = [rule.check(state) for state in reversed(list(_moments(rule)))]
    require(first == second[::-1], "the same state must give the same decision, whatever was asked between")


def check_rule_generators(rule: StoppingRule) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        rule.check(make_state(validation=20))


def check_rule_leaves_state(rule: StoppingRule) -> None:
    """It changes nothing in the state."""
    state = make_state(validation=20)
    before = state_digest(state)
    rule.check(state)
    require(state_digest(state) == before, "the state must not be changed")


def _work(rule: StoppingRule) -> Callable[[int], Callable[[], object]]:
    def work(n: int) -> Callable[[], object]:
        state = large_state(n)
        return lambda: rule.check(state)

    return work


@cache
def _usual() -> float:
    from docreview.stopping_rules import ConsecutiveMisses

    return processor_seconds(_work(ConsecutiveMisses())(SIZES[-1]))


def check_rule_time(rule: StoppingRule) -> None:
    """At 100,000 documents it takes at most 20 times as long as `consecutive-misses`, and 0.5 s."""
    require_time(_work(rule), _usual(), 0.5)


def check_rule_memory(rule: StoppingRule) -> None:
    """At 100,000 documents it takes at most 4 KiB of memory a document: no matrix of all pairs."""
    require_memory(_work(rule))
