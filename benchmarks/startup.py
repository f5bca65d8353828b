"""Times `import docreview` and `docreview --help`, each in a process of its own: the median and the worst of many.

    python benchmarks/startup.py [--runs 20]

Prints rows for docs/benchmarks.md and exits with 1 where the median of `--help` is over the goal of 0.3 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

GOAL = 0.3  # seconds, for --help
CASES = {
    "python alone": ["-c", "pass"],
    "import docreview": ["-c", "import docreview"],
    "docreview --help": ["-m", "docreview", "--help"],
    "docreview add --help": ["-m", "docreview", "add", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Time every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    print("| start | median | slowest |\n|---|---|---|")
    medians = {}
    for name, arguments in CASES.items():
        seconds(arguments)  # the first run compiles the modules
        times = [seconds(arguments) for _ in range(runs)]
        medians[name] = statistics.median(times)
        print(f"| `{name}` | {medians[name] * 1000:.0f} ms | {max(times) * 1000:.0f} ms |", flush=True)
    return int(medians["docreview --help"] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
