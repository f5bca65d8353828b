"""Scores to probabilities: Platt scaling for two labels, and its form for more."""

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
    are shrunk as if there were so many rows more for each label there is, equally common: by m / (m + even * k).

    `scores` (m, k) are held-out scores of rows with class `labels` (m,). With n_c rows of label c, its rows count as c
    with (n_c + 1) / (n_c + k) and as each other label with 1 / (n_c + k): for two labels exactly Platt (1999), in the
    convex form of Lin, Lin and Weng (2007). A label without any row cannot be calibrated: it gets 1 / (m + k), as by
    Laplace's rule. The slope has a lower bound above 0, so that probabilities always rank as scores do.
    """
    import numpy as np
    from scipy.optimize import minimize

    present = np.flatnonzero(~absent)
    k, m = present.size, labels.size
    x = scores[:, present].astype(np.float64)
    y = np.searchsorted(present, labels)
    counts = np.bincount(y, minlength=k)[y]
    wanted = np.repeat(1 / (counts + k)[:, None], k, axis=1)
    wanted[np.arange(m), y] = (counts + 1) / (counts + k)

    def objective(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = parameters[0] * x + parameters[1:]
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        excess = np.exp(logs) - wanted
        gradient = np.concatenate(([(excess * x).sum()], excess.sum(axis=0)))
        return float(-(wanted * logs).sum()) / m, gradient / m

    start = np.concatenate(([1.0], np.log(wanted.mean(axis=0))))
    least = min(_LEAST_SLOPE, _LEAST_SLOPE_ROWS / m)
    bounds: list[tuple[float | None, float | None]] = [(least, None)] + [(None, None)] * k
    options = {"maxiter": 500, "gtol": 1e-7, "ftol": 1e-14}
    fit = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    offsets = np.zeros(scores.shape[1], dtype=np.float32)
    offsets[present] = (fit.x[1:] - fit.x[1:].mean()) * (m / (m + even * k))
    return Calibration(float(fit.x[0]), offsets, absent, 1 / (m + scores.shape[1]))
