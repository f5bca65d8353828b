"""Tables and pictures of what was read to find the target.

Means over targets are means over groups: targets that share documents count once. Intervals are of the bootstrap over
groups (percentiles, 2,000 resamples), since other corpora are what one wants to know about.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import targets
from scipy.stats import wilcoxon
from targets import Target

from docreview.metrics import atd, loss, read_to_recall, wss
from docreview.plots import save
from docreview.simulation import mean_gain

Array = npt.NDArray[np.float64]
RESAMPLES, COLUMNS = 2000, 5
#: what is measured of an order of reading: name, and whether ratios of it mean something
MEASURES: Mapping[str, Callable[[npt.NDArray[np.int64], int, int], float]] = {
    "to 10 %": lambda hits, n, r: _read(hits, 0.1, r),
    "to 80 %": lambda hits, n, r: _read(hits, 0.8, r),
    "to 95 %": lambda hits, n, r: _read(hits, 0.95, r),
    "to 100 %": lambda hits, n, r: _read(hits, 1.0, r),
    "WSS@95": lambda hits, n, r: wss(hits, 0.95, n, r),
    "loss": loss,
    "ATD": lambda hits, n, r: atd(hits, n),
}
RATIOS = ("to 80 %", "to 95 %", "to 100 %", "loss", "ATD")


def _read(hits: npt.NDArray[np.int64], share: float, total: int) -> float:
    found = read_to_recall(hits, share, total)
    assert found is not None, "a simulation ends when everything is found"
    return float(found)


@dataclass(frozen=True)
class Result:
    """What an arm did on a target: (seeds,) by measure, hits in reading order by seed, and seconds a round."""

    measured: Mapping[str, Array]
    hits: Sequence[npt.NDArray[np.int64]]
    round_seconds: float
    round_cpu: float


def read(arm: str, version: str, target: Target, seeds: int) -> Result | None:
    """The arm's results on a target; None unless every seed is there."""
    known, measured, hits, rounds = targets.wanted(target), [], [], []
    for seed in range(seeds):
        try:
            kept = json.loads(targets.result_of(arm, target, seed, version).read_text("utf-8"))
        except FileNotFoundError:
            return None
        found = np.array([known[i] for i in kept["order"]], dtype=np.int64)
        n, total = len(known) - kept["priors"], int(found.sum())  # a simulation ends when all are found
        measured.append({name: of(found, n, total) for name, of in MEASURES.items()})
        hits.append(found)
        rounds.append((kept["seconds"] / kept["rounds"], kept["cpu"] / kept["rounds"]))
    clock, cpu = np.mean(rounds, axis=0)
    by_name = {name: np.array([one[name] for one in measured]) for name in MEASURES}
    return Result(by_name, hits, float(clock), float(cpu))


def ratios(
    arms: Mapping[str, Mapping[str, Result]], base: str, arm: str, measure: str, chosen: Sequence[Target]
) -> dict[str, Array]:
    """Logarithms of arm over base, by group: the mean over seeds and targets of what both have."""
    by_group: dict[str, list[float]] = {}
    for target in chosen:
        one, other = arms[arm].get(target.name), arms[base].get(target.name)
        if one and other:
            a, b = one.measured[measure].mean(), other.measured[measure].mean()
            if a > 0 and b > 0:
                by_group.setdefault(target.group, []).append(math.log(a / b))
    return {group: np.array(values) for group, values in by_group.items()}


