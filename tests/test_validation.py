"""What is claimed from samples of real reviews: right as often as it says, and refused where it may not be said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom
from support import LEXICAL, make_documents

from docreview import Label, Project, Review
from docreview.cli import main
from docreview.errors import BadSetting
from docreview.estimates import hypergeometric
from docreview.sample_sizes import elusion_sample, error_of_look
from docreview.store import Store
from docreview.validation import Validation, validation_of
from docreview.validation_plan import plan_of

Make = Callable[..., Project]
TRUTH = make_documents(400)[1]
RANDOM = 'query_strategy = "random"\ncold_start = "random"\n'


def answer(review: Review, rounds: int = 1, seconds: float | None = None) -> None:
    for _ in range(rounds):
        batch = review.next_batch()
        review.record(*(Label(i, TRUTH[i], "me", seconds=seconds) for i in batch))


def read_sample(review: Review) -> None:
    while review.ledger.waiting is not None:
        answer(review)


def sampled(review: Review, name: str = "elusion") -> list[str]:
    return review.corpus.store.ids_of(review.ledger.samples[name].rows)


def said(project: Project, confidence: float = 0.95) -> Validation:
    return validation_of(project.review(), confidence)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(project: Project, *args: str) -> tuple[int, str, str]:
        code = 0
        try:
            main([*args, "-p", str(project.folder)])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return call


# ------------------------------------------------------------------------------------------------------------ coverage


Looks = list[tuple[Validation, Validation]]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Looks, int]:
    """Whole reviews that read 40 of 150 at random and sample what is left, hidden or not, and sample again."""
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "docreview.toml").write_text(LEXICAL + RANDOM, "utf-8")
    documents, truth = make_documents(150)
    looks: Looks = []
    with Project.open(folder) as project:
        project.add_documents(documents)
        for seed in range(150):
            with Store.open("sqlite://", create=True) as store:
                settings = replace(project.settings(), seed=seed)
                review = Review(store, project.corpus, project.question(), settings, project.assemble)
                answer(review, 2)
                both = []
                for _ in range(2):
                    review.draw_elusion(15, mixed=seed % 2 == 0)
                    read_sample(review)
                    both.append(validation_of(review, 0.8))
                looks.append((both[0], both[1]))
    return looks, sum(value == "yes" for value in truth.values())


def test_intervals_hold_the_truth_as_often_as_they_say(simulated: tuple[Looks, int]) -> None:
    looks, total = simulated
    wrong = dict.fromkeys(("recall", "richness", "certificate", "first low", "any low"), 0)
    for first, second in looks:
        recall, low = first.found / total, first["recall"].low
        wrong["recall"] += not low - 1e-9 <= recall <= first["recall"].high + 1e-9
        wrong["richness"] += not first["richness"].low - 1e-9 <= total / 150 <= first["richness"].high + 1e-9
        wrong["certificate"] += recall < first["certificate"].low - 1e-9
        wrong["first low"] += recall < low - 1e-9
        wrong["any low"] += recall < low - 1e-9 or second.found / total < second["recall"].low - 1e-9
        assert second["certificate"].refused
        assert second["recall"].confidence == pytest.approx(1 - 2 * error_of_look(0.8, 2))
    # intervals that were always right would say nothing: some are wrong, and none more often than it says
    assert wrong["recall"]
    assert wrong["certificate"] >= wrong["first low"]
    for what, rate in (("recall", 0.2), ("richness", 0.2), ("certificate", 0.2), ("first low", 0.1), ("any low", 0.2)):
        assert wrong[what] <= binom.isf(0.001, len(looks), rate), what
    assert np.mean([first["recall"].high - first["recall"].low for first, _ in looks]) < 0.6


# ------------------------------------------------------------------------------------------------------------- figures


def test_the_figures_by_hand(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 5)
    before = sum(value == "yes" for value in review.labels().values())
    review.draw_elusion(40)
    read_sample(review)
    result = said(project)
    hits = sum(TRUTH[i] == "yes" for i in sampled(review))
    total = hypergeometric(hits, 40, 100)
    assert (result.read, result.found, result.looks, result.documents) == (140, before + hits, 1, 200)
    recall, then = result["recall"], result["recall_at_draw"]
    assert recall.value == pytest.approx((before + hits) / (before + total.value))
    assert (recall.low, recall.high) == pytest.approx(
        ((before + hits) / (before + total.high), (before + hits) / (before + total.low))
    )
    assert then.value == pytest.approx(before / (before + total.value))
    assert (then.low, then.high) == pytest.approx((before / (before + total.high), before / (before + total.low)))
    one_sided = hypergeometric(hits, 40, 100, 0.9)
    assert result["certificate"].low == pytest.approx((before + hits) / (before + one_sided.high))
    assert result["elusion"].value == pytest.approx(hits / 40)
    assert (result["elusion"].low, result["elusion"].high) == (total.low / 100, total.high / 100)
    assert result["richness"].high == pytest.approx((before + total.high) / 200)
    assert "no validation sample" in result["precision"].refused
    assert [(d.name, d.population, d.size, d.read, d.hits, d.mixed) for d in result.samples] == [
        ("elusion", 100, 40, 40, hits, False)
    ]
    assert all(f.sentence and ("1987" in f.sentence or "1934" in f.sentence) for f in result.figures if not f.refused)


def test_what_is_read_after_the_draw_counts_as_found_and_is_said(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 3)
    review.draw_elusion(40)
    read_sample(review)
    before = said(project)
    answer(review, 5)
    after = said(project)
    assert after.found > before.found
    assert after["recall"].low > before["recall"].low
    for name in ("recall_at_draw", "elusion"):
        assert after[name] == before[name]
    assert any("100 documents outside of the elusion sample were read after it" in line for line in after.deviations)
    # when all is read there is nothing left to miss, and the claims agree
    answer(review)
    truth = sum(TRUTH[i] == "yes" for i in project.store.ids())
    assert after["recall"].low <= after.found / truth <= after["recall"].high


def test_skips_may_be_the_target(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 5)
    early = next(i for i, label in review.labels().items() if label == "no")
    review.draw_elusion(40)
    ids = sampled(review)
    wrong = {i: None if k < 5 else "no" for k, i in enumerate(ids)}
    while review.ledger.waiting is not None:
        review.record(*(Label(i, wrong[i], "me") for i in review.next_batch()))
    result = said(project)
    assert (result["elusion"].hits, result["elusion"].low) == (0, 0)
    assert result["elusion"].high == hypergeometric(5, 40, 100).high / 100
    assert any("5 documents of the elusion sample could not be told" in line for line in result.deviations)
    review.record(Label(early, None, "me"))  # read before, and now nobody can tell
    low = said(project)["recall"].low
    assert low == pytest.approx(result.found / (result.found / result["recall"].low + 1))


def test_an_answer_changed_once_the_result_was_known_changes_nothing_for_the_better(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 2)
    review.draw_elusion(60)
    read_sample(review)
    before = said(project)
    hit = next(i for i in sampled(review) if TRUTH[i] == "yes")
    review.record(Label(hit, "no", "me"))
    after = said(project)
    assert after["elusion"] == before["elusion"]
    assert after["recall"].low < before["recall"].low
    assert any("1 document of the elusion sample, 'yes' when" in line for line in after.deviations)
    # for the worse it counts
    miss = next(i for i in sampled(review) if TRUTH[i] == "no")
    review.record(Label(miss, "yes", "me"))
    assert said(project)["elusion"].value == before["elusion"].value + 1 / 60


def test_precision_and_richness_by_the_validation_sample(lexical_project: Make) -> None:
    project = lexical_project(400, "validation = 100\n")
    review = project.review()
    answer(review, 5)
    assert said(project)["precision"].refused  # one class of labels at most: nothing trains on the sample
    answer(review, 8)
    result = said(project)
    ids = sampled(review, "validation")
    state = review.state()
    called = [i for i, row in zip(ids, review.ledger.samples["validation"].rows, strict=True)
              if state.probabilities[row].argmax() == 0]  # fmt: skip
    assert result["precision"].n == len(called) > 5
    assert result["precision"].hits == sum(TRUTH[i] == "yes" for i in called)
    drawn = sum(TRUTH[i] == "yes" for i in ids)
    assert result["richness"].hits == drawn
    assert result["richness"].high == hypergeometric(drawn, 100, 400).high / 400
    # the review has found more than the sample says there are
    assert result["richness"].value == result["richness"].low == result.found / 400 > drawn / 100
    assert result["recall"].low <= result.found / sum(v == "yes" for v in TRUTH.values()) <= result["recall"].high
    assert result["elusion"].refused
    assert result["certificate"].refused == "no elusion sample was drawn"


# ------------------------------------------------------------------------------------------------------------ refusals


def test_nothing_is_claimed_without_a_sample(lexical_project: Make) -> None:
    project = lexical_project(100)
    answer(project.review(), 2)
    result = said(project)
    assert all(figure.refused for figure in result.figures)
    assert "no random sample was drawn" in result["recall"].refused


def test_a_sample_half_read_gives_no_numbers(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 3)
    review.draw_elusion(30)
    answer(review)
    result = said(project)
    assert "not read to its end (10 of 30 wait): a look before would be a peek" in result["elusion"].refused
    assert result.samples[0].hits is None
    assert 'hits": null' in json.dumps(result.to_json())


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("grown", "5 documents were added after the elusion sample was drawn of 140"),
        ("taken back", "1 document read before the elusion sample was drawn were taken back"),
        ("came with a file", "1 document of the elusion sample carry labels that came with a file"),
        ("coded before", "2 documents of the elusion-2 sample had been answered before it was drawn: it is spoiled"),
    ],
)
def test_a_spoiled_sample_is_refused_with_the_reason(lexical_project: Make, how: str, reason: str) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 3)
    read = list(review.labels())
    review.draw_elusion(30)
    read_sample(review)
    assert not said(project)["recall"].refused
    if how == "grown":
        project.add_documents(make_documents(5, start=1000)[0])
    elif how == "taken back":
        review.withdraw(read[0], "me")
    elif how == "came with a file":
        first = sampled(review)[0]
        review.withdraw(first, "me")
        review.record(Label(first, "no", "prior", prior=True))
    else:  # the engine draws none like it: somebody wrote it
        drawn = {"document_ids": read[:2], "n": 200, "size": 2, "look": 2, "mixed": False}
        project.store.append(review.chain, ("sample", {"name": "elusion-2", "probability": 1.0, **drawn}))
    result = said(project)
    for name in ("recall", "recall_at_draw", "certificate", "elusion", "richness"):
        assert reason in result[name].refused
        assert np.isnan(result[name].low)


def test_a_target_changed_since_is_refused(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 3)
    review.draw_elusion(20)
    read_sample(review)
    file = project.folder / "docreview.toml"
    file.write_text(file.read_text("utf-8").replace('target = "yes"', 'target = "no"'), "utf-8")
    with Project.open(project.folder) as other:
        assert "the target was changed after" in said(other)["recall"].refused


def test_a_second_look_is_counted_and_claims_less(lexical_project: Make) -> None:
    project = lexical_project(200)
    review = project.review()
    answer(review, 4)
    review.draw_elusion(30)
    read_sample(review)
    review.draw_elusion(30, mixed=True)
    read_sample(review)
    result = said(project)
    assert result.looks == 2
    assert result["recall"].confidence == pytest.approx(1 - 0.05 / 3)
    assert "this is look 2" in result["certificate"].refused
    assert any(line.startswith("2 elusion samples were drawn: this is look 2") for line in result.deviations)
    # hidden among others, so nobody is said to have known it
    assert not any("asked by itself" in line for line in result.deviations)


# ---------------------------------------------------------------------------------------------------------------- plan


def test_a_plan_promises_what_the_report_then_says(lexical_project: Make) -> None:
    project = lexical_project(400)
    review = project.review()
    answer(review, 8, seconds=9.0)
    plan = plan_of(review, recall=0.7)
    assert plan.elusion == elusion_sample(plan.found, plan.unread, 0.7, 0.05)
    assert plan.elusion_hours == pytest.approx(plan.elusion * 9 / 3600)
    assert 0 < plan.elusion_chance < 1
    review.draw_elusion(plan.elusion)
    while review.ledger.waiting is not None:  # by a reviewer who finds nothing
        review.record(*(Label(i, "no", "me") for i in review.next_batch()))
    result = said(project)
    option = next(option for option in plan.options if option.size == plan.elusion)
    assert result["certificate"].low == pytest.approx(option.none)
    assert result["certificate"].low >= 0.7
    assert plan_of(review, recall=0.7).look == 2


def test_a_small_corpus_is_told_what_it_can_carry(lexical_project: Make) -> None:
    review = lexical_project(400).review()
    plan = plan_of(review, share=0.05)
    assert plan.positives_for_qbcb == 59
    assert plan.for_qbcb == pytest.approx(59 / 0.05)
    assert plan.qbcb_at_most == pytest.approx(0.05 ** (1 / 20))
    assert (plan.supposed_found, plan.supposed_unread) == (20, 380)
    assert plan.dear
    assert plan.seconds_per_document is None
    assert plan.elusion_hours is None
    unknown = plan_of(review)
    assert (unknown.richness, unknown.for_recall, unknown.options) == (None, None, ())
    with pytest.raises(BadSetting, match="recall must lie above 0 and below 1, got 1"):
        plan_of(review, recall=1.0)


def test_without_a_target_there_is_nothing_to_validate(lexical_project: Make) -> None:
    project = lexical_project(50, text='[views.lexical]\n[questions.copyleft]\nlabels = ["yes", "no"]\n')
    for call in (plan_of, validation_of):
        with pytest.raises(BadSetting, match="has no target"):
            call(project.review())


# ------------------------------------------------------------------------------------------------------------ commands


def test_from_plan_to_report_by_commands(lexical_project: Make, cli: Any, tmp_path: Path) -> None:
    project = lexical_project(400)
    review = project.review()
    code, _, err = cli(project, "validate", "sample")
    assert (code, err.count("\n")) == (1, 1)
    assert "nobody has read anything yet" in err
    answer(review, 8, seconds=9.0)
    code, out, _ = cli(project, "validate", "plan", "--recall", "0.7", "--json")
    plan = json.loads(out)
    code, out, _ = cli(project, "validate", "plan", "--recall", "0.7")
    assert f"Elusion sample of what is unread: {plan['elusion']} documents" in out
    assert "Pace: 9.0 s a document" in out
    code, out, err = cli(project, "validate", "sample", "--recall", "0.99")
    assert code == 1, "nearly everything must be drawn for 0.99"
    assert "read them all, or give --size or a lower --recall" in err
    code, out, _ = cli(project, "validate", "sample", "--recall", "0.7", "--mixed", "--json")
    assert json.loads(out) == {
        "name": "elusion", "size": plan["elusion"], "population": plan["unread"], "look": 1, "mixed": True
    }  # fmt: skip
    code, out, err = cli(project, "validate", "sample", "--size", "5")
    assert "locked and not read to its end" in err
    code, out, _ = cli(project, "validate", "report")
    assert "No recall, recall at draw, certificate, elusion, richness: the elusion sample is not read" in out
    read_sample(review)
    code, out, _ = cli(project, "validate", "report", "--json")
    assert json.loads(out) == json.loads(json.dumps(said(project).to_json()).replace("NaN", "null"))
    code, out, _ = cli(project, "validate", "report")
    assert "The review has found" in out
    assert "Buonaccorsi 1987" in out
    code, out, _ = cli(project, "validate", "sample", "--size", "5")
    assert "This is look 2" in out
    code, out, _ = cli(project, "status")
    assert "elusion sample" in out
    assert "0 of 5 documents answered (look 2)" in out
    read_sample(review)
    project.report(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    table = next(t for t in report["tables"] if t["title"] == "What the random samples say")
    assert table["rows"][0][2] == pytest.approx(said(project)["recall"].low)
    assert any("2 elusion samples were drawn" in line for line in report["warnings"])
    assert any("No certificate" in line for line in report["warnings"])


def test_an_unknown_subcommand_is_told_what_it_may_have_meant(lexical_project: Make, cli: Any) -> None:
    code, _, err = cli(lexical_project(0), "validate", "samples")
    assert code == 2
    assert "Did you mean 'sample'?" in err
