"""The view of a word list: how much of a text is words that stand for something.

A list of a few dozen words tells a model what would take it many labels to find out. What is on the list and has never
been labeled counts from the first label on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from docreview.cache import Cache, Source, blocks, fingerprint
from docreview.text import normalize_token, tokens, words
from docreview.types import Progress, Vectors, silent

if TYPE_CHECKING:
    import scipy.sparse as sp

    from docreview.types import Ints

_BLOCK = 512  # documents
_FORMAT = 2  # raised when words are counted otherwise, so that older counts are made again
#: words in a phrase of the list
_LONGEST = 8


@dataclass(frozen=True, repr=False)
class Lexicon:
    """For each meaning of a word list, the share of a text's words that stand for it; and that of all other words.

    `words` has a list of words for each meaning: ``{positive = ["dadi", "na gode"], negative = [...]}``. A phrase of up
    to eight words counts as its words; of two that overlap, the one that begins first counts, and of those the longest.
    Case does not matter, marks do. Rows are the square roots of the shares, which makes them of unit length.

    Macro-F1 of the model of the preset ``classification``, with words and characters alone and with a list of 50
    words each for positive and negative (taken from 14,000 and 7,000 other labeled tweets, so better than most lists;
    means of 5 seeds): Hausa .514 and .589 at 50 random labels, .593 and .639 at 100, .633 and .663 at 300; Yoruba .453
    and .537, .506 and .586, .579 and .609.
    """

    words: Mapping[str, Sequence[str]]

    dense: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("setting 'words' must have a list of words for one meaning at least.")
        seen: dict[tuple[str, ...], str] = {}
        for meaning, listed in self.words.items():
            for word in listed:
                phrase = tuple(words(word))
                if not phrase or len(phrase) > _LONGEST:
                    raise ValueError(f"setting 'words': {word!r} must be a word, or a phrase of up to {_LONGEST}.")
                if seen.setdefault(phrase, meaning) != meaning:
                    raise ValueError(f"setting 'words': {word!r} stands for '{seen[phrase]}' and for '{meaning}'.")
        if not seen:
            raise ValueError("setting 'words' has no word.")

    def __repr__(self) -> str:
        # thousands of words would fill the record: equal words, equal text
        counts = ", ".join(f"{meaning}: {len(listed):,} words" for meaning, listed in self.words.items())
        return f"Lexicon({counts}, {self._print})"

    @cached_property
    def _print(self) -> str:
        """Names what counts depend on."""
        listed = [[meaning, sorted({tuple(words(word)) for word in own})] for meaning, own in self.words.items()]
        return fingerprint("lexicon", _FORMAT, listed)

    @cached_property
    def _phrases(self) -> dict[tuple[str, ...], int]:
        """Phrases, normalized, with the column of their meaning."""
        return {tuple(words(word)): i for i, listed in enumerate(self.words.values()) for word in listed}

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """For each first word, how long the phrases are that begin with it, the longest first."""
        lengths: dict[str, set[int]] = {}
        for phrase in self._phrases:
            lengths.setdefault(phrase[0], set()).add(len(phrase))
        return {word: tuple(sorted(found, reverse=True)) for word, found in lengths.items()}

    def meanings(self, found: Sequence[str]) -> list[int]:
        """The column of each of a text's words, which are normalized: the last one for what is not on the list."""
        columns = [len(self.words)] * len(found)
        at = 0
        while at < len(found):
            for length in self._lengths.get(found[at], ()):
                column = self._phrases.get(tuple(found[at : at + length]))
                if column is not None and at + length <= len(found):  # at the end a slice may be shorter than asked
                    columns[at : at + length] = [column] * length
                    at += length
                    break
            else:
                at += 1
        return columns

    # ----------------------------------------------------------------------------------------------------------- view

    def _key(self, source: Source, start: int, stop: int) -> str:
        return f"lexicon/{fingerprint(self._print, source.digest(start, stop))}"

    def remaining(self, source: Source, cache: Cache) -> int:
        """Documents not counted yet."""
        cut = blocks(source, _BLOCK)
        return sum(stop - start for start, stop in cut if self._key(source, start, stop) not in cache)

    def build(self, source: Source, cache: Cache, progress: Progress = silent) -> Vectors:
        """Rows (n, meanings + 1), CSR; progress ``"word list"`` in documents."""
        import numpy as np

        counts = [np.zeros((0, len(self.words) + 1), np.int64)]
        keys = []
        for start, stop in blocks(source, _BLOCK):
            key = self._key(source, start, stop)
            keys.append(key)
            entry = cache.load(key)
            if entry is None:
                counted = self._count(source.texts(start, stop))
                with cache.write(key) as writer:
                    writer.array("counts", counted)
                progress("word list", stop, source.n)
            else:
                counted = np.asarray(entry.arrays["counts"])
            counts.append(counted)
        name = fingerprint(self._print, keys)
        return Vectors(_rows(np.concatenate(counts)), name, explain=self.explain, embed=self.embed)

    def _count(self, texts: Sequence[str]) -> Ints:
        """How many words of each text stand for what (m, meanings + 1)."""
        import numpy as np

        counts = np.zeros((len(texts), len(self.words) + 1), np.int64)
        for row, text in enumerate(texts):
            counts[row] = np.bincount(self.meanings(words(text)), minlength=counts.shape[1])
        return counts

    def embed(self, texts: Sequence[str]) -> sp.csr_array:
        """Rows of texts that are no documents."""
        return _rows(self._count(texts))

    def explain(self, text: str) -> tuple[list[tuple[int, int]], sp.csr_array]:
        """Share a text's row among its words: those that stand for the same have equal parts."""
        import numpy as np
        import scipy.sparse as sp

        spans = tokens(text)
        columns = np.array(self.meanings([normalize_token(text[a:b]) for a, b in spans]), np.int64)
        counts = np.bincount(columns, minlength=len(self.words) + 1)
        values = np.sqrt(counts / max(1, len(spans)))[columns] / counts[columns]
        shape = (len(spans), len(self.words) + 1)
        return spans, sp.csr_array((values.astype(np.float32), (np.arange(len(spans)), columns)), shape=shape)

    # -------------------------------------------------------------------------------------------- outside its project

    def learned(self, source: Source, cache: Cache) -> dict[str, Any]:
        """Nothing: the words are a setting."""
        return {"words": self._print}

    def see(self, learned: Mapping[str, Any], source: Source, cache: Cache) -> sp.csr_array:
        """Rows of other documents."""
        if learned["words"] != self._print:
            raise ValueError("the word list is another, or is counted otherwise now")
        return self.embed(source.texts(0, source.n))


def _rows(counts: Ints) -> sp.csr_array:
    """Square roots of the shares; a text without words has a zero row."""
    import numpy as np
    import scipy.sparse as sp

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return sp.csr_array(np.sqrt(shares).astype(np.float32))
