"""Tables and pictures of what was measured."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from analysis import (
    SEEDS,
    Crossing,
    Estimate,
    area,
    crossing,
    deficiency,
    gains,
    mean_interval,
    mean_over,
    percentiles,
    resamples,
    tally,
)
from protocol import RANDOM, Cell, folder

from docreview.plots import Curve, learning_curve, save

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
#: budgets of random choice that other arms are to reach with less
BUDGETS = (300, 1000)


@dataclass
class Arm:
    """Curves of an arm on a corpus: (seeds, budgets) by metric, and the mean seconds of choosing and of fitting."""

    scores: dict[str, np.ndarray]
    select: float
    fit: float


@dataclass
class Measured:
    """What was measured on a corpus: the labels of its curves, arms that have every seed, and its size."""

    labels: np.ndarray
    arms: dict[str, Arm]
    full: tuple[float, float]
    about: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    partial: list[str] = field(default_factory=list)


def read(name: str, arms: Sequence[str], seeds: int, labels: int) -> Measured | None:
    """Read a corpus's results; None where random has none. Arms of a seed must have begun alike."""
    kept: dict[str, Arm] = {}
    errors, partial, budgets, about = {}, [], np.empty(0), {}
    begun: dict[int, tuple[Any, ...]] = {}
    for arm in arms:
        found = [Cell(name, arm, seed).read() for seed in range(seeds)]
        failed = [r["error"] for r in found if r is not None and "error" in r]
        whole = [r for r in found if r is not None and r["labels"] and r["labels"][-1] >= min(labels, r["most"])]
        for r in found:
            if r is not None and r["labels"]:
                start = (r["rows"][: r["labels"][0]], r["accuracy"][0], r["macro_f1"][0])
                if begun.setdefault(r["seed"], start) != start:
                    which = f"{name}, seed {r['seed']}"
                    sys.exit(f"{which}: arm '{arm}' did not begin like the others: delete {folder()}.")
        if failed:
            errors[arm] = failed[0]
        elif len(whole) < seeds:
            partial.append(arm)
        else:
            about = whole[0]
            budgets = np.array([b for b in about["labels"] if b <= labels])
            scores = {m: np.array([r[m][: budgets.size] for r in whole]) for m in METRICS}
            cost = [float(np.mean([np.mean(r[f"{part}_seconds"][1:]) for r in whole])) for part in ("select", "fit")]
            kept[arm] = Arm(scores, *cost)
    if RANDOM not in kept:
        return None
    full = folder() / name / "full.json"
    ceiling = tuple(json.loads(full.read_text("utf-8"))) if full.is_file() else (math.nan, math.nan)
    return Measured(budgets, kept, ceiling, about, errors, partial)


def report(
    names: Sequence[str],
    arms: Sequence[str],
    seeds: int,
    labels: int,
    out: Path,
    show: Sequence[str],
    command: str,
    preset: str,
) -> str:
    """Markdown of all tables; writes the pictures into `out`."""
    found = {name: m for name in names if (m := read(name, arms, seeds, labels)) is not None}
    if not found:
        return "Nothing is measured yet."
    there = [arm for arm in arms if all(arm in m.arms for m in found.values())]
    order = sorted((a for a in there if a != RANDOM), key=lambda a: -_gain(found, a, "accuracy").value)
    lines = [
        f"    {command}",
        "",
        f"{len(found)} corpora ({', '.join(found)}), {seeds} seeds, from 20 to {labels} labels in batches of 20, "
        f"preset `{preset}`. Intervals of 95 % by bootstrap over the seeds.",
        "",
        *overview(found, order),
        "",
        *sizes(found),
    ]
    for metric in METRICS:
        lines += ["", *by_corpus(found, order, metric)]
    lines += ["", *crossings(found, order), "", *missing(found, arms, there)]
    draw(found, [a for a in (show or order[:5]) if a in there], out)
    return "\n".join(lines)


def _gain(found: dict[str, Measured], arm: str, metric: str) -> Estimate:
    return mean_over([_gains(m, arm, metric) for m in found.values()])


def _gains(m: Measured, arm: str, metric: str) -> np.ndarray:
    return gains(m.labels, m.arms[arm].scores[metric], m.arms[RANDOM].scores[metric])


