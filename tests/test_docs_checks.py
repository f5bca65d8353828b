"""The list of conformance checks in the documentation is that of the code, and so are its examples."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docreview.testing import CHECKS, name_of, rule_of
from docreview.types import ReviewState, Selection

ROOT = Path(__file__).parents[1]
SCRIPT, PAGE = ROOT / "docs" / "checks.py", ROOT / "docs" / "plugins" / "testing.md"


def run(script: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_list_of_checks_is_not_stale() -> None:
    done = run(SCRIPT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_check_stands_in_the_list_with_its_rule() -> None:
    page = PAGE.read_text("utf-8")
    for check in (check for checks in CHECKS.values() for check in checks):
        assert f"- `{name_of(check)}`: {rule_of(check).replace('``', '`')}\n" in page


@pytest.mark.parametrize(
    "spoil",
    [
        lambda page: page + "- `rule_more`: It is one rule more.\n",
        lambda page: page.replace("- `rule_leaves_state`: It changes nothing in the state.\n", ""),
        lambda page: page.replace("It changes nothing in the documents.", "It changes the documents."),
    ],
)
def test_a_stale_list_is_found(tmp_path: Path, spoil: Any) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "checks.py").write_text(SCRIPT.read_text("utf-8"), "utf-8")
    (tmp_path / "plugins" / "testing.md").write_text(spoil(PAGE.read_text("utf-8")), "utf-8")
    done = run(tmp_path / "checks.py")
    assert done.returncode == 1
    assert "stale" in done.stderr


@dataclass
class LongestFirst:
    """The strategy that the page's examples speak of."""

    limit: int = 1_000
    needs: frozenset[str] = frozenset()

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        rows = rng.permutation(state.candidates)
        lengths = np.minimum([len(text) for text in state.texts(rows)], self.limit)
        best = np.argsort(-lengths, kind="stable")[:n]
        return Selection(rows[best])


EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_run(code: str) -> None:
    names: dict[str, Any] = {"LongestFirst": LongestFirst, "CoreSet": LongestFirst}
    if "parametrize" in code and "import" not in code:
        code = f"from docreview.testing import parametrize_with_checks\n{code}"
    exec(compile(code, str(PAGE), "exec"), names)
    for name, test in names.items():
        if name.startswith("test_") and name != "test_conformance":
            test()
