"""Rules about recall, asked of states: what they count, what they refuse to say, and where they stop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support import make_documents

from docreview import Label
from docreview.certificates import buscar, confidence_sequence, reading_evidence, sample_hits_needed
from docreview.errors import BadSetting
from docreview.estimates import hypergeometric
from docreview.ledger import Ledger
from docreview.plugins import load_plugins
from docreview.rounds import make_state
from docreview.stopping_rules import (
    QBCB,
    AlphaSpending,
    Budget,
    Buscar,
    ChangeInF,
    ConfidenceSequence,
    Knee,
    OverallUncertainty,
    Quant,
    RecallBound,
    SequentialBuscar,
    TargetSet,
)
from docreview.types import Question, ReviewState, Round, Sample

YES_NO = Question("copyleft", ("yes", "no"), target="yes")
TOPICS = Question("topic", ("law", "art", "sport"))


class Learned:
    def __init__(self, probabilities: Any) -> None:
        self.probabilities = np.asarray(probabilities, dtype=np.float32)
        self.scores = self.probabilities


def state(labels, reviewed, *, question=YES_NO, priors=(), samples=(), history=(), chance=None, rounds=None, at=2):
    """A review; `chance` is the target's probability of each row, or the probabilities themselves."""
    labels = np.asarray(labels)
    answered = np.full(labels.size, -1)
    answered[list(reviewed)] = 1 if rounds is None else rounds
    answered[list(priors)] = 0
    p = None if chance is None else np.asarray(chance, dtype=float)
    if p is not None and p.ndim == 1:
        p = np.column_stack([p, 1 - p])
    return ReviewState(
        question=question,
        round=at,
        n=labels.size,
        views={},
        labels=labels,
        rounds=answered,
        reviewed=np.array([*priors, *reviewed], dtype=np.int64),
        samples=samples,
        history=history,
        fitted=lambda: None if p is None else Learned(p),
    )


TARGETED = (Knee(), Buscar(), SequentialBuscar(), QBCB(), TargetSet(), RecallBound(), ConfidenceSequence(), Quant())


@pytest.mark.parametrize("rule", TARGETED, ids=lambda rule: type(rule).__name__)
def test_rules_about_recall_need_a_target(rule) -> None:
    with pytest.raises(BadSetting, match="needs a question with a target"):
        rule.check(state([0, 1], [0, 1], question=TOPICS))


# -------------------------------------------------------------------------------------------------------------- reading


def test_the_knee_by_hand() -> None:
    # 20 hits, then 100 misses: the bend is at 20, the ratio (20 / 20) / ((1 + 0) / 100) = 100, wanted 156 - 20
    s = state([0] * 20 + [1] * 100 + [-1] * 50, range(120))
    decision = Knee().check(s)
    assert decision.evidence["bend"] == 20
    assert decision.evidence["ratio"] == pytest.approx(100)
    assert decision.evidence["wanted"] == 136
    assert not decision.stop
    assert Knee().check(state([0] * 20 + [1] * 136 + [-1] * 50, range(156))).stop
    assert not Knee(minimum_read=200).check(state([0] * 20 + [1] * 136 + [-1] * 50, range(156))).stop
    # with 200 found, 6 is enough
    many = Knee().check(state([0] * 200 + [1] * 6 + [-1] * 50, range(206)))
    assert many.stop
    assert many.evidence["wanted"] == 6
    assert not Knee().check(state([1] * 20, range(20))).stop


def test_tests_of_the_reading_count_priors_and_samples_before_and_skips_as_unread() -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(100) < 0.3, 0, 1)
    labels[[50, 51]] = -1  # skipped
    labels[60:] = -1
    sample = Sample("validation", np.arange(10, 30), 0.2)
    s = state(labels, range(10, 60), priors=range(10), samples=(sample,))
    order = (labels[[*range(30, 50), *range(52, 60)]] == 0).astype(int)
    before = int((labels[:30] == 0).sum())
    decision = Buscar(recall=0.8).check(s)
    assert decision.evidence["p"] == pytest.approx(buscar(order, 42, 0.8, before))
    assert (decision.evidence["unread"], decision.evidence["found"]) == (42, before + int(order.sum()))
    halves = Buscar(recall=0.8, urn=0.5).check(s)
    assert halves.evidence["p"] == pytest.approx(buscar(order, 42, 0.8, before, urn=0.5))
    sequential = SequentialBuscar(recall=0.8, starts=5).check(s)
    evidence = reading_evidence(order, 42, 0.8, before, starts=5)
    assert sequential.evidence["p"] == pytest.approx(min(1, 1 / evidence) if evidence else 1)


