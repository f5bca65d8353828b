"""How long does it take to choose? docreview's query strategies beside bare numpy, their lower bounds, and peers.

    python benchmarks/selection/run.py [--sizes 10000,100000,1000000] [--labels 2,8] [--cap 60] [--peers DIR]

Everything is given: vectors of 384 numbers, probabilities, neighbor lists, committees; measured is the choice of 100
documents alone, the best of up to 5 runs, by the clock and in brackets by the processor, which other work on the
machine does not stretch. scikit-activeml, small-text and modAL are asked in their own way about the
same arrays; what is not done within --cap seconds, or wants more than --memory GB beside the arrays, is said to be so,
and is not tried at larger sizes. A library that is absent is named. Prints markdown for docs/benchmarks.md.

Peak memory is that of the process, with the arrays (1.8 GB for a million documents). Linux and macOS (it forks).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
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

    def took(self, key: str, make: Any, state: ReviewState, small: ReviewState) -> Took:
        """Measure `make(state)()`, unless a smaller state was too much."""
        if key in self.gone:
            return Took(None, why=self.gone[key])
        found = took(lambda: make(state), lambda: make(small)(), self.cap, self.memory)
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
        mine = {name: self.own(name, state, small) for name in self.strategies}
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
        if self.peers:
            print("\n| strategy | docreview, s | peer | its own, s | times |\n|---|---:|---|---:|---:|")
        for peer in self.peers:
            key = f"{peer.library} {peer.name}"
            found = self.took(f"{key}, {k} labels", lambda given, p=peer: p.make(given, BATCH), state, small)
            ours = mine.get(peer.beside, Took(None))
            said = seconds(found) if found.seconds is not None else found.why
            print(f"| {peer.beside} | {seconds(ours)} | {key} | {said} | {times(found, ours)} |", flush=True)
        for name, cells in self.curve.items():
            inside = self.strategies[name]
            recall = self.took(f"{name}: recall", lambda given, s=inside: _recall(s, given), state, small)
            share = "" if recall.value is None else f"{recall.value:.0%}"
            cells.append(f"| {name} | {n:,} | {k} | {seconds(mine[name])} | {share} |")
        self.prefilters(state, small)

    def prefilters(self, state: ReviewState, small: ReviewState) -> None:
        """How much of what would be chosen from all of the pool is chosen from the part that is looked at."""
        lines = []
        for name, strategy in self.strategies.items():
            names = [f.name for f in fields(strategy)] if hasattr(strategy, "__dataclass_fields__") else []
            # where it draws its part by chance, two choices have no reason to be alike
            if "prefilter" in names and name in ("laplace", "density-mmr"):
                whole = replace(strategy, prefilter=state.n if strategy.prefilter > 1000 else -(-state.n // BATCH))
                share = self.took(f"{name}: all", lambda given, a=strategy, b=whole: _shared(a, b, given), state, small)
                lines.append(f"| {name} | {share.why if share.value is None else f'{share.value:.0%}'} |")
        if lines:
            print("\n| strategy | share of the whole pool's choice that is chosen |\n|---|---:|")
            print("\n".join(lines), flush=True)


def _recall(strategy: Any, state: ReviewState) -> Any:
    from docreview.query_strategies import pool_recall

    return lambda: pool_recall(strategy, state, BATCH, np.random.default_rng(0))


def _shared(part: Any, whole: Any, state: ReviewState) -> Any:
    def share() -> float:
        chosen = [s.select(state, BATCH, np.random.default_rng(0)).rows for s in (part, whole)]
        return float(np.isin(chosen[1], chosen[0]).mean())

    return share


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
    print(f"384 numbers a document, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    bench = Bench(options.cap, int(options.memory * 1e9), options.only, not options.no_peers)
    for n in sizes:
        for k in map(int, options.labels.split(",")):
            bench.size(n, k)
    if bench.curve:
        print("\n| strategy | documents | labels | seconds | recall of its pool |\n|---|---:|---:|---:|---:|")
        print("\n".join(line for lines in bench.curve.values() for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
