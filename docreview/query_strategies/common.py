"""What the strategies share: choosing the best with ties by chance, scales, the view whose likeness counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints, ReviewState, Vectors

#: rows of a similarity matrix computed at once
BLOCK = 512


def best(scores: npt.NDArray[Any], n: int, rng: np.random.Generator) -> Ints:
    """Positions of the `n` highest `scores`, highest first, equal ones in random order; all where n is larger."""
    import numpy as np

    if n < scores.size:
        # everything that can be among the first n, ties of the n-th included: sorting 100,000 for 20 would be waste
        bar = np.partition(scores, scores.size - n)[scores.size - n] if n else np.inf
        near = np.flatnonzero(scores >= bar)
    else:
        near = np.arange(scores.size)
    # only what may be among the first n is put in random order: the order of a million would cost more than the rest
    return near[np.lexsort((rng.permutation(near.size), -scores[near]))][:n].astype(np.int64)


def target_scores(state: ReviewState, strategy: str) -> Floats:
    """Ranking scores (n,) of the target; raise `BadSetting` where the question has none."""
    question = state.question
    if question.target is None:
        raise BadSetting(
            f"query strategy '{strategy}' needs a question with a target, and question '{question.name}' has none; "
            "name a target, or use 'margin'."
        )
    return state.scores


def view_of(state: ReviewState) -> Vectors | None:
    """The view whose likeness counts: that of the neighbor graph, else a dense one, else the first."""
    if state.neighbors is not None and state.neighbors.view in state.views:
        return state.views[state.neighbors.view]
    return next((v for v in state.views.values() if v.dense), next(iter(state.views.values()), None))


def needed_view(state: ReviewState, strategy: str) -> Vectors:
    """As `view_of`; raise `BadSetting` where there is no view."""
    view = view_of(state)
    if view is None:
        raise BadSetting(f"query strategy '{strategy}' needs a view, and there is none: add one, or use 'margin'.")
    return view


def densified(product: Any) -> npt.NDArray[Any]:
    """A product of matrices as an array, also where they were sparse."""
    import numpy as np

    return np.asarray(product.toarray() if hasattr(product, "toarray") else product)


def unit_scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled to 0..1; all ones where they are all alike."""
    import numpy as np

    if not values.size:
        return values
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones_like(values)


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from just above 0 (lowest) to 1 (highest), equal values sharing theirs."""
    from scipy.stats import rankdata

    return rankdata(values) / max(values.size, 1)  # type: ignore[no-any-return]


def finite_or_none(scores: Floats) -> Floats | None:
    """The scores of a checked selection as a selection may have them: none where any is missing."""
    import numpy as np

    return scores if np.isfinite(scores).all() else None
