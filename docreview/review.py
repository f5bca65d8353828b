"""The loop: score, select, ask, record.

A review asks one question of one corpus. It is driven from outside, ask and tell: `next_batch` says which documents to
read, `record` takes the answers. A person in a terminal, a script and a simulation drive the same engine.

What happens in a round reads from top to bottom in `Review._next_entry` and `rounds`: the ledger's labels and the
corpus's views make a `ReviewState`, the model scores it when it is first asked to, the query strategy selects, and the
batch goes into the record with everything needed to draw it again. `replay` does draw it again, and compares.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from docreview.contracts import decide
from docreview.errors import BadSetting, ComponentError, ProjectError, UnknownComponent, UnknownLabel
from docreview.ledger import Ledger
from docreview.live_check import LiveCheck, kept_check
from docreview.registry import other_versions
from docreview.rounds import STOP_SET, Assemble, Components, Settings, chain_of, draw, draw_sample, make_state, plain
from docreview.types import (
    ELUSION,
    LONGEST,
    VALIDATION,
    Batch,
    Document,
    Explains,
    Fitted,
    Label,
    Neighbors,
    Progress,
    Question,
    ReviewState,
    Sample,
    StopDecision,
    Vectors,
    silent,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.store import Entry, Store


class Review:
    """One question asked of one corpus, and everything answered so far."""

    def __init__(
        self,
        store: Store,
        corpus: Corpus,
        question: Question,
        settings: Settings,
        assemble: Assemble,
        *,
        versions: Mapping[str, str] | None = None,
        recorded: Callable[[Review, Sequence[Label]], None] = lambda review, labels: None,
    ) -> None:
        self.corpus, self.settings = corpus, settings
        self._store, self._recorded = store, recorded
        self._assemble, self._versions = assemble, dict(versions or {})
        self._chain = chain_of(question.name)
        self._ledger = Ledger(corpus.store.rows)
        #: the last state, and what it was made of: asked twice, a state is fitted once
        self._last: tuple[object, ReviewState] | None = None
        #: the last model fitted, which explains documents until the next one is
        self._fitted: Fitted | None = None
        self._refresh()
        self._begin(question)

    @cached_property
    def _components(self) -> Components:
        """Made when first needed: who only takes answers, or hands them on, needs no strategy."""
        return self._assemble(self.settings)

    @cached_property
    def _described(self) -> dict[str, Any]:
        """The settings as the record keeps them: lists where the project file has tuples, and versions of what runs."""
        parts = self._components
        made = {"components": parts.describe(), "made_by": parts.made_by(), "versions": self._versions}
        return plain({**asdict(self.settings), **made})  # type: ignore[no-any-return]

    @property
    def question(self) -> Question:
        """What is asked, of which labels."""
        assert self._ledger.question is not None, "set by _begin"
        return self._ledger.question

    @property
    def name(self) -> str:
        """The question's name."""
        return self.question.name

    @property
    def chain(self) -> str:
        """The review's chain in the record."""
        return self._chain

    @property
    def entries(self) -> list[Entry]:
        """The entries of that chain, in order."""
        return self._store.entries(self._chain)

    @property
    def ledger(self) -> Ledger:
        """The record, read up to now."""
        self._refresh()
        return self._ledger

    @property
    def pending(self) -> tuple[str, ...]:
        """Documents of the last batch that nobody has answered yet."""
        self._refresh()
        return tuple(self._ledger.pending)

    # ------------------------------------------------------------------------------------------------------------ ask

    def next_batch(self, n: int | None = None) -> Batch:
        """Return what to read next: what is left of the last batch, else a new batch of `n` (the project's batch size).

        Empty once every document has been answered. The batch is in the record before it is returned.
        """
        while True:
            self._refresh()
            ledger = self._ledger
            if ledger.pending and ledger.batch is not None:
                return _only(ledger.batch, ledger.pending)
            entry = self._next_entry(n)
            if entry is None:
                return Batch(ledger.round, (), "none", (), ())
            # where another process wrote something meanwhile, nothing is entered, and what is next is decided anew
            self._store.append(self.chain, entry, expected=ledger.seq)

    def draw_elusion(self, size: int, *, mixed: bool = False) -> Sample:
        """Draw a random sample of `size` documents that nobody has read (all, where there are fewer), and lock it.

        It says what the review has missed: it never trains the model, and `next_batch` asks for its documents before
        all others, or, where it is `mixed`, hidden among them, so that who answers cannot tell which they are. It
        cannot be taken back, and another can only be drawn once it is read. `ProjectError` says why none can be drawn.
        """
        if size < 1:
            raise ProjectError(f"a sample needs at least one document, asked for {size}.")
        if self.question.target is None:
            raise ProjectError(
                f"question '{self.name}' has no target: an elusion sample looks for missed documents of one."
            )
        while True:
            self._refresh()
            ledger, n = self._ledger, self.corpus.n
            if not ledger.read:
                raise ProjectError(
                    "nobody has read anything yet: an elusion sample is drawn of what a review has left. "
                    "For one at the start, set 'validation' in docreview.toml."
                )
            if ledger.waiting is not None:
                open_, rows = ledger.waiting
                raise ProjectError(
                    f"the {open_.name} sample is locked and not read to its end: {rows.size} of {open_.rows.size} "
                    "documents wait for 'docreview review'."
                )
            pool = self._now(*self._ready()).pool
            if not pool.size:
                raise ProjectError("every document has been read: there is nothing to draw from.")
            if ledger.settings != self._described:
                entry: tuple[str, Mapping[str, Any]] = ("settings", self._described)
            else:
                look = len(ledger.elusion) + 1
                name = ELUSION if look == 1 else f"{ELUSION}-{look}"
                sample = draw_sample(name, size, self.settings.seed, pool)
                drawn = {"document_ids": self.corpus.store.ids_of(sample.rows), "probability": sample.probability}
                entry = "sample", {"name": name, **drawn, "n": n, "size": size, "look": look, "mixed": mixed}
            # where another process wrote something meanwhile, what nobody has read is looked at anew
            if self._store.append(self.chain, entry, expected=ledger.seq) and entry[0] == "sample":
                return self.ledger.samples[name]

    def should_stop(self) -> StopDecision:
        """Ask the stopping rule."""
        return decide(self._components.stopping_rule, self.state())

    def state(self) -> ReviewState:
        """Return what is known now, read-only. The model is fitted when its scores are first looked at."""
        self._refresh()
        return self._now(*self._ready())

    def document(self, document_id: str) -> Document:
        """Return one document; raise `UnknownDocument` where there is none of that id."""
        return self.corpus.store.documents(self.corpus.store.rows([document_id]))[0]

    def explain(self, document_id: str, label: str) -> list[tuple[int, int, float]]:
        """Spans (start, end) of the document's text with what each says for `label`; empty before the first fit."""
        self.question.index(label)
        # asked for each document on the screen: no state is made only to find that there is nothing to fit
        fitted = self._fitted or (self.state().fitted() if self.ledger.trainable else None)
        if not isinstance(fitted, Explains):
            return []
        return fitted.word_weights(self.document(document_id).text, label)

    def answers(self, document_ids: Iterable[str] | None = None) -> dict[str, dict[str, str | None]]:
        """Each reviewer's last answer for each of these documents (all answered ones where none are named), by id.

        In the order of the answers; None for a skip or "cannot tell". Documents nobody has answered are left out.
        """
        return self._by_id(self.ledger.answers, document_ids)

    def notes(self, document_ids: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
        """Each reviewer's note on the last answer for each of these documents, where there is one; as `answers`."""
        return self._by_id(self.ledger.notes, document_ids)

    def _by_id(
        self, kept: Mapping[int, Mapping[str, T]], document_ids: Iterable[str] | None
    ) -> dict[str, dict[str, T]]:
        store = self.corpus.store
        ids = store.ids_of(list(kept)) if document_ids is None else list(document_ids)
        rows = list(kept) if document_ids is None else store.rows(ids)
        return {i: dict(kept[row]) for i, row in zip(ids, rows, strict=True) if kept.get(row)}

    def labels(self) -> dict[str, str | None]:
        """Consensus label of every answered document by id, in order of answers; None where nobody could tell."""
        return self.ledger.labels_by_id(self.corpus.store.ids_of)

    def live_check(self, progress: Progress = silent, *, compute: bool = True) -> LiveCheck | None:
        """Whether choosing documents helps, where random ones were drawn among them; None where none were.

        Fits the model up to 18 times, and keeps what came of it until there are other labels. Without `compute` it
        returns what was kept last, at once.
        """
        state = self.state()
        model, seed = self._components.model, self.settings.seed
        return kept_check(self.corpus.cache, self._ledger, state, model, seed, progress, compute=compute)

    # ----------------------------------------------------------------------------------------------------------- tell

    def record(self, *labels: Label) -> None:
        """Take answers: all of them, or none where one is wrong. They are in the record when this returns."""
        self._refresh()
        self.check(*labels)
        entries = [("label", {**asdict(label), "at": label.at.isoformat()}) for label in labels]
        if entries:
            self._store.append(self.chain, *entries)
            self._refresh()
            self._recorded(self, labels)

    def check(self, *labels: Label) -> None:
        """Raise what `record` would raise for these answers, and record nothing."""
        for label in labels:
            if label.value is not None:
                self.question.index(label.value)
            if not label.reviewer:
                raise UnknownLabel(f"the answer for '{label.document_id}' names no reviewer.")
            _check_answer(label)
        self.corpus.store.rows([label.document_id for label in labels])

    def withdraw(self, document_id: str, reviewer: str) -> None:
        """Take back what `reviewer` answered for a document: it is asked again."""
        self.corpus.store.rows([document_id])
        self._store.append(self.chain, ("withdrawal", {"document_id": document_id, "reviewer": reviewer}))
        self._refresh()

    # ----------------------------------------------------------------------------------------------------- the engine

    def _begin(self, question: Question) -> None:
        """Enter question and settings into the record where they are new."""
        ledger, chain = self._ledger, self._chain
        if ledger.question != question:
            used = {value for given in ledger.answers.values() for value in given.values() if value is not None}
            gone = sorted(used - set(question.labels))
            if gone:
                raise ProjectError(
                    f"question '{question.name}' has lost the label '{gone[0]}', which documents carry: put it back."
                )
            self._store.append(chain, ("question", {**asdict(question), "labels": list(question.labels)}))
        try:
            described = self._described
        except ComponentError as error:
            if isinstance(error, BadSetting) or (isinstance(error, UnknownComponent) and ledger.settings is None):
                raise  # a mistake in docreview.toml, and not a plugin that was there when this review was begun
            # answers are taken and handed on all the same; the settings are entered before the next batch is
            log.warning("review '%s': %s", question.name, error)
            self._refresh()
            return
        if ledger.settings != described:
            for line in other_versions((ledger.settings or {}).get("made_by", {}), described["made_by"]):
                log.warning("review '%s': %s. What it asks next may differ.", question.name, line)
            self._store.append(chain, ("settings", described))
        self._refresh()

    def _refresh(self) -> None:
        """Read what this or another process has added to the record."""
        if self._store.last(self._chain) > self._ledger.seq:
            self._ledger.apply(self._store.entries(self._chain, after=self._ledger.seq))

    def _ready(self) -> tuple[int, dict[str, Vectors], Neighbors | None]:
        """The corpus as it can be used now: its size, the views that are built, and neighbors where they are."""
        corpus, n = self.corpus, self.corpus.n
        names = corpus.ready(n) or corpus.quick
        views = {name: corpus.vectors(name, n) for name in names} if n else {}
        try:
            wanted = "neighbors" in self._components.needs
        except ComponentError:
            wanted = False  # whoever asks for a batch is told
        return n, views, corpus.neighbors(n) if wanted and corpus.neighbors_ready(n) else None

    def _next_entry(self, n: int | None) -> tuple[str, Mapping[str, Any]] | None:
        """What the record needs next: settings and samples before the batch; None where the pool is exhausted."""
        ledger, settings = self._ledger, self.settings
        size = n if n is not None else settings.size(ledger.read)
        if size < 1:
            raise ProjectError(f"a batch needs at least one document, asked for {size}.")
        if ledger.settings != self._described:  # another process works with another project file
            return "settings", self._described
        corpus_n, views, neighbors = self._ready()
        state = self._now(corpus_n, views, neighbors)
        # nothing is drawn of nothing: an empty sample would be the review's sample for good
        if settings.validation and VALIDATION not in ledger.samples and state.pool.size:
            sample = draw_sample(VALIDATION, settings.validation, settings.seed, state.pool)
            drawn = {"document_ids": self.corpus.store.ids_of(sample.rows), "n": corpus_n}
            return "sample", {"name": VALIDATION, "probability": sample.probability, **drawn}
        if "stop_set" in self._components.stopping_rule.value.needs and ledger.stop_set is None and corpus_n:
            sample = draw_sample("stop-set", STOP_SET, settings.seed, np.arange(corpus_n))
            return "stop-set", {"document_ids": self.corpus.store.ids_of(sample.rows), "n": corpus_n}
        payload = draw(ledger, state, self._components, settings, size, self.corpus.store)
        return None if payload is None else ("batch", payload)

    def _now(self, n: int, views: Mapping[str, Vectors], neighbors: Neighbors | None) -> ReviewState:
        fingerprints = {name: view.fingerprint for name, view in views.items()}
        key = (self._ledger.seq, n, fingerprints, neighbors and neighbors.fingerprint)
        if self._last is None or self._last[0] != key:

            def keep(fitted: Fitted) -> None:
                self._fitted = fitted

            texts = self.corpus.texts
            state = make_state(
                self._ledger, lambda: self._components.model, self.settings.seed, n, views, neighbors, texts, keep
            )
            self._last = (key, state)
        return self._last[1]


def _check_answer(label: Label) -> None:
    """Refuse what the record, once it held it, could not be read with: an entry is never taken back."""
    for what, text in (("reviewer", label.reviewer), ("note", label.note)):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UnknownLabel(
                f"the {what} of the answer for '{label.document_id}' is no valid Unicode: write it anew in UTF-8."
            ) from error
    if label.seconds is not None and not 0 <= label.seconds <= LONGEST:
        raise UnknownLabel(
            f"the answer for '{label.document_id}' took {label.seconds} seconds: give a number from 0 to "
            f"{LONGEST:,}, or none."
        )


def _only(batch: Batch, pending: Mapping[str, int]) -> Batch:
    """The part of a batch that is still pending."""
    keep = [i for i, document_id in enumerate(batch.document_ids) if document_id in pending]
    return Batch(
        batch.round,
        tuple(batch.document_ids[i] for i in keep),
        batch.strategy,
        tuple(batch.scores[i] for i in keep),
        tuple(batch.probabilities[i] for i in keep),
    )
