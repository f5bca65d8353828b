"""docreview beside ASReview 3 at 100,000 documents: import, word weights, a round, the next document, memory.

    python benchmarks/scale/run.py [--turns PATH] [--documents 100000] [--asreview-python PATH] [--only SIDE]

Each program runs in a process of its own, one after the other, on the same CSV with the same first 200 labels, on two
sets: synthetic documents of 110 words by Zipf's law, and turns of real speech (4 to 32 words) from the file that
--turns names (`shared/corpora/scale/oral-argument-turns.tsv.gz` beside the repository; skipped where it is not there).
ASReview runs in its own environment, made with pip on first use. Prints tables for docs/benchmarks.md (in
brackets: processor time, which other work on the machine does not stretch) and writes benchmarks/results/scale.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from asreview_environment import environment  # noqa: E402

RESULTS = HERE.parent / "results"
SHARED = Path(os.environ.get("DOCREVIEW_SHARED", HERE.parents[2] / "shared"))


def main() -> int:
    """Run both sides on both sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--turns", type=Path, default=SHARED / "corpora/scale/oral-argument-turns.tsv.gz")
    parser.add_argument("--asreview-python", help="Python of an environment that has asreview")
    parser.add_argument("--only", choices=("asreview", "docreview"))
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    pythons = {"asreview": options.asreview_python, "docreview": sys.executable}
    if options.only != "docreview" and not pythons["asreview"]:
        pythons["asreview"] = environment()

    results: dict[str, dict[str, Any]] = {}
    for name in ("synthetic", "turns"):
        if name == "turns" and not options.turns.is_file():
            print(f"no turns of speech: {options.turns} is not there (--turns)", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="docreview-scale-") as folder:
            # in a process of its own, so that this one stays small
            prepare = [sys.executable, __file__, "--", name, str(options.documents), str(options.turns), folder]
            subprocess.run([*prepare, str(options.rounds)], check=True)
            results[name] = {
                side: measure(side, python, Path(folder))
                for side, python in pythons.items()
                if options.only in (None, side) and python
            }
            print(table(name, options.documents, results[name]), flush=True)
    RESULTS.mkdir(exist_ok=True)
    machine = {"platform": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    (RESULTS / "scale.json").write_text(json.dumps({"machine": machine, "results": results}, indent=1))
    return 0


def prepare(name: str, documents: str, turns: str, folder: str, rounds: str) -> None:
    """Write documents.csv and plan.json."""
    import random

    import corpora

    path, n = Path(folder, "documents.csv"), int(documents)
    given = corpora.synthetic(path, n) if name == "synthetic" else corpora.turns(Path(turns), path, n)
    wanted = [int(value) for value in given.values()]
    chance, first = random.Random(0), []
    for value in (0, 1):
        rows = [row for row, given_value in enumerate(wanted) if given_value == value]
        first += chance.sample(rows, min(100, len(rows)))
    plan = {"wanted": wanted, "first": first, "rounds": int(rounds), "batch": 20}
    Path(folder, "plan.json").write_text(json.dumps(plan))


def measure(side: str, python: str, folder: Path) -> dict[str, Any]:
    """Run one side in its own process and return what it measured."""
    print(f"  {side}", file=sys.stderr, flush=True)
    script, result = HERE / f"{side}_side.py", folder / f"{side}.json"
    work = folder / f"{side}-work"
    work.mkdir()
    # in its own folder: ASReview leaves a cache where it is started
    arguments = [script, folder / "documents.csv", folder / "plan.json", work, result]
    subprocess.run([python, *arguments], check=True, cwd=work)
    measured: dict[str, Any] = json.loads(result.read_text())
    return measured


def table(name: str, documents: int, sides: dict[str, dict[str, Any]]) -> str:
    """The results of one set as a table."""
    titles = {"synthetic": "110 words each, by Zipf's law", "turns": "turns of speech, 4 to 32 words"}
    heads = [f"{side} {measured['version']}" for side, measured in sides.items()]
    rows = [f"| {documents:,} documents: {titles[name]} | {' | '.join(heads)} |", "|---|" + "---|" * len(sides)]
    for label, value in ROWS:
        cells = [value(measured["seconds"], measured) for measured in sides.values()]
        if any(cell != "" for cell in cells):
            rows.append(f"| {label} | {' | '.join(cells)} |")
    return "\n" + "\n".join(rows) + "\n"


def _total(*stages: str) -> Any:
    def value(seconds: dict[str, list[float]], measured: dict[str, Any]) -> str:
        known = [stage for stage in stages if stage in seconds]
        clock, cpu = (sum(statistics.median(kept[stage]) for stage in known) for kept in (seconds, measured["cpu"]))
        return f"{clock:.2f} s ({cpu:.2f})" if known else ""

    return value


def _quantile(stage: str, share: float) -> Any:
    def value(seconds: dict[str, list[float]], measured: dict[str, Any]) -> str:
        ordered = sorted(seconds.get(stage, []))
        return f"{ordered[math.ceil(share * len(ordered)) - 1] * 1000:.1f} ms" if ordered else ""

    return value


ROWS = (
    ("import", _total("import")),
    ("word weights (1- and 2-grams)", _total("features")),
    ("import and word weights", _total("import", "features")),
    ("from `add` to the first document on the screen", _total("add to first document")),
    ("a round: fit, score all, select 20, record (median)", _total("fit", "rank", "write ranking", "round")),
    ("next document, median", _quantile("next document", 0.5)),
    ("next document, 99th percentile", _quantile("next document", 0.99)),
    ("take an answer, median", _quantile("take the answer", 0.5)),
    ("peak memory", lambda seconds, measured: f"{measured['peak_bytes'] / 1e9:.2f} GB"),
    ("columns of word weights", lambda seconds, measured: f"{measured['features'][1]:,}"),
)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--"]:
        prepare(*sys.argv[2:])
        sys.exit(0)
    sys.exit(main())
