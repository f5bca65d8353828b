"""The record: what was acknowledged stays, nobody rewrites it unseen, and every failure is one line."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import docreview.store
from docreview.errors import BrokenRecord, ImportFailed, NewerVersion, StoreError, UnknownDocument
from docreview.store import GENESIS, Store, canonical_json, content_digest, entry_hash
from docreview.types import Document

plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    pgserver = pytest.importorskip("pgserver", reason="PostgreSQL comes with the package pgserver")
    running = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield sa.make_url(running.get_uri()).set(drivername="postgresql+psycopg")
    running.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database: a file, or a schema of the session's server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'record.db'}"
        return
    server: sa.URL = request.getfixturevalue("server")
    schema = f"test_{os.urandom(6).hex()}"
    run(server, f"CREATE SCHEMA {schema}")
    yield server.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    run(server, f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url, create=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def memory() -> Iterator[Store]:
    with Store.open("sqlite://", create=True) as opened:
        yield opened


def run(url: str | sa.URL, *statements: str) -> list[tuple[object, ...]]:
    """Execute SQL behind the store's back; return the rows of the last statement."""
    engine = sa.create_engine(url)
    rows: list[tuple[object, ...]] = []
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(sa.text(statement.replace(":", "\\:")))
                rows = [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()
    return rows


def tamper(url: str, *statements: str) -> None:
    """Execute SQL with the triggers dropped, as somebody would who wants to hide something."""
    if url.startswith("sqlite"):
        names = [name for (name,) in run(url, "SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        unlock = [f"DROP TRIGGER {name}" for name in names]
    else:
        unlock = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in ("documents", "entries")]
    run(url, *unlock, *statements)


def some(n: int, start: int = 0) -> list[Document]:
    return [
        Document(f"d{i}", f"text of {i}", f"title {i}" if i % 2 else "", {"year": i}) for i in range(start, start + n)
    ]


def python(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


# ------------------------------------------------------------------------------------------------------------ documents


def test_documents_come_back_as_they_were_added(store: Store) -> None:
    documents = [
        Document("a", "one", "Title", {"year": 1999, "score": 0.1, "ok": True, "none": None, "s": "ü"}),
        Document("b", "two\r\nlines\t", ""),
        Document("ñ/\n‮ '\"%;--", "🜚" * 3, "", {"": ""}),
    ]
    added = store.add_documents(iter(documents), {"file": "x.csv"})
    assert (added.start, added.stop, added.added, added.skipped) == (0, 3, 3, 0)
    assert store.n == 3
    assert store.ids() == [document.id for document in documents]
    assert store.documents([2, 0, 2]) == [documents[2], documents[0], documents[2]]
    assert store.texts(0, 3) == ["Title\none", "two\r\nlines\t", "🜚🜚🜚"]
    assert store.rows(["b", "a", "b"]) == [1, 0, 1]
    assert store.digests(1, 3) == [content_digest("", "two\r\nlines\t"), content_digest("", "🜚🜚🜚")]
    (entry,) = store.entries("corpus")
    assert (entry.seq, entry.kind, entry.previous) == (1, "documents-added", GENESIS)
    assert (entry.payload["start"], entry.payload["stop"], entry.payload["source"]) == (0, 3, {"file": "x.csv"})
    store.verify("corpus")


def test_adds_are_segments(store: Store) -> None:
    assert (store.n, store.segments, store.ids(), store.chains) == (0, [], [], [])
    store.add_documents(some(5), {})
    store.append("corpus", ("view-built", {"view": "lexical"}))
    store.add_documents(some(4, start=3), {})
    store.add_documents(some(7), {})
    assert store.segments == [(0, 5), (5, 7)]
    assert store.ids(4) == ["d4", "d5", "d6"]
    assert store.last("corpus") == 3
    store.verify("corpus")


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.tuples(plain_text.filter(len), plain_text, plain_text), unique_by=lambda t: t[0], min_size=1))
def test_every_text_comes_back_exactly(texts: list[tuple[str, str, str]]) -> None:
    documents = [Document(id, text, title, {"key": text}) for id, title, text in texts]
    with Store.open("sqlite://", create=True) as store:
        store.add_documents(documents, {})
        assert store.documents(store.rows([id for id, _, _ in texts])) == documents
        assert store.add_documents(reversed(documents), {}).skipped == len(documents)
        store.verify("corpus")


def test_what_is_there_already_is_skipped(store: Store) -> None:
    store.add_documents(some(5), {})
    again = store.add_documents([*some(6), Document("d0", "text of 0", "", {"year": 7})], {})
    assert (again.start, again.stop, again.skipped) == (5, 6, 6)
    assert store.entries("corpus")[-1].payload["skipped"] == 6
    nothing = store.add_documents([Document("d0", "text of 0", "", {"year": 7})], {})
    assert (nothing.added, nothing.skipped, nothing.other_metadata) == (0, 1, 1)
    assert store.add_documents([], {}).added == 0
    assert store.last("corpus") == 2
    assert store.documents([0])[0].metadata == {"year": 0}


def test_one_id_cannot_name_two_texts(store: Store) -> None:
    with pytest.raises(ImportFailed, match=r"'d1'.*nothing was added"):
        store.add_documents([*some(3), Document("d1", "another")], {})
    assert store.n == 0
    store.add_documents(some(3), {})
    with pytest.raises(ImportFailed, match=r"'d2'.*nothing was added"):
        store.add_documents([Document("new", "text"), Document("d2", "text of 2", "another title")], {})
    assert (store.n, store.last("corpus")) == (3, 1)


def test_title_and_text_do_not_run_into_each_other() -> None:
    assert content_digest("a", "b\nc") != content_digest("a\nb", "c")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("d\0", "text"), r"document 2 has the id 'd\\x00'"),
        (Document("", "text"), "document 2 has the id ''"),
        (Document("\ud800", "text"), r"document 2 has the id '\\ud800'"),
        (Document("bad", "te\0xt"), "'bad' holds a NUL"),
        (Document("bad", "text", "ti\0tle"), "'bad' holds a NUL"),
        (Document("bad", "te\ud800xt"), "'bad' is no valid Unicode"),
        (Document("bad", "text", metadata={"key": "\udfff"}), "'bad' is no valid Unicode"),
        (Document("bad", "text", metadata={"key": math.nan}), "'bad'.*not finite"),
        (Document("bad", "text", metadata={"key": 10**5_000}), "'bad'.*far too long"),
        (Document("bad", "text", metadata={1: ""}), "'bad'.*has the key 1"),  # type: ignore[dict-item]
        (Document("bad", "text", metadata={"key": ["list"]}), "'bad'.*'key' is a list"),  # type: ignore[dict-item]
        (Document("bad", None), "'bad'.*must be strings"),  # type: ignore[arg-type]
        (Document("x" * 500 + "\n", "\0"), "^.{1,200}$"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(store: Store, document: Document, message: str) -> None:
    with pytest.raises(ImportFailed, match=message) as refused:
        store.add_documents([Document("good", "text"), document], {})
    assert "\n" not in str(refused.value)
    assert store.n == 0
    assert store.add_documents(some(2), {}).added == 2


def test_very_long_ids_and_texts(store: Store) -> None:
    generator = random.Random(0)
    ids = ["".join(chr(generator.randrange(0x4E00, 0x9FFF)) for _ in range(20_000)) for _ in range(2)]
    text = "word " * 2_000_000
    store.add_documents([Document(ids[0], text), Document(ids[1], "b")], {})
    assert store.rows([ids[1], ids[0]]) == [1, 0]
    assert store.texts(0, 1) == [text]
    with pytest.raises(ImportFailed, match=r"^.{1,200}$"):
        store.add_documents([Document(ids[1], "c")], {})


def test_rows_and_ids_that_are_not_there(store: Store) -> None:
    store.add_documents(some(3), {})
    for missing in ("x", "D1", "d1 ", "\ud800", "\0", ""):
        with pytest.raises(UnknownDocument):
            store.rows(["d0", missing])
    with pytest.raises(UnknownDocument, match="'first'"):
        store.rows(["d1", "first", "second"])
    assert store.rows([]) == store.documents([]) == store.ids_of([]) == store.texts(3, 3) == []
    assert store.ids_of([2, 0, 2]) == [document.id for document in store.documents([2, 0, 2])] == ["d2", "d0", "d2"]
    for outside in (-1, 3):
        with pytest.raises(IndexError):
            store.documents([0, outside])
        with pytest.raises(IndexError):
            store.ids_of([0, outside])
    for start, stop in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(IndexError):
            store.texts(start, stop)


def test_many_rows_in_the_order_asked(store: Store) -> None:
    store.add_documents(some(2_500), {})
    rows = list(range(2_500))
    random.Random(0).shuffle(rows)
    documents = store.documents(rows)
    assert store.rows([document.id for document in documents]) == rows
    numpy = pytest.importorskip("numpy")
    assert store.documents(numpy.array([7, 3]))[0].id == "d7"


def test_a_source_that_fails_leaves_nothing(store: Store) -> None:
    def broken() -> Iterator[Document]:
        yield from some(3_000)
        raise ImportFailed("line 3001 is broken")

    with pytest.raises(ImportFailed, match="line 3001"):
        store.add_documents(broken(), {})
    assert (store.n, store.chains) == (0, [])
    assert store.add_documents(some(10), {}).added == 10


def test_documents_are_read_as_a_stream() -> None:
    generator = random.Random(0)
    texts = (f"{generator.getrandbits(8000):x}" for _ in range(10_000))  # 20 MB
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "record.db", create=True) as store:
        tracemalloc.start()
        store.add_documents((Document(f"d{i}", text) for i, text in enumerate(texts)), {})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12e6


