"""Mixtures: several strategies in one batch, and a share that is drawn at random."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.contracts import component_of, select
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Ints, QueryStrategy, ReviewState


@dataclass(frozen=True)
class Mixture:
    """Shares of several strategies in one batch, and perhaps of random documents, in an order that tells nothing.

    `exploration` of the batch is drawn first, uniformly from all candidates: m documents, each with the probability
    m / candidates, which is recorded; that of every other document is what its strategy says, 1 where the choice was
    determined. So where no strategy inside draws at random, the rows whose recorded probability is below 1 are a simple
    random sample of the candidates of that round, whatever the strategies wanted, and estimates from them are unbiased.

    The rest of the batch is divided by `shares` (equal ones where none are given). Strategies are asked in their order,
    each about what is left, so a document that two want counts for the first, and the second gives its next. Numbers
    that are not whole are rounded by lot, so that each has its share on the average, however small the batch.

    Each strategy's documents keep their order, and who comes next is drawn: a position does not betray what was drawn
    at random. Nor does a score: scores are left out, since those of different strategies have no unit in common. A
    mixture needs a model where any strategy inside does; before there is one, the review's cold start is asked instead.

    Costs what the strategies cost, and a few passes over the candidates.
    """

    query_strategies: tuple[QueryStrategy, ...]
    shares: tuple[float, ...] = ()
    exploration: float = 0.0

    def __post_init__(self) -> None:
        inside, shares = self.query_strategies, self.shares
        if not isinstance(inside, tuple | list) or not all(hasattr(part, "select") for part in inside):
            raise ValueError(f"setting 'query_strategies' must be a list, each a name or a table, got {inside!r}")
        if not inside:
            raise ValueError("setting 'query_strategies' must name at least one strategy")
        if shares and len(shares) != len(inside):
            raise ValueError(f"setting 'shares' must have one for each of {len(inside)} strategies, got {len(shares)}")
        if shares and (not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6)):
            raise ValueError(f"setting 'shares' must be above 0 and sum to 1, got {list(shares)}")
        if not 0 <= self.exploration < 1:
            raise ValueError(f"setting 'exploration' must be at least 0 and below 1, got {self.exploration}")

    @property
    def needs(self) -> frozenset[str]:
        """All that any of the strategies needs."""
        return frozenset().union(*(strategy.needs for strategy in self.query_strategies))

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw what explores, ask each strategy about the rest, and shuffle who comes next."""
        import numpy as np

        pool = state.candidates
        n = min(n, pool.size)
        if "model" in self.needs:
            _ = state.probabilities, state.scores  # computed once here, and not in each part
        counts = whole_numbers((self.exploration, *self._shares()), n, rng)
        explored = rng.choice(pool, counts[0], replace=False)
        rows, drawn = [explored], [np.full(explored.size, explored.size / max(pool.size, 1), dtype=np.float32)]
        for strategy, count in zip(self.query_strategies, counts[1:], strict=True):
            if not count:
                continue
            left = np.delete(pool, np.searchsorted(pool, np.concatenate(rows)))
            chosen = select(component_of(strategy, "query_strategies"), state.restricted(left), int(count), rng)
            assert chosen.probabilities is not None, "set by select"
            rows.append(chosen.rows)
            drawn.append(chosen.probabilities)
        # places for each source, by lot; within a source the order stays
        source = rng.permutation(np.repeat(np.arange(len(rows)), [part.size for part in rows]))
        order = np.empty(n, dtype=np.int64)
        order[np.argsort(source, kind="stable")] = np.arange(n)
        return Selection(np.concatenate(rows)[order], None, np.concatenate(drawn)[order])

    def _shares(self) -> tuple[float, ...]:
        m = len(self.query_strategies)
        shares = self.shares or (1 / m,) * m
        return tuple(share * (1 - self.exploration) for share in shares)


def whole_numbers(shares: tuple[float, ...], n: int, rng: np.random.Generator) -> Ints:
    """Numbers that sum to `n`, each its share of it rounded up or down, on the average exactly its share.

    Systematic rounding: one random offset for all. A share of 0 gets nothing.
    """
    import numpy as np

    ends = np.floor(np.cumsum(shares) / sum(shares) * n + rng.random()).astype(np.int64)
    ends[-1] = n
    return np.diff(ends, prepend=0)