def _crossing(m: Measured, arm: str, budget: int) -> Crossing:
    return crossing(m.labels, m.arms[arm].scores["accuracy"], m.arms[RANDOM].scores["accuracy"], budget)


def _budgets(found: dict[str, Measured]) -> list[int]:
    """The budgets that the curves of at least one corpus have, or where these end."""
    longest = int(max(m.labels[-1] for m in found.values()))
    return [b for b in BUDGETS if b <= longest] or [longest]


def overview(found: dict[str, Measured], order: Sequence[str]) -> list[str]:
    """One row an arm: gains, wins, labels needed, deficiency, seconds."""
    budgets = _budgets(found)
    head = ["strategy", "accuracy, area - random", "macro-F1, area - random", "wins : losses (sure)", "Wilcoxon p"]
    head += [f"labels for random@{b}" for b in budgets] + ["deficiency", "s to choose"]
    lines = [_row(head), "|---" + "|---:" * (len(head) - 1) + "|"]
    for arm in order:
        counted = tally([_gains(m, arm, "accuracy") for m in found.values()])
        cells = [arm, _points(_gain(found, arm, "accuracy")), _points(_gain(found, arm, "macro_f1"))]
        cells += [f"{counted.wins} : {counted.losses} ({counted.sure_wins} : {counted.sure_losses})", _p(counted.p)]
        for budget in budgets:
            each = [_crossing(m, arm, budget) for m in found.values() if budget <= m.labels[-1]]
            reached = sum(c.reached for c in each)
            cells.append(f"{np.mean([c.share for c in each]):.0%} ({reached} of {len(each)})")
        lacks = [
            deficiency(m.arms[arm].scores["accuracy"], m.arms[RANDOM].scores["accuracy"], m.full[0])
            for m in found.values()
        ]
        cells += [f"{np.nanmean(lacks):.2f}", f"{np.mean([m.arms[arm].select for m in found.values()]):.3f}"]
        lines.append(_row(cells))
    own = {b: [_crossing(m, RANDOM, b) for m in found.values() if b <= m.labels[-1]] for b in budgets}
    shares = [f"{np.mean([c.share for c in each]):.0%} ({len(each)} of {len(each)})" for each in own.values()]
    mean = [
        f"its mean {100 * np.mean([area(m.labels, m.arms[RANDOM].scores[metric]).mean() for m in found.values()]):.1f}"
        for metric in METRICS
    ]
    chosen = np.mean([m.arms[RANDOM].select for m in found.values()])
    lines.append(_row([RANDOM, *mean, "", "", *shares, "1.00", f"{chosen:.3f}"]))
    lines += [
        "",
        "Areas are mean scores over the labels, in points, minus random's with the same seeds. Wins and losses count "
        "corpora by accuracy; sure ones have an interval that leaves 0 out. Labels for random@X: those an arm needs "
        "for random's accuracy after X labels, as a share of X, the mean over the corpora (in brackets: on how many it "
        "gets "
        "there; 100 % where it does not); in random's own row, how early its own smoothed curve is there. "
        "Deficiency: what the arm lacks to the whole pool's accuracy over what random lacks.",
    ]
    return lines