@pytest.mark.parametrize("rule", [Buscar(recall=0.9), SequentialBuscar(recall=0.9)], ids=["buscar", "sequential"])
def test_tests_of_the_reading_stop_on_a_long_plateau_and_at_the_end(rule) -> None:
    labels = [0] * 40 + [1] * 960
    assert not rule.check(state(labels[:80] + [-1] * 920, range(80))).stop
    assert rule.check(state(labels[:900] + [-1] * 100, range(900))).stop
    end = rule.check(state(labels, range(1_000)))
    assert end.stop
    assert end.evidence["p"] == 0


def test_the_sequential_test_never_stops_before_the_one_that_is_not() -> None:
    rng = np.random.default_rng(1)
    hits = (rng.random(600) < np.linspace(0.5, 0, 600) ** 2).astype(int)
    stops = []
    for rule in (Buscar(recall=0.9), SequentialBuscar(recall=0.9)):
        told = [
            rule.check(state(np.where(np.arange(600) < s, 1 - hits, -1), range(s))).stop for s in range(20, 601, 20)
        ]
        stops.append(told.index(True))
    assert 0 < stops[0] < stops[1] < 29


# -------------------------------------------------------------------------------------------------------------- samples


#: the first 60 rows are of the target, but for one: a model needs both labels
LABELS = [0, 0, 0, 1, *[0] * 56, *[1] * 140]


def ranked(sample_rows: list[int], read: int, labels: list[int], n: int = 200) -> ReviewState:
    """Rows are ranked as they are numbered; all but the sample's are read down to row `read`."""
    sample = Sample("validation", np.array(sample_rows), len(sample_rows) / n)
    rows = [row for row in range(read) if row not in sample_rows]
    shown = np.full(n, -1)
    answered = [*sample_rows, *rows]
    shown[answered] = np.asarray(labels)[answered]
    return state(shown, answered, samples=(sample,), chance=np.linspace(0.99, 0.01, n))


def test_qbcb_counts_the_sample_ranked_above_all_that_is_unread() -> None:
    labels = LABELS
    rows = [*range(0, 60, 4), *range(61, 200, 10)]  # 15 of the target
    needed = sample_hits_needed(15, 0.8)
    assert needed == 15
    # row 56 is the last of the target in the sample
    before, after = (QBCB(0.8).check(ranked(rows, read, labels)) for read in (55, 57))
    assert (before.evidence["reached"], before.stop) == (14, False)
    assert (after.evidence["reached"], after.stop) == (15, True)
    few = QBCB(0.9).check(ranked(rows, 200, labels))
    assert not few.stop
    assert "too few to certify" in few.reason


def test_qbcb_takes_a_skipped_document_for_one_not_reached() -> None:
    labels = list(LABELS)
    labels[8] = -1
    s = ranked([*range(0, 60, 4), 100], 70, labels)
    decision = QBCB(0.8).check(s)
    assert (decision.evidence["positives"], decision.evidence["reached"]) == (15, 14)
    assert not decision.stop


def test_the_target_set_is_the_first_of_the_sample_and_all_of_it() -> None:
    labels = LABELS
    rows = [50, 70, 10, 20, 90, 30]
    two = TargetSet(positives=2)
    assert not two.check(ranked(rows, 49, labels)).stop, "row 50 has not been come to"
    assert two.check(ranked(rows, 50, labels)).stop
    assert not TargetSet(positives=5).check(ranked(rows, 200, labels)).stop
    assert TargetSet(10).check(ranked([*range(12)], 30, labels)).evidence["recall"] == pytest.approx(0.7411, abs=1e-4)


