import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from docreview.cache import Cache
from docreview.errors import EmbeddingError
from docreview.index import AutoIndex, Exact, ExactIndex, HNSWIndex, build_hnsw, find_neighbors, measured_recall
from docreview.types import Vectors


def clustered(n: int, dim: int = 24, clusters: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((clusters, dim))
    points = centers[rng.integers(0, clusters, n)] + 0.4 * rng.standard_normal((n, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def segments(*ends: int) -> list[tuple[int, int]]:
    return list(pairwise([0, *ends]))


def test_exact_search_agrees_with_a_full_sort() -> None:
    vectors = clustered(500)
    rows, similarities = Exact(vectors).search(vectors[:50], 7)
    full = vectors[:50] @ vectors.T
    wanted = np.argsort(-full, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_allclose(similarities, np.take_along_axis(full, wanted, axis=1), atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(4)), elements=st.sampled_from([0, 1, -1, 0.5])),
    st.integers(1, 50),
)
def test_exact_search_with_ties_and_k_beyond_n(vectors: np.ndarray, k: int) -> None:
    rows, similarities = Exact(vectors).search(vectors, k)
    assert rows.shape == similarities.shape == (len(vectors), min(k, len(vectors)))
    assert all(len(set(row)) == len(row) for row in rows.tolist())
    assert (np.diff(similarities, axis=1) <= 0).all()
    full = vectors @ vectors.T
    np.testing.assert_allclose(similarities, -np.sort(-full, axis=1)[:, : rows.shape[1]], atol=1e-6)


@pytest.mark.parametrize("n", [1500, 9001])
def test_exact_search_among_many_orders_ties_by_row(n: int) -> None:
    vectors = clustered(n)
    vectors[::3] = vectors[3]  # a third of all is one text
    vectors[5] = 0
    full = vectors[:40] @ vectors.T
    rows, similarities = Exact(vectors).search(vectors[:40], 20)
    wanted = np.argsort(-full, axis=1, kind="stable")[:, :20]
    np.testing.assert_array_equal(rows, wanted)
    np.testing.assert_array_equal(similarities, np.take_along_axis(full, wanted, axis=1))
    assert rows[5].tolist() == list(range(20))
    assert (rows[3] % 3 == 0).all()


def test_exact_search_of_nothing() -> None:
    empty = np.empty((0, 4), np.float32)
    assert Exact(empty).search(clustered(3, 4), 5)[0].shape == (3, 0)
    assert Exact(clustered(3, 4)).search(empty, 5)[0].shape == (0, 3)


def test_hnsw_finds_nearly_what_exact_search_finds(tmp_path: Path) -> None:
    vectors = clustered(3000)
    index = build_hnsw(vectors, segments(3000), HNSWIndex(), Cache(tmp_path))
    assert measured_recall(index, Exact(vectors), vectors[::20], 10) > 0.98
    rows, similarities = index.search(vectors[:5], 3)
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-5)
    assert index.search(vectors[:2], 10_000)[0].shape == (2, 3000)


def test_measured_recall_sees_what_is_missed() -> None:
    vectors = clustered(400)

    class Half:
        def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
            rows, similarities = Exact(vectors).search(queries, 2 * k)
            return rows[:, ::2], similarities[:, ::2]

    assert measured_recall(Half(), Exact(vectors), vectors[:50], 10) == pytest.approx(0.5, abs=0.05)
    assert measured_recall(Exact(vectors), Exact(vectors), vectors[:50], 10) == 1


def test_a_graph_that_grew_is_the_one_built_at_once(tmp_path: Path) -> None:
    vectors = clustered(2000)
    grown = Cache(tmp_path / "grown")
    build_hnsw(vectors[:1200], segments(1200), HNSWIndex(), grown)
    build_hnsw(vectors[:1201], segments(1200, 1201), HNSWIndex(), grown)
    build_hnsw(vectors, segments(1200, 1201, 2000), HNSWIndex(), grown)
    at_once = Cache(tmp_path / "at_once")
    build_hnsw(vectors, segments(1200, 1201, 2000), HNSWIndex(), at_once)
    newest = {p.parent.name: p.read_bytes() for p in (tmp_path / "grown").glob("hnsw/*/graph.bin")}
    other = {p.parent.name: p.read_bytes() for p in (tmp_path / "at_once").glob("hnsw/*/graph.bin")}
    assert newest == other
    assert len(newest) == 2
    again = build_hnsw(vectors, segments(1200, 1201, 2000), HNSWIndex(), at_once)
    assert again.search(vectors[:1], 50)[0].shape == (1, 50)


def test_a_damaged_graph_is_built_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vectors = clustered(300)
    build_hnsw(vectors, segments(300), HNSWIndex(), Cache(tmp_path))
    (path,) = tmp_path.glob("hnsw/*/graph.bin")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    with caplog.at_level(logging.WARNING):
        build_hnsw(vectors, segments(300), HNSWIndex(), Cache(tmp_path))
    assert "made again" in caplog.text
    assert path.read_bytes() == whole


def test_many_equal_vectors(tmp_path: Path) -> None:
    vectors = np.concatenate([np.repeat(clustered(1), 900, axis=0), clustered(600, seed=1)])
    index = build_hnsw(vectors, segments(1500), HNSWIndex(), Cache(tmp_path))
    rows, _ = index.search(vectors[::50], 300)
    assert rows.shape == (30, 300)


def test_nan_is_refused(tmp_path: Path) -> None:
    vectors = clustered(100)
    vectors[42, 3] = np.nan
    with pytest.raises(EmbeddingError, match="row 42 holds NaN"):
        Exact(vectors)
    with pytest.raises(EmbeddingError, match="row 42 holds NaN"):
        build_hnsw(vectors, segments(100), HNSWIndex(), Cache(tmp_path))


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_neighbors_are_others_and_kept(kind: str, tmp_path: Path) -> None:
    vectors = clustered(1500)
    vectors[7] = 0
    vectors[100:140] = vectors[100]
    view = Vectors(vectors, "abc")
    told: list[tuple[str, int, int]] = []
    chosen = {"exact": ExactIndex(), "hnsw": HNSWIndex()}[kind]
    found, notes = find_neighbors(view, "v", segments(1500), chosen, 6, Cache(tmp_path), lambda *a: told.append(a))
    assert found.rows.shape == found.similarities.shape == (1500, 6)
    assert found.rows.dtype == np.int32
    assert not (found.rows == np.arange(1500)[:, None]).any()
    assert (found.rows[7] == -1).all()
    full = vectors @ vectors.T
    np.fill_diagonal(full, -2)
    best = -np.sort(-full, axis=1)[:, :6]
    seeing = np.arange(1500) != 7
    right = found.similarities[seeing] >= best[seeing][:, -1:] - 1e-5
    assert right.mean() > 0.97
    if kind == "exact":
        assert right.all()
    assert notes["kind"] == kind
    assert notes["recall"] == pytest.approx(right.mean(), abs=0.03)
    assert told[-1] == ("neighbors", 1500, 1500)
    told.clear()
    again, _ = find_neighbors(view, "v", segments(1500), chosen, 6, Cache(tmp_path), lambda *a: told.append(a))
    assert told == []
    np.testing.assert_array_equal(again.rows, found.rows)
    assert again.fingerprint == found.fingerprint


def test_neighbors_of_a_tiny_corpus_are_padded(tmp_path: Path) -> None:
    view = Vectors(clustered(3), "abc")
    found, _ = find_neighbors(view, "v", segments(3), AutoIndex(), 20, Cache(tmp_path))
    assert (found.rows[:, :2] >= 0).all()
    assert (found.rows[:, 2:] == -1).all()


def test_the_kind_follows_the_size() -> None:
    auto = AutoIndex(exact_below=100, ef=50)
    assert [auto.chosen(n) for n in (0, 99, 100)] == [ExactIndex(), ExactIndex(), HNSWIndex(ef=50)]


@pytest.mark.parametrize("index", [HNSWIndex, AutoIndex])
@pytest.mark.parametrize("wrong", [{"m": 1}, {"ef": 0}, {"threads": 0}])
def test_settings_out_of_range(index: type, wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        index(**wrong)
