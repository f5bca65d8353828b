"""Verifying a stored chain, and the documents against the chain that says which were added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from docreview.errors import BrokenRecord
from docreview.store.adding import BLOCK, content_digest
from docreview.store.chain import short, verify_chain
from docreview.store.schema import documents, entries


def segments(connection: sa.Connection) -> list[tuple[int, int]]:
    """Rows (start, stop) of each ``documents-added`` entry, in order."""
    return [(added["start"], added["stop"]) for _, added in _additions(connection)]


def _additions(connection: sa.Connection) -> list[tuple[int, dict[str, Any]]]:
    c = entries.c
    wanted = sa.select(c.seq, c.payload).where(c.chain == "corpus", c.kind == "documents-added").order_by(c.seq)
    found = []
    for seq, payload in connection.execute(wanted):
        try:
            content = json.loads(payload)
            named = isinstance(content["start"], int) and isinstance(content["stop"], int)
        except (ValueError, TypeError, KeyError):
            named = False
        if not named:
            raise BrokenRecord(f"entry {seq} of chain 'corpus' was changed: it names no rows.")
        found.append((seq, content))
    return found


def verify(connection: sa.Connection, chain: str, *, documents: bool) -> None:
    """Raise `BrokenRecord` naming the first entry of `chain` that does not fit; then, where asked, the document."""
    c = entries.c
    wanted = sa.select(c.seq, c.kind, c.at, c.payload, c.previous, c.hash).where(c.chain == chain).order_by(c.seq)
    with _any_bytes(connection):
        with _stream(connection, wanted) as rows:
            verify_chain(chain, rows)
        if documents:
            _verify_documents(connection)


@contextmanager
def _any_bytes(connection: sa.Connection) -> Iterator[None]:
    """Read bytes that are not UTF-8 as surrogates: a tampered entry is to be named, not to stop the reading."""
    if connection.dialect.name != "sqlite":
        yield  # PostgreSQL lets no such text in
        return
    driver: Any = connection.connection.driver_connection
    driver.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


@contextmanager
def _stream(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[Iterator[Sequence[Any]]]:
    """Rows in blocks; the server's cursor is closed also where the reader stops midway."""
    with connection.execute(statement, execution_options={"yield_per": BLOCK}) as result:
        yield (row for block in result.partitions() for row in block)


def _verify_documents(connection: sa.Connection) -> None:
    c = documents.c
    columns = (c.row, c.id, c.title, c.text, c.metadata, c.digest)
    end = 0
    for seq, added in _additions(connection):
        start, stop = added["start"], added["stop"]
        if start != end:
            raise BrokenRecord(f"entry {seq} of chain 'corpus' adds rows from {start}, but {end} come before it.")
        wanted = sa.select(*columns).where(c.row >= start, c.row < stop).order_by(c.row)
        whole, expected = sha256(), start
        with _stream(connection, wanted) as rows:
            for row, id, title, text, metadata, digest in rows:
                if row != expected:
                    break
                expected += 1
                try:
                    if content_digest(title, text) != digest:
                        raise BrokenRecord(f"the text of document {short(id)} (row {row}) was changed.")
                    whole.update(f"{id}\0{digest}\0{metadata}\0".encode())
                except UnicodeEncodeError as error:
                    raise BrokenRecord(f"document {short(id)} (row {row}) was changed: no valid Unicode.") from error
        if expected != stop:
            raise BrokenRecord(f"the document of row {expected} was dropped: entry {seq} of chain 'corpus' added it.")
        if whole.hexdigest() != added.get("digest"):
            raise BrokenRecord(
                f"an id, text or metadata in rows {start} to {stop - 1} was changed: they are not what entry {seq} of "
                "chain 'corpus' added."
            )
        end = stop
    outside = connection.execute(sa.select(c.row, c.id).where(sa.or_(c.row < 0, c.row >= end)).limit(1)).first()
    if outside:
        raise BrokenRecord(f"document {short(outside.id)} (row {outside.row}) was inserted: no entry added it.")