def test_samples_say_nothing_where_they_cannot() -> None:
    labels = LABELS
    rows = list(range(0, 60, 2))
    for rule in (QBCB(), TargetSet(), RecallBound(), ConfidenceSequence()):
        assert "no validation sample" in rule.check(state(labels, range(200))).reason
    grown = ranked(rows, 200, labels)
    grown = state([*grown.labels, -1, -1], grown.reviewed, samples=grown.samples, chance=np.linspace(0.99, 0.01, 202))
    for rule in (QBCB(), TargetSet(), RecallBound(), ConfidenceSequence()):
        decision = rule.check(grown)
        assert not decision.stop
        assert "drawn from 200 documents and there are 202" in decision.reason
    # documents that a simulation sets aside belong to no collection
    aside = Sample("held-out", np.array([200, 201]), 1.0)
    apart = state(grown.labels, grown.reviewed, samples=(*grown.samples, aside), chance=np.linspace(0.99, 0.01, 202))
    assert "drawn from" not in QBCB().check(apart).reason
    # rows 0 to 28 of the sample answered, the others open
    half = state([0] * 30 + [-1] * 170, range(30), samples=(Sample("validation", np.array(rows), 0.15),))
    for rule in (QBCB(), RecallBound()):
        assert "15 of 30" in rule.check(half).reason
    assert "recall is at least" in ConfidenceSequence().check(half).reason


def test_bounds_from_a_late_sample_count_what_was_found_before_and_in_it() -> None:
    """Elusion: 100 read and 40 found, then 60 drawn of the 300 left, with one hit."""
    labels = np.array([0] * 40 + [1] * 60 + [1] * 59 + [0] + [-1] * 240)
    sample = Sample("elusion", np.arange(100, 160), 60 / 300)
    s = state(labels, range(160), samples=(sample,), rounds=[1] * 100 + [2] * 60)
    bound = RecallBound(0.8, sample="elusion").check(s)
    missed = hypergeometric(1, 60, 300, 0.9).high - 1
    assert bound.evidence["missed_at_most"] == missed
    assert bound.evidence["low"] == pytest.approx(41 / (41 + missed))
    sequence = ConfidenceSequence(0.8, sample="elusion").check(s)
    missed = confidence_sequence(1, 60, 300).high - 1
    assert sequence.evidence["low"] == pytest.approx(41 / (41 + missed))
    assert sequence.evidence["low"] < bound.evidence["low"]
    # a skip may be a hit that nobody found
    labels[100] = -1
    doubt = RecallBound(0.8, sample="elusion").check(
        state(labels, range(160), samples=(sample,), rounds=[1] * 100 + [2] * 60)
    )
    assert doubt.evidence["missed_at_most"] == hypergeometric(2, 60, 300, 0.9).high - 1


def test_bounds_stop_when_what_may_be_left_is_little_enough() -> None:
    labels = np.array([0] * 190 + [1] * 10 + [1] * 300)
    sample = Sample("elusion", np.arange(200, 500), 1.0)
    for rule in (RecallBound(0.95, sample="elusion"), ConfidenceSequence(0.95, sample="elusion")):
        whole = state(labels, range(500), samples=(sample,), rounds=[1] * 200 + [2] * 300)
        assert rule.check(whole).stop
        shown = np.where(np.arange(500) < 230, labels, -1)
        part = state(shown, range(230), samples=(sample,), rounds=[1] * 200 + [2] * 30)
        assert not rule.check(part).stop
    # the sequence may end in the middle of the sample
    reads = [
        n
        for n in range(10, 301, 10)
        if ConfidenceSequence(0.9, sample="elusion")
        .check(
            state(
                np.where(np.arange(500) < 200 + n, labels, -1),
                range(200 + n),
                samples=(sample,),
                rounds=[1] * 200 + [2] * n,
            )
        )
        .stop
    ]
    assert 30 < min(reads) < 150


def test_a_bound_does_not_stop_a_review_that_has_found_nothing() -> None:
    sample = Sample("validation", np.arange(100), 1.0)
    assert not RecallBound().check(state([1] * 100, range(100), samples=(sample,))).stop


# ---------------------------------------------------------------------------------------------------------------- model


