"""The nouns (frozen dataclasses) and the verbs (protocols) that everything else is made of.

Ids outside, rows inside: the store, files and oracles speak document ids; strategies, classifiers and rules speak
rows of the corpus. Rows are append-only, so documents can be added to a running review.

Heavy packages are imported for type checking only; numpy is the one exception, and only inside functions, so that
``import docreview`` stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import scipy.sparse as sp

    from docreview.cache import Cache

    Ints: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float32]
    Matrix: TypeAlias = npt.NDArray[np.float32] | sp.csr_array

#: A value that a document's metadata or an entry of the record may hold.
Scalar: TypeAlias = str | int | float | bool | None

# ---------------------------------------------------------------------------------------------------------------- nouns


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the corpus.

    `id` is chosen by the importer and unique in the corpus. `label` is a label that the file already carried: a
    prior, not part of the document, and not stored with it.
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    label: str | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of every document, and the two or more labels that may answer it.

    `target` is the label whose documents must all be found, or None where every label matters alike.
    """

    name: str
    labels: tuple[str, ...]
    prompt: str = ""
    target: str | None = None

    def __post_init__(self) -> None:
        from docreview.errors import ProjectError, UnknownLabel, did_you_mean

        object.__setattr__(self, "labels", tuple(self.labels))
        if any(not isinstance(label, str) or not label.strip() for label in self.labels):
            raise ProjectError(f"question '{self.name}': a label must be a non-empty string, got {list(self.labels)}.")
        if len(set(self.labels)) < 2:
            raise ProjectError(f"question '{self.name}' needs at least two different labels, got {list(self.labels)}.")
        if len(set(self.labels)) != len(self.labels):
            raise ProjectError(f"question '{self.name}' names a label twice: {list(self.labels)}.")
        if self.target is not None and self.target not in self.labels:
            hint = did_you_mean(self.target, self.labels)
            raise UnknownLabel(f"question '{self.name}': target '{self.target}' is none of its labels.{hint}")

    def index(self, label: str) -> int:
        """Return the class index of `label`; raise `UnknownLabel` where the question does not have it."""
        from docreview.errors import UnknownLabel, did_you_mean

        if label in self.labels:
            return self.labels.index(label)
        hint = did_you_mean(label, self.labels)
        raise UnknownLabel(f"'{label}' is no label of question '{self.name}'.{hint}")

    @property
    def target_index(self) -> int | None:
        """Class index of the target, or None."""
        return None if self.target is None else self.labels.index(self.target)


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


#: seconds that reading one document may take: a year
LONGEST = 31_536_000


@dataclass(frozen=True, slots=True)
class Label:
    """One reviewer's answer for one document. Never edited: a changed mind is a newer label.

    `value` is one of the question's labels, or None: skipped, could not tell. `seconds` is the time the reviewer
    took. A `prior` came with the documents and was not read in this review.
    """

    document_id: str
    value: str | None
    reviewer: str = "anonymous"
    at: datetime = field(default_factory=now)
    seconds: float | None = None
    note: str = ""
    prior: bool = False


@dataclass(frozen=True)
class Batch:
    """The documents to ask about next, most wanted first.

    For each, the score it had (NaN where the strategy has none) and the probability with which it was drawn (1 where
    the choice was deterministic). `strategy` is the name of what chose them.
    """

    round: int
    document_ids: tuple[str, ...]
    strategy: str
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.document_ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.document_ids)


@dataclass(frozen=True)
class Selection:
    """What a query strategy chose: distinct rows, most wanted first, with their scores and draw probabilities."""

    rows: Ints
    scores: Floats | None = None
    probabilities: Floats | None = None


@dataclass(frozen=True)
class Vectors:
    """One view of the corpus as the components see it.

    `matrix` is (n, d): float32, dense or CSR, its rows of unit length (or zero, where a document has nothing the
    view can see). Where long documents are cut into chunks, `chunks` is (m, d) and `chunk_rows` (m,) says which row
    each belongs to, in order. `fingerprint` names content and settings: equal fingerprints, equal vectors.

    `explain`, where a view can say which words a row came from, takes a text and returns the spans (start, end) of its
    m words, in order, and a CSR (m, d) of what each adds to the row of that text: the m rows sum to it, so
    ``weights @ coef`` shares a linear classifier's score among the words.

    `embed`, where a view can read words that are no document (a prompt, keywords), takes m texts and returns their
    rows (m, d) as queries: float32, CSR where `matrix` is, of unit length, or zero where the view knows none of the
    words, so that ``matrix @ row`` is a cosine. An encoder is loaded when it is first called.
    """

    matrix: Matrix
    fingerprint: str
    chunks: Floats | None = None
    chunk_rows: Ints | None = None
    explain: Callable[[str], tuple[list[tuple[int, int]], sp.csr_array]] | None = None
    embed: Callable[[Sequence[str]], Matrix] | None = None

    @property
    def dense(self) -> bool:
        """True where `matrix` is an array and not a sparse matrix."""
        return not hasattr(self.matrix, "indptr")


