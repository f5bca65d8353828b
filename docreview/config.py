"""Reads and writes `docreview.toml`: every key is known, and a misspelled one is an error with a suggestion."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from docreview.errors import DocreviewError, NewerVersion, ProjectError, did_you_mean
from docreview.limits import TIME_LIMIT
from docreview.types import Question

FILE = "docreview.toml"
FORMAT = 1

#: a component by name, or by name and settings
Spec = str | dict[str, Any]

_TOP = {
    "format": int,
    "store": str,
    "plugins": dict,
    "corpus": dict,
    "views": dict,
    "index": dict,
    "questions": dict,
}
#: seconds in a year: what a thread cannot wait for is no limit
_LONGEST = 31_536_000
_PLUGINS = {"files": list, "time_limit": float}
_CORPUS = {"language": str, "text_processors": list}
_QUESTION = {
    "prompt": str,
    "labels": list,
    "target": str,
    "preset": str,
    "seed": int,
    "batch_size": (int, list),
    "validation": int,
    "model": (str, dict),
    "query_strategy": (str, dict),
    "cold_start": (str, dict),
    "stopping_rule": (str, dict),
}
#: the least that these may be
_LEAST = {"batch_size": 1, "seed": 0, "validation": 0}
#: the keys of a question's table that say how it is reviewed, and not what it asks
REVIEW_KEYS = tuple(key for key in _QUESTION if key not in ("prompt", "labels", "target"))
_WORDS = {int: "a whole number", str: "a text", dict: "a table", list: "a list", float: "a number"}


@dataclass(frozen=True)
class QuestionConfig:
    """One question, and what the file says about how to review it (the preset fills in the rest)."""

    question: Question
    review: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A `docreview.toml`, checked."""

    folder: Path
    #: an address, or the path of an SQLite file
    store: str | Path
    language: str
    text_processors: tuple[Spec, ...]
    views: Mapping[str, dict[str, Any]]
    #: name and settings of the index, and how many neighbors of each document are kept
    index: Mapping[str, Any]
    neighbors: int
    questions: Mapping[str, QuestionConfig]
    #: one-file plugins, and the seconds that one call of a plugin's component may take
    plugin_files: tuple[Path, ...] = ()
    time_limit: float = TIME_LIMIT


def read_config(folder: Path) -> Config:
    """Read the project file in `folder`; raise `ProjectError` with one line that names file, line and key."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(
            f"{folder} is not a docreview project: it has no {FILE}. Make one with 'docreview new {folder.name}'."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ProjectError(f"{path}, line {line}: not UTF-8 ({error.reason}): save it as UTF-8.") from error
    except OSError as error:
        raise ProjectError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{path}: not valid TOML: {error}.") from error
    except RecursionError as error:
        raise ProjectError(f"{path}: not valid TOML: lists or tables nested too deep.") from error
    version = table.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise NewerVersion(f"{path}: format {version} is newer than this docreview knows; upgrade docreview.")
    check = _Check(path, text)
    check.recordable(table, "")
    check.keys(table, _TOP, "")
    plugins = table.get("plugins", {})
    check.keys(plugins, _PLUGINS, "plugins")
    for file in plugins.get("files", ()):
        check.type(file, str, "plugins.files", "files")
    if not 0 < plugins.get("time_limit", 1) <= _LONGEST:
        wanted = f"must be greater than 0 and at most {_LONGEST:,} seconds"
        check.fail("time_limit", f"'time_limit' in [plugins] {wanted}, got {plugins['time_limit']}")
    corpus = table.get("corpus", {})
    check.keys(corpus, _CORPUS, "corpus")
    views = table.get("views", {"lexical": {}, "semantic": {}})
    for name, view in views.items():
        check.type(view, dict, f"views.{name}", name)
    if not views:
        check.fail("views", "a project needs at least one view, 'lexical' for instance")
    index = {"name": "auto", **table.get("index", {})}
    neighbors = index.pop("neighbors", 20)
    check.type(neighbors, int, "index.neighbors", "neighbors")
    check.type(index["name"], str, "index.name", "name")
    if neighbors < 1:
        check.fail("neighbors", f"'neighbors' in [index] must be at least 1, got {neighbors}")
    questions = {}
    for name, entry in table.get("questions", {}).items():
        check.type(entry, dict, f"questions.{name}", name)
        where = f"questions.{name}"
        check.keys(entry, _QUESTION, where)
        if "labels" not in entry:
            check.fail(name, f"[{where}] needs 'labels', two or more")
        for key in _LEAST:
            unfit = _unfit(key, entry[key], f" in [{where}]") if key in entry else None
            if unfit is not None:
                check.fail(key, unfit)
        try:
            question = Question(name, tuple(entry["labels"]), entry.get("prompt", ""), entry.get("target"))
        except DocreviewError as error:
            check.fail("labels", str(error).rstrip("."))
        questions[name] = QuestionConfig(question, {key: entry[key] for key in REVIEW_KEYS if key in entry})
    if not questions:
        check.fail("questions", "a project needs a question: a table [questions.NAME] with 'labels'")
    return Config(
        folder=folder,
        store=table.get("store", folder / ".docreview" / "record.db"),
        language=corpus.get("language", "xx"),
        text_processors=tuple(corpus.get("text_processors", ["nfc"])),
        views=views,
        index=index,
        neighbors=neighbors,
        questions=questions,
        plugin_files=tuple(folder / file for file in plugins.get("files", ())),
        time_limit=float(plugins.get("time_limit", TIME_LIMIT)),
    )


def check_review(table: Mapping[str, Any]) -> str | None:
    """What is wrong with the settings of a review, such as a preset's, in words; None where nothing is."""
    for key, value in table.items():
        if key not in REVIEW_KEYS:
            return f"a review has no setting '{key}'.{did_you_mean(str(key), REVIEW_KEYS)}"
        known: Any = _QUESTION[key]
        wanted = known if isinstance(known, tuple) else (known,)
        if isinstance(value, bool) or not isinstance(value, wanted):
            return f"'{key}' must be {' or '.join(_WORDS[kind] for kind in wanted)}, got {value!r}"
        unfit = _unfit(key, value) if key in _LEAST else None
        if unfit is not None:
            return unfit
    return None


