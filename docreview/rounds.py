"""The steps of a round, as functions of the ledger: `Review` takes them for the first time, `replay` once more."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from docreview.contracts import Component, fit, fit_committee, select
from docreview.ledger import Ledger, encode
from docreview.registry import made_by
from docreview.types import Fitted, Neighbors, ReviewState, Sample, Selection, Vectors

if TYPE_CHECKING:
    from docreview.store import Store
    from docreview.types import CommitteeKind, Floats, Ints

#: how many documents' predictions are followed from round to round where a stopping rule needs it
STOP_SET = 500
#: the share of a batch, on average, that a hidden sample takes
HIDDEN = 0.5


@dataclass(frozen=True)
class Settings:
    """How a question is reviewed, resolved: what the preset and the project file say together."""

    model: Any
    query_strategy: Any
    cold_start: Any
    stopping_rule: Any
    #: documents in a batch; or steps of (from so many documents read, so many in a batch), the first from 0
    batch_size: int | Sequence[Sequence[int]] = 20
    seed: int = 0
    #: size of the blind random validation sample drawn first
    validation: int = 0
    #: the preset these came from, and what the project file states over it
    preset: str = ""
    stated: Mapping[str, Any] = field(default_factory=dict)

    def size(self, read: int) -> int:
        """Number of documents in the next batch once `read` have been read."""
        if isinstance(self.batch_size, int):
            return self.batch_size
        return next(size for start, size in reversed(self.batch_size) if read >= start)


def settings_from(table: Mapping[str, Any]) -> Settings:
    """Settings from a mapping that may hold more."""
    return Settings(**{f.name: table[f.name] for f in fields(Settings) if f.name in table})


@dataclass(frozen=True)
class Components:
    """The four parts of a review, at work."""

    model: Component
    query_strategy: Component
    cold_start: Component
    stopping_rule: Component

    @property
    def needs(self) -> frozenset[str]:
        """All that any of them needs."""
        # a model, unlike the others, may do without the attribute
        return frozenset().union(*(getattr(part.value, "needs", frozenset()) for part in vars(self).values()))

    def describe(self) -> dict[str, dict[str, str]]:
        """What the record keeps of them."""
        return {role: part.describe() for role, part in vars(self).items()}

    def made_by(self) -> dict[str, str]:
        """Which version of which plugin made them, and the components inside them."""
        return made_by([part.value for part in vars(self).values()])


#: makes the components that some settings name
Assemble = Callable[[Settings], Components]


def make_state(
    ledger: Ledger,
    model: Callable[[], Component],
    seed: int,
    n: int,
    views: Mapping[str, Vectors],
    neighbors: Neighbors | None,
    texts: Callable[[Sequence[int]], list[str]],
    fitted_is: Callable[[Fitted], None] = lambda fitted: None,
) -> ReviewState:
    """Make the snapshot of what the ledger knows; the `model` is made and fitted when first asked for.

    Views are in the order of their names, whatever that of the project file: sums, and the choice of the first dense
    one, must come out the same when the record, which knows names and no order, is replayed.
    """
    labels, rounds, reviewed = ledger.arrays(n)

    @cache
    def fitted() -> Fitted | None:
        if not state.trainable:
            return None
        learned = fit(model(), state, generator(seed, state.round, "model"))
        fitted_is(learned)
        return learned

    @cache
    def committee(kind: CommitteeKind, members: int) -> Floats:
        return fit_committee(model(), state, kind, members, generator(seed, state.round, f"committee {kind}"))

    assert ledger.question is not None, "a chain begins with its question"
    state = ReviewState(
        question=ledger.question,
        round=ledger.round + 1,
        n=n,
        views=dict(sorted(views.items())),
        labels=labels,
        rounds=rounds,
        reviewed=reviewed,
        annotations=ledger.annotations(),
        history=tuple(ledger.history),
        samples=tuple(ledger.samples.values()),
        neighbors=neighbors,
        fitted=fitted,
        committee=committee,
        texts=texts,
    )
    return state


def draw(
    ledger: Ledger, state: ReviewState, components: Components, settings: Settings, size: int, store: Store
) -> dict[str, Any] | None:
    """Draw a batch and return it as it goes into the record; None where the pool is exhausted."""
    chosen = _choose(ledger, state, components, settings, size)
    if chosen is None:
        return None
    described, selection = chosen
    assert selection.scores is not None, "set by check_selection"
    assert selection.probabilities is not None, "set by check_selection"
    predicted = ledger.stop_set is not None and state.trainable
    return {
        "round": state.round,
        "document_ids": store.ids_of(selection.rows),
        "scores": [None if math.isnan(score) else score for score in selection.scores.tolist()],
        "probabilities": selection.probabilities.tolist(),
        "strategy": described.pop("name"),
        "made_by": described or None,
        "size": size,
        "n": state.n,
        "views": {name: view.fingerprint for name, view in state.views.items()},
        "neighbors": None if state.neighbors is None else state.neighbors.fingerprint,
        "stop_set": encode(state.probabilities[ledger.stop_set]) if predicted else None,
    }


def draw_sample(name: str, size: int, seed: int, pool: Ints) -> Sample:
    """Draw a blind random sample of the pool."""
    rows = generator(seed, 0, name).choice(pool, size=min(size, pool.size), replace=False)
    return Sample(name, rows, rows.size / pool.size if pool.size else 1.0)


def chain_of(question: str) -> str:
    """The name of a review's chain in the record."""
    return f"review:{question}"


