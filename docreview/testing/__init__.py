"""Conformance checks for plugin authors: does a component keep its protocol's promises?

A check is a function of one component; its docstring is the rule, and it raises where the rule is broken::

    from docreview.testing import parametrize_with_checks

    @parametrize_with_checks("query_strategies", {"longest-first": LongestFirst()})
    def test_conformance(component, check):
        check(component)

An importer is checked together with a function that writes what it should read: see `Written`. An oracle must be able
to answer about `make_documents()`. `run_checks` runs the checks without pytest. `make_state` builds review states for
tests of your own, `make_vectors` what an index is built from.
"""

from __future__ import annotations

from docreview.testing.importers import Written
from docreview.testing.running import (
    CHECKS,
    CheckResult,
    checks_for,
    name_of,
    parametrize_with_checks,
    rule_of,
    run_checks,
)
from docreview.testing.samples import ODD, QUESTION, SCRIPTS, make_documents, make_state, make_vectors

__all__ = [
    "CHECKS",
    "ODD",
    "QUESTION",
    "SCRIPTS",
    "CheckResult",
    "Written",
    "checks_for",
    "make_documents",
    "make_state",
    "make_vectors",
    "name_of",
    "parametrize_with_checks",
    "rule_of",
    "run_checks",
]
