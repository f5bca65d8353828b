"""Checks of oracles. One that knows the answers beforehand must know those about `make_documents()`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from docreview.errors import UnknownDocument
from docreview.testing.common import global_generators_untouched, require, under_test
from docreview.testing.samples import MANY, ODD, QUESTION, SCRIPTS, make_documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docreview.types import Document, Oracle, Question


def _plain() -> list[Document]:
    return make_documents()[len(SCRIPTS) + len(ODD) :]


def cannot_answer(oracle: Oracle) -> str | None:
    """Why an oracle cannot be checked: it does not know the documents that it is asked about; None where it does."""
    try:
        _answers(oracle, make_documents())
    except UnknownDocument as error:
        return f"it cannot answer about the documents of docreview.testing.make_documents: {error}"
    except Exception:  # noqa: BLE001 - whatever else is wrong with it, the checks are there to tell
        return None
    return None


def _answers(
    oracle: Oracle, documents: Sequence[Document], question: Question = QUESTION, seed: int = 0
) -> list[str | None]:
    import numpy as np

    from docreview.contracts import check_answers

    answers = oracle.label(documents, question, np.random.default_rng(seed))
    return check_answers(under_test("oracles", oracle), answers, documents, question, 1)


def check_oracle_answers(oracle: Oracle) -> None:
    """It gives one answer for each document, a label of the question or None; none where it is asked about none."""
    documents = _plain()
    _answers(oracle, documents)
    _answers(oracle, documents[:1])
    _answers(oracle, [])


def check_oracle_texts(oracle: Oracle) -> None:
    """It answers about texts that are empty, huge, of control characters or in any script."""
    _answers(oracle, make_documents(len(SCRIPTS) + len(ODD)))


def check_oracle_many_labels(oracle: Oracle) -> None:
    """It answers a question of 150 labels."""
    question = replace(QUESTION, labels=(*QUESTION.labels, *MANY[2:]))
    _answers(oracle, _plain(), question)


def check_oracle_repeats(oracle: Oracle) -> None:
    """The same documents and the same generator give the same answers."""
    first, second = _answers(oracle, _plain()), _answers(oracle, _plain())
    require(first == second, "the same documents and generator must give the same answers")


def check_oracle_generators(oracle: Oracle) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        _answers(oracle, _plain())


def check_oracle_leaves_documents(oracle: Oracle) -> None:
    """It changes nothing in the documents."""
    documents = _plain()
    before = deepcopy(documents)
    _answers(oracle, documents)
    require(documents == before, "the documents must not be changed")
