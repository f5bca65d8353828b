"""The conformance kit itself: sample states, expected failures, and running checks without pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wrong_deciders import Chance, Constant, Parrot
from wrong_files import GOOD, Reader

from docreview.errors import BadSetting
from docreview.oracles import KnownLabels
from docreview.testing import (
    CHECKS,
    ODD,
    SCRIPTS,
    checks_for,
    make_documents,
    make_state,
    make_vectors,
    name_of,
    parametrize_with_checks,
    run_checks,
)
from docreview.testing.common import state_digest
from docreview.testing.importers import NEED_WRITTEN
from docreview.testing.samples import one_view

# -------------------------------------------------------------------------------------------------------- sample states


@pytest.mark.parametrize("labels", [("a", "b"), tuple("abcdefg")])
@pytest.mark.parametrize("validation", [0, 15])
def test_sample_states_hang_together(labels: tuple[str, ...], validation: int) -> None:
    state = make_state(labels=labels, target=None, validation=validation)
    assert state.pool.size + state.reviewed.size == state.n
    assert state.read == 40 - 2 + validation
    assert state.trainable
    assert state.probabilities.shape == (state.n, len(labels))
    np.testing.assert_allclose(state.probabilities.sum(axis=1), 1, atol=1e-5)
    assert state.history[-1].read == state.read
    assert state.neighbors is not None
    assert not (state.neighbors.rows == np.arange(state.n)[:, None]).any()
    with pytest.raises(ValueError, match="read-only"):
        state.labels[0] = 1


def test_sample_states_repeat_and_differ() -> None:
    first, second, other = make_state(), make_state(), make_state(seed=1)
    assert (first.reviewed == second.reviewed).all()
    assert not (first.reviewed == other.reviewed).all()


def test_sample_states_without_two_labels_have_no_model() -> None:
    for state in (make_state(read=0), make_state(classes=1)):
        assert not state.trainable
        assert np.isnan(state.probabilities).all()


@pytest.mark.parametrize("name", ["semantic", "lexical"])
def test_the_model_of_a_sample_state_is_linear_in_its_view(name: str) -> None:
    state = one_view(make_state(validation=10), name)
    fitted: Any = state.fitted()
    coefficients = fitted.coefficients(name)
    assert fitted.coefficients("other") is None
    np.testing.assert_allclose(state.views[name].matrix @ coefficients.T, fitted.scores, atol=1e-5)
    np.testing.assert_array_equal(fitted.to_probabilities(fitted.scores), state.probabilities)


def test_members_of_a_sample_committee_differ_and_repeat() -> None:
    state = make_state(validation=10)
    for kind in ("bootstrap", "classifiers", "initializations"):
        members = state.committee(kind, 4)
        assert members.shape == (4, state.n, 2)
        np.testing.assert_allclose(members.sum(axis=2), 1, atol=1e-5)
        assert len({member.tobytes() for member in members}) == 4
        np.testing.assert_array_equal(members, make_state(validation=10).committee(kind, 4))
    assert state.committee("views", 4).shape == (2, state.n, 2)
    np.testing.assert_array_equal(state.committee("views", 4)[0], state.probabilities)


def test_a_sample_committee_needs_two_labels_or_views() -> None:
    with pytest.raises(ValueError, match="at least two classes"):
        make_state(classes=1).committee("bootstrap", 3)
    with pytest.raises(BadSetting, match="needs two views, and there is lexical"):
        one_view(make_state(), "lexical").committee("views", 3)


def test_sample_documents_cover_the_scripts() -> None:
    documents = make_documents(30)
    assert len({document.id for document in documents}) == 30
    assert set(SCRIPTS.values()) < {document.text for document in documents}


def test_sample_texts_belong_to_their_rows() -> None:
    state = make_state(validation=10)
    for row in state.reviewed[state.labels[state.reviewed] >= 0][:20]:
        assert state.question.labels[state.labels[row]] in state.texts([row])[0]
    assert state.texts([5, 3]) == [state.texts([5])[0], state.texts([3])[0]]
    assert len(set(make_state(alike=True).texts(range(10)))) == 1
    assert set(make_state(odd=True).texts(range(120))) == {*SCRIPTS.values(), *ODD.values()}


def test_blank_documents_are_seen_by_no_view() -> None:
    state = make_state(blank=10)
    for view in state.views.values():
        seen = np.asarray((view.matrix * view.matrix).sum(axis=1)) > 0
        assert (np.flatnonzero(~seen) == np.arange(110, 120)).all()
    assert state.neighbors is not None
    assert (state.neighbors.rows[110:] == -1).all()


def test_neighbors_in_a_large_sample_are_near() -> None:
    state = make_state(5_000, read=100)
    matrix: Any = state.views["semantic"].matrix
    assert state.neighbors is not None
    rows, similarities = state.neighbors.rows, state.neighbors.similarities
    np.testing.assert_allclose(np.einsum("nd,nkd->nk", matrix, matrix[rows]), similarities, atol=1e-5)
    assert not (rows == np.arange(5_000)[:, None]).any()
    assert (np.diff(similarities, axis=1) <= 0).all()
    assert similarities.mean() > 2 * (matrix[:500] @ matrix[500:1_000].T).mean()


def test_sample_vectors_are_clustered_and_begin_alike() -> None:
    vectors = make_vectors(300)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (make_vectors(50) == vectors[:50]).all()
    best = np.sort(vectors @ vectors.T, axis=1)[:, -4]
    assert np.median(best) > 0.7  # isotropic ones would reach about 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda state: object.__setattr__(state, "round", 9),
        lambda state: state.__dict__.update(labels=state.labels + 1),
        lambda state: state.__dict__.update(pool=state.pool[:-1]),
        lambda state: state.__dict__.update(remembered=1),
        lambda state: object.__setattr__(state, "fitted", lambda: None),
        lambda state: object.__setattr__(state.samples[0], "probability", 0.9),
        lambda state: object.__setattr__(state.views["semantic"], "matrix", state.views["semantic"].matrix[::-1]),
        lambda state: object.__setattr__(state, "neighbors", None),
    ],
)
def test_whatever_is_changed_in_a_state_shows_in_its_digest(change: Any) -> None:
    state = make_state(validation=10)
    before = state_digest(state)
    assert state_digest(state) == before
    change(state)
    assert state_digest(state) != before


# ---------------------------------------------------------------------------------------------------- expected failures


def _marks(parametrized: pytest.MarkDecorator) -> dict[str, list[pytest.Mark]]:
    return {str(case.id): [mark.mark for mark in case.marks] for case in parametrized.args[1]}


@pytest.mark.parametrize("name", ["strategy_scores", "check_strategy_scores"])
def test_an_expected_failure_becomes_a_strict_xfail_with_its_reason(name: str) -> None:
    expected = {"flat": {name: "all are alike to it"}}
    marks = _marks(
        parametrize_with_checks("query_strategies", {"flat": Constant(), "good": Chance()}, expected_failures=expected)
    )
    assert len(marks) == 2 * len(CHECKS["query_strategies"])
    ((mark,),) = [found for found in marks.values() if found]
    assert marks["flat-strategy_scores"] == [mark]
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "all are alike to it", "strict": True})


@pytest.mark.parametrize(
    ("kind", "expected", "message"),
    [
        ("query_strategies", {"god": {}}, "no component 'god'. Did you mean 'good'"),
        ("query_strategies", {"good": {"strategy_row": "why"}}, "no check 'strategy_row'. Did you mean 'strategy_rows"),
        ("query_strategies", {"good": {"rule_repeats": "why"}}, "no check 'rule_repeats'"),
        ("query_strategies", {"good": {"strategy_rows": " "}}, "say why 'strategy_rows'"),
        ("query_strategy", {}, "no checks for 'query_strategy'. Did you mean 'query_strategies'"),
    ],
)
def test_what_does_not_exist_is_told_with_a_suggestion(kind: str, expected: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parametrize_with_checks(kind, {"good": Chance()}, expected_failures=expected)


def test_run_checks_tells_at_once_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no check 'strategy_row'"):
        run_checks("query_strategies", Chance(), {"strategy_row": "why"})
    with pytest.raises(ValueError, match="no checks for 'strategy'"):
        run_checks("strategy", Chance())


TESTS = """
from wrong_deciders import Parrot, Talkative
from wrong_files import Reader
from docreview.testing import parametrize_with_checks

