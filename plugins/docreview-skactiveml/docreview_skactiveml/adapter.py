"""What all strategies share: a review's state becomes X and y, scikit-activeml's answer a `Selection`.

scikit-activeml sees the labeled rows (never those of a locked sample) and a random part of the pool, as one dense
matrix; y holds class indices, NaN for the pool. Most strategies compare documents with each other, so that all of a
large pool would take too long, or too much memory.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docreview.types import Selection
from docreview_skactiveml.case import DIMENSIONS, Case, dense, new_rows

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Ints, ReviewState
    from docreview_skactiveml.case import Array

#: most numbers that a strategy may hold at once about its candidates: 200 MB
ROOM = 25_000_000


@dataclass(frozen=True)
class Strategy:
    """A query strategy of scikit-activeml, named as its class there."""

    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    #: whether it looks at vectors
    spatial: ClassVar[bool] = False
    #: whether what was chosen counts as labeled when it is asked again; no matter with which label
    covers: ClassVar[bool] = False
    #: most documents that one query chooses
    most: ClassVar[int] = 1_000_000

    def part(self, state: ReviewState) -> int:
        """How many documents of the pool are looked at, drawn at random."""
        return max(state.candidates.size, 1)

    def __post_init__(self) -> None:
        pass

    def _at_least(self, least: float, **settings: float) -> None:
        for name, value in settings.items():
            if not value >= least:
                raise ValueError(f"setting '{name}' must be at least {least}, got {value}")

    def _between(self, low: float, high: float, **settings: float) -> None:
        for name, value in settings.items():
            if not low < value < high:
                raise ValueError(f"setting '{name}' must lie between {low} and {high}, got {value}")

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Choose `n` of the case's candidates (0 to m - 1), most wanted first, with their scores."""
        raise NotImplementedError

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Choose from a random part of the pool; of documents with equal vectors all but one come last."""
        import numpy as np

        pool = state.candidates[rng.permutation(state.candidates.size)]
        n = min(n, pool.size)
        rows: list[int] = []
        scores: list[float] = []
        copies: list[int] = []
        part = self.part(state)
        for start in range(0, pool.size, part):
            if len(rows) >= n:
                break
            case, same = self._case(state, pool[start : start + part], rng)
            copies.extend(same.tolist())
            while case.m and len(rows) < n:
                chosen, utilities = self._choose(case, min(n - len(rows), case.m, self.most))
                rows.extend(case.rows[chosen].tolist())
                scores.extend(utilities.tolist())
                if len(rows) < n:
                    case = case.without(chosen, self.covers)
        scored = np.array(scores, dtype=np.float32)
        rows += copies[: n - len(rows)]
        telling = scored.size == n > 0 and np.isfinite(scored).all() and (n == 1 or np.ptp(scored) > 0)
        return Selection(np.array(rows[:n], dtype=np.int64), scored if telling else None)

    def _choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """As `choose`, each candidate once: scikit-activeml names some twice where they are hard to tell apart."""
        import numpy as np

        if case.m == 1:
            return np.zeros(1, np.int64), np.full(1, np.nan)
        chosen, scores = self.choose(case, n)
        first = np.sort(np.unique(chosen, return_index=True)[1])
        return chosen[first], scores[first]

    def _case(self, state: ReviewState, part: Ints, rng: np.random.Generator) -> tuple[Case, Ints]:
        """The case, and the rows of `part` that are left out of it since their vector is another document's."""
        import numpy as np

        labeled = self._labeled(state, rng)
        seed = int(rng.integers(2**31))
        copies = part[:0]
        vectors = np.empty((labeled.size + part.size, 0))
        if self.spatial:
            vectors = dense(state, np.concatenate([labeled, part]))
            new = new_rows(vectors, labeled.size)
            part, copies = part[new], part[~new]
            vectors = vectors[np.concatenate([np.ones(labeled.size, bool), new])]
        probabilities = np.empty((labeled.size + part.size, 0))
        if "model" in self.needs:
            probabilities = state.probabilities[np.concatenate([labeled, part])].astype(np.float64)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        k, target = len(state.question.labels), state.question.target_index
        return Case(part, state.labels[labeled], vectors, probabilities, k, target, seed), copies

    def _labeled(self, state: ReviewState, rng: np.random.Generator) -> Ints:
        return state.labeled[:0]


class Ranking:
    """Mixed into a strategy that ranks the candidates once and takes the first."""

    def utilities(self, case: Case) -> Array:
        """Utilities (m,) of the candidates."""
        raise NotImplementedError

    def choose(self, case: Case, n: int) -> tuple[Ints, Array]:
        """Take the highest utilities, equal ones in random order."""
        import numpy as np

        utilities = self.utilities(case)
        tie = np.random.default_rng(case.seed).permutation(utilities.size)
        chosen = np.lexsort((tie, -utilities))[:n]
        return chosen, utilities[chosen]


@dataclass(frozen=True)
class Sampled(Strategy):
    """A strategy that looks at `candidates` documents of the pool, drawn at random; at more where more are wanted."""

    candidates: int = 2_000

    #: what is said about the settings that strategies share, below the docstring of each
    shared: ClassVar[str] = (
        "`candidates` documents of the pool, drawn at random, are looked at; as many again, and so on, where more are "
        "wanted."
    )

    def __init_subclass__(cls) -> None:
        if cls.__doc__ and not cls.__name__.startswith("_"):
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\n{cls.shared}\n"

    def part(self, state: ReviewState) -> int:
        """The setting `candidates`, or what there is room for, if that is less."""
        k = len(state.question.labels)
        width = max([v.matrix.shape[1] for v in state.views.values() if v.dense], default=DIMENSIONS)
        return max(1, min(self.candidates, ROOM // self.width(k, width)))

    def width(self, k: int, dimensions: int) -> int:
        """How many numbers are held about each candidate, for `k` labels and vectors of `dimensions`."""
        return k + dimensions if self.spatial else k

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, candidates=self.candidates)


@dataclass(frozen=True)
class Spatial(Sampled):
    """A strategy that looks at vectors: those of the first dense view that is ready, else of a sparse one, reduced.

    A sparse view is reduced to 100 dimensions by truncated singular value decomposition of 5,000 of its rows (latent
    semantic analysis), once. At most `labeled` labeled documents are shown, drawn at random, rare labels first.
    """

    labeled: int = 1_000

    spatial: ClassVar[bool] = True
    shared: ClassVar[str] = (
        f"{Sampled.shared} At most `labeled` labeled documents are shown to it, drawn at random, rare labels first. "
        "Vectors are those of the first dense view; a sparse one is reduced to 100 dimensions. Of documents with equal "
        "vectors all but one come last."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(2, labeled=self.labeled)

    def _labeled(self, state: ReviewState, rng: np.random.Generator) -> Ints:
        import numpy as np

        rows = state.labeled
        if rows.size <= self.labeled:
            return rows
        shuffled = rng.permutation(rows)
        labels = state.labels[shuffled]
        turn = np.empty(rows.size, np.int64)
        for label in np.unique(labels):
            of_label = labels == label
            turn[of_label] = np.arange(of_label.sum())
        # each label gives one document in turn, so that a rare one is shown whole
        return np.sort(shuffled[np.argsort(turn, kind="stable")[: self.labeled]])
