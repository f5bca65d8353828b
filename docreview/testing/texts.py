"""Checks of what reads text: text processors, embedders, views."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docreview.cache import Cache, TextSource
from docreview.testing.common import digest, global_generators_untouched, require
from docreview.testing.samples import ODD, SCRIPTS
from docreview.types import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docreview.corpus import View
    from docreview.types import Embedder, Floats, TextProcessor, Vectors

PLAIN = ("The court dismissed the claim.", "A recipe for bean soup with smoked ham.", "The engine needs new oil.")
EVERY = (*PLAIN, *SCRIPTS.values(), *ODD.values())

# ----------------------------------------------------------------------------------------------------- text processors


def check_processor_text(processor: TextProcessor) -> None:
    """It returns text for every text: empty, blank, very long, of control characters."""
    for name, text in {**SCRIPTS, **ODD}.items():
        made = processor(text)
        require(isinstance(made, str), f"it must return text, got {type(made).__name__} for the text '{name}'")


def check_processor_scripts(processor: TextProcessor) -> None:
    """It leaves letters of every script and does not make two different texts one."""
    made = {name: processor(text) for name, text in SCRIPTS.items()}
    for name, text in made.items():
        require(any(character.isalpha() for character in text), f"nothing is left of the {name} text")
    require(len(set(made.values())) == len(made), "texts that differ must not become the same")


def check_processor_repeats(processor: TextProcessor) -> None:
    """The same text becomes the same text, whatever came between."""
    first = [processor(text) for text in EVERY]
    second = [processor(text) for text in reversed(EVERY)]
    require(first == second[::-1], "the same text must become the same text, whatever came between")


def check_processor_generators(processor: TextProcessor) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        for text in EVERY:
            processor(text)


# ----------------------------------------------------------------------------------------------------------- embedders


def _cosines(first: Floats, second: Floats) -> Any:
    import numpy as np

    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / np.maximum(norms, 1e-12)


def check_embedder_shape(embedder: Embedder) -> None:
    """It gives one finite float32 vector of length `dim` a text, for odd texts, many and none."""
    import numpy as np

    for texts in ((), PLAIN[:1], EVERY):
        vectors = embedder.embed(texts)
        require(vectors.shape == (len(texts), embedder.dim), f"shape must be (texts, dim), got {vectors.shape}")
        require(vectors.dtype == np.float32, f"vectors must be float32, got {vectors.dtype}")
        require(np.isfinite(vectors).all(), "vectors must be finite")


def check_embedder_order(embedder: Embedder) -> None:
    """It keeps the order, and a text's vector does not depend on the texts beside it."""
    import numpy as np

    together = embedder.embed((*PLAIN, ODD["huge"]))[: len(PLAIN)]
    alone = np.concatenate([embedder.embed((text,)) for text in PLAIN])
    # kernels for one row and for many round differently
    require(_cosines(together, alone).min() > 0.999, "a text's vector must not depend on the texts beside it")


def check_embedder_tells_apart(embedder: Embedder) -> None:
    """Texts that differ in meaning get different vectors."""
    vectors = embedder.embed(PLAIN)
    require(_cosines(vectors[:-1], vectors[1:]).max() < 0.999, "texts that differ must get different vectors")


def check_embedder_repeats(embedder: Embedder) -> None:
    """The same texts in the same order give the same vectors, bit for bit."""
    require(digest(embedder.embed(PLAIN)) == digest(embedder.embed(PLAIN)), "the same texts must give the same vectors")


def check_embedder_counts(embedder: Embedder) -> None:
    """It counts tokens: one number a text, none negative, more for a longer text, and has room for some."""
    counts = embedder.count_tokens(("", "one", "one two three four five six seven eight"))
    require(len(counts) == 3, f"one count a text, got {len(counts)}")
    require(0 <= counts[0] <= counts[1] < counts[2], f"longer texts must have more tokens, got {list(counts)}")
    require(embedder.max_tokens >= 1, f"`max_tokens` must be at least 1, got {embedder.max_tokens}")


