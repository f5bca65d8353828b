"""The semantic view: each document is a point, near those that say the like.

A document is cut at sentence ends into chunks that fit the encoder, every chunk is embedded, and the document's vector
is made of all of them: nothing is cut off in silence. Chunks are kept by blocks of documents, each as soon as it is
done, so an interruption costs one block; pooling is done afterwards, so another pooling embeds nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from docreview.cache import Cache, Entry, Source, blocks, fingerprint
from docreview.contracts import blame, guarded, label_of
from docreview.errors import EmbeddingError, StoreError
from docreview.registry import carry_over, registration_of
from docreview.text import chunk_many
from docreview.types import Embedder, Progress, Scalar, Vectors, silent

if TYPE_CHECKING:
    import numpy.typing as npt

    from docreview.types import Floats, Ints

_BLOCK = 512  # documents: what an interruption costs at most, and the window in which batches are sorted by length
_GROUP = 256  # chunks handed to the embedder at a time, of like length
_SAMPLE = 512  # documents in which unknown tokens are counted before anything is embedded
_SAMPLE_LENGTH = 4_000  # characters of each
_FORMAT = 1  # raised when chunks or blocks change, so that older vectors are made again

Pooling = Literal["mean", "weighted-mean", "first"]


@runtime_checkable
class Resolving(Protocol):
    """An embedder with settings found by trying: see `docreview.embedders.SentenceTransformers`."""

    @property
    def resolved(self) -> bool: ...

    def resolve(self) -> Mapping[str, Scalar]: ...

    def pin(self, resolved: Mapping[str, Scalar]) -> Embedder: ...


@runtime_checkable
class Measuring(Protocol):
    """An embedder that knows which tokens it does not know."""

    @property
    def content(self) -> str: ...

    def measure(self, texts: Sequence[str]) -> tuple[Ints, Ints]: ...


@runtime_checkable
class Describing(Protocol):
    """An embedder that tells the record about itself."""

    def describe(self) -> Mapping[str, Scalar]: ...


@dataclass(frozen=True)
class Semantic:
    """Unit vectors of documents, from the chunks that an embedder read.

    `pooling` is the mean of a document's unit chunk vectors, that mean weighted by tokens, or the first chunk alone.
    Where more than the share `unknown_limit` of the corpus's tokens is unknown to the model, the view stands aside:
    such vectors are noise that looks like similarity.
    """

    embedder: Embedder
    pooling: Pooling = "weighted-mean"
    unknown_limit: float = 0.3

    dense: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "weighted-mean", "first"):
            raise ValueError(f"setting 'pooling' must be 'mean', 'weighted-mean' or 'first', got {self.pooling!r}.")
        if not 0 <= self.unknown_limit <= 1:
            raise ValueError(f"setting 'unknown_limit' must be from 0 to 1, got {self.unknown_limit}.")

    # --------------------------------------------------------------------------------------------------- precision

    def _precision_key(self) -> str:
        machine = [platform.machine(), platform.processor(), platform.node()]
        return f"precision/{fingerprint('precision', repr(self.embedder), machine)}"

    def resolve(self, cache: Cache) -> Mapping[str, Scalar]:
        """What the embedder's ``auto`` settings come to; tried once on a machine, then read from the cache."""
        if not isinstance(self.embedder, Resolving):
            return {}
        if self.embedder.resolved:
            return self.embedder.resolve()
        entry = cache.load(self._precision_key())
        if entry is None:
            found = dict(self.embedder.resolve())
            with cache.write(self._precision_key(), **found):
                pass
            return found
        return dict(entry.notes)

    def pin(self, resolved: Mapping[str, Scalar]) -> Semantic:
        """The view with these settings in the place of ``auto``."""
        if not isinstance(self.embedder, Resolving) or self.embedder.resolved:
            return self
        return replace(self, embedder=carry_over(self.embedder, self.embedder.pin(resolved)))

    def _settled(self, cache: Cache) -> Semantic | None:
        """The view with nothing left open, or None where nobody has tried yet."""
        if not isinstance(self.embedder, Resolving) or self.embedder.resolved:
            return self
        return self.pin(self.resolve(cache)) if self._precision_key() in cache else None

    # ---------------------------------------------------------------------------------------------- unknown tokens

    def unknown_share(self, source: Source, cache: Cache) -> float | None:
        """Share of tokens unknown to the model in an evenly spaced sample of the corpus; None where nobody can tell."""
        embedder = self.embedder
        if not isinstance(embedder, Measuring) or not source.n:
            return None
        read = [source.digest(start, stop) for start, stop in blocks(source, _BLOCK)]
        key = f"unknown/{fingerprint('unknown', _FORMAT, embedder.content, read)}"
        entry = cache.load(key)
        if entry is None:
            count = min(_SAMPLE, source.n)
            rows = sorted({i * source.n // count for i in range(count)})
            texts = [source.texts(row, row + 1)[0][:_SAMPLE_LENGTH] for row in rows]
            tokens, unknown = embedder.measure(texts)
            share = float(unknown.sum() / max(1, tokens.sum()))
            with cache.write(key, share=share, documents=count):
                pass
            return share
        return float(entry.notes["share"])

    def aside(self, source: Source, cache: Cache) -> str | None:
        """Why the view must not be used on this corpus, or None."""
        share = self.unknown_share(source, cache)
        if share is None or share <= self.unknown_limit:
            return None
        return (
            f"the model does not know {share:.0%} of the corpus's tokens (limit {self.unknown_limit:.0%}): its vectors "
            "would be noise. Choose a model for this language, or go on with the lexical view."
        )

    def describe(self, source: Source, cache: Cache) -> dict[str, Any]:
        """Model, precision, pooling, and the share of unknown tokens: of a sample, and of all once it is embedded."""
        view = self._settled(cache)
        told = dict(self.embedder.describe()) if isinstance(self.embedder, Describing) else {}
        entry = None
        if view is not None:
            told = dict(view.embedder.describe()) if isinstance(view.embedder, Describing) else {}
            key = view._names(source)[0]
            entry = cache.load(key) if key in cache else None
        return {
            **told,
            "pooling": self.pooling,
            "unknown_share_sampled": self.unknown_share(source, cache),
            **(entry.notes if entry is not None else {}),
        }

    # ----------------------------------------------------------------------------------------------------- vectors

    def _embedder_print(self) -> str:
        """The embedder's fingerprint, with the version of the plugin that brings it where that is not docreview."""
        entry = registration_of(self.embedder)
        foreign = "" if entry is None or entry.built_in else f" ({entry.plugin} {entry.version})"
        return self.embedder.fingerprint + foreign

    def _key(self, source: Source, start: int, stop: int) -> str:
        parts = ("chunks", _FORMAT, self._embedder_print(), source.digest(start, stop))
        return f"chunks/{fingerprint(*parts)}"

    def _names(self, source: Source) -> tuple[str, list[str]]:
        """Keys of the pooled vectors and of each block."""
        keys = [self._key(source, start, stop) for start, stop in blocks(source, _BLOCK)]
        kind = f"semantic-{fingerprint(self._embedder_print(), self.pooling)[:8]}"
        return f"{kind}/{fingerprint('semantic', _FORMAT, self.pooling, keys)}", keys

    def remaining(self, source: Source, cache: Cache) -> int:
        """Documents not embedded yet."""
        view = self._settled(cache)
        if view is None:
            return source.n
        cut = blocks(source, _BLOCK)
        return sum(stop - start for start, stop in cut if view._key(source, start, stop) not in cache)

    def build(self, source: Source, cache: Cache, progress: Progress = silent) -> Vectors:
        """Vectors (n, d) and, where a document was cut, its chunks; progress ``"embedding"`` in documents."""
        view = self.pin(self.resolve(cache))
        cut = blocks(source, _BLOCK)
        name, keys = view._names(source)
        entry = cache.load(name)
        if entry is None:
            done = sum(stop - start for key, (start, stop) in zip(keys, cut, strict=True) if key in cache)
            embedded = []
            for key, (start, stop) in zip(keys, cut, strict=True):
                block = cache.load(key)
                if block is None:
                    # where a block was there and did not fit, it is counted as done already
                    before = min(done, source.n - (stop - start))
                    block = view._embed(
                        source, start, stop, cache, key, _Share(progress, before, stop - start, source.n)
                    )
                    done = before + stop - start
                    progress("embedding", done, source.n)
                embedded.append(block)
            _pool(embedded, cut, source.n, self.pooling, cache, name)
            entry = _there(cache, name)
            cache.keep_newest(name.partition("/")[0], 2)
        arrays = entry.arrays
        fingerprint_ = name.partition("/")[2]
        embed = partial(view._embed_queries, language=source.language)
        return Vectors(arrays["matrix"], fingerprint_, arrays.get("chunks"), arrays.get("chunk_rows"), embed=embed)

    def learned(self, source: Source, cache: Cache) -> dict[str, Any]:
        """What the encoder is: it learned nothing from the corpus."""
        return {"encoder": self.pin(self.resolve(cache))._embedder_print()}

    def see(self, learned: Mapping[str, Any], source: Source, cache: Cache) -> Floats:
        """Vectors of other documents; `ValueError` where the encoder is another than it was."""
        import numpy as np

        view = self.pin(self.resolve(cache))
        if view._embedder_print() != learned["encoder"]:
            raise ValueError(f"{label_of(self.embedder)} has other weights or another precision than it had then")
        matrix: Any = view.build(source, cache).matrix
        return np.array(matrix)  # the cache may be gone before the rows are

    def _embed_queries(self, texts: Sequence[str], language: str) -> Floats:
        """Unit vectors (m, dim) of texts as queries; one without words is zero, and no long one is cut off."""
        import numpy as np

        counter = _Counter(self.embedder)
        spans = chunk_many(list(texts), self.embedder.max_tokens, counter.count, language)
        pieces = [text[a:b] for text, cut in zip(texts, spans, strict=True) for a, b in cut]
        rows = np.repeat(np.arange(len(texts)), [len(cut) for cut in spans])
        pooled = np.zeros((len(texts), self.embedder.dim))
        if pieces:
            weights = np.maximum(counter.count(pieces), 1)
            np.add.at(pooled, rows, self._checked(pieces, rows, query=True) * weights[:, None])
        return unit(pooled.astype(np.float32))

    def _embed(self, source: Source, start: int, stop: int, cache: Cache, key: str, told: _Share) -> Entry:
        """Embed one block and keep it. What shares a batch depends on the block alone."""
        import numpy as np

        texts = source.texts(start, stop)
        counter = _Counter(self.embedder)
        spans = chunk_many(texts, self.embedder.max_tokens, counter.count, source.language)
        pieces = [text[a:b] for text, cut in zip(texts, spans, strict=True) for a, b in cut]
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), [len(cut) for cut in spans])
        tokens = counter.count(pieces).astype(np.int32)
        unknown = counter.unknown(pieces).astype(np.int32)
        vectors = np.zeros((len(pieces), self.embedder.dim), np.float32)
        order = np.argsort(-tokens, kind="stable")
        total, read = max(1, int(tokens.sum())), 0
        for at in range(0, len(pieces), _GROUP):
            part = order[at : at + _GROUP]
            vectors[part] = self._checked([pieces[i] for i in part], start + rows[part])
            read += int(tokens[part].sum())
            told(read / total)
        with cache.write(key, tokens=int(tokens.sum()), unknown=int(unknown.sum())) as writer:
            writer.array("vectors", vectors)
            writer.array("rows", rows)
            writer.array("tokens", tokens)
            writer.array("unknown", unknown)
        return _there(cache, key)

    def _checked(self, texts: list[str], rows: npt.NDArray[Any], *, query: bool = False) -> Floats:
        """Unit vectors of texts; raise `EmbeddingError` for a wrong shape or a vector that is not finite."""
        import numpy as np

        with guarded(registration_of(self.embedder), "embedding"):
            given = self.embedder.embed(texts, query=query)
        wanted = (len(texts), self.embedder.dim)
        if np.shape(given) != wanted:
            blame(label_of(self.embedder), f"it returned an array of shape {np.shape(given)} instead of {wanted}")
        vectors = np.asarray(given, np.float32)
        bad = ~np.isfinite(vectors).all(axis=1)
        if bad.any():
            what = f"{'query' if query else 'document'} {rows[int(bad.argmax())]}"
            raise EmbeddingError(
                f"{label_of(self.embedder)}: the vector of {what} holds NaN or infinity: try dtype float32."
            )
        return unit(vectors)


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1; a zero row stays zero."""
    import numpy as np

    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _there(cache: Cache, key: str) -> Entry:
    entry = cache.load(key)
    if entry is None:
        raise StoreError(f"what was just written to {cache.folder} cannot be read back: check that disk.")
    return entry


def _pool(
    embedded: Sequence[Entry], cut: Sequence[tuple[int, int]], n: int, pooling: Pooling, cache: Cache, key: str
) -> None:
    """Make the vectors of documents from those of chunks, block by block, straight into the file."""
    import numpy as np

    m = sum(len(block.arrays["rows"]) for block in embedded)
    dim = embedded[0].arrays["vectors"].shape[1] if embedded else 0
    chunked = any((np.bincount(block.arrays["rows"], minlength=1) > 1).any() for block in embedded)
    seen = sum(block.notes["tokens"] for block in embedded)
    unknown = sum(block.notes["unknown"] for block in embedded)
    notes = {"tokens": seen, "chunks": m, "unknown_share": round(unknown / max(1, seen), 4)}
    with cache.write(key, **notes) as writer:
        matrix = writer.empty("matrix", (n, dim), np.float32)
        chunks = writer.empty("chunks", (m, dim), np.float32) if chunked else None
        chunk_rows = np.empty(m, np.int64)
        at = 0
        for block, (start, stop) in zip(embedded, cut, strict=True):
            vectors, rows = np.asarray(block.arrays["vectors"]), block.arrays["rows"]
            weights = np.ones(len(rows))
            if pooling == "weighted-mean":
                weights = np.maximum(block.arrays["tokens"], 1).astype(np.float64)
            elif pooling == "first":
                weights[1:] = rows[1:] != rows[:-1]
            pooled = np.zeros((stop - start, dim))
            first = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]])) if len(rows) else rows
            if len(rows):
                pooled[rows[first]] = np.add.reduceat(vectors * weights[:, None], first, axis=0)
            matrix[start:stop] = unit(pooled.astype(np.float32))
            if chunks is not None:
                chunks[at : at + len(rows)] = vectors
            chunk_rows[at : at + len(rows)] = start + rows
            at += len(rows)
        if chunked:
            writer.array("chunk_rows", chunk_rows)


@dataclass
class _Counter:
    """Counts the tokens of each text once in a block, although cutting, sorting and pooling all ask."""

    embedder: Embedder
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def _see(self, texts: Sequence[str]) -> None:
        import numpy as np

        new = list(dict.fromkeys(text for text in texts if text not in self.known))
        if not new:
            return
        if isinstance(self.embedder, Measuring):
            tokens, unknown = self.embedder.measure(new)
        else:
            tokens = self.embedder.count_tokens(new)
            unknown = np.zeros(len(new), np.int64)
        self.known.update(zip(new, zip(tokens.tolist(), unknown.tolist(), strict=True), strict=True))

    def count(self, texts: Sequence[str]) -> Ints:
        """Tokens (len,) of each text."""
        import numpy as np

        self._see(texts)
        return np.array([self.known[text][0] for text in texts], np.int64)

    def unknown(self, texts: Sequence[str]) -> Ints:
        """Unknown tokens (len,) of each text."""
        import numpy as np

        self._see(texts)
        return np.array([self.known[text][1] for text in texts], np.int64)


@dataclass(frozen=True)
class _Share:
    """Tells how far a block is, in documents of the whole corpus."""

    progress: Progress
    before: int
    documents: int
    total: int

    def __call__(self, share: float) -> None:
        self.progress("embedding", self.before + int(self.documents * share), self.total)


def make_semantic(
    model: str = "packaged",
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    backend: Literal["torch", "onnx", "openvino"] = "torch",
    batch_size: int = 32,
    max_length: int | None = None,
    pooling: Pooling = "weighted-mean",
    unknown_limit: float = 0.3,
    embedder: Embedder | None = None,
) -> Semantic:
    """Meaning, by a sentence-transformers model or by another `embedder`.

    The settings up to `max_length` are those of the embedder ``sentence-transformers``; another embedder has its own.
    """
    from docreview.embedders import SentenceTransformers

    built_in = SentenceTransformers(model, device, dtype, backend, batch_size, max_length)
    if embedder is not None and built_in != SentenceTransformers():
        raise ValueError("settings of the model belong in the table of 'embedder' where there is one.")
    return Semantic(embedder if embedder is not None else built_in, pooling, unknown_limit)
