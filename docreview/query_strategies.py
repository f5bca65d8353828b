"""Query strategies: what to ask next. All choose from `state.candidates`; ties are broken by the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from docreview.errors import BadSetting
from docreview.hookspecs import hookimpl
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.hookspecs import Register
    from docreview.types import Floats, Ints, Matrix, ReviewState, Vectors

Informativeness = Literal["margin", "entropy", "least-confidence", "target"]

#: rows of a similarity matrix computed at once
_BLOCK = 512


def best(scores: npt.NDArray[Any], n: int, rng: np.random.Generator) -> Ints:
    """Positions of the `n` highest `scores`, highest first, equal ones in random order; all where n is larger."""
    import numpy as np

    tie = rng.permutation(scores.size)
    if n < scores.size:
        # everything that can be among the first n, ties of the n-th included: sorting 100,000 for 20 would be waste
        bar = np.partition(scores, scores.size - n)[scores.size - n] if n else np.inf
        near = np.flatnonzero(scores >= bar)
    else:
        near = np.arange(scores.size)
    return near[np.lexsort((tie[near], -scores[near]))][:n].astype(np.int64)


def informativeness(probabilities: Floats, kind: Informativeness = "margin") -> npt.NDArray[np.float64]:
    """How unsure the model is of each row of `probabilities` (m, k), from 0 (certain) to 1 (knows nothing).

    ``margin``: 1 - (largest - second largest) (Scheffer et al. 2001). ``entropy``: over log k (Shannon 1948).
    ``least-confidence``: (1 - largest) k / (k - 1) (Lewis and Gale 1994). With two labels all rank alike.
    """
    import numpy as np

    p = probabilities.astype(np.float64)
    k = p.shape[1]
    if kind == "margin":
        top = np.partition(p, k - 2, axis=1)[:, k - 2 :]
        return 1.0 - (top[:, 1] - top[:, 0])
    if kind == "entropy":
        logs = np.log(p, out=np.zeros_like(p), where=p > 0)
        return np.asarray(-(p * logs).sum(axis=1) / np.log(k))
    if kind == "least-confidence":
        return np.asarray((1.0 - p.max(axis=1)) * k / (k - 1))
    raise ValueError(f"'{kind}' is no measure of a model's doubt")


def _target_scores(state: ReviewState, strategy: str) -> Floats:
    question = state.question
    if question.target is None:
        raise BadSetting(
            f"query strategy '{strategy}' needs a question with a target, and question '{question.name}' has none; "
            "name a target, or use 'margin'."
        )
    return state.scores


@dataclass(frozen=True)
class Random:
    """Any document, each as likely; every one's draw probability is n / pool."""

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw without replacement."""
        import numpy as np

        pool = state.candidates
        n = min(n, pool.size)
        rows = rng.choice(pool, n, replace=False)
        return Selection(rows, None, np.full(n, n / max(pool.size, 1), dtype=np.float32))


@dataclass(frozen=True)
class MostRelevant:
    """The documents likeliest to carry the target: continuous active learning.

    Paper: Cormack and Grossman 2014, Evaluation of machine-learning protocols for technology-assisted review.
    """

    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the highest ranking scores; raise `BadSetting` where the question has no target."""
        scores = _target_scores(state, "most-relevant")[state.candidates]
        chosen = best(scores, n, rng)
        return Selection(state.candidates[chosen], scores[chosen])


