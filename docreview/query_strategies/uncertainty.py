"""Uncertainty: the documents of which the model is least sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from docreview.query_strategies.common import best
from docreview.query_strategies.passes import in_blocks
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, ReviewState

Informativeness = Literal["margin", "entropy", "least-confidence", "target"]


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
        return np.asarray(-np.einsum("mk,mk->m", p, np.log(np.maximum(p, np.finfo(p.dtype).tiny))) / np.log(k))
    if kind == "least-confidence":
        highest = np.ascontiguousarray(p.T).max(axis=0)  # far quicker than along rows as short as these
        return np.asarray((1.0 - highest) * k / (k - 1))
    raise ValueError(f"'{kind}' is no measure of a model's doubt")


@dataclass(frozen=True)
class _Uncertainty:
    @property
    def needs(self) -> frozenset[str]:
        """A model."""
        return frozenset({"model"})

    def _select(self, kind: Informativeness, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        import numpy as np

        scores = in_blocks(lambda rows: informativeness(state.probabilities[rows], kind), state.candidates)
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
