"""Times docreview's neighbor index against bare hnswlib and against exact search: build, query, recall.

    python benchmarks/index.py [--rows 100000] [--dim 384] [--vectors FILE.npy] [--threads 1]

Vectors are clustered and of unit length (on unclustered random vectors every graph index fails, and no corpus is like
that) unless a file is named. Prints rows for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def timed(run: Callable[[], T]) -> tuple[float, T]:
    """Wall seconds, and what came of it."""
    began = time.perf_counter()
    value = run()
    return time.perf_counter() - began, value


def main() -> int:
    """Build, search, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--k", type=int, default=20)
    options = parser.parse_args()

    import hnswlib
    import numpy as np

    from docreview.cache import Cache
    from docreview.index import AutoIndex, Exact, HNSWIndex, build_hnsw, find_neighbors, measured_recall
    from docreview.types import Vectors

    rng = np.random.default_rng(0)
    if options.vectors:
        vectors = np.load(options.vectors)[: options.rows].astype(np.float32)
    else:
        centers = rng.standard_normal((max(1, options.rows // 100), options.dim), np.float32)
        vectors = centers[rng.integers(0, len(centers), options.rows)]
        vectors += 0.7 * rng.standard_normal(vectors.shape, np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n, dim = vectors.shape
    queries, k = vectors[rng.choice(n, min(n, options.queries), replace=False)], options.k
    settings = HNSWIndex(threads=options.threads)
    rows: list[tuple[str, float, float, float]] = []

    def bare() -> Any:
        index = hnswlib.Index(space="ip", dim=dim)
        index.init_index(max_elements=n, M=settings.m, ef_construction=settings.ef_construction)
        index.add_items(vectors, num_threads=options.threads)
        index.set_ef(settings.ef)
        return index

    exact = Exact(vectors)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        built, index = timed(lambda: build_hnsw(vectors, [(0, n)], settings, cache))
        searched, _ = timed(lambda: index.search(queries, k))
        rows.append(("docreview HNSW", built, searched, measured_recall(index, exact, queries[:200], k)))
        built, peer = timed(bare)
        searched, found = timed(lambda: peer.knn_query(queries, k=k))
        _, wanted = exact.search(queries[:200], k)
        recall = float(np.mean(1 - found[1][:200] >= wanted[:, -1:] - 1e-5))
        rows.append(("bare hnswlib", built, searched, recall))
        searched, _ = timed(lambda: exact.search(queries, k))
        rows.append(("docreview exact", 0, searched, 1))
        loaded, _ = timed(lambda: build_hnsw(vectors, [(0, n)], settings, cache))
        listed, (_, notes) = timed(
            lambda: find_neighbors(Vectors(vectors, "benchmark"), "v", [(0, n)], AutoIndex(), 20, cache)
        )

    print(f"{n} x {dim}, M {settings.m}, ef_construction {settings.ef_construction}, ef {settings.ef}, k {k}, "
          f"{options.threads} building thread(s), {os.cpu_count()} cores")  # fmt: skip
    print(f"| index | build | {len(queries)} queries | recall@{k} |\n|---|---|---|---|")
    for name, built, searched, recall in rows:
        each = 1000 * searched / len(queries)
        print(f"| {name} | {built:.1f} s | {searched:.2f} s ({each:.2f} ms each) | {recall:.3f} |")
    print(f"\nloading a stored index: {loaded:.2f} s; neighbors of all rows ({notes['kind']}): {listed:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
