"""Conformance checks for plugin authors: does a component keep its protocol's promises?

A check is a function of one component; its docstring is the rule, and it raises where the rule is broken::

    from docreview.testing import parametrize_with_checks

    @parametrize_with_checks("query_strategies", {"longest-first": LongestFirst()})
    def test_conformance(component, check):
        check(component)

An importer is checked together with a function that writes what it should read: see `Written`. An oracle must be able
to answer about `make_documents()`. `make_state` builds review states for tests of your own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from docreview.testing import files, learning, texts
from docreview.testing.files import Written
from docreview.testing.samples import ODD, QUESTION, SCRIPTS, make_documents, make_state

if TYPE_CHECKING:
    import pytest

__all__ = [
    "CHECKS",
    "ODD",
    "QUESTION",
    "SCRIPTS",
    "Written",
    "make_documents",
    "make_state",
    "parametrize_with_checks",
]

Check = Callable[[Any], None]


def _of(module: Any, word: str) -> tuple[Check, ...]:
    return tuple(check for name, check in vars(module).items() if name.startswith(f"check_{word}_"))


#: kind -> its checks, in the order in which they are defined
CHECKS: dict[str, tuple[Check, ...]] = {
    "query_strategies": _of(learning, "strategy"),
    "classifiers": _of(learning, "classifier"),
    "models": _of(learning, "model"),
    "stopping_rules": _of(learning, "rule"),
    "oracles": _of(learning, "oracle"),
    "text_processors": _of(texts, "processor"),
    "embedders": _of(texts, "embedder"),
    "views": _of(texts, "view"),
    "importers": _of(files, "importer"),
    "exporters": _of(files, "exporter"),
}


def parametrize_with_checks(kind: str, components: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrize a test with ``component`` and ``check``: every check of that kind for each of the components."""
    import pytest

    if kind not in CHECKS:
        raise ValueError(f"there are no checks for '{kind}'; there are for {', '.join(CHECKS)}")
    cases = [
        pytest.param(component, check, id=f"{name}-{check.__name__.removeprefix('check_')}")
        for name, component in components.items()
        for check in CHECKS[kind]
    ]
    return pytest.mark.parametrize(("component", "check"), cases)
