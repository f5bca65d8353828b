"""What a review has cost: by hand, by simulation, and on the screen."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom
from support import make_documents

from docreview import Label, Project
from docreview.cli import main
from docreview.cost import EVERYONE, cost_of, sum_of_times

TRUTH = make_documents(200)[1]


def test_by_hand() -> None:
    answers = [("ann", 30.0), ("ann", 90.0), ("ann", None), ("bob", 60.0), ("bob", 60.0)]
    cost = cost_of(answers, 5, 10, {"ann": 60.0, EVERYONE: 30.0})
    assert cost is not None
    ann, bob = cost.reviewers
    assert (ann.answers, ann.timed) == (3, 2)
    assert ann.hours is not None
    assert bob.hours is not None
    assert ann.hours.value == pytest.approx(180 / 3600)
    # what was timed is known; what was not is between 0 and much
    assert ann.hours.low == pytest.approx(120 / 3600)
    assert bob.hours.low == bob.hours.high == pytest.approx(120 / 3600)
    assert cost.hours.value == pytest.approx(300 / 3600)
    assert cost.money is not None
    assert cost.money.value == pytest.approx(3.0 + 1.0)
    assert cost.hours_saved.value == pytest.approx(10 * 60 / 3600)
    assert cost.money_saved is not None
    assert cost.money_saved.value == pytest.approx(10 * 60 / 3600 * 4.0 / (300 / 3600))


def test_what_is_not_known_is_not_made_up() -> None:
    assert cost_of([], 0, 10) is None
    assert cost_of([("ann", 3.0), ("ann", None)], 2, 10) is None
    cost = cost_of([("ann", 3.0), ("bob", 5.0)], 2, 10, {"ann": 60.0})
    assert cost is not None
    assert cost.money is None
    assert cost.money_saved is None
    assert cost.reviewers[0].money is not None
    assert sum_of_times([], 0) is not None
    assert sum_of_times([3.0], 1) is None


def test_two_answers_a_document_cost_twice() -> None:
    once = cost_of([("ann", t) for t in (10.0, 20.0)] * 5, 10, 30)
    twice = cost_of([(who, t) for t in (10.0, 20.0) for who in ("ann", "bob")] * 5, 10, 30)
    assert once is not None
    assert twice is not None
    assert twice.hours_saved.value == pytest.approx(2 * once.hours_saved.value)


def test_intervals_hold_the_sum_as_often_as_they_say() -> None:
    rng, missed = np.random.default_rng(0), 0
    for _ in range(400):
        times = rng.gamma(4, 10, 240)
        amount = sum_of_times(times[:40].tolist(), 200)
        assert amount is not None
        missed += not amount.low <= times[40:].sum() <= amount.high
    assert 1 <= missed <= binom.isf(0.001, 400, 0.07)


def test_on_the_screen(lexical_project: Callable[..., Project], capfd: pytest.CaptureFixture[str]) -> None:
    def call(*args: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(["status", *args, "-p", str(project.folder)])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    project = lexical_project(200)
    assert "cost" not in call()[1]
    review = project.review()
    for seconds in (30.0, 42.0):
        batch = review.next_batch()
        review.record(*(Label(i, TRUTH[i], "ann", seconds=seconds) for i in batch))
    assert json.loads(call("--json")[1])["cost"]["hours"]["value"] == pytest.approx(0.4)
    out = call()[1]
    assert "0.4 h so far" in out
    assert "1.6 h" in out  # 160 documents at 36 seconds
    out = call("--rate", "100")[1]
    assert "0.4 h so far, 40 in money" in out
    priced = json.loads(call("--rate", "ann=50", "--json")[1])["cost"]
    assert math.isclose(priced["money"]["value"], 20)
    assert math.isclose(priced["money_saved"]["value"], 80)
    for wrong in ("ann=", "x", "-3", "ann=nan"):
        code, _, err = call("--rate", wrong)
        assert code == 2
        assert "--rate takes PRICE or NAME=PRICE" in err
