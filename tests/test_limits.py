"""A limit on time: it ends what Python runs, in any thread, and strikes nowhere else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from docreview.limits import OutOfTime, limited


def spin() -> None:
    while True:
        pass


def greedy() -> None:
    """Swallows every error that a careless plugin swallows."""
    while True:
        with contextlib.suppress(Exception):
            spin()


@pytest.mark.parametrize("endless", [spin, greedy])
def test_what_does_not_end_is_ended(endless: Callable[[], None]) -> None:
    late: list[bool] = []
    with pytest.raises(OutOfTime, match=r"not done after 0\.1 s"):
        limited(0.1, endless, lambda: late.append(True))
    assert late == [True]


def test_another_thread_than_the_main_one() -> None:
    ended: list[str] = []

    def work() -> None:
        try:
            limited(0.1, spin)
        except OutOfTime as error:
            ended.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert ended == ["not done after 0.1 s"]


@pytest.mark.parametrize("seconds", [None, 60])
def test_what_ends_in_time_is_let_be(seconds: float | None) -> None:
    assert limited(seconds, lambda: sum(range(1000))) == 499_500
    with pytest.raises(ZeroDivisionError):
        limited(seconds, lambda: 1 / 0)


def test_limits_nest() -> None:
    def inner() -> int:
        with pytest.raises(OutOfTime, match=r"0\.05 s"):
            limited(0.05, spin)
        return sum(range(10))  # the outer one goes on

    assert limited(60, inner) == 45
    with pytest.raises(OutOfTime, match=r"0\.1 s"):
        limited(0.1, lambda: limited(60, spin))


def test_a_call_that_ends_just_then_never_leaks_an_interruption() -> None:
    ended = 0
    for i in range(400):
        try:
            limited(0.002, lambda i=i: time.sleep(0.0018 + 0.0004 * (i % 2)))  # type: ignore[misc]
        except OutOfTime:
            ended += 1
        for _ in range(200):  # an interruption that came late would strike here
            pass
    assert 0 < ended < 400
    time.sleep(1.2)  # or here, where a watch went on


@pytest.mark.parametrize("call", ["limited(60, lambda: 1)", "ended(limited, 0.1, spin)"])
def test_nothing_is_left_for_python_to_look_for(call: str) -> None:
    """An interruption taken back goes on being looked for: Python 3.11 then hangs at the first step that is traced."""
    code = f"""
import contextlib, sys
from docreview.limits import OutOfTime, limited

def spin():
    while True:
        pass

def ended(call, *arguments):
    with contextlib.suppress(OutOfTime):
        call(*arguments)

{call}
sys.settrace(lambda *_: None)
for _ in range(1000):
    ended(lambda: None)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "done\n"
