"""Long documents, cut at sentence ends into chunks that fit the encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

#: texts -> number of tokens of each (len,), as `docreview.types.Embedder.count_tokens`
CountTokens: TypeAlias = Callable[[Sequence[str]], Any]


def chunks(text: str, max_tokens: int, count_tokens: CountTokens, language: str = "xx") -> list[tuple[int, int]]:
    """Spans (start, end) of the chunks of one text: `chunk_many` of it alone."""
    return chunk_many([text], max_tokens, count_tokens, language)[0]


def chunk_many(
    texts: Sequence[str], max_tokens: int, count_tokens: CountTokens, language: str = "xx"
) -> list[list[tuple[int, int]]]:
    """Spans (start, end) of the chunks of each text, in order; [] for a text of nothing but space.

    A text that fits (``count_tokens([text])[0] <= max_tokens``) is one chunk. Otherwise sentences are packed greedily; one that is longer than
    the budget is cut at line ends, then at spaces, then between graphemes. Chunks do not overlap, no character that is
    not space is lost, and each chunk fits by `count_tokens`. Tokens of all texts are counted in a few large calls, so
    hand over many texts at once (a block).
    """
    raise NotImplementedError
