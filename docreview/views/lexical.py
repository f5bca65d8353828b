"""The lexical view: TF-IDF of words and of runs of words.

N-grams are counted under a 53-bit hash: there is no vocabulary to hold, to merge or to keep in order, and among a
hundred million different n-grams one pair shares a hash. Counts are kept by blocks of documents; adding documents
counts those alone and then weighs everything anew, since every document changes how rare a word is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

from docreview.cache import Cache, Entry, Source, blocks, fingerprint
from docreview.errors import StoreError
from docreview.text import normalize_token, tokens, words
from docreview.types import Progress, Vectors, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import scipy.sparse as sp

    Hashes = npt.NDArray[np.uint64]

_BLOCK = 512  # documents, at most 2,048: a document's place in its block takes 11 bits of a sort key
_BITS = 53
_FORMAT = 1  # raised when tokens or hashes change, so that older counts are made again


@dataclass(frozen=True)
class Lexical:
    """TF-IDF of n-grams of words, up to `ngrams` words long, in every script.

    Sublinear term frequency, smooth idf, unit rows (Salton and Buckley 1988, as in scikit-learn). N-grams in more than
    the share `max_df` or in fewer than `min_df` documents are left out.
    """

    ngrams: int = 2
    max_df: float = 0.95
    min_df: int = 1

    dense: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 1 <= self.ngrams <= 8:
            raise ValueError(f"setting 'ngrams' must be from 1 to 8, got {self.ngrams}.")
        if not 0 < self.max_df <= 1:
            raise ValueError(f"setting 'max_df' must be above 0 and at most 1, got {self.max_df}.")
        if self.min_df < 1:
            raise ValueError(f"setting 'min_df' must be 1 or more, got {self.min_df}.")

    def _key(self, source: Source, start: int, stop: int) -> str:
        return f"counts/{fingerprint('counts', _FORMAT, self.ngrams, source.digest(start, stop))}"

    def remaining(self, source: Source, cache: Cache) -> int:
        """Documents not counted yet."""
        cut = blocks(source, _BLOCK)
        return sum(stop - start for start, stop in cut if self._key(source, start, stop) not in cache)

    def build(self, source: Source, cache: Cache, progress: Progress = silent) -> Vectors:
        """TF-IDF rows (n, d), CSR, columns those that occur; progress ``"words"`` in documents."""
        import scipy.sparse as sp

        cut = blocks(source, _BLOCK)
        keys = [self._key(source, start, stop) for start, stop in cut]
        kind = f"lexical-{fingerprint(self.ngrams, self.max_df, self.min_df)[:8]}"
        name = fingerprint("lexical", _FORMAT, self.max_df, self.min_df, keys)
        entry = cache.load(f"{kind}/{name}")
        if entry is None:
            counts = []
            for key, (start, stop) in zip(keys, cut, strict=True):
                counts.append(self._counted(cache, key, source, start, stop))
                progress("words", stop, source.n)
            self._weigh(counts, source.n, cache, f"{kind}/{name}")
            entry = _there(cache, f"{kind}/{name}")
            cache.keep_newest(kind, 2)
        arrays = entry.arrays
        columns, idf = arrays["columns"], arrays["idf"]
        shape = (source.n, max(1, len(columns)))
        matrix = sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape, copy=False)
        explain, embed = _explainer(self.ngrams, columns, idf), _embedder(self.ngrams, columns, idf)
        return Vectors(matrix, name, explain=explain, embed=embed)

    def _counted(self, cache: Cache, key: str, source: Source, start: int, stop: int) -> Entry:
        """The n-gram counts of one block: from the cache, or made and kept."""
        entry = cache.load(key)
        if entry is not None:
            return entry
        columns, indices, counts, indptr = count_ngrams(source.texts(start, stop), self.ngrams)
        with cache.write(key) as writer:
            for name, array in [("columns", columns), ("indices", indices), ("counts", counts), ("indptr", indptr)]:
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


# -------------------------------------------------------------------------------------------------------------- n-grams


def count_ngrams(texts: Sequence[str], ngrams: int) -> tuple[Hashes, Any, Any, Any]:
    """Count the n-grams of at most 2,048 texts: hashes (u,) sorted, and CSR parts of the counts over them."""
    import numpy as np

    vocabulary: dict[str, int] = {}
    ids, lengths = [], []
    for text in texts:
        found = words(text)
        lengths.append(len(found))
        ids.append(np.array([vocabulary.setdefault(word, len(vocabulary)) for word in found], np.int32))
    total = sum(lengths)
    words_of = _hashes(vocabulary)[np.concatenate(ids)] if total else np.empty(0, np.uint64)
    document = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
    keys = [document[inside] << np.uint64(_BITS) | grams for grams, inside in _ngrams(words_of, document, ngrams)]
    key = np.concatenate(keys) if keys else np.empty(0, np.uint64)
    del keys, ids
    key.sort()
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.empty(0, np.int64)
    counts = np.diff(np.append(first, len(key)))
    counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
    key = key[first]
    rows = (key >> np.uint64(_BITS)).astype(np.int64)
    hashes = key & np.uint64((1 << _BITS) - 1)
    columns, indices = np.unique(hashes, return_inverse=True)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
    return columns, indices.astype(np.int32), counts, indptr


def _hashes(vocabulary: Sequence[str] | dict[str, int]) -> Hashes:
    """A 64-bit hash of each word."""
    import numpy as np

    joined = b"".join(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest() for word in vocabulary)
    return np.frombuffer(joined, "<u8").astype(np.uint64)


def _ngrams(words_of: Hashes, document: npt.NDArray[Any], ngrams: int) -> list[tuple[Hashes, Any]]:
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
        found.append((running[inside] >> np.uint64(64 - _BITS), inside))
    return found


def _mixed(values: Hashes) -> Hashes:
    """Steele, Lea and Flood's (2014) SplitMix64 finalizer: every bit of the input moves every bit of the output."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _explainer(
    ngrams: int, columns: Hashes, idf: npt.NDArray[np.float64]
) -> Callable[[str], tuple[list[tuple[int, int]], sp.csr_array]]:
    """Share a text's row among its words: an n-gram's weight falls in equal parts to the words it is made of."""

    def explain(text: str) -> tuple[list[tuple[int, int]], sp.csr_array]:
        import numpy as np
        import scipy.sparse as sp

        spans = tokens(text)
        words_of = _hashes([normalize_token(text[start:stop]) for start, stop in spans])
        grams = _ngrams(words_of, np.zeros(len(spans)), ngrams)
        at: list[Any] = [np.empty(0, np.int64)]
        column: list[Any] = [np.empty(0, np.int64)]
        share: list[Any] = [np.empty(0)]
        for size, (hashes, inside) in enumerate(grams, start=1):
            place = np.minimum(np.searchsorted(columns, hashes), max(0, len(columns) - 1))
            known = columns[place] == hashes if len(columns) else np.zeros(len(hashes), bool)
            for offset in range(size):
                at.append(inside[known] + offset)
                column.append(place[known])
                share.append(np.full(int(known.sum()), 1 / size))
        rows, found, shares = np.concatenate(at), np.concatenate(column), np.concatenate(share)
        seen, inverse = np.unique(found, return_inverse=True)
        counts = np.bincount(inverse, shares, minlength=len(seen))  # occurrences of each n-gram in the text
        weights = (1 + np.log(np.maximum(counts, 1))) * idf[seen]
        norm = np.sqrt((weights**2).sum()) or 1.0
        values = (weights / norm / np.maximum(counts, 1))[inverse] * shares
        shape = (len(spans), max(1, len(columns)))
        return spans, sp.csr_array((values.astype(np.float32), (rows, found)), shape=shape)

    return explain


def _embedder(ngrams: int, columns: Hashes, idf: npt.NDArray[np.float64]) -> Callable[[Sequence[str]], sp.csr_array]:
    """Weigh texts that are no documents as documents are weighed; n-grams that no document has are left out."""

    def embed(texts: Sequence[str]) -> sp.csr_array:
        import numpy as np
        import scipy.sparse as sp

        width = max(1, len(columns))
        parts = [sp.csr_array((0, width), dtype=np.float32)]
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            hashes, indices, counts, indptr = count_ngrams(block, ngrams)
            place = np.minimum(np.searchsorted(columns, hashes), width - 1)
            known = columns[place] == hashes if len(columns) else np.zeros(len(hashes), bool)
            seen = known[indices]
            rows = np.repeat(np.arange(len(block)), np.diff(indptr))[seen]
            found = place[indices[seen]]
            weights = _damped(counts[seen]) * idf[found]
            weights /= np.sqrt(np.bincount(rows, weights * weights, minlength=len(block)))[rows]
            parts.append(sp.csr_array((weights.astype(np.float32), (rows, found)), shape=(len(block), width)))
        return sp.csr_array(sp.vstack(parts, format="csr"))

    return embed