def sizes(found: dict[str, Measured]) -> list[str]:
    """What the corpora are, and what random reaches."""
    head = ["corpus", "pool", "held out", "labels", "views", "random at 20", "random at the end", "whole pool"]
    lines = [
        _row(head),
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for name, m in found.items():
        r = m.arms[RANDOM].scores
        ends = [f"{100 * r['accuracy'][:, i].mean():.1f} / {100 * r['macro_f1'][:, i].mean():.1f}" for i in (0, -1)]
        ends[1] += f" ({m.labels[-1]})"
        full = f"{100 * m.full[0]:.1f} / {100 * m.full[1]:.1f}"
        about = [f"{m.about[key]:,}" for key in ("pool", "test", "classes")]
        lines.append(_row([name, *about, " + ".join(m.about["views"]), *ends, full]))
    told = "Accuracy / macro-F1; the last with all of the pool labeled. No arm is given more than half of it."
    return [*lines, "", told]


def by_corpus(found: dict[str, Measured], order: Sequence[str], metric: str) -> list[str]:
    """Gains on each corpus; bold where surely above 0, in italics where surely below."""
    lines = [f"{METRICS[metric]}, area minus random's, in points (bold: surely above 0; italics: surely below):", ""]
    lines += [_row(["strategy", *found, "mean"]), "|---" + "|---:" * (len(found) + 1) + "|"]
    for arm in order:
        cells = []
        for m in found.values():
            e = mean_interval(_gains(m, arm, metric))
            mark = "**" if e.low > 0 else "*" if e.high < 0 else ""
            cells.append(f"{mark}{100 * e.value:+.2f}{mark}")
        lines.append(_row([arm, *cells, f"{100 * _gain(found, arm, metric).value:+.2f}"]))
    return lines


def crossings(found: dict[str, Measured], order: Sequence[str]) -> list[str]:
    """Labels needed on each corpus, with intervals, and random's own."""
    lines: list[str] = []
    for budget in _budgets(found):
        usable = {name: m for name, m in found.items() if budget <= m.labels[-1]}
        lines += [f"Labels for random@{budget} (accuracy), with the interval; in the last row random's own:", ""]
        lines += [_row(["strategy", *usable]), "|---" + "|---:" * len(usable) + "|"]
        for arm in [*order, RANDOM]:
            each = [_crossing(m, arm, budget) for m in usable.values()]
            shown = [c.own if arm == RANDOM else c.arm for c in each]
            lines.append(_row([arm, *map(_labels, shown)]))
        lines.append("")
    return lines[:-1]


def missing(found: dict[str, Measured], arms: Sequence[str], there: Sequence[str]) -> list[str]:
    """Which arms are in no table, and why."""
    lines = []
    for arm in arms:
        if arm in there:
            continue
        why = {m.errors[arm]: name for name, m in found.items() if arm in m.errors}
        told = [f"{name}: {error}" for error, name in why.items()]
        lines.append(f"- `{arm}` is left out: {' '.join(told) or 'not all of it is measured'}")
    return lines


def draw(found: dict[str, Measured], arms: Sequence[str], out: Path) -> None:
    """A picture for each corpus and metric, and one of the means over the corpora that have all labels."""
    longest = max(m.labels[-1] for m in found.values())
    whole = [m for m in found.values() if m.labels[-1] == longest]
    for metric, words in METRICS.items():
        for name, m in found.items():
            curves = [_curve(arm, m.labels, m.arms[arm].scores[metric], i) for i, arm in enumerate([*arms, RANDOM])]
            figure = learning_curve(curves, title=name, y_label=f"{words}, held-out documents")
            save(figure, out / f"{name}-{metric}.png")
        means = [
            _curve(arm, whole[0].labels, np.mean([m.arms[arm].scores[metric] for m in whole], axis=0), i)
            for i, arm in enumerate([*arms, RANDOM])
        ]
        title = f"mean over {len(whole)} corpora"
        save(learning_curve(means, title=title, y_label=f"{words}, held-out documents"), out / f"mean-{metric}.png")


def _curve(arm: str, labels: np.ndarray, scores: np.ndarray, place: int) -> Curve:
    """The mean over the seeds, with its interval as the band."""
    role: Any = "random" if arm == RANDOM else "main" if place == 0 else "other"
    if len(scores) < SEEDS:
        return Curve(arm, tuple(labels), tuple(scores.mean(axis=0)), role=role)
    drawn = scores[resamples(len(scores), 1000)].mean(axis=1)
    low, high = np.percentile(drawn, percentiles(len(scores)), axis=0)
    return Curve(arm, tuple(labels), tuple(scores.mean(axis=0)), tuple(low), tuple(high), role)


# --------------------------------------------------------------------------------------------------------------- words


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _points(e: Estimate) -> str:
    value = f"{100 * e.value:+.2f}"
    return value if math.isnan(e.low) else f"{value} ({100 * e.low:+.2f} to {100 * e.high:+.2f})"


def _labels(e: Estimate) -> str:
    value, low, high = (f"{x:.0f}" if math.isfinite(x) else "not" for x in (e.value, e.low, e.high))
    return value if math.isnan(e.low) else f"{value} ({low} to {high})"


def _p(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
