"""Draws every batch of a finished or running review again, from the record alone, and compares.

With the same versions on the same machine the batches are identical, bit for bit, even where every cache was deleted:
vectors, neighbors and models are made again from the documents. Anything else is a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from docreview.errors import OtherVersions
from docreview.ledger import Ledger
from docreview.registry import other_versions as differing
from docreview.rounds import Settings, draw, draw_sample, make_state, settings_from
from docreview.types import Progress, silent

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.rounds import Assemble, Components
    from docreview.store import Store


def replay(
    store: Store,
    corpus: Corpus,
    chain: str,
    assemble: Assemble,
    versions: Mapping[str, str],
    progress: Progress = silent,
    *,
    other_versions: bool = False,
) -> list[str]:
    """Return one line for each entry that comes out differently; none where the record replays.

    Raises `OtherVersions` where another version of docreview or of a plugin made the batches than is at hand, unless
    `other_versions` says that they may differ. `versions` are those of libraries: one that differs is a finding.
    """
    if not other_versions:
        refuse_other_versions(store, corpus, chain, assemble)
    ledger = Ledger(corpus.store.rows)
    settings: Settings | None = None
    components: Components | None = None
    findings: list[str] = []
    entries = store.entries(chain)
    for done, entry in enumerate(entries):
        payload = entry.payload
        if entry.kind == "settings":
            settings = settings_from(payload)
            components = assemble(settings)
            findings += _changed(entry.seq, payload["components"], components)
            findings += [
                f"entry {entry.seq} (settings): {name} was {version}, now {versions.get(name, 'not there')}"
                for name, version in payload["versions"].items()
                if versions.get(name) != version
            ]
        elif entry.kind in ("batch", "sample", "stop-set"):
            assert settings, "a chain has its settings before its batches"
            assert components, "made with the settings"
            again = _again(store, corpus, ledger, settings, components, entry.kind, payload)
            findings += [
                f"entry {entry.seq} ({entry.kind}): {key} was {_short(payload[key])}, comes out as {_short(value)}"
                for key, value in again.items()
                if key in payload and key != "made_by" and payload[key] != value
            ]
        ledger.apply([entry])
        progress("replaying", done + 1, len(entries))
    return findings


def _again(
    store: Store,
    corpus: Corpus,
    ledger: Ledger,
    settings: Settings,
    components: Components,
    kind: str,
    payload: Mapping[str, Any],
) -> Mapping[str, Any]:
    n = payload["n"]
    if kind == "batch":
        there = [name for name in payload["views"] if name in corpus.views and corpus.aside(name, n) is None]
        views = {name: corpus.vectors(name, n) for name in there}
        if len(views) < len(payload["views"]):  # the project has lost a view: no batch can be the same
            return {"views": {name: view.fingerprint for name, view in views.items()}}
        neighbors = None if payload["neighbors"] is None else corpus.neighbors(n)
        state = make_state(ledger, lambda: components.model, settings.seed, n, views, neighbors, corpus.texts)
        return draw(ledger, state, components, settings, payload["size"], corpus.store) or {"document_ids": []}
    if kind == "sample":
        pool = make_state(ledger, lambda: components.model, settings.seed, n, {}, None, corpus.texts).pool
        sample = draw_sample(payload["name"], payload.get("size", settings.validation), settings.seed, pool)
        return {"document_ids": corpus.store.ids_of(sample.rows), "probability": sample.probability}
    sample = draw_sample("stop-set", len(payload["document_ids"]), settings.seed, np.arange(n))
    return {"document_ids": corpus.store.ids_of(sample.rows)}


def refuse_other_versions(store: Store, corpus: Corpus, chain: str, assemble: Assemble) -> None:
    """Raise `OtherVersions` where other versions of plugins made a record than are at hand."""
    then: dict[str, str] = {}
    now = corpus.made_by()
    for entry in store.entries("corpus"):
        if entry.kind == "views-built":
            then |= entry.payload.get("made_by", {})
    differ = differing(then, now)
    for entry in store.entries(chain):
        if entry.kind == "settings":
            components = assemble(settings_from(entry.payload))
            differ += differing(entry.payload.get("made_by", {}), components.made_by())
    if differ:
        more = f" (and {len(set(differ)) - 1} more)" if len(set(differ)) > 1 else ""
        raise OtherVersions(
            f"{differ[0]}{more}: batches may come out differently for that alone. Install the version that made the "
            "record, or say --other-versions to draw them again all the same."
        )


def _changed(seq: int, recorded: Mapping[str, Mapping[str, str]], components: Components) -> list[str]:
    return [
        f"entry {seq} (settings): {role} was {recorded[role]['plugin']} {recorded[role]['settings']}, "
        f"now {now['plugin']} {now['settings']}"
        for role, now in components.describe().items()
        if any(recorded[role][key] != now[key] for key in ("name", "plugin", "settings"))
    ]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
