import numpy as np
import pytest

from docreview.errors import BadSetting
from docreview.stopping_rules import (
    AllRules,
    AnyRule,
    Budget,
    ConsecutiveMisses,
    DiminishingReturns,
    Never,
    PoolExhausted,
    TargetReached,
)
from docreview.types import Question, ReviewState, Round, Sample

YES_NO = Question("copyleft", ("yes", "no"), target="yes")
TOPICS = Question("topic", ("law", "art", "sport"))


class Learned:
    def __init__(self, probabilities):
        self.probabilities = np.asarray(probabilities, dtype=np.float32)
        self.scores = self.probabilities


def state(labels, reviewed, *, question=YES_NO, priors=(), samples=(), history=(), probabilities=None):
    labels = np.asarray(labels)
    rounds = np.full(labels.size, -1)
    rounds[list(reviewed)] = 1
    rounds[list(priors)] = 0
    return ReviewState(
        question=question,
        round=2,
        n=labels.size,
        views={},
        labels=labels,
        rounds=rounds,
        reviewed=np.array([*priors, *reviewed], dtype=np.int64),
        samples=samples,
        history=history,
        fitted=lambda: None if probabilities is None else Learned(probabilities),
    )


def test_budget_counts_skips_but_not_priors():
    # rows 0 (prior), 1, 2 (skipped)
    s = state([0, 1, -1, -1], [1, 2], priors=[0])
    assert Budget(2).check(s).stop
    decision = Budget(3).check(s)
    assert not decision.stop
    assert decision.evidence == {"read": 2, "budget": 3}
    assert "2 of the budget of 3" in decision.reason


def test_consecutive_misses_count_in_reading_order():
    labels = [1, 0, 1, -1, 1, 1]
    # read: miss, hit, miss, skip, miss
    s = state(labels, [0, 1, 2, 3, 4])
    assert ConsecutiveMisses(2).check(s).stop
    assert ConsecutiveMisses(2).check(s).evidence["misses"] == 2
    assert not ConsecutiveMisses(3).check(s).stop
    # the same labels read in another order
    assert not ConsecutiveMisses(1).check(state(labels, [0, 2, 4, 3, 1])).stop


def test_consecutive_misses_wait_for_a_first_hit_and_leave_samples_out():
    assert not ConsecutiveMisses(1).check(state([1, 1], [0, 1])).stop
    sample = Sample("validation", np.array([2, 3]), 0.5)
    s = state([0, 1, 1, 1], [0, 1, 2, 3], samples=(sample,))
    assert ConsecutiveMisses(1).check(s).evidence["misses"] == 1


def test_rules_that_need_a_target_say_so():
    s = state([0, 1], [0, 1], question=TOPICS)
    with pytest.raises(BadSetting, match="'consecutive-misses' needs a question with a target"):
        ConsecutiveMisses(1).check(s)
    with pytest.raises(BadSetting, match="'target-reached' needs a question with a target"):
        TargetReached("recall").check(s)


VALIDATION = (Sample("validation", np.array([4, 0, 2, 3]), 0.4),)
#: truth on the sample: law, law, art, sport; the model errs on row 2 (art) only
TRUTH = [0, -1, 1, 2, 0, -1]
PREDICTED = np.eye(3)[[0, 0, 0, 2, 0, 0]]


def test_target_reached_measures_on_the_sample():
    s = state(TRUTH, [0, 2, 3, 4], question=TOPICS, samples=VALIDATION, probabilities=PREDICTED)
    decision = TargetReached("accuracy", 0.75).check(s)
    assert decision.stop
    assert decision.evidence["value"] == 0.75
    assert decision.evidence["low"] < 0.75 < decision.evidence["high"]
    assert not TargetReached("accuracy", 0.76).check(s).stop
    # F1: law 4/5, art 0, sport 1
    assert TargetReached("macro-f1", 0.6).check(s).evidence["value"] == pytest.approx(0.6)


def test_target_reached_by_recall_looks_at_the_target_only():
    question = Question("topic", ("law", "art", "sport"), target="art")
    for predicted, recall in (([0] * 6, 0), ([1, 0, 0, 1, 1, 0], 0.5)):
        s = state(
            [1, -1, 1, 2, 0, -1],
            [0, 2, 3, 4],
            question=question,
            samples=VALIDATION,
            probabilities=np.eye(3)[predicted],
        )
        decision = TargetReached("recall", 0.5).check(s)
        assert decision.evidence["value"] == recall
        assert decision.stop == (recall >= 0.5)


