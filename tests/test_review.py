"""The loop: what is asked, what is recorded, what is remembered, and that it can all be drawn again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from embedding_support import Toy
from support import LEXICAL, make_documents

import docreview
from docreview import Label, Project, Question, hookimpl
from docreview.contracts import Component
from docreview.corpus import Corpus
from docreview.errors import BadSetting, ContractViolation, ProjectError, UnknownDocument, UnknownLabel
from docreview.models import LateFusion
from docreview.query_strategies import MostRelevant
from docreview.registry import Registration
from docreview.replay import replay
from docreview.review import Review
from docreview.rounds import Components, Settings
from docreview.stopping_rules import Never
from docreview.store import Store
from docreview.types import ReviewState, Selection
from docreview.views import Semantic

Make = Callable[..., Project]


def answer(review: Review, truth: dict[str, str], rounds: int = 1, reviewer: str = "me") -> list[tuple[str, ...]]:
    """Answer some batches truly and return them."""
    asked = []
    for _ in range(rounds):
        batch = review.next_batch()
        asked.append(batch.document_ids)
        review.record(*(Label(i, truth[i], reviewer) for i in batch))
    return asked


def test_a_review_finds_the_target_early(lexical_project: Make) -> None:
    project = lexical_project(400)
    _, truth = make_documents(400)
    review = project.review()
    answer(review, truth, 8)
    state = review.state()
    assert state.read == 160
    total = sum(value == "yes" for value in truth.values())
    assert state.found[0] > 0.9 * total  # at random 160 of 400 would hold 40 %


def test_a_batch_is_asked_until_it_is_answered(lexical_project: Make) -> None:
    review = lexical_project().review()
    first = review.next_batch(5)
    assert review.next_batch(9).document_ids == first.document_ids
    review.record(Label(first.document_ids[1], "no"), Label(first.document_ids[3], None))
    left = review.next_batch()
    assert left.document_ids == (first.document_ids[0], first.document_ids[2], first.document_ids[4])
    assert left.round == 1
    review.record(*(Label(i, "no") for i in left))
    second = review.next_batch(5)
    assert second.round == 2
    assert not set(second) & set(first)


def test_cold_start_goes_on_while_there_is_one_class(lexical_project: Make) -> None:
    review = lexical_project().review()
    for _ in range(3):
        batch = review.next_batch()
        assert batch.strategy == "random"
        assert batch.probabilities[0] == pytest.approx(20 / (200 - 20 * (batch.round - 1)))
        review.record(*(Label(i, "no") for i in batch))
    assert np.isnan(review.state().probabilities).all()
    review.record(Label(batch.document_ids[0], "yes"))
    assert review.next_batch().strategy == "most-relevant"


def test_a_cold_start_gets_what_it_needs(tmp_path: Path) -> None:
    """The neighbor graph is prepared for a cold start that needs it, whatever the query strategy needs."""

    class Central:
        """The documents with the nearest neighbors."""

        needs = frozenset({"neighbors"})

        def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
            assert state.neighbors is not None
            order = np.argsort(-state.neighbors.similarities[state.candidates].mean(axis=1), kind="stable")
            return Selection(state.candidates[order[:n]])

    def part(value: object) -> Component:
        return Component(value, Registration("query_strategies", "part", type(value), "acme", "1"))

    with Store.open(tmp_path / "record.db", create=True) as store:
        store.add_documents(make_documents(60)[0], {"source": "test"})
        corpus = Corpus(store, tmp_path / "cache", {"letters": Semantic(Toy())})
        corpus.vectors("letters")
        corpus.neighbors()
        parts = Components(part(LateFusion()), part(MostRelevant()), part(Central()), part(Never()))
        settings = Settings("part", "part", "part", "part", batch_size=5)
        question = Question("q", ("yes", "no"), target="yes")
        review = Review(store, corpus, question, settings, lambda settings: parts)
        assert len(review.next_batch()) == 5
        assert replay(store, corpus, review.chain, lambda settings: parts, {}) == []


def test_the_pool_runs_out(lexical_project: Make) -> None:
    review = lexical_project(25).review()
    _, truth = make_documents(25)
    assert [len(batch) for batch in answer(review, truth, 2)] == [20, 5]
    assert not review.next_batch()
    assert not review.next_batch()


def test_a_larger_batch_than_the_pool_is_the_pool(lexical_project: Make) -> None:
    assert len(lexical_project(7).review().next_batch(1000)) == 7


def test_an_empty_corpus_has_nothing_to_ask(lexical_project: Make) -> None:
    review = lexical_project(0).review()
    assert not review.next_batch()
    assert review.should_stop().reason == "No document labeled 'yes' has been found yet in 0 read."


def test_a_wrong_answer_records_nothing(lexical_project: Make) -> None:
    review = lexical_project().review()
    ids = review.next_batch().document_ids
    with pytest.raises(UnknownLabel, match=r"'yse' is no label of question 'copyleft'\. Did you mean 'yes'"):
        review.record(Label(ids[0], "no"), Label(ids[1], "yse"))
    with pytest.raises(UnknownDocument, match="nowhere"):
        review.record(Label(ids[0], "no"), Label("nowhere", "no"))
    for seconds in (-1.0, float("nan"), float("inf"), 10**400):
        with pytest.raises(UnknownLabel, match="seconds: give a number"):
            review.record(Label(ids[0], "no"), Label(ids[1], "no", seconds=seconds))
    with pytest.raises(UnknownLabel, match="note of the answer"):
        review.record(Label(ids[0], "no"), Label(ids[1], "no", note="\ud800"))
    assert review.labels() == {}
    assert review.pending == ids


def test_a_changed_mind_retrains_at_once(lexical_project: Make) -> None:
    project = lexical_project()
    _, truth = make_documents(200)
    review = project.review()
    answer(review, truth, 2)
    before = review.state().scores.copy()
    document_id = next(i for i in review.labels() if truth[i] == "yes")
    review.record(Label(document_id, "no", "me"))
    after = review.state()
    assert after.labels[project.store.rows([document_id])[0]] == 1
    assert not np.allclose(before, after.scores)
    assert after.read == 40  # read once, whatever the number of answers


def test_undo_asks_again(lexical_project: Make) -> None:
    review = lexical_project().review()
    first, second, *_ = review.next_batch()
    review.record(Label(first, "yes", "me"))
    review.record(Label(second, "no", "me"))
    review.withdraw(second, "me")
    assert review.next_batch().document_ids[0] == second
    assert review.labels() == {first: "yes"}
    assert review.state().found.tolist() == [1, 0]
    review.withdraw(first, "me")
    assert review.next_batch().document_ids[:2] == (first, second)
    assert review.labels() == {}


def test_consensus_is_the_majority_and_then_the_newest(lexical_project: Make) -> None:
    review = lexical_project().review()
    document_id = review.next_batch().document_ids[0]
    for reviewer, value, consensus in [
        ("ann", "yes", "yes"),
        ("bob", "no", "no"),  # even: the newest
        ("cem", "yes", "yes"),
        ("ann", "no", "no"),
        ("bob", None, "no"),  # even again, ann's is newer than cem's
    ]:
        review.record(Label(document_id, value, reviewer))
        assert review.labels()[document_id] == consensus
    assert len(review.state().annotations) == 3


def test_priors_train_but_are_not_read(lexical_project: Make) -> None:
    project = lexical_project(0)
    documents, truth = make_documents(100)
    from dataclasses import replace

    labeled = [replace(d, label=truth[d.id]) if i < 30 else d for i, d in enumerate(documents)]
    assert project.add_documents(labeled).priors == 30
    again = project.add_documents(labeled)
    assert (again.added, again.skipped, again.priors) == (0, 100, 0)
    state = project.review().state()
    assert (state.read, state.labeled.size, state.pool.size) == (0, 30, 70)
    assert state.found.sum() == 0
    batch = project.review().next_batch()
    assert batch.strategy == "most-relevant"
    assert not set(batch) & {d.id for d in labeled[:30]}


def test_a_prior_yields_to_whoever_reads_the_document(lexical_project: Make) -> None:
    review = lexical_project().review()
    first, second, third, *_ = review.next_batch()
    review.record(Label(first, "yes", "prior", prior=True))
    review.record(Label(second, "no", "me"), Label(first, "no", "me"))
    assert review.labels()[first] == "no"
    rows = review.corpus.store.rows([second, first])
    assert review.state().reviewed.tolist() == rows  # in the order of reading
    # a file with labels, added once more after the reading, changes no answer that a person gave
    review.record(Label(second, "yes", "prior", prior=True))
    assert review.labels()[second] == "no"
    assert review.state().found.tolist() == [0, 2]
    # could not tell: then what came with the document is all there is
    review.record(Label(third, "yes", "prior", prior=True), Label(third, None, "me"))
    assert review.labels()[third] == "yes"


def test_taking_back_an_answer_leaves_the_prior_unread(lexical_project: Make) -> None:
    review = lexical_project().review()
    document_id = review.next_batch().document_ids[0]
    review.record(Label(document_id, "yes", "prior", prior=True))
    review.record(Label(document_id, "no", "me"))
    assert review.state().read == 1
    review.withdraw(document_id, "me")
    state = review.state()
    assert (review.labels()[document_id], state.read, state.found.sum()) == ("yes", 0, 0)


def test_a_prior_outside_the_question_adds_nothing(lexical_project: Make) -> None:
    project = lexical_project(0)
    documents, _ = make_documents(3)
    from dataclasses import replace

    with pytest.raises(UnknownLabel, match="'doc-00002' has the label 'maybe'"):
        project.add_documents([*documents[:2], replace(documents[2], label="maybe")])
    assert project.corpus.n == 0


def test_a_validation_sample_comes_first_and_never_trains(lexical_project: Make) -> None:
    project = lexical_project(200, "validation = 30\n")
    _, truth = make_documents(200)
    review = project.review()
    first, second, third = answer(review, truth, 3)
    assert (len(first), len(second)) == (20, 10)
    sample = set(first + second)
    state = review.state()
    assert set(np.array(project.store.ids())[state.samples[0].rows]) == sample
    assert not sample & {project.store.ids()[row] for row in state.labeled}
    assert state.read == 50
    assert not sample & set(third)


def test_no_sample_is_drawn_of_nothing(lexical_project: Make) -> None:
    rule = '[questions.copyleft.stopping_rule]\nname = "diminishing-returns"\n'
    project = lexical_project(0, "validation = 10\n" + rule)
    review = project.review()
    assert not review.next_batch()
    project.add_documents(make_documents(50)[0])
    assert review.next_batch().strategy == "validation-sample"
    sizes = {e.kind: len(e.payload["document_ids"]) for e in project.store.entries(review.chain) if "n" in e.payload}
    assert sizes == {"sample": 10, "stop-set": 50, "batch": 10}


def test_an_answer_from_elsewhere_does_not_cost_the_validation_sample(
    lexical_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = lexical_project(50, "validation = 10\n")
    review, append = project.review(), project.store.append
    other = Label("doc-00007", "no", "bob")

    def interrupted(chain: str, *entries: tuple[str, dict[str, object]], expected: int | None = None) -> object:
        """Append, but once let another process be faster."""
        monkeypatch.setattr(project.store, "append", append)
        with Project.open(project.folder) as elsewhere:
            elsewhere.review().record(other)
        return append(chain, *entries, expected=expected)

    monkeypatch.setattr(project.store, "append", interrupted)
    assert review.next_batch().strategy == "validation-sample"
    assert other.document_id not in review.pending


def test_labels_of_a_locked_sample_and_of_one_class_train_nothing(lexical_project: Make) -> None:
    review = lexical_project(60, "validation = 10\n").review()
    trainable = []
    for values in (["yes", "no"] * 5, ["no", "no", None, "no", "yes", "no"]):
        for document_id, value in zip(review.next_batch(), values, strict=False):
            review.record(Label(document_id, value))
            assert review.ledger.trainable == review.state().trainable
            trainable.append(review.ledger.trainable)
    assert trainable == [False] * 14 + [True] * 2


def test_documents_can_be_added_to_a_running_review(lexical_project: Make) -> None:
    project = lexical_project(100)
    _, truth = make_documents(100)
    more, more_truth = make_documents(60, start=100)
    review = project.review()
    answer(review, truth, 2)
    project.add_documents(more)
    assert review.state().n == 160
    answer(review, truth | more_truth, 6)
    assert not review.next_batch()
    assert len(review.labels()) == 160


def test_after_the_caches_are_gone_reading_goes_on_at_once(lexical_project: Make) -> None:
    """On words, also where the project file names the semantic view first: nobody waits for the encoder unasked."""
    project = lexical_project(60, text=LEXICAL.replace("[views.lexical]", "[views.semantic]\n[views.lexical]"))
    project.close()
    shutil.rmtree(project.folder / ".docreview" / "cache")
    with Project.open(project.folder) as again:
        review = again.review()
        answer(review, make_documents(60)[1])
        assert list(review.state().views) == ["lexical"]
        assert again.remaining == 60


def test_embedding_takes_in_what_is_added_meanwhile(lexical_project: Make) -> None:
    project = lexical_project(20, text=LEXICAL.replace("[views.lexical]", "[views.lexical]\n[views.semantic]"))
    more = iter(make_documents(10, start=20)[0])

    def progress(step: str, done: int, total: int) -> None:
        if step == "embedding":
            project.add_documents(more)

    project.embed(progress)
    assert (project.corpus.n, project.remaining) == (30, 0)
    assert sorted(project.review().state().views) == ["lexical", "semantic"]


def test_notes_come_out_again(lexical_project: Make, tmp_path: Path) -> None:
    project = lexical_project(10)
    review = project.review()
    first, second, third, *_ = review.next_batch()
    review.record(Label(first, "yes", "ann", note="annex B"), Label(first, "yes", "bob", note="see page 3"))
    review.record(Label(second, "no", "ann", note="a slip"), Label(third, "no", "ann", note="another"))
    review.record(Label(second, "yes", "ann"))
    review.withdraw(third, "ann")
    project.export(tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert {row["id"]: row["notes"] for row in rows if row["notes"]} == {first: "annex B | see page 3"}


def test_a_reopened_review_asks_the_same(lexical_project: Make) -> None:
    project = lexical_project(150)
    _, truth = make_documents(150)
    answer(project.review(), truth, 3)
    expected = project.review().next_batch()
    with Project.open(project.folder) as again:
        assert again.review().next_batch() == expected
        assert again.review().labels() == project.review().labels()


def test_two_projects_ask_the_same_from_the_same_seed_and_differ_from_another(lexical_project: Make) -> None:
    _, truth = make_documents(150)
    one, two, other = (
        answer(lexical_project(150, f"seed = {seed}\n", folder).review(), truth, 3)
        for folder, seed in (("one", 4), ("two", 4), ("other", 5))
    )
    assert one == two
    assert one != other


def test_two_processes_share_one_round(lexical_project: Make) -> None:
    project = lexical_project(100)
    with Project.open(project.folder) as other:
        mine, theirs = project.review().next_batch(), other.review().next_batch()
        assert mine == theirs
        project.review().record(Label(mine.document_ids[0], "no", "ann"))
        other.review().record(Label(mine.document_ids[1], "yes", "bob"))
        assert project.review().labels() == other.review().labels()
        assert len(project.review().next_batch()) == 18


def test_a_label_in_use_cannot_leave_the_question(lexical_project: Make) -> None:
    project = lexical_project(50)
    review = project.review()
    review.record(Label(review.next_batch().document_ids[0], "no"))
    with pytest.raises(ProjectError, match="has lost the label 'no', which documents carry"):
        lexical_project(0, text=LEXICAL.replace('"no"', '"not"')).review()
    three = lexical_project(0, text=LEXICAL.replace('"yes", "no"', '"maybe", "yes", "no"')).review()
    assert three.state().found.tolist() == [0, 0, 1]


def test_changed_settings_are_recorded_once(lexical_project: Make) -> None:
    project = lexical_project(100)
    _, truth = make_documents(100)
    answer(project.review(), truth, 2)
    changed = lexical_project(0, 'query_strategy = "margin"\n')
    assert changed.review().next_batch().strategy == "margin"
    lexical_project(0, 'query_strategy = "margin"\n').review()
    kinds = [entry.kind for entry in changed.store.entries("review:copyleft")]
    assert kinds.count("settings") == 2
    assert changed.replay() == []


def test_two_processes_with_two_project_files_replay(lexical_project: Make) -> None:
    """Each batch stands in the record after the settings that drew it, whoever opened the project last."""
    project = lexical_project(150)
    _, truth = make_documents(150)
    review = project.review()
    answer(review, truth, 2)
    changed = lexical_project(0, 'query_strategy = "margin"\nseed = 3\n')
    other = changed.review()
    assert review.next_batch().strategy == "most-relevant"
    answer(review, truth)
    assert other.next_batch().strategy == "margin"
    answer(other, truth)
    assert project.replay() == []


def test_a_plugin_that_fails_when_told_of_labels_undoes_none(
    lexical_project: Make, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        told = 0

        @hookimpl
        def labels_recorded(self, review: Review, labels: Sequence[Label]) -> None:
            self.told += len(labels)
            raise RuntimeError("no mail server")

    project = lexical_project(20)
    plugin = Failing()
    project.plugins.manager.register(plugin, "mailer")
    review = project.review()
    first, second, *_ = review.next_batch()
    review.record(Label(first, "yes"), Label(second, "no"))
    assert review.labels() == {first: "yes", second: "no"}
    assert plugin.told == 2
    assert "plugin mailer failed in labels_recorded: RuntimeError: no mail server" in caplog.text


def test_batch_sizes_follow_their_steps(lexical_project: Make) -> None:
    steps = "batch_size = [[0, 3], [6, 5], [20, 40]]"
    project = lexical_project(60, text=LEXICAL.replace("batch_size = 20", steps))
    _, truth = make_documents(60)
    sizes = [len(batch) for batch in answer(project.review(), truth, 6)]
    assert sizes == [3, 3, 5, 5, 5, 39]
    assert project.replay() == []


def test_explanations_point_at_telling_words(lexical_project: Make) -> None:
    project = lexical_project(200)
    _, truth = make_documents(200)
    review = project.review()
    assert review.explain("doc-00000", "yes") == []
    answer(review, truth, 4)
    document_id = next(i for i, value in truth.items() if value == "yes")
    text = review.document(document_id).text
    weights: dict[str, float] = {}
    for start, end, weight in review.explain(document_id, "yes"):
        weights[text[start:end].lower()] = weights.get(text[start:end].lower(), 0) + weight
    best = max(weights, key=lambda word: weights[word])
    assert best in "copyleft share alike derivative source derived works same terms license distribute modifications"


class TestReplay:
    """The record alone draws every batch again."""

    def test_without_caches_and_with_an_add_in_the_middle(self, lexical_project: Make) -> None:
        rule = '[questions.copyleft.stopping_rule]\nname = "diminishing-returns"\n'
        project = lexical_project(120, "validation = 10\n" + rule)
        _, truth = make_documents(120)
        more, more_truth = make_documents(80, start=120)
        review = project.review()
        answer(review, truth, 3)
        project.add_documents(more)
        review.record(*(Label(i, None, "me") for i in review.next_batch(3)))
        answer(review, truth | more_truth, 3)
        project.close()
        shutil.rmtree(project.folder / ".docreview" / "cache")
        with Project.open(project.folder) as again:
            assert again.replay() == []
            kinds = {entry.kind for entry in again.store.entries("review:copyleft")}
            assert {"question", "settings", "sample", "stop-set", "batch", "label"} <= kinds

    def test_another_answer_gives_another_batch(self, lexical_project: Make) -> None:
        # a replay that cannot fail would prove nothing: here one label of the record is changed behind its back
        project = lexical_project(120)
        _, truth = make_documents(120)
        answer(project.review(), truth, 4)
        project.close()
        import sqlite3

        with sqlite3.connect(project.folder / ".docreview" / "record.db") as database:
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger}"')
            database.execute(
                'UPDATE entries SET payload = replace(payload, \'"value":"yes"\', \'"value":"no"\') '
                "WHERE seq IN (SELECT seq FROM entries WHERE chain = 'review:copyleft' AND kind = 'label' "
                "AND payload LIKE '%\"value\":\"yes\"%' LIMIT 3) AND chain = 'review:copyleft'"
            )
        database.close()
        with Project.open(project.folder) as again:
            findings = again.replay()
            assert findings
            assert "document_ids" in " ".join(findings)

    def test_the_order_of_the_views_in_the_project_file_does_not_matter(self, lexical_project: Make) -> None:
        text = """