@dataclass(frozen=True)
class Neighbors:
    """Each row's nearest other rows, best first: `rows` (n, k), -1 for none, and cosine `similarities` (n, k)."""

    rows: npt.NDArray[np.int32]
    similarities: Floats
    view: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A label as rows and class indices: `value` is None for a skip or "cannot tell"."""

    row: int
    reviewer: str
    value: int | None


@dataclass(frozen=True)
class Round:
    """What was known when a batch was drawn.

    `read` documents had been answered (priors apart) and `found` (k,) of them carried each label. `stop_set` holds
    the probabilities (m, k) of the stop set then, where a rule needs them.
    """

    number: int
    read: int
    found: tuple[int, ...]
    stop_set: Floats | None = None


#: how the members of a committee come to differ: by the labels they learn from, by view, by classifier, by where a
#: learner that is not convex begins
CommitteeKind: TypeAlias = Literal["bootstrap", "views", "classifiers", "initializations"]

#: the sample that is drawn before anything else, where the project wants one
VALIDATION = "validation"
#: the sample that is drawn of what nobody has read; a second one is ``elusion-2``
ELUSION = "elusion"


@dataclass(frozen=True)
class Sample:
    """A blind random draw, kept out of training: `rows` in the order drawn, each drawn with `probability`.

    `outside` are the rows that it was not drawn from, in order: those answered then, or locked in an earlier sample.
    None where that is not known.
    """

    name: str
    rows: Ints
    probability: float
    outside: Ints | None = None

    @property
    def population(self) -> int:
        """Number of documents that it was drawn from."""
        return round(self.rows.size / self.probability) if self.rows.size else 0


_Array = TypeVar("_Array", bound="npt.NDArray[Any]")


def frozen(array: _Array) -> _Array:
    """Return a copy that nobody can write to.

    An array that owns its memory can be made writeable again by whoever holds it; one over bytes cannot.
    """
    import numpy as np

    base: Any = array
    while base is not None and hasattr(base, "base") and base.base is not None:
        base = base.base
    if isinstance(base, bytes):
        return array  # frozen before
    if not array.size:  # nothing to write to, and numpy's generators shuffle no read-only array, be it empty
        return array.copy()
    return np.frombuffer(array.tobytes(), dtype=array.dtype).reshape(array.shape)  # type: ignore[return-value]


def _no_committee(kind: CommitteeKind, members: int) -> Floats:
    raise LookupError("this state was made without a committee")


def _no_texts(rows: Sequence[int]) -> list[str]:
    raise LookupError("this state was made without texts")


@dataclass(frozen=True)
class ReviewState:
    """Read-only snapshot of a review: all that a strategy, a model or a stopping rule may know.

    Every array is read-only for good: it lies over bytes, so no flag makes it writeable. `labels` (n,) is the consensus
    class index, or -1. `rounds` (n,) is the round in which a row was first answered, 0 for a prior, or -1. `reviewed`
    lists answered rows in order, priors and skips too.
    """

    question: Question
    round: int
    n: int
    views: Mapping[str, Vectors]
    labels: Ints
    rounds: Ints
    reviewed: Ints
    annotations: tuple[Annotation, ...] = ()
    history: tuple[Round, ...] = ()
    samples: tuple[Sample, ...] = ()
    neighbors: Neighbors | None = None
    #: fitted when first asked for; None before the first fit is possible
    fitted: Callable[[], Fitted | None] = lambda: None
    #: probabilities (members, n, k) of a committee, fitted when asked for: how its members come to differ, and how many
    #: there are to be; raises `BadSetting` where the model makes none of that kind
    committee: Callable[[CommitteeKind, int], Floats] = _no_committee
    #: texts of rows as the views read them (text processors applied), in the order asked for; read when asked
    texts: Callable[[Sequence[int]], list[str]] = _no_texts
    #: rows to which the pool is limited, in order; None: it is not
    only: Ints | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", MappingProxyType(dict(self.views)))

    @cached_property
    def pool(self) -> Ints:
        """Rows nobody has answered and no locked sample holds, in order."""
        import numpy as np

        if self.only is not None:  # nothing of the corpus's size is made
            taken = np.concatenate([self.reviewed, *(sample.rows for sample in self.samples)])
            return frozen(self.only[~np.isin(self.only, taken)])
        free = np.ones(self.n, dtype=bool)
        free[self.reviewed] = False
        for sample in self.samples:
            free[sample.rows] = False
        return frozen(np.flatnonzero(free))

    @property
    def candidates(self) -> Ints:
        """Rows a strategy may choose from: the pool."""
        return self.pool

    def restricted(self, rows: Ints) -> ReviewState:
        """The same review with no other `candidates` than these `rows`, as far as they are candidates.

        For a strategy that asks another about a part of the pool. What was computed is shared; it costs time and memory
        in proportion to the rows, those of the part and the answered ones, not to the corpus.
        """
        import numpy as np

        # sorting a million rows that are in order would take longer than all the rest
        rows = rows if (rows[1:] > rows[:-1]).all() else np.unique(rows)
        part = replace(self, only=frozen(rows if self.only is None else rows[np.isin(rows, self.only)]))
        shared = ("labeled", "found", "probabilities", "scores")
        vars(part).update({name: value for name, value in vars(self).items() if name in shared})
        return part

    @cached_property
    def labeled(self) -> Ints:
        """Rows with a label that may train a model (those of locked samples may not), in order."""
        import numpy as np

        usable = self.labels >= 0
        for sample in self.samples:
            usable[sample.rows] = False
        return frozen(np.flatnonzero(usable))

    @property
    def read(self) -> int:
        """Number of documents read in this review: answered ones, skips included, priors not."""
        return int((self.rounds > 0).sum())

    @cached_property
    def found(self) -> Ints:
        """Number of read documents of each label (k,), priors not counted."""
        import numpy as np

        read = (self.rounds > 0) & (self.labels >= 0)
        return frozen(np.bincount(self.labels[read], minlength=len(self.question.labels)))

    @property
    def trainable(self) -> bool:
        """True once labels of at least two classes may train a model."""
        rows = self.labeled
        return rows.size > 0 and bool((self.labels[rows] != self.labels[rows[0]]).any())

    @cached_property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k), rows summing to one; NaN before the first fit."""
        import numpy as np

        fitted = self.fitted()
        if fitted is None:
            return frozen(np.full((self.n, len(self.question.labels)), np.nan, dtype=np.float32))
        return frozen(fitted.probabilities)

    @cached_property
    def scores(self) -> Floats:
        """Ranking score (n,) of the target, or of the likeliest class where there is none; NaN before the first fit."""
        import numpy as np

        fitted = self.fitted()
        if fitted is None:
            return frozen(np.full(self.n, np.nan, dtype=np.float32))
        target = self.question.target_index
        return frozen(fitted.scores.max(axis=1) if target is None else np.ascontiguousarray(fitted.scores[:, target]))


