"""Finds plugins, one by one, each failure quarantined and reported.

pluggy's own entry-point loader stops at the first plugin that fails to import, and takes the host with it. Here each
plugin is loaded, checked and asked to register by itself: one that fails is unregistered whole and listed in
`Plugins.quarantined` with the cause, and every command that does not need it goes on. Built-ins must not fail.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pluggy

import docreview
from docreview import hookspecs
from docreview.errors import ComponentError, PluginError, did_you_mean
from docreview.registry import KINDS, Registration, Registry

#: modules of docreview itself that register components, through the same hooks as anybody else
BUILTIN = (
    "docreview.importers",
    "docreview.text",
    "docreview.embedders",
    "docreview.views",
    "docreview.classifiers",
    "docreview.models",
    "docreview.query_strategies",
    "docreview.oracles",
    "docreview.stopping_rules",
    "docreview.exporters",
    "docreview.presets",
)


@dataclass(frozen=True)
class Quarantined:
    """A plugin that was not let in, and why."""

    name: str
    version: str
    cause: str


@dataclass
class Plugins:
    """One project's plugins: a pluggy manager of its own, and the registry that they filled."""

    manager: pluggy.PluginManager
    registry: Registry
    #: plugin name -> version, in the order of loading
    loaded: dict[str, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def hook(self) -> Any:
        """pluggy's hook relay."""
        return self.manager.hook


def load_plugins(extra: Iterable[tuple[str, Any]] = ()) -> Plugins:
    """Make a fresh plugin manager: built-ins, then installed entry points of the group ``docreview``, then `extra`.

    `extra` are (name, module or object) pairs. ``DOCREVIEW_STRICT_PLUGINS=1`` makes a failing plugin an error,
    ``DOCREVIEW_DISABLE_PLUGINS=a,b`` leaves plugins out.
    """
    manager = pluggy.PluginManager("docreview")
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager, Registry())
    for module in BUILTIN:
        _admit(plugins, module, docreview.__version__, importlib.import_module(module), provider="docreview")
    plugins.loaded["docreview"] = docreview.__version__
    strict = os.environ.get("DOCREVIEW_STRICT_PLUGINS", "") not in ("", "0")
    disabled = {name.strip() for name in os.environ.get("DOCREVIEW_DISABLE_PLUGINS", "").split(",")}

    def admit(name: str, version: str, load: Callable[[], Any]) -> None:
        if name in disabled:
            return
        try:
            _admit(plugins, name, version, load(), provider=name)
        except Exception as error:
            # a plugin may raise anything at import; the one place where that must not stop the host
            if strict:
                raise PluginError(f"plugin '{name}' {version}: {_cause(error)}") from error
            plugins.quarantined.append(Quarantined(name, version, _cause(error)))
        else:
            plugins.loaded[name] = version

    for point in sorted(importlib.metadata.entry_points(group="docreview"), key=lambda p: p.name):
        admit(point.name, point.dist.version if point.dist else "?", point.load)
    for name, plugin in extra:
        admit(name, getattr(plugin, "__version__", "?"), lambda plugin=plugin: plugin)
    return plugins


def _cause(error: Exception) -> str:
    text = str(error).strip().splitlines()
    message = text[0] if text else ""
    return message if isinstance(error, ComponentError) else f"{type(error).__name__}: {message}"


def _admit(plugins: Plugins, name: str, version: str, plugin: Any, provider: str) -> None:
    """Register one plugin whole, or leave no trace of it."""
    manager, registry = plugins.manager, plugins.registry
    known = {spec for spec in vars(hookspecs) if hasattr(getattr(hookspecs, spec), "docreview_spec")}
    for attribute in dir(plugin):
        if hasattr(getattr(plugin, attribute, None), "docreview_impl") and attribute not in known:
            raise PluginError(f"there is no hook '{attribute}'.{did_you_mean(attribute, known)}")
    manager.register(plugin, name=name)
    try:
        for kind in KINDS:
            implementation = getattr(plugin, f"register_{kind}", None)
            if implementation is None or not hasattr(implementation, "docreview_impl"):
                continue

            def register(component: str, factory: Callable[..., Any], kind: str = kind) -> None:
                if not callable(factory):
                    raise PluginError(f"register_{kind}: the factory of '{component}' cannot be called.")
                registry.add(Registration(kind, component, factory, provider, version))

            others = [other for _, other in manager.list_name_plugin() if other is not plugin and other is not None]
            caller = manager.subset_hook_caller(f"register_{kind}", remove_plugins=others)
            caller(register=register)
    except Exception:
        manager.unregister(plugin)
        if provider != "docreview":
            registry.drop(provider)
        raise
