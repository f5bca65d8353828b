"""The benchmark of selection runs, and its own reckoning of what is not within the goals is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "selection" / "run.py"


def test_one_command_prints_times_bounds_peaks_and_what_a_prefilter_loses() -> None:
    options = ["--sizes", "2000", "--labels", "3", "--no-peers", "--only", "margin", "k-center", "seals"]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    by_name = {(row[0], len(row)): row for row in rows}
    assert by_name["margin", 6][2] == "numpy"
    assert by_name["k-center", 6][2] == "m x d x l"
    assert float(by_name["k-center", 6][5]) > 0, "a peak is told"
    assert by_name["k-center", 5][1:3] == ["100%", "100%"], "of 2,000 all are looked at"
    assert by_name["seals", 6][1:3] == ["2,000", "3"]
    assert "Not within the goals" in done.stdout
