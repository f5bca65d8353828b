"""Nearest rows: exact search for small corpora and as the yardstick, an hnswlib graph for large ones.

HNSW: Malkov and Yashunin (2018). What hnswlib does that must be known here, all of it measured: a build with two
threads differs from run to run, one with a single thread does not; `ef` is lost when an index is saved; asking for
more rows than there are is an error; NaN is taken without a word; the generator that draws levels starts anew after
each load. So an index is built by one thread, add by add, with a save and a load between two adds: then one that grew
with the corpus and one built at once are the same, byte for byte. Nothing is ever deleted from it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docreview.cache import Cache, fingerprint
from docreview.contracts import check_search, guarded
from docreview.errors import EmbeddingError
from docreview.hookspecs import Register, hookimpl
from docreview.registry import component_name, registration_of
from docreview.types import Index, Neighbors, Progress, VectorIndex, Vectors, silent

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Floats, Ints

log = logging.getLogger(__name__)

_BLOCK = 32_000_000  # similarities computed at a time: 128 MB
_SAMPLE = 200  # rows whose neighbors are compared with exact search
_COLUMNS = 64  # similarities of which the best one is looked at first
_STEP = 5_000  # rows between two reports of progress


@dataclass(frozen=True)
class ExactIndex:
    """Search of all vectors, which misses nothing: 5 to 12 ms a query over 100,000 documents."""

    kind: ClassVar[str] = "exact"

    def build(
        self, vectors: Floats, segments: Sequence[tuple[int, int]], cache: Cache, progress: Progress = silent
    ) -> VectorIndex:
        """Nothing is built: the vectors are the index."""
        return Exact(vectors)


@dataclass(frozen=True)
class HNSWIndex:
    """A navigable graph in several layers, which finds nearly all in a fraction of the time.

    `m` is the number of links of a node, `ef_construction` and `ef` that of candidates while building and while
    searching. `threads` is of the build: with more than one, two builds differ.

    Paper: Malkov and Yashunin 2018, Efficient and robust approximate nearest neighbor search using HNSW graphs.
    """

    m: int = 16
    ef_construction: int = 200
    ef: int = 200
    threads: int = 1

    kind: ClassVar[str] = "hnsw"

    def __post_init__(self) -> None:
        for name in ("ef_construction", "ef", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"setting '{name}' must be 1 or more, got {getattr(self, name)}.")
        if not 2 <= self.m <= 512:
            raise ValueError(f"setting 'm' must be from 2 to 512, got {self.m}.")

    def build(
        self, vectors: Floats, segments: Sequence[tuple[int, int]], cache: Cache, progress: Progress = silent
    ) -> VectorIndex:
        """The graph, grown add by add, from the cache as far as it goes; of no rows there is none."""
        return build_hnsw(vectors, segments, self, cache, progress) if len(vectors) else Exact(vectors)


@dataclass(frozen=True)
class AutoIndex:
    """Exact below `exact_below` documents, where that is faster, and HNSW, with its settings, above."""

    exact_below: int = 20_000
    m: int = 16
    ef_construction: int = 200
    ef: int = 200
    threads: int = 1

    def __post_init__(self) -> None:
        _ = self.hnsw  # refuses wrong settings now and not when the corpus has grown

    @property
    def hnsw(self) -> HNSWIndex:
        """The index of a large corpus."""
        return HNSWIndex(self.m, self.ef_construction, self.ef, self.threads)

    def chosen(self, n: int) -> Index:
        """The index for `n` documents."""
        return self.hnsw if n >= self.exact_below and n else ExactIndex()

    def build(
        self, vectors: Floats, segments: Sequence[tuple[int, int]], cache: Cache, progress: Progress = silent
    ) -> VectorIndex:
        """Build the chosen one."""
        return self.chosen(len(vectors)).build(vectors, segments, cache, progress)


def check_finite(vectors: Floats) -> None:
    """Raise `EmbeddingError`, naming the first row, where a vector holds NaN or infinity."""
    import numpy as np

    for start in range(0, len(vectors), _STEP):
        bad = ~np.isfinite(vectors[start : start + _STEP]).all(axis=1)
        if bad.any():
            raise EmbeddingError(
                f"the vector of row {start + int(bad.argmax())} holds NaN or infinity: it cannot be indexed. "
                "Embed again, in float32 if it was another precision."
            )


class Exact:
    """Exact search: similarities to all rows, block by block."""

    def __init__(self, vectors: Floats) -> None:
        check_finite(vectors)
        self.vectors = vectors

    def search(self, vectors: Floats, k: int) -> tuple[Ints, Floats]:
        """Rows (m, k) and cosine similarities (m, k) of unit vectors, best first, ties by row; k is capped at n."""
        import numpy as np

        n = len(self.vectors)
        k = min(k, n)
        rows = np.empty((len(vectors), k), np.int64)
        similarities = np.empty((len(vectors), k), np.float32)
        step = max(1, _BLOCK // max(1, n))
        for start in range(0, len(vectors) if k else 0, step):
            part = slice(start, start + step)
            rows[part], similarities[part] = _top(vectors[part] @ self.vectors.T, k)
        return rows, similarities


def _top(scores: Floats, k: int) -> tuple[Ints, Floats]:
    """The k best columns of each row, best first, ties by column.

    The k-th best of the maxima of groups of columns is no better than the k-th best of all: what reaches it are a few
    more than k candidates, found in one pass, several times faster than by partitioning.
    """
    import numpy as np

    groups = scores.shape[1] // _COLUMNS
    if groups < 2 * k:
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return best, np.take_along_axis(scores, best, axis=1)
    maxima = scores[:, : groups * _COLUMNS].reshape(len(scores), groups, _COLUMNS).max(axis=2)
    hits = scores >= np.partition(maxima, groups - k, axis=1)[:, groups - k, None]
    counts = hits.sum(axis=1)
    tied = counts > 8 * k  # equal texts, or a query of zeros
    hits[tied] = False
    counts[tied] = 0
    rows, columns = np.nonzero(hits)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.full((len(scores), max(k, int(counts.max(initial=0)))), -np.inf, np.float32)
    candidates = np.zeros(padded.shape, np.int64)
    padded[rows, place], candidates[rows, place] = scores[rows, columns], columns
    order = np.argsort(-padded, axis=1, kind="stable")[:, :k]
    best, found = np.take_along_axis(candidates, order, axis=1), np.take_along_axis(padded, order, axis=1)
    for row in np.flatnonzero(tied):
        best[row] = np.argsort(-scores[row], kind="stable")[:k]
        found[row] = scores[row, best[row]]
    return best, found


class HNSW:
    """Search in an hnswlib graph over `vectors`: made by `build_hnsw`."""

    def __init__(self, graph: Any, vectors: Floats, ef: int) -> None:
        self.graph = graph
        self.vectors = vectors
        self.ef = ef

    def search(self, vectors: Floats, k: int) -> tuple[Ints, Floats]:
        """Rows (m, k) and cosine similarities (m, k) of unit vectors, best first; k is capped at n."""
        import numpy as np

        check_finite(vectors)
        k = min(k, len(self.vectors))
        if not k or not len(vectors):
            return np.empty((len(vectors), k), np.int64), np.empty((len(vectors), k), np.float32)
        self.graph.set_ef(max(self.ef, k))
        try:
            rows, distances = self.graph.knn_query(vectors, k=k)
        except RuntimeError:
            # many equal vectors can cut the graph into islands smaller than k
            log.warning("the index reached fewer than %d rows: %d queries are searched exactly", k, len(vectors))
            return Exact(self.vectors).search(vectors, k)
        return rows.astype(np.int64), (1 - distances).astype(np.float32)


def build_hnsw(
    vectors: Floats,
    segments: Sequence[tuple[int, int]],
    settings: HNSWIndex,
    cache: Cache,
    progress: Progress = silent,
) -> HNSW:
    """The graph over unit `vectors` (n, d), grown add by add (`segments`), from the cache as far as it goes."""
    import hnswlib
    import numpy as np

    if settings.threads > 1:
        log.info("the index is built by %d threads: two builds of it will differ", settings.threads)
    check_finite(vectors)
    n, dim = vectors.shape
    keys, name = [], fingerprint("hnsw 1", dim, settings.m, settings.ef_construction, settings.threads)
    for start, stop in segments:
        content = np.ascontiguousarray(vectors[start:stop], np.float32)
        name = fingerprint(name, blake2b(content.data, digest_size=20).hexdigest())
        keys.append(f"hnsw/{name}")
    done = next((i for i in reversed(range(len(keys))) if keys[i] in cache), -1)
    entry = None
    while done >= 0 and (entry := cache.load(keys[done])) is None:
        done -= 1
    path = entry.folder / "graph.bin" if entry else None
    graph: Any = None
    for i in range(done + 1, len(segments)):
        start, stop = segments[i]
        if path is None:
            graph = hnswlib.Index(space="ip", dim=dim)
            graph.init_index(max_elements=max(1, stop), M=settings.m, ef_construction=settings.ef_construction)
        else:
            graph = _loaded(path, dim, stop)
        for at in range(start, stop, _STEP):
            end = min(at + _STEP, stop)
            graph.add_items(vectors[at:end], np.arange(at, end), num_threads=settings.threads)
            progress("index", end, n)
        with cache.write(keys[i]) as writer:
            graph.save_index(str(writer.folder / "graph.bin"))
        path = cache.folder / keys[i] / "graph.bin"
        cache.keep_newest("hnsw", 2)
    if graph is None:
        graph = _loaded(path, dim, n)
    graph.set_num_threads(os.cpu_count() or 1)  # of searching, where they change nothing but the time
    return HNSW(graph, vectors, settings.ef)


def _loaded(path: Path | None, dim: int, capacity: int) -> Any:
    import hnswlib

    graph = hnswlib.Index(space="ip", dim=dim)
    graph.load_index(str(path), max_elements=capacity)
    return graph


def measured_recall(index: VectorIndex, exact: VectorIndex, queries: Floats, k: int = 20) -> float:
    """Share of the k nearest rows that `index` finds, mean over `queries` (m, d).

    A row as near as the k-th nearest counts as found: among equal texts there is no one right answer.
    """
    import numpy as np

    if not len(queries):
        return 1.0
    _, found = index.search(queries, k)
    _, wanted = exact.search(queries, k)
    return float(np.mean(found >= wanted[:, -1:] - 1e-5))


def neighbors_key(vectors: Vectors, segments: Sequence[tuple[int, int]], index: Index, k: int) -> str:
    """Name of the lists of `k` neighbors in the cache."""
    chosen = _chosen(index, vectors.matrix.shape[0])
    how = ["exact"] if isinstance(chosen, ExactIndex) else [component_name(chosen), list(segments)]
    return f"neighbors/{fingerprint('neighbors 2', vectors.fingerprint, k, how)}"


def _chosen(index: Index, n: int) -> Index:
    return index.chosen(n) if isinstance(index, AutoIndex) else index


def find_neighbors(
    vectors: Vectors,
    view: str,
    segments: Sequence[tuple[int, int]],
    index: Index,
    k: int,
    cache: Cache,
    progress: Progress = silent,
) -> tuple[Neighbors, Mapping[str, Any]]:
    """Each row's `k` nearest other rows, from the cache or made, and how: kind, k, recall on a sample, seconds.

    Rows without anything to see (zero vectors) have none.
    """
    key = neighbors_key(vectors, segments, index, k)
    entry = cache.load(key)
    if entry is None:
        _make(vectors.matrix, segments, _chosen(index, vectors.matrix.shape[0]), k, cache, progress, key)
        entry = cache.load(key)
    if entry is None:
        raise EmbeddingError(f"the neighbors just written to {cache.folder} cannot be read back: check that disk.")
    name = key.partition("/")[2]
    return Neighbors(entry.arrays["rows"], entry.arrays["similarities"], view, name), entry.notes


def _make(
    matrix: Any,
    segments: Sequence[tuple[int, int]],
    index: Index,
    k: int,
    cache: Cache,
    progress: Progress,
    key: str,
) -> None:
    import numpy as np

    began = time.perf_counter()
    n = matrix.shape[0]
    is_exact = isinstance(index, ExactIndex)
    entry = registration_of(index)
    with guarded(entry, "building its index"):
        built = index.build(matrix, segments, cache.of(index), progress)
    rows = np.full((n, k), -1, np.int32)
    similarities = np.zeros((n, k), np.float32)
    step = max(1, min(_STEP, _BLOCK // max(1, n))) if is_exact else _STEP
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        with guarded(entry, "searching"):
            answer = built.search(np.asarray(matrix[part]), k + 1)
        found, scores = check_search(index, answer, part.stop - start, min(k + 1, n), n)
        others, scores = _without_self(found, scores, start)
        rows[part, : others.shape[1]], similarities[part, : others.shape[1]] = others[:, :k], scores[:, :k]
        progress("neighbors", part.stop, n)
    blind = _zero_rows(matrix)
    rows[blind], similarities[blind] = -1, 0
    kind = entry.name if entry is not None else getattr(index, "kind", type(index).__name__)
    with cache.write(key, kind=kind, k=k, view_rows=n) as writer:
        writer.array("rows", rows)
        writer.array("similarities", similarities)
        if is_exact:
            writer.notes["recall"] = 1.0
        else:
            sample = np.random.default_rng(0).choice(n, min(_SAMPLE, n), replace=False)
            queries = np.asarray(matrix[np.sort(sample)])
            writer.notes["recall"] = round(measured_recall(built, Exact(matrix), queries, k), 4)
        writer.notes["seconds"] = round(time.perf_counter() - began, 2)


def _without_self(rows: Ints, scores: Floats, start: int) -> tuple[Ints, Floats]:
    """Drop each query's own row, or the last one found where it is not among them (equal texts)."""
    import numpy as np

    own = rows == np.arange(start, start + len(rows))[:, None]
    drop = np.where(own.any(axis=1), own.argmax(axis=1), rows.shape[1] - 1)
    keep = np.ones(rows.shape, bool)
    keep[np.arange(len(rows)), drop] = False
    shape = (len(rows), rows.shape[1] - 1)
    return rows[keep].reshape(shape), scores[keep].reshape(shape)


def _zero_rows(matrix: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    import numpy as np

    zero = np.empty(len(matrix), bool)
    for at in range(0, len(matrix), _STEP):
        zero[at : at + _STEP] = ~matrix[at : at + _STEP].any(axis=1)
    return zero


@hookimpl
def register_indexes(register: Register) -> None:
    """Register docreview's own indexes."""
    register("auto", AutoIndex)
    register("exact", ExactIndex)
    register("hnsw", HNSWIndex)
