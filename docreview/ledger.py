"""Folds the entries of a review's chain into what is known now.

The chain is the only thing a review remembers; a ledger is that chain read up to some entry, and can be made again.

Entries, by kind, with their payload:

- ``question``: name, labels, prompt, target. A later one replaces it (a label may be added; one in use may not go).
- ``settings``: the review's components and numbers, resolved (see `review.Settings`).
- ``sample``: name, document_ids, probability, n. A blind random draw, kept out of training. One of what nobody has read
  (`types.ELUSION`) also has size, look (which of them it is, from 1) and mixed (asked among others, not before them).
- ``stop-set``: document_ids. Whose predictions each batch then records.
- ``batch``: round, document_ids, scores, probabilities, strategy, n, views, neighbors, stop_set.
- ``label``: document_id, value, reviewer, at, seconds, note, prior.
- ``withdrawal``: document_id, reviewer. Undoes that reviewer's answers for the document.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose, nan
from typing import TYPE_CHECKING, Any

from docreview.errors import NewerVersion
from docreview.types import ELUSION, VALIDATION, Annotation, Batch, Question, Round, Sample, frozen

if TYPE_CHECKING:
    from docreview.store import Entry
    from docreview.types import Floats, Ints

RowsOf = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Asked:
    """How a document came to be asked about: in which round, by what, and whether at random from all `candidates`."""

    round: int
    strategy: str
    at_random: bool
    candidates: int


@dataclass
class Ledger:
    """A review's chain, read up to entry `seq`."""

    rows_of: RowsOf
    seq: int = 0
    question: Question | None = None
    settings: Mapping[str, Any] | None = None
    round: int = 0
    batch: Batch | None = None
    history: list[Round] = field(default_factory=list)
    samples: dict[str, Sample] = field(default_factory=dict)
    #: samples whose documents are asked among others
    mixed: set[str] = field(default_factory=set)
    stop_set: Ints | None = None
    #: row -> reviewer -> label or None, both in the order of the first and last answer
    answers: dict[int, dict[str, str | None]] = field(default_factory=dict)
    #: row -> reviewer -> note on the last answer, where there is one
    notes: dict[int, dict[str, str]] = field(default_factory=dict)
    #: row -> round of the first answer, 0 for a prior; in the order of the first answer
    rounds: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    timed: int = 0
    #: row asked about -> how it was drawn; in the order of asking
    asked: dict[int, Asked] = field(default_factory=dict)
    #: documents of the last batch that nobody has answered yet, with their rows
    pending: dict[str, int] = field(default_factory=dict)
    #: answers that came with the documents: they speak only where nobody has read
    _priors: set[tuple[int, str]] = field(default_factory=set)
    _batch_rows: list[int] = field(default_factory=list)
    #: row -> the sample that holds it
    _locked: dict[int, str] = field(default_factory=dict)
    #: strategy -> whether its documents were drawn at random: both, where it draws a share of them so
    _draws: dict[str, set[bool]] = field(default_factory=dict)
    #: the first round in which a strategy drew at random
    _explored: dict[str, int] = field(default_factory=dict)
    _found: Counter[str] = field(default_factory=Counter)

    def apply(self, entries: Iterable[Entry]) -> None:
        """Read more entries, in order."""
        entries = list(entries)
        ids = [i for e in entries for i in _ids(e)]
        rows = dict(zip(ids, self.rows_of(ids), strict=True)) if ids else {}
        for entry in entries:
            self._apply(entry, rows)
            self.seq = entry.seq

    def _apply(self, entry: Entry, rows: Mapping[str, int]) -> None:
        import numpy as np

        payload = entry.payload
        match entry.kind:
            case "question":
                self.question = Question(
                    payload["name"], tuple(payload["labels"]), payload["prompt"], payload["target"]
                )
            case "settings":
                self.settings = payload
            case "sample":
                name = payload["name"]
                drawn = np.array([rows[i] for i in payload["document_ids"]], dtype=np.int64)
                outside = np.array(sorted({*self.rounds, *self._locked}), dtype=np.int64)
                self.samples[name] = Sample(name, drawn, payload["probability"], frozen(outside))
                self._locked.update(dict.fromkeys(drawn.tolist(), name))
                if payload.get("mixed"):
                    self.mixed.add(name)
                if _is_elusion(name):  # what was given out and not answered is unread like the rest
                    self.batch, self._batch_rows, self.pending = None, [], {}
            case "stop-set":
                self.stop_set = np.array([rows[i] for i in payload["document_ids"]], dtype=np.int64)
            case "batch":
                self._batch(payload, rows)
            case "label":
                row, reviewer = rows[payload["document_id"]], payload["reviewer"]
                self._count(row, -1)
                given = self.answers.setdefault(row, {})
                given.pop(reviewer, None)  # so that the newest answer stands last
                given[reviewer] = payload["value"]
                self.notes.get(row, {}).pop(reviewer, None)
                if payload["note"]:
                    self.notes.setdefault(row, {})[reviewer] = payload["note"]
                if not payload["prior"]:
                    self._priors.discard((row, reviewer))
                    if self.rounds.get(row, 0) == 0:
                        self.rounds.pop(row, None)  # a prior read by a person is read now, not when it came
                        self.rounds[row] = max(self.round, 1)
                    if payload["seconds"] is not None:
                        self.seconds += payload["seconds"]
                        self.timed += 1
                else:
                    self._priors.add((row, reviewer))
                    self.rounds.setdefault(row, 0)
                self._count(row, 1)
                self.pending.pop(payload["document_id"], None)
            case "withdrawal":
                row = rows[payload["document_id"]]
                self._count(row, -1)
                given = self.answers.get(row, {})
                given.pop(payload["reviewer"], None)
                self.notes.get(row, {}).pop(payload["reviewer"], None)
                self._priors.discard((row, payload["reviewer"]))
                if given and all((row, reviewer) in self._priors for reviewer in given):
                    self.rounds[row] = 0  # what is left came with the document
                if not given:
                    self.answers.pop(row, None)
                    self.rounds.pop(row, None)
                    if self.batch is not None and payload["document_id"] in self.batch.document_ids:
                        self.pending = {
                            i: r
                            for i, r in zip(self.batch.document_ids, self._batch_rows, strict=True)
                            if r not in self.answers
                        }
                self._count(row, 1)
            case other:
                raise NewerVersion(
                    f"entry {entry.seq} of {entry.chain} has the unknown kind '{other}'; upgrade docreview."
                )

    def _batch(self, payload: Mapping[str, Any], rows: Mapping[str, int]) -> None:
        ids = tuple(payload["document_ids"])
        self.round = payload["round"]
        self.batch = Batch(
            self.round,
            ids,
            payload["strategy"],
            tuple(nan if score is None else score for score in payload["scores"]),
            tuple(payload["probabilities"]),
        )
        self._batch_rows = [rows[i] for i in ids]
        taken = len(self._locked) + sum(1 for row in self.rounds if row not in self._locked)
        candidates = payload["n"] - taken
        # documents of a sample may stand among those that the strategy chose
        pairs = zip(self._batch_rows, payload["probabilities"], strict=True)
        chosen = [probability for row, probability in pairs if row not in self._locked]
        drawn = _uniform(chosen, candidates)
        kinds = {kind: Asked(self.round, payload["strategy"], kind, candidates) for kind in set(drawn)}
        rest = iter(drawn)
        for row in self._batch_rows:
            self.asked.pop(row, None)  # asked again after a withdrawal: it stands where it was asked last
            sample = self._locked.get(row)
            self.asked[row] = (
                kinds[next(rest)] if sample is None else Asked(self.round, f"{sample}-sample", False, candidates)
            )
        self._draws.setdefault(payload["strategy"], set()).update(drawn)
        if True in drawn:
            self._explored.setdefault(payload["strategy"], self.round)
        self.pending = {i: rows[i] for i in ids if rows[i] not in self.answers}
        stop_set = payload.get("stop_set")
        self.history.append(
            Round(
                self.round,
                self.read,
                self.found(),
                None if stop_set is None else decode(stop_set, len(self.labels)),
            )
        )

    @property
    def elusion(self) -> tuple[Sample, ...]:
        """The samples of what nobody had read, in the order in which they were drawn."""
        return tuple(sample for name, sample in self.samples.items() if _is_elusion(name))

    @property
    def waiting(self) -> tuple[Sample, Ints] | None:
        """The sample to be read next, and its rows that nobody has answered, in the order drawn; None where none is.

        Samples that a simulation sets aside are not read.
        """
        import numpy as np

        first = [self.samples[VALIDATION]] if VALIDATION in self.samples else []
        for sample in (*first, *self.elusion):
            rows = [row for row in sample.rows.tolist() if row not in self.rounds]
            if rows:
                return sample, np.array(rows, dtype=np.int64)
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        """The question's labels."""
        assert self.question is not None, "a chain begins with its question"
        return self.question.labels

    @property
    def read(self) -> int:
        """Number of documents read in this review; priors are not."""
        return sum(1 for round_ in self.rounds.values() if round_ > 0)

    def consensus(self, row: int) -> str | None:
        """The label most reviewers gave, the newest of them where they are even; None where nobody could tell.

        A label that came with the document counts only where no reviewer gave one.
        """
        answers = self.answers.get(row, {})
        if len(answers) == 1:  # nearly always, and asked of every answered row in every round
            return next(iter(answers.values()))
        known = {reviewer: value for reviewer, value in answers.items() if value is not None}
        given = [value for reviewer, value in known.items() if (row, reviewer) not in self._priors]
        given = given or list(known.values())
        if not given:
            return None
        counts = Counter(given)
        most = max(counts.values())
        return next(value for value in reversed(given) if counts[value] == most)

    def labels_by_id(self, ids_of: Callable[[Sequence[int]], Sequence[str]]) -> dict[str, str | None]:
        """Consensus label of every answered document by id, in order of answers; None where nobody could tell."""
        rows = list(self.rounds)
        return {i: self.consensus(row) for i, row in zip(ids_of(rows), rows, strict=True)}

    def _count(self, row: int, sign: int) -> None:
        if self.rounds.get(row, 0) > 0:
            value = self.consensus(row)
            if value is not None:
                self._found[value] += sign

    def found(self) -> tuple[int, ...]:
        """Number of read documents of each label, priors not counted."""
        return tuple(self._found[label] for label in self.labels)

    @property
    def explores(self) -> bool:
        """Whether a strategy that chooses also draws documents at random: then these tell how good its choices are."""
        return any(len(kinds) == 2 for kinds in self._draws.values())

    def interleaved(self) -> dict[int, Asked]:
        """What such strategies asked about, in their order, from where they first drew at random.

        Not a cold start, another strategy before or after, nor the same one while it did not explore.
        """
        return {
            row: asked
            for row, asked in self.asked.items()
            if len(self._draws.get(asked.strategy, ())) == 2 and asked.round >= self._explored[asked.strategy]
        }

    @property
    def trainable(self) -> bool:
        """Whether labels of two classes may train a model: as in `ReviewState`, without making one of 100,000 rows."""
        given = (self.consensus(row) for row in self.answers if row not in self._locked)
        known = (value for value in given if value is not None)
        first = next(known, None)
        return any(value != first for value in known)

    def arrays(self, n: int) -> tuple[Ints, Ints, Ints]:
        """``labels`` (n,), ``rounds`` (n,) and ``reviewed``, as `ReviewState` describes them."""
        import numpy as np

        labels = np.full(n, -1, dtype=np.int64)
        rounds = np.full(n, -1, dtype=np.int64)
        index = {label: k for k, label in enumerate(self.labels)}
        for row in self.answers:
            value = self.consensus(row)
            labels[row] = -1 if value is None else index[value]
        reviewed = np.fromiter(self.rounds, dtype=np.int64, count=len(self.rounds))
        rounds[reviewed] = np.fromiter(self.rounds.values(), dtype=np.int64, count=len(self.rounds))
        return frozen(labels), frozen(rounds), frozen(reviewed)

    def annotations(self) -> tuple[Annotation, ...]:
        """Every reviewer's last answer for every document."""
        index: dict[str | None, int | None] = {label: k for k, label in enumerate(self.labels)}
        index[None] = None
        return tuple(
            Annotation(row, reviewer, index[value])
            for row, given in self.answers.items()
            for reviewer, value in given.items()
        )


def _is_elusion(name: str) -> bool:
    return name == ELUSION or name.startswith(f"{ELUSION}-")


def _uniform(probabilities: Sequence[float], candidates: int) -> list[bool]:
    """For each document of a batch, whether its probability is that of one of m drawn from all candidates.

    A strategy that draws by weights, or from a part of the candidates, records other numbers, or 1 where it does not
    know them: its documents are no random sample.
    """
    counts = Counter(probabilities)
    return [p < 1 and isclose(p * candidates, counts[p], rel_tol=1e-6) for p in probabilities]


def _ids(entry: Entry) -> Sequence[str]:
    if entry.kind in ("label", "withdrawal"):
        return (entry.payload["document_id"],)
    ids: Sequence[str] = entry.payload.get("document_ids", ())
    return ids


def encode(probabilities: Floats) -> str:
    """Probabilities (m, k) as base64 of little-endian float16: 2 bytes each keep the record small."""
    return base64.b64encode(probabilities.astype("<f2").tobytes()).decode("ascii")


def decode(text: str, k: int) -> Floats:
    """The inverse of `encode`."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text), dtype="<f2").reshape(-1, k).astype(np.float32)
