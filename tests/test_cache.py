import logging
import os
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docreview.cache import Cache, TextSource, blocks, fingerprint
from docreview.errors import StoreError


def write(cache: Cache, key: str, **arrays: np.ndarray) -> None:
    with cache.write(key, note="kept") as writer:
        for name, array in arrays.items():
            writer.array(name, array)


def test_arrays_and_notes_come_back_memory_mapped_and_read_only(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    big, small = np.arange(100_000, dtype=np.float32).reshape(-1, 4), np.arange(3)
    write(cache, "kind/a", big=big, small=small)
    entry = cache.load("kind/a")
    assert entry is not None
    assert entry.notes == {"note": "kept"}
    np.testing.assert_array_equal(entry.arrays["big"], big)
    np.testing.assert_array_equal(entry.arrays["small"], small)
    assert isinstance(entry.arrays["big"].base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        entry.arrays["big"][0, 0] = 1
    assert "kind/a" in cache
    assert "kind/b" not in cache
    assert cache.load("kind/b") is None


def test_an_array_filled_in_place(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.write("kind/a") as writer:
        writer.empty("x", (50_000,), np.float32)[:] = 7
        writer.empty("nothing", (0, 3), np.float32)
    entry = cache.load("kind/a")
    assert entry is not None
    assert (entry.arrays["x"] == 7).all()
    assert entry.arrays["nothing"].shape == (0, 3)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 10)


def scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_shape(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros((2, 2)))


@pytest.mark.parametrize("harm", [cut, scribble, empty, other_shape, Path.unlink])
@pytest.mark.parametrize("file", ["x.npy", "entry.json"])
def test_a_misfit_is_logged_and_never_used(harm, file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(Cache(tmp_path), "kind/a", x=np.arange(30_000, dtype=np.float32))
    harm(tmp_path / "kind/a" / file)
    cache = Cache(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert cache.load("kind/a") is None
    assert "kind/a is made again" in caplog.text
    write(cache, "kind/a", x=np.ones(5))
    entry = cache.load("kind/a")
    assert entry is not None
    assert entry.arrays["x"].tolist() == [1] * 5


def test_an_exception_while_writing_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def stopped() -> None:
        with cache.write("kind/a") as writer:
            writer.array("x", np.ones(3))
            raise KeyError

    with pytest.raises(KeyError):
        stopped()
    assert "kind/a" not in cache
    assert list((tmp_path / "kind").iterdir()) == []


def test_writing_what_is_there_replaces_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    write(cache, "kind/a", x=np.zeros(3))
    write(cache, "kind/a", x=np.ones(3))
    entry = cache.load("kind/a")
    assert entry is not None
    assert entry.arrays["x"].tolist() == [1, 1, 1]
    assert [path.name for path in (tmp_path / "kind").iterdir()] == ["a"]


def test_another_process_may_write_the_same_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, other = Cache(tmp_path), Cache(tmp_path)

    def then_the_other(key: str) -> None:
        """The other one writes its entry between our look and our rename."""
        Cache.discard(cache, key)
        write(other, key, x=np.zeros(3))

    write(cache, "kind/a", x=np.zeros(3))
    monkeypatch.setattr(cache, "discard", then_the_other)
    write(cache, "kind/a", x=np.zeros(3))
    assert cache.load("kind/a") is not None
    assert [path.name for path in (tmp_path / "kind").iterdir()] == ["a"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot write to the cache in .*file: .*\. Make room there"):
        write(Cache(tmp_path / "file"), "kind/a", x=np.ones(3))


def test_a_cache_that_is_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot delete .* from the cache: Not a directory\. Make"):
        Cache(tmp_path / "file").load("kind/a")


def test_leftovers_of_killed_processes_go_and_those_at_work_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name, age in [("old.1.2.tmp", 7200), ("new.1.2.tmp", 0)]:
        (tmp_path / "kind" / name).mkdir(parents=True)
        then = time.time() - age
        os.utime(tmp_path / "kind" / name, (then, then))
    cache.sweep()
    assert [path.name for path in (tmp_path / "kind").iterdir()] == ["new.1.2.tmp"]


def test_the_newest_entries_are_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for age, name in enumerate("abcd"):
        write(cache, f"kind/{name}", x=np.ones(1))
        os.utime(tmp_path / "kind" / name, (1_000_000 - age, 1_000_000 - age))
    write(cache, "other/a", x=np.ones(1))
    cache.keep_newest("kind", 2)
    assert sorted(path.name for path in (tmp_path / "kind").iterdir()) == ["a", "b"]
    assert "other/a" in cache


def test_fingerprints_differ_with_every_part() -> None:
    names = [
        fingerprint(),
        fingerprint("a"),
        fingerprint("a", "b"),
        fingerprint(["a", "b"]),
        fingerprint("ab"),
        fingerprint({"a": 1}),
        fingerprint({"a": 1.5}),
        fingerprint("\ud800"),
        fingerprint(None),
    ]
    assert len(set(names)) == len(names)
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


@given(st.lists(st.integers(1, 40), max_size=6), st.integers(1, 15))
def test_blocks_cover_every_row_once_and_never_cross_an_add(lengths: list[int], size: int) -> None:
    ends = np.cumsum([0, *lengths]).tolist()
    adds = tuple(pairwise(ends))
    cut = blocks(TextSource([""] * ends[-1], adds=adds), size)
    assert [row for start, stop in cut for row in range(start, stop)] == list(range(ends[-1]))
    assert all(stop - start <= size for start, stop in cut)
    assert all(any(a <= start and stop <= b for a, b in adds) for start, stop in cut)
    # what was there before an add is cut the same way after it
    fewer = blocks(TextSource([""] * sum(lengths[:-1]), adds=adds[:-1]), size)
    assert cut[: len(fewer)] == fewer