@dataclass(frozen=True)
class _Uncertainty:
    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def _select(self, kind: Informativeness, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        import numpy as np

        scores = informativeness(state.probabilities[state.candidates], kind)
        chosen = best(scores, n, rng)
        return Selection(state.candidates[chosen], scores[chosen].astype(np.float32))


@dataclass(frozen=True)
class LeastConfidence(_Uncertainty):
    """The documents whose likeliest label is least likely.

    Paper: Lewis and Gale 1994, A sequential algorithm for training text classifiers.
    """

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the lowest highest probabilities."""
        return self._select("least-confidence", state, n, rng)


@dataclass(frozen=True)
class Margin(_Uncertainty):
    """The documents whose two likeliest labels are nearest to each other.

    Paper: Scheffer, Decomain and Wrobel 2001, Active hidden Markov models for information extraction.
    """

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the smallest margins."""
        return self._select("margin", state, n, rng)


@dataclass(frozen=True)
class Entropy(_Uncertainty):
    """The documents whose probabilities are spread most evenly.

    Paper: Shannon 1948, A mathematical theory of communication.
    """

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Take the largest entropies."""
        return self._select("entropy", state, n, rng)


@dataclass(frozen=True)
class DensityMMR:
    """Telling documents from crowded places, no two of them alike.

    Each candidate scores informativeness x density^`beta` (Settles and Craven 2008), where density is *local*: its mean
    cosine similarity to its nearest neighbors, as a rank among the candidates from 0 to 1. (Similarity to the whole
    corpus favors its center and costs accuracy.) From the best `prefilter` x n, documents are taken one by one: the
    highest `trade_off` x score - (1 - `trade_off`) x largest similarity to one already taken (maximal marginal
    relevance, Carbonell and Goldstein 1998), scores scaled to 0..1 among them.

    `informativeness` is ``"margin"``, ``"entropy"``, ``"least-confidence"`` or ``"target"`` (the ranking score). While
    the neighbor graph is not there yet, density is estimated among the `prefilter` x n most informative candidates, in
    the view there is: their mean similarity to the 10 nearest of each other.

    Paper: Settles and Craven 2008, An analysis of active learning strategies for sequence labeling tasks.
    Paper: Carbonell and Goldstein 1998, The use of MMR, diversity-based reranking.
    """

    informativeness: Informativeness = "margin"
    beta: float = 0.5
    trade_off: float = 0.7
    prefilter: int = 10

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"setting 'beta' must not be negative, got {self.beta}")
        if not 0 <= self.trade_off <= 1:
            raise ValueError(f"setting 'trade_off' must lie between 0 and 1, got {self.trade_off}")
        if self.prefilter < 1:
            raise ValueError(f"setting 'prefilter' must be at least 1, got {self.prefilter}")

    @property
    def needs(self) -> frozenset[str]:
        """A model and the neighbor graph."""
        return frozenset({"model", "neighbors"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Score, keep the best, and take them one by one. Scores are those before the penalty for likeness."""
        import numpy as np

        pool = state.candidates
        if self.informativeness == "target":
            telling = _unit(_target_scores(state, "density-mmr")[pool].astype(np.float64))
        else:
            telling = informativeness(state.probabilities[pool], self.informativeness)
        keep = min(self.prefilter * n, pool.size)
        view = _view(state)
        if state.neighbors is not None:
            density = local_density(state.neighbors.rows[pool], state.neighbors.similarities[pool])
            scores = telling * _ranks(density) ** self.beta
            kept = best(scores, keep, rng)
            scores = scores[kept]
        else:
            kept = best(telling, keep, rng)
            scores = telling[kept]
            if view is not None:
                scores = scores * _ranks(mutual_density(view.matrix[pool[kept]])) ** self.beta
        if view is None:
            order = best(scores, n, rng)
        else:
            order = mmr(view.matrix[pool[kept]], _unit(scores), min(n, keep), self.trade_off)
        return Selection(pool[kept[order]], scores[order].astype(np.float32))


def _view(state: ReviewState) -> Vectors | None:
    """The view whose likeness counts: that of the neighbor graph, else a dense one, else the first."""
    if state.neighbors is not None and state.neighbors.view in state.views:
        return state.views[state.neighbors.view]
    return next((v for v in state.views.values() if v.dense), next(iter(state.views.values()), None))


def local_density(rows: npt.NDArray[np.int32], similarities: Floats) -> npt.NDArray[np.float64]:
    """Mean similarity (m,) to the nearest neighbors, given as (m, k) with -1 where there is none; 0 without any."""
    import numpy as np

    there = rows >= 0
    total = np.where(there, similarities, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(total / np.maximum(there.sum(axis=1), 1))


def mutual_density(vectors: Matrix, k: int = 10) -> npt.NDArray[np.float64]:
    """Mean similarity (m,) of each of `vectors` (m, d) to its `k` nearest among the others, in blocks."""
    import numpy as np

    m = vectors.shape[0]
    k = min(k, m - 1)
    if k < 1:
        return np.zeros(m)
    density = np.empty(m)
    for start in range(0, m, _BLOCK):
        block = _dense(vectors[start : start + _BLOCK] @ vectors.T)
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        density[start : start + len(block)] = np.partition(block, m - k, axis=1)[:, m - k :].mean(axis=1)
    return density


def mmr(vectors: Matrix, scores: npt.NDArray[np.float64], n: int, trade_off: float) -> Ints:
    """Positions of `n` of `vectors` (m, d; unit rows) by greedy maximal marginal relevance, earlier among equals."""
    import numpy as np

    chosen = np.empty(n, dtype=np.int64)
    nearest = np.zeros(scores.size)
    open_ = np.ones(scores.size, dtype=bool)
    for i in range(n):
        chosen[i] = np.where(open_, trade_off * scores - (1 - trade_off) * nearest, -np.inf).argmax()
        open_[chosen[i]] = False
        likeness = _dense(vectors @ vectors[chosen[i : i + 1]].T)[:, 0]
        nearest = np.maximum(nearest, likeness)
    return chosen


def _dense(product: Any) -> npt.NDArray[Any]:
    import numpy as np

    return np.asarray(product.toarray() if hasattr(product, "toarray") else product)


def _unit(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled to 0..1; all ones where they are all alike."""
    import numpy as np

    if not values.size:
        return values
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones_like(values)


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from just above 0 (lowest) to 1 (highest), equal values sharing theirs."""
    from scipy.stats import rankdata

    return rankdata(values) / max(values.size, 1)  # type: ignore[no-any-return]


@hookimpl
def register_query_strategies(register: Register) -> None:
    """Register docreview's own query strategies."""
    register("random", Random)
    register("most-relevant", MostRelevant)
    register("least-confidence", LeastConfidence)
    register("margin", Margin)
    register("entropy", Entropy)
    register("density-mmr", DensityMMR)
