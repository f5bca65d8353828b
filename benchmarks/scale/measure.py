"""What both sides measure with. Standard library only: it runs in ASReview's environment too."""

from __future__ import annotations

import json
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


class Stages:
    """Seconds by stage; a stage measured several times keeps each."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds.setdefault(name, []).append(time.perf_counter() - start)
        if len(self.seconds[name]) == 1:
            print(f"    {name}: {self.seconds[name][0]:.3f} s", file=sys.stderr, flush=True)

    def write(self, path: str, **more: Any) -> None:
        """Write all as JSON."""
        Path(path).write_text(json.dumps({"seconds": self.seconds, "peak_bytes": peak_bytes(), **more}))
