"""Shares where labels are partly wrong: a model's predictions corrected by a random sample, a reviewer's by checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from docreview.estimates import Estimate, normal_deviations, within

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = Sequence[float] | npt.NDArray[Any]


def prediction_powered(
    predicted: Numbers,
    predicted_of_labeled: Numbers,
    labels: Numbers,
    confidence: float = 0.95,
    weight: float | None = 1.0,
) -> Estimate:
    """Share (mean label in 0 to 1) from predictions (N,) and from n labeled documents with predictions of their own.

    ``mean(predicted)`` corrected by ``mean(labels - predicted_of_labeled)``: right however wrong the predictions are,
    and narrow where they are good (Angelopoulos et al. 2023, Prediction-powered inference). Neither set may hold what
    the model learned from, the labeled must be a random draw from the same documents, and the interval is normal: n
    should be 100 or more, with more than a few errors among them. `weight` says how far predictions are trusted; None
    chooses it from the data so that they cannot hurt much (PPI++, Angelopoulos et al. 2023), 0 leaves them out.
    """
    import numpy as np

    f, g, y = (np.asarray(part, dtype=np.float64) for part in (predicted, predicted_of_labeled, labels))
    if g.shape != y.shape or f.ndim != 1 or g.ndim != 1 or y.size < 2 or f.size < 2:
        raise ValueError("needs two or more predictions, and two or more labels with a prediction each")
    if not all(((part >= 0) & (part <= 1)).all() for part in (f, g, y)):
        raise ValueError("predictions and labels must lie in [0, 1]")
    if weight is None:
        spread = np.concatenate([f, g]).var()
        best = np.cov(y, g)[0, 1] / ((1 + y.size / f.size) * spread) if spread else 0.0
        weight = float(np.clip(best, 0.0, 1.0))
    value = float(y.mean() + weight * (f.mean() - g.mean()))
    variance = weight**2 * f.var(ddof=1) / f.size + (y - weight * g).var(ddof=1) / y.size
    value = min(max(value, 0.0), 1.0)
    low, high = within(value, normal_deviations(confidence) * math.sqrt(variance))
    return Estimate(value, low, high, int((y > 0).sum()), y.size, confidence)


def rogan_gladen(
    positives: int, n: int, sensitivity: tuple[int, int], specificity: tuple[int, int], confidence: float = 0.95
) -> Estimate:
    """True share where a reviewer who errs called `positives` of `n` random documents relevant.

    From documents checked for certain: `sensitivity` is (called relevant, truly relevant), `specificity` (called not
    relevant, truly not). The value is that of Rogan and Gladen (1978), the interval that of Lang and Reiczigel (2014):
    about right, not exact. The checks must be of the same reviewer and kind of document, and errors must not depend on
    what is being estimated.

    Raises `ValueError` where the share cannot be told: no checks, or a reviewer no better than chance in them. Where
    chance cannot be ruled out, the interval is all of (0, 1). Two equal reviewers of the same documents do not tell it
    either: their agreement has three free numbers, and two errors each and the share are five (Hui and Walter 1980);
    somebody must have settled the truth.
    """
    for hits, of in ((positives, n), sensitivity, specificity):
        if not 0 <= hits <= of or of == 0:
            raise ValueError(f"not identifiable from {hits} of {of}: need 0 <= hits <= n, and n above 0")
    z = normal_deviations(confidence)
    better = sensitivity[0] / sensitivity[1] + specificity[0] / specificity[1] - 1
    if better <= 0:
        raise ValueError("not identifiable: in the checks the reviewer was no better than chance")
    value = min(max((positives / n + specificity[0] / specificity[1] - 1) / better, 0.0), 1.0)
    n_, n_se, n_sp = n + z * z, sensitivity[1] + 2, specificity[1] + 2
    q, se, sp = (positives + z * z / 2) / n_, (sensitivity[0] + 1) / n_se, (specificity[0] + 1) / n_sp
    v_q, v_se, v_sp = q * (1 - q) / n_, se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    youden = se + sp - 1
    if youden - z * math.sqrt(v_se + v_sp) <= 0:
        return Estimate(value, 0.0, 1.0, positives, n, confidence)
    share = min(max((q + sp - 1) / youden, 0.0), 1.0)
    center = share + 2 * z * z * (share * v_se - (1 - share) * v_sp)
    half = z * math.sqrt(v_q + share**2 * v_se + (1 - share) ** 2 * v_sp) / youden
    return Estimate(
        value, min(max(center - half, 0.0), 1.0), max(min(center + half, 1.0), 0.0), positives, n, confidence
    )
