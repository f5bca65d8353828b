"""How much is read to find everything? docreview's presets beside ASReview 3's models, on screening and legal targets.

    python benchmarks/high_recall/run.py [--arms high-recall ...] [--targets nsaids,ptsd] [--half tuned] [--seeds 5]
    python benchmarks/high_recall/run.py --tables

ASReview's own code (its `Simulate`, ELAS u4 and u3) and docreview's `simulate` find the same documents from the same
priors, one of the target and one that is none, drawn for each seed: in batches of one up to 100 labels and by
ASReview's published schedule from there on. Priors are neither read nor found. An arm is a preset's name, or that and
settings in TOML: `'high-recall model.weights.semantic=1.0'`; with `cold_start="from-words"` it is given the
question in words, and no priors.

Targets have two halves: settings are chosen on the one (`--half tuned`), and the other is looked at afterwards.
ASReview runs in an environment of its own, made with pip on first use. What was measured is kept in
benchmarks/results/high_recall, one small file for each arm, target and seed: a run may be broken off and taken up.
Corpora are looked for beside the repository in shared/corpora, or where DOCREVIEW_SHARED says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import docreview_side
import tables
import targets

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from asreview_environment import VERSION, environment  # noqa: E402

PEERS = ("elas_u4", "elas_u3")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def version_of(arm: str) -> str:
    return VERSION if arm in PEERS else docreview_side.version_of(arm)


def asreview(python: str, model: str, name: str, seeds: Sequence[int]) -> None:
    """Simulate a target in ASReview's environment."""
    with TemporaryDirectory(prefix="docreview-high-recall-") as folder:  # ASReview leaves a cache where it is started
        command = [python, HERE / "asreview_side.py", model, name, *map(str, seeds)]
        shared = {**os.environ, "DOCREVIEW_SHARED": str(targets.SHARED.resolve())}
        subprocess.run(command, check=True, cwd=folder, env=shared)


def docreview(arm: str, name: str, seed: int) -> None:
    """Simulate a target in this one."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        docreview_side.run(arm, name, seed)


def measure(arms: Sequence[str], chosen: Sequence[targets.Target], seeds: int, workers: int) -> None:
    """Run what is missing, some at a time."""
    todo: list[tuple[Callable[..., None], tuple[object, ...]]] = []
    for target in chosen:
        for arm in arms:
            there = [targets.result_of(arm, target, seed, version_of(arm)).is_file() for seed in range(seeds)]
            missing = [seed for seed in range(seeds) if not there[seed]]
            if arm in PEERS and missing:
                todo.append((asreview, (environment(), arm, target.name, missing)))
            elif arm not in PEERS:
                todo += [(docreview, (arm, target.name, seed)) for seed in missing]
    for corpus in dict.fromkeys(str(target.corpus) for target in chosen):
        if any(arm not in PEERS for arm in arms):
            print(f"preparing {corpus}", file=sys.stderr)
            docreview_side.prepare(corpus)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # several threads in each process would wait for one another
    began = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run, *arguments) for run, arguments in todo]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            print(f"{done} of {len(todo)} done, {time.monotonic() - began:.0f} s", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=["high-recall", 'high-recall cold_start="from-words"'])
    parser.add_argument("--targets", help="which, with commas, in the place of all")
    parser.add_argument("--half", choices=(targets.TUNED, targets.UNSEEN), help="only targets of that half")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tables", action="store_true", help="measure nothing: tables and picture of what is there")
    parser.add_argument("--out", type=Path, default=targets.RESULTS, help="folder for tables.md and gain.png")
    options = parser.parse_args()
    names = options.targets.split(",") if options.targets else list(targets.BY_NAME)
    if unknown := [name for name in names if name not in targets.BY_NAME]:
        parser.error(f"there is no target '{unknown[0]}': {', '.join(targets.BY_NAME)}")
    chosen = [targets.BY_NAME[name] for name in names if options.half in (None, targets.BY_NAME[name].half)]
    for target in [target for target in chosen if not target.path.is_file()]:
        print(f"{target.name} is left out: {target.path} is not there (DOCREVIEW_SHARED names the folder).")
        chosen.remove(target)
    arms = list(dict.fromkeys([*PEERS, *options.arms]))
    if not options.tables:
        measure(arms, chosen, options.seeds, options.workers)
    read = {arm: {t.name: tables.read(arm, version_of(arm), t, options.seeds) for t in chosen} for arm in arms}
    there = {arm: {name: found for name, found in results.items() if found} for arm, results in read.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    text = tables.report(there, PEERS[0], chosen, options.out, options.arms[0])
    (options.out / "tables.md").write_text(text + "\n", "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
