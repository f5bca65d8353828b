"""Rules asked of an old record say what they would have said while it was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from support import LEXICAL, make_documents

from docreview import Label, Project
from docreview.cli import main
from docreview.errors import BadSetting, ProjectError, UnknownComponent
from docreview.types import StopDecision

Make = Callable[..., Project]
TRUTH = make_documents(400)[1]
RULES: dict[str, Any] = {
    "budget": {"name": "budget", "labels": 130},
    "diminishing-returns": {"name": "diminishing-returns", "window": 1, "threshold": 0.8, "minimum_rounds": 2},
    "qbcb": {"name": "qbcb", "recall": 0.5},
    "buscar": {"name": "buscar", "recall": 0.8},
    "overall-uncertainty": "overall-uncertainty",
    "pool-exhausted": "pool-exhausted",
}


def live(project: Project, rounds: int, sample: int = 0) -> list[StopDecision]:
    """Review, and note what the project's rule says after each round; after the fifth, sample what is left."""
    review, said = project.review(), []
    for number in range(rounds):
        batch = review.next_batch()
        review.record(*(Label(i, TRUTH[i], "me") for i in batch))
        said.append(review.should_stop())
        if sample and number == 4:
            review.draw_elusion(sample)
    return said


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(v)}" for key, v in value.items()) + "}"
    return json.dumps(value)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_said_then(lexical_project: Make, name: str) -> None:
    project = lexical_project(300, f"validation = 40\nstopping_rule = {toml(RULES[name])}\n")
    said = live(project, 10, sample=25)
    (replayed,) = project.replay_rules({name: RULES[name]})
    assert [r.round for r in replayed.rounds] == list(range(1, 11))
    assert [(r.decision.stop, r.decision.reason) for r in replayed.rounds] == [(d.stop, d.reason) for d in said]
    assert [dict(r.decision.evidence) for r in replayed.rounds] == [dict(d.evidence) for d in said]
    first = next((i for i, d in enumerate(said, 1) if d.stop), None)
    assert (replayed.stopped and replayed.stopped.round) == first


def test_where_the_record_has_no_stop_set_one_is_followed(lexical_project: Make) -> None:
    """The record of a review without the rule gives what the same review with the rule said."""
    rule = RULES["diminishing-returns"]
    said = live(lexical_project(200, f"stopping_rule = {toml(rule)}\n"), 8)
    without = lexical_project(200, folder="without")
    live(without, 8)
    assert not [e for e in without.store.entries("review:copyleft") if e.kind == "stop-set"]
    (replayed,) = without.replay_rules({"settled": rule})
    assert [r.decision for r in replayed.rounds] == said
    assert replayed.stopped is not None
    assert not replayed.rounds[0].decision.stop


def test_several_rules_side_by_side_and_what_was_found_by_then(lexical_project: Make) -> None:
    project = lexical_project(300)
    live(project, 6)
    budget, never = project.replay_rules({"half": {"name": "budget", "labels": 60}, "never": "never"})
    assert budget.stopped is not None
    assert (budget.stopped.round, budget.stopped.read) == (3, 60)
    ledger = project.review().ledger
    assert budget.stopped.found == ledger.history[3].found[0]
    assert never.stopped is None
    assert never.rounds[-1].read == 120
    assert never.rounds[-1].found == ledger.found()[0]


def test_documents_of_that_time(lexical_project: Make) -> None:
    project = lexical_project(100)
    live(project, 2)
    project.add_documents(make_documents(50, start=100)[0])
    live(project, 1)
    (replayed,) = project.replay_rules({"all": "pool-exhausted"})
    # the second round's answers were in before documents were added; what was drawn next was drawn of 150
    assert [r.decision.evidence["left"] for r in replayed.rounds] == [80, 110, 90]


def test_rules_that_need_no_model_need_no_views(lexical_project: Make) -> None:
    project = lexical_project(200, "validation = 40\n")
    live(project, 6)
    project.close()
    shutil.rmtree(project.folder / ".docreview" / "cache")
    file = project.folder / "docreview.toml"
    file.write_text(LEXICAL.replace("[views.lexical]", "[views.semantic]"), "utf-8")
    with Project.open(project.folder) as other:
        (budget,) = other.replay_rules({"budget": {"name": "budget", "labels": 60}})
        assert budget.stopped is not None
        with pytest.raises(ProjectError, match="made with the view 'lexical', which docreview"):
            other.replay_rules({"qbcb": RULES["qbcb"]})


def test_nothing_is_written(lexical_project: Make) -> None:
    project = lexical_project(200)
    live(project, 4)
    before = {chain: project.store.last(chain) for chain in project.store.chains}
    project.replay_rules(RULES)
    assert {chain: project.store.last(chain) for chain in project.store.chains} == before


def test_a_rule_that_cannot_be_asked_is_one_line(lexical_project: Make) -> None:
    text = '[views.lexical]\n[questions.copyleft]\nlabels = ["yes", "no"]\n'
    project = lexical_project(100, text=text)
    live(project, 2)
    with pytest.raises(BadSetting, match="needs a question with a target"):
        project.replay_rules({"knee": "knee"})
    with pytest.raises(UnknownComponent, match="Did you mean 'buscar'"):
        project.replay_rules({"busca": "busca"})
    assert project.replay_rules({"never": "never"})[0].rounds[0].found is None


def test_by_command(lexical_project: Make, capfd: pytest.CaptureFixture[str]) -> None:
    def call(*args: str) -> tuple[int, str, str]:
        code = 0
        try:
            main(["replay", *args, "-p", str(project.folder)])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    project = lexical_project(200)
    assert call("--stopping-rule", "never")[1] == "Nothing has been read yet.\n"
    live(project, 5)
    both = ("--stopping-rule", '{name = "budget", labels = 40}', "--stopping-rule", "knee")
    code, out, _ = call(*both)
    assert code == 0
    assert "100 documents read in 5 rounds" in out
    line = next(line for line in out.splitlines() if line.startswith("budget (labels = 40) "))
    assert line.split()[4:7] == ["2", "40", "40.0%"]
    assert "budget (labels = 40), after round 2: The budget of 40 documents has been read (40)." in out
    code, out, _ = call(*both, "--rounds")
    assert "After each round" in out
    code, out, _ = call(*both, "--json")
    rules = json.loads(out)["rules"]
    assert [rule["rule"] for rule in rules] == ["budget (labels = 40)", "knee"]
    assert rules[0]["stopped"]["round"] == 2
    assert [r["decision"]["stop"] for r in rules[0]["rounds"]] == [False, True, True, True, True]
    code, _, err = call("--rounds")
    assert code == 2
    assert "--rounds goes with --stopping-rule" in err
