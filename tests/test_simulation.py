"""Simulations count what a review would have cost: exactly, on the engine itself, and alike for every arm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support import make_documents

from docreview import Label, Project
from docreview.contracts import Component
from docreview.errors import DocreviewError
from docreview.metrics import needed
from docreview.oracles import KnownLabels, Noisy
from docreview.registry import Registration
from docreview.simulation import mean_gain

Make = Callable[..., Project]


def test_documents_are_counted_one_by_one_in_the_order_of_reading(lexical_project: Make) -> None:
    """The same counts come out when the project itself is reviewed by hand with the same seed."""
    project = lexical_project(200)
    _, truth = make_documents(200)
    done = project.simulate(truth, seed=0)
    review = project.review()
    order: list[str] = []
    total = sum(value == "yes" for value in truth.values())
    while sum(truth[i] == "yes" for i in order) < total:
        batch = review.next_batch()
        review.record(*(Label(i, truth[i]) for i in batch))
        order += batch
    assert [project.store.ids()[row] for row in done.rows] == order
    found = np.cumsum([truth[i] == "yes" for i in order]).tolist()
    for recall in (0.5, 0.8, 0.95, 1.0):
        assert done.read_to(recall) == 1 + found.index(needed(recall, total))
    assert done.totals.tolist() == [total, 200 - total]
    assert [r.read for r in done.rounds] == list(range(20, len(order) + 1, 20))


def test_arms_read_the_same_first_batch_and_seeds_another(lexical_project: Make) -> None:
    project = lexical_project(150)
    _, truth = make_documents(150)
    ours = [project.simulate(truth, seed=seed).rows for seed in (0, 1)]
    random = [project.simulate(truth, overrides={"query_strategy": "random"}, seed=seed).rows for seed in (0, 1)]
    for one, other in zip(ours, random, strict=True):
        assert one[:20].tolist() == other[:20].tolist()
        assert one[20:40].tolist() != other[20:40].tolist()
    assert ours[0][:20].tolist() != ours[1][:20].tolist()
    again = project.simulate(truth, seed=0)
    assert again.rows.tolist() == ours[0].tolist()


def test_held_out_documents_are_never_read_and_measure_every_round(lexical_project: Make) -> None:
    project = lexical_project(200)
    _, truth = make_documents(200)
    out = [f"doc-{i:05}" for i in range(0, 200, 4)]
    done = project.simulate(truth, held_out=out, labels=60)
    assert not set(project.store.rows(out)) & set(done.rows.tolist())
    assert done.totals.sum() == 150
    assert [r.read for r in done.rounds] == [20, 40, 60]
    assert all(r.accuracy is not None and r.macro_f1 is not None for r in done.rounds)
    assert done.rounds[-1].accuracy is not None
    assert done.rounds[-1].accuracy > 0.85
    assert done.stopped == "60 documents were read."


def test_documents_without_a_known_label_are_set_aside(lexical_project: Make) -> None:
    project = lexical_project(100)
    _, truth = make_documents(100)
    known = {i: value for i, value in truth.items() if int(i[-5:]) % 2}
    done = project.simulate(known)
    assert (done.rows % 2 == 1).all()
    assert done.totals.sum() == 50


def test_priors_teach_and_are_not_to_be_found(lexical_project: Make) -> None:
    project = lexical_project(200)
    _, truth = make_documents(200)
    ids = sorted(truth, key=lambda i: (truth[i] == "no", i))
    total = sum(value == "yes" for value in truth.values())
    priors = [Label(i, truth[i], "prior", prior=True) for i in (*ids[:3], *ids[-3:])]
    done = project.simulate(truth, priors=priors)
    assert done.totals.tolist() == [total - 3, 200 - total - 3]
    assert done.stopped == f"All {total - 3:,} documents of 'yes' were found."
    assert done.read_to(1.0) == done.rows.size - (done.hits[::-1].argmax())
    assert not set(project.store.rows([label.document_id for label in priors])) & set(done.rows.tolist())


def test_an_oracle_errs_and_the_truth_is_counted(lexical_project: Make) -> None:
    project = lexical_project(120)
    _, truth = make_documents(120)
    noisy = Component(Noisy(KnownLabels(truth), flip=0.3), Registration("oracles", "noisy", Noisy, "docreview", "1"))
    done = project.simulate(truth, oracle=noisy)
    rows = [project.store.ids()[row] for row in done.rows]
    assert done.hits.tolist() == [int(truth[i] == "yes") for i in rows]
    assert done.rows.tolist() != project.simulate(truth).rows.tolist()
    assert done.rows.tolist() == project.simulate(truth, oracle=noisy).rows.tolist()


def test_a_simulation_may_obey_the_stopping_rule_and_leaves_no_trace(lexical_project: Make) -> None:
    project = lexical_project(200, '[questions.copyleft.stopping_rule]\nname = "budget"\nlabels = 30\n')
    _, truth = make_documents(200)
    assert project.simulate(truth, obey=True).rows.size == 40
    assert project.simulate(truth).rows.size > 40
    assert project.store.chains == ["corpus"]


def test_nothing_to_find_is_one_clear_line(lexical_project: Make) -> None:
    project = lexical_project(20)
    with pytest.raises(DocreviewError, match="no document carries the target 'yes'"):
        project.simulate({f"doc-{i:05}": "no" for i in range(20)})
    with pytest.raises(DocreviewError, match=r"a review has no setting 'query_stratgy'\. Did you mean"):
        project.simulate({"doc-00000": "yes"}, overrides={"query_stratgy": "random"})


def test_the_mean_gain_curve_agrees_with_the_mean_of_the_readings() -> None:
    paths = [np.cumsum([0, 1, 0, 1, 1]), np.cumsum([1, 0, 0, 0, 1, 1])]
    x, y, low, high = mean_gain(paths)
    assert x.tolist() == [0, 1.5, 4.5, 5.5, 6]
    assert y.tolist() == [0, 1, 2, 3, 3]
    assert low.tolist() == [0, 0, 1, 2, 3]
    assert high.tolist() == [0, 1, 2, 3, 3]


def test_the_mean_gain_curve_of_reviews_that_ended_early() -> None:
    x, y, low, high = mean_gain([np.cumsum([1, 1]), np.cumsum([0, 0])])
    assert x.tolist() == [0, 2]
    assert y.tolist() == [0, 1]
    assert (low[-1], high[-1]) == (0, 2)
