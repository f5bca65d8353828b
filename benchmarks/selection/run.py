"""How long does it take to choose? docreview's query strategies beside bare numpy, their lower bounds, and peers.

    python benchmarks/selection/run.py [--sizes 10000,100000,1000000] [--labels 2,8] [--cap 60] [--peers DIR]

Everything is given: vectors of 384 numbers, probabilities, neighbor lists, committees; measured is the choice of 100
documents alone, the best of up to 5 runs, by the clock and in brackets by the processor, which other work on the
machine hardly stretches. scikit-activeml, small-text and modAL are asked in their own way about the same arrays; what
is not done within --cap seconds, or wants more than --memory GB beside the arrays, is said to be so, and is not tried
at larger sizes. A library that is absent is named. Prints markdown for docs/benchmarks.md, and below each size what is
not within the goals; what it is at goes to stderr.

Peak memory is that of the process, with the arrays (1.8 GB for a million documents). Linux and macOS (it forks).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from bare import BOUNDS, FORMULAS
from cells import Took, took
from made_up import made_up

from docreview.plugins import load_plugins
from docreview.types import ReviewState

BATCH = 100
#: settings of strategies that need some
SETTINGS: dict[str, dict[str, Any]] = {"mixture": {"query_strategies": ["margin", "random"]}}
#: strategies that ask another about a part of the pool
POOLED = ("seals", "anchor-al")
#: strategies that compare documents of a part of the pool, of which is shown what that loses
PREFILTERED = ("laplace", "k-center", "facility-location", "k-means", "margin-k-means", "density-mmr")
#: the goals: seconds, bytes, times bare numpy (with what runs differ by) and times a bound at the most; times quicker
#: than a peer that loops
MOST_SECONDS, MOST_BYTES, MOST_NUMPY, MOST_BOUND, QUICKER = 1, 3e9, 1.1, 3, 10


class Bench:
    """Measures and prints, one size after the other."""

    def __init__(self, cap: float, memory: int, only: Sequence[str], peers: bool) -> None:
        registry = load_plugins().registry
        self.cap, self.memory = cap, memory
        entries = [e for e in registry.entries("query_strategies") if e.built_in and (not only or e.name in only)]
        self.strategies = {e.name: registry.create("query_strategies", e.name, SETTINGS.get(e.name)) for e in entries}
        self.peers: Any = ()
        if peers:
            from peers import PEERS, missing

            absent = missing()
            for library, how in absent.items():
                print(f"{library} is left out: {how}", file=sys.stderr)
            self.peers = [p for p in PEERS if p.library not in absent and (not only or p.beside in only)]
        self.gone: dict[str, str] = {}
        self.curve: dict[str, list[str]] = {name: [] for name in POOLED if name in self.strategies}

    def took(self, key: str, make: Any, state: ReviewState, small: ReviewState, answer: bool = False) -> Took:
        """Measure `make(state)()`, unless a smaller state was too much."""
        if key in self.gone:
            return Took(None, why=self.gone[key])
        found = took(lambda: make(state), lambda: make(small)(), self.cap, self.memory, answer=answer)
        if found.seconds is None:
            self.gone[key] = f"{found.why} ({state.n:,})"
        print(f"    {state.n:,} {key}: {seconds(found)} {found.why}", file=sys.stderr, flush=True)
        return found

    def own(self, name: str, state: ReviewState, small: ReviewState) -> Took:
        strategy = self.strategies[name]

        def make(given: ReviewState) -> Any:
            if hasattr(strategy, "committee"):
                given.committee(strategy.committee, strategy.members)
            return lambda: strategy.select(given, BATCH, np.random.default_rng(0))

        return self.took(name, make, state, small)

    def size(self, n: int, k: int) -> None:
        """All strategies and peers at one size."""
        state, small = made_up(n, k), made_up(2000, k)
        mine, beyond = {name: self.own(name, state, small) for name in self.strategies}, []
        print(f"\n{n:,} documents, {k} labels, batch {BATCH}:\n")
        print("| strategy | seconds | held against | seconds | times | peak, GB |\n|---|---:|---|---:|---:|---:|")
        for name, found in mine.items():
            against, other = "", Took(None)
            strategy = self.strategies[name]
            if name in FORMULAS:
                against, make = "numpy", FORMULAS[name]
            elif name in BOUNDS:
                against, make = BOUNDS[name]
            if against:
                bare = lambda given, make=make, strategy=strategy: make(given, strategy, BATCH)  # noqa: E731
                other = self.took(f"{name}: {against}", bare, state, small)
            cells = [name, seconds(found), against, seconds(other) if against else "", times(found, other)]
            print(f"| {' | '.join(cells)} | {f'{found.peak / 1e9:.2f}' if found.peak else ''} |", flush=True)
            limit = MOST_NUMPY if against == "numpy" else MOST_BOUND
            if other.seconds and found.processor > max(limit * other.processor, 1e-3):  # less than 1 ms is not judged
                beyond.append(f"{name}: {found.processor / other.processor:.1f} times {against}")
            if found.processor > MOST_SECONDS or found.peak > MOST_BYTES or found.seconds is None:
                beyond.append(f"{name}: {seconds(found)}, {found.peak / 1e9:.1f} GB")
        if self.peers:
            print("\n| strategy | docreview, s | peer | in Python, or not linear | its own, s | times |")
            print("|---|---:|---|---|---:|---:|")
        for peer in self.peers:
            key = f"{peer.library} {peer.name}"
            found = self.took(f"{key}, {k} labels", lambda given, p=peer: p.make(given, BATCH), state, small)
            ours = mine.get(peer.beside, Took(None, why="none like it"))
            cells = [peer.beside, seconds(ours), key, peer.loops, seconds(found), times(found, ours)]
            print(f"| {' | '.join(cells)} |", flush=True)
            if peer.loops and found.processor and found.processor < QUICKER * ours.processor:
                beyond.append(f"{peer.beside}: {key} takes {found.processor / ours.processor:.1f} times as long")
        self.prefilters(state, small)
        for name, lines in self.curve.items():
            inside = self.strategies[name]
            recall = self.took(f"{name}: recall", lambda given, s=inside: _recall(s, given), state, small, answer=True)
            shares = [recall.why] * 2 if recall.value is None else [f"{share:.1%}" for share in recall.value]
            lines.append(f"| {name} | {n:,} | {k} | {seconds(mine[name])} | {' | '.join(shares)} |")
        print("\nNot within the goals, by the processor: " + ("; ".join(beyond) or "nothing") + ".", flush=True)

    def prefilters(self, state: ReviewState, small: ReviewState) -> None:
        """How much of what would be chosen from all of the pool is chosen from the part that is looked at."""
        lines = []
        for name in PREFILTERED:
            if name in self.strategies:
                make = lambda given, s=self.strategies[name]: _shared(s, given)  # noqa: E731
                found = self.took(f"{name}: all", make, state, small, answer=True)
                r = found.value
                cells = [found.why, "", "", ""]
                if r is not None:
                    cells = [f"{r.rows:.0%}", f"{r.rows_again:.0%}", f"{r.likeness:.2f}", f"{r.likeness_again:.2f}"]
                lines.append(f"| {name} | {' | '.join(cells)} |")
        if lines:
            print(
                "\nOf what is chosen from the whole pool, the share that is chosen from the part that is looked at, and"
            )
            print(
                "how near the nearest that is chosen is (cosine); and the same for a second choice from the whole pool"
            )
            print("with other random numbers. margin-k-means looks at no more than 10,000 in any case.\n")
            print("| strategy | the same | a second time | nearness | a second time |\n|---|---:|---:|---:|---:|")
            print("\n".join(lines), flush=True)


def _recall(strategy: Any, state: ReviewState) -> Any:
    """Share of the choice from all that lies in the strategy's pool, and the share of all that its pool is."""
    from docreview.query_strategies import pool_recall

    def shares() -> tuple[float, float]:
        size = strategy.subpool(state, BATCH, np.random.default_rng(0)).size
        return pool_recall(strategy, state, BATCH, np.random.default_rng(0)), size / state.candidates.size

    return shares