[views.words]
name = "lexical"
ngrams = 1
[views.pairs]
name = "lexical"
[questions.copyleft]
labels = ["yes", "no"]
query_strategy = "density-mmr"
batch_size = 10
"""
        project = lexical_project(200, text=text)
        _, truth = make_documents(200)
        answer(project.review(), truth, 5)
        assert project.replay() == []
        # a view that the project file has lost is a finding in every round that used it, not an error
        without = lexical_project(0, text=text.replace('[views.words]\nname = "lexical"\nngrams = 1\n', ""))
        assert [finding.split(":")[0] for finding in without.replay()] == [
            f"entry {e.seq} (batch)" for e in project.store.entries("review:copyleft") if e.kind == "batch"
        ]

    def test_what_ran_is_in_the_record(self, lexical_project: Make) -> None:
        import sklearn

        project = lexical_project(30)
        answer(project.review(), make_documents(30)[1])
        settings = project.review().ledger.settings
        assert settings is not None
        assert settings["versions"]["scikit-learn"] == sklearn.__version__
        assert settings["made_by"]["query strategy 'most-relevant'"] == f"docreview {docreview.__version__}"
        (batch,) = [e.payload for e in project.store.entries("review:copyleft") if e.kind == "batch"]
        made_by = {"plugin": "docreview", "version": docreview.__version__, "settings": "Random()"}
        assert (batch["strategy"], batch["made_by"]) == ("random", made_by)


class Wrong:
    """A strategy that breaks its contract in a chosen way."""

    needs: frozenset[str] = frozenset()

    def __init__(self, rows: Callable[[Sequence[int]], object]) -> None:
        self.rows = rows

    def select(self, state: object, n: int, rng: np.random.Generator) -> object:
        return self.rows(state.pool[:n])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        (lambda rows: rows, "must return a Selection, got ndarray"),
        (lambda rows: Selection(rows[:-1]), "asked for 20 rows, it returned 19"),
        (lambda rows: Selection(np.append(rows[:-1], rows[0])), "returned a row twice"),
        (lambda rows: Selection(rows + 10_000), "is not among the candidates"),
        (lambda rows: Selection(rows * 0.5), "whole numbers"),
        (lambda rows: Selection(rows, scores=np.full(20, np.nan)), "scores must be finite"),
        (lambda rows: Selection(rows, probabilities=np.zeros(20)), r"must lie in \(0, 1\]"),
        (lambda rows: Selection(rows, scores=np.zeros(3)), "one value a row"),
    ],
)
def test_a_strategy_that_breaks_its_contract_is_named(
    lexical_project: Make, rows: Callable[[Sequence[int]], object], rule: str
) -> None:
    project = lexical_project(50)
    entry = Registration("query_strategies", "wrong", lambda: Wrong(rows), "acme", "9.9")
    project.plugins.registry.add(entry)
    object.__setattr__(project.config.questions["copyleft"], "review", {"query_strategy": "wrong", "batch_size": 20})
    with pytest.raises(ContractViolation, match=rule) as caught:
        project.review().next_batch()
    assert "query strategy 'wrong' (acme 9.9) broke its contract in round 1" in str(caught.value)
    assert not [e for e in project.store.entries("review:copyleft") if e.kind == "batch"]


def test_a_question_of_many_labels(lexical_project: Make) -> None:
    text = """
