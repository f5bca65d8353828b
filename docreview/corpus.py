"""The corpus: documents in a fixed order, seen through views, with a neighbor graph beside them.

Everything is asked for *as it was when the corpus had n documents*, so that a recorded round can be computed again
after documents were added: views and neighbors depend on the first n rows and on how they were added, on nothing else.
"""

from __future__ import annotations

import importlib.metadata
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from docreview.cache import Cache, Source, fingerprint
from docreview.contracts import check_vectors, guarded, process
from docreview.errors import BadSetting, EmbeddingError, UnknownComponent, did_you_mean
from docreview.index import AutoIndex, find_neighbors, neighbors_key
from docreview.registry import carry_over, component_name, made_by, registration_of
from docreview.text import Writing, writing
from docreview.types import Index, Neighbors, Progress, Scalar, TextProcessor, Vectors, silent

if TYPE_CHECKING:
    from docreview.store import Store
    from docreview.types import Matrix

__all__ = ["Corpus", "Describes", "Portable", "Resolves", "Source", "StandsAside", "View", "library_versions"]

#: what vectors, neighbors and models depend on
_PACKAGES = ("numpy", "scipy", "scikit-learn", "hnswlib", "torch", "transformers", "sentence-transformers", "spacy")


#: documents of each add whose scripts and language are looked at: a share is then right within 2.2 points, at 95 %
_LOOKED_AT = 2_000
_BLOCK = 512  # documents read at a time
_WRITING_FORMAT = 1  # raised when `docreview.text.scripts` judges otherwise, so that what it said is said anew


class View(Protocol):
    """A way of seeing the corpus. What it computes is kept in the cache, by blocks (`docreview.cache.blocks`)."""

    @property
    def dense(self) -> bool:
        """Whether its vectors are dense: neighbors are found in the first view that is."""
        ...

    def build(self, source: Source, cache: Cache, progress: Progress) -> Vectors:
        """The vectors of all rows of `source`: from the cache, or made and kept there, block by block."""
        ...

    def remaining(self, source: Source, cache: Cache) -> int:
        """Number of documents whose block is not in the cache: 0 means that `build` is quick. Loads nothing heavy."""
        ...


@runtime_checkable
class StandsAside(Protocol):
    """A view that can tell that it does not understand the corpus."""

    def aside(self, source: Source, cache: Cache) -> str | None:
        """One sentence why it must not be used on this corpus, or None."""
        ...


@runtime_checkable
class Resolves(Protocol):
    """A view with settings that are found by trying, once, and then kept in the record."""

    def resolve(self, cache: Cache) -> Mapping[str, Scalar]:
        """What ``auto`` came to, such as ``{"device": "cpu", "dtype": "bfloat16"}``."""
        ...

    def pin(self, resolved: Mapping[str, Scalar]) -> View:
        """The same view with these settings in the place of ``auto``; itself where none is ``auto``."""
        ...


@runtime_checkable
class Portable(Protocol):
    """A view that can see other documents as it saw those of its corpus: for models that leave their project."""

    def learned(self, source: Source, cache: Cache) -> Mapping[str, Any]:
        """What it took from the corpus: arrays and plain values. The view is built already."""
        ...

    def see(self, learned: Mapping[str, Any], source: Source, cache: Cache) -> Matrix:
        """Rows of other documents, as wide as those of the corpus; `ValueError` where `learned` does not fit."""
        ...


@runtime_checkable
class Describes(Protocol):
    """A view with something to tell about itself beyond its settings."""

    def describe(self, source: Source, cache: Cache) -> Mapping[str, Any]:
        """Plain values for the record and for people. Builds nothing."""
        ...