def _unfit(key: str, value: Any, place: str = "") -> str | None:
    """What is wrong with a number, or with steps of batch sizes, in words; None where nothing is."""
    if isinstance(value, list):
        example = "[[0, 3], [300, 5], [1000, 100]]"
        return None if _steps(value) else f"the steps of '{key}'{place} must be like {example}, got {value!r}"
    least = _LEAST[key]
    return f"'{key}'{place} must be at least {least}, got {value}" if value < least else None


def _steps(value: list[Any]) -> bool:
    """Whether these are steps of (from so many documents read, so many in a batch), the first from 0, ascending."""
    pairs = [step for step in value if isinstance(step, list) and len(step) == 2 and all(type(v) is int for v in step)]
    starts = [start for start, _ in pairs]
    right = len(pairs) == len(value) and starts[:1] == [0] and starts == sorted(set(starts))
    return right and all(size >= 1 for _, size in pairs)


class _Check:
    """Names the file and the line of what is wrong."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()

    def fail(self, key: str, message: str) -> NoReturn:
        # tomllib keeps no positions: the first line that mentions the key is near enough to find it
        word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        line = next((i for i, text in enumerate(self.lines, 1) if word.search(text.partition("#")[0])), None)
        raise ProjectError(f"{self.path}{f', line {line}' if line else ''}: {message}.")

    def recordable(self, value: Any, key: str) -> None:
        """What the file says goes into the record, which holds finite numbers and no dates."""
        if isinstance(value, dict):
            for name, entry in value.items():
                self.recordable(entry, name)
        elif isinstance(value, list):
            for entry in value:
                self.recordable(entry, key)
        elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            self.fail(key, f"'{key}' must be a text, true or false, or a finite number, got {value}")

    def type(self, value: Any, wanted: Any, where: str, key: str) -> None:
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        accepted = (*kinds, int) if float in kinds else kinds
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in kinds):
            self.fail(key, f"'{where}' must be {' or '.join(_WORDS[k] for k in kinds)}, got {value!r}")

    def keys(self, table: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
        for key, value in table.items():
            if key not in known:
                place = f"in [{where}]" if where else "at the top level"
                self.fail(key, f"unknown key '{key}' {place}.{did_you_mean(key, known)}".rstrip("."))
            self.type(value, known[key], f"{where}.{key}".lstrip("."), key)


def write_config(folder: Path, question: Question, language: str = "xx", model: str = "packaged") -> Path:
    """Write a new, commented project file; raise `ProjectError` where there is one already."""
    path = folder / FILE
    question_name = question.name if re.fullmatch(r"[A-Za-z0-9_-]+", question.name) else _quote(question.name)
    target = f"target = {_quote(question.target)}" if question.target else '# target = "..."'
    text = f"""\
# What docreview asks about these documents, and how. After a change, the next docreview command uses it.
format = {FORMAT}

[corpus]
# The language of the documents, as spaCy abbreviates it (en, de, ha, am ...); xx where it is mixed or unknown.
language = {_quote(language)}
text_processors = ["nfc"]

# How the models see the documents. A review starts on the lexical view; the semantic one joins when it is built.
[views.lexical]

# Runs of characters inside words: for short texts in languages whose words take many forms.
# [views.characters]

[views.semantic]
# "packaged" (English), the name of a sentence-transformers model on a hub, or a folder that holds one.
embedder = {{ name = "sentence-transformers", model = {_quote(model)} }}

[questions.{question_name}]
# What the reviewer reads above every document.
prompt = {_quote(question.prompt)}
labels = [{", ".join(map(_quote, question.labels))}]
# The label whose documents must all be found. Leave it out where every label matters alike.
{target}
seed = 0
# How many documents to draw blindly at the start and keep out of training, to measure the model on.
validation = 0

# Left out, the rest comes from the preset: high-recall where there is a target, classification otherwise.
# batch_size = 20
# [questions.{question_name}.query_strategy]
# name = "density-mmr"
# [questions.{question_name}.stopping_rule]
# name = "any"
# stopping_rules = [{{ name = "budget", labels = 500 }}, {{ name = "consecutive-misses", n = 100 }}]
"""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ProjectError(f"question '{question.name}' is no valid Unicode: write it anew in UTF-8.") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    except OSError as error:
        if os.path.exists(path):  # unlike Path.exists, False where that cannot be known
            hint = "add documents to that project, or take another folder"
            raise ProjectError(f"{path} is there already: {hint}.") from None
        raise ProjectError(f"cannot make a project in {folder}: {error.strerror}.") from error
    try:
        with file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)  # half a file would be taken for a project
        raise ProjectError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _quote(text: str) -> str:
    """A TOML basic string."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in text) + '"'
