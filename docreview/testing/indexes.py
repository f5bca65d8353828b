"""Checks of indexes, on vectors in clusters: those of documents are, and on vectors without any none does well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.errors import DocreviewError
from docreview.testing.common import digest, global_generators_untouched, new_cache, require
from docreview.testing.samples import make_vectors
from docreview.types import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docreview.cache import Cache
    from docreview.types import Floats, Index, VectorIndex

_RECALL, _NEAREST = 0.8, 10
#: similarities in float32, in whatever order they are summed
_CLOSE = 1e-4


def _build(index: Index, vectors: Floats, cache: Cache, segments: Sequence[tuple[int, int]] = ()) -> VectorIndex:
    whole = ((0, len(vectors)),) if len(vectors) else ()
    return index.build(vectors, segments or whole, cache, silent)


def _search(built: VectorIndex, vectors: Floats, queries: Floats, k: int) -> tuple[Any, Any]:
    """Search, and check what every answer must be."""
    import numpy as np

    rows, similarities = built.search(queries, k)
    shape = (len(queries), min(k, len(vectors)))
    require(rows.shape == shape, f"rows must have the shape {shape}, got {rows.shape}")
    require(similarities.shape == shape, f"similarities must have the shape {shape}, got {similarities.shape}")
    require(rows.dtype == np.int64, f"rows must be int64, got {rows.dtype}")
    require(similarities.dtype == np.float32, f"similarities must be float32, got {similarities.dtype}")
    require(not rows.size or (rows.min() >= 0 and rows.max() < len(vectors)), "rows must be those of the vectors")
    require(all(len(set(row)) == len(row) for row in rows.tolist()), "a row must not be found twice")
    require(np.isfinite(similarities).all(), "similarities must be finite")
    return rows, similarities


def check_index_shape(index: Index) -> None:
    """It gives k different rows (int64) and similarities (float32) for each vector asked about, for many and none."""
    vectors = make_vectors(200)
    with new_cache() as cache:
        built = _build(index, vectors, cache)
        for queries, k in ((vectors[:7], 5), (vectors[:1], 1), (vectors[:0], 5)):
            _search(built, vectors, queries, k)


def check_index_few_rows(index: Index) -> None:
    """Where there are fewer rows than are asked for it gives all that there are, also where there is one or none."""
    for n in (3, 1, 0):
        vectors = make_vectors(n)
        with new_cache() as cache:
            _search(_build(index, vectors, cache), vectors, make_vectors(4), 10)


def check_index_similarities(index: Index) -> None:
    """Its similarities are the cosines of the rows that it names, best first."""
    import numpy as np

    vectors, queries = make_vectors(300), make_vectors(20, seed=1)
    with new_cache() as cache:
        rows, similarities = _search(_build(index, vectors, cache), vectors, queries, 12)
    cosines = np.einsum("md,mkd->mk", queries, vectors[rows])
    require(np.allclose(similarities, cosines, atol=_CLOSE), "similarities must be the cosines of the rows")
    require((np.diff(similarities, axis=1) <= _CLOSE).all(), "the best must come first")


def check_index_finds_itself(index: Index) -> None:
    """A row's own vector finds that row."""
    import numpy as np

    vectors = make_vectors(300)
    with new_cache() as cache:
        rows, _ = _search(_build(index, vectors, cache), vectors, vectors, 5)
    lost = ~(rows == np.arange(300)[:, None]).any(axis=1)
    require(not lost.any(), f"row {int(lost.argmax())} is not found by its own vector")


def check_index_recall(index: Index) -> None:
    """Of the 10 nearest of 2,000 rows in clusters it finds at least 80 %, on the mean."""
    import numpy as np

    drawn = make_vectors(2_200)
    vectors, queries = drawn[:2_000], drawn[2_000:]
    with new_cache() as cache:
        _, similarities = _search(_build(index, vectors, cache), vectors, queries, _NEAREST)
    bar = np.sort(queries @ vectors.T, axis=1)[:, -_NEAREST]
    recall = float((similarities >= bar[:, None] - 1e-5).mean())
    require(recall >= _RECALL, f"it finds {recall:.0%} of the {_NEAREST} nearest, less than {_RECALL:.0%}")


