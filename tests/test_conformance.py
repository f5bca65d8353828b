"""Every built-in keeps the promises of its kind, and every check can fail: on a component wrong in just that way."""

from __future__ import annotations

import contextlib
import csv
import json
import random
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from docreview.cache import fingerprint
from docreview.errors import ImportFailed
from docreview.models import LateFusion
from docreview.plugins import load_plugins
from docreview.testing import CHECKS, SCRIPTS, Written, make_documents, make_state, parametrize_with_checks
from docreview.types import Document, Question, ReviewState, Selection, StopDecision, Vectors

REGISTRY = load_plugins().registry

# ----------------------------------------------------------------------------------------------------------- built-ins

KNOWN = {document.id: ("relevant", "other")[i % 2] for i, document in enumerate(make_documents())}
#: settings of those built-ins that cannot do without
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("stopping_rules", "budget"): {"labels": 30},
    ("stopping_rules", "any"): {"stopping_rules": ["pool-exhausted", {"name": "budget", "labels": 30}]},
    ("stopping_rules", "all"): {"stopping_rules": ["pool-exhausted", {"name": "budget", "labels": 30}]},
    # settled: left to "auto", a trial decides anew each time, and the engine keeps what it found
    ("embedders", "sentence-transformers"): {"device": "cpu", "dtype": "float32"},
    ("views", "semantic"): {"device": "cpu", "dtype": "float32"},
    ("oracles", "known-labels"): {"labels": KNOWN},
    ("oracles", "noisy"): {"oracle": {"name": "known-labels", "labels": KNOWN}, "flip": 0.3},
}


def _table(delimiter: str) -> Callable[[Path, Sequence[Document]], Path]:
    def write(folder: Path, documents: Sequence[Document]) -> Path:
        path = folder / ("documents.csv" if delimiter == "," else "documents.tsv")
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, delimiter=delimiter)
            rows.writerows([("id", "text"), *((d.id, d.text) for d in documents)])
        return path

    return write


def _lines(folder: Path, documents: Sequence[Document]) -> Path:
    path = folder / "documents.jsonl"
    path.write_text("".join(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in documents), "utf-8")
    return path