def test_progress_is_told(store: Store) -> None:
    told: list[tuple[str, int, int]] = []
    store.add_documents(some(4_500), {}, progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == 4_500


# -------------------------------------------------------------------------------------------------------------- entries

json_text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | json_text,
    lambda inner: st.lists(inner) | st.dictionaries(json_text, inner),
    max_leaves=10,
)


@settings(max_examples=40, deadline=None)
@given(payloads=st.lists(st.dictionaries(json_text, json_values), min_size=1, max_size=4))
def test_every_payload_comes_back_exactly(memory: Store, payloads: list[dict[str, object]]) -> None:
    chain = os.urandom(8).hex()
    written = memory.append(chain, *(("kind", payload) for payload in payloads))
    assert written == memory.entries(chain)
    assert [entry.payload for entry in written] == payloads
    assert repr([entry.payload for entry in written]) == repr([json.loads(canonical_json(p)) for p in payloads])
    memory.verify(chain)


def test_entries_chain(store: Store) -> None:
    first = store.append("review", ("question", {"prompt": "NUL \0 and ü", "x": 0.1 + 0.2, "tuple": (1, 2)}))
    second = store.append("review", ("label", {"value": None}), ("label", {"value": "yes"}))
    other = store.append("other", ("label", {}))
    assert store.entries("review") == [*first, *second]
    assert store.entries("review", after=1) == second
    assert [entry.seq for entry in second] == [2, 3]
    assert second[1].previous == second[0].hash
    assert other[0].previous == GENESIS
    assert first[0].payload == {"prompt": "NUL \0 and ü", "x": 0.30000000000000004, "tuple": [1, 2]}
    entry = second[1]
    assert entry.hash == entry_hash(entry.previous, "review", 3, "label", entry.at, '{"value":"yes"}')
    assert (store.last("review"), store.last("none"), store.entries("none")) == (3, 0, [])
    assert store.chains == ["other", "review"]
    assert store.append("review") == []
    for chain in store.chains:
        store.verify(chain)