def check_index_duplicates(index: Index) -> None:
    """Among many equal vectors it still finds as many rows as were asked for."""
    vectors = make_vectors(400)
    vectors[:300] = vectors[0]
    with new_cache() as cache:
        _search(_build(index, vectors, cache), vectors, vectors[295:305], 30)


def check_index_zero_rows(index: Index) -> None:
    """Rows of zeros, of documents in which nothing is seen, are no error, be they indexed or asked about."""
    vectors = make_vectors(100)
    vectors[::4] = 0
    with new_cache() as cache:
        _search(_build(index, vectors, cache), vectors, vectors[:9], 5)
    vectors[:] = 0
    with new_cache() as cache:
        _search(_build(index, vectors, cache), vectors, vectors[:3], 5)


def check_index_refuses_nan(index: Index) -> None:
    """It refuses to be built from NaN or infinity, by an error of docreview's or `ValueError`."""
    import numpy as np

    for bad in (np.nan, np.inf):
        vectors = make_vectors(50)
        vectors[20, 3] = bad
        with new_cache() as cache:
            try:
                _build(index, vectors, cache)
            except (DocreviewError, ValueError):
                continue
        raise AssertionError(f"vectors that hold {bad} must be refused")


def check_index_repeats(index: Index) -> None:
    """The same vectors give the same answers, bit for bit, from a new cache and from a used one."""
    vectors = make_vectors(500)
    with new_cache() as cache, new_cache() as other:
        answers = {digest(*_build(index, vectors, kept).search(vectors[:50], 10)) for kept in (cache, cache, other)}
    require(len(answers) == 1, "the same vectors must give the same answers, bit for bit")


def check_index_grows(index: Index) -> None:
    """Grown by an add it knows the new rows too, and answers, bit for bit, as one that was built at once."""
    import numpy as np

    vectors, adds = make_vectors(500), ((0, 300), (300, 500))
    with new_cache() as cache, new_cache() as other:
        _build(index, vectors[:300], cache)
        grown, at_once = _build(index, vectors, cache, adds), _build(index, vectors, other, adds)
        rows, similarities = _search(grown, vectors, vectors, 5)
        lost = ~(rows == np.arange(500)[:, None]).any(axis=1)
        require(not lost[300:].any(), f"row {300 + int(lost[300:].argmax())}, added later, is not found")
        require(not lost.any(), f"row {int(lost.argmax())} is no longer found")
        same = digest(rows, similarities) == digest(*at_once.search(vectors, 5))
        require(same, "one that grew must answer as one that was built at once")


def check_index_other_vectors(index: Index) -> None:
    """Built from other vectors in the same cache, it answers about those."""
    first, second = make_vectors(200), make_vectors(200, seed=1)
    with new_cache() as cache, new_cache() as other:
        _build(index, first, cache)
        again, fresh = _build(index, second, cache), _build(index, second, other)
        same = digest(*again.search(second[:20], 5)) == digest(*fresh.search(second[:20], 5))
    require(same, "what is in the cache must not be taken for the index of other vectors")


def check_index_leaves_vectors(index: Index) -> None:
    """It changes neither the vectors nor those it is asked about."""
    vectors, queries = make_vectors(100), make_vectors(10, seed=1)
    before = digest(vectors, queries)
    with new_cache() as cache:
        _search(_build(index, vectors, cache), vectors, queries, 5)
    require(digest(vectors, queries) == before, "vectors must not be changed")


def check_index_generators(index: Index) -> None:
    """It leaves the global random generators alone."""
    vectors = make_vectors(100)
    with global_generators_untouched(), new_cache() as cache:
        _search(_build(index, vectors, cache), vectors, vectors[:5], 5)
