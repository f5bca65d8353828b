"""The demo's collection: the texts are there, whole, and carry their categories."""

from __future__ import annotations

import importlib.metadata
import re

import pytest

from docreview.errors import DocreviewError
from docreview.licences import COPYLEFT, VERSION, licences, parse_licence
from docreview.types import Document


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    try:
        installed = importlib.metadata.version("licensedcode-data")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("licensedcode-data is not installed: pip install 'docreview[demo]'")
    if installed != VERSION:
        pytest.skip(f"the figures are those of licensedcode-data {VERSION}, not of {installed}")
    return licences()


def test_the_collection_is_whole(documents: list[Document]) -> None:
    assert 2_280 <= len(documents) <= 2_313
    assert len({document.id for document in documents}) == len(documents)
    assert len({document.metadata["category"] for document in documents}) == 11
    copyleft = sum(document.metadata["category"] in COPYLEFT for document in documents)
    assert 540 <= copyleft <= 560


def test_nothing_of_the_header_is_in_the_text(documents: list[Document]) -> None:
    by_id = {document.id: document for document in documents}
    gpl = by_id["gpl-2.0"]
    assert gpl.metadata == {"category": "Copyleft", "name": "GNU General Public License 2.0"}
    assert gpl.label is None
    assert gpl.text.startswith("GNU GENERAL PUBLIC LICENSE")
    assert not any(re.search(r"^(category|spdx_license_key): ", document.text, re.MULTILINE) for document in documents)


@pytest.mark.parametrize(
    ("content", "category", "name", "text"),
    [
        ("---\ncategory: Copyleft\nname: A\n---\nText.\n", "Copyleft", "A", "Text."),
        ("---\nname: A long\n    name\ncategory: C\nurls:\n  - x\n---\n\n B \n", "C", "A long name", "B"),
        ("---\ncategory: 'It''s'\nname: \"a \\\"b\\\"\"\n---\nx", "It's", 'a "b"', "x"),
        ("---\nname: >-\n  folded\n  text\ncategory: C\n---\nx\n---\ny\n", "C", "folded text", "x\n---\ny"),
        ("---\ncategory: C\n---\nx", "C", "stem", "x"),
    ],
)
def test_a_file_is_read(content: str, category: str, name: str, text: str) -> None:
    document = parse_licence("stem", content)
    assert document is not None
    assert (document.metadata["category"], document.metadata["name"], document.text) == (category, name, text)


@pytest.mark.parametrize(
    "content",
    ["", "text alone", "---\ncategory: C\n", "---\nname: A\n---\ntext", "---\ncategory: C\n---\n \n", "---\n---\ntext"],
)
def test_a_file_without_text_or_category_is_left_out(content: str) -> None:
    assert parse_licence("stem", content) is None


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(DocreviewError, match=f"pip install licensedcode-data=={VERSION}"):
        licences()
