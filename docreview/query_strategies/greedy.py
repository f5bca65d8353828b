"""Greedy choice, one document after the other: the farthest, or the one that adds most to a submodular function.

All of it is determined: the first among equals is taken, so callers hand in documents in random order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from docreview.query_strategies.common import BLOCK, densified

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Matrix

    Doubles = npt.NDArray[np.float64]

#: gains that are brought up to date at first
_STALE = 32


class Objective(Protocol):
    """A monotone submodular function of a set that grows: what one more adds never rises as the set grows."""

    def gains(self, positions: Ints) -> npt.NDArray[np.float64]:
        """What each of `positions` would add now (len,)."""
        ...

    def take(self, position: int) -> None:
        """Add one to the set."""
        ...


def lazy_greedy(objective: Objective, m: int, n: int) -> tuple[Ints, Doubles]:
    """Positions (n,) below `m` that each added most when taken, and what they added: as by naive greedy, much sooner.

    A gain that was right for a smaller set bounds what it is now, so only those are computed anew that could still be
    the largest: the largest 32, and four times as many each time that does not settle it. The set is worth at least
    1 - 1/e of the best of its size (Nemhauser, Wolsey and Fisher 1978; lazily: Minoux 1978). Memory O(m).
    """
    import numpy as np

    n = min(n, m)
    bounds, known_at = np.array(objective.gains(np.arange(m)), dtype=np.float64), np.zeros(m, dtype=np.int64)
    chosen, gains = np.empty(n, dtype=np.int64), np.empty(n)
    for step in range(n):
        size, right = _STALE, -np.inf
        while known_at[at := int(bounds.argmax())] < step:
            stale = np.flatnonzero((bounds >= right) & (known_at < step) & (bounds > -np.inf))
            if stale.size > size:
                stale = stale[np.argpartition(-bounds[stale], size)[:size]]
            bounds[stale] = objective.gains(stale)
            known_at[stale] = step
            size, right = 4 * size, max(right, bounds[stale].max())
        chosen[step], gains[step] = at, bounds[at]
        bounds[at] = -np.inf
        objective.take(at)
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


@dataclass
class Apart:
    """What is far from a set that grows: `worth` - `penalty` x similarity to the nearest one of it.

    `vectors` (m, d) have unit rows; `near` (m,) are the similarities to the nearest when last asked for.
    """

    vectors: Matrix
    near: Doubles
    worth: Doubles | float
    penalty: float
    taken: list[int] = field(default_factory=list)

    def gains(self, positions: Ints) -> Doubles:
        """What each of `positions` is worth now (len,)."""
        import numpy as np

        if self.taken:
            likeness = densified(self.vectors[positions] @ self.vectors[self.taken].T)
            self.near[positions] = np.maximum(self.near[positions], likeness.max(axis=1))
        worth = self.worth if isinstance(self.worth, float) else self.worth[positions]
        return worth - self.penalty * self.near[positions]

    def take(self, position: int) -> None:
        """Add one to the set."""
        self.taken.append(position)


def farthest(
    vectors: Matrix, n: int, nearest: npt.NDArray[np.floating], worth: Doubles | float = 0.0, penalty: float = 1.0
) -> tuple[Ints, Doubles]:
    """Positions (n,) of the highest `worth` - `penalty` x similarity to the nearest one taken, and these similarities.

    `vectors` (m, d) have unit rows; `nearest` (m,) are the similarities to what was there before. Without `worth` (m,)
    it is farthest-first traversal: each next one is the farthest from all others. At most O(n m d), memory O(m).
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    apart = Apart(vectors, nearest.astype(np.float64), worth, penalty)
    with threadpool_limits(1):  # for products this small, threads wait for each other longer than they work
        chosen, _ = lazy_greedy(apart, len(nearest), n)
    return chosen, apart.near[chosen]
