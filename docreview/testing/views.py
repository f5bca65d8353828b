"""Checks of views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.cache import TextSource
from docreview.corpus import Portable
from docreview.testing.common import digest, global_generators_untouched, new_cache, require
from docreview.testing.samples import EVERY, ODD, PLAIN, SCRIPTS
from docreview.types import silent

if TYPE_CHECKING:
    from docreview.corpus import View
    from docreview.types import Vectors

_LONG = (*PLAIN, PLAIN[0] * 300, ODD["empty"], PLAIN[1])


def _grown() -> TextSource:
    return TextSource((*PLAIN, *SCRIPTS.values()), adds=((0, len(PLAIN)), (len(PLAIN), len(PLAIN) + len(SCRIPTS))))


def _hash(vectors: Vectors) -> str:
    return digest(vectors.matrix, vectors.chunks, vectors.chunk_rows)


def check_view_vectors(view: View) -> None:
    """It gives one row a text, float32, finite, of length one or zero, sparse or dense as `dense` says."""
    import numpy as np

    for texts in ((), PLAIN[:1], EVERY):
        with new_cache() as cache:
            vectors = view.build(TextSource(texts), cache, silent)
            matrix: Any = vectors.matrix
            require(matrix.shape[0] == len(texts), f"one row a text, got {matrix.shape[0]} for {len(texts)}")
            require(matrix.dtype == np.float32, f"the matrix must be float32, got {matrix.dtype}")
            require(vectors.dense == view.dense, "`dense` must say what the matrix is")
            values = matrix if vectors.dense else matrix.data
            require(np.isfinite(values).all(), "the matrix must be finite")
            norms = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
            require(((norms < 1e-6) | (np.abs(norms - 1) < 1e-3)).all(), "rows must have length one or zero")


def check_view_chunks(view: View) -> None:
    """Where it cuts long texts into chunks, each chunk is a finite row and names its document, in order."""
    import numpy as np

    with new_cache() as cache:
        vectors = view.build(TextSource(_LONG), cache, silent)
        if vectors.chunks is None or vectors.chunk_rows is None:
            require(vectors.chunks is None and vectors.chunk_rows is None, "chunks and their rows come together")
            return
        rows = vectors.chunk_rows
        require(rows.shape == (len(vectors.chunks),), f"one row number a chunk, got shape {rows.shape}")
        require(vectors.chunks.shape[1] == vectors.matrix.shape[1], "chunks must be as wide as the matrix")
        require(np.isfinite(vectors.chunks).all(), "chunks must be finite")
        ordered = not rows.size or (rows.min() >= 0 and rows.max() < len(_LONG) and (np.diff(rows) >= 0).all())
        require(ordered, "chunks must name rows of the corpus, in order")


def check_view_tells_apart(view: View) -> None:
    """Texts that differ get different rows, and none of plain texts an empty one."""
    with new_cache() as cache:
        matrix: Any = view.build(TextSource(PLAIN), cache, silent).matrix
        rows = matrix if view.dense else matrix.toarray()
        require(len({row.tobytes() for row in rows}) == len(PLAIN), "texts that differ must get different rows")
        require(rows.any(axis=1).all(), "a plain text must not get an empty row")


def check_view_scripts(view: View) -> None:
    """A text in any script gets a row that is not empty."""
    with new_cache() as cache:
        matrix: Any = view.build(TextSource(tuple(SCRIPTS.values()), language="xx"), cache, silent).matrix
        rows = matrix if view.dense else matrix.toarray()
        for name, row in zip(SCRIPTS, rows, strict=True):
            require(row.any(), f"the {name} text must not get an empty row")


def check_view_repeats(view: View) -> None:
    """The same texts give the same vectors and fingerprint, bit for bit, from a new cache and from a used one."""
    source = TextSource(PLAIN)
    with new_cache() as cache, new_cache() as other:
        first = view.build(source, cache, silent)
        for again in (view.build(source, cache, silent), view.build(source, other, silent)):
            require(again.fingerprint == first.fingerprint, "the same texts must give the same fingerprint")
            require(_hash(again) == _hash(first), "the same texts must give the same vectors")


def check_view_grows(view: View) -> None:
    """A corpus built add by add gets the same vectors and fingerprint, bit for bit, as one that is built at once."""
    with new_cache() as cache, new_cache() as other:
        view.build(TextSource(PLAIN), cache, silent)
        grown, at_once = view.build(_grown(), cache, silent), view.build(_grown(), other, silent)
        require(grown.fingerprint == at_once.fingerprint, "built add by add, the fingerprint must be the same")
        require(_hash(grown) == _hash(at_once), "built add by add, the vectors must be the same")


def check_view_fingerprint(view: View) -> None:
    """Other texts, or the same in another order, get another fingerprint."""
    with new_cache() as cache:
        orders = (PLAIN, PLAIN[::-1], PLAIN[:2])
        prints = {view.build(TextSource(texts), cache, silent).fingerprint for texts in orders}
        require(len(prints) == len(orders), "other texts must get another fingerprint")


def check_view_remaining(view: View) -> None:
    """`remaining` counts every text before the first build, none after it, and after an add only the new ones."""
    with new_cache() as cache:
        require(view.remaining(TextSource(PLAIN), cache) == len(PLAIN), "before the first build all texts remain")
        view.build(TextSource(PLAIN), cache, silent)
        require(view.remaining(TextSource(PLAIN), cache) == 0, "after a build no text remains")
        require(view.remaining(_grown(), cache) == len(SCRIPTS), "after an add only the new texts remain")


def check_view_explains(view: View) -> None:
    """Where it can explain a text, the spans are words of it, and what they add sums to the text's row."""
    import numpy as np

    with new_cache() as cache:
        vectors = view.build(TextSource(PLAIN), cache, silent)
        if vectors.explain is None:
            return
        for text, row in zip(PLAIN, vectors.matrix, strict=True):
            spans, added = vectors.explain(text)
            require(len(spans) == added.shape[0], f"{len(spans)} spans, and {added.shape[0]} rows for them")
            require(all(0 <= a < b <= len(text) for a, b in spans), "spans must lie within the text")
            whole: Any = row.toarray().ravel() if hasattr(row, "toarray") else row
            parts = np.asarray(added.sum(axis=0)).ravel()
            require(np.allclose(parts, whole, atol=1e-4), "what the words add must sum to the text's row")


def check_view_leaves_corpus(view: View) -> None:
    """Where it can leave its corpus, it sees a text alone, from what it learned, as it saw it in the corpus."""
    import numpy as np

    if not isinstance(view, Portable):
        return
    texts = (*PLAIN, *SCRIPTS.values())
    with new_cache() as cache, new_cache() as other:
        matrix: Any = view.build(TextSource(texts), cache, silent).matrix
        learned = view.learned(TextSource(texts), cache)
        rows = matrix if view.dense else matrix.toarray()
        for at in (0, len(texts) - 1):
            seen: Any = view.see(learned, TextSource(texts[at : at + 1]), other)
            require(seen.shape == (1, matrix.shape[1]), f"one row as wide as the corpus's, got {seen.shape}")
            row = seen if view.dense else seen.toarray()
            require(np.allclose(row, rows[[at]], atol=1e-4), "what it sees alone must be what it saw in the corpus")


def check_view_generators(view: View) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched(), new_cache() as cache:
        view.build(TextSource(PLAIN), cache, silent)