def test_only_one_writer_is_the_one_expected(store: Store) -> None:
    """Several draw a batch after the same entry: one of them is recorded."""
    store.append("review", ("question", {}))
    assert store.append("review", ("batch", {}), expected=0) == []
    assert store.append("empty", ("batch", {}), expected=1) == []
    outcomes: list[int] = []

    def draw() -> None:
        outcomes.append(len(store.append("review", ("batch", {}), ("sample", {}), expected=1)))

    threads = [threading.Thread(target=draw) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 0, 2]
    assert (store.last("review"), store.last("empty")) == (3, 0)


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        ({"a": [1.0, math.nan]}, ValueError, r"payload.a\[1\] is nan"),
        ({"a": math.inf}, ValueError, "payload.a is inf"),
        ({"a": {1: 2}}, TypeError, "payload.a has the key 1"),
        ({"a": b"bytes"}, TypeError, "payload.a is a bytes"),
        ({"a": {1, 2}}, TypeError, "payload.a is a set"),
        ({"note": "\udc80"}, StoreError, "payload.note is no valid Unicode"),
        ({"\udc80": 1}, StoreError, "payload is no valid Unicode"),
    ],
)
def test_what_is_no_json_is_refused(
    store: Store, payload: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        store.append("chain", ("good", {}), ("bad", payload))
    assert store.last("chain") == 0


def test_names_of_chains_and_kinds(store: Store) -> None:
    longest = "🜚" * 255
    store.append(longest, (longest, {}))
    assert store.chains == [longest]
    store.verify(longest)
    for wrong in ("", "a\0", "\ud800", "x" * 256):
        with pytest.raises(StoreError, match="cannot name a chain"):
            store.append(wrong, ("kind", {}))
        with pytest.raises(StoreError, match="cannot name a kind"):
            store.append("chain", (wrong, {}))
    with pytest.raises(ValueError, match="only add_documents"):
        store.append("corpus", ("documents-added", {}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET text = 'x' WHERE row = 1",
        "UPDATE entries SET payload = '{}'",
        "DELETE FROM documents WHERE row = 1",
        "DELETE FROM entries",
        "sqlite INSERT OR REPLACE INTO documents SELECT row, id, title, 'x', metadata, digest FROM documents",
        "sqlite INSERT OR REPLACE INTO documents SELECT row + 3, id, title, 'x', metadata, digest FROM documents",
        "sqlite INSERT OR REPLACE INTO entries SELECT chain, seq, kind, at, '{}', previous, hash FROM entries",
        "postgresql TRUNCATE documents",
        "postgresql TRUNCATE entries",
        "postgresql INSERT INTO entries SELECT * FROM entries ON CONFLICT (chain, seq) DO UPDATE SET payload = '{}'",
    ],
)
def test_nothing_is_rewritten(store: Store, url: str, statement: str) -> None:
    only, _, rest = statement.partition(" ")
    if only in ("sqlite", "postgresql"):
        if not url.startswith(only):
            pytest.skip(f"{only} only")
        statement = rest
    if url.startswith("postgresql"):
        statement = statement.replace(" row ", ' "row" ')
    store.add_documents(some(3), {})
    before = (store.documents([0, 1, 2]), store.entries("corpus"))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        run(url, statement)
    assert (store.documents([0, 1, 2]), store.entries("corpus")) == before
    store.verify("corpus")


# --------------------------------------------------------------------------------------------------------- verification


def rehashed(url: str, seq: int, payload: str) -> str:
    """SQL that changes an entry together with its hash."""
    ((at, previous),) = run(url, f"SELECT at, previous FROM entries WHERE chain = 'review' AND seq = {seq}")
    digest = entry_hash(str(previous), "review", seq, "label", str(at), payload)
    return f"UPDATE entries SET payload = '{payload}', hash = '{digest}' WHERE chain = 'review' AND seq = {seq}"


SHIFT = [
    "UPDATE entries SET seq = seq + 100 WHERE chain = 'review' AND seq >= 3",
    "UPDATE entries SET seq = seq - 99 WHERE chain = 'review' AND seq > 100",
]
COPY = "INSERT INTO entries SELECT chain, {seq}, kind, at, payload, previous, hash FROM entries WHERE seq = 2"


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["UPDATE entries SET payload = '{\"n\":9}' WHERE seq = 3"], "entry 3 .* was changed"),
        (["UPDATE entries SET payload = payload || ' ' WHERE seq = 3"], "entry 3 .* was changed"),
        (["UPDATE entries SET kind = 'prior' WHERE seq = 5"], "entry 5 .* was changed"),
        (["UPDATE entries SET at = '2020' WHERE seq = 1"], "entry 1 .* was changed"),
        (["UPDATE entries SET hash = previous WHERE seq = 3"], "entry 3 .* was changed"),
        (["UPDATE entries SET previous = hash WHERE seq = 3"], "entry 3 .* was changed"),
        (["rehash 3"], "entry 4 .* does not follow entry 3"),
        (["DELETE FROM entries WHERE seq = 1"], "entry 1 .* was dropped"),
        (["DELETE FROM entries WHERE seq = 3"], "entry 3 .* was dropped"),
        (["DELETE FROM entries WHERE seq IN (3, 4)"], "entry 3 .* was dropped"),
        (
            ["DELETE FROM entries WHERE seq = 3", "UPDATE entries SET seq = seq - 1 WHERE seq = 4"],
            "entry 3 .* renumbered",
        ),
        ([*SHIFT, COPY.format(seq=3)], "entry 3 .* was changed"),
        ([COPY.format(seq=0)], "entry 0 .* was inserted"),
        ([COPY.format(seq=-1)], "entry -1 .* was inserted"),
        ([COPY.format(seq=6)], "entry 6 .* was changed"),
        ([COPY.format(seq=60)], "entry 6 .* was dropped"),
        (["UPDATE entries SET chain = 'review' WHERE chain = 'other'"], "entry 6 .* was changed"),
        (["sqlite UPDATE entries SET payload = x'7b22ff227d' WHERE seq = 3"], "entry 3 .* was changed"),
        (["sqlite UPDATE entries SET payload = CAST(x'7b22ff227d' AS TEXT) WHERE seq = 3"], "entry 3 .* was changed"),
        (["sqlite UPDATE entries SET hash = 'é' WHERE seq = 4"], "entry 4 .* was changed"),
        (["sqlite UPDATE entries SET at = CAST(x'ff' AS TEXT) WHERE seq = 4"], "entry 4 .* was changed"),
    ],
)
def test_a_tampered_entry_is_named(store: Store, url: str, statements: list[str], named: str) -> None:
    for n in range(5):
        store.append("review", ("label", {"n": n}))
    if statements[-1].endswith("'other'"):
        store.append("other", *[("label", {"n": 5})] * 6)
        statements = ["DELETE FROM entries WHERE chain = 'other' AND seq < 6", *statements]
    store.verify("review")
    if statements == ["rehash 3"]:
        statements = [rehashed(url, 3, '{"n":9}')]
    if statements[0].startswith("sqlite"):
        if not url.startswith("sqlite"):
            pytest.skip("PostgreSQL lets no such text in")
        statements = [statement.removeprefix("sqlite ") for statement in statements]
    tamper(url, *statements)
    with pytest.raises(BrokenRecord, match=named) as broken:
        store.verify("review")
    assert "\n" not in str(broken.value)


