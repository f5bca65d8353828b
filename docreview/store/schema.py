"""Tables, triggers and connections of the two databases, and the one line that each of their errors becomes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from docreview.errors import NewerVersion, StoreError

#: version of the schema that this code writes; a database of a later one is refused
SCHEMA = 1

#: how long a writer waits for another one, in seconds
PATIENCE = 60.0

metadata = sa.MetaData()

# PostgreSQL: compare bytes, not words of some language
_Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", _Text, nullable=False),
    sa.Column("title", _Text, nullable=False),
    sa.Column("text", _Text, nullable=False),
    sa.Column("metadata", _Text, nullable=False),
    sa.Column("digest", _Text, nullable=False),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("chain", _Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", _Text, nullable=False),
    sa.Column("at", _Text, nullable=False),
    sa.Column("payload", _Text, nullable=False),
    sa.Column("previous", _Text, nullable=False),
    sa.Column("hash", _Text, nullable=False),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", _Text, primary_key=True),
    sa.Column("value", _Text, nullable=False),
)

# INSERT OR REPLACE deletes the old row without firing DELETE triggers, hence the two on INSERT.
_SQLITE = (
    "CREATE UNIQUE INDEX documents_id ON documents (id)",
    *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
        for table in ("documents", "entries")
        for verb in ("update", "delete")
    ),
    "CREATE TRIGGER documents_no_replace BEFORE INSERT ON documents "
    "WHEN EXISTS (SELECT 1 FROM documents WHERE row >= NEW.row OR id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'documents are append-only'); END",
    "CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries "
    "WHEN EXISTS (SELECT 1 FROM entries WHERE chain = NEW.chain AND seq >= NEW.seq) "
    "BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END",
)

# A b-tree takes no id longer than 2,704 bytes; a hash index does, but is unique only through an exclusion constraint.
_POSTGRESQL = (
    "ALTER TABLE documents ADD CONSTRAINT documents_id EXCLUDE USING hash (id WITH =)",
    "CREATE FUNCTION docreview_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '%% are append-only', TG_TABLE_NAME; END $$",
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION docreview_append_only()"
        for table in ("documents", "entries")
    ),
)


def connect(url: sa.URL) -> sa.Engine:
    """Return an engine for `url`; nothing is opened yet. `StoreError` for a database that is neither of the two."""
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite_engine(url)
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgresql_engine(url.set(drivername="postgresql+psycopg"))
    raise StoreError(f"a record lives in sqlite or postgresql+psycopg, not in '{url.drivername}'.")


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    # In memory the connection is the database: one only, never closed, and threads wait for it in turn.
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if in_memory(url) else {}
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
        **pool,
    )

    opened: dict[str, Any] = {}  # the file that the first connection opened

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=4194304")  # a large import must not leave a large log
        connection.execute("PRAGMA cache_size=-32768")  # in KiB: ids in no order touch the index all over
        connection.execute("PRAGMA temp.secure_delete=OFF")  # nobody has to overwrite what was only staged
        path = connection.execute("PRAGMA database_list").fetchone()[2]  # absolute
        opened.setdefault("path", path)
        opened.setdefault("inode", _inode(path))
        record.info["opened"] = opened

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        statement = connection.get_execution_options().get("begin")
        if statement is not None:
            connection.exec_driver_sql(statement)

    return engine


def _postgresql_engine(url: sa.URL) -> sa.Engine:
    # Whatever the server's or the shell's defaults are: a writer must see what was committed while it waited for its
    # lock, text is UTF-8, and what is acknowledged is on disk.
    try:
        engine = sa.create_engine(
            url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args={"client_encoding": "utf8"}
        )
    except ImportError as error:
        raise StoreError("PostgreSQL needs the package psycopg: pip install 'docreview[postgres]'.") from error

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        current = "current_setting('synchronous_commit')"
        connection.execute(f"SELECT set_config('synchronous_commit', 'on', false) WHERE {current} = 'off'")
        connection.commit()

    return engine


def in_memory(url: sa.URL) -> bool:
    """Return True for an SQLite database without a file."""
    return url.drivername.startswith("sqlite") and url.database in (None, "", ":memory:")


def prepare(engine: sa.Engine, create: bool) -> None:
    """Check that the database is a record of a version this code knows; make it one where it is empty and `create`."""
    with transaction(engine, writing=create) as connection:
        if create and engine.dialect.name == "postgresql":
            lock(connection, "")
        found = set(sa.inspect(connection).get_table_names())
        ours = {table.name for table in metadata.sorted_tables}
        if found.isdisjoint(ours) and create and (engine.dialect.name == "postgresql" or not found):
            _create(connection)
        elif not ours <= found:
            raise StoreError(f"{_name(engine)} holds no docreview record.")
        rows = connection.execute(sa.select(meta.c.key, meta.c.value))
        values = {row.key: row.value for row in rows}
        _check_version(engine, values)
    if engine.dialect.name == "sqlite":
        _keep_a_log(engine)


def _keep_a_log(engine: sa.Engine) -> None:
    """Let readers and a writer work at once (WAL); of several processes that open a new record, one says so first.

    SQLite does not wait for the others here, whatever its timeout: it is asked again.
    """
    given_up = time.monotonic() + PATIENCE
    while True:
        try:
            with engine.connect() as connection:
                if connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal":
                    return
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
        except sa.exc.OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() > given_up:
                raise
            time.sleep(0.02)


def _create(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.scalar(sa.text("SHOW server_encoding"))
        if encoding != "UTF8":
            raise StoreError(f"{_name(connection.engine)} is encoded in {encoding}: make one with encoding UTF8.")
    metadata.create_all(connection)
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.exec_driver_sql(statement)
    rows = {"application": "docreview", "schema": str(SCHEMA)}
    connection.execute(sa.insert(meta), [{"key": key, "value": value} for key, value in rows.items()])


def _check_version(engine: sa.Engine, values: dict[str, str]) -> None:
    version = str(values.get("schema"))
    if values.get("application") != "docreview" or not version.isdecimal():
        raise StoreError(f"{_name(engine)} holds no docreview record.")
    if int(version) > SCHEMA:
        raise NewerVersion(
            f"{_name(engine)} was written by a later docreview (schema {version}; this one knows {SCHEMA}): "
            "pip install --upgrade docreview."
        )


@contextmanager
def transaction(engine: sa.Engine, *, writing: bool = False, snapshot: bool = False) -> Iterator[sa.Connection]:
    """Open a transaction; committed at the end where `writing`. Database errors become `StoreError`.

    A reader sees each statement's own moment, or one moment for all of them where `snapshot`. A writer on SQLite
    waits for the write lock at the beginning, where waiting is safe, and not in the middle.
    """
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN" if snapshot else None
    with clear_errors(engine), engine.connect().execution_options(begin=begin) as connection:
        transaction = connection.begin()
        if snapshot and engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with transaction:
            yield connection


def lock(connection: sa.Connection, chain: str) -> None:
    """Make other writers of `chain` wait until this transaction ends. SQLite has only one writer anyway.

    `StoreError` where an SQLite file was deleted or replaced: what is written now would be gone with the old one.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(sha256(f"docreview\0{chain}".encode()).digest()[:8], "big", signed=True)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    elif connection.info["opened"]["inode"] != _inode(connection.info["opened"]["path"]):
        connection.info["opened"]["inode"] = "gone"  # for good: a new file may get the old one's number
        raise StoreError(
            f"{_name(connection.engine)} was deleted or replaced while it was open: open the project again."
        )


