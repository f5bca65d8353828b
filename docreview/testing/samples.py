"""What the checks show to a component: review states, documents and texts, made up from a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docreview.types import Annotation, Document, Neighbors, Question, ReviewState, Round, Sample, Vectors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Fitted, Floats, Ints

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


def make_documents(n: int = 20) -> list[Document]:
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
    dimension: int = 12,
    seed: int = 0,
) -> ReviewState:
    """Return a review in full swing, as the engine would hand it to a component; equal arguments, equal state.

    `n` documents fall into as many groups as there are labels, and look it in both views: ``semantic`` (dense) and
    ``lexical`` (sparse, not negative). `read` of them are answered, in three rounds, the first two as priors and the
    last `skipped` without a label; `classes` limits how many different labels were given (1: no model can be fitted).
    `validation` more are answered and locked in a sample of that name. The model is a nearest-centroid rule on the
    semantic view. With `alike`, all documents look the same, so that only chance can tell them apart.
    """
    import numpy as np

    rng = np.random.default_rng([seed, n, len(labels)])
    k = len(labels)
    truth = rng.permutation(np.arange(n) % k)
    views = _views(truth, k, dimension, alike, rng)
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
    samples = (Sample("validation", _frozen(locked), validation / n),) if validation else ()
    question = replace(QUESTION, labels=labels, target=target)
    usable = _frozen(np.setdiff1d(np.flatnonzero(values >= 0), locked))
    fitted = None
    if np.unique(values[usable]).size > 1:
        fitted = _Centroids(views["semantic"].matrix, values, usable, k)
    return ReviewState(
        question=question,
        round=4,
        n=n,
        views=views,
        labels=_frozen(values),
        rounds=_frozen(rounds),
        reviewed=_frozen(answered),
        annotations=tuple(Annotation(int(r), "sample", v) for r, v in zip(answered, shown, strict=True)),
        history=_history(values, rounds, fitted, k),
        samples=samples,
        neighbors=_neighbors(views["semantic"].matrix),
        fitted=lambda: fitted,
    )


class _Centroids:
    """Nearest centroid: scores are cosines, probabilities their softmax."""

    def __init__(self, matrix: Any, values: Ints, rows: Ints, k: int) -> None:
        import numpy as np

        centroids = np.zeros((k, matrix.shape[1]))
        np.add.at(centroids, values[rows], matrix[rows])
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-9)
        self.scores: Floats = _frozen((matrix @ centroids.T).astype(np.float32))
        odds = np.exp(5 * self.scores.astype(np.float64))
        self.probabilities: Floats = _frozen((odds / odds.sum(axis=1, keepdims=True)).astype(np.float32))


def _views(truth: Ints, k: int, dimension: int, alike: bool, rng: np.random.Generator) -> dict[str, Vectors]:
    import numpy as np
    import scipy.sparse as sp

    n = truth.size
    dense = rng.normal(size=(k, dimension))[truth] + 0.7 * rng.normal(size=(n, dimension))
    words = rng.poisson(0.3, size=(n, 10 * k)) + rng.poisson(0.8, size=(n, 10 * k)) * np.repeat(np.eye(k), 10, 1)[truth]
    if alike:
        dense[:], words[:] = dense[:1], 1
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    words = words / np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    sparse = sp.csr_array(words.astype(np.float32))
    for part in (sparse.data, sparse.indices, sparse.indptr):
        _frozen(part)
    name = f"sample-{n}-{k}-{alike}"
    return {
        "semantic": Vectors(_frozen(dense.astype(np.float32)), f"{name}-semantic"),
        "lexical": Vectors(sparse, f"{name}-lexical"),
    }


def _neighbors(matrix: Any, k: int = 5) -> Neighbors:
    import numpy as np

    similarities = matrix @ matrix.T
    np.fill_diagonal(similarities, -np.inf)
    k = min(k, max(len(matrix) - 1, 0))
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    near = np.take_along_axis(similarities, rows, axis=1)
    return Neighbors(_frozen(rows.astype(np.int32)), _frozen(near.astype(np.float32)), "semantic", "sample")


def _history(values: Ints, rounds: Ints, fitted: Fitted | None, k: int) -> tuple[Round, ...]:
    import numpy as np

    history = []
    for number in (1, 2, 3):
        known = (rounds > 0) & (rounds <= number) & (values >= 0)
        found = tuple(int(count) for count in np.bincount(values[known], minlength=k))
        stop_set = None if fitted is None else fitted.probabilities[:10]
        history.append(Round(number, int(((rounds > 0) & (rounds <= number)).sum()), found, stop_set))
    return tuple(history)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array
