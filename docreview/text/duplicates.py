"""Texts that say the same: exactly, or nearly.

Nearly the same are two texts whose sets of character shingles have a high Jaccard similarity (Broder 1997). Pairs worth
comparing are found by MinHash and banding (Indyk and Motwani 1998), and each is then compared exactly, so no text is
called a duplicate by chance. A text without words has no shingles, and is nobody's duplicate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from docreview.text.tokens import has_tokens, words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Floats, Ints

    Hashes = npt.NDArray[np.uint64]

_HASHES = 128  # values of a signature
_MISSED = 0.001  # probability with which a text at the threshold itself may be overlooked
_AT_ONCE = 4_096  # shingles hashed in one go
_KEPT = 1_024  # sets of shingles kept for the next comparison


@dataclass(frozen=True)
class Duplicates:
    """For each text, the first one that it repeats: `of` (n,) is that text's position, or its own where it is new.

    `similarity` (n,) is the Jaccard similarity of the two, 1 where a text is new. What a text repeats is itself new, so
    chains of small changes do not grow together.
    """

    of: Ints
    similarity: Floats

    @property
    def repeats(self) -> Ints:
        """Positions of the texts that repeat another, in order."""
        import numpy as np

        return np.flatnonzero(self.of != np.arange(self.of.size))


def exact_duplicates(texts: Sequence[str]) -> Duplicates:
    """Texts that are the same, character by character."""
    import numpy as np

    of = np.arange(len(texts), dtype=np.int64)
    first: dict[bytes, int] = {}
    for i, text in enumerate(texts):
        if has_tokens(text):
            of[i] = first.setdefault(sha256(text.encode("utf-8", "surrogatepass")).digest(), i)
    return Duplicates(of, np.ones(of.size, np.float32))


def near_duplicates(texts: Sequence[str], threshold: float = 0.8, *, length: int = 5, seed: int = 0) -> Duplicates:
    """Texts whose shingles have a Jaccard similarity of `threshold` or more with those of an earlier one.

    A shingle is a run of `length` characters. Of several such texts the most similar counts, and the first of those
    alike. Words are compared as they are counted (`docreview.text.words`): case, punctuation and the kind of space make
    no difference; tone marks, emoji and every letter do. A text at the threshold is overlooked with a probability of
    0.001 at most (below a threshold of 0.06, more), a more similar one more rarely; none is found wrongly. Time grows
    with the texts' length and with how many resemble each other without being duplicates, not with the square of their
    number.
    """
    import numpy as np

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must lie above 0 and at most at 1, got {threshold}")
    if length < 1:
        raise ValueError(f"length must be 1 or more, got {length}")
    rows = _rows(threshold)
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 1 << 63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 1 << 63, _HASHES, dtype=np.uint64)

    @lru_cache(maxsize=_KEPT)
    def shingles_of(i: int) -> Hashes:
        return shingles(texts[i], length)

    of = np.arange(len(texts), dtype=np.int64)
    similarity = np.ones(of.size, np.float32)
    new: dict[bytes, list[int]] = {}
    for i in range(len(texts)):
        own = shingles(texts[i], length)
        if not own.size:
            continue
        bands = list(_bands(_signature(own, factors, offsets), rows))
        best = 0.0
        for other in sorted({j for band in bands for j in new.get(band, ())}):
            alike = jaccard(own, shingles_of(other))
            if alike >= threshold and alike > best:
                best, of[i], similarity[i] = alike, other, alike
        if not best:
            for band in bands:
                new.setdefault(band, []).append(i)
    return Duplicates(of, similarity)


def shingles(text: str, length: int = 5) -> Hashes:
    """Sorted hashes (m,) of the runs of `length` characters in the words of `text`; none where it has no words.

    A text shorter than that is one shingle. Hashes have 64 bits: among a million shingles two share one with a
    probability of 3 in 100 million.
    """
    import numpy as np

    joined = " ".join(words(text))
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    if not points.size:
        return points
    # characters beyond the end count as nothing, so that a short text is one shingle
    padded = np.concatenate([points, np.zeros(max(0, length - points.size), np.uint64)])
    hashes = np.zeros(padded.size - length + 1, np.uint64)
    for at in range(length):
        hashes = _mix(hashes + padded[at : at + hashes.size])
    return np.unique(hashes)


def _mix(hashes: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every bit depends on every bit."""
    import numpy as np

    hashes = hashes + np.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def jaccard(a: Hashes, b: Hashes) -> float:
    """Share of two sets' members, sorted and each there once, that both have; 0 where either is empty."""
    import numpy as np

    if not a.size or not b.size:
        return 0.0
    common = int(np.intersect1d(a, b, assume_unique=True).size)
    return common / (a.size + b.size - common)


def _signature(hashes: Hashes, factors: Hashes, offsets: Hashes) -> Hashes:
    """Least value (128,) of each of 128 hash functions over a set: two sets agree in a share that is their Jaccard."""
    import numpy as np

    least = np.full(_HASHES, np.iinfo(np.uint64).max, np.uint64)
    for at in range(0, hashes.size, _AT_ONCE):
        least = np.minimum(least, (hashes[at : at + _AT_ONCE, None] * factors + offsets).min(axis=0))
    return least


def _bands(signature: Hashes, rows: int) -> Iterator[bytes]:
    for band in range(_HASHES // rows):
        yield band.to_bytes(1, "little") + signature[band * rows : (band + 1) * rows].tobytes()


def _rows(threshold: float) -> int:
    """Values in a band: as many as leave two texts at the threshold without a common band hardly ever."""
    fitting = [
        rows
        for rows in range(1, _HASHES + 1)
        if threshold == 1 or (_HASHES // rows) * math.log1p(-(threshold**rows)) <= math.log(_MISSED)
    ]
    return max(fitting, default=1)
