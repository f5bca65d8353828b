"""How should a document's vector be made of its chunks? Texts read to find the copyleft licences, by pooling.

Reviews the demo's licence collection (`pip install licensedcode-data==32.1.0`) with docreview's own views, model and
query strategy: a random cold start, then the most relevant next, in batches of fixed size. Each pooling is measured as
the semantic view alone and fused with the lexical one, next to the lexical view alone and fusion weights.

    python benchmarks/pooling.py --cache build/pooling

prints the table of `docs/benchmarks.md`. The first run embeds for some minutes; the chunks are kept in the cache.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from docreview.cache import Cache, TextSource
from docreview.classifiers import linear_svm
from docreview.licences import COPYLEFT, licences
from docreview.metrics import read_to_recall
from docreview.models import LateFusion
from docreview.query_strategies import MostRelevant, Random
from docreview.types import Question, ReviewState, Vectors
from docreview.views.lexical import Lexical
from docreview.views.semantic import Pooling, make_semantic

RECALLS = (0.8, 0.95, 1.0)
QUESTION = Question("copyleft", ("copyleft", "other"), target="copyleft")
POOLINGS: tuple[Pooling, ...] = ("mean", "weighted-mean", "first")


def review(
    views: Mapping[str, Vectors], labels: np.ndarray, model: LateFusion, batch: int, growth: float, seed: int
) -> list[int]:
    """Read in batches of `batch`, or of the share `growth` of what was read where that is more."""
    n = labels.size
    known, rounds, order = np.full(n, -1), np.full(n, -1), np.empty(0, np.int64)
    for number in range(1, n):
        if (labels[order] == 0).sum() == (labels == 0).sum():
            break
        fresh: dict[int, object] = {}
        state = ReviewState(QUESTION, number, n, views, known, rounds, order, fitted=lambda: fresh[0])  # type: ignore[arg-type, return-value]  # noqa: B023
        size = max(batch, int(growth * order.size))
        strategy = Random() if not state.trainable else MostRelevant()
        if state.trainable:
            fresh[0] = model.fit(state, np.random.default_rng([seed, number, 1]))
        rows = strategy.select(state, size, np.random.default_rng([seed, number, 2])).rows
        known, rounds = known.copy(), rounds.copy()
        known[rows], rounds[rows] = labels[rows], number
        order = np.concatenate([order, rows])
    hits = labels[order] == 0
    return [read_to_recall(hits, recall, int((labels == 0).sum())) or n for recall in RECALLS]


def maximum(vectors: Vectors) -> Vectors:
    """Element-wise maximum of a document's chunks: no pooling of the view, measured all the same."""
    assert vectors.chunks is not None
    assert vectors.chunk_rows is not None
    starts = np.flatnonzero(np.diff(vectors.chunk_rows, prepend=-1))
    matrix = np.maximum.reduceat(np.asarray(vectors.chunks), starts)
    return Vectors(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), "maximum")


def main() -> None:
    """Build the views, run the reviews, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the chunks' vectors")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--growth", type=float, default=0.02)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.25], help="of the semantic view when fused")
    arguments = parser.parse_args()

    documents = licences()
    labels = np.array([0 if document.metadata["category"] in COPYLEFT else 1 for document in documents])
    source, cache = TextSource([document.text for document in documents], language="en"), Cache(arguments.cache)

    def show(step: str, done: int, total: int) -> None:
        print(f"\r{step} {done}/{total} ", end="", file=sys.stderr, flush=True)

    lexical = Lexical().build(source, cache, show)
    semantic = {str(pooling): make_semantic(pooling=pooling).build(source, cache, show) for pooling in POOLINGS}
    semantic["maximum"] = maximum(semantic["mean"])
    print(file=sys.stderr)

    arms: dict[str, tuple[dict[str, Vectors], float]] = {"lexical alone": ({"lexical": lexical}, 1.0)}
    arms |= {f"{name}, alone": ({"semantic": vectors}, 1.0) for name, vectors in semantic.items()}
    for weight in arguments.weights:
        for name, vectors in semantic.items():
            arms[f"{name}, fused ({weight:g})"] = ({"lexical": lexical, "semantic": vectors}, weight)
    print(f"| view | {' | '.join(f'{r:.0%}' for r in RECALLS)} | standard deviation at 95% |")
    print("|---|" + "---:|" * (len(RECALLS) + 1))
    for name, (views, weight) in arms.items():
        model = LateFusion(linear_svm(), weights={"semantic": weight})
        runs = [
            review(views, labels, model, arguments.batch, arguments.growth, seed) for seed in range(arguments.seeds)
        ]
        reads = np.array(runs)
        spread = reads[:, 1].std(ddof=1) if arguments.seeds > 1 else 0.0
        print(f"| {name} | {' | '.join(f'{v:.0f}' for v in reads.mean(axis=0))} | {spread:.0f} |", flush=True)


if __name__ == "__main__":
    main()
