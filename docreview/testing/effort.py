"""How much time and memory a component takes at the size of a large corpus."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

from docreview.testing.common import require

#: how many times longer than docreview's own component of the kind one may take
FACTOR = 20
#: rows: a component that is too slow for fewer is not tried with more
SIZES = (10_000, 30_000, 100_000)
#: bytes that a component may take for a row
BYTES_PER_ROW = 4_096
#: bytes that it may take for the fewest rows; a float32 for each pair of rows would be 400 MB
_FEW = 256_000_000
_RUNS = 3

#: given a number of rows, gets everything ready and returns what is to be measured
Work = Callable[[int], Callable[[], object]]


def processor_seconds(call: Callable[[], object], enough: float = 0.0) -> float:
    """Processor time of a call, the best of some runs; fewer runs where one takes `enough` or less, or far more."""
    best = float("inf")
    for _ in range(_RUNS):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
        if enough and not enough < best <= 2 * enough:
            break
    return best


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes that a call has allocated by Python and numpy at one time."""
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not traced:
            tracemalloc.stop()


def require_time(work: Work, usual: float, grace: float) -> None:
    """Raise where `work` takes longer than `FACTOR` times `usual` seconds and `grace` more, at any of `SIZES`."""
    limit = FACTOR * usual + grace
    for n in SIZES:
        call = work(n)
        if n == SIZES[0]:
            _require_few(call, n)
        took = processor_seconds(call, limit)
        require(took <= limit, f"{n:,} documents took {took:.2f} s of processor time, more than {limit:.2f} s")


def require_memory(work: Work) -> None:
    """Raise where `work` takes more memory at the largest of `SIZES` than a share for each row."""
    _require_few(work(SIZES[0]), SIZES[0])
    n = SIZES[-1]
    peak = peak_memory(work(n))
    least = f"{peak / n:,.0f} bytes a document, more than {BYTES_PER_ROW:,}"
    require(peak <= n * BYTES_PER_ROW, f"{n:,} documents took {peak / 1e6:,.0f} MB: {least}")


def _require_few(call: Callable[[], object], n: int) -> None:
    # a matrix of all pairs must not get as far as a size at which it ends the process
    peak = peak_memory(call)
    require(peak <= _FEW, f"{n:,} documents took {peak / 1e6:,.0f} MB, more than {_FEW / 1e6:,.0f} MB")
