"""TF-IDF of n-grams of any kind: what the views `lexical` and `characters` share.

N-grams are counted under a 53-bit hash: there is no vocabulary to hold, to merge or to keep in order, and among a
hundred million different n-grams one pair shares a hash. Counts are kept by blocks of documents; adding documents
counts those alone and then weighs everything anew, since every document changes how rare an n-gram is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

from docreview.cache import Cache, Entry, Source, blocks, fingerprint
from docreview.errors import StoreError
from docreview.types import Progress, Vectors, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import scipy.sparse as sp

    from docreview.types import Ints

    Hashes = npt.NDArray[np.uint64]

_BLOCK = 512  # documents, at most 2,048: a document's place in its block takes 11 bits of a sort key
BITS = 53


@dataclass(frozen=True)
class Counts:
    """How often each n-gram occurs in each of m texts.

    `columns` (u,) are the hashes of the n-grams, sorted; `indices`, `counts` and `indptr` a CSR (m, u) with the indices
    of each row in order.
    """

    columns: Hashes
    indices: npt.NDArray[Any]
    counts: npt.NDArray[Any]
    indptr: npt.NDArray[Any]


@dataclass(frozen=True)
class Occurrences:
    """Where the n-grams of a text stand: its `spans`, and for each occurrence its hash and its share of a span.

    `hashes`, `at` (index of the span) and `shares` are of one length; an n-gram that reaches over several spans is
    there once for each, with shares that sum to one.
    """

    spans: list[tuple[int, int]]
    hashes: Hashes
    at: Ints
    shares: npt.NDArray[np.float64]


class TfIdf(ABC):
    """A view that weighs n-grams: a kind of it says what it counts.

    Sublinear term frequency, smooth idf, unit rows (Salton and Buckley 1988, as in scikit-learn). N-grams in more than
    the share `max_df` or in fewer than `min_df` documents are left out.
    """

    max_df: float
    min_df: int

    dense: ClassVar[bool] = False
    #: names what is kept in the cache
    kind: ClassVar[str]
    #: what progress calls the counting
    step: ClassVar[str]
    #: raised when tokens or hashes change, so that older counts are made again
    format: ClassVar[int] = 2

    @abstractmethod
    def counted_by(self) -> tuple[Any, ...]:
        """What counts depend on beside the texts: the first a name of the kind."""

    @abstractmethod
    def settings(self) -> tuple[Any, ...]:
        """All settings, in order."""

    @abstractmethod
    def count(self, texts: Sequence[str]) -> Counts:
        """Count the n-grams of at most 2,048 texts."""

    @abstractmethod
    def locate(self, text: str) -> Occurrences:
        """Say where the n-grams of a text stand."""

    def check(self) -> None:
        """Raise `ValueError` where a setting is out of range."""
        if not 0 < self.max_df <= 1:
            raise ValueError(f"setting 'max_df' must be above 0 and at most 1, got {self.max_df}.")
        if self.min_df < 1:
            raise ValueError(f"setting 'min_df' must be 1 or more, got {self.min_df}.")

    def _key(self, source: Source, start: int, stop: int) -> str:
        name, *settings = self.counted_by()
        return f"counts/{fingerprint(name, self.format, *settings, source.digest(start, stop))}"

    def remaining(self, source: Source, cache: Cache) -> int:
        """Documents not counted yet."""
        cut = blocks(source, _BLOCK)
        return sum(stop - start for start, stop in cut if self._key(source, start, stop) not in cache)

    def _names(self, source: Source) -> tuple[list[tuple[int, int]], list[str], str, str]:
        """The blocks and their keys, and the kind and the name of the weights."""
        cut = blocks(source, _BLOCK)
        keys = [self._key(source, start, stop) for start, stop in cut]
        kind = f"{self.kind}-{fingerprint(*self.settings())[:8]}"
        return cut, keys, kind, fingerprint(self.kind, self.format, self.max_df, self.min_df, keys)

    def build(self, source: Source, cache: Cache, progress: Progress = silent) -> Vectors:
        """TF-IDF rows (n, d), CSR, columns those that occur; progress in documents."""
        import scipy.sparse as sp

        cut, keys, kind, name = self._names(source)
        entry = cache.load(f"{kind}/{name}")
        if entry is None:
            counts = []
            for key, (start, stop) in zip(keys, cut, strict=True):
                counts.append(self._counted(cache, key, source, start, stop))
                progress(self.step, stop, source.n)
            self._weigh(counts, source.n, cache, f"{kind}/{name}")
            entry = _there(cache, f"{kind}/{name}")
            cache.keep_newest(kind, 2)
        arrays = entry.arrays
        weights = Weights(self, arrays["columns"], arrays["idf"])
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        matrix = sp.csr_array(parts, shape=(source.n, weights.width), copy=False)
        return Vectors(matrix, name, explain=weights.explain, embed=weights.embed)

    def learned(self, source: Source, cache: Cache) -> dict[str, Any]:
        """The n-grams of the corpus and how rare they are."""
        self.build(source, cache)
        _, _, kind, name = self._names(source)
        arrays = _there(cache, f"{kind}/{name}").arrays
        return {"format": self.format, "columns": arrays["columns"], "idf": arrays["idf"]}

    def see(self, learned: Mapping[str, Any], source: Source, cache: Cache) -> sp.csr_array:
        """Rows of other documents; n-grams that the corpus does not have are left out."""
        if learned["format"] != self.format:
            raise ValueError(f"the view '{self.kind}' counts otherwise now (format {self.format})")
        columns, idf = learned["columns"], learned["idf"]
        if columns.shape != idf.shape or columns.ndim != 1 or columns.dtype != "uint64":
            raise ValueError(f"the n-grams of the view '{self.kind}' and their weights do not fit")
        return Weights(self, columns, idf).embed(source.texts(0, source.n))

    def _counted(self, cache: Cache, key: str, source: Source, start: int, stop: int) -> Entry:
        """The n-gram counts of one block: from the cache, or made and kept."""
        entry = cache.load(key)
        if entry is not None:
            return entry
        counts = self.count(source.texts(start, stop))
        with cache.write(key) as writer:
            for name, array in vars(counts).items():
                writer.array(name, array)
        return _there(cache, key)

    def _weigh(self, counted: Sequence[Entry], n: int, cache: Cache, key: str) -> None:
        """Turn counts into TF-IDF rows, block by block, straight into the file."""
        import numpy as np

        columns = _union([block.arrays["columns"] for block in counted])
        places = [np.searchsorted(columns, block.arrays["columns"]).astype(np.int32) for block in counted]
        frequency = np.zeros(len(columns), np.int64)
        for block, place in zip(counted, places, strict=True):
            frequency[place] += np.bincount(block.arrays["indices"], minlength=len(place))
        # a lone document may keep its words
        kept = (frequency >= self.min_df) & (frequency <= max(1.0, self.max_df * n))
        idf = np.log((1 + n) / (1 + frequency[kept])) + 1
        size, d = int(frequency[kept].sum()), int(kept.sum())
        index = np.int32 if max(size, d) < 2**31 else np.int64
        column: Any = np.where(kept, np.cumsum(kept) - 1, -1).astype(index)
        with cache.write(key) as writer:
            writer.array("columns", columns[kept])
            writer.array("idf", idf)
            data, indices = writer.empty("data", (size,), np.float32), writer.empty("indices", (size,), index)
            indptr = np.zeros(n + 1, index)
            row = at = 0
            for block, place in zip(counted, places, strict=True):
                starts = block.arrays["indptr"]
                found = column[place][block.arrays["indices"]]
                weights = _damped(block.arrays["counts"])
                rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
                if len(found) and found.min() < 0:
                    seen = found >= 0
                    found, weights, rows = found[seen], weights[seen], rows[seen]
                weights *= idf[found]
                norms = np.sqrt(np.bincount(rows, weights * weights, minlength=len(starts) - 1))
                weights /= norms[rows]
                data[at : at + len(found)], indices[at : at + len(found)] = weights, found
                ends = at + np.cumsum(np.bincount(rows, minlength=len(starts) - 1))
                indptr[row + 1 : row + len(starts)] = ends
                row, at = row + len(starts) - 1, at + len(found)
            writer.array("indptr", indptr)


@dataclass(frozen=True)
class Weights:
    """What a view learned from a corpus: its n-grams `columns` (d,), by hash and sorted, and their `idf` (d,)."""

    view: TfIdf
    columns: Hashes
    idf: npt.NDArray[np.float64]

    @property
    def width(self) -> int:
        """Columns of the matrix: one at least."""
        return max(1, len(self.columns))

    def _find(self, hashes: Hashes) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The column of each n-gram, and whether it has one."""
        import numpy as np

        place = np.minimum(np.searchsorted(self.columns, hashes), self.width - 1)
        known = self.columns[place] == hashes if len(self.columns) else np.zeros(len(hashes), bool)
        return place, known

    def explain(self, text: str) -> tuple[list[tuple[int, int]], sp.csr_array]:
        """Share a text's row among its spans: an n-gram's weight falls to them as its occurrences do."""
        import numpy as np
        import scipy.sparse as sp

        there = self.view.locate(text)
        place, known = self._find(there.hashes)
        rows, found, shares = there.at[known], place[known], there.shares[known]
        seen, inverse = np.unique(found, return_inverse=True)
        counts = np.bincount(inverse, shares, minlength=len(seen))  # occurrences of each n-gram in the text
        weights = (1 + np.log(np.maximum(counts, 1))) * self.idf[seen]
        norm = np.sqrt((weights**2).sum()) or 1.0
        values = (weights / norm / np.maximum(counts, 1))[inverse] * shares
        shape = (len(there.spans), self.width)
        return there.spans, sp.csr_array((values.astype(np.float32), (rows, found)), shape=shape)

    def embed(self, texts: Sequence[str]) -> sp.csr_array:
        """Weigh texts that are no documents as documents are weighed; n-grams that no document has are left out."""
        import numpy as np
        import scipy.sparse as sp

        parts = [sp.csr_array((0, self.width), dtype=np.float32)]
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            counted = self.view.count(block)
            place, known = self._find(counted.columns)
            seen = known[counted.indices]
            rows = np.repeat(np.arange(len(block)), np.diff(counted.indptr))[seen]
            found = place[counted.indices[seen]]
            weights = _damped(counted.counts[seen]) * self.idf[found]
            weights /= np.sqrt(np.bincount(rows, weights * weights, minlength=len(block)))[rows]
            shape = (len(block), self.width)
            parts.append(sp.csr_array((weights.astype(np.float32), (rows, found)), shape=shape))
        return sp.csr_array(sp.vstack(parts, format="csr"))


