"""Query strategies, stopping rules and oracles: a good one of each kind, and those wrong in just one way."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from docreview.types import Document, Question, ReviewState, Selection, StopDecision


def dawdle(n: int, seconds: float) -> None:
    began = time.process_time()
    # not while memory is measured, which would only take long
    while n > 50_000 and time.process_time() - began < seconds and not tracemalloc.is_tracing():
        sum(range(100_000))


def hoard(n: int) -> None:
    np.zeros((n, 1_500), np.float32)  # 6 kB a row, of which the system gives none until they are written to


class Chance:
    """A good strategy, to be spoiled."""

    needs: frozenset[str] = frozenset()

    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        return rng.choice(state.candidates, min(n, state.candidates.size), replace=False)

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        return Selection(self.rows(state, n, rng))


class Twice(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        rows = self.rows(state, n, rng)
        return Selection(np.append(rows[:-1], rows[0]) if n == 7 else rows)


class NeedsTwo(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        assert state.candidates.size > 1
        return super().select(state, n, rng)


class OwnGenerator(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        return super().select(state, n, rng if state.samples else np.random.default_rng())


class GlobalGenerator(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        np.random.rand()  # noqa: NPY002
        return super().select(state, n, rng)


class Scribbler(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        object.__setattr__(state, "round", state.round + 1)
        return super().select(state, n, rng)


class Constant(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        rows = self.rows(state, n, rng)
        return Selection(rows, np.full(rows.size, 0.5, np.float32))


class InOrder(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        return state.candidates[:n] if state.trainable else super().rows(state, n, rng)


class NeedsLabels(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        alike = state.neighbors is not None and state.neighbors.similarities.min(initial=1) > 0.99
        assert state.trainable or alike
        return super().select(state, n, rng)


class NeedsTypo(Chance):
    needs = frozenset({"models"})


class TakesWaiting(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        open_ = np.setdiff1d(np.arange(state.n), state.reviewed)
        return rng.choice(open_, min(n, state.candidates.size), replace=False)


class LooksAtSample(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        seen = np.concatenate([[0], *(state.labels[sample.rows] + 1 for sample in state.samples)])
        return super().rows(state, n, np.random.default_rng([int(rng.integers(100)), *seen.astype(int)]))


class SortsNaN(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        if state.trainable:
            return super().rows(state, n, rng)
        return state.candidates[np.argsort(-state.scores[state.candidates], kind="stable")[:n]]


class FewLabels(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        assert len(state.question.labels) < 100
        return super().rows(state, n, rng)


class WantsSemantic(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        assert "semantic" in state.views
        return super().rows(state, n, rng)


class DividesByLength(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        for view in state.views.values():
            assert np.asarray((view.matrix * view.matrix).sum(axis=1)).all()
        return super().rows(state, n, rng)


class ReadsFirstWords(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        rows = super().rows(state, n, rng)
        assert all(text.split()[0] for text in state.texts(rows))
        return rows


class Dawdles(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        dawdle(state.n, 1.5)
        return super().rows(state, n, rng)


class Hoards(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        hoard(state.n)
        return super().rows(state, n, rng)


class Rule:
    """A good rule, to be spoiled."""

    needs: frozenset[str] = frozenset()
    asked = 0

    def check(self, state: ReviewState) -> StopDecision:
        return StopDecision(state.read > 5, f"{state.read} have been read.", {"read": state.read})


class NotANumber(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        share = np.nan if state.samples and len(state.question.labels) == 2 else 0.5
        return replace(super().check(state), evidence={"share": share})


class Remembers(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        self.asked += 1
        return StopDecision(self.asked % 2 == 0, "Every second time.")


class RuleSeedsAll(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        random.random()
        return super().check(state)


class RuleScribbles(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        state.__dict__["annotations"] = state.annotations[:-1]
        return super().check(state)


class RuleNeedsModel(Rule):
    needs = frozenset({"model"})


class StopsAtOnce(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        return StopDecision(state.read == 0 or state.read > 5, f"{state.read} have been read.")


class WantsPool(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        assert state.pool.size or state.n > 100
        return super().check(state)


class RuleFewLabels(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        assert len(state.question.labels) < 100
        return super().check(state)


class RuleDawdles(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        dawdle(state.n, 1.5)
        return super().check(state)


class RuleHoards(Rule):
    def check(self, state: ReviewState) -> StopDecision:
        hoard(state.n)
        return super().check(state)


class Parrot:
    """A good oracle, to be spoiled."""

    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        return [None if rng.random() < 0.1 else question.labels[len(d.text) % 2] for d in documents]


class Talkative(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        return super().label(documents, question, rng) or ["other"]


class Moody(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        return [None if np.random.default_rng().random() < 0.5 else a for a in super().label(documents, question, rng)]


class ParrotSeedsAll(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        random.random()
        return super().label(documents, question, rng)


class ReadsWords(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        assert all(document.text.split() for document in documents)
        return super().label(documents, question, rng)


class FewAnswers(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        assert len(question.labels) < 100
        return super().label(documents, question, rng)


class Marks(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        for document in documents:
            document.metadata["seen"] = True  # type: ignore[index]
        return super().label(documents, question, rng)


WRONG: dict[str, Any] = {
    "strategy_needs": NeedsTypo(),
    "strategy_rows": Twice(),
    "strategy_short_pool": NeedsTwo(),
    "strategy_locked": TakesWaiting(),
    "strategy_blind": LooksAtSample(),
    "strategy_repeats": OwnGenerator(),
    "strategy_generators": GlobalGenerator(),
    "strategy_leaves_state": Scribbler(),
    "strategy_scores": Constant(),
    "strategy_ties": InOrder(),
    "strategy_before_labels": NeedsLabels(),
    "strategy_nan": SortsNaN(),
    "strategy_many_labels": FewLabels(),
    "strategy_views": WantsSemantic(),
    "strategy_blank": DividesByLength(),
    "strategy_texts": ReadsFirstWords(),
    "strategy_time": Dawdles(),
    "strategy_memory": Hoards(),
    "rule_needs": RuleNeedsModel(),
    "rule_decides": NotANumber(),
    "rule_at_start": StopsAtOnce(),
    "rule_short_pool": WantsPool(),
    "rule_many_labels": RuleFewLabels(),
    "rule_repeats": Remembers(),
    "rule_generators": RuleSeedsAll(),
    "rule_leaves_state": RuleScribbles(),
    "rule_time": RuleDawdles(),
    "rule_memory": RuleHoards(),
    "oracle_answers": Talkative(),
    "oracle_texts": ReadsWords(),
    "oracle_many_labels": FewAnswers(),
    "oracle_repeats": Moody(),
    "oracle_generators": ParrotSeedsAll(),
    "oracle_leaves_documents": Marks(),
}
GOOD: dict[str, Any] = {
    "query_strategies": Chance(),
    "stopping_rules": Rule(),
    "oracles": Parrot(),
}