[views.lexical]
[questions.topic]
labels = ["copyleft", "permissive", "neither"]
batch_size = 20
"""
    project = lexical_project(150, text=text)
    _, truth = make_documents(150)
    topic = {i: "copyleft" if value == "yes" else "permissive" for i, value in truth.items()}
    review = project.review()
    answer(review, topic, 4)
    state = review.state()
    assert state.probabilities.shape == (150, 3)
    np.testing.assert_allclose(state.probabilities.sum(axis=1), 1, atol=1e-4)
    predicted = state.probabilities.argmax(axis=1)
    ids = project.store.ids()
    right = np.mean([["copyleft", "permissive", "neither"][k] == topic[i] for k, i in zip(predicted, ids, strict=True)])
    assert right > 0.9


def test_the_question_wants_two_labels() -> None:
    with pytest.raises(ProjectError, match="at least two"):
        Question("q", ("only",))


def test_a_folder_moved_elsewhere_is_the_same_project(lexical_project: Make, tmp_path: Path) -> None:
    project = lexical_project(60)
    batch = project.review().next_batch()
    project.close()
    shutil.move(project.folder, tmp_path / "moved")
    with Project.open(tmp_path / "moved") as moved:
        assert moved.review().next_batch() == batch


def test_a_view_that_is_none_cannot_be_weighed(lexical_project: Make) -> None:
    project = lexical_project(20, 'model = {name = "late-fusion", weights = {lexcal = 2.0}}\n')
    with pytest.raises(BadSetting, match=r"'weights' name the view 'lexcal', which is none\. Did you mean 'lexical'"):
        project.review()


def test_the_blind_sample_estimates_the_share_of_the_target(lexical_project: Make) -> None:
    project = lexical_project(300, "validation = 60\n")
    _, truth = make_documents(300)
    assert project.status().richness is None
    answer(project.review(), truth, 3)
    richness = project.status().richness
    assert richness is not None
    drawn = [truth[i] for i in project.review().labels()]
    assert (richness.hits, richness.n) == (drawn.count("yes"), 60)
    assert richness.low < sum(value == "yes" for value in truth.values()) / 300 < richness.high


def test_the_preset_proposes_to_stop(lexical_project: Make) -> None:
    project = lexical_project(400)
    _, truth = make_documents(400)
    review = project.review()
    while not review.should_stop().stop:
        answer(review, truth)
    state = review.state()
    assert 120 <= state.read < 400
    assert "documents in a row were not" in review.should_stop().reason


def test_a_language_that_is_none_is_refused_before_anything_is_added(lexical_project: Make) -> None:
    with pytest.raises(BadSetting, match="spaCy has no language 'english'"):
        lexical_project(0, text='[corpus]\nlanguage = "english"\n' + LEXICAL)


def test_a_renamed_question_is_missed(lexical_project: Make) -> None:
    project = lexical_project(20)
    review = project.review()
    review.record(Label(review.next_batch().document_ids[0], "yes"))
    assert project.forgotten == []
    renamed = lexical_project(0, text=LEXICAL.replace("questions.copyleft", "questions.copylfet"))
    assert renamed.forgotten == ["copyleft"]
