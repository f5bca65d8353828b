"""Names to factories: what the plugins registered, and the only way to make a component from settings.

Settings are the parameters of the factory. A parameter named after a kind takes a component of that kind: its
singular (`classifier`) a name or a table with a ``name`` key, its plural (`stopping_rules`) a list of those or a table
of those by key. So components nest in `docreview.toml` without any code of their own. Where such a parameter is
annotated as text (`model: str`), it is a plain setting.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args, get_origin

from docreview.errors import (
    BadSetting,
    ComponentError,
    ContractViolation,
    DocreviewError,
    PluginFailed,
    UnknownComponent,
    did_you_mean,
    ended,
    one_line,
)
from docreview.limits import is_ours, limited

#: kind -> the parameter name that takes one component of it
KINDS: dict[str, str] = {
    "importers": "importer",
    "text_processors": "text_processor",
    "embedders": "embedder",
    "views": "view",
    "indexes": "index",
    "classifiers": "classifier",
    "models": "model",
    "query_strategies": "query_strategy",
    "oracles": "oracle",
    "stopping_rules": "stopping_rule",
    "exporters": "exporter",
    "presets": "preset",
}
#: kind -> what a component of it must have; looked for when a plugin's component is made, and not evaluated then
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "importers": ("suffixes", "read"),
    "text_processors": ("__call__",),
    "embedders": ("dim", "max_tokens", "fingerprint", "count_tokens", "embed"),
    "views": ("dense", "remaining", "build"),
    "indexes": ("build",),
    "classifiers": ("fit", "get_params"),
    "models": ("fit",),
    "query_strategies": ("needs", "select"),
    "oracles": ("label",),
    "stopping_rules": ("needs", "check"),
    "exporters": ("suffixes", "write"),
    "presets": (),
}
#: kind -> what its `needs` may name
NEEDS: dict[str, tuple[str, ...]] = {
    "models": ("neighbors",),
    "query_strategies": ("model", "neighbors"),
    "stopping_rules": ("stop_set", "validation"),
}
_SINGULAR = {singular: kind for kind, singular in KINDS.items()}

#: the provider of docreview's own components
BUILT_IN = "docreview"


@dataclass(frozen=True)
class Registration:
    """One registered component: where it came from and how to make it."""

    kind: str
    name: str
    factory: Callable[..., Any]
    plugin: str
    version: str
    #: seconds that one call of the component may take; None: no limit
    time_limit: float | None = None

    @property
    def built_in(self) -> bool:
        """Whether docreview itself brings it."""
        return self.plugin == BUILT_IN

    @property
    def label(self) -> str:
        """``query strategy 'margin' (docreview 0.1.0)``: how messages name it."""
        return f"{KINDS[self.kind].replace('_', ' ')} '{self.name}' ({self.plugin} {self.version})"

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The factory's parameters by name."""
        parameters = inspect.signature(self.factory).parameters
        return {name: p for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}

    @property
    def summary(self) -> str:
        """First line of the factory's docstring."""
        return self.description.partition("\n")[0]

    @property
    def description(self) -> str:
        """The factory's docstring."""
        return inspect.getdoc(self.factory) or ""

    @property
    def papers(self) -> tuple[str, ...]:
        """What the lines of the docstring that begin with ``Paper:`` name."""
        lines = (line.strip() for line in self.description.splitlines())
        return tuple(line.removeprefix("Paper:").strip() for line in lines if line.startswith("Paper:"))

    def hints(self) -> dict[str, Any]:
        """The types of the settings, as far as they can be told."""
        return _hints(self.factory)

    def types(self) -> dict[str, str]:
        """The type of each setting in words: ``{"n": "a whole number", "oracle": "an oracle"}``."""
        hints = _hints(self.factory)
        return {name: _type_of(name, hints.get(name), p.annotation) for name, p in self.settings.items()}


@dataclass(frozen=True)
class Made:
    """What a component was made from: its registration, and its settings, defaults among them."""

    entry: Registration
    settings: Mapping[str, Any]


_MADE = "_docreview_made"