@dataclass(frozen=True)
class StopDecision:
    """Whether to stop, a sentence for the report, and the numbers behind it."""

    stop: bool
    reason: str
    evidence: Mapping[str, Scalar] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------------- verbs


class Progress(Protocol):
    """Told how far a long step is: ``progress("embedding", done, total)``; `total` is 0 while unknown."""

    def __call__(self, step: str, done: int, total: int) -> None: ...


def silent(step: str, done: int, total: int) -> None:
    """Show nothing: the default `Progress`."""


class TextProcessor(Protocol):
    """Text in, text out, before any view sees it. What the reviewer reads is never changed."""

    def __call__(self, text: str) -> str: ...


class Embedder(Protocol):
    """Texts to vectors. Order is kept; a text's vector does not depend on its neighbors; the core normalizes."""

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """How many tokens one text may have before it would be cut."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the weights and every setting that changes a vector (precision too), not where the files lie."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> Ints:
        """Number of tokens (len,) that `embed` would see of each text, special tokens apart."""
        ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors (len, dim), float32, finite."""
        ...


class VectorIndex(Protocol):
    """Nearest rows by cosine similarity."""

    def search(self, vectors: Floats, k: int) -> tuple[Ints, Floats]:
        """Rows (m, k) and similarities (m, k), best first; k is capped at the number of rows."""
        ...


class Index(Protocol):
    """Builds a `VectorIndex` over the vectors of a view."""

    def build(
        self, vectors: Floats, segments: Sequence[tuple[int, int]], cache: Cache, progress: Progress = silent
    ) -> VectorIndex:
        """Index unit `vectors` (n, d), float32, zero rows among them; raise `EmbeddingError` for NaN or infinity.

        `segments` are the row ranges of each add, in order: what was built for the first of them may be kept in the
        `cache` and grown. The same vectors and segments must give the same answers, bit for bit.
        """
        ...


