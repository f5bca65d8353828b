"""The trained model in one file, to label documents without the project it came from.

The file is a ZIP archive of ``model.json`` and arrays (``.npy``, without pickled objects: nothing in it is run). It
holds what the views and the model learned, and the settings of both; no text, no id and no answer of the project. Of
the lexical and the character view, a document gets the very probabilities that the review's model gives it; of the
semantic view it gets them but for the last digits, since there sums depend on which documents are read together.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docreview
from docreview.cache import Cache, TextSource
from docreview.contracts import guarded
from docreview.corpus import Portable, Resolves, StandsAside, View, library_versions, processed
from docreview.errors import ImportFailed, NewerVersion, ProjectError, ended, one_line
from docreview.exporters import whole
from docreview.registry import carry_over, made_by, other_versions, registration_of
from docreview.types import Document, Predictor, Question, Restores, Saves, TextProcessor

if TYPE_CHECKING:
    from docreview.config import Config
    from docreview.registry import Registry
    from docreview.review import Review
    from docreview.types import Floats

FORMAT = 1
_MANIFEST = "model.json"
_BLOCK = 512  # documents read at a time
#: archives keep a time for each file: the same model makes the same bytes
_TIME = (1980, 1, 1, 0, 0, 0)
#: what a broken archive, or one that is none of ours, may raise; RuntimeError where it is encrypted
_UNREADABLE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, EOFError, RecursionError, RuntimeError)


@dataclass(frozen=True)
class Prediction:
    """What the model says of a document: the likeliest label, and the probability of each."""

    document_id: str
    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class SavedModel:
    """A model from a file, ready to predict. `labels` is how many labels it learned from."""

    path: Path
    question: Question
    labels: int
    language: str
    processors: tuple[TextProcessor, ...]
    views: Mapping[str, View]
    learned: Mapping[str, Mapping[str, Any]]
    predictor: Predictor
    #: what is otherwise than when it was saved, one line each
    warnings: tuple[str, ...] = ()

    def predict(
        self, documents: Iterable[Document], warn: Callable[[str], None] = lambda line: None
    ) -> Iterator[Prediction]:
        """Yield one prediction a document, in order; they are read 512 at a time.

        `warn` takes one line where a view does not know what the first of them are written in: it sees noise there.
        """
        names = self.question.labels
        for number, block in enumerate(_blocks(documents)):
            texts = [f"{d.title}\n{d.text}" if d.title else d.text for d in block]
            source = TextSource(processed(texts, self.processors), self.language)
            with tempfile.TemporaryDirectory() as folder:
                if not number:
                    self._look(source, Cache(folder), warn)
                rows = self._probabilities(source, Cache(folder))
            for document, row in zip(block, rows.tolist(), strict=True):
                best = max(range(len(names)), key=row.__getitem__)
                yield Prediction(document.id, names[best], dict(zip(names, row, strict=True)))

    def _look(self, source: TextSource, cache: Cache, warn: Callable[[str], None]) -> None:
        for name, view in self.views.items():
            if isinstance(view, StandsAside):
                with guarded(registration_of(view), "deciding whether it knows the documents"):
                    reason = view.aside(source, cache)
                if reason is not None:
                    warn(f"the view '{name}' does not know these documents: {reason}")

    def _probabilities(self, source: TextSource, cache: Cache) -> Floats:
        matrices = {}
        for name, view in self.views.items():
            assert isinstance(view, Portable), "checked when it was loaded"
            with _usable(self.path), guarded(registration_of(view), "reading the documents"):
                matrices[name] = view.see(self.learned[name], source, cache)
        with _usable(self.path):
            return self.predictor.predict(matrices)


def _blocks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    given = iter(documents)
    while block := list(islice(given, _BLOCK)):
        yield block


# -------------------------------------------------------------------------------------------------------------- writing


def save_model(review: Review, config: Config, path: Path) -> int:
    """Write the review's model, as it is now, to a file, whole or not at all; return how many labels it learned from.

    `ProjectError` before labels of two classes were given; `BadSetting` where a part of it cannot be written down.
    """
    state, corpus = review.state(), review.corpus
    fitted = state.fitted()
    if fitted is None:
        raise ProjectError(f"question '{review.name}' has no model yet: it needs documents of two labels.")
    assert isinstance(fitted, Saves), "every fitted model is checked, and what checks it can be asked"
    learned = fitted.saved()
    views = {}
    for name in learned["views"]:
        pinned = corpus.resolve(name)
        if "device" in pinned:  # that of another machine is another
            pinned["device"] = "auto"
        views[name] = {
            "view": {"name": name, **config.views[name]},
            "resolved": pinned,
            "learned": corpus.learned(name, state.n),
        }
    settings, question = review.settings, review.question
    processors = [corpus.text_processors, *(corpus.views[name] for name in learned["views"])]
    manifest = {
        "format": FORMAT,
        "docreview": docreview.__version__,
        "made_by": {**(review.ledger.settings or {}).get("made_by", {}), **made_by(*processors)},
        "versions": library_versions(),
        "question": {
            "name": question.name,
            "labels": list(question.labels),
            "prompt": question.prompt,
            "target": question.target,
        },
        "labels": int(state.labeled.size),
        "language": config.language,
        "text_processors": list(config.text_processors),
        "views": views,
        "model": {"model": settings.model, "learned": learned},
    }
    arrays: list[Any] = []
    text = json.dumps(_without(manifest, arrays), ensure_ascii=False, allow_nan=False, indent=1)
    with whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_MANIFEST, _TIME), text, zipfile.ZIP_DEFLATED)
        for i, array in enumerate(arrays):
            archive.writestr(zipfile.ZipInfo(f"{i}.npy", _TIME), _npy(array), zipfile.ZIP_DEFLATED)
    return int(state.labeled.size)


def _without(value: Any, arrays: list[Any]) -> Any:
    """Plain values with a mark in the place of each array, which goes to the list."""
    import numpy as np

    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"npy": len(arrays) - 1}
    if isinstance(value, Mapping):
        return {str(key): _without(entry, arrays) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without(entry, arrays) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _npy(array: Any) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


# -------------------------------------------------------------------------------------------------------------- reading


def load_model(path: Path, registry: Registry) -> SavedModel:
    """Read a saved model; its components come from the `registry`.

    `ImportFailed` where the file is no saved model or is damaged, `NewerVersion` where a later docreview wrote it,
    `UnknownComponent` where it needs a plugin that is not there.
    """
    manifest = _read(path)
    with _usable(path):
        return _made(path, manifest, registry)


def _made(path: Path, manifest: Mapping[str, Any], registry: Registry) -> SavedModel:
    asked = manifest["question"]
    question = Question(asked["name"], tuple(asked["labels"]), asked["prompt"], asked["target"])
    processors = tuple(registry.component("text_processors", spec) for spec in manifest["text_processors"])
    views: dict[str, View] = {}
    for name, saved in manifest["views"].items():
        view: View = registry.component("views", saved["view"])
        if saved["resolved"] and isinstance(view, Resolves):
            view = carry_over(view, view.pin(saved["resolved"]))
        if not isinstance(view, Portable):
            raise ImportFailed(f"{path} needs the view '{name}', which can no longer be used without its project.")
        views[name] = view
    model = registry.component("models", manifest["model"]["model"])
    if not isinstance(model, Restores):
        raise ImportFailed(f"{path} needs a model that can no longer be made from a file.")
    now = made_by(model, processors, views)
    return SavedModel(
        path,
        question,
        int(manifest["labels"]),
        manifest["language"],
        processors,
        views,
        {name: saved["learned"] for name, saved in manifest["views"].items()},
        model.restored(manifest["model"]["learned"], question),
        tuple(other_versions(manifest["made_by"], now)),
    )


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file in one line that names it: its shapes, or what it lacks."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
        raise ImportFailed(f"{path} cannot be used: {ended(what)} Save the model again from its project.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
                raise ImportFailed(f"{path} is no saved model: 'docreview save-model' writes one.")
            if manifest["format"] > FORMAT:
                raise NewerVersion(
                    f"{path}: format {manifest['format']} is newer than this docreview knows; upgrade docreview."
                )
            found = _with(manifest, archive)
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from error
    except _UNREADABLE as error:
        if zipfile.is_zipfile(path):
            raise ImportFailed(f"{path} is damaged, or no saved model: save it again from its project.") from error
        raise ImportFailed(f"{path} is no saved model: 'docreview save-model' writes one.") from error
    assert isinstance(found, dict), "as checked above"
    return found


def _with(value: Any, archive: zipfile.ZipFile) -> Any:
    """The inverse of `_without`."""
    import numpy as np

    if isinstance(value, dict):
        if value.keys() == {"npy"}:
            return np.lib.format.read_array(io.BytesIO(archive.read(f"{int(value['npy'])}.npy")), allow_pickle=False)
        return {key: _with(entry, archive) for key, entry in value.items()}
    return [_with(entry, archive) for entry in value] if isinstance(value, list) else value