def test_what_a_chain_cannot_show(store: Store, url: str) -> None:
    """As documented: the last entry's absence shows only beside a closing hash kept elsewhere."""
    closing = store.append("review", ("label", {}), ("label", {}))[-1].hash
    tamper(url, "DELETE FROM entries WHERE seq = 2")
    store.verify("review")
    assert store.entries("review")[-1].hash != closing


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE documents SET text = 'another' WHERE id = 'd4'", r"document 'd4' \(row 4\) was changed"),
        ("UPDATE documents SET title = '' WHERE id = 'd3'", r"document 'd3' \(row 3\) was changed"),
        ("UPDATE documents SET digest = 'x' WHERE id = 'd3'", r"document 'd3' \(row 3\) was changed"),
        ("UPDATE documents SET id = 'other' WHERE id = 'd4'", r"rows 3 to 5 was changed.*entry 2"),
        ("UPDATE documents SET metadata = '{}' WHERE id = 'd1'", r"rows 0 to 2 was changed.*entry 1"),
        (
            f"UPDATE documents SET text = 'x', digest = '{content_digest('', 'x')}' WHERE id = 'd4'",
            "rows 3 to 5 was chan",
        ),
        ("DELETE FROM documents WHERE id = 'd1'", "row 1 was dropped: entry 1"),
        ("DELETE FROM documents WHERE id = 'd5'", "row 5 was dropped: entry 2"),
        ("DELETE FROM documents", "row 0 was dropped"),
        ("INSERT INTO documents VALUES (6, 'new', '', 'x', '{}', 'y')", r"'new' \(row 6\) was inserted"),
        ("INSERT INTO documents VALUES (-1, 'new', '', 'x', '{}', 'y')", r"'new' \(row -1\) was inserted"),
        ("DELETE FROM entries WHERE seq = 2", r"'d3' \(row 3\) was inserted"),
        ("sqlite UPDATE documents SET text = CAST(x'ff' AS TEXT) WHERE id = 'd2'", "document 'd2'"),
        ("sqlite UPDATE documents SET metadata = x'ff' WHERE id = 'd2'", "rows 0 to 2 was changed"),
        ("sqlite UPDATE documents SET id = CAST(x'ff' AS TEXT) WHERE id = 'd2'", "row 2"),
    ],
)
def test_a_tampered_document_is_named(store: Store, url: str, statement: str, named: str) -> None:
    store.add_documents(some(3), {})
    store.add_documents(some(3, start=3), {})
    store.verify("corpus")
    if statement.startswith("sqlite") and not url.startswith("sqlite"):
        pytest.skip("PostgreSQL lets no such text in")
    tamper(url, statement.removeprefix("sqlite "))
    with pytest.raises(BrokenRecord, match=named):
        store.verify("corpus")


