"""One measurement in a process of its own, forked: it shares the arrays, may be ended, and its memory is its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

#: a call that takes longer is not repeated
_LONG = 1.5
_RUNS = 5


@dataclass(frozen=True)
class Took:
    """Seconds of the clock and of the processor (the best of some runs each), and the most memory in bytes; or why not.

    `peak` is that of the process from when it was ready to the end of the last run, with the arrays that it was given.
    """

    seconds: float | None
    processor: float = 0
    peak: int = 0
    why: str = ""
    #: what the call returned, where that is wanted
    value: Any = None


def took(
    make: Callable[[], Callable[[], Any]], warm: Callable[[], Any], cap: float, memory: int, *, answer: bool = False
) -> Took:
    """Time ``make()()``, after `warm()` has loaded what is loaded late; end it after `cap` seconds.

    `memory` is how much may be allocated, in bytes. Only the call is timed, not `warm` and `make`. Where the `answer`
    is what is wanted, it is called once.
    """
    context = multiprocessing.get_context("fork")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(its, make, warm, memory, answer))
    process.start()
    its.close()
    try:
        result = None
        for allowed in (2 * cap + 60, cap + _RUNS * _LONG):  # until it is ready, and until it is done
            if not mine.poll(allowed):
                return Took(None, why=f"not done in {cap:g} s")
            result = mine.recv()
            if isinstance(result, Took):
                return result
        return Took(None, why=str(result))
    except EOFError:
        return Took(None, why="ended by the system, most likely for want of memory")
    finally:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()


def _measure(
    told: Connection, make: Callable[[], Callable[[], Any]], warm: Callable[[], Any], memory: int, answer: bool
) -> None:
    most = _status("VmSize", 0) + memory  # what is mapped already does not count
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        warm()
        call = make()
        told.send("ready")
        _forget_peak()
        times: list[tuple[float, float]] = []
        value = None
        while len(times) < (1 if answer else _RUNS) and (not times or times[-1][0] < _LONG):
            began, processor = time.perf_counter(), time.process_time()
            value = call()
            times.append((time.perf_counter() - began, time.process_time() - processor))
        clock, processors = zip(*times, strict=True)
        told.send(Took(min(clock), min(processors), _peak(), value=value if answer else None))
    except MemoryError:
        told.send(Took(None, why=f"more than {memory / 1e9:.0f} GB"))
    except Exception as error:  # noqa: BLE001 - a peer's failure is a result
        line = traceback.format_exc().strip().splitlines()[-1]
        told.send(Took(None, why=line if str(error) else type(error).__name__))


def _forget_peak() -> None:
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def _peak() -> int:
    """The most memory held since `_forget_peak`, the shared arrays included."""
    return _status("VmHWM", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _status(name: str, otherwise: int) -> int:
    """A number of bytes that Linux knows of this process; elsewhere `otherwise`."""
    status = Path("/proc/self/status")
    if not status.exists():
        return otherwise
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
