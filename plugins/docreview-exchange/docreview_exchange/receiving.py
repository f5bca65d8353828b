"""Takes answers into a review: what is new is recorded, what is wrong or contested is told."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from docreview import Label, Review
from docreview.errors import UnknownDocument, UnknownLabel
from docreview_exchange.answers import AnswerFile, Problem, settle

#: ids that a wrong one is compared with, and wrong ones that are: to compare all would take long
_COMPARED, _SUGGESTED = 2_000, 20


@dataclass(frozen=True)
class Conflict:
    """A document on which reviewers differ, with what each of them says: a label, or None for "cannot tell"."""

    document_id: str
    answers: Mapping[str, str | None]


@dataclass(frozen=True)
class Received:
    """What became of one file. Where it has problems nothing is recorded, unless what is right was asked for."""

    path: Path
    labels: tuple[Label, ...]
    problems: tuple[Problem, ...]
    #: answers that are right and not recorded, since others of the file are wrong
    held: int
    #: answers that the record holds already
    known: int
    unanswered: int
    repeated: int
    untimed: int
    #: notes on rows without a label, which are not recorded
    stray: tuple[Problem, ...]


@dataclass
class Receiver:
    """Receives files for one review, one after another."""

    review: Review
    reviewer: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    #: record the rows that are right of a file with wrong ones
    partial: bool = False
    #: take an answer that differs from the same reviewer's in the record as a changed mind
    changes: bool = False
    dry_run: bool = False
    #: id -> reviewer -> (label or None, note): the record, and what these files add to it
    _said: dict[str, dict[str, tuple[str | None, str]]] = field(default_factory=dict)

    def receive(self, file: AnswerFile) -> Received:
        """Record what is new in a file: all of it, or, where something is wrong, nothing (`partial`: what is right)."""
        settled = settle(file, self.review.question, reviewer=self.reviewer, renamed=self.renamed)
        problems = list(settled.problems)
        checked = self._checked(settled.labels, problems)
        self._look_up({label.document_id for _, label in checked})
        new: list[Label] = []
        known = 0
        for place, label in checked:
            before = self._said[label.document_id].get(label.reviewer)
            if before is None or (before[0] is None and label.value is not None):
                new.append(label)
            elif label.value is None or before[0] == label.value:
                if label.note and label.note not in before[1]:
                    # the answer stands and a note is new: the time was counted when the answer came
                    note = f"{before[1]} | {label.note}" if before[1] else label.note
                    new.append(replace(label, value=before[0], note=note, seconds=None))
                else:
                    known += 1
            elif self.changes:
                new.append(label)
            else:
                what = (
                    f"{label.reviewer} answers '{label.value}', and '{before[0]}' is recorded; --changes takes the new."
                )
                problems.append(Problem(place, label.document_id, what))
        held = 0
        if problems and not self.partial:
            held, new = len(new), []
        if new and not self.dry_run:
            self.review.record(*new)
        for label in new:
            self._said[label.document_id][label.reviewer] = (label.value, label.note)
        return Received(
            file.path,
            tuple(new),
            tuple(problems),
            held,
            known,
            settled.unanswered,
            settled.repeated,
            settled.untimed,
            settled.stray,
        )

    def conflicts(self) -> list[Conflict]:
        """Documents of the received files on which reviewers differ, in the record or in the files."""
        found = []
        for document_id, given in self._said.items():
            answers = {reviewer: value for reviewer, (value, _) in given.items()}
            if len({value for value in answers.values() if value is not None}) > 1:
                found.append(Conflict(document_id, answers))
        return found

    def _checked(self, labels: Iterable[tuple[str, Label]], problems: list[Problem]) -> list[tuple[str, Label]]:
        """Those that the record would take; what is wrong with the others is added to the problems."""
        named: list[tuple[str, Label]] = []
        for place, label in labels:
            if label.reviewer:
                named.append((place, label))
            else:
                what = "it is not said who answered: fill in the column 'reviewer', or give --reviewer NAME."
                problems.append(Problem(place, label.document_id, what))
        return self._good(named, problems)

    def _good(self, named: list[tuple[str, Label]], problems: list[Problem]) -> list[tuple[str, Label]]:
        """Those that the record would take. Halved until the wrong ones are found: one by one is slow for many."""
        try:
            self.review.check(*(label for _, label in named))
        except (UnknownDocument, UnknownLabel) as error:
            if len(named) > 1:
                half = len(named) // 2
                return self._good(named[:half], problems) + self._good(named[half:], problems)
            [(place, label)] = named
            what = str(error)
            if isinstance(error, UnknownDocument):
                what = "there is no such document."
                if len(problems) < _SUGGESTED:
                    what += self._hint(label.document_id)
            problems.append(Problem(place, label.document_id, what))
            return []
        return named

    def _hint(self, document_id: str) -> str:
        known = [*self.review.pending, *self.review.labels()]
        near = difflib.get_close_matches(document_id, known[:_COMPARED], n=1, cutoff=0.8)
        return f" Did you mean '{near[0]}'?" if near else ""

    def _look_up(self, ids: Collection[str]) -> None:
        """Read what the record holds of these documents."""
        wanted = [document_id for document_id in ids if document_id not in self._said]
        answers, notes = self.review.answers(wanted), self.review.notes(wanted)
        for document_id in wanted:
            noted = notes.get(document_id, {})
            self._said[document_id] = {
                reviewer: (value, noted.get(reviewer, "")) for reviewer, value in answers.get(document_id, {}).items()
            }
