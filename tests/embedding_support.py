"""A cheap embedder whose vectors betray which texts shared a batch, and a program that embeds until it is killed."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Toy:
    """Vectors from the letters of a text, moved a little by the whole batch, as rounding moves a real encoder's."""

    name: str = "toy"
    max_tokens: int = 20
    dim: int = 16
    seen: list[int] = field(default_factory=list, repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        return f"{self.name} {self.max_tokens} {self.dim}"

    @property
    def content(self) -> str:
        return self.name

    def measure(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        words = [text.split() for text in texts]
        tokens = np.array([len(found) for found in words], np.int64)
        return tokens, np.array([sum(word.startswith("?") for word in found) for found in words], np.int64)

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return self.measure(texts)[0]

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        self.seen.append(len(texts))
        assert (self.count_tokens(texts) <= self.max_tokens).all()
        nudge = 1e-4 * (zlib.crc32("\n".join(texts).encode()) % 100)
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, zlib.crc32(word.encode()) % self.dim] += 1
        return vectors + np.float32(nudge) * (vectors != 0)
