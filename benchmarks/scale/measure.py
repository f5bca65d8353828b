"""What both sides measure with. Standard library only: it runs in ASReview's environment too."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def peak_bytes() -> int:
    """The most memory this process has held at once."""
    status = Path("/proc/self/status")
    if status.exists():  # where it exists: getrusage counts what the parent held before this process began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def cpu_seconds() -> float:
    """Processor time of this process and of those it has waited for: what a busy machine does not stretch."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Stages:
    """Seconds by stage, by the clock and of the processor; a stage measured several times keeps each."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    def add(self, name: str, seconds: float, cpu: float) -> None:
        """Keep one measurement."""
        self.seconds.setdefault(name, []).append(seconds)
        self.cpu.setdefault(name, []).append(cpu)
        if len(self.seconds[name]) == 1:
            print(f"    {name}: {seconds:.3f} s, {cpu:.3f} s of processor time", file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start, cpu = time.perf_counter(), cpu_seconds()
        yield
        self.add(name, time.perf_counter() - start, cpu_seconds() - cpu)

    def write(self, path: str, **more: Any) -> None:
        """Write all as JSON."""
        measured = {"seconds": self.seconds, "cpu": self.cpu, "peak_bytes": peak_bytes(), **more}
        Path(path).write_text(json.dumps(measured))
