"""The same loop, answered by an oracle that knows: what a review would have cost.

A simulation runs on the engine that a person uses (`review.Review`), over a record in memory. Arms that are compared
take the same seeds, and with the same cold start they read the same first batch.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from docreview.contracts import Component, ask
from docreview.errors import DocreviewError
from docreview.metrics import accuracy, macro_f1, read_to_recall
from docreview.review import Review
from docreview.rounds import Assemble, Settings, chain_of, generator
from docreview.store import Store
from docreview.types import Label, Question, silent

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.types import Floats, Ints, Progress

HELD_OUT = "held-out"


@dataclass(frozen=True)
class Measured:
    """Measured after a round: documents read so far, seconds of the round, and scores on held-out documents, if any."""

    read: int
    seconds: float
    accuracy: float | None = None
    macro_f1: float | None = None


@dataclass(frozen=True)
class Simulation:
    """A finished simulation: which rows were read, in order, their true labels, and what each round measured."""

    arm: str
    seed: int
    question: Question
    rows: Ints
    labels: Ints
    #: number of documents of each class there were to find (k,), held-out ones and priors not counted
    totals: Ints
    rounds: tuple[Measured, ...]
    stopped: str
    #: from the first batch to the last label, with the measuring on held-out documents
    seconds: float

    @property
    def hits(self) -> Ints:
        """1 where the row read carries the target, in reading order."""
        hits: Ints = (self.labels == self.question.target_index).astype(np.int64)
        return hits

    def read_to(self, recall: float) -> int | None:
        """How many documents were read to find that share of the target; None where it was not reached."""
        target = self.question.target_index
        if target is None:
            raise DocreviewError(f"question '{self.question.name}' has no target to recall.")
        return read_to_recall(self.hits, recall, total=int(self.totals[target]))


def simulate(
    corpus: Corpus,
    question: Question,
    settings: Settings,
    assemble: Assemble,
    truth: Mapping[str, str],
    *,
    arm: str = "docreview",
    seed: int = 0,
    oracle: Component | None = None,
    priors: Sequence[Label] = (),
    held_out: Sequence[str] = (),
    labels: int | None = None,
    obey: bool = False,
    progress: Progress = silent,
) -> Simulation:
    """Review the corpus with known answers.

    `truth` names the label of every document (those it lacks are set aside, unread); `oracle` answers instead of it,
    with errors for instance. `priors` are known from the start, and neither read nor to be found. `held_out` documents
    are never asked about: after each round the model is measured on them. The simulation ends when all of the target is
    found, after `labels` answers, when the pool is empty, or, with `obey`, when the stopping rule says so.
    """
    ids = corpus.store.ids(0, corpus.n)
    aside = [i for i in ids if i not in truth]
    known = np.array([question.index(truth[i]) if i in truth else -1 for i in ids], dtype=np.int64)
    out = np.array(corpus.store.rows(list(held_out)), dtype=np.int64)
    asked = known.copy()
    asked[out] = -1
    asked[corpus.store.rows([label.document_id for label in priors])] = -1
    totals = np.bincount(asked[asked >= 0], minlength=len(question.labels))
    target = question.target_index
    if target is not None and not totals[target]:
        raise DocreviewError(f"no document carries the target '{question.target}': there is nothing to find.")
    began = time.perf_counter()
    with Store.open("sqlite://", create=True) as store:
        for name, document_ids in ((HELD_OUT, list(held_out)), ("aside", aside)):
            if document_ids:
                store.append(chain_of(question.name), _sample(question, name, document_ids))
        review = Review(store, corpus, question, replace(settings, seed=seed), assemble)
        if priors:
            review.record(*priors)
        rounds: list[Measured] = []
        found = read = 0
        goal = int(totals.sum()) if target is None else int(totals[target])
        most = min(labels if labels is not None else len(ids), int(totals.sum()))
        while True:
            started = time.perf_counter()
            if obey and rounds:
                decision = review.should_stop()
                if decision.stop:
                    stopped = decision.reason
                    break
            if read >= most:
                stopped = f"{read:,} documents were read."
                break
            if target is not None and found == goal:
                stopped = f"All {goal:,} documents of '{question.target}' were found."
                break
            batch = review.next_batch()
            if not batch:
                stopped = "Every document was read."
                break
            answers = [truth[i] for i in batch]
            if oracle is not None:
                documents = [review.document(i) for i in batch]
                rng = generator(seed, batch.round, "oracle")
                given = ask(oracle, documents, question, rng, batch.round)
            else:
                given = list(answers)
            review.record(*(Label(i, answer, "oracle") for i, answer in zip(batch, given, strict=True)))
            seconds = time.perf_counter() - started
            read += len(batch)
            if target is not None:
                found += sum(1 for answer in answers if answer == question.target)
            rounds.append(Measured(read, seconds, *_held_out(review, out, known)))
            progress(f"{arm}, seed {seed}", found if target is not None else read, goal if target is not None else most)
        rows = np.array([row for row, round_ in review.ledger.rounds.items() if round_ > 0], dtype=np.int64)
    seconds = time.perf_counter() - began
    return Simulation(arm, seed, question, rows, known[rows], totals, tuple(rounds), stopped, seconds)


def mean_gain(found: Sequence[Ints]) -> tuple[Floats, Floats, Floats, Floats]:
    """Documents read, found on the mean, and the least and the most found there: the gain curve of some simulations.

    `found` holds for each simulation how many it had found after each document read. The mean is taken over reading, as
    in the tables: at j found stands the mean number of documents read to find j. Where one simulation found fewer than
    another, the curve ends with the mean of what all had found.
    """
    ends = [int(path[-1]) if path.size else 0 for path in found]
    reads = np.array([np.searchsorted(path, np.arange(1, min(ends) + 1)) + 1 for path in found])
    # no further than was read: what a review that ended early would have found is not known
    x = np.concatenate([[0], reads.mean(axis=0), [max(path.size for path in found)]])
    at = np.array([np.concatenate([[0], path])[np.minimum(x.astype(np.int64), path.size)] for path in found])
    y = np.concatenate([np.arange(min(ends) + 1), [np.mean(ends)]])
    low, high = at.min(axis=0), at.max(axis=0)
    return x.astype(np.float32), y.astype(np.float32), low.astype(np.float32), high.astype(np.float32)


def _held_out(review: Review, rows: Ints, known: Ints) -> tuple[float | None, float | None]:
    if not rows.size:
        return None, None
    state = review.state()
    if not state.trainable:
        return None, None
    predicted = state.probabilities[rows].argmax(axis=1)
    return accuracy(known[rows], predicted), macro_f1(known[rows], predicted, len(review.question.labels))


def _sample(question: Question, name: str, document_ids: Sequence[str]) -> tuple[str, Mapping[str, object]]:
    """A locked sample: out of the pool, out of training."""
    return "sample", {"name": name, "document_ids": list(document_ids), "n": 0, "probability": 1.0}