def plain(value: Any) -> Any:
    """Settings as the record keeps them, and gives them back: lists where a project file has tuples."""
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def generator(seed: int, round_: int, role: str) -> np.random.Generator:
    """The random generator of one role in one round: made anew each time, so there is nothing to save or to share."""
    return np.random.default_rng([seed, round_, zlib.crc32(role.encode())])


def _choose(
    ledger: Ledger, state: ReviewState, components: Components, settings: Settings, size: int
) -> tuple[dict[str, str], Selection] | None:
    """Select rows: samples first, then by cold start until a model can be trained, then by strategy.

    A sample that is to be hidden takes places among the others, drawn by lot. Returns what chose, and what was chosen.
    """
    rng = generator(settings.seed, state.round, "hide")
    drawn, hidden = None, 0
    if ledger.waiting is not None:
        sample, rows = ledger.waiting
        places = size
        if sample.name in ledger.mixed and state.pool.size:
            ordinary = min(size - int(rng.binomial(size, HIDDEN)), state.pool.size)
            places = size - ordinary
        rows = rows[:places]
        hidden = rows.size
        unknown, probability = np.full(hidden, np.nan), np.full(hidden, sample.probability)
        drawn = Selection(rows, unknown.astype(np.float32), probability.astype(np.float32))
        if hidden == size or sample.name not in ledger.mixed or not state.pool.size:
            return {"name": f"{sample.name}-sample"}, drawn
    if not state.pool.size:
        return None
    strategy = components.query_strategy
    if "model" in strategy.value.needs and not state.trainable:
        strategy = components.cold_start
    chosen = select(strategy, state, size - hidden, generator(settings.seed, state.round, "query-strategy"))
    return strategy.describe(), chosen if drawn is None else _hide(drawn, chosen, rng)


def _hide(sample: Selection, others: Selection, rng: np.random.Generator) -> Selection:
    """Put the documents of a sample in random places among others; either keep their order."""
    size = sample.rows.size + others.rows.size
    of_sample = np.zeros(size, dtype=bool)
    of_sample[rng.choice(size, sample.rows.size, replace=False)] = True

    def merged(first: Any, second: Any) -> Any:
        both = np.empty(size, dtype=second.dtype)
        both[of_sample], both[~of_sample] = first, second
        return both

    return Selection(
        merged(sample.rows, others.rows),
        merged(sample.scores, others.scores),
        merged(sample.probabilities, others.probabilities),
    )
