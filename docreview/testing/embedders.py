"""Checks of embedders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.testing.common import digest, global_generators_untouched, require
from docreview.testing.samples import EVERY, ODD, PLAIN, SCRIPTS

if TYPE_CHECKING:
    from docreview.types import Embedder, Floats


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


def check_embedder_query(embedder: Embedder) -> None:
    """With ``query=True`` it gives vectors of the same kind."""
    import numpy as np

    vectors = embedder.embed(PLAIN, query=True)
    require(vectors.shape == (len(PLAIN), embedder.dim), f"shape must be (texts, dim), got {vectors.shape}")
    require(np.isfinite(vectors).all(), "vectors must be finite")


def check_embedder_scripts(embedder: Embedder) -> None:
    """A text in any script gets a vector that is not zero."""
    vectors = embedder.embed(tuple(SCRIPTS.values()))
    for name, vector in zip(SCRIPTS, vectors, strict=True):
        require(vector.any(), f"the {name} text must not get a vector of zeros")


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


def check_embedder_counts_any(embedder: Embedder) -> None:
    """It counts the tokens of no texts, and of texts that are huge, of control characters or in any script."""
    require(len(embedder.count_tokens(())) == 0, "no texts must give no counts")
    counts = embedder.count_tokens(EVERY)
    require(len(counts) == len(EVERY), f"one count a text, got {len(counts)} for {len(EVERY)}")
    require(min(counts) >= 0, f"counts must not be negative, got {min(counts)}")


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