def _sheet(folder: Path, documents: Sequence[Document]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    for row, values in enumerate([("id", "text"), *((d.id, d.text) for d in documents)], 1):
        for column, value in enumerate(values, 1):
            book.active.cell(row, column, value).data_type = "s"  # =1+1 is a text here
    book.save(folder / "documents.xlsx")
    return folder / "documents.xlsx"


def _folder(folder: Path, documents: Sequence[Document]) -> Path:
    for document in documents:
        (folder / f"{int(document.id[1:]):03}.txt").write_text(document.text, "utf-8")
    return folder


WRITERS = {"csv": _table(","), "tsv": _table("\t"), "jsonl": _lines, "xlsx": _sheet, "txt-folder": _folder}


def built_ins(kind: str) -> dict[str, Any]:
    """Every component of the kind that docreview itself registers, with its usual settings."""
    entries = [entry for entry in REGISTRY.entries(kind) if entry.plugin == "docreview"]
    made = {entry.name: REGISTRY.create(kind, entry.name, SETTINGS.get((kind, entry.name))) for entry in entries}
    return {name: Written(value, WRITERS[name]) for name, value in made.items()} if kind == "importers" else made


@pytest.mark.parametrize("kind", CHECKS)
def test_the_kind_has_checks_and_built_ins(kind: str) -> None:
    assert len(CHECKS[kind]) >= 3
    assert built_ins(kind)
    for check in CHECKS[kind]:
        assert (check.__doc__ or "").rstrip().endswith("."), f"{check.__name__}: its docstring is the rule"
        assert "\n" not in (check.__doc__ or "")


def _all_built_ins() -> list[Any]:
    return [case for kind in CHECKS for case in parametrize_with_checks(kind, built_ins(kind)).args[1]]


@pytest.mark.parametrize(("component", "check"), _all_built_ins())
def test_built_in(component: Any, check: Callable[[Any], None]) -> None:
    check(component)


def test_a_kind_without_checks_is_told() -> None:
    with pytest.raises(ValueError, match="no checks for 'presets'"):
        parametrize_with_checks("presets", {})


# ------------------------------------------------------------------------------------- components wrong in just one way


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
        return super().select(state, n, np.random.default_rng())


class GlobalGenerator(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        np.random.rand()  # noqa: NPY002
        return super().select(state, n, rng)


class Scribbler(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        state.rounds.flags.writeable = True
        state.rounds[:1] += 1
        return super().select(state, n, rng)


class Constant(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        rows = self.rows(state, n, rng)
        return Selection(rows, np.full(rows.size, 0.5, np.float32))


class InOrder(Chance):
    def rows(self, state: ReviewState, n: int, rng: np.random.Generator) -> Any:
        return state.candidates[:n]


class NeedsLabels(Chance):
    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        assert state.trainable
        return super().select(state, n, rng)


class Means(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A good classifier, to be spoiled: the difference of the weighted means."""

    def __init__(self, scale: float = 1.0, random_state: int | None = None) -> None:
        self.scale = scale
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        self.classes_ = np.unique(y)
        X = np.asarray(X.todense() if hasattr(X, "todense") else X)
        self.line_ = np.average(X[y], axis=0, weights=sample_weight[y]) - np.average(X[~y], axis=0)
        return self

    def predict_proba(self, X: Any) -> Any:
        chance = 1 / (1 + np.exp(-self.scale * np.asarray(X @ self.line_).ravel()))
        return np.stack([1 - chance, chance], axis=1)


class Forgetful(Means):
    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"random_state": self.random_state}

    def __repr__(self) -> str:
        return f"Forgetful({self.scale})"


class Backwards(Means):
    def decision_function(self, X: Any) -> Any:
        return -self.predict_proba(X)[:, 1]


class SumsToTwo(Means):
    def predict_proba(self, X: Any) -> Any:
        return 2 * super().predict_proba(X)


class Unseeded(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        super().fit(X, y, sample_weight)
        self.line_ += np.random.default_rng().normal(scale=1e-6, size=self.line_.shape)
        return self


class SeedsAll(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        random.seed(self.random_state)
        return super().fit(X, y, sample_weight)


class Weighs(Means):
    def fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        sample_weight *= 2
        return super().fit(X, y, sample_weight)


@dataclass
class Outcome:
    scores: Any
    probabilities: Any


class Spoiled:
    """The built-in model, its outcome changed."""

    def __init__(self, change: Callable[[ReviewState, Any], Any]) -> None:
        self.change = change

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Any:
        fitted = LateFusion().fit(state, rng)
        return self.change(state, Outcome(np.array(fitted.scores), np.array(fitted.probabilities)))


def _endless(state: ReviewState, made: Outcome) -> Outcome:
    made.scores[:1] = np.inf if state.samples and state.question.target is None else 0
    return made


def _shrugs(state: ReviewState, made: Outcome) -> Outcome:
    made.probabilities[:] = 1 / len(state.question.labels)
    return made


def _wants_all_labels(state: ReviewState, made: Outcome) -> Outcome:
    assert np.unique(state.labels[state.labeled]).size == len(state.question.labels)
    return made


def _peeks(state: ReviewState, made: Outcome) -> Outcome:
    locked = np.concatenate([sample.rows for sample in state.samples] or [[]]).astype(np.int64)
    made.scores[locked, state.labels[locked]] += 1
    return made


def _trembles(state: ReviewState, made: Outcome) -> Outcome:
    if not state.samples:
        made.scores += np.random.default_rng().normal(scale=0.01, size=made.scores.shape).astype(np.float32)
    return made


def _seeds_all(state: ReviewState, made: Outcome) -> Outcome:
    np.random.seed(0)  # noqa: NPY002
    return made


def _scribbles(state: ReviewState, made: Outcome) -> Outcome:
    state.rounds.flags.writeable = True
    state.rounds[:1] += 1
    return made


class Rule:
    """A good rule, to be spoiled."""

    needs: frozenset[str] = frozenset()
    evidence: ClassVar[dict[str, Any]] = {}
    asked = 0

    def check(self, state: ReviewState) -> StopDecision:
        return StopDecision(state.read > 5, f"{state.read} have been read.", self.evidence)


class NotANumber(Rule):
    evidence: ClassVar[dict[str, Any]] = {"share": float("nan")}


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
        state.rounds.flags.writeable = True
        state.rounds[-1:] -= 5  # not counted as read either way
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
        return super().label(documents, question, np.random.default_rng())


class ParrotSeedsAll(Parrot):
    def label(self, documents: Sequence[Document], question: Question, rng: np.random.Generator) -> list[str | None]:
        random.random()
        return super().label(documents, question, rng)


@dataclass
class Counter:
    """A text processor that numbers what it sees."""

    seen: int = 0

    def __call__(self, text: str) -> str:
        self.seen += 1
        return f"{text} {self.seen}"


def _draws(text: str) -> str:
    random.random()
    return text


class Letters:
    """A good embedder, to be spoiled: counts of letters."""

    dim = 64
    max_tokens = 100
    fingerprint = "letters-1"

    def count_tokens(self, texts: Sequence[str]) -> Any:
        return np.array([len(text.split()) for text in texts])

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for letter in text:
                vectors[row, ord(letter) % self.dim] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)


class LettersNaN(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        return np.where(vectors.any(axis=1, keepdims=True), vectors, np.float32(np.nan))


class LettersSorted(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        return super().embed(sorted(texts, key=len, reverse=True))


class LettersFew(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        vectors[:] = vectors.any(axis=1, keepdims=True) / np.float32(8)
        return vectors


class LettersTremble(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        return vectors * (1 + np.random.default_rng().normal(scale=1e-5, size=vectors.shape).astype(np.float32))


class LettersUncounted(Letters):
    def count_tokens(self, texts: Sequence[str]) -> Any:
        return np.ones(len(texts), int)


class LettersRenamed(Letters):
    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        return uuid.uuid4().hex


class LettersSeed(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        np.random.seed(0)  # noqa: NPY002
        return super().embed(texts)


class View:
    """A good view, to be spoiled: the embedder above, its vectors kept by add."""

    dense = True
    embedder = Letters()

    def key(self, source: Any, start: int, stop: int) -> str:
        return f"letters/{fingerprint(source.digest(start, stop))}"

    def make(self, texts: Sequence[str]) -> Any:
        return self.embedder.embed(texts)

    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        parts = [np.zeros((0, self.embedder.dim), np.float32)]
        for start, stop in source.segments:
            if (entry := cache.load(self.key(source, start, stop))) is None:
                with cache.write(self.key(source, start, stop)) as writer:
                    writer.array("vectors", self.make(source.texts(start, stop)))
                entry = cache.load(self.key(source, start, stop))
            parts.append(entry.arrays["vectors"])
        return Vectors(np.concatenate(parts), self.name(source))

    def name(self, source: Any) -> str:
        return str(fingerprint(source.digest(0, source.n)))

    def remaining(self, source: Any, cache: Any) -> int:
        return sum(stop - start for start, stop in source.segments if self.key(source, start, stop) not in cache)


class ViewTooLong(View):
    def make(self, texts: Sequence[str]) -> Any:
        return 2 * super().make(texts)


class ViewFlat(View):
    embedder = LettersFew()


class ViewTrembles(View):
    embedder = LettersTremble()


class ViewOneName(View):
    def name(self, source: Any) -> str:
        return "letters"


class ViewNeverDone(View):
    def remaining(self, source: Any, cache: Any) -> int:
        return int(source.n)


class ViewSeeds(View):
    embedder = LettersSeed()


class Reader:
    """A good importer, to be spoiled: one JSON list a file."""

    suffixes: tuple[str, ...] = (".list",)

    def ids(self, index: int) -> str:
        return f"row{index}"

    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        try:
            texts = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ImportFailed(f"{path}: not a list: {type(error).__name__}.") from error
        for index, text in enumerate(texts):
            yield Document(self.ids(index), text)


class AsciiOnly(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for document in super().read(path, columns, warn=warn):
            yield replace(document, text=document.text.encode("ascii", "replace").decode())


class NewIds(Reader):
    def ids(self, index: int) -> str:
        return uuid.uuid4().hex


class AtOnce(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Any:
        return list(super().read(path, columns, warn=warn))


class Raw(Reader):
    def read(self, path: Path, columns: Mapping[str, str], *, warn: Any, progress: Any = None) -> Iterator[Document]:
        for index, text in enumerate(json.loads(path.read_bytes())):
            yield Document(self.ids(index), text)


class Loud(Reader):
    suffixes = (".LIST",)


def _list(folder: Path, documents: Sequence[Document]) -> Path:
    path = folder / "documents.list"
    path.write_text(json.dumps([d.text for d in documents]), "utf-8")
    return path


class Writer:
    """A good exporter, to be spoiled."""

    suffixes: tuple[str, ...] = (".lines",)
    temporary = ".part"

    def write(self, path: Path, rows: Any) -> int:
        part = path.with_name(path.name + self.temporary)
        count = 0
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write("[\n")
                for count, row in enumerate(rows, 1):  # noqa: B007
                    file.write(json.dumps(row) + "\n")
            shutil.move(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return count


class CountsHeader(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = list(rows)
        return super().write(path, made) + bool(made)


class NothingForNothing(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = list(rows)
        return super().write(path, made) if made else 0


class Appends(Writer):
    def write(self, path: Path, rows: Any) -> int:
        before = path.read_bytes() if path.exists() else b""
        count = super().write(path, rows)
        path.write_bytes(before + path.read_bytes())
        return count


class LeavesParts(Writer):
    def write(self, path: Path, rows: Any) -> int:
        made = []
        with contextlib.suppress(ArithmeticError):
            for row in rows:
                made.append(row)
        return super().write(path, made)


WRONG: dict[str, Any] = {
    "check_strategy_rows": Twice(),
    "check_strategy_short_pool": NeedsTwo(),
    "check_strategy_repeats": OwnGenerator(),
    "check_strategy_generators": GlobalGenerator(),
    "check_strategy_leaves_state": Scribbler(),
    "check_strategy_scores": Constant(),
    "check_strategy_ties": InOrder(),
    "check_strategy_before_labels": NeedsLabels(),
    "check_classifier_clones": Forgetful(scale=2.0),
    "check_classifier_learns": Backwards(),
    "check_classifier_probabilities": SumsToTwo(),
    "check_classifier_repeats": Unseeded(),
    "check_classifier_generators": SeedsAll(),
    "check_classifier_leaves_input": Weighs(),
    "check_model_probabilities": Spoiled(_endless),
    "check_model_learns": Spoiled(_shrugs),
    "check_model_few_labels": Spoiled(_wants_all_labels),
    "check_model_blind": Spoiled(_peeks),
    "check_model_repeats": Spoiled(_trembles),
    "check_model_generators": Spoiled(_seeds_all),
    "check_model_leaves_state": Spoiled(_scribbles),
    "check_rule_decides": NotANumber(),
    "check_rule_repeats": Remembers(),
    "check_rule_generators": RuleSeedsAll(),
    "check_rule_leaves_state": RuleScribbles(),
    "check_oracle_answers": Talkative(),
    "check_oracle_repeats": Moody(),
    "check_oracle_generators": ParrotSeedsAll(),
    "check_processor_text": lambda text: text or None,
    "check_processor_scripts": lambda text: text.encode("ascii", "ignore").decode(),
    "check_processor_repeats": Counter(),
    "check_processor_generators": _draws,
    "check_embedder_shape": LettersNaN(),
    "check_embedder_order": LettersSorted(),
    "check_embedder_tells_apart": LettersFew(),
    "check_embedder_repeats": LettersTremble(),
    "check_embedder_counts": LettersUncounted(),
    "check_embedder_fingerprint": LettersRenamed(),
    "check_embedder_generators": LettersSeed(),
    "check_view_vectors": ViewTooLong(),
    "check_view_tells_apart": ViewFlat(),
    "check_view_repeats": ViewTrembles(),
    "check_view_fingerprint": ViewOneName(),
    "check_view_remaining": ViewNeverDone(),
    "check_view_generators": ViewSeeds(),
    "check_importer_reads": Written(AsciiOnly(), _list),
    "check_importer_ids": Written(NewIds(), _list),
    "check_importer_is_lazy": Written(AtOnce(), _list),
    "check_importer_refuses": Written(Raw(), _list),
    "check_importer_suffixes": Written(Loud(), _list),
    "check_exporter_writes": CountsHeader(),
    "check_exporter_no_rows": NothingForNothing(),
    "check_exporter_replaces": Appends(),
    "check_exporter_whole_or_not": LeavesParts(),
}
GOOD = {
    "query_strategies": Chance(),
    "classifiers": Means(),
    "models": Spoiled(lambda state, made: made),
    "stopping_rules": Rule(),
    "oracles": Parrot(),
    "text_processors": str,
    "embedders": Letters(),
    "views": View(),
    "importers": Written(Reader(), _list),
    "exporters": Writer(),
}


def failing(kind: str, component: Any) -> list[str]:
    """Names of the checks that the component fails."""
    failed = []
    for check in CHECKS[kind]:
        try:
            check(component)
        except Exception:  # noqa: BLE001 - a component may fail a check in any way
            failed.append(check.__name__)
    return failed


def test_every_check_has_a_component_that_is_wrong_in_its_way() -> None:
    assert sorted(WRONG) == sorted(check.__name__ for checks in CHECKS.values() for check in checks)


@pytest.mark.parametrize("kind", CHECKS)
def test_the_component_that_is_spoiled_was_good(kind: str) -> None:
    assert failing(kind, GOOD[kind]) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_check_fails_where_it_should_and_no_other_does(name: str) -> None:
    (kind,) = [kind for kind, checks in CHECKS.items() if name in [check.__name__ for check in checks]]
    assert failing(kind, WRONG[name]) == [name]


# -------------------------------------------------------------------------------------------------------- sample states


@pytest.mark.parametrize("labels", [("a", "b"), tuple("abcdefg")])
@pytest.mark.parametrize("validation", [0, 15])
def test_sample_states_hang_together(labels: tuple[str, ...], validation: int) -> None:
    state = make_state(labels=labels, target=None, validation=validation)
    assert state.pool.size + state.reviewed.size == state.n
    assert state.read == 40 - 2 + validation
    assert state.trainable
    assert state.probabilities.shape == (state.n, len(labels))
    np.testing.assert_allclose(state.probabilities.sum(axis=1), 1, atol=1e-5)
    assert state.history[-1].read == state.read
    assert state.neighbors is not None
    assert not (state.neighbors.rows == np.arange(state.n)[:, None]).any()
    with pytest.raises(ValueError, match="read-only"):
        state.labels[0] = 1


def test_sample_states_repeat_and_differ() -> None:
    first, second, other = make_state(), make_state(), make_state(seed=1)
    assert (first.reviewed == second.reviewed).all()
    assert not (first.reviewed == other.reviewed).all()


def test_sample_states_without_two_labels_have_no_model() -> None:
    for state in (make_state(read=0), make_state(classes=1)):
        assert not state.trainable
        assert np.isnan(state.probabilities).all()


def test_sample_documents_cover_the_scripts() -> None:
    documents = make_documents(30)
    assert len({document.id for document in documents}) == 30
    assert set(SCRIPTS.values()) < {document.text for document in documents}