def _shared(strategy: Any, state: ReviewState) -> Any:
    from docreview.query_strategies import prefilter_recall

    return lambda: prefilter_recall(strategy, state, BATCH, 0)


def seconds(found: Took) -> str:
    if found.seconds is None:
        return found.why
    return f"{_short(found.seconds)} ({_short(found.processor)})"


def _short(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def times(of: Took, other: Took) -> str:
    if not of.seconds or not other.seconds:
        return ""
    return f"{of.seconds / other.seconds:.1f} ({of.processor / max(other.processor, 1e-6):.1f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="documents, with commas; multiples of 2,000")
    parser.add_argument("--labels", default="2,8", help="numbers of labels, with commas")
    parser.add_argument("--cap", type=float, default=60, help="seconds that a choice may take")
    parser.add_argument("--memory", type=float, default=8, help="GB that a choice may allocate")
    parser.add_argument("--only", nargs="+", default=[], help="these strategies, and the peers beside them")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--peers", help="a folder with libraries that are not installed (pip install --target)")
    options = parser.parse_args()
    if options.peers:
        sys.path.append(options.peers)
    sizes = [int(size) for size in options.sizes.split(",")]
    if any(size % 2000 for size in sizes):
        parser.error("sizes must be multiples of 2,000")
    began = time.monotonic()
    print(f"384 numbers a document, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    bench = Bench(options.cap, int(options.memory * 1e9), options.only, not options.no_peers)
    for n in sizes:
        for k in map(int, options.labels.split(",")):
            bench.size(n, k)
    if bench.curve:
        print("\n| strategy | documents | labels | seconds | recall of its pool | by chance |")
        print("|---|---:|---:|---:|---:|---:|")
        print("\n".join(line for lines in bench.curve.values() for line in lines))
    print(f"\nAll of this took {(time.monotonic() - began) / 60:.0f} minutes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
