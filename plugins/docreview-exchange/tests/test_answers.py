"""What was written, and what it comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from docreview_exchange.answers import Answer, AnswerFile, Settled, match_label, settle, time_of

from docreview import Question
from docreview.errors import ImportFailed, UnknownLabel

QUESTION = Question("copyleft", ("yes", "no", "not at all"))


def made(*answers: Answer, reviewer: str = "", question: str = "") -> Settled:
    return settle(AnswerFile(Path("back.csv"), answers, question), QUESTION, reviewer=reviewer)


@pytest.mark.parametrize(
    ("written", "label"),
    [("yes", "yes"), (" YES ", "yes"), ("Not  at\nall", "not at all"), ("ｎｏ", "no"), ("?", None)],
)
def test_a_label_is_meant(written: str, label: str | None) -> None:
    assert match_label(QUESTION, written) == label


def test_a_label_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownLabel, match=r"'yess' is no label of question 'copyleft'. Did you mean 'yes'\?"):
        match_label(QUESTION, "yess")


def test_labels_alike_are_told_apart_by_case_or_not_at_all() -> None:
    question = Question("q", ("Yes", "yes", "?"))
    assert match_label(question, "Yes") == "Yes"
    assert match_label(question, "?") == "?", "a label before it is a sign"
    with pytest.raises(UnknownLabel, match="It could be 'Yes' or 'yes'"):
        match_label(question, "YES")


def test_several_reviewers_and_what_they_leave_out() -> None:
    settled = made(
        Answer("line 2", "a", "yes", "ada", note="one"),
        Answer("line 3", "a", "no", "bob"),
        Answer("line 4", "a", "yes", "ada", note="two"),
        Answer("line 5", "b", " ", "ada", note="later"),
        Answer("line 6", "c", "", "ada", skipped=True),
    )
    assert [(place, label.document_id, label.reviewer, label.value, label.note) for place, label in settled.labels] == [
        ("line 2", "a", "ada", "yes", "one | two"),
        ("line 3", "a", "bob", "no", ""),
        ("line 6", "c", "ada", None, ""),
    ]
    assert (settled.unanswered, settled.repeated, settled.problems) == (1, 1, ())
    assert [(stray.place, stray.what) for stray in settled.stray] == [("line 5", "a note without a label: later")]


def test_who_gives_two_answers_gives_none() -> None:
    settled = made(
        Answer("line 2", "a", "yes", "ada"),
        Answer("line 3", "a", "no", "ada"),
        Answer("line 4", "a", "yes", "ada"),
        Answer("line 5", "b", "no", "ada"),
    )
    assert [label.document_id for _, label in settled.labels] == ["b"]
    [problem] = settled.problems
    assert (problem.place, problem.document_id) == ("line 2", "a")
    assert problem.what == "ada answers 'yes' (line 2), 'no' (line 3)."


@pytest.mark.parametrize("first", [True, False])
def test_an_answer_takes_the_place_of_cannot_tell(first: bool) -> None:
    answers = [Answer("1", "a", "", "ada", skipped=True, note="hm"), Answer("2", "a", "no", "ada")]
    settled = made(*(answers if first else reversed(answers)))
    [(_, label)] = settled.labels
    assert (label.value, label.note) == ("no", "hm")
    assert not settled.problems


def test_who_answered_where_the_file_does_not_say() -> None:
    settled = made(Answer("1", "a", "no"), Answer("2", "a", "no", "bob"), reviewer="ada")
    assert [label.reviewer for _, label in settled.labels] == ["ada", "bob"]


def test_answers_to_another_question_are_refused() -> None:
    with pytest.raises(ImportFailed, match=r"back.csv answers the question 'other', not 'copyleft'"):
        made(question="other")


def test_times() -> None:
    at = datetime(2021, 3, 9, 22, 16, 8, 728378, UTC)
    assert time_of(None, "soon", "2021-03-09T22:16:08.728378Z") == at
    assert time_of("2021-03-09T22:16:08.728378") == at
    assert time_of("", 7) is None
