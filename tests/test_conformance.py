"""Every built-in keeps the promises of its kind, and every check can fail: on a component wrong in just that way."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import wrong_deciders
import wrong_files
import wrong_indexes
import wrong_learners
import wrong_readers

from docreview.plugins import load_plugins
from docreview.registry import KINDS
from docreview.testing import CHECKS, Written, make_documents, name_of, parametrize_with_checks, rule_of, run_checks
from docreview.types import Document

REGISTRY = load_plugins().registry

# ----------------------------------------------------------------------------------------------------------- built-ins

KNOWN = {document.id: ("relevant", "other")[i % 2] for i, document in enumerate(make_documents())}
#: settings of those built-ins that cannot do without
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("query_strategies", "mixture"): {"query_strategies": ["margin", "density-mmr"], "exploration": 0.2},
    ("stopping_rules", "budget"): {"labels": 30},
    ("stopping_rules", "any"): {"stopping_rules": ["pool-exhausted", {"name": "budget", "labels": 30}]},
    ("stopping_rules", "alpha-spending"): {"stopping_rule": "buscar"},
    ("stopping_rules", "all"): {"stopping_rules": ["pool-exhausted", {"name": "budget", "labels": 30}]},
    # settled: left to "auto", a trial decides anew each time, and the engine keeps what it found
    ("embedders", "sentence-transformers"): {"device": "cpu", "dtype": "float32"},
    ("views", "semantic"): {"device": "cpu", "dtype": "float32"},
    ("oracles", "known-labels"): {"labels": KNOWN},
    ("oracles", "noisy"): {"oracle": {"name": "known-labels", "labels": KNOWN}, "flip": 0.3},
}


def _table(delimiter: str) -> Callable[[Path, Sequence[Document]], Path]:
    def write(folder: Path, documents: Sequence[Document]) -> Path:
        path = folder / ("documents.csv" if delimiter == "," else "documents.tsv")
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, delimiter=delimiter)
            rows.writerows([("id", "text"), *((d.id, d.text) for d in documents)])
        return path

    return write


def _lines(folder: Path, documents: Sequence[Document]) -> Path:
    path = folder / "documents.jsonl"
    path.write_text("".join(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in documents), "utf-8")
    return path


def _sheet(folder: Path, documents: Sequence[Document]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    for row, values in enumerate([("id", "text"), *((d.id, d.text) for d in documents)], 1):
        for column, value in enumerate(values, 1):
            book.active.cell(row, column, value).data_type = "s"  # =1+1 is a text here
    book.save(folder / "documents.xlsx")
    return folder / "documents.xlsx"


def _folder(folder: Path, documents: Sequence[Document]) -> Path:
    for document in documents:
        (folder / f"{int(document.id[1:]):03}.txt").write_text(document.text, "utf-8")
    return folder


WRITERS = {"csv": _table(","), "tsv": _table("\t"), "jsonl": _lines, "xlsx": _sheet, "txt-folder": _folder}


def built_ins(kind: str) -> dict[str, Any]:
    """Every component of the kind that docreview itself registers, with its usual settings."""
    entries = [entry for entry in REGISTRY.entries(kind) if entry.plugin == "docreview"]
    made = {entry.name: REGISTRY.create(kind, entry.name, SETTINGS.get((kind, entry.name))) for entry in entries}
    return {name: Written(value, WRITERS[name]) for name, value in made.items()} if kind == "importers" else made


@pytest.mark.parametrize("kind", CHECKS)
def test_the_kind_has_checks_and_built_ins(kind: str) -> None:
    assert len(CHECKS[kind]) >= 3
    assert built_ins(kind)


def test_there_are_checks_for_every_kind() -> None:
    assert set(CHECKS) == set(KINDS)


@pytest.mark.parametrize("check", [check for checks in CHECKS.values() for check in checks], ids=name_of)
def test_the_docstring_is_the_rule_in_one_sentence(check: Callable[[Any], None]) -> None:
    rule = check.__doc__ or ""
    assert rule == rule_of(check), "one line"
    assert re.fullmatch(r"[A-Z`].*\w[)`\"]*\.", rule)
    assert not re.search(r"[.] [A-Z]", rule), "one sentence"


def _all_built_ins() -> list[Any]:
    return [case for kind in CHECKS for case in parametrize_with_checks(kind, built_ins(kind)).args[1]]


@pytest.mark.parametrize(("component", "check"), _all_built_ins())
def test_built_in(component: Any, check: Callable[[Any], None]) -> None:
    check(component)


# ------------------------------------------------------------------------------------- components wrong in just one way

MODULES = (wrong_deciders, wrong_files, wrong_indexes, wrong_learners, wrong_readers)
WRONG = {name: component for module in MODULES for name, component in module.WRONG.items()}
GOOD = {kind: component for module in MODULES for kind, component in module.GOOD.items()}


def failing(kind: str, component: Any) -> list[str]:
    """Names of the checks that the component fails."""
    return [result.name for result in run_checks(kind, component) if result.outcome != "passed"]


def test_every_check_has_a_component_that_is_wrong_in_its_way() -> None:
    assert sorted(WRONG) == sorted(name_of(check) for checks in CHECKS.values() for check in checks)
    assert set(GOOD) == set(CHECKS)


@pytest.mark.parametrize("kind", CHECKS)
def test_the_component_that_is_spoiled_was_good(kind: str) -> None:
    assert failing(kind, GOOD[kind]) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_check_fails_where_it_should_and_no_other_does(name: str) -> None:
    (kind,) = [kind for kind, checks in CHECKS.items() if name in map(name_of, checks)]
    assert failing(kind, WRONG[name]) == [name]
