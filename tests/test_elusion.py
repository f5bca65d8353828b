"""An elusion sample: drawn blindly of what nobody has read, locked, hidden on demand, never trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support import make_documents

from docreview import Label, Project, Review
from docreview.errors import ProjectError
from docreview.stopping_rules import ConfidenceSequence, RecallBound

Make = Callable[..., Project]
TRUTH = make_documents(400)[1]


def answer(review: Review, rounds: int = 1) -> list[tuple[str, ...]]:
    batches = []
    for _ in range(rounds):
        batch = review.next_batch()
        review.record(*(Label(i, TRUTH[i], "me") for i in batch))
        batches.append(batch.document_ids)
    return batches


def sampled(review: Review, name: str = "elusion") -> list[str]:
    return review.corpus.store.ids_of(review.ledger.samples[name].rows)


def test_it_is_drawn_of_what_nobody_has_read_and_asked_first(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    read = [i for batch in answer(review, 4) for i in batch]
    sample = review.draw_elusion(50)
    ids = sampled(review)
    assert len(set(ids)) == 50
    assert not set(ids) & set(read)
    assert sample.probability == pytest.approx(50 / 120)
    assert sample.outside is not None
    assert project.store.ids_of(sample.outside) == sorted(read)
    assert sample.population == 120
    # in random order: neither that of the rows nor that of the ranks
    assert list(sample.rows) != sorted(sample.rows)
    batches = [review.next_batch()]
    review.record(*(Label(i, TRUTH[i], "me") for i in batches[0]))
    assert batches[0].strategy == "elusion-sample"
    asked = [*batches[0], *(i for batch in answer(review, 2) for i in batch)]
    assert asked == ids
    assert review.next_batch().strategy != "elusion-sample"
    assert project.replay() == []


def test_it_never_trains_and_is_never_chosen(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 3)
    labeled = set(review.state().labeled.tolist())
    review.draw_elusion(60)
    answer(review, 3)
    state = review.state()
    assert set(state.labeled.tolist()) == labeled
    rows = set(review.ledger.samples["elusion"].rows.tolist())
    assert (state.rounds[list(rows)] > 0).all()
    answer(review, 3)
    entries = [e.payload for e in project.store.entries(review.chain) if e.kind == "batch"]
    assert not set(sampled(review)) & {i for payload in entries[-3:] for i in payload["document_ids"]}
    assert not rows & set(review.state().labeled.tolist())


def test_hidden_among_ordinary_documents(lexical_project: Make) -> None:
    project = lexical_project(400)
    review = project.review()
    answer(review, 5)
    review.draw_elusion(40, mixed=True)
    ids = sampled(review)
    asked, shares, places = [], [], []
    while review.ledger.waiting is not None:
        (batch,) = answer(review)
        inside = [i in ids for i in batch]
        shares.append(sum(inside))
        places += [k for k, there in enumerate(inside) if there]
        asked += [i for i in batch if i in ids]
        assert len(batch) == 20
    assert asked == ids
    assert 2 < len(shares) < 8
    assert all(0 < share < 20 for share in shares[:-1])
    # anywhere in the batch, not at its beginning or end
    assert min(places) < 4
    assert max(places) > 15
    strategies = [e.payload["strategy"] for e in project.store.entries(review.chain) if e.kind == "batch"]
    assert "elusion-sample" not in strategies
    assert project.replay() == []


@pytest.mark.parametrize("mixed", [False, True])
def test_hidden_documents_do_not_look_like_a_draw_of_the_strategy(lexical_project: Make, mixed: bool) -> None:
    review = lexical_project(200, 'query_strategy = "random"\ncold_start = "random"\n').review()
    answer(review, 3)
    review.draw_elusion(70, mixed=mixed)
    answer(review, 5)
    ledger = review.ledger
    assert not ledger.explores  # every document of the strategy was drawn at random
    assert ledger.interleaved() == {}
    of_sample = [ledger.asked[row].strategy for row in ledger.samples["elusion"].rows.tolist() if row in ledger.asked]
    assert set(of_sample) == {"elusion-sample"}


def test_batches_that_wait_go_back_to_what_nobody_has_read(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 2)
    waiting = review.next_batch()
    review.record(Label(waiting.document_ids[0], "no", "me"))
    review.draw_elusion(159)
    assert review.pending == ()
    assert review.ledger.samples["elusion"].population == 159
    assert set(waiting.document_ids[1:]) <= set(sampled(review))
    assert review.next_batch().strategy == "elusion-sample"
    # an answer from before the draw that is taken back does not bring the old batch back
    review.record(Label(review.next_batch().document_ids[0], "no", "me"))
    review.withdraw(waiting.document_ids[0], "me")
    assert waiting.document_ids[0] not in review.pending
    assert project.replay() == []


def test_another_is_drawn_only_once_the_first_is_read_and_is_counted(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 2)
    review.draw_elusion(20)
    with pytest.raises(ProjectError, match="locked and not read to its end: 20 of 20"):
        review.draw_elusion(30)
    answer(review)
    second = review.draw_elusion(30)
    assert second.name == "elusion-2"
    assert second.population == 140
    assert not set(sampled(review, "elusion-2")) & set(sampled(review))
    looks = [e.payload["look"] for e in project.store.entries(review.chain) if e.kind == "sample"]
    assert looks == [1, 2]
    assert project.replay() == []


def test_what_cannot_be_drawn_is_said(lexical_project: Make) -> None:
    review = lexical_project(60).review()
    with pytest.raises(ProjectError, match="nobody has read anything yet"):
        review.draw_elusion(5)
    answer(review)
    with pytest.raises(ProjectError, match="at least one document, asked for 0"):
        review.draw_elusion(0)
    assert review.draw_elusion(500).rows.size == 40  # all there are
    answer(review, 2)
    with pytest.raises(ProjectError, match="every document has been read"):
        review.draw_elusion(5)


def test_a_validation_sample_is_read_first(lexical_project: Make) -> None:
    review = lexical_project(200, "validation = 50\n").review()
    answer(review)
    with pytest.raises(ProjectError, match="the validation sample is locked and not read to its end: 30 of 50"):
        review.draw_elusion(5)


def test_a_question_without_a_target_has_none(lexical_project: Make) -> None:
    text = '[views.lexical]\n[questions.copyleft]\nlabels = ["yes", "no"]\n'
    review = lexical_project(60, text=text).review()
    answer(review)
    with pytest.raises(ProjectError, match="has no target"):
        review.draw_elusion(5)


def test_another_writer_meanwhile_is_not_overlooked(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 2)
    other = Project.open(project.folder)
    batch = other.review().next_batch()
    other.review().record(*(Label(i, TRUTH[i], "you") for i in batch))
    other.close()
    review.draw_elusion(140)
    assert not set(sampled(review)) & set(batch)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("rule", [RecallBound, ConfidenceSequence])
def test_rules_know_what_it_was_drawn_from(lexical_project: Make, rule: type, mixed: bool) -> None:
    """Whatever was pending, taken back or read since the draw: exactly that is counted before it and after it."""
    review = lexical_project(400).review()
    batches = answer(review, 8)
    review.next_batch()  # given out, and not answered
    review.draw_elusion(60, mixed=mixed)
    changed = batches[0][0]
    review.withdraw(changed, "me")
    answer(review, 2)
    review.record(Label(changed, TRUTH[changed], "me"))
    while review.ledger.waiting is not None:
        answer(review)
    decision = rule(0.8, sample="elusion").check(review.state())
    evidence = decision.evidence
    assert evidence["population"] == 240, decision.reason
    found = sum(value == "yes" for value in review.labels().values())
    assert evidence["found"] == found
    total = sum(value == "yes" for value in TRUTH.values())
    assert evidence["found"] + evidence["missed_at_most"] >= total or not decision.stop


def test_a_document_read_before_it_and_taken_back_may_be_missed(lexical_project: Make) -> None:
    review = lexical_project(200).review()
    batches = answer(review, 5)
    review.draw_elusion(40)
    answer(review, 2)
    rule = RecallBound(0.8, sample="elusion")
    before = rule.check(review.state()).evidence
    taken = next(i for i in batches[0] if TRUTH[i] == "no")
    review.withdraw(taken, "me")
    after = rule.check(review.state()).evidence
    assert after["missed_at_most"] == before["missed_at_most"] + 1


def test_documents_added_since_are_not_spoken_for(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 5)
    review.draw_elusion(40)
    answer(review, 2)
    project.add_documents(make_documents(5, start=1000)[0])
    decision = RecallBound(0.8, sample="elusion").check(review.state())
    assert not decision.stop
    assert "says nothing about those added since" in decision.reason


def test_the_draw_does_not_depend_on_ranks(lexical_project: Make) -> None:
    """Over many draws of one pile, every place of the ranking is drawn as often as any other."""
    from docreview.rounds import draw_sample

    pool = np.arange(50)
    counts = np.zeros(50)
    for seed in range(2000):
        counts[draw_sample("elusion", 10, seed, pool).rows] += 1
    assert abs(counts - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)


def test_what_a_simulation_sets_aside_is_not_drawn_from(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    aside = {"name": "held-out", "document_ids": project.store.ids(100, 120), "n": 0, "probability": 1.0}
    project.store.append(review.chain, ("sample", aside))
    answer(review, 4)
    sample = review.draw_elusion(30)
    assert sample.population == 100
    assert sample.outside is not None
    assert set(range(100, 120)) <= set(sample.outside.tolist())
    answer(review, 2)
    decision = RecallBound(0.8, sample="elusion").check(review.state())
    assert decision.evidence["population"] == 100
    # nobody is to find what was set aside: it is not missed either
    assert decision.evidence["missed_at_most"] <= 100
