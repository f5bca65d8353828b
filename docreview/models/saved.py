"""A fused model that leaves its project: what it learned, and the same sums over other documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docreview.calibration import Calibration
from docreview.contracts import label_of
from docreview.errors import BadSetting
from docreview.models.parts import Fits, Part, decide_matrix, linear

if TYPE_CHECKING:
    import numpy.typing as npt

    from docreview.types import Floats, Ints, Matrix


@dataclass(frozen=True)
class Line:
    """A linear classifier as it is written down; it has scikit-learn's names, so that sums are made in the same way."""

    coef_: Floats
    intercept_: Floats


@dataclass(frozen=True)
class RestoredView:
    """One view's share: which columns count (None: all), its classifiers, and how their scores are standardized."""

    columns: Ints | None
    fits: Fits
    mean: Floats
    spread: Floats
    weight: float


@dataclass(frozen=True)
class Restored:
    """Predicts for documents of no corpus. Of lexical views the same, to the last bit, as the model that was saved."""

    views: Mapping[str, RestoredView]
    calibration: Calibration

    def predict(self, views: Mapping[str, Matrix]) -> Floats:
        """Calibrated probabilities (m, k) of the rows of these views, which all that it has must be among."""
        import numpy as np

        fused: Any = 0.0
        for name, view in self.views.items():
            decided = decide_matrix(views[name], view.columns, view.fits, len(view.mean), _never)
            fused = fused + (decided - view.mean) / view.spread * np.float32(view.weight)
        return self.calibration.apply(fused)


def _never(estimator: Any, matrix: Any, classes: int) -> npt.NDArray[Any]:
    raise AssertionError("every classifier is linear")


def saved_views(
    parts: Mapping[str, Part],
    fits: Mapping[str, Fits],
    scales: Mapping[str, tuple[Floats, Floats]],
    weights: Mapping[str, float],
) -> dict[str, Any]:
    """Each view's share as arrays and plain values, by the view's name."""
    import numpy as np

    views = {}
    for name, part in parts.items():
        lines = []
        for estimator, columns in fits[name]:
            line = linear(estimator)
            if line is None:
                raise BadSetting(
                    f"{label_of(part.classifier)} of the view '{name}' is not linear, and only a model of linear "
                    "classifiers can be saved: take 'linear-svm' or 'logistic-regression'."
                )
            # sums are made in float32: nothing is lost
            lines.append(
                {
                    "coefficients": line[0].astype(np.float32),
                    "offsets": line[1].astype(np.float32),
                    "labels": list(columns),
                }
            )
        mean, spread = scales[name]
        views[name] = {
            "columns": part.columns,
            "fits": lines,
            "mean": mean,
            "spread": spread,
            "weight": weights[name],
        }
    return views


def restored(saved: Mapping[str, Any], k: int) -> Restored:
    """The inverse: `ValueError` where the shapes do not fit `k` labels or each other."""
    views = {}
    for name, view in saved["views"].items():
        fits: Fits = []
        for fit in view["fits"]:
            coefficients, offsets, labels = fit["coefficients"], fit["offsets"], tuple(fit["labels"])
            rows = 1 if len(labels) == 2 else len(labels)
            used = view["columns"]
            fitting = coefficients.ndim == 2 and used is not None and max(used.size, 1) != coefficients.shape[1]
            if coefficients.shape[:1] != (rows,) or offsets.shape != (rows,) or fitting or not _within(labels, k):
                raise ValueError(f"the classifier of the view '{name}' does not fit")
            fits.append((Line(coefficients, offsets), labels))
        if view["mean"].shape != (k,) or view["spread"].shape != (k,):
            raise ValueError(f"the scores of the view '{name}' are not of {k} labels")
        views[name] = RestoredView(view["columns"], fits, view["mean"], view["spread"], float(view["weight"]))
    calibration = Calibration(float(saved["slope"]), saved["offsets"], saved["absent"], float(saved["rest"]))
    if calibration.offsets.shape != (k,) or calibration.absent.shape != (k,) or not views:
        raise ValueError(f"its calibration is not of {k} labels")
    return Restored(views, calibration)


def _within(labels: tuple[int, ...], k: int) -> bool:
    return len(labels) >= 2 and all(-1 <= label < k for label in labels)
