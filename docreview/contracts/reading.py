"""What importers, text processors, views, indexes, exporters and presets return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from docreview.config import check_review
from docreview.contracts.calls import Blame, blame, guarded, label_of
from docreview.errors import did_you_mean
from docreview.registry import registration_of
from docreview.types import Document, Vectors

if TYPE_CHECKING:
    from pathlib import Path

    from docreview.registry import Registration
    from docreview.types import Exporter, Floats, Importer, Ints, Scalar


def documents(importer: Importer, path: Path, columns: Mapping[str, str], **told: Any) -> Iterator[Document]:
    """The documents that an importer yields, checked one by one."""
    with guarded(registration_of(importer), f"reading {path}"):
        for document in importer.read(path, columns, **told):
            yield check_document(importer, document)


def check_document(importer: object, document: object) -> Document:
    """Return what an importer yielded; it must be a `Document` with an id and a text."""
    if not isinstance(document, Document):
        blame(label_of(importer), f"it yielded a {type(document).__name__}, not a Document")
    plain = all(isinstance(value, str) for value in (document.id, document.text, document.title))
    if not plain or not document.id:
        blame(label_of(importer), f"it yielded a document whose id, title or text is no text: {document.id!r}")
    if document.label is not None and not isinstance(document.label, str):
        blame(label_of(importer), f"it yielded a label that is no text for the document '{document.id}'")
    metadata = document.metadata
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        blame(label_of(importer), f"the metadata of the document '{document.id}' must be a table")
    if not all(isinstance(value, str | int | float | bool | None) for value in metadata.values()):
        blame(label_of(importer), f"the metadata of the document '{document.id}' must be plain values")
    return document


def process(processor: Any, texts: list[str]) -> list[str]:
    """Texts as a text processor changes them: one text each."""
    with guarded(registration_of(processor), "processing texts"):
        made = [processor(text) for text in texts]
    for text in made:
        if not isinstance(text, str):
            blame(label_of(processor), f"it must return text, got {type(text).__name__}")
    return made


def check_search(index: object, answer: object, queries: int, k: int, n: int) -> tuple[Ints, Floats]:
    """Return rows and similarities (queries, k) that an index found; rows of the corpus, and finite numbers."""
    import numpy as np

    wrong = Blame(label_of(index), None)
    if not isinstance(answer, tuple) or len(answer) != 2:
        wrong("a search must return rows and similarities")
    for name, values in zip(("rows", "similarities"), answer, strict=True):
        if np.shape(values) != (queries, k):
            wrong(f"{name} must have the shape {(queries, k)}, got {np.shape(values)}")
    rows, similarities = np.asarray(answer[0]), np.asarray(answer[1], dtype=np.float32)
    if rows.dtype.kind not in "iu" or (rows.size and not 0 <= rows.min() <= rows.max() < n):
        wrong(f"rows must be whole numbers from 0 to {n - 1}")
    if not np.isfinite(similarities).all():
        wrong("similarities must be finite")
    return rows.astype(np.int64), similarities


def write_rows(exporter: Exporter, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
    """Let an exporter write rows; it must say how many."""
    with guarded(registration_of(exporter), f"writing {path}"):
        given = 0

        def counted() -> Iterator[Mapping[str, Scalar]]:
            nonlocal given
            for given, row in enumerate(rows, 1):  # noqa: B007
                yield row

        written = exporter.write(path, counted())
    if written != given or isinstance(written, bool) or not isinstance(written, int):
        blame(label_of(exporter), f"it was given {given} rows and says that it wrote {written!r}")
    if not path.exists():
        blame(label_of(exporter), f"it says that it wrote {path}, which is not there")
    return written


#: what a preset says of a review, and whether it must
PRESET_KEYS = {
    "model": True,
    "query_strategy": True,
    "cold_start": True,
    "stopping_rule": True,
    "batch_size": False,
    "validation": False,
}


def check_preset(entry: Registration, preset: object) -> Mapping[str, Any]:
    """Return what a preset says; it must be a table of settings of a review, with a component for each role."""
    if not isinstance(preset, Mapping):
        blame(entry.label, f"it must return a table of settings, got {type(preset).__name__}")
    unknown = [key for key in preset if key not in PRESET_KEYS]
    if unknown:
        blame(entry.label, f"a review has no setting '{unknown[0]}'.{did_you_mean(str(unknown[0]), PRESET_KEYS)}")
    wrong = check_review(preset)
    if wrong is not None:
        blame(entry.label, wrong)
    missing = [key for key, needed in PRESET_KEYS.items() if needed and key not in preset]
    if missing:
        blame(entry.label, f"it must set '{missing[0]}'")
    return preset


def check_vectors(view: object, vectors: object, n: int) -> Vectors:
    """Return what a view built: one float32 row a document, finite where a plugin made it."""
    import numpy as np

    wrong = Blame(label_of(view), None)
    if not isinstance(vectors, Vectors):
        wrong(f"it must build Vectors, got {type(vectors).__name__}")
    matrix: Any = vectors.matrix
    shape = np.shape(matrix) if vectors.dense else matrix.shape
    if len(shape) != 2 or shape[0] != n:
        wrong(f"it must make one row a document, {n} in all, got the shape {tuple(shape)}")
    if matrix.dtype != np.float32:
        wrong(f"its matrix must be float32, got {matrix.dtype}")
    sizes = {None if part is None else len(part) for part in (vectors.chunks, vectors.chunk_rows)}
    if len(sizes) > 1:
        wrong("chunks and chunk_rows must come together, one row for each chunk")
    entry = registration_of(view)
    if entry is not None and not entry.built_in:
        values = matrix if vectors.dense else matrix.data
        if not np.isfinite(values).all():
            wrong("its vectors must be finite")
    return vectors
