"""The two sets of documents, each as a CSV with `id`, `title` and `abstract`: what both programs read as they are."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

WORDS = 110  # a document, as in a scientific abstract's shorter half
VOCABULARY = 30_000
TOPIC = 40  # words that stand more often in the documents that are looked for
SHARE = 0.05  # of documents that are looked for


def synthetic(path: Path, n: int, seed: int = 0) -> dict[str, bool]:
    """Write `n` documents of words drawn by Zipf's law; return which are looked for, by id."""
    import numpy as np

    rng = np.random.default_rng(seed)
    words = np.array(_vocabulary(rng), dtype=object)
    chances = 1 / np.arange(1, VOCABULARY + 1)
    cumulative = np.cumsum(chances / chances.sum())
    topic = rng.choice(np.arange(500, 5_000), TOPIC, replace=False)
    wanted = rng.random(n) < SHARE
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("id", "title", "abstract"))
        for row in range(n):
            picked = np.searchsorted(cumulative, rng.random(WORDS)).clip(max=VOCABULARY - 1)
            if wanted[row]:
                picked[rng.choice(WORDS, 6, replace=False)] = rng.choice(topic, 6)
            text = words[picked]
            out.writerow((f"doc{row}", " ".join(text[:8]), " ".join(text[8:])))
    return {f"doc{row}": bool(wanted[row]) for row in range(n)}


def _vocabulary(rng: object) -> list[str]:
    """Pronounceable words, so that tokenizers treat them as words."""
    import itertools

    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"]
    pairs = itertools.product(syllables, repeat=3)
    return ["".join(next(pairs)) + "aeiou"[i % 5] for i in range(VOCABULARY)]


def turns(source: Path, path: Path, n: int) -> dict[str, bool]:
    """Write every tenth turn of the oral arguments, `n` in all; what an advocate says is looked for."""
    wanted = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("id", "title", "abstract"))
        for row in _spread(source, n):
            out.writerow((row["id"], "", row["text"]))
            wanted[row["id"]] = row["label"] == "advocate"
    return wanted


def _spread(source: Path, n: int) -> Iterator[dict[str, str]]:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        total = sum(1 for _ in file) - 1
    step = max(total // n, 1)
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = (row for index, row in enumerate(rows) if index % step == 0)
        for _, row in zip(range(n), found, strict=False):
            yield row
