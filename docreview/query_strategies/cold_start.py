"""Cold start: what to read first, while there is nothing to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.contracts import blame
from docreview.errors import BadSetting
from docreview.query_strategies.common import best
from docreview.types import Selection

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Ints, ReviewState, Vectors

#: the constant of reciprocal rank fusion, as its paper has it
_FUSION = 60
#: decimals beyond which similarities differ by rounding alone
_DECIMALS = 6


@dataclass(frozen=True)
class FromWords:
    """The documents most like the question's own prompt and `keywords`.

    Each view that can read a text as a query (`Vectors.embed`; both of docreview's own) reads the prompt and each of
    the `keywords`, weighs words as it does in documents, and adds the unit rows up: every keyword counts as much as the
    prompt. Candidates are ranked in each view by cosine similarity, and the ranks are fused: a document scores the sum
    of 1 / (60 + rank) over the views (reciprocal rank fusion), equal ones sharing the mean of their ranks, so that what
    stands high in any view is high. Documents that share nothing with the words in any view come last, in random order.
    Where that is all of them (what had the words has been read), rows are drawn at random, without scores, and their
    draw probability is recorded.

    A question without a prompt and without keywords, and words that no view knows, are refused. O(n d) a view.

    Paper: Cormack, Clarke and Büttcher 2009, Reciprocal rank fusion outperforms Condorcet and individual rank methods.
    """

    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.keywords, str) or not all(isinstance(w, str) and w.strip() for w in self.keywords):
            raise ValueError(f"setting 'keywords' must be a list of texts that are not blank, got {self.keywords!r}")

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Rank by similarity to the words; raise `BadSetting` where there are none, or no view knows any of them."""
        import numpy as np

        question, pool = state.question, state.candidates
        words = [text for text in (question.prompt, *self.keywords) if text.strip()]
        if not words:
            raise BadSetting(
                f"query strategy 'from-words' has no words: give question '{question.name}' a prompt, "
                "or the strategy keywords."
            )
        readers = [name for name, view in state.views.items() if view.embed is not None]
        if not readers:
            raise BadSetting("query strategy 'from-words' needs a view that can read words: add the view 'lexical'.")
        queries = {name: _query(name, state.views[name], words) for name in readers}
        if not any(query.any() for query in queries.values()):
            told = ", ".join(f"'{text}'" for text in words)
            raise BadSetting(
                f"query strategy 'from-words' finds none of its words in the documents: {told}; choose other keywords."
            )
        n = min(n, pool.size)
        scores = np.zeros(pool.size)
        for name, query in queries.items():
            likeness = _likeness(state.views[name], query, pool)
            if likeness.any():
                scores += reciprocal_ranks(likeness)
        if not scores.any():
            return Selection(rng.choice(pool, n, replace=False), None, np.full(n, n / max(pool.size, 1), np.float32))
        chosen = best(scores, n, rng)
        return Selection(pool[chosen], scores[chosen].astype(np.float32))


def _query(name: str, view: Vectors, words: list[str]) -> npt.NDArray[np.float32]:
    """The sum (d,) of the rows of some texts in a view."""
    import numpy as np

    assert view.embed is not None
    rows: Any = view.embed(words)
    wanted = (len(words), view.matrix.shape[1])
    if np.shape(rows) != wanted:
        blame(f"view '{name}'", f"rows of {wanted[0]} texts must have the shape {wanted}, got {np.shape(rows)}")
    total = np.asarray(rows.sum(axis=0), dtype=np.float32).ravel()
    if not np.isfinite(total).all():
        blame(f"view '{name}'", "rows of texts must be finite")
    return total


def _likeness(view: Vectors, query: npt.NDArray[np.float32], pool: Ints) -> npt.NDArray[np.float64]:
    """Similarity (m,) of the rows of the pool to the query, twins alike to the last bit."""
    import numpy as np

    matrix = view.matrix
    # rows are picked only where they are few: that copies them
    few = pool.size < matrix.shape[0] // 8
    likeness = np.asarray(matrix[pool] @ query if few else (matrix @ query)[pool], dtype=np.float64)
    return likeness.round(_DECIMALS)


def reciprocal_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 / (60 + rank) of each of `values` (m,), rank 1 the highest, equal ones sharing the mean of their ranks."""
    import numpy as np

    order = np.argsort(-values)  # not SciPy's rankdata: that sorts stably, in four times the time
    ordered = values[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[begins, values.size])
    reciprocal = np.empty(values.size)
    reciprocal[order] = np.repeat(1 / (_FUSION + begins + (sizes + 1) / 2), sizes)
    return reciprocal
