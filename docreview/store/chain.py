"""Entries, their canonical JSON and their hashes; nothing here knows a database."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from docreview.errors import BrokenRecord, StoreError

#: `previous` of the first entry of a chain
GENESIS = "0" * 64

#: longest name of a chain or a kind, in characters: both are in an index, and PostgreSQL's take 2,704 bytes
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the record: `seq` counts from 1 in its chain, `at` is ISO 8601 in UTC, hashes are hex SHA-256."""

    chain: str
    seq: int
    kind: str
    at: str
    payload: dict[str, Any]
    previous: str
    hash: str


def storable(text: object) -> bool:
    """Return True for a string that both databases can hold: no NUL, no lone surrogate."""
    if not isinstance(text, str) or "\0" in text:
        return False
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


def short(text: object) -> str:
    """Return `text` quoted, on one line and at most 80 characters long, for a message."""
    shown = repr(text) if storable(text) else ascii(text)
    return shown if len(shown) <= 80 else f"{shown[:60]}...{shown[-16:]}"


def check_name(what: str, name: str) -> None:
    """Raise `StoreError` unless `name` may name a chain or a kind."""
    if not storable(name) or not 0 < len(name) <= LONGEST_NAME:
        raise StoreError(f"{short(name)} cannot name a {what}: give 1 to {LONGEST_NAME} characters, no NUL.")


def canonical_json(value: Any, where: str = "payload") -> str:
    """Return `value` as canonical JSON (see `docreview.store`).

    Mappings become objects, sequences arrays. ValueError for NaN and Infinity, TypeError for what JSON does not have
    (numpy scalars too), each naming the place; `StoreError` for text that is not valid Unicode.
    """
    plain = _plain(value, where)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}: the record holds finite numbers only (None where there is none)")
        return value
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise StoreError(f"{where} is no valid Unicode ({short(value)}): correct the text.") from error
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}: keys must be strings")
        return {_plain(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise TypeError(f"{where} is a {type(value).__name__}: the record holds JSON only")


def entry_hash(previous: str, chain: str, seq: int, kind: str, at: str, payload: str) -> str:
    """Return the hash of an entry; `payload` is its canonical JSON as stored: no float is ever formatted again."""
    head = f'{{"at":{_quoted(at)},"chain":{_quoted(chain)},"kind":{_quoted(kind)},"payload":'
    return sha256(f'{previous}{head}{payload},"seq":{seq}}}'.encode()).hexdigest()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def read_entry(chain: str, seq: int, kind: str, at: str, payload: str, previous: str, digest: str) -> Entry:
    """Make an entry of its columns; raise `BrokenRecord` where the payload is not a JSON object."""
    try:
        content = json.loads(payload)
    except (ValueError, TypeError) as error:
        raise BrokenRecord(f"entry {seq} of chain '{chain}' was changed: its payload is not JSON.") from error
    if not isinstance(content, dict):
        raise BrokenRecord(f"entry {seq} of chain '{chain}' was changed: its payload is no JSON object.")
    return Entry(chain, seq, kind, at, content, previous, digest)


def verify_chain(chain: str, rows: Iterable[Sequence[Any]]) -> None:
    """Raise `BrokenRecord` naming the first entry that does not fit.

    `rows` are (seq, kind, at, payload, previous, hash) in order of seq, whatever types a tampered database returns.
    """
    expected, before = 1, GENESIS
    for seq, kind, at, payload, previous, digest in rows:
        name = f"entry {seq} of chain '{chain}'"
        if not isinstance(seq, int) or seq < expected:
            raise BrokenRecord(f"{name} was inserted: entry {expected} should stand there.")
        if seq > expected:
            raise BrokenRecord(f"entry {expected} of chain '{chain}' was dropped: the next one there is entry {seq}.")
        fields = (kind, at, payload, previous, digest)
        if not all(isinstance(field, str) for field in fields) or not _fits(chain, seq, fields):
            raise BrokenRecord(f"{name} was changed (or renumbered): its hash is not the hash of its content.")
        if previous != before:
            raise BrokenRecord(f"{name} does not follow entry {seq - 1}: one of the two was replaced or inserted.")
        expected, before = seq + 1, digest


def _fits(chain: str, seq: int, fields: tuple[str, ...]) -> bool:
    kind, at, payload, previous, digest = fields
    try:
        return entry_hash(previous, chain, seq, kind, at, payload) == digest
    except UnicodeEncodeError:  # bytes that are not UTF-8 come back as surrogates
        return False
