"""The licence collection of the demo: real legal texts that come as a Python package.

`licensedcode-data` holds the texts that ScanCode knows licences by (AboutCode, CC BY 4.0), sorted into categories by
people. See `corpora/licences` in the repository.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from docreview.errors import DocreviewError
from docreview.types import Document

PACKAGE = "licensedcode-data"
#: the version that every published figure was measured with
VERSION = "32.1.0"
#: the categories that impose copyleft: who passes the work on must pass the same rights on
COPYLEFT = ("Copyleft", "Copyleft Limited")

_KEY = re.compile(r"^([a-z_]+):[ \t]*(.*)$")


def licences() -> list[Document]:
    """Return the licence texts in the order of their ids, `category` and `name` in their metadata.

    A file without a category or without a text is left out. Raises `DocreviewError` where the package is not installed.
    """
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise DocreviewError(f"the demo's texts are not installed: pip install {PACKAGE}=={VERSION}") from None
    folder = Path(str(distribution.locate_file("licensedcode/data/licenses")))
    found = (parse_licence(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.LICENSE")))
    documents = [document for document in found if document is not None]
    if not documents:
        raise DocreviewError(f"{folder} holds no licence text: reinstall {PACKAGE}=={VERSION}")
    return documents


def parse_licence(name: str, content: str) -> Document | None:
    """Read one file: a header between two lines ``---``, then the text; None where text or category is missing."""
    opening, _, rest = content.partition("\n")
    header, closing, text = f"\n{rest}".partition("\n---\n")
    if opening.strip() != "---" or not closing:
        return None
    values = _header(header)
    if not values.get("category") or not text.strip():
        return None
    metadata = {"category": values["category"], "name": values.get("name", name)}
    return Document(name, text.strip(), metadata=metadata)


def _header(header: str) -> dict[str, str]:
    """The plain keys of a YAML header. Lists come out joined: nobody here asks for them."""
    values: dict[str, str] = {}
    key = ""
    for line in header.splitlines():
        if found := _KEY.match(line):
            key, values[found[1]] = found[1], found[2]
        elif key and line.startswith((" ", "\t")):  # folded over several lines
            values[key] = f"{values[key]} {line.strip()}"
    return {key: _plain(value.strip()) for key, value in values.items()}


def _plain(value: str) -> str:
    if re.match(r"[|>][+-]?\s", value):
        return value.partition(" ")[2]
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('\\"', '"')
    return value
