"""Adding documents: staged in a temporary table without any lock, then moved in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

import sqlalchemy as sa

from docreview.errors import ImportFailed
from docreview.store.chain import short, storable
from docreview.store.schema import documents
from docreview.types import Document, Progress, Scalar

#: documents handed to the database at once
BLOCK = 2_000


@dataclass(frozen=True)
class Added:
    """What `Store.add_documents` did: new documents are rows `start` to `stop`, `skipped` ones were there already.

    `other_metadata` of the skipped ones came with metadata unlike those stored; the stored ones were kept.
    """

    start: int
    stop: int
    skipped: int
    other_metadata: int = 0

    @property
    def added(self) -> int:
        """Number of new documents."""
        return self.stop - self.start


def content_digest(title: str, text: str) -> str:
    """Return the hex SHA-256 of title, NUL, text."""
    return sha256(f"{title}\0{text}".encode()).hexdigest()


_staged = sa.Table(
    "docreview_staged",
    sa.MetaData(),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("id", "title", "text", "metadata", "digest")),
    prefixes=["TEMPORARY"],
)

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def _row(position: int, document: Document) -> tuple[int, str, str, str, str, str]:
    """Return the columns of `_staged`; `ImportFailed` naming the id where the document cannot be stored."""
    id, title, text = document.id, document.title, document.text
    if not id or not storable(id):
        raise ImportFailed(
            f"document {position + 1} has the id {short(id)}: an id is non-empty Unicode text without NUL."
        )
    try:
        digest = sha256(f"{title}\0{text}".encode()).hexdigest()
        metadata = _metadata(document) if document.metadata else "{}"
    except UnicodeEncodeError as error:
        raise ImportFailed(
            f"document {short(id)} is no valid Unicode (a lone surrogate): read the file in its right encoding."
        ) from error
    if not isinstance(title, str) or not isinstance(text, str):
        raise ImportFailed(f"document {short(id)}: title and text must be strings.")
    if "\0" in text or "\0" in title:
        raise ImportFailed(f"document {short(id)} holds a NUL character (U+0000), which no text should: replace it.")
    return position, id, title, text, metadata, digest


def _metadata(document: Document) -> str:
    for key, value in document.metadata.items():
        if not isinstance(key, str):
            raise ImportFailed(f"document {short(document.id)}: metadata has the key {short(key)}: keys must be text.")
        if not (value is None or isinstance(value, str | int | float)):
            raise ImportFailed(
                f"document {short(document.id)}: metadata {short(key)} is a {type(value).__name__}: "
                "give text, a number, true, false or nothing."
            )
    try:
        text = _encode(dict(document.metadata))
    except ValueError as error:
        raise ImportFailed(
            f"document {short(document.id)}: its metadata holds a number not finite or far too long: leave it empty."
        ) from error
    text.encode()  # refuses lone surrogates
    return text


def stage(connection: sa.Connection, documents_: Iterable[Document], progress: Progress) -> None:
    """Write the documents into the temporary table, in blocks, in the order given."""
    unstage(connection)
    connection.execute(sa.schema.CreateTable(_staged))
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO {_staged.name} VALUES ({', '.join([mark] * 6)})"
    rows = (_row(position, document) for position, document in enumerate(documents_))
    done = 0
    while block := list(islice(rows, BLOCK)):
        connection.exec_driver_sql(statement, block)
        done += len(block)
        progress("adding", done, 0)


def unstage(connection: sa.Connection) -> None:
    """Drop the temporary table."""
    connection.execute(sa.schema.DropTable(_staged, if_exists=True))


def move(connection: sa.Connection, source: Mapping[str, Scalar]) -> tuple[Added, dict[str, Any] | None]:
    """Move what is new from the temporary table to the corpus; return what was added and the entry's payload.

    The caller holds the lock of the chain. `ImportFailed` where an id names two texts.
    """
    staged, old = _staged.c, documents.c
    total = _size(connection)
    start = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(old.row) + 1, 0))) or 0

    twice = sa.select(staged.id).group_by(staged.id).having(sa.func.count() > 1)
    if connection.execute(twice.limit(1)).first():
        differing = (
            sa.select(staged.id)
            .group_by(staged.id)
            .having(sa.func.min(staged.digest) != sa.func.max(staged.digest))
            .order_by(sa.func.min(staged.position))
        )
        if found := connection.execute(differing.limit(1)).first():
            raise ImportFailed(f"two documents with different texts have the id {short(found.id)}: nothing was added.")
        first = sa.select(sa.func.min(staged.position)).group_by(staged.id)
        connection.execute(sa.delete(_staged).where(staged.position.not_in(first)))

    other_metadata = 0
    if start:
        both = _staged.join(documents, staged.id == old.id)
        clash = sa.select(staged.id).select_from(both).where(staged.digest != old.digest).order_by(staged.position)
        if found := connection.execute(clash.limit(1)).first():
            raise ImportFailed(
                f"the corpus has another text with the id {short(found.id)}: nothing was added. Give it another id."
            )
        count = sa.select(sa.func.count()).select_from(both).where(staged.metadata != old.metadata)
        other_metadata = connection.scalar(count) or 0
        known = sa.select(staged.position).select_from(both)
        connection.execute(sa.delete(_staged).where(staged.position.in_(known)))

    columns = (staged.id, staged.title, staged.text, staged.metadata, staged.digest)
    row = start - 1 + sa.func.row_number().over(order_by=staged.position)
    fresh = sa.select(row, *columns).order_by(staged.position)
    new = _size(connection)
    added = Added(start, start + new, total - new, other_metadata)
    if not new:
        return added, None
    connection.execute(sa.insert(documents).from_select(["row", *(c.name for c in columns)], fresh))
    digest = range_digest(connection, start, added.stop)
    payload = {"start": start, "stop": added.stop, "skipped": added.skipped, "digest": digest, "source": dict(source)}
    return added, payload


def _size(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(_staged)) or 0


def range_digest(connection: sa.Connection, start: int, stop: int) -> str:
    """Return the digest of a range of documents, as the ``documents-added`` entry holds it."""
    c = documents.c
    found = sa.select(c.id, c.digest, c.metadata).where(c.row >= start, c.row < stop).order_by(c.row)
    whole = sha256()
    for block in connection.execute(found, execution_options={"yield_per": BLOCK}).partitions():
        whole.update("".join([f"{id}\0{digest}\0{metadata}\0" for id, digest, metadata in block]).encode())
    return whole.hexdigest()
