"""Importers: files to documents, with one clear line where a file is not what it should be.

Nothing is dropped, replaced or guessed in silence: an importer says it through `warn`, one line each. What cannot be
read for certain raises `ImportFailed` with file and line. Rules that every importer here keeps:

- A file is read once before the first document, to be sure that every byte decodes.
- Columns are mapped (``{"text": "abstract"}``) or guessed from their names (`table.NAMES`); ``""`` is for
  a role that no column has.
- Labels come from the column that is mapped, or that is called ``label``; never from a guess.
- Other columns become metadata, where they are not empty.
- Without an id, a row is called after the file and its number (``report:17``), a text file after its path.
- NUL becomes U+FFFD; a document with neither text nor title is left out; an id that comes twice is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docreview.contracts import documents
from docreview.errors import ImportFailed
from docreview.hookspecs import Register, hookimpl
from docreview.importers.delimited import Csv, Tsv
from docreview.importers.folder import TxtFolder
from docreview.importers.jsonl import Jsonl
from docreview.importers.xlsx import Xlsx
from docreview.registry import is_built_in
from docreview.types import Document, Importer, Progress, silent

__all__ = ["Csv", "Jsonl", "Tsv", "TxtFolder", "Xlsx", "importer_for", "read_documents", "register_importers"]


def importer_for(path: Path, importers: Mapping[str, Importer]) -> str:
    """Name of the importer whose ending is the longest that fits; `ImportFailed` lists the endings there are.

    Of two for the same ending, docreview's own is taken: installing a plugin must not change how a CSV is read.
    """
    try:
        if not path.exists():
            # a link that leads nowhere is there, but not for reading
            raise ImportFailed(f"{path}: no such file or folder.")
    except OSError as error:  # a folder on the way that may not be entered, a name too long
        raise ImportFailed(f"{path}: cannot be read: {error.strerror}.") from error
    name = "/" if path.is_dir() else path.name.lower()
    fitting = [
        (len(ending), is_built_in(importer), key)
        for key, importer in importers.items()
        for ending in importer.suffixes
        if name.endswith(ending)
    ]
    if fitting:
        return max(fitting)[-1]
    endings = sorted({ending for importer in importers.values() for ending in importer.suffixes} - {"/"})
    plain = [e + (" (also .gz)" if f"{e}.gz" in endings else "") for e in endings if not e.endswith(".gz")]
    what = "folders" if name == "/" else f"files like '{path.name}'"
    raise ImportFailed(f"no importer reads {what}; they read {', '.join(plain)}.")


def read_documents(
    path: Path,
    importers: Mapping[str, Importer],
    columns: Mapping[str, str] | None = None,
    *,
    warn: Callable[[str], None],
    progress: Progress = silent,
) -> Iterator[Document]:
    """Yield the documents of a file or folder, by the importer that its ending asks for.

    `importers` are components by name. Raises `ImportFailed`. A plugin's importer that yields anything but
    documents is blamed by name with `ContractViolation`.
    """
    name = importer_for(path, importers)
    yield from documents(importers[name], path, columns or {}, warn=warn, progress=progress)


@hookimpl
def register_importers(register: Register) -> None:
    """Register the built-in importers."""
    register("txt-folder", TxtFolder)
    register("csv", Csv)
    register("tsv", Tsv)
    register("xlsx", Xlsx)
    register("jsonl", Jsonl)
