"""Every exception docreview raises on purpose.

::

    DocreviewError               one clear line for the person: what, where, what to do
    ├── ProjectError             not a project, a bad docreview.toml, a project in use
    │   ├── ProjectLocked        another process is changing the project
    │   └── NewerVersion         written by a later docreview
    ├── ImportFailed             a file that cannot be read as documents; names file and line
    ├── ExportFailed             a file that cannot be written whole; nothing is left of it
    ├── StoreError               the record cannot be read or written
    │   └── BrokenRecord         an entry was changed, dropped or inserted
    ├── ComponentError           a component (plugin or built-in) is wrong
    │   ├── UnknownComponent     no component of that name
    │   ├── BadSetting           a setting that does not exist or has the wrong type
    │   ├── PluginError          a plugin that could not be loaded
    │   ├── PluginFailed         a plugin's component raised an error while it was at work
    │   ├── OtherVersions        the record was made by other versions of plugins than those at hand
    │   └── ContractViolation    a component returned what its protocol forbids
    ├── UnknownDocument          an id that is not in the corpus
    ├── UnknownLabel             a label outside the question's
    └── EmbeddingError           a model that cannot be loaded, vectors that are not finite

The command line prints a `DocreviewError` as one line and exits with 1. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DocreviewError(Exception):
    """Base of all errors a person can mend. The message is one line and says what to do."""


class ProjectError(DocreviewError):
    """The folder is not a project, or its `docreview.toml` is wrong."""


class ProjectLocked(ProjectError):
    """Another process is changing the project."""


class NewerVersion(ProjectError):
    """The project was written by a later docreview than this one."""


class ImportFailed(DocreviewError):
    """A file cannot be read as documents. The message names the file and, where there is one, the line."""


class ExportFailed(DocreviewError):
    """A file cannot be written whole, so nothing was written."""


class StoreError(DocreviewError):
    """The record cannot be read or written."""


class BrokenRecord(StoreError):
    """An entry of the record was changed, dropped or inserted."""


class ComponentError(DocreviewError):
    """A component is unknown, wrongly set or misbehaves."""


class UnknownComponent(ComponentError):
    """No component of that kind has that name."""


class BadSetting(ComponentError):
    """A setting does not exist or has the wrong type."""


class PluginError(ComponentError):
    """A plugin could not be loaded."""


class PluginFailed(ComponentError):
    """A plugin's component raised an error while it was at work; that error is the `__cause__`."""


class OtherVersions(ComponentError):
    """The record was made by other versions of plugins than those at hand."""


class ContractViolation(ComponentError):
    """A component returned what its protocol forbids. The message names plugin, component, rule and round."""


class UnknownDocument(DocreviewError):
    """An id that is not in the corpus."""


class UnknownLabel(DocreviewError):
    """A label that the question does not have."""


class EmbeddingError(DocreviewError):
    """A model cannot be loaded, or its vectors are not finite."""


def one_line(error: BaseException) -> str:
    """Return ``"ValueError: what it says"``: the kind of an error and the first line of its message, 300 characters."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 - an error of a plugin's own may fail to say what it is
        lines = []
    if not lines:
        return type(error).__name__
    return f"{type(error).__name__}: {lines[0][:300]}"


def ended(sentence: str) -> str:
    """Return the sentence with a full stop, unless it ends in a mark of its own."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"``, or ``" Known: a, b, c."`` where nothing is near; empty where none is known."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    more = f" and {len(names) - 12} more" if len(names) > 13 else ""
    return f" Known: {', '.join(names[:12] if more else names)}{more}." if names else ""
