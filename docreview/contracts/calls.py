"""Calls of a plugin's code: what it raises is told in one line that names it, and it may not run for ever."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from docreview.errors import ContractViolation, DocreviewError, PluginFailed, one_line
from docreview.limits import OutOfTime, is_ours, limited
from docreview.registry import BUILT_IN, Registration, describe, registration_of

if TYPE_CHECKING:
    from docreview.types import ReviewState, Vectors

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


def shown_to(component: Component, state: ReviewState) -> ReviewState:
    """The state as a plugin's component gets it: a copy, so that what it does to it is not met by anybody else.

    Nothing large is copied. A sparse matrix is a new one over the same, read-only, arrays: its attributes can be set.
    """
    if component.registration.built_in:
        return state
    import scipy.sparse as sp

    def own(view: Vectors) -> Vectors:
        matrix: Any = view.matrix
        if view.dense:
            return view
        return replace(
            view, matrix=sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)
        )

    return replace(state, views={name: own(view) for name, view in state.views.items()})


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
        with redirect_stdout(sys.stderr):  # what a plugin prints must not stand in the middle of a command's JSON
            yield
    except DocreviewError as error:
        raise _named(entry, error) from error.__cause__
    except OutOfTime:
        limit = f"it was still {doing} after {entry.time_limit:g} s ([plugins] time_limit in docreview.toml)"
        blame(entry.label, limit, round_)
    except BaseException as error:
        # some libraries' errors, panics of compiled ones among them, are no Exception
        if is_ours(error):
            raise
        raise PluginFailed(
            f"{entry.label} failed while {doing}{_when(round_)}: {one_line(error)} "
            "(DOCREVIEW_STRICT_PLUGINS=1 shows where)."
        ) from error


def _named(entry: Registration, error: DocreviewError) -> DocreviewError:
    """An error that a plugin raised on purpose, on one line that says whose it is."""
    line = str(error).strip().partition("\n")[0]
    if f"'{entry.name}'" in line and line == str(error):
        return error
    kind = type(error) if type(error).__module__ == DocreviewError.__module__ else PluginFailed
    return kind(line if f"'{entry.name}'" in line else f"{entry.label}: {line}")


def call(entry: Registration | None, doing: str, function: Callable[[], T], round_: int | None = None) -> T:
    """Call a plugin's code, guarded, and for no longer than it may take.

    What may rightly take hours (embedding, files, answers of people) is `guarded` alone.
    """
    if entry is None or entry.built_in:
        return function()

    def late() -> None:
        when = _when(round_)
        log.warning("%s is still %s%s after %g s: it is told to stop.", entry.label, doing, when, entry.time_limit)

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
