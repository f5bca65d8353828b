"""Checks of presets: what the factory returned, the settings of a review as `docreview.toml` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docreview.errors import did_you_mean
from docreview.testing.common import require

ROLES = ("model", "query_strategy", "cold_start", "stopping_rule")


def check_preset_keys(preset: Mapping[str, Any]) -> None:
    """It is a table of settings that a review has, and names a component for each role."""
    from docreview.contracts import PRESET_KEYS

    require(isinstance(preset, Mapping), f"it must be a table of settings, got {type(preset).__name__}")
    for key in preset:
        require(key in PRESET_KEYS, f"a review has no setting '{key}'{did_you_mean(str(key), PRESET_KEYS)}")
    for key, needed in PRESET_KEYS.items():
        require(key in preset or not needed, f"it must set '{key}'")


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
    from docreview.config import check_review

    wrong = check_review({key: preset[key] for key in ("batch_size", "validation") if key in preset})
    require(wrong is None, wrong or "")
