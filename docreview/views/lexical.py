"""The lexical view: TF-IDF of words and of runs of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from docreview.text import normalize_token, tokens, words
from docreview.views.tfidf import BITS, Counts, Occurrences, TfIdf, hashes, runs


@dataclass(frozen=True)
class Lexical(TfIdf):
    """TF-IDF of n-grams of words, up to `ngrams` words long, in every script.

    Sublinear term frequency, smooth idf, unit rows (Salton and Buckley 1988, as in scikit-learn). N-grams in more than
    the share `max_df` or in fewer than `min_df` documents are left out.
    """

    ngrams: int = 2
    max_df: float = 0.95
    min_df: int = 1

    kind: ClassVar[str] = "lexical"
    step: ClassVar[str] = "words"

    def __post_init__(self) -> None:
        if not 1 <= self.ngrams <= 8:
            raise ValueError(f"setting 'ngrams' must be from 1 to 8, got {self.ngrams}.")
        self.check()

    def counted_by(self) -> tuple[Any, ...]:
        """What counts depend on beside the texts."""
        return ("counts", self.ngrams)

    def settings(self) -> tuple[Any, ...]:
        """All settings, in order."""
        return (self.ngrams, self.max_df, self.min_df)

    def count(self, texts: Sequence[str]) -> Counts:
        """Count the n-grams of at most 2,048 texts."""
        import numpy as np

        vocabulary: dict[str, int] = {}
        ids, lengths = [], []
        for text in texts:
            found = words(text)
            lengths.append(len(found))
            ids.append(np.array([vocabulary.setdefault(word, len(vocabulary)) for word in found], np.int32))
        total = sum(lengths)
        words_of = hashes(vocabulary)[np.concatenate(ids)] if total else np.empty(0, np.uint64)
        document = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
        keys = [document[inside] << np.uint64(BITS) | grams for grams, inside in runs(words_of, document, self.ngrams)]
        key = np.concatenate(keys) if keys else np.empty(0, np.uint64)
        del keys, ids
        key.sort()
        first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.empty(0, np.int64)
        counts = np.diff(np.append(first, len(key)))
        counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
        key = key[first]
        rows = (key >> np.uint64(BITS)).astype(np.int64)
        grams = key & np.uint64((1 << BITS) - 1)
        columns, indices = np.unique(grams, return_inverse=True)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
        return Counts(columns, indices.astype(np.int32), counts, indptr)

    def locate(self, text: str) -> Occurrences:
        """Say where the n-grams of a text stand: each falls in equal parts to the words it is made of."""
        import numpy as np

        spans = tokens(text)
        words_of = hashes(normalize_token(text[start:stop]) for start, stop in spans)
        found = [np.empty(0, np.uint64)]
        at = [np.empty(0, np.int64)]
        shares = [np.empty(0)]
        for size, (grams, inside) in enumerate(runs(words_of, np.zeros(len(spans)), self.ngrams), start=1):
            for offset in range(size):
                found.append(grams)
                at.append(inside + offset)
                shares.append(np.full(len(grams), 1 / size))
        return Occurrences(spans, np.concatenate(found), np.concatenate(at), np.concatenate(shares))
