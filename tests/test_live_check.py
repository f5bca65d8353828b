"""Whether choosing helps: told where it does and where it does not, and seldom where there is nothing to tell."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from live_check_support import Clusters, Simulated
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score
from support import LEXICAL, make_documents

from docreview import Label, Project
from docreview.cli.results import status_command
from docreview.ledger import Asked
from docreview.live_check import FEWEST, LiveCheck, live_check
from docreview.live_check.comparing import _Fits, _macro_f1, _needed, _rising, as_if_unread
from docreview.query_strategies import Mixture, Random
from docreview.types import Question


def check_of(review: Simulated, seed: int = 0) -> LiveCheck:
    check = live_check(review.ledger, review.state, review.model, seed)
    assert check is not None
    return check


def predicted(review: Simulated, state: Any) -> Any:
    if not state.trainable:
        return np.full(state.n, -1)
    return review.model.value.fit(state, None).probabilities.argmax(axis=1)


# ------------------------------------------------------------------------------------------------------ does it tell?


def test_choosing_that_helps_is_said_to_help():
    for seed in range(3):
        # what has been asked for once is known: random documents leave a third of the clusters out
        review = Simulated(seed, n=4_000, clusters=160, noise=0.05)
        check = check_of(review.read(Clusters(review.cluster), 50, size=40, exploration=0.1))
        assert check.helps is True
        assert (check.random, check.chosen, check.labels) == (200, 1_800, 160)
        assert check.difference.low > 0
        assert check.saved.value > 0
        assert check.macro_f1_difference.low > 0
        assert "Choosing helps: after the start, the first 160 labels asked for make it right on" in check.reason
        assert re.search(r"It saved (at least )?\d\d% of the labels", check.reason)


def test_choosing_from_one_corner_is_said_not_to_help():
    for seed in range(3):
        review = Simulated(seed)
        check = check_of(review.read(Clusters(review.cluster, only=(0, 1, 2, 3, 4)), 16))
        assert check.helps is False
        assert check.difference.high < 0
        assert check.saved.high < 0
        assert "Choosing does not help: " in check.reason
        assert "It saved no labels: 50% more of them did not do what the random ones did." in check.reason


def test_where_nothing_is_chosen_nothing_is_told_more_often_than_the_interval_allows():
    """The rest of each batch is random too: what is told is told by chance, in 5 of 100 reviews at most."""
    told, outside, seeds = 0, 0, 100
    for seed in range(seeds):
        # settings by turns: hard and easy documents, few and many
        review = Simulated(seed, noise=(0.1, 0.3)[seed % 2]).read(Random(), (12, 24)[seed // 2 % 2])
        check = check_of(review, seed)
        told += check.helps is not None
        outside += not check.saved.low - 1e-9 <= 0 <= check.saved.high + 1e-9
        assert (check.helps is None) == ("cannot be told yet" in check.reason)
    # 5 % of 100, and three standard errors
    assert told <= 11
    assert outside <= 11


@pytest.mark.parametrize("hard", [(), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_the_accuracy_is_that_of_the_models_of_then_on_what_was_unread(hard: tuple[int, ...]):
    """Over many reviews the mean estimate is the mean truth, though half is read, and that is far from random."""
    off, covered, seeds = [], 0, 60
    for seed in range(seeds):
        review = Simulated(seed, noise=0.3, n=800)
        noisy = np.isin(review.cluster, hard)  # what is hard is asked for first, and its label is chance
        review.truth[noisy] = np.random.default_rng(seed).integers(4, size=noisy.sum())
        truths = []
        for _ in range(20):
            state = review.state
            right = predicted(review, state) == review.truth
            truths.append(right[state.pool].mean() if state.trainable else 0)
            review.read(Clusters(review.cluster, hard), 1, exploration=0.2)
        # of 80 random documents, 4 a round, the last 40 are five parts of 8: models before rounds 11, 13, 15, 17, 19,
        # each for two rounds, in which hardly anything is read
        check = check_of(review, seed)
        truth = np.mean(truths[10::2])
        assert (check.accuracy.n, check.over) == (40, 200)
        off.append(check.accuracy.value - truth)
        covered += check.accuracy.low <= truth <= check.accuracy.high
    assert np.mean(off) == pytest.approx(0, abs=3 * np.std(off) / np.sqrt(seeds) + 0.003)
    assert covered >= 0.88 * seeds


# ------------------------------------------------------------------------------------------------ which are random


def test_the_record_knows_what_was_drawn_at_random():
    review = Simulated()
    review.read(Clusters(review.cluster), 2, cold=20)
    asked = list(review.ledger.asked.values())
    assert asked[0] == Asked(1, "random", True, 2_000)
    assert sum(a.at_random for a in asked[:20]) == 20
    assert sum(a.at_random for a in asked[20:]) == 10
    assert {a.candidates for a in asked[20:]} == {1_980, 1_960}
    assert review.ledger.explores
    assert len(review.ledger.interleaved()) == 40, "without the random start"
    # random, but from what exploration left: no sample of all candidates
    review.batch(Mixture((Random(),), exploration=0.2), 10)
    assert sum(a.at_random for a in list(review.ledger.asked.values())[60:]) == 2


def test_what_a_strategy_asked_before_it_explored_is_part_of_the_start():
    review = Simulated()
    review.read(Clusters(review.cluster), 3, exploration=0.0)
    assert not review.ledger.explores
    review.read(Clusters(review.cluster), 2)
    assert len(review.ledger.interleaved()) == 40


def test_what_another_strategy_asks_later_is_in_neither_arm():
    review = Simulated(noise=0.3)
    review.read(Clusters(review.cluster), 6, cold=20)
    before = live_check(review.ledger, review.state, review.model, 0)
    for _ in range(20):
        for row in review.batch(Clusters(review.cluster), 20, "plain"):
            review.answer(row, int(review.truth[row]))
    after = live_check(review.ledger, review.state, review.model, 0)
    assert before is not None
    assert after is not None
    assert before.accuracy_random is not None
    # with 400 labels more, either arm would be right nearly always
    assert after.accuracy_random == pytest.approx(before.accuracy_random, abs=0.05)
    assert after.accuracy_asked == pytest.approx(before.accuracy_asked, abs=0.05)


@pytest.mark.parametrize("strategy", [Random(), None])
def test_a_review_without_random_documents_among_chosen_ones_is_not_checked(strategy: Any):
    review = Simulated()
    for _ in range(4):
        for row in review.batch(strategy or Clusters(review.cluster), 20, "plain"):
            review.answer(row, int(review.truth[row]))
    assert not review.ledger.explores
    assert live_check(review.ledger, review.state, review.model, 0) is None


def test_documents_of_a_locked_sample_take_no_part():
    locked = list(range(0, 2_000, 5))
    review = Simulated(samples={"validation": locked})
    review.read(Clusters(review.cluster), 10)
    before = check_of(review)
    for row in locked[:100]:
        review.answer(row, int(review.truth[row]))
    assert check_of(review) == before
    assert before.random == 50
    assert next(iter(review.ledger.asked.values())).candidates == 1_600, "without the sample"


def test_skipped_documents_take_no_part_and_labels_that_came_with_the_files_start_both_arms():
    review = Simulated()
    for row in range(400):  # all there is to know
        review.answer(row, int(review.truth[row]), prior=True)
    review.read(Clusters(review.cluster), 10)
    drawn = [row for row, asked in review.ledger.asked.items() if asked.at_random]
    review.answer(drawn[0], None)
    check = check_of(review)
    assert (check.labeled, check.random, check.chosen) == (599, 49, 150)
    assert check.accuracy_random > 0.9, "39 random labels alone would not do that"


def test_a_document_is_predicted_by_models_that_did_not_see_its_label():
    """With labels that mean nothing, whoever looked would be right more often than by chance."""
    review = Simulated(noise=1.0, n=4_000)
    review.truth = np.random.default_rng(0).integers(4, size=review.n)
    check = check_of(review.read(Clusters(review.cluster), 60))
    chance = 0.25 + 3 * np.sqrt(0.25 * 0.75 / check.random)
    assert check.random == 300
    assert max(check.accuracy.value, check.accuracy_asked, check.accuracy_random) < chance


# --------------------------------------------------------------------------------------------------------- too little


def test_too_few_random_documents_say_how_many_are_missing():
    review = Simulated()
    review.read(Clusters(review.cluster), 4)
    check = check_of(review)
    assert (check.helps, check.accuracy, check.difference, check.random) == (None, None, None, 20)
    assert check.reason == (
        "Too early to say whether choosing helps: 20 documents drawn at random have a label, and 10 more are needed."
    )
    assert check_of(review.read(Clusters(review.cluster), 2)).accuracy is not None
    assert check_of(review).random == FEWEST


def test_one_label_only_is_measured_and_not_compared():
    review = Simulated()
    review.truth[:] = 2
    check = check_of(review.read(Clusters(review.cluster), 8))
    assert check.accuracy.value == 1.0
    assert check.difference is None
    assert "all 40 random documents carry 'c'" in check.reason


def test_too_few_chosen_documents_say_so():
    review = Simulated().read(Random(), 1, size=40, exploration=0.85)
    check = check_of(review)
    assert check.difference is None
    assert "only 6 documents were chosen, and 10 are needed." in check.reason


def test_a_rare_target_is_counted_in_both_kinds_of_documents():
    review = Simulated(question=Question("q", ("yes", "no"), target="yes"), n=8_000)
    review.truth = np.where(review.cluster == 7, 0, 1)
    check = check_of(review.read(Clusters(review.cluster, only=(1, 2)), 15))
    for drawn, told in ((True, check.target_random), (False, check.target_chosen)):
        rows = [row for row, asked in review.ledger.asked.items() if asked.at_random is drawn]
        assert (told.value, told.n) == ((review.truth[rows] == 0).mean(), len(rows))
    assert check.target_random.value > 0 == check.target_chosen.value
    assert "Of the chosen documents 0.0% are 'yes', of the random ones 1.3%." in check.reason


def test_labels_that_are_all_alike_predict_themselves():
    review = Simulated().read(Random(), 3)
    state, steps = review.state, []
    fits = _Fits(state, review.model, 0, lambda *step: steps.append(step), 2)
    same = state.labeled[state.labels[state.labeled] == 2]
    assert fits.predict(same, np.arange(50)).tolist() == [2] * 50
    assert fits.predict(same[:0], np.arange(3)).tolist() == [-1] * 3, "of no labels no model says anything"
    assert [step[1:] for step in steps] == [(1, 2), (2, 2)]


# ------------------------------------------------------------------------------------------------------- the numbers


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
@settings(deadline=None)
def test_curves_are_made_to_rise_as_isotonic_regression_does(values):
    expected = IsotonicRegression().fit_transform(np.arange(len(values)), values)
    assert _rising(np.array([values]))[0] == pytest.approx(expected, abs=1e-9)


def test_labels_needed_lie_between_the_sizes_that_were_tried():
    curves = np.array([[0.4, 0.6, 0.8, 0.8], [0.9, 0.9, 0.9, 0.9], [0.1, 0.2, 0.3, 0.4]])
    assert _needed(curves, (10, 20, 40, 60), np.full((3, 1), 0.7)) == pytest.approx([30, 10, 60])


def test_macro_f1_of_weighted_documents_is_that_of_repeated_ones():
    rng = np.random.default_rng(1)
    truth, predicted, weights = rng.integers(3, size=30), rng.integers(4, size=30), rng.integers(3, size=(5, 30))
    for row, got in zip(weights, _macro_f1(weights.astype(float), truth, predicted, 4), strict=True):
        t, p = np.repeat(truth, row), np.repeat(predicted, row)
        assert got == pytest.approx(f1_score(t, p, average="macro", labels=np.union1d(t, p), zero_division=0))


def test_a_state_as_if_unread_knows_nothing_of_the_rows():
    review = Simulated().read(Random(), 3)
    state = review.state
    rows = state.labeled[::2]
    part = as_if_unread(state, rows)
    assert np.setdiff1d(state.labeled, rows).tolist() == part.labeled.tolist()
    assert (part.rounds[rows] == -1).all()
    assert not np.isin(rows, part.reviewed).any()
    assert np.isin(rows, part.pool).all()
    assert {a.row for a in part.annotations} == set(part.labeled.tolist())
    assert part.fitted() is None


def test_what_is_kept_is_what_was_computed():
    review = Simulated()
    check = check_of(review.read(Clusters(review.cluster), 12))
    assert LiveCheck.from_json(json.loads(json.dumps(check.to_json()))) == check
    assert check_of(review) == check, "the same review, the same numbers"


# ---------------------------------------------------------------------------------------------------- end to end

MIXTURE = """
[questions.copyleft.query_strategy]
name = "mixture"
query_strategies = ["margin"]
exploration = 0.25
"""


def read(project: Project, rounds: int, n: int = 400) -> None:
    review, truth = project.review(), make_documents(n)[1]
    for _ in range(rounds):
        review.record(*(Label(i, truth[i], "me") for i in review.next_batch()))


@pytest.fixture
def project(lexical_project: Callable[..., Project]) -> Project:
    return lexical_project(400, more=MIXTURE)


def test_status_and_report_say_whether_choosing_helps(project: Project):
    def shown(*options: str) -> str:
        done = CliRunner().invoke(status_command, ["-p", str(project.folder), *options])
        assert done.exit_code == 0, done.output
        return " ".join(done.stdout.split())

    read(project, 1)
    assert project.status().live_check is None, "a random start alone is no check"
    read(project, 7)
    assert project.status().live_check.reason == "Not computed yet: 'docreview report' says whether choosing helps."
    assert "does choosing help Not computed yet" in shown()
    html = project.report(project.folder / "report.html").read_text("utf-8")
    check = project.status().live_check
    assert (check.random, check.chosen, check.labeled) == (35, 105, 160)
    assert check.accuracy.value > 0.8
    for words in (
        "<h2>Whether choosing helps</h2>",
        "labels saved by choosing",
        "random documents that the model of then was right on",
    ):
        assert words in html
    tables = json.loads(project.report(project.folder / "report.json").read_text("utf-8"))["tables"]
    table = next(table for table in tables if table["title"] == "Whether choosing helps")
    assert table["rows"][0][1:] == [check.accuracy.value, check.accuracy.low, check.accuracy.high]
    assert table["note"].startswith(check.reason)
    assert f"does choosing help {check.reason}" in shown()
    assert json.loads(shown("--json"))["live_check"]["difference"]["low"] == check.difference.low
    # what was kept says when it was
    read(project, 1)
    assert shown().count(f"does choosing help At 160 labels (180 now): {check.reason}") == 1
    assert project.review().live_check().labeled == 180


def test_a_review_whose_strategy_draws_nothing_at_random_says_nothing(lexical_project: Callable[..., Project]):
    project = lexical_project(400, text=LEXICAL)
    read(project, 4)
    assert project.status().live_check is None
    assert "Whether choosing helps" not in project.report(project.folder / "report.html").read_text("utf-8")


def test_the_record_replays_and_the_check_comes_out_the_same(project: Project):
    read(project, 8)
    before = project.review().live_check()
    assert project.replay() == []
    project.close()
    shutil.rmtree(project.folder / ".docreview" / "cache")
    with Project.open(project.folder) as again:
        assert again.status().live_check.difference is None, "nothing is kept"
        steps: list[tuple[int, int]] = []
        assert again.review().live_check(lambda step, done, total: steps.append((done, total))) == before
        assert steps == [(i + 1, 18) for i in range(18)], "one step a fit, and as many as were announced"
        steps.clear()
        assert again.review().live_check(lambda step, done, total: steps.append((done, total))) == before
        assert steps == [], "kept, not computed again"


def test_other_answers_are_another_check(project: Project):
    read(project, 8)
    review = project.review()
    before = review.live_check()
    row = next(row for row, asked in review.ledger.interleaved().items() if asked.at_random)
    document = project.store.ids_of([row])[0]
    given = review.labels()[document]
    review.record(Label(document, "no" if given == "yes" else "yes", "me"))
    after = review.live_check()
    assert after != before
    review.record(Label(document, None, "me"))
    assert review.live_check().random == before.random - 1
    review.record(Label(document, given, "me"))
    assert review.live_check() == replace(before), "the same answers, however they came about"
