"""Passes over a large pool: in blocks that the processor's cache holds, and no further than a bound says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docreview.query_strategies.common import best

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints

    Doubles = npt.NDArray[np.float64]

#: rows whose numbers are worked on at once
_ROWS = 8_192
#: by how much a score (0 or above) may exceed its bound
_ROUNDING = 1e-5


def in_blocks(function: Callable[[Ints], Doubles], rows: Ints) -> Doubles:
    """The function's values (m,) for `rows` (m,), asked for so many at once as the cache may hold what it makes."""
    import numpy as np

    values = np.empty(rows.size)
    for start in range(0, rows.size, _ROWS):
        values[start : start + _ROWS] = function(rows[start : start + _ROWS])
    return values


def by_label(probabilities: Floats, rows: Ints) -> Floats:
    """Probabilities (k, ..., m) of some rows of `probabilities` (..., n, k): each label's lie together."""
    import numpy as np

    return np.ascontiguousarray(np.moveaxis(probabilities.take(rows, axis=-2), -1, 0))


def best_below(
    bounds: Doubles, score: Callable[[Ints], Doubles], n: int, rng: np.random.Generator
) -> tuple[Ints, Doubles]:
    """Positions (n,) of the highest scores as `best` gives them, and these, where `bounds` (m,) are never below them.

    Scores are 0 or above, and bounds may be lower by rounding: by 0.00001 of the score. `score` takes positions; it is
    asked for twice `n` of the highest bounds, and then for those that can be as high as the `n`-th of these. With
    bounds that are near, that is a small part of them all.
    """
    import numpy as np

    if 2 * n >= bounds.size:
        scores = score(np.arange(bounds.size))
        chosen = best(scores, n, rng)
        return chosen, scores[chosen]
    if n == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    first = np.argpartition(bounds, bounds.size - 2 * n)[bounds.size - 2 * n :]
    found = score(first)
    # a row of unit length may be a little longer, and the score above its bound by as much
    can = bounds >= np.partition(found, n)[n] * (1 - _ROUNDING)
    can[first] = False
    more = np.flatnonzero(can)
    positions, scores = np.concatenate([first, more]), np.concatenate([found, score(more)])
    order = np.argsort(positions)  # as in the pool, so that chance decides among equals as it would among all
    positions, scores = positions[order], scores[order]
    chosen = best(scores, n, rng)
    return positions[chosen], scores[chosen]
