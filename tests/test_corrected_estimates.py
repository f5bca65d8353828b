"""Predictions corrected by labels, and labels corrected by checks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from docreview.corrected_estimates import prediction_powered, rogan_gladen
from docreview.estimates import normal_deviations


def drawn(rng: np.random.Generator, n: int, bias: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a fifth, and predictions that are good but too high."""
    labels = (rng.random(n) < 0.2).astype(float)
    return labels, np.clip(0.7 * labels + bias + 0.1 * rng.normal(size=n), 0, 1)


def test_prediction_powered_by_hand() -> None:
    f, g, y = [0.2, 0.4, 0.6, 0.8], [0.5, 0.3], [1.0, 0.0]
    estimate = prediction_powered(f, g, y)
    assert estimate.value == pytest.approx(0.5 + 0.1)
    spread = math.sqrt(np.var(f, ddof=1) / 4 + np.var([0.5, -0.3], ddof=1) / 2)
    assert estimate.low == pytest.approx(max(0.6 - normal_deviations(0.95) * spread, 0))
    alone = prediction_powered(f, g, y, weight=0)
    assert alone.value == 0.5


def test_prediction_powered_covers_and_is_narrower_than_labels_alone() -> None:
    rng = np.random.default_rng(0)
    covered, naive, narrower = 0, 0, 0
    for _ in range(400):
        y, g = drawn(rng, 150)
        _, f = drawn(rng, 3_000)
        estimate, alone = prediction_powered(f, g, y, weight=None), prediction_powered(f, g, y, weight=0)
        covered += estimate.low <= 0.2 <= estimate.high
        naive += abs(f.mean() - 0.2) < (estimate.high - estimate.low) / 2
        narrower += estimate.high - estimate.low < 0.6 * (alone.high - alone.low)
    assert covered >= 364, "95 % less three standard errors"
    assert naive < 20, "the predictions alone must be wrong here"
    assert narrower > 390


def test_worthless_predictions_do_not_hurt_where_the_weight_is_chosen() -> None:
    rng = np.random.default_rng(1)
    y, noise = (rng.random(200) < 0.3).astype(float), rng.random(2_200)
    chosen = prediction_powered(noise[200:], noise[:200], y, weight=None)
    alone = prediction_powered(noise[200:], noise[:200], y, weight=0)
    trusted = prediction_powered(noise[200:], noise[:200], y)
    width = [e.high - e.low for e in (chosen, alone, trusted)]
    assert width[0] < 1.02 * width[1] < width[2]


@pytest.mark.parametrize("weight", [0.0, 1.0, None])
def test_prediction_powered_agrees_with_its_authors_code(weight: float | None) -> None:
    ppi = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(2)
    y, g = drawn(rng, 400)
    _, f = drawn(rng, 4_000)
    ours = prediction_powered(f, g, y, weight=weight)
    # they divide by n, we by n - 1
    assert [ours.low, ours.high] == pytest.approx(np.ravel(ppi.ppi_mean_ci(y, g, f, alpha=0.05, lam=weight)), abs=1e-3)


def test_an_estimate_beyond_all_shares_is_cut_with_its_interval() -> None:
    sure = prediction_powered(np.ones(1_000), np.repeat([0.0, 1.0], [10, 90]), np.ones(100), weight=1.0)
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert 0.8 < sure.low < 1
    none = prediction_powered(np.zeros(1_000), np.repeat([1.0, 0.0], [10, 90]), np.zeros(100), weight=1.0)
    assert (none.low, none.value) == (0.0, 0.0)
    assert 0 < none.high < 0.2


def test_predictions_that_cannot_be_are_refused() -> None:
    for f, g, y in ([[0.5], [0.5, 0.5], [1, 0]], [[0.5, 2], [0.5, 0.5], [1, 0]], [[0.5, 0.5], [0.5], [1, 0]]):
        with pytest.raises(ValueError, match="predictions"):
            prediction_powered(f, g, y)


# ----------------------------------------------------------------------------------------------------- reviewers' error


def test_rogan_gladen_by_hand() -> None:
    # (0.3 + 0.95 - 1) / (0.9 + 0.95 - 1)
    assert rogan_gladen(300, 1_000, (90, 100), (190, 200)).value == pytest.approx(0.25 / 0.85)
    # fewer positives than a reviewer without any document to find would call
    assert rogan_gladen(1, 100, (90, 100), (80, 100)).value == 0


def test_rogan_gladen_without_error_is_the_interval_of_the_share() -> None:
    """Checks without end and without error leave the Agresti-Coull interval of the share itself."""
    estimate = rogan_gladen(30, 100, (10**9, 10**9), (10**9, 10**9))
    z = float(norm.isf(0.025))
    center = (30 + z * z / 2) / (100 + z * z)
    half = z * math.sqrt(center * (1 - center) / (100 + z * z))
    assert (estimate.low, estimate.high) == pytest.approx((center - half, center + half), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "sensitivity", "specificity"), [(0.05, 0.8, 0.95), (0.3, 0.7, 0.9), (0.6, 0.95, 0.8)]
)
def test_rogan_gladen_covers_about_what_it_says(share: float, sensitivity: float, specificity: float) -> None:
    rng = np.random.default_rng(0)
    called = share * sensitivity + (1 - share) * (1 - specificity)
    covered = naive = 0
    for _ in range(1_000):
        positives = int(rng.binomial(500, called))
        checks = (int(rng.binomial(100, sensitivity)), 100), (int(rng.binomial(200, specificity)), 200)
        estimate = rogan_gladen(positives, 500, *checks)
        covered += estimate.low <= share <= estimate.high
        naive += abs(positives / 500 - share) < 1.96 * math.sqrt(called * (1 - called) / 500)
    assert covered >= 930
    assert naive < 930, "the share as called must be wrong here"


def test_what_is_not_identifiable_is_said() -> None:
    for checks in (((0, 0), (5, 5)), ((5, 10), (5, 10)), ((2, 10), (3, 10)), ((11, 10), (5, 5))):
        with pytest.raises(ValueError, match="not identifiable"):
            rogan_gladen(10, 100, *checks)
    # hardly better than chance, in few checks: chance cannot be ruled out
    vague = rogan_gladen(40, 100, (6, 10), (6, 10))
    assert (vague.low, vague.high) == (0, 1)
