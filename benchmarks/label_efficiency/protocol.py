"""One arm on one corpus with one seed: label a batch, fit, measure on the held-out documents, choose the next batch.

The steps are docreview's own (`rounds.make_state`, `contracts.select`, the preset's model); what is left out is the
record on the disk. Every generator depends on the seed and the round alone, so that a run of 300 labels is the
beginning of one of 1,000 and is taken up where it ended.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from corpora import CUT, RESULTS, Corpus
from docreview.cache import fingerprint
from docreview.contracts import Component, select
from docreview.errors import DocreviewError
from docreview.ledger import Ledger
from docreview.metrics import accuracy, macro_f1
from docreview.plugins import load_plugins
from docreview.registry import Registry
from docreview.rounds import Components, generator, make_state
from docreview.types import ReviewState, Sample

BATCH = 20
PRESET = "classification"
RANDOM = "random"
#: seconds after which a run under way is written down
_KEEP = 60.0


@cache
def registry() -> Registry:
    return load_plugins().registry


def folder() -> Path:
    """Where results of this protocol are: another cut, batch size or model gets another folder."""
    model = registry().create("presets", PRESET)["model"]
    return RESULTS / fingerprint("label-efficiency", 4, CUT, BATCH, model)[:12]


def strategy_of(arm: str) -> Component:
    """An arm is a strategy's name, or that and settings in TOML: ``density-mmr beta=1.0 informativeness="entropy"``."""
    name, *settings = arm.split()
    return _component("query_strategies", {"name": name, **tomllib.loads("\n".join(settings))})


def _component(kind: str, spec: str | Mapping[str, Any]) -> Component:
    name = spec if isinstance(spec, str) else spec["name"]
    return Component(registry().component(kind, spec), registry().get(kind, name))


@cache
def _parts(arm: str) -> Components:
    preset = registry().create("presets", PRESET)
    return Components(
        _component("models", preset["model"]),
        strategy_of(arm),
        _component("query_strategies", RANDOM),
        _component("stopping_rules", preset["stopping_rule"]),
    )


def code_of(strategy: Any) -> str:
    """A hash of the code that the strategy's module holds, comments and docstrings apart: old results are made anew."""
    source = inspect.getsourcefile(type(strategy))
    if source is None:
        return ""
    tree = ast.parse(Path(source).read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            body.pop(0)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:12]


# ------------------------------------------------------------------------------------------------------------- results


@dataclass(frozen=True)
class Cell:
    """One result: which corpus, which arm, which seed."""

    corpus: str
    arm: str
    seed: int

    @property
    def path(self) -> Path:
        slug = "".join(c if c.isalnum() or c in "-=._" else "_" for c in self.arm)
        return folder() / self.corpus / slug / f"{self.seed}.json"

    def read(self) -> dict[str, Any] | None:
        """What is known, or None."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        return found

    def write(self, result: Mapping[str, Any]) -> None:
        """Write whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half = self.path.with_suffix(f".{os.getpid()}.part")
        half.write_text(json.dumps(result), "utf-8")
        os.replace(half, self.path)

    def missing(self, labels: int, *, retry: bool = False) -> bool:
        """Whether there is anything to do: too few labels, other code, or, to `retry`, an error."""
        found = self.read()
        if found is None or found["code"] != code_of(_parts(self.arm).query_strategy.value):
            return True
        if "error" in found:
            return retry
        return found["labels"][-1] < min(labels, found["most"])


# ----------------------------------------------------------------------------------------------------------------- run


