"""Scores to probabilities: Platt scaling for two labels, and its form for more; and how much each voice counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints

#: least slope up to 67 rows; least slope times rows beyond. Held-out scores of a few rows look worse than chance (a row
#: taken out leaves its own label the poorer) and would turn the first answers into the commonest label for everything:
#: with 20 labels of AG News, accuracy .30 instead of .45, and a higher log loss
_LEAST_SLOPE, _LEAST_SLOPE_ROWS = 0.3, 20.0
#: penalty on voices that count differently, and the least share of one, beside an equal share (docs/benchmarks.md)
_TOGETHER, _LEAST_SHARE = 10.0, 0.5


@dataclass(frozen=True)
class Calibration:
    """p = softmax(`slope` * score + `offsets`); the labels in `absent` (k,) get the fixed probability `rest` each."""

    slope: float
    offsets: Floats
    absent: npt.NDArray[np.bool_]
    rest: float

    def apply(self, scores: Floats) -> Floats:
        """Probabilities (m, k), float32, rows summing to one, of `scores` (m, k)."""
        import numpy as np

        present = ~self.absent
        logits = scores[:, present] * np.float32(self.slope) + self.offsets[present]
        logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
        np.exp(logits, out=logits)
        logits *= (1 - self.rest * self.absent.sum()) / logits.sum(axis=1, keepdims=True)
        if present.all():
            return logits.astype(np.float32, copy=False)
        probabilities = np.full(scores.shape, self.rest, dtype=np.float32)
        probabilities[:, present] = logits
        return probabilities


def calibrate(scores: Floats, labels: Ints, absent: npt.NDArray[np.bool_], even: float = 0.0) -> Calibration:
    """Fit one slope and an offset for each label by maximum likelihood with smoothed targets.

    Offsets say how common the labels are among the rows, which were no random sample, or few. With `even` above 0 they
    are multiplied by m / (m + even * k), for m rows and k labels: the fewer rows, the more equally common labels are.

    `scores` (m, k) are held-out scores of rows with class `labels` (m,). With n_c rows of label c, its rows count as c
    with (n_c + 1) / (n_c + k) and as each other label with 1 / (n_c + k): for two labels exactly Platt (1999), in the
    convex form of Lin, Lin and Weng (2007). A label without any row cannot be calibrated: it gets 1 / (m + k), as by
    Laplace's rule. The slope has a lower bound above 0, so that probabilities always rank as scores do.
    """
    import numpy as np

    present = np.flatnonzero(~absent)
    k, m = present.size, labels.size
    least = min(_LEAST_SLOPE, _LEAST_SLOPE_ROWS / m)
    slopes, free = _fit(scores[None][:, :, present], np.searchsorted(present, labels), 0.0, least)
    offsets = np.zeros(scores.shape[1], dtype=np.float32)
    offsets[present] = (free - free.mean()) * (m / (m + even * k))
    return Calibration(float(slopes[0]), offsets, absent, 1 / (m + scores.shape[1]))


def weigh(scores: Floats, labels: Ints, absent: npt.NDArray[np.bool_]) -> Floats:
    """How much each of v voices counts (v,), 1 on the mean, by how well they tell the labels apart together.

    `scores` (v, m, k) are held-out scores of rows with class `labels` (m,). Weights are the slopes of a logistic
    regression on all of them (stacking, Wolpert 1992), drawn together by a penalty, since held-out rows are few and
    were perhaps chosen where one voice was in doubt; none counts less than half as much as in an equal vote.
    """
    import numpy as np

    present = np.flatnonzero(~absent)
    slopes, _ = _fit(scores[:, :, present], np.searchsorted(present, labels), _TOGETHER, 0.0)
    if not slopes.sum() > 0:
        return np.ones(len(slopes), dtype=np.float32)
    # what a small voice is given is taken from the others, in proportion to what they have above the least
    above = (slopes / slopes.mean() - _LEAST_SHARE).clip(0)
    return np.asarray(_LEAST_SHARE + above * (1 - _LEAST_SHARE) / above.mean(), dtype=np.float32)


def _fit(
    scores: Floats, y: Ints, together: float, least: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Slopes (v,), at least `least`, and offsets (k,) of v voices' `scores` (v, m, k), by maximum likelihood.

    Targets are smoothed as in `calibrate`; `together` is the penalty on the squared distances of slopes to their mean.
    """
    import numpy as np
    from scipy.optimize import minimize

    x = scores.astype(np.float64)
    v, m, k = x.shape
    counts = np.bincount(y, minlength=k)[y]
    wanted = np.repeat(1 / (counts + k)[:, None], k, axis=1)
    wanted[np.arange(m), y] = (counts + 1) / (counts + k)

    def objective(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        slopes = parameters[:v]
        logits = np.tensordot(slopes, x, 1) + parameters[v:]
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        excess, apart = np.exp(logs) - wanted, slopes - slopes.mean()
        gradient = np.concatenate((np.tensordot(x, excess, 2) + 2 * together * apart, excess.sum(axis=0)))
        return float(together * (apart**2).sum() - (wanted * logs).sum()) / m, gradient / m

    start = np.concatenate((np.ones(v), np.log(wanted.mean(axis=0))))
    bounds: list[tuple[float | None, float | None]] = [(least, None)] * v + [(None, None)] * k
    options = {"maxiter": 500, "gtol": 1e-7, "ftol": 1e-14}
    fit = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return fit.x[:v], fit.x[v:]
