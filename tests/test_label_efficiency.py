"""The analysis of learning curves (benchmarks/label_efficiency) on made-up curves whose answer is known."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t, wilcoxon

PATH = Path(__file__).parents[1] / "benchmarks" / "label_efficiency" / "analysis.py"
spec = importlib.util.spec_from_file_location("label_efficiency_analysis", PATH)
assert spec is not None
assert spec.loader is not None
analysis = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = analysis  # dataclasses look their module up
spec.loader.exec_module(analysis)

LABELS = np.arange(20, 1001, 20)


def rising(speed: float, seeds: int = 10, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Curves 1 - exp(-speed * labels) with noise: an arm with twice the speed needs half the labels."""
    return 1 - np.exp(-speed * LABELS) + noise * np.random.default_rng(seed).standard_normal((seeds, LABELS.size))


def test_area_is_the_mean_score_over_labels_however_they_are_spaced():
    assert analysis.area(LABELS, np.full(LABELS.size, 0.7)) == pytest.approx(0.7)
    line = [[0.0, 0.1, 1.0], [1.0, 0.9, 0.0]]  # y = x and y = 1 - x over unevenly spaced labels
    assert analysis.area([0, 10, 100], line) == pytest.approx([0.5, 0.5])
    assert analysis.area([20], [[0.3], [0.4]]) == pytest.approx([0.3, 0.4])


def test_gains_are_differences_within_a_seed():
    luck = np.random.default_rng(1).normal(0, 0.1, (10, 1))
    gains = analysis.gains(LABELS, rising(0.004) + luck + 0.02, rising(0.004) + luck)
    assert gains == pytest.approx(np.full(10, 0.02))
    interval = analysis.mean_interval(gains)
    assert (interval.low, interval.high) == pytest.approx((0.02, 0.02))  # the luck of a seed cancels out


def test_smoothing_falls_nowhere_and_leaves_a_rising_curve_alone():
    noisy = rising(0.004, seeds=3, noise=0.05)
    smooth = analysis.smoothed(noisy)
    assert (np.diff(smooth) >= 0).all()
    assert (np.diff(noisy.mean(axis=0)) < 0).any()
    assert smooth.mean() == pytest.approx(noisy.mean())
    assert analysis.smoothed(rising(0.004)) == pytest.approx(rising(0.004)[0])


def test_labels_needed_are_interpolated_and_infinite_where_never_reached():
    assert analysis.needed([20, 40, 60], [0.1, 0.3, 0.5], 0.4) == pytest.approx(50)
    assert analysis.needed([20, 40, 60], [0.1, 0.3, 0.5], 0.05) == 20
    assert analysis.needed([20, 40, 60], [0.1, 0.3, 0.3], 0.3) == 40
    assert analysis.needed([20, 40, 60], [0.1, 0.3, 0.5], 0.6) == math.inf


@pytest.mark.parametrize("budget", [300, 1000])
def test_an_arm_twice_as_fast_needs_half_the_labels(budget):
    found = analysis.crossing(LABELS, rising(0.008), rising(0.004), budget)
    assert found.level == pytest.approx(1 - math.exp(-0.004 * budget))
    assert found.arm.value == pytest.approx(budget / 2, abs=1)
    assert found.own.value == pytest.approx(budget)
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert found.reached


def test_an_arm_that_never_gets_there_counts_as_the_whole_budget():
    found = analysis.crossing(LABELS, rising(0.002), rising(0.004), 1000)
    assert not found.reached
    assert found.share == 1
    assert found.arm.low == found.arm.high == math.inf


def test_randoms_own_crossing_comes_early_where_its_curve_is_flat():
    flat = np.minimum(rising(0.004), 0.8)  # 0.798 at 400 labels, 0.8 from 420 on
    found = analysis.crossing(LABELS, flat, flat, 1000)
    assert found.own.value == found.arm.value == pytest.approx(420)


def test_the_interval_of_labels_needed_holds_the_truth_and_grows_with_noise():
    little, much = (
        analysis.crossing(LABELS, rising(0.008, noise=s, seed=1), rising(0.004, noise=s, seed=2), 300)
        for s in (0.005, 0.05)
    )
    assert little.arm.low <= 150 <= little.arm.high
    assert much.arm.high - much.arm.low > little.arm.high - little.arm.low > 0


@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_are_as_wide_as_those_of_t_and_hold_the_truth_as_often(seeds):
    rng = np.random.default_rng(3)
    drawn = rng.normal(1, 1, (300, seeds))
    found = [analysis.mean_interval(x) for x in drawn]
    held = np.mean([e.low <= 1 <= e.high for e in found])
    assert 0.90 <= held <= 0.99  # plain percentiles of 5 seeds: 0.82
    width = np.mean([e.high - e.low for e in found])
    wanted = np.mean(2 * t.ppf(0.975, seeds - 1) * drawn.std(axis=1, ddof=1) / math.sqrt(seeds))
    # five seeds cannot be resampled to more than the largest of them
    assert 0.7 * wanted < width < 1.1 * wanted


@pytest.mark.parametrize("seeds", [1, 4])
def test_few_seeds_have_no_interval_and_are_sure_of_nothing(seeds):
    values = np.linspace(0.2, 0.3, seeds)
    assert math.isnan(analysis.mean_interval(values).low)
    assert math.isnan(analysis.mean_over([values, values]).high)
    assert analysis.tally([values] * 2).sure_wins == 0
    found = analysis.crossing(LABELS, rising(0.008, seeds), rising(0.004, seeds), 300)
    assert found.arm.value == pytest.approx(150, abs=1)
    assert math.isnan(found.arm.low)


def test_the_mean_over_corpora_counts_each_corpus_once():
    e = analysis.mean_over([np.full(10, 0.04), np.full(5, 0.01)])
    assert (e.value, e.low, e.high) == pytest.approx((0.025, 0.025, 0.025))


def test_deficiency_is_one_for_random_below_for_better_and_zero_for_perfect():
    random, full = rising(0.004), 1.0
    assert analysis.deficiency(random, random, full) == pytest.approx(1)
    assert analysis.deficiency(np.ones_like(random), random, full) == pytest.approx(0)
    halves = random + (1 - random) / 2
    assert analysis.deficiency(halves, random, full) == pytest.approx(0.5)
    assert analysis.deficiency(rising(0.002), random, full) > 1
    # the whole pool may do worse than a part: nothing lacks less than nothing
    assert analysis.deficiency(halves, random, 0.5) >= 0


def test_wins_losses_and_wilcoxon_over_corpora():
    means = np.array([0.03, 0.02, 0.025, 0.01, -0.002, -0.015])
    around = np.tile([-1, 1], 5)
    found = analysis.tally([m + 0.005 * around for m in means])  # intervals of about 0.004 to either side
    assert (found.wins, found.losses, found.sure_wins, found.sure_losses) == (4, 2, 4, 1)
    assert found.p == pytest.approx(wilcoxon(means).pvalue)
    assert math.isnan(analysis.tally([[0.1, 0.2]] * 4).p)
    assert math.isnan(analysis.tally([[0.0, 0.0]] * 6).p)


def test_the_same_curves_give_the_same_tables():
    arm, random = rising(0.006, noise=0.02, seed=1), rising(0.004, noise=0.02, seed=2)
    assert analysis.crossing(LABELS, arm, random, 300) == analysis.crossing(LABELS, arm, random, 300)