def test_quant_by_hand() -> None:
    chance = np.array([0.9, 0.8, 0.9, 0.1, 0.2, 0.05, 0.05, 0.05])
    s = state([0, 0, 0, 1, -1, -1, -1, -1], range(4), chance=chance)
    known, total = 2.7, 3.05
    spread = (chance * (1 - chance)).sum()
    of_known = (chance * (1 - chance))[:4].sum()
    deviation = math.sqrt(known**2 / total**4 * spread + of_known / total**2)
    decision = Quant(0.8, deviations=1).check(s)
    assert decision.evidence["expected"] == pytest.approx(known / total, abs=1e-6)
    assert decision.evidence["low"] == pytest.approx(known / total - deviation, abs=1e-6)
    assert not decision.stop
    assert Quant(0.8, deviations=0).check(s).stop


def test_quant_stops_where_tarexp_does() -> None:
    stopping = pytest.importorskip("tarexp.component.stopping")
    chance = np.array([0.9, 0.8, 0.9, 0.1, 0.2, 0.05, 0.05, 0.05])
    s = state([0, 0, 0, 1, -1, -1, -1, -1], range(4), chance=chance)

    class Ledger:
        n_rounds, annotated = 3, np.arange(8) < 4

    class Workflow:
        latest_scores = chance

    for recall in (0.5, 0.6, 0.7, 0.8, 0.88, 0.9):
        for deviations in (0, 1, 2):
            theirs = stopping.QuantStoppingRule(recall, deviations).checkStopping(Ledger, Workflow)
            assert Quant(recall, deviations).check(s).stop == theirs


def test_overall_uncertainty_is_the_mean_entropy_of_what_is_unread() -> None:
    history = tuple(Round(i, 10 * i, (1, 1)) for i in range(1, 6))
    chance = [0.9, 0.1, 0.5, 0.25, 1.0]
    s = state([0, 1, -1, -1, -1], [0, 1], chance=chance, history=history)
    decision = OverallUncertainty(threshold=0.6).check(s)
    quarter = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert decision.evidence["entropy"] == pytest.approx((1 + quarter + 0) / 3, abs=1e-6)
    assert not decision.stop
    assert OverallUncertainty(threshold=0.61).check(s).stop
    early = state([0, 1, -1, -1, -1], [0, 1], chance=chance, history=history[:4])
    assert not OverallUncertainty(threshold=0.61).check(early).stop


def rounds(*predictions, width=2):
    return tuple(
        Round(i, 20 * i, (1,) * width, np.eye(width, dtype=np.float32)[list(p)]) for i, p in enumerate(predictions, 1)
    )


def test_change_in_f_by_hand() -> None:
    a, b = [0, 0, 0, 1], [0, 0, 1, 1]
    # both 2, one of them 1: 1 - 4 / 5
    s = state([0, 1], [0, 1], history=rounds(a, a, a, b))
    decision = ChangeInF(window=3, threshold=0.2, minimum_rounds=1).check(s)
    assert decision.evidence["change"] == pytest.approx(0.2)
    assert decision.stop
    assert not ChangeInF(window=3, threshold=0.19, minimum_rounds=1).check(s).stop
    assert not ChangeInF(window=3, threshold=0.2, minimum_rounds=5).check(s).stop
    moved = state([0, 1], [0, 1], history=rounds(b, a, a, a, a))
    assert ChangeInF(window=3).check(moved).stop
    # agreement on what is not the target is none: both call nothing the target
    nothing = ChangeInF().check(state([0, 1], [0, 1], history=rounds(*[[1, 1, 1, 1]] * 5)))
    assert not nothing.stop
    assert "no document of the stop set 'yes'" in nothing.reason
    # without a target, the mean over labels: sport 1 - 2 / 3, art 1 - 2 / 3, law 0
    many = state([0, 1], [0, 1], question=TOPICS, history=rounds([0, 1, 2, 2], [0, 1, 1, 2], width=3))
    assert ChangeInF(window=1, minimum_rounds=1).check(many).evidence["change"] == pytest.approx(2 / 9)


# ------------------------------------------------------------------------------------------------------ alpha spending


