"""A limit on how long a block of code may run, in whichever thread it runs."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import TracebackType


class TimeUp(BaseException):
    """Raised inside a block whose time is up. No `Exception`, so that ``except Exception`` does not swallow it."""


class OutOfTime(Exception):
    """What a block that was interrupted ends with."""


class time_limit:  # noqa: N801 - read as a statement: with time_limit(60)
    """Interrupt the block after `seconds` (None: never) by `TimeUp`, which becomes `OutOfTime` outside.

    Python code is interrupted at its next step, a loop inside C code when it returns; `late` is called at once in any
    case, from another thread, so that somebody is told whom the program waits for. Limits nest.
    """

    def __init__(self, seconds: float | None, late: Callable[[], None] = lambda: None) -> None:
        self._seconds, self._late = seconds, late
        self._done, self._lock = threading.Event(), threading.Lock()
        #: a class of its own, so that an inner limit does not take an outer one's interruption for its own
        self._up: type[TimeUp] = type("TimeUp", (TimeUp,), {})
        self._thread = 0

    def __enter__(self) -> None:
        if self._seconds is not None:
            self._thread = threading.get_ident()
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        if self._done.wait(self._seconds):
            return
        self._late()
        while True:
            with self._lock:
                if self._done.is_set():
                    return
                self._interrupt(self._up)
            if self._done.wait(1.0):  # a bare except may have swallowed it: again
                return

    def _interrupt(self, error: type[BaseException] | None) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self._thread), None if error is None else ctypes.py_object(error)
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._seconds is None:
            return
        while True:
            try:
                with self._lock:
                    self._done.set()
                    self._interrupt(None)  # one that is on its way would strike outside the block
                break
            except self._up:
                continue
        if isinstance(error, self._up):
            raise OutOfTime(f"not done after {self._seconds:g} s") from error
