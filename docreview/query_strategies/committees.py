"""Query by committee: the documents on which several models disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.query_strategies.common import best
from docreview.query_strategies.passes import best_below, by_label, in_blocks
from docreview.types import CommitteeKind, Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, ReviewState

    Doubles = npt.NDArray[np.float64]

#: what the entropy of the mean probabilities, from 0 to 1, weighs beside that of votes: it orders equal votes only
_AMONG_EQUAL = 1e-4


def vote_entropy(members: Floats, rows: Ints) -> Doubles:
    """Entropy (m,) of the votes on `rows` (m,) of the `members` (c, n, k), in nats; each for its likeliest label."""
    return in_blocks(lambda some: _vote_entropy(by_label(members, some)), rows)


def consensus_entropy(members: Floats, rows: Ints) -> Doubles:
    """Entropy (m,) of the mean probabilities on `rows` (m,) of the `members` (c, n, k), in nats."""
    return in_blocks(lambda some: _entropy(_doubles(members, some).mean(axis=1)), rows)


def kl_divergence(members: Floats, rows: Ints) -> Doubles:
    """Mean Kullback-Leibler divergence (m,) of the `members` (c, n, k) from their mean on `rows` (m,), in nats.

    Computed as the entropy of the mean less the mean of the entropies: the same, and without a quotient of zeros.
    """
    import numpy as np

    def divergence(some: Ints) -> Doubles:
        p = _doubles(members, some)
        return np.asarray((_entropy(p.mean(axis=1)) - _entropy(p).mean(axis=0)).clip(0))

    return in_blocks(divergence, rows)


def _doubles(members: Floats, rows: Ints) -> Doubles:
    """The probabilities (k, c, m) of some rows in double precision."""
    import numpy as np

    return by_label(members, rows).astype(np.float64)


def _entropy(p: Doubles) -> Doubles:
    """Entropy in nats over the first axis."""
    import numpy as np

    return np.asarray(-(p * np.log(np.maximum(p, np.finfo(p.dtype).tiny))).sum(axis=0))


def _vote_entropy(p: Floats) -> Doubles:
    """Entropy (m,) of the votes that probabilities (k, c, m) make; for the first of equal ones."""
    import numpy as np

    votes, highest = np.zeros(p.shape[1:], dtype=np.int8 if len(p) < 128 else np.int64), p[0].copy()
    for label in range(1, len(p)):
        votes[p[label] > highest] = label
        np.maximum(highest, p[label], out=highest)
    shares = np.arange(p.shape[1] + 1) / p.shape[1]
    entropy = _entropy(shares[None])
    return np.asarray(sum(entropy[(votes == label).sum(axis=0)] for label in range(len(p))))


@dataclass(frozen=True)
class _ByCommittee:
    committee: CommitteeKind = "bootstrap"
    members: int = 5

    def __post_init__(self) -> None:
        if self.members < 2:
            raise ValueError(f"setting 'members' must be at least 2, got {self.members}")

    @property
    def needs(self) -> frozenset[str]:
        """A model, of which the committee is made."""
        return frozenset({"model"})


@dataclass(frozen=True)
class VoteEntropy(_ByCommittee):
    """The documents on whose label the members of a committee are most divided.

    Each member votes for its likeliest label; the score is the entropy of the votes, 0 where all agree. A few members
    leave few different scores, so equal ones are ordered by the entropy of the members' mean probabilities (which adds
    less than 0.0001), and after that by chance.

    `committee` says how the members come to differ: ``"bootstrap"`` (each learns from labels drawn with replacement,
    Abe and Mamitsuka 1998), ``"classifiers"`` (different kinds), ``"initializations"`` (small networks) or ``"views"``
    (one for each view, as in co-testing). `members` is how many there are; of views and classifiers there may be fewer.
    A model that makes no such committee raises `BadSetting`. Scoring costs O(members x n x k), fitting members fits.

    Paper: Dagan and Engelson 1995, Committee-based sampling for training probabilistic classifiers.
    Paper: Abe and Mamitsuka 1998, Query learning strategies using boosting and bagging.
    """

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the largest entropies of votes."""
        import numpy as np

        members, pool = state.committee(self.committee, self.members), state.candidates
        votes = vote_entropy(members, pool)

        def score(some: Ints) -> Doubles:
            doubt = consensus_entropy(members, pool[some]) / np.log(members.shape[2])
            return np.asarray(votes[some] + _AMONG_EQUAL * doubt)

        chosen, scores = best_below(votes + 2 * _AMONG_EQUAL, score, n, rng)
        return Selection(pool[chosen], scores.astype(np.float32))


@dataclass(frozen=True)
class KLDivergence(_ByCommittee):
    """The documents on whose probabilities the members of a committee are most divided.

    The score is the mean Kullback-Leibler divergence of each member from the mean of all. It is large where members are
    sure in different ways, and 0 where all are unsure alike: what no label could settle is not asked.

    Few documents score very high, and these are like each other: the first 20 of AG News were three times as alike as
    those of margin, and lost 7 points of accuracy to random ones. So documents are drawn one by one, each in proportion
    to its score to the `power`, which wins these points back (docs/benchmarks.md); ``inf`` takes the highest.
    The chance of each is not known beforehand, and the record has 1 for it: no estimate can rest on such a draw.

    `committee` and `members` as in `vote-entropy`. Scoring costs O(members x n x k), fitting members fits.

    Paper: McCallum and Nigam 1998, Employing EM and pool-based active learning for text classification.
    Paper: Kirsch et al. 2023, Stochastic batch acquisition: a simple baseline for deep active learning.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.power > 0:
            raise ValueError(f"setting 'power' must be greater than 0, got {self.power}")

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw by mean divergences, without putting back: the largest of their logarithms with Gumbel noise."""
        import numpy as np

        pool = state.candidates
        scores = kl_divergence(state.committee(self.committee, self.members), pool)
        keys = scores
        if np.isfinite(self.power):
            there = scores > 0
            keys = np.full(scores.size, -np.inf)
            keys[there] = self.power * np.log(scores[there]) + rng.gumbel(size=int(there.sum()))
        chosen = best(keys, n, rng)
        return Selection(pool[chosen], scores[chosen].astype(np.float32))