@pytest.mark.parametrize(("looks", "levels"), [(None, [0.025, 0.05 / 6, 0.05 / 12]), (2, [0.025, 0.025, 0.0])])
def test_alpha_spending_asks_at_levels_that_add_up(looks: int | None, levels: list[float]) -> None:
    rule = AlphaSpending(Buscar(recall=0.5), 0.05, looks)
    labels = [0, 1, 1, 1, 1, -1, -1]  # p 1 / 15
    told = [rule.check(state(labels, range(5), at=look + 1)) for look in (1, 2, 3)]
    assert [d.evidence["level"] for d in told] == pytest.approx(levels)
    assert [d.evidence["look"] for d in told] == [1, 2, 3]
    assert not any(d.stop for d in told)
    # a level of 0.1 at the first look is enough for 1 / 15
    generous = AlphaSpending(Buscar(recall=0.5), 0.2)
    assert generous.check(state(labels, range(5), at=2)).stop
    assert not generous.check(state(labels, range(5), at=3)).stop
    assert sum(0.05 / (j * (j + 1)) for j in range(1, 100_000)) <= 0.05


def test_alpha_spending_takes_rules_with_a_level_only() -> None:
    assert AlphaSpending(RecallBound(confidence=0.9)).needs == {"validation"}
    with pytest.raises(ValueError, match="a rule with a level"):
        AlphaSpending(Budget(3))


@pytest.mark.parametrize(
    ("rule", "settings", "message"),
    [
        (Knee, {"ratio": 0.5}, "ratio"),
        (Buscar, {"recall": 0.0}, "recall"),
        (Buscar, {"alpha": 1.0}, "alpha"),
        (Buscar, {"urn": 2.0}, "urn"),
        (SequentialBuscar, {"starts": 0}, "starts"),
        (QBCB, {"confidence": 95.0}, "confidence"),
        (TargetSet, {"positives": 0}, "positives"),
        (RecallBound, {"recall": 1.1}, "recall"),
        (ConfidenceSequence, {"confidence": 1.0}, "confidence"),
        (Quant, {"deviations": -1.0}, "deviations"),
        (OverallUncertainty, {"threshold": 0.0}, "threshold"),
        (ChangeInF, {"window": 0}, "window"),
    ],
)
def test_impossible_settings_are_refused(rule, settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        rule(**settings)


# --------------------------------------------------------------------------------------------------------- old records


def test_every_rule_can_be_asked_of_each_round_of_an_old_record(lexical_project) -> None:
    """A review without any rule; its record alone gives each rule the state of each round, and the last is today's."""
    project = lexical_project(200, 'validation = 30\nstopping_rule = "never"\n')
    review, (_, truth) = project.review(), make_documents(200)
    for _ in range(7):
        review.record(*(Label(i, truth[i], "me") for i in review.next_batch()))
    registry = load_plugins().registry
    inner = {"alpha-spending": {"stopping_rule": "buscar"}, "budget": {"labels": 30}}
    inner |= {"any": {"stopping_rules": ["never"]}, "all": {"stopping_rules": ["never"]}}
    rules = {
        e.name: registry.create("stopping_rules", e.name, inner.get(e.name))
        for e in registry.entries("stopping_rules")
        if e.plugin == "docreview"
    }
    ledger, told = Ledger(project.store.rows), {name: [] for name in rules}
    views = {name: project.corpus.vectors(name, 200) for name in project.corpus.views}
    model = review._components.model
    for entry in project.store.entries(review.chain):
        if entry.kind == "batch" and ledger.round:
            s = make_state(ledger, lambda: model, review.settings.seed, 200, views, None, project.corpus.texts)
            for name, rule in rules.items():
                told[name].append(rule.check(s))
        ledger.apply([entry])
    assert {name: len(decisions) for name, decisions in told.items()} == dict.fromkeys(rules, 6)
    s = make_state(ledger, lambda: model, review.settings.seed, 200, views, None, project.corpus.texts)
    for name, rule in rules.items():
        assert rule.check(s) == rule.check(review.state()), name
    read = [d.evidence["read"] for d in told["budget"]]
    assert read == sorted(set(read)), "each round knows what was read then, and no more"
