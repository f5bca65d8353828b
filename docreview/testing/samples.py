"""What the checks show to a component: review states, documents and texts, made up from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting
from docreview.types import Annotation, Document, Neighbors, Question, ReviewState, Round, Sample, Vectors, frozen

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import CommitteeKind, Fitted, Floats, Ints

#: texts in many scripts, each of which must come through a component whole
SCRIPTS: dict[str, str] = {
    "latin": "The parties agree to settle the dispute.",
    "yoruba": "Ọjọ́ dára gan-an ni ilé ẹjọ́.",
    "amharic": "ፍርድ ቤቱ ውሳኔውን ሰጥቷል።",
    "hindi": "अदालत का फैसला हिन्दी में दस्तावेज़ है।",
    "arabic": "قررت المحكمة رفض الدعوى.",
    "hebrew": "בית המשפט דחה את התביעה.",
    "chinese": "法院驳回了原告的请求。",
    "thai": "ศาลยกฟ้องโจทก์",
    "telugu": "కోర్టు తీర్పు ఇచ్చింది",
    "russian": "Суд отклонил иск.",
}

#: texts that break careless code: nothing, blanks, control characters, emoji, one endless word, a very long text
ODD: dict[str, str] = {
    "empty": "",
    "blank": " \t\n\u00a0\u3000",
    "control": "a\x00b\x07c\ufeffd\u202ee",
    "emoji": "👩‍⚖️🏛️ 👍🏽",
    "combining": "e\u0301\u0323" * 20,
    "one word": "x" * 10_000,
    "huge": "The quick brown fox jumps over the lazy dog. " * 1_000,
}

#: the question that `make_state` and the oracles' checks ask
QUESTION = Question("sample", ("relevant", "other"), "Is it relevant?", "relevant")


PLAIN = ("The court dismissed the claim.", "A recipe for bean soup with smoked ham.", "The engine needs new oil.")
EVERY = (*PLAIN, *SCRIPTS.values(), *ODD.values())

#: a question of the most labels that a component must cope with
MANY = tuple(f"label {i}" for i in range(150))

#: from here on neighbors are found as an index finds them, not among all rows
_LARGE = 2_000


def make_documents(n: int = 30) -> list[Document]:
    """Return `n` documents: the texts of `SCRIPTS` and `ODD`, then numbered sentences; ids ``d0``, ``d1`` and so on."""
    texts = [*SCRIPTS.values(), *ODD.values()]
    texts += [f"Document number {i} speaks of matter {i % 7}." for i in range(len(texts), n)]
    return [Document(f"d{i}", text, title="", metadata={"page": i}) for i, text in enumerate(texts[:n])]


def make_state(
    n: int = 120,
    *,
    labels: tuple[str, ...] = ("relevant", "other"),
    target: str | None = "relevant",
    read: int = 40,
    classes: int | None = None,
    skipped: int = 2,
    validation: int = 0,
    alike: bool = False,
    blank: int = 0,
    odd: bool = False,
    dimension: int = 12,
    seed: int = 0,
) -> ReviewState:
    """Return a review in full swing, as the engine would hand it to a component; equal arguments, equal state.

    `n` documents fall into as many groups as there are labels, and look it in both views: ``semantic`` (dense) and
    ``lexical`` (sparse, not negative). `read` of them are answered, in three rounds, the first two as priors and the
    last `skipped` without a label; `classes` limits how many different labels were given (1: no model can be fitted).
    `validation` more are answered and locked in a sample of that name. The model is a nearest-centroid rule on the
    semantic view, linear in it; its committees learn from resampled labels, or one from each view. With `alike`, all
    documents look the same, so that only chance can tell them apart. In the last `blank` documents neither view sees
    anything: their rows are zero. Texts speak of the document's label; with `odd` they are those of `SCRIPTS` and
    `ODD`, in turn.
    """
    import numpy as np

    rng = np.random.default_rng([seed, n, len(labels)])
    k = len(labels)
    truth = rng.permutation(np.arange(n) % k)
    views = _views(truth, k, dimension, alike, n - blank, rng)
    order = rng.permutation(n)
    reviewed, locked = order[:read], order[read : read + validation]
    rounds = np.full(n, -1)
    rounds[reviewed] = 1 + np.arange(read) * 3 // max(read, 1)
    rounds[reviewed[:2]] = 0
    rounds[locked] = 1
    values = np.full(n, -1)
    values[reviewed] = truth[reviewed] % (classes or k)
    values[reviewed[read - min(skipped, read) :]] = -1
    values[locked] = truth[locked]
    answered = np.concatenate([reviewed, locked])
    shown = [None if values[row] < 0 else int(values[row]) for row in answered]
    samples = (Sample("validation", frozen(locked), validation / n),) if validation else ()
    usable = np.setdiff1d(np.flatnonzero(values >= 0), locked)
    fitted, committee = _learned(views, "semantic", values, usable, k)

    def texts(rows: Sequence[int]) -> list[str]:
        if odd:
            known = (*SCRIPTS.values(), *ODD.values())
            return [known[row % len(known)] for row in rows]
        if alike:
            return ["One document like any other." for _ in rows]
        return [f"Document number {row} speaks of {labels[truth[row]]} matters." for row in rows]

    return ReviewState(
        question=replace(QUESTION, labels=labels, target=target),
        round=4,
        n=n,
        views=views,
        labels=frozen(values),
        rounds=frozen(rounds),
        reviewed=frozen(answered),
        annotations=tuple(Annotation(int(r), "sample", v) for r, v in zip(answered, shown, strict=True)),
        history=_history(values, rounds, fitted, k),
        samples=samples,
        neighbors=_neighbors(views["semantic"].matrix),
        fitted=lambda: fitted,
        committee=committee,
        texts=texts,
    )


def large_state(n: int) -> ReviewState:
    """Return a review of `n` documents, 1,200 of them read; made once, and all that it computes late is there."""
    state = replace(_large(n))
    _ = state.pool, state.labeled, state.found, state.probabilities, state.scores
    return state


@cache
def _large(n: int) -> ReviewState:
    return make_state(n, read=1_000, validation=200)


def one_view(state: ReviewState, name: str) -> ReviewState:
    """Return the state as it is while no other view is built, and no neighbors are; the model has learned from it."""
    views = {name: state.views[name]}
    fitted, committee = _learned(views, name, state.labels, state.labeled, len(state.question.labels))
    return replace(state, views=views, neighbors=None, fitted=lambda: fitted, committee=committee)


def relabeled(state: ReviewState) -> ReviewState:
    """Return the state with the labels of its samples changed about among the documents of each."""
    import numpy as np

    labels = state.labels.copy()
    for sample in state.samples:
        labels[sample.rows] = np.roll(labels[sample.rows], 1)
    given = tuple(a if a.value is None else replace(a, value=int(labels[a.row])) for a in state.annotations)
    return replace(state, labels=frozen(labels), annotations=given)


class _Centroids:
    """Nearest centroid in one view: scores are cosines, probabilities their softmax."""

    def __init__(self, view: str, matrix: Any, values: Ints, rows: Ints, k: int) -> None:
        import numpy as np

        centroids = np.zeros((k, matrix.shape[1]))
        np.add.at(centroids, values[rows], matrix[rows].toarray() if hasattr(matrix, "indptr") else matrix[rows])
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
        self._view, self._centroids = view, frozen(centroids.astype(np.float32))
        self.scores: Floats = frozen((matrix @ centroids.T).astype(np.float32))
        self.probabilities: Floats = frozen(self.to_probabilities(self.scores))

    def coefficients(self, view: str) -> Floats | None:
        """The centroids (k, d), for the view that they are in."""
        return self._centroids if view == self._view else None

    def to_probabilities(self, scores: Floats) -> Floats:
        """Probabilities (m, k) of cosines (m, k)."""
        import numpy as np

        odds = np.exp(5 * scores.astype(np.float64))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)


def _learned(
    views: Mapping[str, Vectors], name: str, values: Ints, rows: Ints, k: int
) -> tuple[Fitted | None, Callable[[CommitteeKind, int], Floats]]:
    """The model fitted on these rows in that view, None where their labels are all alike, and its committees."""
    import numpy as np

    trainable = np.unique(values[rows]).size > 1

    @cache
    def committee(kind: CommitteeKind, members: int) -> Floats:
        if not trainable:
            raise ValueError("labels of at least two classes are needed to fit a committee")
        if kind == "views" and len(views) < 2:
            raise BadSetting(f"a committee by view needs two views, and there is {', '.join(views)}.")
        drawn = np.random.default_rng([len(kind), members])
        # whatever the kind, members that differ: by the rows that they learned from, or by the view
        each = list(views) if kind == "views" else [name] * members
        samples = [rows if kind == "views" else drawn.choice(rows, rows.size) for _ in each]
        fits = [_Centroids(one, views[one].matrix, values, mine, k) for one, mine in zip(each, samples, strict=True)]
        return frozen(np.stack([fit.probabilities for fit in fits]))

    return _Centroids(name, views[name].matrix, values, rows, k) if trainable else None, committee


def _views(truth: Ints, k: int, dimension: int, alike: bool, seen: int, rng: np.random.Generator) -> dict[str, Vectors]:
    import numpy as np
    import scipy.sparse as sp

    n = truth.size
    dense = rng.normal(size=(k, dimension))[truth] + 0.7 * rng.normal(size=(n, dimension))
    if k > 20:  # many labels share words, each its own handful
        weights = rng.poisson(0.05, size=(k, 200))
        words = rng.poisson(0.05, size=(n, 200)) + weights[truth] * (1 + rng.poisson(0.8, size=(n, 1)))
    else:
        words = rng.poisson(0.3, size=(n, 10 * k))
        words += rng.poisson(0.8, size=(n, 10 * k)) * np.repeat(np.eye(k, dtype=np.int64), 10, 1)[truth]
    if alike:
        dense[:], words[:] = dense[:1], 1
    dense[seen:], words[seen:] = 0, 0
    dense /= np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
    words = words / np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    sparse = sp.csr_array(words.astype(np.float32))
    parts = (frozen(sparse.data), frozen(sparse.indices), frozen(sparse.indptr))
    name = f"sample-{n}-{k}-{alike}-{seen}"
    return {
        "semantic": Vectors(
            frozen(dense.astype(np.float32)), f"{name}-semantic", embed=lambda texts: _read(texts, dimension)
        ),
        "lexical": Vectors(
            sp.csr_array(parts, shape=sparse.shape),
            f"{name}-lexical",
            embed=lambda texts: sp.csr_array(np.abs(_read(texts, sparse.shape[1]))),
        ),
    }


def _read(texts: Sequence[str], dimension: int) -> Floats:
    """Rows (m, dimension) of texts that are no documents: each word points somewhere of its own."""
    import numpy as np

    rows = np.zeros((len(texts), dimension))
    for row, text in zip(rows, texts, strict=True):
        for word in text.split():
            row += np.random.default_rng(list(word.encode())).normal(size=dimension)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _neighbors(matrix: Any, k: int = 5) -> Neighbors:
    import numpy as np

    n = len(matrix)
    if n > _LARGE:
        # those that stand near it in one direction: near, if not always nearest, as an index may answer
        order = np.argsort(matrix[:, 0], kind="stable").astype(np.int32)
        places = np.arange(n)[:, None] + np.delete(np.arange(-k, k + 1), k)
        others = np.empty((n, 2 * k), np.int32)
        others[order] = order[places % n]
        similarities = np.einsum("nd,nkd->nk", matrix, matrix[others])
    else:
        others = np.broadcast_to(np.arange(n, dtype=np.int32), (n, n))
        similarities = matrix @ matrix.T
        np.fill_diagonal(similarities, -np.inf)
    best = np.argsort(-similarities, axis=1, kind="stable")[:, : min(k, max(n - 1, 0))]
    rows, near = np.take_along_axis(others, best, axis=1), np.take_along_axis(similarities, best, axis=1)
    unseen = ~matrix.any(axis=1)
    rows[unseen], near[unseen] = -1, 0
    return Neighbors(frozen(rows), frozen(near.astype(np.float32)), "semantic", "sample")


def _history(values: Ints, rounds: Ints, fitted: Fitted | None, k: int) -> tuple[Round, ...]:
    import numpy as np

    history = []
    for number in (1, 2, 3):
        known = (rounds > 0) & (rounds <= number) & (values >= 0)
        found = tuple(int(count) for count in np.bincount(values[known], minlength=k))
        stop_set = None if fitted is None else fitted.probabilities[:10]
        history.append(Round(number, int(((rounds > 0) & (rounds <= number)).sum()), found, stop_set))
    return tuple(history)


def make_vectors(n: int, *, dimension: int = 32, clusters: int = 40, seed: int = 0) -> Floats:
    """Return `n` unit vectors, (n, dimension) float32, in clusters, as those of documents are; each its own."""
    import numpy as np

    rng = np.random.default_rng([seed, dimension, clusters])
    centers = rng.normal(size=(clusters, dimension))
    # drawn one after the other, so that more vectors begin with the same ones
    vectors = np.array([centers[rng.integers(clusters)] + 0.4 * rng.normal(size=dimension) for _ in range(n)])
    vectors = vectors.reshape(n, dimension)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
