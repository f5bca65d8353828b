"""What the checks share."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docreview.cache import Cache

if TYPE_CHECKING:
    from docreview.contracts import Component
    from docreview.types import ReviewState


def require(condition: object, rule: str) -> None:
    """Raise `AssertionError` with the rule where it is broken; unlike ``assert``, under ``python -O`` too."""
    if not condition:
        raise AssertionError(rule)


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Raise where the block draws from or seeds Python's or numpy's global generator."""
    import numpy as np

    kept = random.getstate(), np.random.get_state()  # noqa: NPY002 - the very thing that is watched
    # a state that no seed gives, or one who seeds with what was seeded before would not be noticed
    random.seed("watched")
    random.random()
    np.random.seed(20_260_101)  # noqa: NPY002
    np.random.random()  # noqa: NPY002
    before = _global_state()
    try:
        yield
        require(_global_state() == before, "the global random generators must be left alone")
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


def _global_state() -> tuple[Any, ...]:
    import numpy as np

    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (random.getstate(), name, np.asarray(keys).tobytes(), *rest)


def digest(*values: Any) -> str:
    """Hash of arrays (sparse ones too) and plain values, by content."""
    import numpy as np

    hashed = hashlib.sha256()
    for value in values:
        if hasattr(value, "indptr"):
            parts = [value.data, value.indices, value.indptr]
        elif isinstance(value, np.ndarray):
            parts = [value]
        else:
            hashed.update(repr(value).encode("utf-8", "surrogatepass"))
            continue
        for part in parts:
            hashed.update(f"{part.dtype}{part.shape}".encode())
            hashed.update(np.ascontiguousarray(part).tobytes())
    return hashed.hexdigest()


def state_digest(state: ReviewState) -> str:
    """Hash of all that a component can see of a state, and of whatever it may have put there."""
    graph = state.neighbors
    cached = {name for name, value in vars(type(state)).items() if isinstance(value, cached_property)}
    return digest(
        *(part for view in state.views.values() for part in (view.matrix, view.chunks, view.chunk_rows)),
        *(state.labels, state.rounds, state.reviewed, state.probabilities, state.scores, state.pool, state.labeled),
        *(part for sample in state.samples for part in (sample.name, sample.rows, sample.probability)),
        *(part for past in state.history for part in (past.number, past.read, past.found, past.stop_set)),
        *((graph.rows, graph.similarities) if graph else ()),
        state.annotations,
        (state.question, state.round, state.n, state.fitted, state.texts),
        sorted(set(vars(state)) - cached),
    )


@contextmanager
def new_cache() -> Iterator[Cache]:
    """Make an empty cache that is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Cache(folder)


def under_test(kind: str, component: Any) -> Component:
    """Wrap a component as the engine does, so that the engine's own contracts can be checked."""
    from docreview.contracts import Component
    from docreview.registry import Registration

    return Component(component, Registration(kind, type(component).__name__, type(component), "under test", "?"))
