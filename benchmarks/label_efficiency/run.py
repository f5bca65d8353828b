"""Do fewer labels do? Learning curves of query strategies against random choice, on real corpora, seeds paired.

    python benchmarks/label_efficiency/run.py --stage 1
    python benchmarks/label_efficiency/run.py --stage 2 --arms margin "density-mmr beta=1.0" skactiveml-badge
    python benchmarks/label_efficiency/run.py --stage 2 --tables

From 20 random labels, the same for every arm of a seed, in batches of 20: after each, docreview's `classification`
preset is fitted and measured on held-out documents that no arm may ask about (at most 2,000; the pool is at most 6,000
more, both drawn once). Stage 1: all strategies there are, six corpora, 5 seeds, 300 labels. Stage 2: the chosen arms,
all corpora, 10 seeds, 1,000 labels, taken up where stage 1 ended. An arm is a strategy's name, or that and settings as
in docreview.toml. `random` is always among them.

What was measured is kept in benchmarks/results/label_efficiency, one small file for each corpus, arm and seed, so that
a run may be broken off and taken up, and tables made of what is there. Corpora are looked for beside the repository in
shared/corpora, or where DOCREVIEW_SHARED says; those that are absent are left out, and named.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from protocol import BATCH, PRESET, RANDOM, Cell, ceiling, folder, registry, run, strategy_of
from tables import report

from corpora import ALL, SIX, Corpus, load, path_of

STAGES: dict[int, dict[str, Any]] = {
    1: {"corpora": SIX, "seeds": 5, "labels": 300},
    2: {"corpora": ALL, "seeds": 10, "labels": 1000},
}


@cache
def _loaded(name: str) -> Corpus:
    return load(name, registry())


def _worker(cell: Cell | str, labels: int) -> dict[str, Any]:
    """In a process of its own: run a cell, or fit a corpus's ceiling."""
    import warnings

    warnings.filterwarnings("ignore")  # peers warn in every round
    corpus = _loaded(cell if isinstance(cell, str) else cell.corpus)
    if isinstance(cell, str):
        ceiling(corpus)
        return {}
    return run(cell, corpus, labels)


def prepare(names: Iterable[str]) -> None:
    """Compute what all processes share: views and neighbors. Nothing is done twice."""
    for name in names:
        shown = time.monotonic()

        def told(step: str, done: int, total: int, name: str = name) -> None:
            nonlocal shown
            if time.monotonic() - shown > 5:
                shown = time.monotonic()
                _say(f"{name}: {step} {done:,}/{total:,}")

        load(name, registry(), told)


def measure_all(cells: list[Cell], names: list[str], labels: int, workers: int) -> None:
    """Run what is missing, some at a time, one seed of everything after the other."""
    todo: list[Cell | str] = [name for name in names if not (folder() / name / "full.json").is_file()]
    todo += cells
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read as a worker begins: several threads in each would wait for one another
    began, done, failed = time.monotonic(), 0, 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: set[Future[dict[str, Any]]] = {pool.submit(_worker, cell, labels) for cell in todo}
        while waiting:
            ready, waiting = wait(waiting, timeout=10, return_when=FIRST_COMPLETED)
            for future in ready:
                result = future.result()
                done += 1
                if "error" in result:
                    failed += 1
                    _say(f"{result['corpus']}, {result['arm']}: {result['error']}", end="\n")
            spent = time.monotonic() - began
            left = f", about {_minutes(spent / done * (len(todo) - done))} left" if done > workers else ""
            _say(f"{done:,} of {len(todo):,} done, {failed} failed, {_minutes(spent)} spent{left}")
    _say("", end="\n")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _say(line: str, end: str = "") -> None:
    """One line that is written over; on a terminal only, else a line each."""
    if sys.stderr.isatty():
        print(f"\r{line:<100}", end=end, file=sys.stderr, flush=True)
    elif line:
        print(line, file=sys.stderr, flush=True)


def every() -> list[str]:
    """All strategies that work without settings."""
    whole = []
    for entry in registry().entries("query_strategies"):
        if any(p.default is p.empty for p in entry.settings.values()):
            print(f"{entry.name} needs settings: name it, with them, with --arms.", file=sys.stderr)
        else:
            whole.append(entry.name)
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", type=int, choices=STAGES, default=1)
    parser.add_argument("--arms", nargs="+", help="strategies, with settings where wanted (stage 1: all there are)")
    parser.add_argument("--corpora", help="which, with commas, in the place of the stage's")
    parser.add_argument("--seeds", type=int, help="how many, in the place of the stage's")
    parser.add_argument("--labels", type=int, help="up to how many labels, in the place of the stage's")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--retry", action="store_true", help="try again what ended in an error")
    parser.add_argument("--tables", action="store_true", help="measure nothing: tables and pictures of what is there")
    parser.add_argument("--out", type=Path, help="folder for tables.md and the pictures (beside the results)")
    parser.add_argument("--show", nargs="+", default=[], help="arms in the pictures (the best ones)")
    options = parser.parse_args()

    stage = STAGES[options.stage]
    names = options.corpora.split(",") if options.corpora else list(stage["corpora"])
    unknown = [name for name in names if name not in ALL]
    if unknown:
        parser.error(f"there is no corpus '{unknown[0]}': {', '.join(ALL)}")
    for name in [name for name in names if not path_of(name).is_file()]:
        print(f"{name} is left out: {path_of(name)} is not there (DOCREVIEW_SHARED names the folder).", file=sys.stderr)
        names.remove(name)
    if not names:
        return 1
    labels, seeds = options.labels or stage["labels"], options.seeds or stage["seeds"]
    if labels % BATCH:
        parser.error(f"labels come in batches of {BATCH}")
    if options.stage == 2 and not options.arms and not options.tables:
        parser.error("name the arms of stage 2 with --arms")
    arms = list(dict.fromkeys([RANDOM, *(options.arms or every())]))
    for arm in arms:
        strategy_of(arm)  # a wrong name or setting is told now
    if not options.tables:
        prepare(names)
        cells = [Cell(name, arm, seed) for seed in range(seeds) for name in names for arm in arms]
        missing = [cell for cell in cells if cell.missing(labels, retry=options.retry)]
        print(f"{len(cells) - len(missing):,} of {len(cells):,} results are there ({folder()})", file=sys.stderr)
        measure_all(missing, names, labels, options.workers)
    out = options.out or folder() / f"stage-{options.stage}"
    out.mkdir(parents=True, exist_ok=True)
    command = f"python benchmarks/label_efficiency/run.py --stage {options.stage}"
    text = report(names, arms, seeds, labels, out, options.show, command, PRESET)
    (out / "tables.md").write_text(text, "utf-8")
    print(text)
    print(f"\nTables and pictures: {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
