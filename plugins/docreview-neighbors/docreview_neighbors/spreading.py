"""Spreading: what another model says of a document is averaged with what it says of the document's neighbors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from docreview.errors import BadSetting
from docreview.types import Explains, frozen

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Fitted, Floats, Ints, ReviewState, Vectors

    Doubles = npt.NDArray[np.float64]

#: how much the neighbors may count, from not at all; which of them is best is tried on held-out labels
AMOUNTS = (0.0, 0.3, 0.5, 0.7, 0.8)
#: exponents that make probabilities flatter (below 1) or sharper: averages over neighbors are too flat
SHARPNESS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
#: steps along the graph: 0.8 ** 20 is 1 % of the first
_STEPS = 20
#: documents up to which the neighbors are found here, exactly, where the state has none: seconds, once
_EXACT = 20_000
_NEIGHBORS = 20
_BLOCK = 1024


@dataclass(frozen=True)
class Spreading:
    """Fits `model`, then spreads its probabilities over the graph of nearest neighbors; known labels stand fast.

    P <- `amount` * W P + (1 - `amount`) * P0, twenty times: P0 (n, k) are the model's probabilities with the labeled
    rows set to their labels, W the neighbors of each row (made symmetric, weighted by the cube of the similarity, rows
    summing to one). It helps where near documents share their label, most of all with few labels, and harms where the
    embedder cannot read the language. So where `amount` is not set, 0, 0.3, 0.5, 0.7 and 0.8 are tried on labels held
    out in `folds` folds, and the one with the least log loss is taken. In any case the sharpness (the power of the
    probabilities) that calibrates them is found so. That costs `folds` more fits of `model`.

    Where there is no dense view yet, there is no graph either: it then is `model` itself. Where the state brings no
    neighbors, the 20 nearest are found here exactly, up to 20,000 documents.

    Paper: Zhou, Bousquet, Lal, Weston and Schölkopf 2004, Learning with local and global consistency.
    Paper: Huang et al. 2021, Combining label propagation and simple models out-performs graph neural networks.
    """

    model: Any
    amount: float | None = None
    folds: int = 3

    #: what the engine prepares, as for query strategies
    needs: ClassVar[frozenset[str]] = frozenset({"neighbors"})

    def __post_init__(self) -> None:
        if self.amount is not None and not 0 <= self.amount < 1:
            raise ValueError(f"setting 'amount' must be from 0 to below 1, got {self.amount}")
        if self.folds < 2:
            raise ValueError(f"setting 'folds' must be at least 2, got {self.folds}")

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Fitted:
        """Fit `model` on the state, and spread what it says."""
        import numpy as np

        seeds = rng.integers(2**32, size=2)
        base: Fitted = self.model.fit(state, np.random.default_rng(seeds[0]))
        graph = _graph(state)
        if graph is None:
            return base
        amount, sharpness = self._tried(state, graph, np.random.default_rng(seeds[1]))
        chances = spread(base.probabilities, state, state.labeled, graph, amount)
        return Spread(base, sharpened(chances, sharpness), amount)

    def _tried(self, state: ReviewState, graph: Any, rng: np.random.Generator) -> tuple[float, float]:
        """The amount and the sharpness with the least log loss on labels held out."""
        import numpy as np

        amounts = AMOUNTS if self.amount is None else (self.amount,)
        loss = np.zeros((len(amounts), len(SHARPNESS)))
        rows = state.labeled
        for held in folds(state.labels[rows], self.folds, rng):
            labels = state.labels.copy()
            labels[rows[held]] = -1
            seen = replace(state, labels=frozen(labels))
            said = self.model.fit(seen, rng).probabilities
            for i, amount in enumerate(amounts):
                chances = spread(said, seen, rows[~held], graph, amount)[rows[held]]
                for j, sharpness in enumerate(SHARPNESS):
                    right = sharpened(chances, sharpness)[np.arange(held.sum()), state.labels[rows[held]]]
                    loss[i, j] -= np.log(right).sum()
        if not loss.any():  # no label was given twice: nothing could be held out
            return amounts[0], 1.0
        best = divmod(int(loss.argmin()), len(SHARPNESS))
        return amounts[best[0]], SHARPNESS[best[1]]


class Spread:
    """What `Spreading` learned; `amount` is how much the neighbors counted."""

    def __init__(self, base: Fitted, probabilities: Doubles, amount: float) -> None:
        import numpy as np

        self.base, self.amount = base, amount
        #: (n, k), float32, rows summing to one
        self.probabilities: Floats = probabilities.astype(np.float32)
        #: log odds (n, k), from the doubles: float32 would tie what is near 1
        self.scores: Floats = (np.log(probabilities) - np.log1p(-probabilities)).astype(np.float32)

    def word_weights(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """What the inner model says of the words; the neighbors have none."""
        return self.base.word_weights(text, label) if isinstance(self.base, Explains) else []


def spread(probabilities: Floats, state: ReviewState, labeled: Ints, graph: Any, amount: float) -> Doubles:
    """Spread probabilities (n, k) over the graph (n, n), the labels of the rows `labeled` standing for theirs."""
    import numpy as np

    start = np.array(probabilities, dtype=np.float64)
    if amount == 0:
        return start
    start[labeled] = 0
    start[labeled, state.labels[labeled]] = 1
    now = start
    for _ in range(_STEPS):
        now = amount * (graph @ now) + (1 - amount) * start
    return now


def sharpened(probabilities: Doubles, sharpness: float) -> Doubles:
    """Each row to the power of `sharpness`, summing to one; none is ever 0 or 1."""
    import numpy as np

    powers: Any = np.maximum(probabilities, 1e-6) ** sharpness
    powers = np.maximum(powers / powers.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def folds(labels: Ints, count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Which rows (m,) are held out, fold by fold, each label spread evenly; the only row of its label never is."""
    import numpy as np

    fold = np.full(labels.size, -1)
    dealt = 0
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        if rows.size > 1:
            fold[rows] = (dealt + np.arange(rows.size)) % count
            dealt += rows.size
    for number in range(count):
        held = fold == number
        # what is left must still tell two labels apart
        if held.any() and np.unique(labels[~held]).size > 1:
            yield held


