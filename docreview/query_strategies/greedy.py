"""Greedy choice, one document after the other: the farthest, or the one that adds most to a submodular function.

All of it is determined: the first among equals is taken, so callers hand in documents in random order.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Protocol

from docreview.query_strategies.common import BLOCK, densified

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Matrix

    Doubles = npt.NDArray[np.float64]

#: gains that are brought up to date at once
_STALE = 32


class Objective(Protocol):
    """A monotone submodular function of a set that grows: what one more adds never rises as the set grows."""

    def gains(self, positions: Ints) -> npt.NDArray[np.float64]:
        """What each of `positions` would add now (len,), never negative."""
        ...

    def take(self, position: int) -> None:
        """Add one to the set."""
        ...


def lazy_greedy(objective: Objective, m: int, n: int) -> tuple[Ints, Doubles]:
    """Positions (n,) below `m` that each added most when taken, and what they added: as by naive greedy, much sooner.

    A gain that was right for a smaller set bounds what it is now, so only those are computed anew that could still be
    the largest. The set is worth at least 1 - 1/e of the best of its size (Nemhauser, Wolsey and Fisher 1978; lazily:
    Minoux 1978). Memory O(m).
    """
    import numpy as np

    n = min(n, m)
    heap = [(-gain, position) for position, gain in enumerate(objective.gains(np.arange(m)).tolist())]
    heapify(heap)
    known_at = [0] * m
    chosen, gains = np.empty(n, dtype=np.int64), np.empty(n)
    for step in range(n):
        while known_at[heap[0][1]] < step:
            stale: list[int] = []
            while heap and len(stale) < _STALE and known_at[heap[0][1]] < step:
                stale.append(heappop(heap)[1])
            for position, gain in zip(stale, objective.gains(np.array(stale)).tolist(), strict=True):
                known_at[position] = step
                heappush(heap, (-gain, position))
        gain, chosen[step] = heappop(heap)
        gains[step] = -gain
        objective.take(int(chosen[step]))
    return chosen, gains


def stochastic_greedy(
    objective: Objective, m: int, n: int, epsilon: float, rng: np.random.Generator
) -> tuple[Ints, Doubles]:
    """As `lazy_greedy`, each time among (m / n) ln(1 / epsilon) random positions: m ln(1 / epsilon) gains in all.

    On the mean the set is worth at least 1 - 1/e - `epsilon` of the best (Mirzasoleiman et al. 2015).
    """
    import numpy as np

    n = min(n, m)
    size = max(1, math.ceil(m / max(n, 1) * math.log(1 / epsilon)))
    open_ = np.ones(m, dtype=bool)
    chosen, gains = np.empty(n, dtype=np.int64), np.empty(n)
    for step in range(n):
        left = np.flatnonzero(open_)
        some = rng.choice(left, min(size, left.size), replace=False)
        each = objective.gains(some)
        at = int(each.argmax())
        chosen[step], gains[step] = some[at], each[at]
        open_[some[at]] = False
        objective.take(int(some[at]))
    return chosen, gains


def nearest_similarity(rows: Floats, others: Floats) -> npt.NDArray[np.float32]:
    """Largest inner product (m,) of each of `rows` (m, d) with any of `others` (l, d), in blocks; -1 without any."""
    import numpy as np

    nearest = np.full(len(rows), -1, dtype=np.float32)
    for start in range(0, len(others), BLOCK):
        np.maximum(nearest, (rows @ others[start : start + BLOCK].T).max(axis=1), out=nearest)
    return nearest


def farthest(
    vectors: Matrix, n: int, nearest: npt.NDArray[np.floating], worth: Doubles | None = None, penalty: float = 1.0
) -> tuple[Ints, Doubles]:
    """Positions (n,) of the highest `worth` - `penalty` x similarity to the nearest one taken, and these similarities.

    `vectors` (m, d) have unit rows; `nearest` (m,) are the similarities to what was there before. Without `worth` (m,)
    it is farthest-first traversal: each next one is the farthest from all others. O(n m d), memory O(m).
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    near = nearest.astype(np.float64)
    chosen, similarity = np.empty(n, dtype=np.int64), np.empty(n)
    open_ = np.ones(near.size, dtype=bool)
    with threadpool_limits(1):  # for products this small, threads wait for each other longer than they work
        for i in range(n):
            value = -penalty * near if worth is None else worth - penalty * near
            at = int(np.where(open_, value, -np.inf).argmax())
            chosen[i], similarity[i], open_[at] = at, near[at], False
            np.maximum(near, densified(vectors @ vectors[at : at + 1].T)[:, 0], out=near)
    return chosen, similarity