@dataclass(frozen=True)
class StoreSource:
    """The first `n` documents of a store, as views read them."""

    store: Store
    n: int
    language: str = "xx"
    processors: tuple[TextProcessor, ...] = ()
    # rows never change, so their digests are computed once
    digests: dict[tuple[int, int], str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def segments(self) -> Sequence[tuple[int, int]]:
        """Row ranges of each add, up to `n`."""
        return [(start, min(stop, self.n)) for start, stop in self.store.segments if start < self.n]

    def texts(self, start: int, stop: int) -> list[str]:
        """Processed texts of the rows."""
        return processed(self.store.texts(start, stop), self.processors)

    def digest(self, start: int, stop: int) -> str:
        """One hash over texts, order, text processors and language."""
        if (start, stop) not in self.digests:
            processors = [component_name(processor) for processor in self.processors]
            parts = (self.language, processors, self.store.digests(start, stop))
            self.digests[start, stop] = fingerprint(*parts)
        return self.digests[start, stop]


def processed(texts: list[str], processors: Sequence[TextProcessor]) -> list[str]:
    """Texts as all text processors, one after the other, change them."""
    for processor in processors:
        texts = process(processor, texts)
    return texts


class Corpus:
    """Documents, views and neighbors of a project. Several threads may ask; each view is built by one at a time.

    `neighbors` is how many of each row are kept. `pinned` holds, for views that resolve settings by trying, what the
    record says they came to.
    """

    def __init__(
        self,
        store: Store,
        cache_folder: str | Path,
        views: Mapping[str, View],
        text_processors: Sequence[TextProcessor] = (),
        index: Index | None = None,
        neighbors: int = 20,
        language: str = "xx",
        pinned: Mapping[str, Mapping[str, Scalar]] | None = None,
    ) -> None:
        self.store = store
        self.cache = Cache(cache_folder)
        self.cache.sweep()
        self.views: dict[str, View] = dict(views)
        self.text_processors = tuple(text_processors)
        self.index: Index = index if index is not None else AutoIndex()
        self._k = neighbors
        self.language = language
        self._digests: dict[tuple[int, int], str] = {}
        self._locks = {name: threading.RLock() for name in [*self.views, ""]}
        self._latest: dict[str, list[tuple[int, Any]]] = {}  # for each name, the newest two answers by n
        for name, resolved in (pinned or {}).items():
            view = self.views.get(name)
            if isinstance(view, Resolves):
                self.views[name] = carry_over(view, view.pin(resolved))

    @property
    def n(self) -> int:
        """Number of documents."""
        return self.store.n

    def source(self, n: int | None = None) -> StoreSource:
        """The first `n` documents as views read them."""
        return StoreSource(self.store, self.n if n is None else n, self.language, self.text_processors, self._digests)

    def writing(self, progress: Progress = silent) -> Writing:
        """What the documents are written in, and what looks broken in them before text processors see them.

        Each add is looked at once; what was found is kept in the cache. Progress ``"looking"`` in documents.
        """
        source, whole = self.source(), Writing()
        for start, stop in source.segments:
            cut = [(at, min(at + _BLOCK, stop)) for at in range(start, stop, _BLOCK)]
            parts = (_WRITING_FORMAT, _versions("py3langid", "regex"), [source.digest(*block) for block in cut])
            key = f"writing/{fingerprint('writing', *parts)}"
            entry = self.cache.load(key)
            if entry is None:
                count = min(_LOOKED_AT, stop - start)
                rows = {start + i * (stop - start) // count for i in range(count)}
                found = Writing()
                for first, last in cut:
                    texts = self.store.texts(first, last)
                    look_at = [row - first for row in range(first, last) if row in rows]
                    found += writing(texts, look_at, processed(texts, self.text_processors))
                    progress("looking", last, source.n)
                with self.cache.write(key, found=json.dumps(asdict(found))):
                    pass
            else:
                found = Writing(**json.loads(entry.notes["found"]))
            whole += found
        return whole

    def _view(self, name: str) -> View:
        if name not in self.views:
            raise UnknownComponent(f"this project has no view '{name}'.{did_you_mean(name, self.views)}")
        return self.views[name]

    def _asking(self, vectors: Vectors) -> Vectors:
        """The same vectors, whose queries go through the text processors as the documents did."""
        embed = vectors.embed
        if embed is None or not self.text_processors:
            return vectors
        return replace(vectors, embed=lambda texts: embed(processed(list(texts), self.text_processors)))

    def _guarded(self, view: View, doing: str) -> AbstractContextManager[None]:
        return guarded(registration_of(view), doing)

    def texts(self, rows: Sequence[int]) -> list[str]:
        """Texts of rows, in the order asked for, as the views read them."""
        documents = self.store.documents(rows)
        return processed([f"{d.title}\n{d.text}" if d.title else d.text for d in documents], self.text_processors)

    def made_by(self) -> dict[str, str]:
        """Which version of which plugin made the views, the text processors, the index and what is inside them."""
        return made_by(self.views, self.text_processors, self.index)

    def _remembered(self, name: str, n: int, make: Callable[[], Any]) -> Any:
        """The same object for the same n, for the newest two; each is made by one thread."""
        with self._locks[name]:
            kept = self._latest.setdefault(name, [])
            for then, value in kept:
                if then == n:
                    return value
            value = make()
            self._latest[name] = [*kept[-1:], (n, value)]
            return value

    def resolve(self, name: str) -> dict[str, Scalar]:
        """Find what a view's ``auto`` settings come to (a trial of some seconds where nobody tried yet) and pin them.

        The record should keep the answer and hand it to the next `Corpus` as ``pinned[name]``. Empty for most views.
        """
        view = self._view(name)
        if not isinstance(view, Resolves):
            return {}
        with self._locks[name]:
            with self._guarded(view, "trying its settings"):
                resolved = dict(view.resolve(self.cache.of(view)))
            self.views[name] = carry_over(view, view.pin(resolved))  # the view itself, once nothing is open
            return resolved

    def aside(self, name: str, n: int | None = None) -> str | None:
        """Why a view must not be used on this corpus, in one sentence, or None."""
        view = self._view(name)
        source = self.source(n)
        if not isinstance(view, StandsAside) or not source.n:
            return None
        reason: str | None = self._remembered_aside(name, view, source)
        return reason

    def _remembered_aside(self, name: str, view: StandsAside, source: StoreSource) -> Any:
        key = f"aside {name}"
        self._locks.setdefault(key, threading.RLock())

        def ask() -> str | None:
            with self._guarded(self.views[name], "deciding whether it knows the corpus"):
                return view.aside(source, self.cache.of(self.views[name]))

        return self._remembered(key, source.n, ask)

    def learned(self, name: str, n: int | None = None) -> Mapping[str, Any]:
        """What a view took from the corpus, to see other documents; `BadSetting` where it cannot tell."""
        view = self._view(name)
        if not isinstance(view, Portable):
            raise BadSetting(f"the view '{name}' cannot be saved: it says nothing of what it took from the corpus.")
        with self._guarded(view, "telling what it learned"):
            return view.learned(self.source(n), self.cache.of(view))

    def remaining(self, name: str, n: int | None = None) -> int:
        """Number of documents that the view has still to read; 0 where `vectors` is quick, or the view stands aside.

        Loads nothing heavy. `ready` is the question to ask before handing views to a model.
        """
        view, source = self._view(name), self.source(n)
        with self._guarded(view, "counting what it has read"):
            left = view.remaining(source, self.cache.of(view)) if source.n else 0
        return 0 if left and self.aside(name, n) else left

    def ready(self, n: int | None = None) -> list[str]:
        """Names of the views that can be used now: wholly read, and not standing aside."""
        return [name for name in self.views if not self.remaining(name, n) and self.aside(name, n) is None]

    @property
    def quick(self) -> list[str]:
        """Names of the views that are made at once, so that reading can begin: the sparse ones, or the first of all."""
        return [name for name, view in self.views.items() if not view.dense] or list(self.views)[:1]

    def vectors(self, name: str, n: int | None = None, progress: Progress = silent) -> Vectors:
        """The view `name` of the first `n` documents: built, or from the cache. The same object for the same n.

        Raises `EmbeddingError` with the reason where the view stands aside: noise is not handed out silently.
        """
        n = self.n if n is None else n
        self._view(name)

        def make() -> Vectors:
            reason = self.aside(name, n)
            if reason is not None:
                raise EmbeddingError(f"the view '{name}' stands aside: {reason}")
            self.resolve(name)
            view = self.views[name]
            with self._guarded(view, "reading the documents"):
                vectors = view.build(self.source(n), self.cache.of(view), progress)
            return self._asking(check_vectors(view, vectors, n))

        built: Vectors = self._remembered(name, n, make)
        return built

    def _dense(self, n: int) -> str | None:
        ready = [name for name, view in self.views.items() if view.dense and not self.remaining(name, n)]
        return next((name for name in ready if self.aside(name, n) is None), None) if n else None

    def neighbors(self, n: int | None = None, progress: Progress = silent) -> Neighbors | None:
        """Each of the first `n` rows' nearest others in the first dense view that is ready; None where none is."""
        n = self.n if n is None else n
        name = self._dense(n)
        if name is None:
            return None
        segments = tuple(self.source(n).segments)

        def make() -> Neighbors:
            return find_neighbors(self.vectors(name, n), name, segments, self.index, self._k, self.cache, progress)[0]

        found: Neighbors = self._remembered("", n, make)
        return found

    def neighbors_ready(self, n: int | None = None) -> bool:
        """Whether `neighbors` is quick: they were found before."""
        n = self.n if n is None else n
        name = self._dense(n)
        if name is None:
            return False
        return neighbors_key(self.vectors(name, n), self.source(n).segments, self.index, self._k) in self.cache

    def describe(self, n: int | None = None) -> dict[str, Any]:
        """Plain values for the record: how texts are processed, each view's fingerprint, settings and precision, the
        index with its settings and recall, versions.

        Computes nothing that was not computed before.
        """
        n = self.n if n is None else n
        source = self.source(n)
        views: dict[str, dict[str, Any]] = {}
        for name, view in self.views.items():
            left = self.remaining(name, n)
            reason = self.aside(name, n)
            views[name] = {
                "settings": component_name(view),
                "remaining": left,
                "aside": reason,
                "fingerprint": None if left or reason or not n else self.vectors(name, n).fingerprint,
                **(view.describe(source, self.cache.of(view)) if isinstance(view, Describes) else {}),
            }
        neighbors: dict[str, Any] | None = None
        if self.neighbors_ready(n):
            name = self._dense(n) or ""
            vectors = self.vectors(name, n)
            segments = tuple(source.segments)
            _, notes = find_neighbors(vectors, name, segments, self.index, self._k, self.cache, silent)
            neighbors = dict(notes)
        return {
            "n": n,
            "language": self.language,
            "text_processors": [component_name(processor) for processor in self.text_processors],
            "views": views,
            "index": component_name(self.index),
            "neighbors": neighbors,
            "made_by": self.made_by(),
            "versions": library_versions(),
        }


def library_versions() -> dict[str, str]:
    """Versions of the libraries that results depend on, of those that are installed."""
    return _versions(*_PACKAGES)


def _versions(*packages: str) -> dict[str, str]:
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
