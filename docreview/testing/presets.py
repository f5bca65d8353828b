"""Checks of presets: what the factory returned, the settings of a review as `docreview.toml` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docreview.testing.common import require, under_test

ROLES = ("model", "query_strategy", "cold_start", "stopping_rule")


def check_preset_keys(preset: Mapping[str, Any]) -> None:
    """It is a table of settings that a review has, and names a component for each role."""
    from docreview.contracts import check_preset

    check_preset(under_test("presets", preset).registration, preset)


def check_preset_components(preset: Mapping[str, Any]) -> None:
    """Each component is given by its name, or by a table with a ``name``."""
    for role in ROLES:
        given = preset.get(role, "absent")
        name = given.get("name") if isinstance(given, Mapping) else given
        require(isinstance(name, str) and name, f"'{role}' must be a name or a table with a 'name', got {given!r}")


def check_preset_plain(preset: Mapping[str, Any]) -> None:
    """It holds nothing that TOML and the record cannot: texts, true and false, finite numbers, lists and tables."""
    _plain(preset, "it")


def _plain(value: Any, where: str) -> None:
    import math

    if isinstance(value, Mapping):
        for key, entry in value.items():
            require(isinstance(key, str), f"{where} has a key that is no text: {key!r}")
            _plain(entry, f"'{key}'")
    elif isinstance(value, list):
        for entry in value:
            _plain(entry, where)
    else:
        good = isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
        require(good, f"{where} must be a text, true or false, a finite number, a list or a table, got {value!r}")


def check_preset_sizes(preset: Mapping[str, Any]) -> None:
    """Its `batch_size` is 1 or more, or ascending steps such as ``[[0, 3], [300, 5]]``; `validation` is 0 or more."""
    size, validation = preset.get("batch_size", 20), preset.get("validation", 0)
    steps = size if isinstance(size, list) else [[0, size]]
    pairs = all(isinstance(step, list) and len(step) == 2 and all(type(n) is int for n in step) for step in steps)
    starts = [step[0] for step in steps] if pairs else []
    right = starts[:1] == [0] and starts == sorted(set(starts)) and all(step[1] >= 1 for step in steps)
    require(right, f"'batch_size' must be a number from 1, or steps from 0 documents on, ascending, got {size!r}")
    require(type(validation) is int and validation >= 0, f"'validation' must be 0 or more, got {validation!r}")
