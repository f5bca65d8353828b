"""Presets: settings that belong together, in the form of a question's table in `docreview.toml`.

A project writes the preset's name down, and each review records the settings it resolved to: a review begun keeps them
when a later docreview ships a better preset, which gets a new name (`-2`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.hookspecs import hookimpl

if TYPE_CHECKING:
    from docreview.hookspecs import Register


def high_recall() -> dict[str, Any]:
    """Find every document of the target: the likeliest next (version 1)."""
    return {
        "model": {
            "name": "late-fusion",
            "classifier": {"name": "linear-svm", "C": 1.0},
            "weights": {"lexical": 1.0, "semantic": 0.5},
            "ratio": 9.8,
        },
        "query_strategy": {"name": "most-relevant"},
        "cold_start": {"name": "random"},
        "batch_size": 5,
        "stopping_rule": {"name": "never"},
    }


def classification() -> dict[str, Any]:
    """Learn to tell all labels apart with few of them: the most doubtful next (version 1)."""
    return {
        "model": {
            "name": "late-fusion",
            "classifier": {"name": "linear-svm", "C": 1.0},
            "weights": {"lexical": 1.0, "semantic": 1.0},
        },
        "query_strategy": {"name": "density-mmr"},
        "cold_start": {"name": "random"},
        "batch_size": 20,
        "stopping_rule": {"name": "never"},
    }


@hookimpl
def register_presets(register: Register) -> None:
    """Register docreview's own presets."""
    register("high-recall", high_recall)
    register("classification", classification)