def test_ten_lines_of_python_verify_the_record(tmp_path: Path) -> None:
    """The lines in the module's docstring are run as they stand."""
    lines = (docreview.store.__doc__ or "").split("Anyone can check::\n", 1)[1].split("\nA document's", 1)[0]
    script = "\n".join(line[4:] for line in lines.splitlines())
    with Store.open(tmp_path / "record.db", create=True) as store:
        store.add_documents(some(3), {"file": "ü.csv"})
        store.append(
            "review", ("batch", {"scores": [0.1, -0.0, 1e300, 5e-324, 123456789.123456789], "b": 1, "Ä": None})
        )
        store.append("review", ("label", {"note": 'quote " \\ \n \x7f \u2028 🜚', "value": "yes"}))
    check = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (check.returncode, check.stderr) == (0, "")
    tamper(
        f"sqlite:///{tmp_path / 'record.db'}", "UPDATE entries SET payload = '{}' WHERE chain = 'review' AND seq = 2"
    )
    check = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "AssertionError: review: entry 2" in check.stderr


# --------------------------------------------------------------------------------------------------- several at a time

APPEND = """
import sys
from docreview.store import Store
url, name, n = sys.argv[1:]
with Store.open(url) as store:
    for i in range(int(n)):
        (entry,) = store.append("review", ("label", {"who": name, "i": i}))
        print(entry.seq, name, i, flush=True)
"""


