"""How good a review was: exact, from labels in reading order or from truth and prediction.

`hits` is always a sequence of 0/1, one a document read, in reading order; priors are left out. A review that stopped
before the end is padded by `documents` (how many there are) and `total` (how many of them are targets): what was
not read was not found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hits = Sequence[int] | Sequence[bool] | npt.NDArray[Any]
    Classes = Sequence[int] | npt.NDArray[np.integer[Any]]


def _hits(hits: Hits, documents: int | None, total: int | None) -> tuple[npt.NDArray[np.int64], int, int]:
    import numpy as np

    found = np.asarray(hits, dtype=np.int64)
    if found.ndim != 1 or not np.isin(found, (0, 1)).all():
        raise ValueError("hits must be a sequence of 0 and 1 in reading order")
    n = found.size if documents is None else documents
    r = int(found.sum()) if total is None else total
    if found.size > n or found.sum() > r or r > n:
        raise ValueError(f"{found.size} read and {found.sum()} found do not fit {n} documents with {r} relevant")
    return found, n, r


def needed(fraction: float, relevant: int) -> int:
    """How many targets are `fraction` of `relevant`, rounded up: 0.95 of 550 is 523."""
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must lie in (0, 1], got {fraction}")
    # 0.07 * 100 is 7.000000000000001: a rounding error must not cost a document
    return math.ceil(fraction * relevant - 1e-9)


def recall_curve(hits: Hits, total: int | None = None) -> npt.NDArray[np.float64]:
    """Recall after each document read (n,). All ones where nothing is relevant: nothing is missing."""
    import numpy as np

    found, _, r = _hits(hits, None if total is None else max(len(hits), total), total)
    return found.cumsum() / r if r else np.ones(found.size)


def read_to_recall(hits: Hits, fraction: float, total: int | None = None) -> int | None:
    """Documents read until `fraction` of the relevant ones was found; None where that was never reached."""
    import numpy as np

    found, _, r = _hits(hits, None if total is None else max(len(hits), total), total)
    k = needed(fraction, r)
    if k == 0:
        return 0
    where = np.flatnonzero(found)
    return int(where[k - 1]) + 1 if where.size >= k else None


def expected_random_reading(k: int, relevant: int, documents: int) -> float:
    """Expected documents read in random order to the `k`-th of `relevant` among `documents`: k (N + 1) / (R + 1)."""
    if not 0 <= k <= relevant <= documents:
        raise ValueError(f"need 0 <= k <= relevant <= documents, got {k}, {relevant}, {documents}")
    return k * (documents + 1) / (relevant + 1)


def wss(hits: Hits, fraction: float, documents: int | None = None, total: int | None = None) -> float:
    """Work saved over sampling (Cohen et al. 2006): (N - read) / N - (1 - fraction); NaN where it was not reached."""
    _, n, r = _hits(hits, documents, total)
    read = read_to_recall(hits, fraction, r)
    return math.nan if read is None else (n - read) / n - (1 - fraction)


def loss(hits: Hits, documents: int | None = None, total: int | None = None) -> float:
    """Area between the best possible and the actual recall curve, normalized: 0 best, 1 worst, 0.5 random.

    As ASReview defines it (de Bruin et al. 2025): with Nx documents and Ny relevant,
    ``(Ny (Nx - (Ny - 1) / 2) - sum(cumsum(hits))) / (Ny (Nx - Ny))``. NaN where every or no document is relevant.
    """
    import numpy as np

    found, n, r = _hits(hits, documents, total)
    if r in (0, n):
        return math.nan
    padded = np.zeros(n, dtype=np.int64)
    padded[: found.size] = found
    return float((r * (n - (r - 1) / 2) - padded.cumsum().sum()) / (r * (n - r)))


def ndcg(hits: Hits, documents: int | None = None, total: int | None = None) -> float:
    """Normalized discounted cumulative gain (Järvelin and Kekäläinen 2002), discount log2(rank + 1).

    NaN where nothing is relevant.
    """
    import numpy as np

    found, _, r = _hits(hits, documents, total)
    if r == 0:
        return math.nan
    gain = (found / np.log2(np.arange(2, found.size + 2))).sum()
    return float(gain / (1 / np.log2(np.arange(2, r + 2))).sum())


def atd(hits: Hits, documents: int | None = None, *, normalized: bool = True) -> float:
    """Average time to discovery: mean rank of the relevant documents, from 1, as a fraction of N unless told otherwise.

    Over the documents that were found (Ferdinands et al. 2023); NaN where none was.
    """
    import numpy as np

    found, n, r = _hits(hits, documents, None)
    if r == 0:
        return math.nan
    mean = float((np.flatnonzero(found) + 1).mean())
    return mean / n if normalized else mean


def accuracy(truth: Classes, predicted: Classes) -> float:
    """Share of documents whose predicted class is the true one; NaN for none."""
    import numpy as np

    t, p = _pair(truth, predicted)
    return float(np.mean(t == p)) if t.size else math.nan


def macro_f1(truth: Classes, predicted: Classes, classes: int | None = None) -> float:
    """Unweighted mean of the F1 of each class that occurs in truth or prediction; NaN for none.

    With `classes`, the mean runs over that many classes, and one that neither occurs nor is predicted counts 0.
    """
    import numpy as np

    t, p = _pair(truth, predicted)
    k = int(max(t.max(initial=-1), p.max(initial=-1))) + 1 if classes is None else classes
    hit = np.bincount(t[t == p], minlength=k)
    total = np.bincount(t, minlength=k) + np.bincount(p, minlength=k)
    counted = np.ones(k, dtype=bool) if classes is not None else total > 0
    if not counted.any() or not t.size:
        return math.nan
    return float((2 * hit[counted] / np.maximum(total[counted], 1)).mean())


def cohen_kappa(a: Classes, b: Classes) -> float:
    """Agreement beyond chance of two labelings (Cohen 1960); 1 where they agree on one single class, NaN for none."""
    import numpy as np

    x, y = _pair(a, b)
    if not x.size:
        return math.nan
    k = int(max(x.max(), y.max())) + 1
    chance = float(np.bincount(x, minlength=k) @ np.bincount(y, minlength=k)) / x.size**2
    observed = float(np.mean(x == y))
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def _pair(a: Classes, b: Classes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    import numpy as np

    x, y = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"two sequences of the same length are needed, got {x.shape} and {y.shape}")
    return x, y
