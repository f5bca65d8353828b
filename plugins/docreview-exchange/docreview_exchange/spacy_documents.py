"""spaCy: documents with their labels as categories, to train a text classifier (``textcat``) on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docreview.errors import ExportFailed
from docreview.types import Scalar
from docreview_exchange.files import whole_binary

if TYPE_CHECKING:
    from spacy.language import Language


@dataclass(frozen=True)
class SpacyDocuments:
    """A ``DocBin`` of spaCy: each label is a category, 1 for the document's own and 0 for the others.

    Documents without a label have no categories: training passes over them. The id stands in ``doc.user_data["id"]``.
    `language` is that of the pipeline to be trained, ``xx`` for any. All documents are held in memory.
    """

    language: str = "xx"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings it writes."""
        return (".spacy",)

    def write(self, path: Path, rows: Iterable[Mapping[str, Scalar]]) -> int:
        """Write the rows and return how many."""
        kept = list(rows)
        named = [key[2:-1] for key in (kept[0] if kept else ()) if key.startswith("p(") and key.endswith(")")]
        given = dict.fromkeys(str(row["label"]) for row in kept if row.get("label") is not None)
        write_documents(path, kept, list(dict.fromkeys((*named, *given))), self.language)
        return len(kept)


def write_documents(
    path: Path, rows: Iterable[Mapping[str, Scalar]], labels: Sequence[str], language: str = "xx"
) -> None:
    """Write the rows as documents with `labels` for categories, whole or not at all."""
    from spacy.tokens import DocBin

    nlp = _pipeline(path, language)
    found = DocBin(attrs=["ORTH", "SPACY"], store_user_data=True)
    for row in rows:
        title, text, label = row.get("title"), row.get("text"), row.get("label")
        doc = nlp.make_doc(f"{title}\n{text}" if title else str(text or ""))
        if label is not None:
            doc.cats = {name: float(name == label) for name in labels}
        doc.user_data = {"id": str(row.get("id", ""))}
        found.add(doc)
    with whole_binary(path) as file:
        file.write(found.to_bytes())


def _pipeline(path: Path, language: str) -> Language:
    import spacy

    try:
        nlp = spacy.blank(language)
    except ImportError as error:
        # no such language, or one whose tokenizer is a package of its own: spaCy raises the same for both
        said = str(error).strip().splitlines()[0]
        raise ExportFailed(
            f"{path}: spaCy makes no pipeline for '{language}' ({said}); language 'xx' serves any."
        ) from error
    nlp.max_length = 2**31  # a limit for parsers, and nothing is parsed here
    return nlp