def test_two_processes_append_to_one_chain(store: Store, url: str) -> None:
    processes = [python(APPEND, url, name, "200") for name in ("ann", "bob")]
    for process in processes:
        assert process.wait(60) == 0, process.stderr and process.stderr.read()
        process.communicate()
    entries = store.entries("review")
    assert [entry.seq for entry in entries] == list(range(1, 401))
    for name in ("ann", "bob"):
        assert [entry.payload["i"] for entry in entries if entry.payload["who"] == name] == list(range(200))
    store.verify("review")


def test_threads_share_a_store(url: str) -> None:
    for address in {url, "sqlite://"}:
        with Store.open(address, create=True) as store:
            store.add_documents(some(50), {})

            def work(name: int, store: Store = store) -> None:
                for i in range(10):
                    store.append("review", ("label", {"who": name, "i": i}))
                    assert store.documents([i])[0].id == f"d{i}"

            threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert store.last("review") == 40
            store.verify("review")


def test_labels_are_recorded_while_documents_are_read(store: Store) -> None:
    def slow() -> Iterator[Document]:
        for document in some(4_000):
            if document.id in ("d1000", "d3000"):
                store.append("review", ("label", {"at": document.id}))
            yield document

    store.add_documents(slow(), {})
    assert (store.n, store.last("review")) == (4_000, 2)