def _made(component: object) -> Made | None:
    found = getattr(component, _MADE, None)
    return found if isinstance(found, Made) else None


def registration_of(component: object) -> Registration | None:
    """Whose a component is: the registration it was made from; None for one that no registry made.

    So a component that stands inside another (a model's classifier, a view's embedder) is blamed by its own name.
    """
    made = _made(component)
    return None if made is None else made.entry


def is_built_in(component: object) -> bool:
    """Whether docreview itself, or nobody's registry, made the component."""
    entry = registration_of(component)
    return entry is None or entry.built_in


def describe(component: Any) -> str:
    """A component and its settings in words for the record: equal for equal settings, and never a place in memory."""
    if isinstance(component, tuple | list):
        return f"[{', '.join(map(describe, component))}]"
    if isinstance(component, Mapping):
        return "{" + ", ".join(f"{key!r}: {describe(value)}" for key, value in component.items()) + "}"
    if hasattr(component, "__qualname__"):
        return f"{getattr(component, '__module__', None)}.{component.__qualname__}"
    made = _made(component)
    try:
        text = repr(component)
    except Exception:
        if made is None or made.entry.built_in:
            raise
        text = " at 0x"  # a plugin's component that cannot say what it is: its settings do
    if " at 0x" not in text:
        return text
    if made is None:
        return f"{type(component).__module__}.{type(component).__qualname__}"
    settings = ", ".join(f"{key}={describe(value)}" for key, value in made.settings.items())
    return f"{type(component).__qualname__}({settings})"


def component_name(component: Any) -> str:
    """`describe`, and the version where a plugin made it: what a cache is named by."""
    entry = registration_of(component)
    return describe(component) + ("" if entry is None or entry.built_in else f" ({entry.plugin} {entry.version})")


def carry_over(old: object, new: Any) -> Any:
    """Give a changed copy of a component (by `dataclasses.replace`, for instance) the registration of the original."""
    made = _made(old)
    return new if made is None else _mark(new, made)


def made_by(*components: object) -> dict[str, str]:
    """Which version of which plugin made these components and the components inside them.

    ``{"model 'late-fusion'": "docreview 0.1.0", "classifier 'knn'": "acme 1.2"}``, sorted.
    """
    found: dict[str, str] = {}
    seen: set[int] = set()

    def look(value: object) -> None:
        if id(value) in seen or isinstance(value, str | int | float | bool | None):
            return
        seen.add(id(value))
        entry = registration_of(value)
        if entry is not None:
            found[f"{KINDS[entry.kind].replace('_', ' ')} '{entry.name}'"] = f"{entry.plugin} {entry.version}"
        if isinstance(value, Mapping):
            inside: Iterable[object] = value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            inside = value
        else:
            inside = [v for key, v in getattr(value, "__dict__", {}).items() if key != _MADE] if entry else ()
        for part in inside:
            look(part)

    look(components)
    return dict(sorted(found.items()))


