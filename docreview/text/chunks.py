"""Long documents, cut at sentence ends into chunks that fit the encoder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from docreview.text.sentences import sentences, splits_grapheme

if TYPE_CHECKING:
    import regex

#: texts -> number of tokens of each (len,), as `docreview.types.Embedder.count_tokens`
CountTokens: TypeAlias = Callable[[Sequence[str]], Any]
Span: TypeAlias = tuple[int, int]

#: longest piece ever handed to a tokenizer, in characters
_LONGEST = 20_000
#: more characters a token than any text has on the average
_CHARACTERS = 8
#: characters handed to the tokenizer in one call: it keeps some hundred bytes for each token
_CALL = 500_000
#: a piece is aimed at this share of the budget, so that few need a second cut
_FILL = 0.9
_LINE_END = re.compile(r"\n\s*")
_SPACE = re.compile(r"\s+")


def chunks(text: str, max_tokens: int, count_tokens: CountTokens, language: str = "xx") -> list[Span]:
    """Spans (start, end) of the chunks of one text: `chunk_many` of it alone."""
    return chunk_many([text], max_tokens, count_tokens, language)[0]


def chunk_many(
    texts: Sequence[str], max_tokens: int, count_tokens: CountTokens, language: str = "xx"
) -> list[list[Span]]:
    """Spans (start, end) of the chunks of each text, in order; [] for a text of nothing but space.

    A text that fits (at most `max_tokens` by `count_tokens`) is one chunk. Otherwise its sentences are packed greedily;
    one longer than the budget is cut at line ends, else at spaces, else between graphemes. Chunks do not overlap, no
    character but space between them is lost, and each fits by `count_tokens`. (A single grapheme beyond the budget is
    cut between code points, and a single code point beyond it is left as it is.) Tokens of all texts are counted in a
    few large calls, so hand over many texts at once.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")
    budget = _Budget(max_tokens, count_tokens)
    whole = [_strip(text, 0, len(text)) for text in texts]
    # a text of so many characters hardly fits: count its sentences at once, and pack them into one chunk if it does
    longest = min(_LONGEST, _CHARACTERS * max_tokens)
    sizes = budget.sizes([texts[i][a:b] for i, (a, b) in enumerate(whole) if b - a <= longest])
    fits = [b - a <= longest and next(sizes) <= max_tokens for a, b in whole]
    result = [[span] if fit and span[0] < span[1] else [] for span, fit in zip(whole, fits, strict=True)]
    long = [i for i, fit in enumerate(fits) if not fit]
    pieces = budget.pieces([(texts[i], sentences(texts[i], language)) for i in long])
    packed = [_pack(spans, max_tokens) for spans in pieces]
    for i, spans in zip(long, budget.confirmed([texts[i] for i in long], packed), strict=True):
        result[i] = spans
    return result


class _Budget:
    """Counts tokens in large calls, and cuts until everything fits."""

    def __init__(self, max_tokens: int, count_tokens: CountTokens) -> None:
        self.max_tokens = max_tokens
        self._count = count_tokens

    def sizes(self, texts: Iterable[str]) -> Iterator[int]:
        """Number of tokens of each text."""
        counted: list[int] = []
        call: list[str] = []
        characters = 0
        for text in texts:
            call.append(text)
            characters += len(text)
            if characters > _CALL:
                counted += map(int, self._count(call))
                call, characters = [], 0
        if call:
            counted += map(int, self._count(call))
        return iter(counted)

    def pieces(self, parts: Sequence[tuple[str, list[Span]]]) -> list[list[tuple[Span, int]]]:
        """For each text the stripped pieces of its spans, each with its number of tokens, none beyond the budget."""
        todo: list[tuple[int, int, int]] = []
        for i, (text, spans) in enumerate(parts):
            for start, end in spans:
                n = 1 + (end - start) // _LONGEST
                todo += [(i, a, b) for a, b in ([(start, end)] if n == 1 else _cut(text, start, end, n))]
        done: list[list[tuple[Span, int]]] = [[] for _ in parts]
        while todo:
            stripped = [(i, *_strip(parts[i][0], start, end)) for i, start, end in todo]
            stripped = [piece for piece in stripped if piece[1] < piece[2]]
            todo = []
            sizes = self.sizes(parts[i][0][start:end] for i, start, end in stripped)
            for (i, start, end), size in zip(stripped, sizes, strict=True):
                if size <= self.max_tokens or end - start == 1:
                    done[i].append(((start, end), size))
                else:
                    n = max(2, -(-size // max(1, int(self.max_tokens * _FILL))))
                    todo += [(i, a, b) for a, b in _cut(parts[i][0], start, end, n)]
        return [sorted(spans) for spans in done]

    def confirmed(self, texts: Sequence[str], packed: list[list[list[Span]]]) -> list[list[Span]]:
        """The spans of the packs; a pack whose whole has more tokens than its parts together is taken apart."""
        todo = [(i, pack) for i, packs in enumerate(packed) for pack in packs]
        done: list[list[Span]] = [[] for _ in texts]
        while todo:
            sizes = self.sizes(texts[i][pack[0][0] : pack[-1][1]] for i, pack in todo)
            again = []
            for (i, pack), size in zip(todo, sizes, strict=True):
                if size <= self.max_tokens or len(pack) == 1:
                    done[i].append((pack[0][0], pack[-1][1]))
                else:
                    middle = len(pack) // 2
                    again += [(i, pack[:middle]), (i, pack[middle:])]
            todo = again
        return [sorted(spans) for spans in done]


def _pack(pieces: list[tuple[Span, int]], max_tokens: int) -> list[list[Span]]:
    packs: list[list[Span]] = []
    room = 0
    for span, size in pieces:
        if not packs or size > room:
            packs.append([])
            room = max_tokens
        packs[-1].append(span)
        room -= size
    return packs


def _strip(text: str, start: int, end: int) -> Span:
    """The span without the space around it; an empty one where there is nothing else."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return start, max(start, start + len(part.strip()))


def _cut(text: str, start: int, end: int, n: int) -> list[Span]:
    """Cut a span into about `n` parts of equal length, each cut moved back to the nearest good place."""
    length = end - start
    cuts = [start]
    for k in range(1, n):
        cut = _place(text, cuts[-1], start + length * k // n, end, length // n)
        if cuts[-1] < cut < end:
            cuts.append(cut)
    if len(cuts) == 1:
        # one grapheme: the encoder would cut it in silence otherwise
        cuts.append(start + length // 2)
    return list(pairwise([*cuts, end]))


def _place(text: str, floor: int, target: int, end: int, part: int) -> int:
    """The last good place for a cut up to `target`: a line end, else a space, else a grapheme boundary.

    `floor` is the cut before, and a boundary of graphemes. Lines are kept whole only where the part stays large enough.
    """
    for separator, reach in ((_LINE_END, part // 2), (_SPACE, part)):
        best = 0
        for match in separator.finditer(text, max(floor, target - reach), target):
            if match.end() < end and not splits_grapheme(text, match.end()):
                best = match.end()
        if best > floor:
            return best
    best = floor
    for match in _grapheme().finditer(text, floor, end):
        if match.start() > target and best > floor:
            break
        best = match.start()
        if best > target:
            break
    return best


@cache
def _grapheme() -> regex.Pattern[str]:
    import regex

    return regex.compile(r"\X")