def test_two_processes_make_one_record(url: str) -> None:
    script = (
        "import sys; from docreview.store import Store; Store.open(sys.argv[1], create=True).append('c', ('k', {}))"
    )
    processes = [python(script, url) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    with Store.open(url) as store:
        assert store.last("c") == 3
        store.verify("c")


# ------------------------------------------------------------------------------------------------------------- kill -9


def test_what_was_acknowledged_survives_a_kill(store: Store, url: str) -> None:
    generator = random.Random(1)
    acknowledged = 0
    for attempt in range(5):
        process = python(APPEND, url, str(attempt), "100000")
        assert process.stdout is not None
        lines = [process.stdout.readline()]  # it is at work
        timer = threading.Timer(generator.uniform(0, 0.2), process.send_signal, [signal.SIGKILL])
        timer.start()
        lines += process.stdout.readlines()
        timer.join()
        process.communicate()
        whole = [line.split() for line in lines if line.endswith("\n")]
        store.append("after", ("kill", {}))
        kept = {(entry.seq, entry.payload["who"], entry.payload["i"]) for entry in store.entries("review")}
        assert {(int(seq), who, int(i)) for seq, who, i in whole} <= kept
        acknowledged += len(whole)
        store.verify("review")
    assert acknowledged >= 5
    assert store.last("review") - acknowledged <= 5  # at most the one entry under way at each kill


ADD = """
import sys
from docreview.store import Store
from docreview.types import Document
url, start = sys.argv[1], int(sys.argv[2])
with Store.open(url) as store:
    print("begin", flush=True)
    store.add_documents((Document(f"d{i}", f"text {i} " * 50) for i in range(start, start + 10_000)), {})
    print("added", flush=True)
"""


def test_a_killed_import_leaves_all_or_nothing(store: Store, url: str) -> None:
    generator = random.Random(2)
    outcomes = []
    for delay in [generator.uniform(0, 0.4) for _ in range(5)] + [None]:
        before = store.n
        process = python(ADD, url, str(before))
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        if delay is not None:
            time.sleep(delay)
            process.kill()
        acknowledged = process.stdout.read() == "added\n"
        process.communicate()
        store.append("corpus", ("note", {}))  # waits until a server has noticed
        assert store.n in (before, before + 10_000)
        assert not (acknowledged and store.n == before)
        assert store.segments == [(start, start + 10_000) for start in range(0, store.n, 10_000)]
        store.verify("corpus")
        outcomes.append(store.n > before)
    assert outcomes[-1]
    assert not all(outcomes)
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        assert {file.name for file in folder.iterdir()} <= {"record.db", "record.db-wal", "record.db-shm"}


# ---------------------------------------------------------------------------------------------------- what can go wrong

FULL = """
import resource, sys
from docreview.errors import StoreError
from docreview.store import Store
from docreview.types import Document
url, log = sys.argv[1:]
with Store.open(url) as store:
    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    n, segments = store.n, store.segments
    limit(400_000)  # from here on no file grows beyond this
    acknowledged = 0
    while acknowledged < 100_000:
        try:
            store.append("review", ("label", {"i": acknowledged, "note": "x" * 5_000}))
        except StoreError as error:
            print(error)
            break
        acknowledged += 1
    assert store.last("review") == acknowledged, "reading goes on"
    for size in (10_000, 600):  # fails while staging, fails while moving
        try:
            store.add_documents((Document(f"new{i}", "x" * 1_000) for i in range(size)), {})
        except StoreError as error:
            print(error)
    assert (store.n, store.segments) == (n, segments)
    limit(resource.RLIM_INFINITY)
    assert store.append("review", ("label", {"i": acknowledged, "note": ""}))[0].seq == acknowledged + 1
    assert store.add_documents([Document("new0", "x")], {}).added == 1
    store.verify("review")
    store.verify("corpus")
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="a full disk is made by a limit on the size of files, which Windows has not")
    url = f"sqlite:///{tmp_path / 'record.db'}"
    with Store.open(url, create=True) as store:
        store.add_documents(some(5), {})
    process = python(FULL, url, "")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 3
    assert all("record.db' cannot" in line and "free space" in line for line in lines), lines
    with Store.open(url) as store:
        assert [entry.payload["i"] for entry in store.entries("review")] == list(range(store.last("review")))
        store.verify("review")
        store.verify("corpus")


def test_a_full_server_is_one_line(url: str, store: Store) -> None:
    if not url.startswith("postgresql"):
        pytest.skip("PostgreSQL only")
    store.append("review", ("label", {}))
    run(
        url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON documents EXECUTE FUNCTION full_disk()",
        "CREATE TRIGGER full_disk BEFORE INSERT ON entries EXECUTE FUNCTION full_disk()",
    )
    for attempt in (lambda: store.append("review", ("label", {})), lambda: store.add_documents(some(3), {})):
        with pytest.raises(StoreError, match=r"the server's disk is full: free space"):
            attempt()
    run(url, "DROP FUNCTION full_disk CASCADE")
    assert store.add_documents(some(3), {}).added == 3
    assert store.append("review", ("label", {}))[0].seq == 2


READ_ONLY = """
import os, sys
from docreview.errors import StoreError
from docreview.store import Store
from docreview.types import Document
Store.open("sqlite://", create=True).close()  # everything is imported
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # the superuser writes everywhere
for attempt in (
    lambda store: store.append("review", ("label", {})),
    lambda store: store.add_documents([Document("new", "x")], {}),
):
    try:
        with Store.open(sys.argv[1], create=len(sys.argv) > 2) as store:
            attempt(store)
    except StoreError as error:
        print(error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions as POSIX has them")
@pytest.mark.parametrize("what", ["file", "folder", "nothing there"])
def test_read_only(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "record.db"
        if what != "nothing there":
            with Store.open(path, create=True) as store:
                store.add_documents(some(5), {})
                store.append("review", ("label", {}))
        before = path.read_bytes() if path.exists() else None
        if what == "file":
            path.chmod(0o444)
            folder.chmod(0o777)
        else:
            folder.chmod(0o555)
        process = python(READ_ONLY, f"sqlite:///{path}", *(["create"] if before is None else []))
        out, errors = process.communicate(timeout=60)
        folder.chmod(0o700)
        assert errors == ""
        assert len(out.splitlines()) == 2
        assert all("record.db' " in line for line in out.splitlines())
        if before is None:
            assert not path.exists()
            return
        assert path.read_bytes() == before
        path.chmod(0o600)
        with Store.open(path) as store:
            assert (store.n, store.last("review")) == (5, 1)


def test_a_later_version_is_refused(store: Store, url: str) -> None:
    store.add_documents(some(3), {})
    run(url, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    for create in (False, True):
        with pytest.raises(NewerVersion, match=r"schema 2; this one knows 1.*pip install --upgrade"):
            Store.open(url, create=create)
    for wrong in ("'one'", "''", "'²'", *(["x'ff'"] if url.startswith("sqlite") else [])):
        run(url, f"UPDATE meta SET value = {wrong} WHERE key = 'schema'")
        with pytest.raises(StoreError, match="holds no docreview record"):
            Store.open(url)
    run(url, "UPDATE meta SET value = '1' WHERE key = 'schema'")
    with Store.open(url, create=True) as again:
        assert again.n == 3


@pytest.mark.parametrize(
    "content", [b"hello, I am a text file of some length " * 50, b"\x89PNG\r\n\x1a\n" + bytes(5_000), b"x"]
)
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.db"
    path.write_bytes(content)
    for create in (False, True):
        with pytest.raises(StoreError, match=r"record.db' is not a database"):
            Store.open(path, create=create)
    assert path.read_bytes() == content


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    with Store.open(path, create=True) as store:
        store.add_documents(some(5_000), {})
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + random.Random(0).randbytes(len(whole) - 8192))
    with pytest.raises(StoreError, match=r"record.db' is damaged"), Store.open(path) as store:
        store.verify("corpus")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no record at"):
        Store.open(tmp_path / "record.db")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="its folder is not there"):
        Store.open(tmp_path / "no" / "record.db", create=True)
    with pytest.raises(StoreError, match="no record at"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="no record at"):
        Store.open(tmp_path, create=True)


def test_an_empty_file_is_no_record_but_may_become_one(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    path.touch()
    with pytest.raises(StoreError, match="holds no docreview record"):
        Store.open(path)
    with Store.open(path, create=True) as store:
        assert store.n == 0


def test_a_database_of_something_else(tmp_path: Path, url: str) -> None:
    for tables in (["CREATE TABLE photos (id INTEGER)"], ["CREATE TABLE documents (id INTEGER)"]):
        address = url if url.startswith("postgresql") else f"sqlite:///{tmp_path / os.urandom(4).hex()}.db"
        run(address, *tables)
        with pytest.raises(StoreError, match="holds no docreview record"):
            Store.open(address)
        if url.startswith("postgresql") and "photos" in tables[0]:
            continue  # a server may hold other tables beside
        with pytest.raises(StoreError, match="holds no docreview record"):
            Store.open(address, create=True)


def test_addresses(tmp_path: Path) -> None:
    for wrong in (
        "nonsense",
        f"sqlite:///{tmp_path}/x.db?foo=1",
        "postgresql://u:pw@/x?hots=y",
        "mysql://host/db",
        "sqlite+aiosqlite:///x.db",
        "",
    ):
        with pytest.raises(StoreError) as refused:
            Store.open(wrong, create=True)
        assert "\n" not in str(refused.value)
    with pytest.raises(StoreError, match=r"cannot be used") as refused:
        Store.open("postgresql+psycopg://me:secret@127.0.0.1:1/none?connect_timeout=2")
    assert "secret" not in str(refused.value)
    odd = tmp_path / "a b?c#d%20é"
    odd.mkdir()
    with Store.open(odd / "record.db", create=True) as store:
        store.append("c", ("k", {}))
    assert (odd / "record.db").is_file()


def test_a_file_deleted_or_replaced_under_an_open_record(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    with Store.open(path, create=True) as store:
        store.append("c", ("k", {}))
        copy = path.read_bytes()
        path.unlink()
        for _ in range(2):
            with pytest.raises(StoreError, match=r"record.db' was deleted or replaced"):
                store.append("c", ("k", {}))
            with pytest.raises(StoreError, match=r"record.db' was deleted or replaced"):
                store.add_documents(some(3), {})
            path.write_bytes(copy)


def test_the_folder_of_the_process_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///record.db", create=True) as store:
        monkeypatch.chdir("/")
        store.append("c", ("k", {}))
        threads = [threading.Thread(target=store.append, args=("c", ("k", {}))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.last("c") == 5
    assert (tmp_path / "record.db").is_file()


def test_another_writer_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docreview.store.schema.PATIENCE", 0.2)
    path = tmp_path / "record.db"
    with Store.open(path, create=True) as store:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="in use by another process"):
            store.append("c", ("k", {}))
        assert store.last("c") == 0
        other.close()
        assert store.append("c", ("k", {}))[0].seq == 1


def test_the_log_is_durable(tmp_path: Path) -> None:
    with Store.open(tmp_path / "record.db", create=True) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_a_new_record_is_opened_while_another_process_writes_it(tmp_path: Path) -> None:
    """SQLite does not wait when it is told to keep a log, whatever its timeout: whoever opens a record has to."""
    path = tmp_path / "record.db"
    Store.open(f"sqlite:///{path}", create=True).close()
    writer = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    writer.execute("PRAGMA journal_mode=DELETE")  # as it is before anybody has said so
    writer.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.4, writer.execute, ["COMMIT"])
    done.start()
    with Store.open(f"sqlite:///{path}") as store:
        assert store.n == 0
    done.join()
    writer.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