@parametrize_with_checks(
    "oracles",
    {"talks": Talkative(), "good": Parrot()},
    expected_failures={"talks": {"oracle_answers": "it cannot be silent"}, "good": {"oracle_texts": "it cannot read"}},
)
def test_oracle(component, check):
    check(component)

@parametrize_with_checks("importers", {"bare": Reader()})
def test_importer(component, check):
    check(component)
"""


def test_pytest_counts_what_was_expected_and_what_was_not(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)
    assert "1 failed" in done.stdout
    assert "1 xfailed" in done.stdout
    assert f"{len(NEED_WRITTEN)} skipped" in done.stdout
    assert "FAILED test_them.py::test_oracle[good-oracle_texts] - [XPASS(strict)] it cannot read" in done.stdout
    assert re.search(r"XFAIL test_them.py::test_oracle\[talks-oracle_answers\] - it cannot be silent", done.stdout)


# ------------------------------------------------------------------------------------------------------ without pytest


def outcomes(kind: str, component: Any, **more: Any) -> dict[str, tuple[str, str]]:
    return {result.name: (result.outcome, result.detail) for result in run_checks(kind, component, **more)}


def test_run_checks_says_what_became_of_each() -> None:
    results = list(run_checks("oracles", Parrot(), {"check_oracle_texts": "it cannot read"}))
    assert [result.name for result in results] == [name_of(check) for check in CHECKS["oracles"]]
    assert all(result.rule.endswith(".") and result.seconds > 0 for result in results)
    told = {result.name: (result.outcome, result.detail) for result in results}
    assert told["oracle_answers"] == ("passed", "")
    assert told["oracle_texts"] == ("failed", "it was expected to fail, and it does not: it cannot read")


class Raises(Parrot):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def label(self, documents: Any, question: Any, rng: Any) -> Any:
        if len(documents) == 1:
            raise self.error
        return super().label(documents, question, rng)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (RuntimeError("first\nsecond"), "RuntimeError: first"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (GeneratorExit("left"), "GeneratorExit: left"),
        (AssertionError("\n the rule \n"), "the rule"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_whatever_a_component_raises_is_one_failure_told_in_one_line(error: BaseException, detail: str) -> None:
    told = outcomes("oracles", Raises(error))
    assert told.pop("oracle_answers") == ("failed", detail)
    assert set(told.values()) == {("passed", "")}


def test_an_expected_failure_is_told_with_its_reason() -> None:
    told = outcomes("oracles", Raises(SystemExit(3)), expected_failures={"oracle_answers": "it leaves"})
    assert told["oracle_answers"] == ("expected", "it leaves")


def test_a_person_can_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        list(run_checks("oracles", Raises(KeyboardInterrupt())))


class Endless(Parrot):
    def label(self, documents: Any, question: Any, rng: Any) -> Any:
        while len(documents) == 1:
            pass
        return super().label(documents, question, rng)


def test_a_check_has_its_time() -> None:
    told = outcomes("oracles", Endless(), limit=0.5)
    assert told.pop("oracle_answers") == ("failed", "OutOfTime: not done after 0.5 s")
    assert set(told.values()) == {("passed", "")}


class Silent(Parrot):
    def label(self, documents: Any, question: Any, rng: Any) -> Any:
        while True:
            pass


def test_an_oracle_that_never_answers_is_waited_for_once() -> None:
    began = time.perf_counter()
    told = outcomes("oracles", Silent(), limit=0.5)
    assert time.perf_counter() - began < 5
    assert set(told.values()) == {("failed", "OutOfTime: not done after 0.5 s")}


# ---------------------------------------------------------------------------------------------- what cannot be checked


def test_an_importer_alone_runs_the_checks_that_need_no_files() -> None:
    reasons = {name_of(check): reason for check, reason in checks_for("importers", Reader())}
    assert {name for name, reason in reasons.items() if reason is None} == {
        "importer_suffixes",
        "importer_refuses",
        "importer_warnings",
    }
    told = outcomes("importers", Reader())
    assert told["importer_refuses"] == ("passed", "")
    assert told["importer_reads"] == ("skipped", "it needs files to read: see docreview.testing.Written")
    assert all(reason is None for _, reason in checks_for("importers", GOOD["importers"]))


def test_an_oracle_that_does_not_know_the_sample_documents_is_not_blamed() -> None:
    for _, reason in checks_for("oracles", KnownLabels({"mine": "relevant"})):
        assert reason is not None
        assert "make_documents" in reason
    assert {outcome for outcome, _ in outcomes("oracles", KnownLabels({})).values()} == {"skipped"}
    assert all(reason is None for _, reason in checks_for("oracles", Parrot()))


def test_the_kit_needs_no_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None
from docreview.testing import CHECKS, run_checks
print(all(result.outcome == "passed" for result in run_checks("text_processors", str)), len(CHECKS))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", str(len(CHECKS))], done.stderr


# ----------------------------------------------------------------------------------------------------- time and memory


class AllPairs(Chance):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def rows(self, state: Any, n: int, rng: Any) -> Any:
        self.seen.append(state.n)
        np.zeros((state.n, state.n), np.float32)
        return super().rows(state, n, rng)


@pytest.mark.parametrize("name", ["strategy_time", "strategy_memory"])
def test_a_matrix_of_all_pairs_is_refused_before_it_ends_the_process(name: str) -> None:
    (check,) = [check for check in CHECKS["query_strategies"] if name_of(check) == name]
    component = AllPairs()
    with pytest.raises(AssertionError, match="10,000 documents took 400 MB"):
        check(component)
    assert set(component.seen) == {10_000}


class Pairwise(Chance):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def rows(self, state: Any, n: int, rng: Any) -> Any:
        self.seen.append(state.n)
        if not tracemalloc.is_tracing():
            sum(range(state.n**2 // 4))  # 1 s for 10,000 documents, 100 s for 100,000
        return super().rows(state, n, rng)


def test_what_compares_all_pairs_is_not_tried_with_100_000() -> None:
    (check,) = [check for check in CHECKS["query_strategies"] if name_of(check) == "strategy_time"]
    component = Pairwise()
    with pytest.raises(AssertionError, match=r"documents took [\d.]+ s of processor time"):
        check(component)
    assert max(component.seen) < 100_000
