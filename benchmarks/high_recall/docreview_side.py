"""docreview's half: a project for each corpus, and its own `simulate` with a preset.

An arm is the name of a preset, or that and settings in TOML: ``high-recall model.weights.semantic=1.0``. Batches are
those of ASReview's published schedule for every arm. An arm whose cold start is `from-words` is given the question's
words, and no priors.
"""

from __future__ import annotations

import json
import os
import time
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import targets

from docreview.cache import fingerprint
from docreview.config import FILE
from docreview.plugins import load_plugins
from docreview.project import Project
from docreview.types import Document, Label, Progress, silent

WORDS = "from-words"
#: of what is kept: another number where the code of a model changed so that orders differ
CODE = 1


@cache
def settings_of(arm: str) -> dict[str, Any]:
    """The settings of an arm, as a question's table holds them."""
    name, *given = arm.split()
    registry = load_plugins().registry
    return _merged(registry.create("presets", name), tomllib.loads("\n".join(given)))


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, table by table; a table that names another component takes its place whole."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        same = both and ("name" not in value or value["name"] == inner.get("name"))
        merged[key] = _merged(inner, value) if same else value
    return merged


def version_of(arm: str) -> str:
    """What an arm's results are filed by."""
    return fingerprint("high-recall", CODE, settings_of(arm))[:12]


def project_folder(corpus: str) -> Path:
    return targets.RESULTS / "projects" / corpus


def prepare(corpus: str, progress: Progress = silent) -> None:
    """Make the corpus's project, with a question for each of its targets, and embed it; what is there is kept."""
    mine = [target for target in targets.TARGETS if target.corpus == corpus]
    folder = project_folder(corpus)
    lines = ["format = 1", "[corpus]", f'language = "{mine[0].language}"', "[views.lexical]", "[views.semantic]"]
    for target in mine:
        quoted = json.dumps(target.prompt, ensure_ascii=False)
        lines += [f'[questions."{target.name}"]', f"prompt = {quoted}", 'labels = ["yes", "no"]', 'target = "yes"']
        lines += ['preset = "high-recall"']
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text("\n".join(lines) + "\n", "utf-8")
    with Project.open(folder) as project:
        if not project.n:
            read = targets.texts(mine[0].path)
            project.add_documents([Document(i, text) for i, (text, _) in read.items()], corpus, progress=progress)
        project.embed(progress)


@cache
def _opened(corpus: str) -> Project:
    return Project.open(project_folder(corpus))


def run(arm: str, name: str, seed: int) -> None:
    """Simulate one review, and write down which documents were read, in order."""
    target = targets.BY_NAME[name]
    settings, known = settings_of(arm), targets.wanted(target)
    truth = {i: "yes" if is_one else "no" for i, is_one in known.items()}
    from_words = settings["cold_start"] in (WORDS, {"name": WORDS})
    given = [] if from_words else targets.priors(target, seed)
    # the schedule counts priors; docreview's batch sizes count documents read
    steps = [[max(at - len(given), 0), size] for at, size in targets.batches(len(known))]
    began, cpu = time.perf_counter(), time.process_time()
    done = _opened(target.corpus).simulate(
        truth,
        name,
        overrides={**settings, "batch_size": steps},
        arm=arm,
        seed=seed,
        priors=[Label(i, truth[i], "prior", prior=True) for i in given],
    )
    seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    order = _opened(target.corpus).corpus.store.ids_of(done.rows)
    path = targets.result_of(arm, target, seed, version_of(arm))
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}.part")
    kept = {"order": order, "priors": len(given), "rounds": len(done.rounds), "seconds": seconds, "cpu": spent}
    half.write_text(json.dumps(kept), "utf-8")
    os.replace(half, path)
