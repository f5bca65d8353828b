"""Which checks there are, and running them: as tests of an author's own, or one after the other."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from docreview.errors import did_you_mean
from docreview.limits import TimeUp, limited
from docreview.testing import (
    classifiers,
    embedders,
    exporters,
    importers,
    indexes,
    models,
    oracles,
    presets,
    query_strategies,
    stopping_rules,
    text_processors,
    views,
)

if TYPE_CHECKING:
    import pytest

Check = Callable[[Any], None]

_MODULES = (
    importers,
    text_processors,
    embedders,
    views,
    indexes,
    classifiers,
    models,
    query_strategies,
    oracles,
    stopping_rules,
    exporters,
    presets,
)
#: kind -> its checks, in the order in which they are defined
CHECKS: dict[str, tuple[Check, ...]] = {
    module.__name__.rpartition(".")[2]: tuple(
        value for name, value in vars(module).items() if name.startswith("check_") and inspect.isfunction(value)
    )
    for module in _MODULES
}
#: seconds that one check may take, unless somebody else sets a limit
LIMIT = 120.0


@dataclass(frozen=True)
class CheckResult:
    """What became of one check: its `name`, the `rule` it stands for, and one line of `detail` where there is any.

    `expected` is a failure that was expected; one that was expected and did not come is `failed`.
    """

    name: str
    rule: str
    outcome: Literal["passed", "failed", "expected", "skipped"]
    detail: str
    seconds: float


def name_of(check: Check) -> str:
    """The name by which a check is known: that of its function, without ``check_``."""
    return check.__name__.removeprefix("check_")


def rule_of(check: Check) -> str:
    """The rule that a check stands for: one sentence."""
    return " ".join((check.__doc__ or "").split())


def checks_of(kind: str) -> tuple[Check, ...]:
    """Return the checks of a kind; raise `ValueError` where there is no such kind."""
    if kind not in CHECKS:
        raise ValueError(f"there are no checks for '{kind}'.{did_you_mean(kind, CHECKS)}")
    return CHECKS[kind]


def _needs_written(component: Any, check: Check) -> str | None:
    if check in importers.NEED_WRITTEN and not isinstance(component, importers.Written):
        return "it needs files to read: see docreview.testing.Written"
    return None


def checks_for(kind: str, component: Any) -> list[tuple[Check, str | None]]:
    """The checks of a component, each with the reason why it cannot be run, or None.

    An importer alone cannot be run on files that nobody wrote, an oracle that looks answers up cannot answer about
    documents that it does not know: it is asked about `make_documents()` to find out.
    """
    missing = oracles.cannot_answer(component) if kind == "oracles" else None
    return [(check, missing or _needs_written(component, check)) for check in checks_of(kind)]


def _expected(kind: str, expected: Mapping[str, str]) -> dict[str, str]:
    """Expected failures by the names of checks without ``check_``; raise `ValueError` for one that does not exist."""
    known = [name_of(check) for check in checks_of(kind)]
    named = {name.removeprefix("check_"): reason for name, reason in expected.items()}
    for name, reason in named.items():
        if name not in known:
            raise ValueError(f"expected_failures: '{kind}' have no check '{name}'.{did_you_mean(name, known)}")
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"expected_failures: say why '{name}' is expected to fail, got {reason!r}.")
    return named


def run_checks(
    kind: str,
    component: Any,
    expected_failures: Mapping[str, str] | None = None,
    limit: float | None = LIMIT,
) -> Iterator[CheckResult]:
    """Run every check of a component, and yield what became of each as it is done.

    `expected_failures` gives, by the name of a check, the reason why it fails. Whatever the component raises, an exit
    too, is the check's failure; an interruption by the person is not. Each check may take `limit` seconds (None: for
    ever). Raises `ValueError` for a kind or a check that does not exist.
    """
    expected = _expected(kind, expected_failures or {})
    return _run(kind, component, expected, limit)


def _run(kind: str, component: Any, expected: Mapping[str, str], limit: float | None) -> Iterator[CheckResult]:
    found: list[tuple[Check, str | None]] = []
    broken = _failure(lambda: found.extend(checks_for(kind, component)), limit)
    for check, missing in found or [(check, None) for check in checks_of(kind)]:
        name, rule = name_of(check), rule_of(check)
        if missing is not None:
            yield CheckResult(name, rule, "skipped", _line(missing), 0.0)
            continue
        began = time.perf_counter()
        failure = broken or _failure(partial(check, component), limit)
        seconds = time.perf_counter() - began
        reason = expected.get(name)
        if reason is None:
            yield CheckResult(name, rule, "failed" if failure else "passed", failure or "", seconds)
        elif failure:
            yield CheckResult(name, rule, "expected", _line(reason), seconds)
        else:
            detail = _line(f"it was expected to fail, and it does not: {reason}")
            yield CheckResult(name, rule, "failed", detail, seconds)


def _failure(call: Callable[[], object], limit: float | None) -> str | None:
    """Call, and say in one line how that failed; None where it did not."""
    try:
        limited(limit, call)
    except (KeyboardInterrupt, TimeUp):  # the person's, or the limit of somebody further out
        raise
    except BaseException as error:  # noqa: BLE001 - a component may raise anything, and must not end the run
        told = _line(str(error))
        if isinstance(error, AssertionError) and told:
            return told
        return f"{type(error).__name__}: {told}" if told else type(error).__name__
    return None


def _line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def parametrize_with_checks(
    kind: str, components: Mapping[str, Any], expected_failures: Mapping[str, Mapping[str, str]] | None = None
) -> pytest.MarkDecorator:
    """Parametrize a test with ``component`` and ``check``: every check of that kind for each of the components.

    `expected_failures` gives, by component and check, the reason why a check fails: the test is then expected to fail,
    and fails where it does not. Raises `ValueError` for a kind, a component or a check that does not exist.
    """
    import pytest

    expected = {}
    for name, failures in (expected_failures or {}).items():
        if name not in components:
            raise ValueError(f"expected_failures: there is no component '{name}'.{did_you_mean(name, components)}")
        expected[name] = _expected(kind, failures)
    cases = []
    for name, component in components.items():
        for check in checks_of(kind):
            marks: list[pytest.MarkDecorator] = []
            if missing := _needs_written(component, check):
                marks.append(pytest.mark.skip(reason=missing))
            if reason := expected.get(name, {}).get(name_of(check)):
                marks.append(pytest.mark.xfail(reason=reason, strict=True))
            cases.append(pytest.param(component, check, id=f"{name}-{name_of(check)}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), cases)
