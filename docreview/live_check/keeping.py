"""The last live check is kept: it is computed anew when something changed, and somebody asks for it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from docreview.cache import fingerprint
from docreview.live_check.comparing import asked, live_check
from docreview.live_check.results import LiveCheck
from docreview.types import silent

if TYPE_CHECKING:
    from docreview.cache import Cache
    from docreview.contracts import Component
    from docreview.ledger import Ledger
    from docreview.types import Progress, ReviewState

#: raised whenever the same record would give other numbers: what was kept is then computed anew
VERSION = 2


def kept_check(
    cache: Cache,
    ledger: Ledger,
    state: ReviewState,
    model: Component,
    seed: int,
    progress: Progress = silent,
    *,
    compute: bool = True,
) -> LiveCheck | None:
    """As `live_check`, from the cache where nothing has changed since.

    Without `compute`, the last one that was computed for this question and model, which says at how many labels that
    was where there are others now; where there is none, one that says how to get it.
    """
    if not ledger.explores:
        return None
    question = asdict(state.question)
    key = f"live-check/{fingerprint(VERSION, question, model.describe())}"
    labeled = state.labeled
    current = fingerprint(
        [
            seed,
            labeled.tolist(),
            state.labels[labeled].tolist(),
            [(row, asdict(given)) for row, given in ledger.asked.items()],
        ],
        state.n,
        {name: view.fingerprint for name, view in state.views.items()},
    )
    entry = cache.load(key)
    kept = LiveCheck.from_json(json.loads(entry.notes["check"])) if entry is not None else None
    if entry is not None and entry.notes["current"] == current:
        return kept
    if compute:
        check = live_check(ledger, state, model, seed, progress)
        with cache.write(key, current=current, check=json.dumps(asdict(check)) if check else "null"):
            pass
        return check
    if kept is not None:
        return replace(kept, reason=f"At {kept.labeled:,} labels ({labeled.size:,} now): {kept.reason}")
    random, chosen = asked(ledger, state)
    how = "Not computed yet: 'docreview report' says whether choosing helps."
    return LiveCheck(int(labeled.size), int(random.size), int(chosen.size), None, how)
