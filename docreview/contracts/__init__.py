"""Where components are called and what they return is checked: the one place where a plugin is blamed by name.

pluggy checks the names of a hook's arguments and nothing else. Here a message names the component, its plugin, the rule
and the round. Nothing is repaired: a component that breaks its protocol stops the run before the run can lie. Shapes
are looked at before anything is copied or converted, so an answer of absurd size costs nothing.
"""

from __future__ import annotations

from docreview.contracts.calls import Component, blame, call, component_of, guarded, label_of
from docreview.contracts.choosing import ask, check_answers, check_decision, check_selection, decide, select
from docreview.contracts.learning import CheckedFitted, fit, fit_committee
from docreview.contracts.reading import (
    PRESET_KEYS,
    check_document,
    check_preset,
    check_search,
    check_vectors,
    documents,
    process,
    write_rows,
)

__all__ = [
    "PRESET_KEYS",
    "CheckedFitted",
    "Component",
    "ask",
    "blame",
    "call",
    "check_answers",
    "check_decision",
    "check_document",
    "check_preset",
    "check_search",
    "check_selection",
    "check_vectors",
    "component_of",
    "decide",
    "documents",
    "fit",
    "fit_committee",
    "guarded",
    "label_of",
    "process",
    "select",
    "write_rows",
]