def _inode(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file; None where there is none, as in memory."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _name(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return "the database in memory" if in_memory(engine.url) else f"'{Path(str(engine.url.database))}'"
    return f"'{engine.url.render_as_string(hide_password=True)}'"


#: what SQLite or PostgreSQL says -> what to tell the person
_EXPLAINED = {
    "file is not a database": "is not a database: give the record of a project, or restore a copy.",
    "disk image is malformed": "is damaged: restore a copy.",
    "database or disk is full": "cannot grow, its disk or that of temporary files is full: free space and try again.",
    "disk I/O error": "cannot be written or read (disk I/O error): check the disk and its free space, and try again.",
    "readonly database": "is read-only: make the file and its folder writable.",
    "unable to open database file": "cannot be opened: check that the folder is there and may be written.",
    "is locked": f"has been in use by another process for {PATIENCE:.0f} s: try again when that one is done.",
    "No space left": "cannot grow, the server's disk is full: free space and try again.",
}


@contextmanager
def clear_errors(engine: sa.Engine) -> Iterator[None]:
    """Turn the errors that a disk, a server or another process causes into `StoreError`; bugs keep their traceback."""
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise StoreError(f"{_name(engine)}: every connection is in use: try again later.") from error
    except sa.exc.DBAPIError as error:
        denied = getattr(error.orig, "sqlstate", None) == "42501"
        ours = isinstance(error, sa.exc.ProgrammingError | sa.exc.DataError | sa.exc.IntegrityError)
        if ours and not denied and error.statement is not None:  # without a statement the address is wrong
            raise
        message = str(error.orig).strip()
        explained = next((text for said, text in _EXPLAINED.items() if said in message), None)
        cause = explained or f"cannot be used: {' '.join(message.split())}"
        raise StoreError(f"{_name(engine)} {cause}") from error