def other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What `made_by` says otherwise now: one line for each component that another plugin or version makes."""
    return [
        f"{component} was made by {then[component]}, now by {maker}"
        for component, maker in now.items()
        if component in then and then[component] != maker
    ]


def _mark(component: Any, made: Made) -> Any:
    # a component that takes no attributes (slots, a built-in type) keeps working and is blamed by its type
    with contextlib.suppress(AttributeError, TypeError):
        object.__setattr__(component, _MADE, made)
    return component


class Registry:
    """The components of one project."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Registration]] = {kind: {} for kind in KINDS}
        #: one sentence for each plugin that is not there, for whoever asks for what it would have brought
        self.absent: list[str] = []

    def add(self, entry: Registration) -> None:
        """Add one registration; raise `ComponentError` for a wrong or taken name, or parameters that cannot be read."""
        if not isinstance(entry.name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name):
            raise ComponentError(f"{entry.label}: a name is in kebab-case, such as 'most-relevant'.")
        try:
            _ = entry.settings
        except (TypeError, ValueError) as error:
            raise ComponentError(f"{entry.label}: its factory's parameters cannot be read: {error}.") from error
        taken = self._entries[entry.kind].get(entry.name)
        if taken is not None:
            raise ComponentError(f"{entry.label} takes a name that belongs to {taken.label}.")
        self._entries[entry.kind][entry.name] = entry

    def drop(self, plugin: str) -> None:
        """Forget everything that `plugin` registered."""
        for entries in self._entries.values():
            for name in [name for name, entry in entries.items() if entry.plugin == plugin]:
                del entries[name]

    def names(self, kind: str) -> list[str]:
        """Names of that kind, sorted."""
        return sorted(self._entries[kind])

    def entries(self, kind: str) -> list[Registration]:
        """Registrations of that kind, sorted by name."""
        return [self._entries[kind][name] for name in self.names(kind)]

    def get(self, kind: str, name: str) -> Registration:
        """The registration of that kind and name; raise `UnknownComponent` where there is none."""
        try:
            return self._entries[kind][name]
        except KeyError:
            # what is left out is likelier to be what was meant than what has a name like it
            hint = did_you_mean(name, self._entries[kind])
            if self.absent:
                near = hint if "Did you mean" in hint else ""
                hint = near + "".join(f" {sentence}" for sentence in self.absent)
            raise UnknownComponent(f"there is no {KINDS[kind].replace('_', ' ')} '{name}'.{hint}") from None

    def create(self, kind: str, name: str, settings: Mapping[str, Any] | None = None) -> Any:
        """Make a component. Unknown or ill-typed settings raise `BadSetting`, a plugin's bug `PluginFailed`."""
        entry = self.get(kind, name)
        known = entry.settings
        arguments: dict[str, Any] = {}
        hints = _hints(entry.factory)
        for key, value in (settings or {}).items():
            if key not in known:
                hint = did_you_mean(key, known) if known else " It has no settings."
                raise BadSetting(f"{entry.label} has no setting '{key}'.{hint}")
            if not _takes_text(hints.get(key)):  # `model: str` is a text (an encoder's name), not a component
                value = self._nested(key, value)
            if key in hints and not _fits(value, hints[key]):
                wanted = _spell(hints[key])
                raise BadSetting(f"{entry.label}: setting '{key}' must be {wanted}, got {value!r}.")
            arguments[key] = tuple(value) if isinstance(value, list) else value
        missing = [k for k, p in known.items() if p.default is p.empty and k not in arguments]
        if missing:
            raise BadSetting(f"{entry.label} needs the setting '{missing[0]}'.")
        try:
            settings = {key: arguments.get(key, parameter.default) for key, parameter in known.items()}
            if entry.built_in:
                return _mark(entry.factory(**arguments), Made(entry, settings))
            made = limited(entry.time_limit, lambda: entry.factory(**arguments))
            _check_protocol(entry, made)
            return _mark(made, Made(entry, settings))
        except ValueError as error:
            raise BadSetting(ended(f"{entry.label}: {error}")) from error
        except DocreviewError:
            raise
        except BaseException as error:
            if entry.built_in or is_ours(error):
                raise
            raise PluginFailed(f"{entry.label} could not be made: {one_line(error)}.") from error

    def component(self, kind: str, spec: str | Mapping[str, Any]) -> Any:
        """Make a component from its name, or from a table with ``name`` and settings."""
        if isinstance(spec, str):
            return self.create(kind, spec)
        settings = dict(spec) if isinstance(spec, Mapping) else {}
        name = settings.pop("name", None)
        if not isinstance(name, str):
            wanted = f"a {KINDS[kind].replace('_', ' ')} needs a name, or a table with a 'name'"
            raise BadSetting(f"{wanted}; got {spec!r}.")
        return self.create(kind, name, settings)

    def _nested(self, key: str, value: Any) -> Any:
        if key in _SINGULAR and isinstance(value, str | Mapping):
            return self.component(_SINGULAR[key], value)
        if key in KINDS and isinstance(value, list | tuple):
            return tuple(self.component(key, v) if isinstance(v, str | Mapping) else v for v in value)
        if key in KINDS and isinstance(value, Mapping):
            return {k: self.component(key, v) if isinstance(v, str | Mapping) else v for k, v in value.items()}
        return value