def check_embedder_fingerprint(embedder: Embedder) -> None:
    """Its fingerprint is text and stays the same."""
    first = embedder.fingerprint
    embedder.embed(PLAIN)
    require(isinstance(first, str) and first, "the fingerprint must be text")
    require(embedder.fingerprint == first, "the fingerprint must stay the same")


def check_embedder_generators(embedder: Embedder) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        embedder.embed(PLAIN)


# --------------------------------------------------------------------------------------------------------------- views


@contextmanager
def _cache() -> Iterator[Cache]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Cache(folder)


def _hash(vectors: Vectors) -> str:
    return digest(vectors.matrix, vectors.chunks, vectors.chunk_rows)


def check_view_vectors(view: View) -> None:
    """It gives one row a text, float32, finite, of length one or zero, sparse or dense as `dense` says."""
    import numpy as np

    for texts in ((), PLAIN[:1], EVERY):
        with _cache() as cache:
            vectors = view.build(TextSource(texts), cache, silent)
            matrix: Any = vectors.matrix
            require(matrix.shape[0] == len(texts), f"one row a text, got {matrix.shape[0]} for {len(texts)}")
            require(matrix.dtype == np.float32, f"the matrix must be float32, got {matrix.dtype}")
            require(vectors.dense == view.dense, "`dense` must say what the matrix is")
            values = matrix if vectors.dense else matrix.data
            require(np.isfinite(values).all(), "the matrix must be finite")
            norms = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
            require(((norms < 1e-6) | (np.abs(norms - 1) < 1e-3)).all(), "rows must have length one or zero")


def check_view_tells_apart(view: View) -> None:
    """Texts that differ get different rows, and none of plain texts an empty one."""
    with _cache() as cache:
        matrix: Any = view.build(TextSource(PLAIN), cache, silent).matrix
        rows = matrix if view.dense else matrix.toarray()
        require(len({row.tobytes() for row in rows}) == len(PLAIN), "texts that differ must get different rows")
        require(rows.any(axis=1).all(), "a plain text must not get an empty row")


def check_view_repeats(view: View) -> None:
    """The same texts give the same vectors and fingerprint, bit for bit, from a new cache and from a used one."""
    source = TextSource(PLAIN)
    with _cache() as cache, _cache() as other:
        first = view.build(source, cache, silent)
        for again in (view.build(source, cache, silent), view.build(source, other, silent)):
            require(again.fingerprint == first.fingerprint, "the same texts must give the same fingerprint")
            require(_hash(again) == _hash(first), "the same texts must give the same vectors")


def check_view_fingerprint(view: View) -> None:
    """Other texts, or the same in another order, get another fingerprint."""
    with _cache() as cache:
        orders = (PLAIN, PLAIN[::-1], PLAIN[:2])
        prints = {view.build(TextSource(texts), cache, silent).fingerprint for texts in orders}
        require(len(prints) == len(orders), "other texts must get another fingerprint")


def check_view_remaining(view: View) -> None:
    """`remaining` counts every text before the first build, none after it, and after an add only the new ones."""
    grown = TextSource((*PLAIN, *SCRIPTS.values()), adds=((0, len(PLAIN)), (len(PLAIN), len(PLAIN) + len(SCRIPTS))))
    with _cache() as cache:
        require(view.remaining(TextSource(PLAIN), cache) == len(PLAIN), "before the first build all texts remain")
        view.build(TextSource(PLAIN), cache, silent)
        require(view.remaining(TextSource(PLAIN), cache) == 0, "after a build no text remains")
        require(view.remaining(grown, cache) == len(SCRIPTS), "after an add only the new texts remain")


def check_view_generators(view: View) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched(), _cache() as cache:
        view.build(TextSource(PLAIN), cache, silent)