# --------------------------------------------------------------------------------------------------------------- graph


def _graph(state: ReviewState) -> Any:
    """Rows (n, n), CSR, each summing to one (or zero, without neighbors); None where there is no dense view yet."""
    if state.neighbors is not None:
        return transitions(state.neighbors.rows, state.neighbors.similarities)
    dense = next((view for view in state.views.values() if view.dense), None)
    if dense is None:
        return None
    if state.n > _EXACT:
        raise BadSetting(
            f"model 'spreading': the review brings no neighbors, and {state.n:,} documents are too many to find them "
            f"at each fit (at most {_EXACT:,}): use a query strategy that needs neighbors, such as density-mmr."
        )
    return _found(_ByFingerprint(dense))


class _ByFingerprint:
    """A view that is equal to another of the same fingerprint: by its promise, the vectors are equal too."""

    def __init__(self, view: Vectors) -> None:
        self.view = view
        self.key = (view.fingerprint, view.matrix.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByFingerprint) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=1)  # the same for every fit of a review, and made in seconds
def _found(view: _ByFingerprint) -> Any:
    return transitions(*nearest(view.view.matrix, _NEIGHBORS))


def nearest(matrix: Any, count: int) -> tuple[Any, Any]:
    """Each row's `count` nearest other rows (n, count), by exact search, and their similarities; unordered."""
    import numpy as np

    n = matrix.shape[0]
    count = min(count, n - 1)
    rows, similarities = np.empty((n, count), np.int32), np.empty((n, count), np.float32)
    for start in range(0, n, _BLOCK):
        block = matrix[start : start + _BLOCK] @ matrix.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        found = np.argpartition(-block, count - 1, axis=1)[:, :count] if count else np.empty((len(block), 0), np.int64)
        rows[start : start + _BLOCK] = found
        similarities[start : start + _BLOCK] = np.take_along_axis(block, found, axis=1)
    return rows, similarities


def transitions(rows: Any, similarities: Any) -> Any:
    """The symmetric graph of neighbors (n, n), CSR, weights the cubes of the similarities, rows summing to one."""
    import numpy as np
    import scipy.sparse as sp

    n, k = rows.shape
    from_, to = np.repeat(np.arange(n), k), np.ravel(rows)
    there = (to >= 0) & (np.ravel(similarities) > 0)
    weights = np.ravel(similarities)[there].astype(np.float64) ** 3
    graph: Any = sp.csr_array((weights, (from_[there], to[there])), shape=(n, n))
    graph = graph.maximum(graph.T).tocsr()
    total = np.asarray(graph.sum(axis=1)).ravel()
    # a row without any neighbor keeps what it has
    alone = sp.diags_array((total == 0).astype(np.float64))
    return (sp.diags_array(1 / np.where(total > 0, total, 1)) @ graph + alone).tocsr()
