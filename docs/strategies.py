"""Draws docs/strategies.png: what six query strategies ask for in one small pool. `python docs/strategies.py`.

Documents are points; the model is a logistic regression on the labeled ones; the strategies are docreview's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression

from docreview.plugins import load_plugins
from docreview.types import Question, ReviewState, Vectors, frozen

PICTURE = Path(__file__).with_suffix(".png")
BATCH = 8
PANELS: dict[str, tuple[str, dict[str, Any]]] = {
    "random: any document": ("random", {}),
    "margin: the most doubtful": ("margin", {}),
    "k-means: one of each cluster": ("k-means", {}),
    "k-center: the farthest from the rest": ("k-center", {}),
    "margin-k-means: doubtful, and unlike each other": ("margin-k-means", {"weighted": False, "prefilter": 6}),
    "facility-location: speaks for the doubtful": ("facility-location", {"informativeness": "margin"}),
}
COLORS = ("#0072B2", "#D55E00", "#009E73")


def documents() -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) of three labels: a large group of each, and a small far one of the last label."""
    rng = np.random.default_rng(4)
    centers = np.array([(-0.55, 0.1), (0.25, 0.5), (0.3, -0.45), (0.95, 0.0)])
    spreads, sizes = (0.2, 0.2, 0.22, 0.06), (110, 90, 80, 20)
    groups = zip(centers, spreads, sizes, strict=True)
    points = [rng.normal(center, spread, (size, 2)) for center, spread, size in groups]
    return np.concatenate(points), np.repeat([0, 1, 2, 2], sizes)


def state_of(points: np.ndarray, truth: np.ndarray) -> ReviewState:
    """A review of these points with 15 labels, drawn at random from the large groups."""
    rng = np.random.default_rng(1)
    # rows of unit length whose likeness falls with the distance in the plane
    rows = np.column_stack([points, np.ones(len(points))]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    large = points[:, 0] < 0.8
    read = np.concatenate([rng.choice(np.flatnonzero((truth == c) & large), 5, replace=False) for c in range(3)])
    labels = np.full(len(points), -1)
    labels[read] = truth[read]
    model = LogisticRegression(C=10).fit(points[read], truth[read])

    class Learned:
        scores = probabilities = frozen(model.predict_proba(points).astype(np.float32))

    question = Question("topic", ("a", "b", "c"))
    rounds = np.where(labels >= 0, 1, -1)
    views = {"plane": Vectors(rows, "plane")}
    return ReviewState(question, 2, len(points), views, labels, rounds, read, fitted=Learned)


def main() -> None:
    """Draw and save."""
    points, truth = documents()
    state = state_of(points, truth)
    registry = load_plugins().registry
    style: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 8}
    with rc_context(style):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        doubt = np.sort(state.probabilities, axis=1)
        doubt = 1 - (doubt[:, -1] - doubt[:, -2])
        for axes, (title, (name, settings)) in zip(figure.subplots(2, 3).ravel(), PANELS.items(), strict=True):
            strategy = registry.create("query_strategies", name, settings)
            chosen = strategy.select(state, BATCH, np.random.default_rng(2)).rows
            axes.scatter(*points.T, s=10 + 30 * doubt, c="#bbbbbb", linewidths=0)
            for label, color in enumerate(COLORS):
                read = state.labeled[state.labels[state.labeled] == label]
                axes.scatter(*points[read].T, s=28, c=color, marker="so^"[label], linewidths=0)
            axes.scatter(*points[chosen].T, s=70, facecolors="none", edgecolors="black", linewidths=1.6)
            axes.set_title(title, fontsize=8.5)
            axes.set(xticks=[], yticks=[], aspect="equal")
            axes.spines[:].set_color("#dddddd")
        figure.savefig(PICTURE, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