def _check_protocol(entry: Registration, component: Any) -> None:
    """Raise `ContractViolation` where a plugin's component lacks what its kind has, or needs what there is not."""

    def wrong(rule: str) -> NoReturn:
        raise ContractViolation(ended(f"{entry.label} broke its contract: {rule}"))

    for name in PROTOCOLS[entry.kind]:
        # looked up without calling: an embedder's `dim` may load a model
        if inspect.getattr_static(component, name, None) is None:
            wrong(f"it has no '{name}' (a {type(component).__name__} was made)")
    if entry.kind in NEEDS and hasattr(component, "needs"):
        known = NEEDS[entry.kind]
        needs = component.needs
        if isinstance(needs, str) or not isinstance(needs, frozenset | set | tuple | list):
            wrong(f"needs must be a frozenset of {' and '.join(map(repr, known))}, got {needs!r}")
        for need in needs:
            if need not in known:
                wrong(f"it needs {need!r}, which there is not.{did_you_mean(str(need), known)}")
    for suffix in getattr(component, "suffixes", ()) if entry.kind in ("importers", "exporters") else ():
        if not isinstance(component.suffixes, tuple) or not isinstance(suffix, str) or suffix[:1] not in "./":
            wrong(f"suffixes must be a tuple like ('.csv',), got {component.suffixes!r}")


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """The types of a factory's parameters, as far as they can be told."""
    target: Any = factory.__init__ if inspect.isclass(factory) else factory
    hints = {}
    for name, annotation in getattr(target, "__annotations__", {}).items():

        def alone() -> None: ...

        alone.__annotations__ = {name: annotation}
        try:
            hints.update(typing.get_type_hints(alone, globalns=getattr(target, "__globals__", None)))
        except Exception:  # noqa: BLE001 - an annotation may be any text
            # mostly a name imported for type checking only: such a setting is a component, and its factory checks it
            continue
    return hints


def _takes_text(hint: Any) -> bool:
    """Whether a hint has room for text: `str`, `str | None`, `tuple[str, ...]`; the keys of a mapping do not count."""
    arguments = get_args(hint)
    if get_origin(hint) in (dict, Mapping):
        arguments = arguments[1:]
    return hint is str or any(map(_takes_text, arguments))


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from TOML fits a type hint. Hints that TOML cannot express are left to the factory."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        # compared with their types, since True == 1
        return (type(value), value) in [(type(a), a) for a in arguments]
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bool):
        return isinstance(value, hint)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(_fits(v, arguments[1]) for v in value.values())
    if origin is tuple and arguments[-1] is not ...:
        return isinstance(value, list | tuple) and len(value) == len(arguments) and all(map(_fits, value, arguments))
    if origin in (tuple, list, Sequence):
        return isinstance(value, list | tuple) and all(_fits(v, arguments[0]) for v in value)
    return True


def _spell(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(repr(a) for a in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_spell(a) for a in arguments)
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "absent"}
    if origin in (dict, Mapping):
        return f"a table with {_spell(arguments[1])} for each key"
    if origin in (tuple, list, Sequence):
        return f"a list of {' and '.join(_spell(a) for a in arguments if a is not ...)}"
    return names.get(hint, str(hint))


def _type_of(name: str, hint: Any, annotation: Any) -> str:
    """A setting's type in words: as it is taken from `docreview.toml`, where a component is given by its name."""
    if not _takes_text(hint) and name in _SINGULAR:
        words = name.replace("_", " ")
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
    if not _takes_text(hint) and name in KINDS:
        table = any(get_origin(part) in (dict, Mapping) for part in (hint, *get_args(hint)))
        return f"a {'table' if table else 'list'} of {name.replace('_', ' ')}"
    if hint is None:  # imported for type checking only, or not annotated at all
        return annotation if isinstance(annotation, str) else "anything"
    return "anything" if hint is Any else _spell(hint)
