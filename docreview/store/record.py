"""`Store`: what the rest of docreview sees of the record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from docreview.errors import StoreError, UnknownDocument
from docreview.store import adding, checking
from docreview.store.adding import Added
from docreview.store.chain import GENESIS, Entry, canonical_json, check_name, entry_hash, read_entry, short, storable
from docreview.store.schema import clear_errors, connect, documents, entries, in_memory, lock, prepare, transaction
from docreview.types import Document, Progress, Scalar, now, silent

#: the chain that says which documents were added; its kind of entry that only `add_documents` writes
CORPUS, DOCUMENTS_ADDED = "corpus", "documents-added"

#: rows or ids looked up in one statement
_AT_ONCE = 1_000


class Store:
    """Documents and entries of one project; safe to use from several threads and several processes at once.

    Errors of disk and database are `StoreError`; what a caller does wrong (a row that is not there) is IndexError.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str | Path, *, create: bool = False) -> Store:
        """Open the record at `url`: a path, ``sqlite:///path``, ``sqlite://`` (in memory), ``postgresql+psycopg://...``.

        Where there is none, `create` makes it, and without `create` that is a `StoreError`. `NewerVersion` where a
        later docreview wrote it.
        """
        parsed = _url(url)
        if parsed.drivername.startswith("sqlite") and parsed.query and "uri" not in parsed.query:
            raise StoreError(f"an SQLite address takes no '?': give a path, which may hold one, not '{url}'.")
        if parsed.drivername.startswith("sqlite") and not in_memory(parsed) and not parsed.query:
            _check_file(Path(str(parsed.database)), create)
        engine = connect(parsed)
        try:
            prepare(engine, create or in_memory(parsed))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Close the database; committed work stays."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------------------------------------------- documents

    @property
    def n(self) -> int:
        """Number of documents: their rows are 0 to n - 1."""
        with transaction(self._engine) as connection:
            return _count(connection)

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Rows (start, stop) of each add, in order."""
        with transaction(self._engine) as connection:
            return checking.segments(connection)

    def add_documents(
        self, documents: Iterable[Document], source: Mapping[str, Scalar], progress: Progress = silent
    ) -> Added:
        """Append new documents in one transaction, all or none, with one entry on the chain ``"corpus"``.

        `documents` is read as a stream, before any other writer has to wait; it must not use this store. A document
        that is there already with the same title and text is skipped; where nothing is new there is no entry.
        `ImportFailed` naming the id where an id names two texts, or where a document cannot be stored (NUL, lone
        surrogates, metadata that is no scalar).
        """
        source_json = canonical_json(dict(source), "source")
        with clear_errors(self._engine), self._engine.connect() as connection:
            try:
                with connection.execution_options(begin="BEGIN").begin():
                    adding.stage(connection, documents, progress)
                with connection.execution_options(begin="BEGIN IMMEDIATE").begin():
                    lock(connection, CORPUS)
                    added, payload = adding.move(connection, json.loads(source_json))
                    if payload is not None:
                        _append(connection, CORPUS, [(DOCUMENTS_ADDED, canonical_json(payload))])
                with connection.execution_options(begin=None).begin():
                    adding.unstage(connection)
            except BaseException:
                if not in_memory(self._engine.url):
                    connection.invalidate()  # what was staged goes with the connection, whatever state that is in
                raise
        return added

    def ids(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Ids of the rows `start` to `stop` (to the end where None)."""
        with transaction(self._engine, snapshot=True) as connection:
            stop = _count(connection) if stop is None else stop
            return [row.id for row in _range(connection, start, stop, documents.c.id)]

    def rows(self, ids: Sequence[str]) -> list[int]:
        """Rows of the ids, in the order asked; `UnknownDocument` names the first that is not in the corpus."""
        found: dict[str, int] = {}
        with transaction(self._engine, snapshot=True) as connection:
            for block in _blocks([id for id in ids if storable(id)]):
                wanted = sa.select(documents.c.id, documents.c.row).where(documents.c.id.in_(block))
                found.update((row.id, row.row) for row in connection.execute(wanted))
        for id in ids:
            if id not in found:
                raise UnknownDocument(f"there is no document {short(id)} in the corpus.")
        return [found[id] for id in ids]

    def ids_of(self, rows: Iterable[int]) -> list[str]:
        """Ids of the rows, in the order asked; IndexError where a row is not there. Reads no text."""
        return [id for (id,) in self._picked(rows, documents.c.id)]

    def documents(self, rows: Sequence[int]) -> list[Document]:
        """Documents of the rows, in the order asked; IndexError where a row is not there."""
        c = documents.c
        found = self._picked(rows, c.id, c.title, c.text, c.metadata)
        return [Document(id, text, title, json.loads(metadata)) for id, title, text, metadata in found]

    def _picked(self, rows: Iterable[int], *columns: sa.Column[str]) -> list[Any]:
        """The columns of the rows, in the order asked."""
        found: dict[int, Any] = {}
        rows = [int(row) for row in rows]
        with transaction(self._engine, snapshot=True) as connection:
            for block in _blocks(rows):
                wanted = sa.select(documents.c.row, *columns).where(documents.c.row.in_(block))
                found.update((row, values) for row, *values in connection.execute(wanted))
        for row in rows:
            if row not in found:
                raise IndexError(f"the corpus has no row {row}")
        return [found[row] for row in rows]

    def texts(self, start: int, stop: int) -> list[str]:
        """Texts of the rows `start` to `stop`: title and text joined by a newline, the text where there is no title."""
        with transaction(self._engine) as connection:
            found = _range(connection, start, stop, documents.c.title, documents.c.text)
            return [f"{title}\n{text}" if title else text for title, text in found]

    def digests(self, start: int, stop: int) -> list[str]:
        """Hex SHA-256 of title and text of the rows `start` to `stop`."""
        with transaction(self._engine) as connection:
            return [row.digest for row in _range(connection, start, stop, documents.c.digest)]

    # ------------------------------------------------------------------------------------------------------ entries

    def append(self, chain: str, *entries: tuple[str, Mapping[str, Any]], expected: int | None = None) -> list[Entry]:
        """Append (kind, payload) entries to a chain, all or none; they are on disk when this returns.

        `expected` is the seq that the caller took for the last: where another writer was faster, nothing is written and
        nothing returned, so that what was decided on an old state can be decided again.
        Payloads are JSON objects of finite numbers: see `canonical_json` for what is refused.
        """
        check_name("chain", chain)
        written = []
        for kind, payload in entries:
            check_name("kind", kind)
            if (chain, kind) == (CORPUS, DOCUMENTS_ADDED):
                raise ValueError("only add_documents writes 'documents-added' entries")
            written.append((kind, canonical_json(dict(payload))))
        if not written:
            return []
        with transaction(self._engine, writing=True) as connection:
            lock(connection, chain)
            if expected is not None and (connection.scalar(_LAST, {"chain": chain}) or 0) != expected:
                return []
            return _append(connection, chain, written)

    def entries(self, chain: str, after: int = 0) -> list[Entry]:
        """Entries of a chain with seq greater than `after`, in order."""
        c = entries.c
        wanted = sa.select(c.chain, c.seq, c.kind, c.at, c.payload, c.previous, c.hash)
        with transaction(self._engine) as connection:
            found = connection.execute(wanted.where(c.chain == chain, c.seq > after).order_by(c.seq))
            return [read_entry(*row) for row in found]

    def last(self, chain: str) -> int:
        """Return the seq of a chain's last entry, 0 where it is empty."""
        with transaction(self._engine) as connection:
            return connection.scalar(_LAST, {"chain": chain}) or 0

    @property
    def chains(self) -> list[str]:
        """Names of the chains, sorted."""
        with transaction(self._engine) as connection:
            return sorted(connection.scalars(sa.select(entries.c.chain).distinct()))

    def verify(self, chain: str) -> None:
        """Raise `BrokenRecord` naming the first entry that was changed, dropped or inserted.

        For the chain ``"corpus"`` the documents are checked too. See `docreview.store` for what a chain cannot show.
        """
        with transaction(self._engine, snapshot=True) as connection:
            checking.verify(connection, chain, documents=chain == CORPUS)


