"""Every strategy of scikit-activeml is served, or listed with a reason that holds."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from docreview_skactiveml.coverage import HELPERS, NOT_SERVED, SERVED, kebab
from skactiveml import pool

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
CLASSES = {strategy.__name__: name for name, strategy in SERVED.items()}


def test_every_name_of_the_package_is_served_or_listed_once() -> None:
    assert sorted([*CLASSES, *NOT_SERVED, *HELPERS]) == sorted(pool.__all__)


def test_no_class_is_passed_off_as_a_helper() -> None:
    assert not [name for name in HELPERS if inspect.isclass(getattr(pool, name))]
    assert all(inspect.isclass(getattr(pool, name)) for name in CLASSES)


def test_strategies_that_choose_the_annotator_too_are_named() -> None:
    assert all(name in NOT_SERVED["multiannotator"] for name in pool.multiannotator.__all__)


@pytest.mark.parametrize("name", NOT_SERVED)
def test_the_reason_is_the_real_one(name: str) -> None:
    original, reason = getattr(pool, name), NOT_SERVED[name]
    if reason.startswith("regression only"):
        assert "reg" in inspect.signature(original.query).parameters
    elif reason.startswith("abstract"):
        assert issubclass(pool.MonteCarloEER, original)
        assert issubclass(pool.ValueOfInformationEER, original)
        assert original._estimate_error_for_candidate is not pool.MonteCarloEER._estimate_error_for_candidate
    elif reason.startswith("no strategy"):
        assert "query_strategy" in inspect.signature(original).parameters
    else:
        assert name == "multiannotator"


@pytest.mark.parametrize("name", SERVED)
def test_a_component_describes_itself(name: str) -> None:
    strategy = SERVED[name]
    assert name == f"skactiveml-{kebab(strategy.__name__)}"
    for setting in inspect.signature(strategy).parameters.values():
        assert setting.annotation is not setting.empty
        assert setting.default is not setting.empty
    lines = [line.strip() for line in (inspect.getdoc(strategy) or "").splitlines()]
    assert any(line.startswith("Paper: ") for line in lines) or name == "skactiveml-random-sampling"
    assert all(f"`{setting}`" in "".join(lines) for setting in inspect.signature(strategy).parameters)


def test_kebab() -> None:
    assert kebab("MonteCarloEER") == "monte-carlo-eer"
    assert kebab("GreedySamplingX") == "greedy-sampling-x"
    assert kebab("BatchBALD") == "batch-bald"


@pytest.mark.parametrize("name", SERVED)
def test_the_readme_lists_what_is_served_with_its_size(name: str) -> None:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    size = inspect.signature(SERVED[name]).parameters.get("candidates")
    assert line.endswith("| all |" if size is None else f"| {size.default:,} |")


@pytest.mark.parametrize("name", NOT_SERVED)
def test_the_readme_lists_what_is_not_served_with_the_reason(name: str) -> None:
    assert f"| `{name}` | {NOT_SERVED[name]} |" in README.splitlines()


def test_registering_loads_nothing_heavy() -> None:
    program = (
        "import sys, docreview_skactiveml as plugin; plugin.register_query_strategies(lambda name, factory: factory());"
        "print([name for name in ('numpy', 'sklearn', 'skactiveml', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
