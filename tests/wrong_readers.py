"""Text processors, embedders and views: a good one of each kind, and those wrong in just one way."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from docreview.cache import fingerprint
from docreview.types import Vectors


@dataclass
class Counter:
    """A text processor that numbers what it sees."""

    seen: int = 0

    def __call__(self, text: str) -> str:
        self.seen += 1
        return f"{text} {self.seen}"


def _backtracks(text: str) -> str:
    return re.sub(r"\s+$", "", text)


def _draws(text: str) -> str:
    random.random()
    return text


class Letters:
    """A good embedder, to be spoiled: counts of letters."""

    dim = 64
    max_tokens = 100
    fingerprint = "letters-1"

    def count_tokens(self, texts: Sequence[str]) -> Any:
        return np.array([len(text.split()) for text in texts])

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for letter in text:
                vectors[row, ord(letter) % self.dim] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)


class LettersNaN(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        return np.where(vectors.any(axis=1, keepdims=True), vectors, np.float32(np.nan))


class LettersSorted(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        return super().embed(sorted(texts, key=len, reverse=True))


class LettersFew(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        vectors[:] = vectors.any(axis=1, keepdims=True) / np.float32(8)
        return vectors


class LettersTremble(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        vectors = super().embed(texts)
        return vectors * (1 + np.random.default_rng().normal(scale=1e-5, size=vectors.shape).astype(np.float32))


class LettersNoQuery(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        return super().embed(texts)[0] if query else super().embed(texts)


class LettersLatin(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        return super().embed([text.encode("ascii", "ignore").decode().strip(" .") for text in texts])


class LettersCountSome(Letters):
    def count_tokens(self, texts: Sequence[str]) -> Any:
        return np.array([len(text.split()) if text.strip() or not text else -1 for text in texts])


class LettersUncounted(Letters):
    def count_tokens(self, texts: Sequence[str]) -> Any:
        return np.ones(len(texts), int)


class LettersRenamed(Letters):
    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        return uuid.uuid4().hex


class LettersSeed(Letters):
    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        np.random.seed(0)  # noqa: NPY002
        return super().embed(texts)


class View:
    """A good view, to be spoiled: the embedder above, its vectors kept by add."""

    dense = True
    embedder = Letters()

    def key(self, source: Any, start: int, stop: int) -> str:
        return f"letters/{fingerprint(source.digest(start, stop))}"

    def make(self, texts: Sequence[str]) -> Any:
        return self.embedder.embed(texts)

    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        parts = [np.zeros((0, self.embedder.dim), np.float32)]
        for start, stop in source.segments:
            if (entry := cache.load(self.key(source, start, stop))) is None:
                with cache.write(self.key(source, start, stop)) as writer:
                    writer.array("vectors", self.make(source.texts(start, stop)))
                entry = cache.load(self.key(source, start, stop))
            parts.append(entry.arrays["vectors"])
        return Vectors(np.concatenate(parts), self.name(source))

    def name(self, source: Any) -> str:
        return str(fingerprint(source.digest(0, source.n)))

    def remaining(self, source: Any, cache: Any) -> int:
        return sum(stop - start for start, stop in source.segments if self.key(source, start, stop) not in cache)


class ViewTooLong(View):
    def make(self, texts: Sequence[str]) -> Any:
        return 2 * super().make(texts)


class ViewFlat(View):
    embedder = LettersFew()


class ViewTrembles(View):
    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        vectors = super().build(source, cache, progress)
        noise = np.random.default_rng().normal(scale=1e-5, size=vectors.matrix.shape).astype(np.float32)
        return replace(vectors, matrix=vectors.matrix + noise * (source.n == 3))


class ViewOneName(View):
    def name(self, source: Any) -> str:
        return "letters"


class ViewNeverDone(View):
    def remaining(self, source: Any, cache: Any) -> int:
        return int(source.n)


class ViewChunksLost(View):
    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        vectors = super().build(source, cache, progress)
        return replace(vectors, chunks=vectors.matrix, chunk_rows=np.arange(source.n)[::-1])


class ViewLatin(View):
    embedder = LettersLatin()


class ViewGrowsApart(View):
    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        grown = 0 < self.remaining(source, cache) < source.n
        vectors = super().build(source, cache, progress)
        return replace(vectors, fingerprint=f"{vectors.fingerprint}{'+' * grown}")


class ViewExplainsHalf(View):
    def build(self, source: Any, cache: Any, progress: Any) -> Vectors:
        half = sp.csr_array(self.embedder.embed(["half"]))
        return replace(super().build(source, cache, progress), explain=lambda text: ([(0, len(text))], half))


class ViewForgets(View):
    def learned(self, source: Any, cache: Any) -> dict[str, Any]:
        return {}

    def see(self, learned: Any, source: Any, cache: Any) -> Any:
        return 0.5 * self.make(source.texts(0, source.n))


class ViewSeeds(View):
    embedder = LettersSeed()


WRONG: dict[str, Any] = {
    "processor_text": lambda text: text or None,
    "processor_scripts": lambda text: text.encode("ascii", "ignore").decode(),
    "processor_repeats": Counter(),
    "processor_generators": _draws,
    "processor_time": _backtracks,
    "embedder_shape": LettersNaN(),
    "embedder_query": LettersNoQuery(),
    "embedder_scripts": LettersLatin(),
    "embedder_order": LettersSorted(),
    "embedder_tells_apart": LettersFew(),
    "embedder_repeats": LettersTremble(),
    "embedder_counts": LettersUncounted(),
    "embedder_counts_any": LettersCountSome(),
    "embedder_fingerprint": LettersRenamed(),
    "embedder_generators": LettersSeed(),
    "view_vectors": ViewTooLong(),
    "view_chunks": ViewChunksLost(),
    "view_tells_apart": ViewFlat(),
    "view_scripts": ViewLatin(),
    "view_repeats": ViewTrembles(),
    "view_grows": ViewGrowsApart(),
    "view_fingerprint": ViewOneName(),
    "view_remaining": ViewNeverDone(),
    "view_explains": ViewExplainsHalf(),
    "view_leaves_corpus": ViewForgets(),
    "view_generators": ViewSeeds(),
}
GOOD: dict[str, Any] = {
    "text_processors": str,
    "embedders": Letters(),
    "views": View(),
}
