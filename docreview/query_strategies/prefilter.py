"""What strategies look at that compare documents with each other: part of a large pool, its rows dense, and what is
lost by leaving out the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp

    from docreview.types import Floats, Ints, QueryStrategy, ReviewState, Vectors

#: topics that sparse rows are put in terms of, and documents that these are learned from
TOPICS, _SAMPLE = 128, 500
#: rows that are compared with those documents at once
_ROWS = 1_024


def check_prefilter(prefilter: int) -> None:
    """Raise `ValueError` for a setting that leaves nothing."""
    if prefilter < 1:
        raise ValueError(f"setting 'prefilter' must be at least 1, got {prefilter}")


def drawn(rows: Ints, size: int, rng: np.random.Generator) -> Ints:
    """At most `size` of `rows`, drawn at random, in random order: so the first among equals is one by chance."""
    return rng.choice(rows, min(size, rows.size), replace=False)


def dense_rows(view: Vectors, rows: Ints, rng: np.random.Generator) -> Floats:
    """Dense rows (m, d) of a view, of unit length or zero, float32, C order; of a sparse view, its `latent` ones."""
    import numpy as np

    matrix: Any = view.matrix
    if view.dense:
        return np.ascontiguousarray(matrix[rows], dtype=np.float32)
    if matrix.shape[1] <= TOPICS:
        return np.asarray(matrix[rows].toarray(), dtype=np.float32)
    return latent(matrix[rows], rng)


def latent(matrix: sp.csr_array, rng: np.random.Generator) -> Floats:
    """Rows (m, at most 128), of unit length, of what `matrix` (m, d) says about topics: latent semantic analysis.

    Topics are the first 128 singular vectors of 500 of its rows, drawn at random (as Williams and Seeger 2001 do for
    kernels). Documents that share few words, as most do, are told apart much better so: with 100 clusters of AG News,
    the commonest category of each was right for 67 % of the documents, and for 64 % with the rows as they are (42 %
    when columns are hashed to 1,024). A row that has no column in common with the 500 is zero.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    sample = matrix[rng.permutation(matrix.shape[0])[:_SAMPLE]]
    with threadpool_limits(1):  # more threads wait for each other longer than they work
        values, vectors = np.linalg.eigh((sample @ sample.T).toarray().astype(np.float64))
    first = np.flatnonzero(values > 1e-6 * max(values.max(initial=0), 1e-9))[-TOPICS:]
    topics = (vectors[:, first] / np.sqrt(values[first])).astype(np.float32)
    across = sample.T.tocsr()
    rows = np.zeros((matrix.shape[0], max(first.size, 1)), dtype=np.float32)
    for start in range(0, len(rows), _ROWS):
        shared = (matrix[start : start + _ROWS] @ across).toarray()
        rows[start : start + len(shared), : first.size] = shared @ topics
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return rows


@dataclass(frozen=True)
class PrefilterRecall:
    """How a choice from part of the pool compares with one from all of it.

    `rows` is the share of the whole pool's choice that was chosen from the part too; `likeness` the mean cosine
    similarity of each document of the whole pool's choice to the nearest that was chosen from the part. `rows_again`
    and `likeness_again` are the same for a second choice from the whole pool with other random numbers: what chance
    alone does, and so the most that can be asked of the prefilter.
    """

    rows: float
    likeness: float
    rows_again: float
    likeness_again: float


def prefilter_recall(strategy: QueryStrategy, state: ReviewState, n: int, seed: int) -> PrefilterRecall:
    """Compare what `strategy`, with a setting `prefilter`, chooses with what it chooses from all candidates.

    For benchmarks: it takes as long as two choices from the whole pool.
    """
    import numpy as np

    from docreview.query_strategies.common import needed_view

    unfiltered: Any = replace(strategy, prefilter=max(state.candidates.size, 1))  # type: ignore[type-var]
    generators = [np.random.default_rng([seed, i]) for i in range(3)]
    choices = [unfiltered.select(state, n, generators[i]).rows for i in (0, 1)]
    choices.append(strategy.select(state, n, generators[2]).rows)
    whole, again, part = choices
    view = needed_view(state, "prefilter")
    rows = dense_rows(view, np.concatenate(choices), generators[0])
    size = whole.size
    found = [float(np.isin(whole, other).mean()) if size else 1.0 for other in (part, again)]
    alike = rows[:size] @ rows.T
    near = [float(alike[:, start : start + size].max(axis=1).mean()) if size else 1.0 for start in (2 * size, size)]
    return PrefilterRecall(found[0], near[0], found[1], near[1])
