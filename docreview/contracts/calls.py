"""Calls of a plugin's code: what it raises is told in one line that names it, and it may not run for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from docreview.errors import ContractViolation, DocreviewError, PluginFailed, one_line
from docreview.limits import OutOfTime, limited
from docreview.registry import BUILT_IN, Registration, describe, registration_of

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Component:
    """A component at work: the object, and the registration that says whose it is."""

    value: Any
    registration: Registration

    @property
    def name(self) -> str:
        """The registered name."""
        return self.registration.name

    def describe(self) -> dict[str, str]:
        """What the record keeps of it."""
        entry = self.registration
        return {"name": entry.name, "plugin": entry.plugin, "version": entry.version, "settings": describe(self.value)}


def component_of(value: Any, kind: str) -> Component:
    """A component that stands inside another, with its registration; a nameless one where no registry made it."""
    entry = registration_of(value)
    return Component(value, entry or Registration(kind, type(value).__name__, type(value), BUILT_IN, "?"))


def label_of(component: object) -> str:
    """``classifier 'knn' (acme 1.0)``, or the type of a component that no registry made."""
    entry = registration_of(component)
    return entry.label if entry is not None else f"the component {type(component).__name__}"


def blame(who: str, rule: str, round_: int | None = None) -> NoReturn:
    """Stop with one line that names the culprit."""
    raise ContractViolation(f"{who} broke its contract{_when(round_)}: {rule}.")



@contextmanager
def guarded(entry: Registration | None, doing: str, round_: int | None = None) -> Iterator[None]:
    """Around a plugin's code: what it raises is told in one line that names it. `doing` completes "failed while ...".

    docreview's own components, and those that no registry made, are let through: their errors are bugs that keep their
    traceback.
    """
    if entry is None or entry.built_in:
        yield
        return
    try:
        yield
    except DocreviewError:
        raise
    except OutOfTime:
        limit = f"it was still {doing} after {entry.time_limit:g} s ([plugins] time_limit in docreview.toml)"
        blame(entry.label, limit, round_)
    except (Exception, SystemExit) as error:
        raise PluginFailed(
            f"{entry.label} failed while {doing}{_when(round_)}: {one_line(error)} "
            "(DOCREVIEW_STRICT_PLUGINS=1 shows where)."
        ) from error


def call(entry: Registration | None, doing: str, function: Callable[[], T], round_: int | None = None) -> T:
    """Call a plugin's code, guarded, and for no longer than it may take.

    What may rightly take hours (embedding, files, answers of people) is `guarded` alone.
    """
    if entry is None or entry.built_in:
        return function()

    def late() -> None:
        log.warning("%s is still %s%s after %g s: it is stopped.", entry.label, doing, _when(round_), entry.time_limit)

    with guarded(entry, doing, round_):
        return limited(entry.time_limit, function, late)


def _when(round_: int | None) -> str:
    return "" if round_ is None else f" in round {round_}"


@dataclass(frozen=True)
class Blame:
    """`blame` with all but the rule said."""

    who: str
    round: int | None

    def __call__(self, rule: str) -> NoReturn:
        blame(self.who, rule, self.round)