def mean_ratio(by_group: Mapping[str, Array]) -> tuple[float, float, float]:
    """The geometric mean over groups, and its interval of 95 %."""
    means = np.array([values.mean() for values in by_group.values()])
    rng = np.random.default_rng(0)
    drawn = means[rng.integers(means.size, size=(RESAMPLES, means.size))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return math.exp(means.mean()), math.exp(low), math.exp(high)


def report(arms: Mapping[str, Mapping[str, Result]], base: str, chosen: Sequence[Target], out: Path, main: str) -> str:
    """Markdown for docs/benchmarks.md; the grid of gain curves goes into `out`."""
    lines: list[str] = []
    others = [arm for arm in arms if arm != base]
    for half, some in (
        ("all targets", list(chosen)),
        ("targets that settings were chosen on", [t for t in chosen if t.half == targets.TUNED]),
        ("targets that were looked at afterwards", [t for t in chosen if t.half == targets.UNSEEN]),
    ):
        there = [t for t in some if t.name in arms[base]]
        if not there:
            continue
        lines += [f"\nTimes what {base} needs, {half} ({len(there)}), geometric means over groups:\n"]
        lines += [f"| | {' | '.join(RATIOS)} | wins at 95 % | Wilcoxon |", "|---|" + "---:|" * (len(RATIOS) + 2)]
        for arm in others:
            cells = []
            for measure in RATIOS:
                by_group = ratios(arms, base, arm, measure, there)
                cells.append("" if not by_group else "{:.3f} ({:.3f}–{:.3f})".format(*mean_ratio(by_group)))
            lines.append(f"| {arm} | {' | '.join(cells)} | {_wins(arms, base, arm, there)} |")
    lines += ["", f"| target | documents | to find | arm | {' | '.join(MEASURES)} | ms a round |"]
    lines += ["|---|---:|---:|---|" + "---:|" * (len(MEASURES) + 1)]
    for target in chosen:
        known = targets.wanted(target)
        for arm, results in arms.items():
            result = results.get(target.name)
            if result is None:
                continue
            cells = [_plain(result.measured[name].mean()) for name in MEASURES]
            about = f"{target.name} | {len(known):,} | {sum(known.values()):,}" if arm == base else " | | "
            spent = f"{result.round_seconds * 1000:.0f} ({result.round_cpu * 1000:.0f})"
            lines.append(f"| {about} | {arm} | {' | '.join(cells)} | {spent} |")
    grid(arms, base, main, chosen, out)
    return "\n".join(lines)


def _wins(arms: Mapping[str, Mapping[str, Result]], base: str, arm: str, chosen: Sequence[Target]) -> str:
    """Groups in which the arm reads less to 95 %, and Wilcoxon's signed ranks over groups."""
    by_group = ratios(arms, base, arm, "to 95 %", chosen)
    means = np.array([values.mean() for values in by_group.values()])
    if not means.size:
        return " | "
    won = f"{int((means < 0).sum())} of {means.size}"
    told = wilcoxon(means).pvalue if means.size > 5 and means.any() else math.nan
    return f"{won} | {'' if math.isnan(told) else f'p = {told:.3f}'}"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3f}"


def grid(
    arms: Mapping[str, Mapping[str, Result]], base: str, main: str, chosen: Sequence[Target], out: Path
) -> Path | None:
    """Gain curves of two arms on every target, side by side: mean over the seeds, and the least and most found."""
    both = [t for t in chosen if t.name in arms.get(main, {}) and t.name in arms[base]]
    if not both:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(len(both) / COLUMNS)
    figure = Figure(figsize=(3.1 * COLUMNS, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    cells = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes, target in zip(cells.flat, both, strict=False):
        for arm, color in ((base, "#c44e52"), (main, "#1f4e79")):
            hits = arms[arm][target.name].hits
            x, y, low, high = mean_gain([found.cumsum() for found in hits])
            n, total = len(targets.wanted(target)), float(y[-1])
            axes.fill_between(x / n, low / total, high / total, color=color, alpha=0.15, linewidth=0)
            axes.plot(x / n, y / total, color=color, linewidth=1.3, label=arm)
        axes.axhline(0.95, color="0.6", linewidth=0.6, linestyle=":")
        axes.set_title(f"{target.name.replace('.', ': ')} ({n:,}; {total:.0f})", fontsize=7.5)
        axes.tick_params(labelsize=6.5)
        axes.set_xlim(0, None)
        axes.set_ylim(0, 1.02)
    for axes in cells.flat[len(both) :]:
        axes.set_axis_off()
    figure.supxlabel("share of documents read", fontsize=8)
    figure.supylabel("share of the target found", fontsize=8)
    handles, names = cells.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=2, fontsize=8, frameon=False)
    return save(figure, out / "gain.png")
