"""The oracle that answers from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from docreview.errors import DocreviewError
from docreview_exchange.answers import AnswerFile, read_answers, settle

if TYPE_CHECKING:
    import numpy as np

    from docreview import Document, Question


@dataclass(frozen=True)
class AnsweredFile:
    """Answers from a file that people filled in: a CSV of ``docreview exchange send``, or an export of Label Studio.

    `path` is the file. It answers the label that most of its reviewers gave, or what `reviewer` gave; None for a
    document that is not answered, that nobody could tell, or on which as many reviewers say one label as another.
    """

    path: str
    reviewer: str | None = None

    def __post_init__(self) -> None:
        _ = self._file  # a file that cannot be read is told before the simulation begins

    @cached_property
    def _file(self) -> AnswerFile:
        return read_answers(self.path)

    @cached_property
    def _known(self) -> dict[Question, dict[str, str | None]]:
        """What the file comes to for the questions asked so far."""
        return {}

    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        """Look each document up; raise `DocreviewError` where an answer in the file is wrong."""
        if question not in self._known:
            self._known[question] = self._settle(question)
        known = self._known[question]
        return [known.get(document.id) for document in documents]

    def _settle(self, question: Question) -> dict[str, str | None]:
        settled = settle(self._file, question)
        if settled.problems:
            first = settled.problems[0]
            raise DocreviewError(f"{self.path}, {first.place}: document '{first.document_id}': {first.what}")
        votes: dict[str, Counter[str]] = {}
        reviewers = set()
        for _, label in settled.labels:
            reviewers.add(label.reviewer)
            if label.value is not None and self.reviewer in (None, label.reviewer):
                votes.setdefault(label.document_id, Counter())[label.value] += 1
        if self.reviewer is not None and self.reviewer not in reviewers:
            known = ", ".join(sorted(name for name in reviewers if name)) or "none by name"
            raise DocreviewError(f"{self.path} has no answers of '{self.reviewer}'; it has those of {known}.")
        return {document_id: _most(given) for document_id, given in votes.items()}


def _most(votes: Counter[str]) -> str | None:
    ranked = votes.most_common(2)
    return None if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]
