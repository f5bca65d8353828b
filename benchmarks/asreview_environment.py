"""ASReview in an environment of its own, which the benchmarks that run its code share."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

VERSION = "3.0.8"
FOLDER = Path(__file__).resolve().parent / "results" / "asreview-environment"


def environment() -> str:
    """The Python of that environment, which is made where it is missing."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "ready").exists():
        print(f"setting up ASReview {VERSION} in {FOLDER}", file=sys.stderr)
        venv.create(FOLDER, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"asreview=={VERSION}"], check=True)
        (FOLDER / "ready").touch()
    return str(python)