def run(cell: Cell, corpus: Corpus, labels: int, told: Callable[[int], None] = lambda done: None) -> dict[str, Any]:
    """Run an arm to so many labels, from where it ended before; an error of the strategy is its result."""
    parts = _parts(cell.arm)
    code = code_of(parts.query_strategy.value)
    result = cell.read()
    if result is None or result["code"] != code or "error" in result:
        result = {
            "corpus": cell.corpus,
            "arm": cell.arm,
            "seed": cell.seed,
            "code": code,
            "plugin": f"{parts.query_strategy.registration.plugin} {parts.query_strategy.registration.version}",
            "classes": len(corpus.question.labels),
            "pool": corpus.n - corpus.test,
            "test": corpus.test,
            "views": list(corpus.views),
            "most": corpus.most(1_000_000, BATCH),
            "labels": [],
            "accuracy": [],
            "macro_f1": [],
            "rows": [],
            "fit_seconds": [],
            "select_seconds": [],
        }
    most, kept = corpus.most(labels, BATCH), time.monotonic()
    state = state_of(corpus, parts, result["rows"], cell.seed)
    while not result["labels"] or result["labels"][-1] < most:
        try:
            chosen, seconds = _choose(parts, state, cell.seed)
        except DocreviewError as error:
            result["error"] = str(error)
            break
        result["rows"] += chosen.tolist()
        result["select_seconds"].append(round(seconds, 4))
        began = time.perf_counter()
        state = state_of(corpus, parts, result["rows"], cell.seed)  # the next batch is chosen from the same fit
        scores = measure(state, corpus)
        result["fit_seconds"].append(round(time.perf_counter() - began, 4))
        result["labels"].append(len(result["rows"]))
        for name, value in zip(("accuracy", "macro_f1"), scores, strict=True):
            result[name].append(round(value, 6))
        told(result["labels"][-1])
        if time.monotonic() - kept > _KEEP:
            cell.write(result)
            kept = time.monotonic()
    cell.write(result)
    return result


def state_of(corpus: Corpus, parts: Components, rows: list[int], seed: int) -> ReviewState:
    """The review once these rows were answered, batch by batch; its model is fitted when asked for."""
    names = corpus.question.labels
    ledger = Ledger(
        rows_of=lambda ids: [int(i) for i in ids],
        question=corpus.question,
        round=-(-len(rows) // BATCH),
        samples={"held-out": Sample("held-out", np.arange(corpus.test), 1.0)},
        answers={row: {"oracle": names[corpus.labels[row]]} for row in rows},
        rounds={row: 1 + i // BATCH for i, row in enumerate(rows)},
    )
    neighbors = corpus.neighbors if "neighbors" in parts.needs else None
    texts = lambda wanted: [corpus.texts[row] for row in wanted]  # noqa: E731
    return make_state(ledger, lambda: parts.model, seed, corpus.n, corpus.views, neighbors, texts)


def _choose(parts: Components, state: ReviewState, seed: int) -> tuple[np.ndarray, float]:
    """The next batch, as a review draws it, and the seconds it took. The first is random for every arm."""
    strategy = parts.query_strategy
    if state.round == 1 or ("model" in strategy.value.needs and not state.trainable):
        strategy = parts.cold_start
    elif "model" in strategy.value.needs:
        _ = state.probabilities, state.scores  # the model's time is the model's
    began = time.perf_counter()
    rows = select(strategy, state, BATCH, generator(seed, state.round, "query-strategy")).rows
    return rows, time.perf_counter() - began


def measure(state: ReviewState, corpus: Corpus) -> tuple[float, float]:
    """Accuracy on the held-out documents, and macro-F1 over the labels that occur among them."""
    truth = corpus.labels[: corpus.test]
    if state.trainable:
        said = state.probabilities[: corpus.test].argmax(axis=1)
    else:
        said = np.full(corpus.test, state.labels[state.labeled[0]])
    k = len(corpus.question.labels)
    # labels that no held-out document has count 0 there
    return accuracy(truth, said), macro_f1(truth, said, k) * k / np.unique(truth).size


def ceiling(corpus: Corpus) -> tuple[float, float]:
    """Accuracy and macro-F1 with every document of the pool labeled; computed once for each corpus."""
    path = folder() / corpus.name / "full.json"
    if not path.is_file():
        parts = _parts(RANDOM)
        scores = measure(state_of(corpus, parts, list(range(corpus.test, corpus.n)), 0), corpus)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}.part")
        half.write_text(json.dumps(scores), "utf-8")
        os.replace(half, path)
    found: tuple[float, float] = tuple(json.loads(path.read_text("utf-8")))
    return found
