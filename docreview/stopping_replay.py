"""Asks stopping rules of a record that is there already: what each would have said after every round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from docreview.contracts import Component, decide
from docreview.errors import ProjectError
from docreview.ledger import Ledger
from docreview.registry import BUILT_IN, made_by
from docreview.replay import refuse_other_versions
from docreview.rounds import STOP_SET, draw_sample, make_state, settings_from
from docreview.types import Progress, Round, StopDecision, silent

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.rounds import Assemble, Settings
    from docreview.store import Store
    from docreview.types import Floats, Ints, ReviewState


@dataclass(frozen=True)
class RoundDecision:
    """What a rule said once the answers of a round were in: `read` documents, and `found` of the target (or None)."""

    round: int
    read: int
    found: int | None
    decision: StopDecision


@dataclass(frozen=True)
class RuleReplay:
    """What one rule said, round by round; the last is the record as it stands."""

    rule: str
    rounds: tuple[RoundDecision, ...]

    @property
    def stopped(self) -> RoundDecision | None:
        """The first round after which it says stop; None where there is none."""
        return next((r for r in self.rounds if r.decision.stop), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values: where it stops first, and all it said."""
        stopped = self.stopped
        return {**asdict(self), "stopped": None if stopped is None else asdict(stopped)}


def replay_rules(
    store: Store,
    corpus: Corpus,
    chain: str,
    assemble: Assemble,
    rules: Mapping[str, Component],
    progress: Progress = silent,
    *,
    other_versions: bool = False,
) -> list[RuleReplay]:
    """Ask each of the `rules`, by what it is to be called, after every round of the record, and where it ends.

    A rule sees what it would have seen then: the answers, samples and documents of that time. The model is fitted
    anew only where a rule looks at it, as it was then; `OtherVersions` where other versions of plugins made it then,
    unless `other_versions` says to go on. Where a rule needs a stop set, and the review kept none, one is drawn.
    """
    entries = store.entries(chain)
    needs = frozenset[str]().union(*(rule.value.needs for rule in rules.values()))
    follows = _StopSet() if "stop_set" in needs and not any(e.kind == "stop-set" for e in entries) else None
    # what a plugin's rule looks at is not known: it is shown all, at once
    whole = any(maker.split(" ")[0] != BUILT_IN for rule in rules.values() for maker in made_by(rule.value).values())
    ledger = Ledger(corpus.store.rows)
    settings: Settings | None = None
    said: dict[str, list[RoundDecision]] = {name: [] for name in rules}

    def state_at(n: int, views: Sequence[str], neighbors: bool | None) -> ReviewState:
        """What was known then; views and model only when they are first asked for, as few rules do."""
        assert settings is not None, "a chain has its settings before its batches"
        then = settings

        def model() -> Component:
            if not other_versions:
                refuse_other_versions(store, corpus, chain, assemble)
            return assemble(then).model

        @cache
        def full() -> ReviewState:
            lost = [name for name in views if name not in corpus.views]
            if lost:
                raise ProjectError(
                    f"the record was made with the view '{lost[0]}', which docreview.toml no longer names: rules that "
                    "look at the model cannot be asked."
                )
            vectors = {name: corpus.vectors(name, n) for name in views}
            near = corpus.neighbors(n) if (corpus.neighbors_ready(n) if neighbors is None else neighbors) else None
            return make_state(ledger, model, then.seed, n, vectors, near, corpus.texts)

        if whole:
            return full()
        light = make_state(ledger, model, then.seed, n, {}, None, corpus.texts)
        return replace(
            light,
            fitted=lambda: full().fitted() if light.trainable else None,
            committee=lambda kind, members: full().committee(kind, members),
        )

    def ask(state: ReviewState) -> None:
        target = state.question.target_index
        found = None if target is None else int(state.found[target])
        for name, rule in rules.items():
            if said[name] and said[name][-1].round == ledger.round:
                said[name].pop()  # answers came in late, after a sample had been drawn
            said[name].append(RoundDecision(ledger.round, state.read, found, decide(rule, state)))

    def before(done: int) -> ReviewState:
        """What was known before an entry: with the views of the batch that it is, or that comes next, if any does."""
        payload = next((e.payload for e in entries[done:] if e.kind == "batch"), None)
        n = entries[done].payload["n"] if done < len(entries) else corpus.n
        if payload is None:
            state = state_at(n, corpus.ready(n) or corpus.quick, None)
        else:
            state = state_at(n, tuple(payload["views"]), payload["neighbors"] is not None)
        return state if follows is None else follows.seen(state)

    answered = False
    for done, entry in enumerate(entries):
        # a sample is drawn once the answers before it are in, and the batch after it
        drawn = entry.kind == "batch" or (entry.kind == "sample" and "look" in entry.payload)
        if drawn and (answered or (follows is not None and entry.kind == "batch")):
            state = before(done)
            if answered:
                ask(state)
                answered = False
            if follows is not None and entry.kind == "batch":
                assert settings is not None, "a chain has its settings before its batches"
                follows.follow(state, settings.seed)
        if entry.kind == "settings":
            settings = settings_from(entry.payload)
        ledger.apply([entry])
        answered = (answered or entry.kind in ("label", "withdrawal")) and ledger.read > 0
        progress("asking", done + 1, len(entries))
    if answered:
        ask(before(len(entries)))
    return [RuleReplay(name, tuple(rounds)) for name, rounds in said.items()]


class _StopSet:
    """Predictions on a random set, followed from round to round, where the record has none."""

    def __init__(self) -> None:
        self._rows: Ints | None = None
        self._predicted: dict[int, Floats] = {}

    def follow(self, state: ReviewState, seed: int) -> None:
        """Predict, before the batch of this round is drawn."""
        if self._rows is None:
            self._rows = draw_sample("stop-set", STOP_SET, seed, np.arange(state.n)).rows
        if state.trainable:
            # as the record keeps them
            self._predicted[state.round] = state.probabilities[self._rows].astype("<f2").astype(np.float32)

    def seen(self, state: ReviewState) -> ReviewState:
        """The state with these predictions in its history."""

        def known(round_: Round) -> Round:
            return replace(round_, stop_set=self._predicted.get(round_.number))

        return replace(state, history=tuple(known(round_) for round_ in state.history))
