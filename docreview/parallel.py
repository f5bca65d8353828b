"""Simulations of one project in several processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from docreview.project import Project
from docreview.simulation import Simulation
from docreview.types import Progress, silent


def simulate_all(
    project: Project,
    runs: Sequence[Mapping[str, Any]],
    workers: int = 2,
    step: str = "simulating",
    progress: Progress = silent,
) -> list[Simulation]:
    """Run `Project.simulate` with each of these arguments, some at a time, and return the results in the same order.

    Each worker opens the project anew, in a fresh interpreter: nothing is shared but what is on the disk, so the
    results are those of one process.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_simulate, project.folder, run) for run in runs]
        progress(step, 0, len(runs))
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()  # the first error ends it
            progress(step, done, len(runs))
    return [future.result() for future in futures]


def _simulate(folder: Path, run: Mapping[str, Any]) -> Simulation:
    from threadpoolctl import threadpool_limits

    # the processes share the cores: several threads in each would only wait for one another
    with threadpool_limits(1):
        return _opened(folder).simulate(**run)


@cache
def _opened(folder: Path) -> Project:
    return Project.open(folder)