def _there(cache: Cache, key: str) -> Entry:
    entry = cache.load(key)
    if entry is None:
        raise StoreError(f"what was just written to {cache.folder} cannot be read back: check that disk.")
    return entry


def _union(sorted_arrays: Sequence[Any]) -> Hashes:
    """Sorted distinct values of sorted arrays."""
    import numpy as np

    merged = np.concatenate([np.empty(0, np.uint64), *sorted_arrays])
    merged.sort()
    first = np.ones(len(merged), bool)
    np.not_equal(merged[1:], merged[:-1], out=first[1:])
    return merged[first]


def _damped(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 + log(count), from a table where it is small."""
    import numpy as np

    top = int(counts.max(initial=0))
    if top > 1 << 16:
        return np.asarray(1 + np.log(counts), np.float64)
    return np.asarray((1 + np.log(np.maximum(np.arange(top + 1), 1)))[counts], np.float64)


def hashes(vocabulary: Iterable[str]) -> Hashes:
    """A 64-bit hash of each text."""
    import numpy as np

    joined = b"".join(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest() for word in vocabulary)
    return np.frombuffer(joined, "<u8").astype(np.uint64)


def runs(words_of: Hashes, document: npt.NDArray[Any], ngrams: int) -> list[tuple[Hashes, Any]]:
    """For 1, 2, ... words: the hash of each n-gram inside a document, and at which word it begins."""
    import numpy as np

    found: list[tuple[Hashes, Any]] = []
    running = words_of
    for size in range(1, ngrams + 1):
        if len(words_of) < size:
            break
        if size > 1:
            running = _mixed(running[:-1] * np.uint64(0x9E3779B97F4A7C15) + words_of[size - 1 :])
        inside = np.flatnonzero(document[: len(document) - size + 1] == document[size - 1 :])
        # the upper bits of a multiplied hash are the better ones
        found.append((running[inside] >> np.uint64(64 - BITS), inside))
    return found


def _mixed(values: Hashes) -> Hashes:
    """Steele, Lea and Flood's (2014) SplitMix64 finalizer: every bit of the input moves every bit of the output."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