class Classifier(Protocol):
    """scikit-learn's classifier protocol as it stands; cloned for each fit. A `decision_function` serves for ranks."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any: ...

    def predict_proba(self, X: Any) -> Any: ...


class Fitted(Protocol):
    """A fitted model's view of the whole corpus."""

    @property
    def scores(self) -> Floats:
        """Ranking scores (n, k): higher is likelier, in no unit."""
        ...

    @property
    def probabilities(self) -> Floats:
        """Calibrated probabilities (n, k), float32, rows summing to one."""
        ...


class Model(Protocol):
    """Combines views and classifiers. `fit` never changes the model: it returns what was learned.

    A model may have `needs`, as a query strategy has: ``"neighbors"`` for the neighbor graph in the state.
    """

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Fitted: ...


class QueryStrategy(Protocol):
    """Chooses what to ask next.

    `needs` names what the engine prepares: ``"model"`` (probabilities and scores), ``"neighbors"``. A strategy that
    needs a model is not asked before there is one: the review's cold start is.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Choose `n` distinct rows of `state.candidates`, most wanted first; all of them where n is larger."""
        ...


class Oracle(Protocol):
    """Answers for documents: one answer each, in order; None where it cannot tell."""

    def label(
        self, documents: Sequence[Document], question: Question, rng: np.random.Generator
    ) -> Sequence[str | None]: ...


class StoppingRule(Protocol):
    """A deterministic function of the state; it remembers nothing itself.

    `needs` may name ``"stop_set"`` (the engine then records the probabilities of a fixed random set each round) and
    ``"validation"``: the rule reads the sample of that name among `state.samples` (`VALIDATION`). A project may draw
    none; then the rule does not stop, and says why.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    def check(self, state: ReviewState) -> StopDecision: ...


class Importer(Protocol):
    """Reads documents from a file or folder."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File endings it reads, with the dot, in lower case: ``(".csv", ".csv.gz")``; ``"/"`` for a folder."""
        ...

    def read(
        self, path: Path, columns: Mapping[str, str], *, warn: Callable[[str], None], progress: Progress = silent
    ) -> Iterator[Document]:
        """Yield documents in file order; `ImportFailed` names the file and the line.

        `columns` maps the roles ``id``, ``text``, ``title``, ``label`` to column names; ``""`` means that no column has
        the role. `warn` takes one line about whatever was guessed, replaced or left out. Progress is in bytes read.
        """
        ...


class Exporter(Protocol):
    """Writes rows (one a document, as mappings with the same keys) to a file, whole or not at all."""

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        ...


@runtime_checkable
class MakesCommittees(Protocol):
    """A model that can be fitted several times, each time in another way."""

    def committee(
        self, state: ReviewState, kind: CommitteeKind, members: int, rng: np.random.Generator
    ) -> Sequence[Fitted]:
        """Fit up to `members` members; `BadSetting` where fewer than two can be made in that way."""
        ...


@runtime_checkable
class Linear(Protocol):
    """A fitted model whose scores are a sum of linear functions, one of each view, and a constant."""

    def coefficients(self, view: str) -> Floats | None:
        """What a row of that view adds to the scores (k, d); None where the view plays no part, or is not linear."""
        ...

    def to_probabilities(self, scores: Floats) -> Floats:
        """Calibrated probabilities (m, k) of scores (m, k)."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A fitted model that can say which words speak for a label."""

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """Spans (start, end) of `text` and the weight of each for `label`, in reading order."""
        ...


@runtime_checkable
class Saves(Protocol):
    """A fitted model that can be written down, to predict elsewhere."""

    def saved(self) -> Mapping[str, Any]:
        """What it learned: arrays and plain values, in mappings and lists. ``views`` is a mapping by view.

        `BadSetting` where a part of it cannot be written down.
        """
        ...


class Predictor(Protocol):
    """A model that was written down, at work on documents of no corpus."""

    def predict(self, views: Mapping[str, Matrix]) -> Floats:
        """Calibrated probabilities (m, k) of m documents as the views see them."""
        ...


@runtime_checkable
class Restores(Protocol):
    """A model that can be made again from what `Saves.saved` wrote down."""

    def restored(self, saved: Mapping[str, Any], question: Question) -> Predictor:
        """The model as it was; `ValueError` or KeyError where what is given does not fit."""
        ...