def test_target_reached_waits_for_the_sample_and_the_model():
    rule = TargetReached("accuracy", 0.1)
    open_ = state(TRUTH, [0, 2, 3], question=TOPICS, samples=VALIDATION, probabilities=PREDICTED)
    assert not rule.check(open_).stop
    assert "3 of 4" in rule.check(open_).reason
    unfitted = rule.check(state(TRUTH, [0, 2, 3, 4], question=TOPICS, samples=VALIDATION))
    assert not unfitted.stop
    assert "no model" in unfitted.reason
    nothing = rule.check(state(TRUTH, [0], question=TOPICS, probabilities=PREDICTED))
    assert not nothing.stop
    assert "no validation sample" in nothing.reason
    skipped = state([-1] * 6, [0, 2, 3, 4], question=TOPICS, samples=VALIDATION, probabilities=PREDICTED)
    assert not rule.check(skipped).stop


def rounds(*predictions):
    return tuple(
        Round(i, 20 * i, (1, 1), None if p is None else np.eye(2, dtype=np.float32)[list(p)])
        for i, p in enumerate(predictions, 1)
    )


def test_diminishing_returns_is_the_mean_kappa_of_the_window():
    a, b = [0, 0, 1, 1], [0, 1, 1, 1]
    # kappa(a, b): observed .75, by chance .5
    s = state([0, 1], [0, 1], history=rounds(a, a, a, b))
    rule = DiminishingReturns(window=3, threshold=0.8, minimum_rounds=1)
    assert rule.check(s).evidence["kappa"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert rule.check(s).stop
    assert not DiminishingReturns(window=3, threshold=0.9, minimum_rounds=1).check(s).stop
    # the window moves: what was further back no longer counts
    moved = state([0, 1], [0, 1], history=rounds(b, a, a, a, a))
    assert DiminishingReturns(window=3, minimum_rounds=1).check(moved).stop


def test_diminishing_returns_waits_for_enough_rounds_and_more_than_one_label():
    a = [0, 0, 1, 1]
    few = DiminishingReturns(minimum_rounds=5).check(state([0, 1], [0, 1], history=rounds(None, a, a, a, a)))
    assert not few.stop
    assert "4 of 5" in few.reason
    constant = DiminishingReturns().check(state([0, 1], [0, 1], history=rounds(*[[1, 1, 1, 1]] * 6)))
    assert not constant.stop
    assert "one single label" in constant.reason


def test_pool_exhausted_leaves_locked_samples_out():
    sample = (Sample("validation", np.array([1]), 0.5),)
    assert PoolExhausted().check(state([0, -1], [0], samples=sample)).stop
    decision = PoolExhausted().check(state([0, -1], [0]))
    assert not decision.stop
    assert "1 document is left" in decision.reason


def test_any_and_all_combine_decisions_needs_and_evidence():
    s = state([0, 1, -1], [0, 1])
    yes, no = Budget(2), Budget(3)
    assert AnyRule((yes, no)).check(s).stop
    assert AnyRule((yes, no)).check(s).reason == yes.check(s).reason
    assert not AllRules((yes, no)).check(s).stop
    assert AllRules((yes, no)).check(s).reason == no.check(s).reason
    assert AllRules((yes, yes)).check(s).stop
    assert not AnyRule((no, Never())).check(s).stop
    assert AnyRule((yes, no)).check(s).evidence["2.budget"] == 3
    assert AllRules((DiminishingReturns(), TargetReached())).needs == {"stop_set", "validation"}


def test_asking_twice_gives_the_same():
    s = state(TRUTH, [0, 2, 3, 4], question=TOPICS, samples=VALIDATION, probabilities=PREDICTED)
    for rule in (Budget(1), TargetReached(), DiminishingReturns(), PoolExhausted(), Never()):
        assert rule.check(s) == rule.check(s)


@pytest.mark.parametrize(
    ("rule", "settings", "message"),
    [
        (Budget, {"labels": 0}, "labels"),
        (ConsecutiveMisses, {"n": 0}, "n"),
        (TargetReached, {"value": 90.0}, "value"),
        (DiminishingReturns, {"window": 0}, "window"),
        (DiminishingReturns, {"threshold": 1.5}, "threshold"),
        (AnyRule, {"stopping_rules": ()}, "at least one"),
        (AllRules, {"stopping_rules": ()}, "at least one"),
        (AnyRule, {"stopping_rules": Never()}, "must be a list of rules"),
        (AllRules, {"stopping_rules": (Never(), 1)}, "must be a list of rules"),
    ],
)
def test_impossible_settings_are_refused(rule, settings, message):
    with pytest.raises(ValueError, match=message):
        rule(**settings)
