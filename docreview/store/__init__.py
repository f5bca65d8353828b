"""The record: documents and hash-chained entries, append-only, in SQLite (default) or PostgreSQL.

Three tables. ``documents(row, id, title, text, metadata, digest)`` holds the corpus, its rows counted from 0.
``entries(chain, seq, kind, at, payload, previous, hash)`` holds everything that happened: the chain ``"corpus"`` says
which documents were added, each review has a chain of its own. ``meta(key, value)`` holds the version of the schema.
Triggers refuse every UPDATE and DELETE of documents and entries.

**Format.** `payload` is canonical JSON: keys sorted by code point, separators ``","`` and ``":"``, characters unescaped
(UTF-8) but for those JSON must escape, floats in the shortest form that reads back as the same double (as Python's
`repr` has it), no NaN and no Infinity. `seq` counts from 1 in each chain; `previous` is the hash of the entry before,
64 zeros for the first; `hash` is the hex SHA-256 of `previous` followed by the canonical JSON of the other five fields.
Anyone can check::

    import hashlib, json, sqlite3
    before = {}
    for chain, seq, kind, at, payload, previous, digest in sqlite3.connect("record.db").execute(
            "SELECT chain, seq, kind, at, payload, previous, hash FROM entries ORDER BY chain, seq"):
        last_seq, last_hash = before.get(chain, (0, "0" * 64))
        body = {"at": at, "chain": chain, "kind": kind, "payload": json.loads(payload), "seq": seq}
        body = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        right = hashlib.sha256((previous + body).encode()).hexdigest()
        assert (seq, previous, digest) == (last_seq + 1, last_hash, right), f"{chain}: entry {seq}"
        before[chain] = seq, digest

A document's `digest` is the hex SHA-256 of title, NUL, text. The payload of a ``documents-added`` entry holds `start`
and `stop` (rows), `skipped`, `source` and `digest`: the hex SHA-256 of id, NUL, the document's digest, NUL, metadata,
NUL of each new document in row order. No stored text holds a NUL.

**What a chain cannot show.** It is no signature: who may write to the database may drop the *last* entries, or a whole
chain, or write a chain anew from some entry to its end, and the rest still fits. Only a closing hash kept elsewhere (in
the report, in a mail) shows that: compare it with the hash of that entry.
"""

from docreview.store.adding import Added, content_digest
from docreview.store.chain import GENESIS, Entry, canonical_json, entry_hash
from docreview.store.record import Store

__all__ = ["GENESIS", "Added", "Entry", "Store", "canonical_json", "content_digest", "entry_hash"]