def _url(url: str | Path) -> sa.URL:
    if isinstance(url, Path):
        return sa.URL.create("sqlite", database=str(url))
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError("no address of a record: give 'sqlite:///path' or 'postgresql+psycopg://...'.") from error


def _check_file(path: Path, create: bool) -> None:
    """Raise `StoreError` where SQLite would make a file that nobody wants, or write over one of a few bytes."""
    if create and not path.parent.is_dir():
        raise StoreError(f"the record '{path}' cannot be made: its folder is not there.")
    if not path.is_file():
        if create and not path.exists():
            return
        raise StoreError(f"there is no record at '{path}'.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise StoreError(f"the record '{path}' cannot be read: {error.strerror}.") from error
    if head not in (b"", b"SQLite format 3\0"):
        raise StoreError(f"'{path}' is not a database: give the record of a project, or restore a copy.")


_LAST = sa.select(sa.func.max(entries.c.seq)).where(entries.c.chain == sa.bindparam("chain"))
_COUNT = sa.select(sa.func.max(documents.c.row) + 1)
_TAIL = (
    sa.select(entries.c.seq, entries.c.hash)
    .where(entries.c.chain == sa.bindparam("chain"))
    .order_by(entries.c.seq.desc())
    .limit(1)
)


def _append(connection: sa.Connection, chain: str, written: Sequence[tuple[str, str]]) -> list[Entry]:
    """Append (kind, canonical JSON) entries; the caller holds the chain's lock."""
    tail = connection.execute(_TAIL, {"chain": chain}).first()
    seq, previous = (tail.seq, tail.hash) if tail else (0, GENESIS)
    rows = []
    for kind, payload in written:
        seq += 1
        at = now().isoformat(timespec="microseconds")
        digest = entry_hash(previous, chain, seq, kind, at, payload)
        rows.append((chain, seq, kind, at, payload, previous, digest))
        previous = digest
    connection.execute(sa.insert(entries), [dict(zip(entries.c.keys(), row, strict=True)) for row in rows])
    return [read_entry(*row) for row in rows]


def _count(connection: sa.Connection) -> int:
    return connection.scalar(_COUNT) or 0


def _range(connection: sa.Connection, start: int, stop: int, *columns: sa.Column[str]) -> Sequence[Any]:
    row = documents.c.row
    found = connection.execute(sa.select(*columns).where(row >= int(start), row < int(stop)).order_by(row)).all()
    if start < 0 or len(found) != stop - start:
        raise IndexError(f"the corpus has no rows {start} to {stop}: it has {_count(connection)}")
    return found


def _blocks(values: list[Any]) -> Iterator[list[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
