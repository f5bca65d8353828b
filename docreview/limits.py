"""A limit on how long a call may run, in whichever thread it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: seconds that one call of a plugin's component may take, where docreview.toml says nothing else
TIME_LIMIT = 600.0
#: seconds between two interruptions: a bare ``except`` may have swallowed one
_AGAIN = 1.0


class OutOfTime(Exception):
    """What a call that was interrupted ends with."""


class TimeUp(BaseException):
    """Raised inside a call whose time is up. No `Exception`, so that ``except Exception`` does not swallow it."""


def limited(seconds: float | None, call: Callable[[], T], late: Callable[[], None] = lambda: None) -> T:
    """Return ``call()``; interrupt it and raise `OutOfTime` where it takes longer than `seconds` (None: for ever).

    Python code is interrupted at its next step, a loop inside C code when it returns; `late` is called at once in any
    case, from another thread, so that somebody is told whom the program waits for. Limits nest.

    A function and not a context manager: an interruption can strike between the last step of a block and the first of
    its ``__exit__``, where nobody could catch it. Here every step until the watch has ended lies inside the ``try``.
    """
    if seconds is None:
        return call()
    watch = _Watch(threading.get_ident(), late)
    try:
        try:
            watch.begin(seconds)
            return call()
        finally:
            watch.end()
    except watch.up as error:
        watch.end()  # the interruption may have struck inside the first one
        raise OutOfTime(f"not done after {seconds:g} s") from error


def is_ours(error: BaseException) -> bool:
    """Whether an error out of a plugin's code is not the plugin's: a limit further out, a person's Ctrl-C."""
    return isinstance(error, TimeUp | KeyboardInterrupt | GeneratorExit)


class _Watch:
    def __init__(self, thread: int, late: Callable[[], None]) -> None:
        self._thread, self._late = thread, late
        self._ended, self._lock, self._struck = threading.Event(), threading.Lock(), False
        #: a class of its own, so that an inner limit does not take an outer one's interruption for its own
        self.up: type[TimeUp] = type("TimeUp", (TimeUp,), {})

    def begin(self, seconds: float) -> None:
        threading.Thread(target=self._watch, args=(seconds,), daemon=True).start()

    def end(self) -> None:
        with self._lock:
            self._ended.set()
        if self._struck:
            self._absorb()

    def _absorb(self) -> None:
        """Catch an interruption that may still be on its way; it would strike later.

        Python offers to take it back, but then goes on looking for it for ever: every step of the process is slower
        from then on, and under a debugger or a measurement of coverage Python 3.11 does not go on at all. So one more
        is sent, in the place of any other, and caught here.
        """
        try:
            self._interrupt()
            while True:
                pass
        except self.up:
            return

    def _watch(self, seconds: float) -> None:
        if self._ended.wait(seconds):
            return
        self._late()
        while not self._ended.is_set():
            with self._lock:
                if not self._ended.is_set():
                    self._struck = True
                    self._interrupt()
            self._ended.wait(_AGAIN)

    def _interrupt(self) -> None:
        import ctypes

        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(self.up))
