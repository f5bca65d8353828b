"""The oracle that answers from a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docreview_exchange.oracle import AnsweredFile

from docreview import Project, Question
from docreview.errors import DocreviewError, ImportFailed
from docreview.testing import CHECKS, QUESTION, make_documents

RNG = np.random.default_rng(0)
REAL = Path(__file__).parent / "label-studio-1.23.2" / "export.json"
OUTCOME = Question("outcome", ("dismissed", "granted", "$5 fine"))


def sheet(path: Path, *rows: tuple[str, str, str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "label", "reviewer"), *rows])
    return str(path)


@pytest.mark.parametrize("check", CHECKS["oracles"], ids=lambda check: check.__name__)
def test_conformance(tmp_path: Path, check: Any) -> None:
    rows = [(d.id, QUESTION.labels[i % 2], "ada") for i, d in enumerate(make_documents()) if i % 5]
    check(AnsweredFile(sheet(tmp_path / "answers.csv", *rows)))


def test_most_reviewers_have_it_and_a_tie_is_no_answer(tmp_path: Path) -> None:
    given = {"d0": "RR", "d1": "RO", "d2": "ROO", "d3": "R?", "d4": "??", "d5": "", "d6": "ROR?"}
    written = {"R": "relevant", "O": "Other ", "?": "?"}
    rows = [(id, written[answer], f"reviewer {i}") for id, said in given.items() for i, answer in enumerate(said)]
    path = sheet(tmp_path / "answers.csv", *rows)
    answers = AnsweredFile(path).label(make_documents(8), QUESTION, RNG)
    assert answers == ["relevant", None, "other", "relevant", None, None, "relevant", None]
    answers = AnsweredFile(path, reviewer="reviewer 1").label(make_documents(8), QUESTION, RNG)
    assert answers == ["relevant", "other", "other", None, None, None, "other", None]


def test_a_real_export_answers(project: Project) -> None:
    documents = [project.review().document(id) for id in ("latin/0", "yoruba/1", "hebrew/5", "thai/7", "007")]
    assert AnsweredFile(str(REAL)).label(documents, OUTCOME, RNG) == ["granted", None, None, None, "granted"]
    assert AnsweredFile(str(REAL), "1").label(documents, OUTCOME, RNG) == ["granted", "dismissed", None, None, None]


def test_what_is_wrong_is_told(tmp_path: Path, project: Project) -> None:
    with pytest.raises(ImportFailed, match=r"answers.csv cannot be read"):
        AnsweredFile(str(tmp_path / "answers.csv"))
    path = sheet(tmp_path / "answers.csv", ("d0", "relevant", "ada"), ("d1", "relevnt", "ada"))
    with pytest.raises(DocreviewError, match=r"answers.csv, line 3: document 'd1': .* Did you mean 'relevant'\?"):
        AnsweredFile(path).label(make_documents(1), QUESTION, RNG)
    with pytest.raises(DocreviewError, match="no answers of 'eve'; it has those of 1, 2"):
        AnsweredFile(str(REAL), "eve").label([], OUTCOME, RNG)
    with pytest.raises(ImportFailed, match="answers the question 'outcome', not 'sample'"):
        AnsweredFile(str(REAL)).label([], QUESTION, RNG)


def test_it_answers_a_simulation(project: Project, tmp_path: Path) -> None:
    ids = project.store.ids()
    truth = {id: OUTCOME.labels[i % 3] for i, id in enumerate(ids)}
    path = sheet(tmp_path / "answers.csv", *((id.replace("=", "'="), truth[id], "ada") for id in ids[:9]))
    run = project.simulate(truth, oracle={"name": "answered-file", "path": path})
    assert sorted(run.rows.tolist()) == list(range(12))
    assert not project.review().labels(), "a simulation records nothing in the project"
    wrong = sheet(tmp_path / "wrong.csv", (ids[0], "relevant", "ada"))
    with pytest.raises(DocreviewError, match="'relevant' is no label of question 'outcome'"):
        project.simulate(truth, oracle={"name": "answered-file", "path": wrong})
    with pytest.raises(DocreviewError, match="has no setting 'file'"):
        project.simulate(truth, oracle={"name": "answered-file", "file": path})
