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
from functools import partial
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
    ``DOCREVIEW_DISABLE_PLUGINS=a,b`` leaves plugins out (``*``: all but the built-ins).
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
        if name in disabled or "*" in disabled:
            return
        try:
            _admit(plugins, name, version, load(), provider=name)
        except (Exception, SystemExit) as error:
            # a plugin may raise anything at import, or leave; the one place where that must not stop the host
            if strict:
                raise PluginError(f"plugin '{name}' {version}: {cause_of(error)}") from error
            plugins.quarantined.append(Quarantined(name, version, cause_of(error)))
        else:
            plugins.loaded[name] = version

    for name, version, load in installed():
        admit(name, version, load)
    for name, plugin in extra:
        admit(name, str(getattr(plugin, "__version__", "?")), partial(_itself, plugin))
    return plugins


def _itself(plugin: Any) -> Any:
    return plugin


def installed() -> list[tuple[str, str, Callable[[], Any]]]:
    """Name, version and loader of every installed plugin, by name.

    Read one distribution at a time: `importlib.metadata.entry_points` fails for all of them where one is malformed.
    """
    found: list[tuple[str, str, Callable[[], Any]]] = []
    seen = set()
    for distribution in importlib.metadata.distributions():
        if "[docreview]" not in (distribution.read_text("entry_points.txt") or ""):
            continue
        name = distribution.metadata["Name"]
        if name in seen:  # shadowed by one earlier on the path
            continue
        seen.add(name)
        version = distribution.metadata["Version"] or "?"
        try:
            points = [(point.name, point.load) for point in distribution.entry_points.select(group="docreview")]
        except Exception as error:  # noqa: BLE001 - told by `admit`, which quarantines it
            points = [(str(name), partial(_malformed, error))]
        found += [(point, version, load) for point, load in points]
    return sorted(found, key=lambda plugin: plugin[0])


def _malformed(error: Exception) -> Any:
    raise PluginError(f"its entry_points.txt cannot be read: {error}.")


def cause_of(error: BaseException) -> str:
    """Say in one line why a plugin was not let in."""
    text = str(error).strip().splitlines()
    message = text[0] if text else ""
    return message if isinstance(error, ComponentError) else f"{type(error).__name__}: {message}"


def _admit(plugins: Plugins, name: str, version: str, plugin: Any, provider: str) -> None:
    """Register one plugin whole, or leave no trace of it."""
    manager, registry = plugins.manager, plugins.registry
    if manager.has_plugin(name) or name == "docreview":
        raise PluginError(f"the plugin name '{name}' is taken.")
    if manager.is_registered(plugin):
        raise PluginError(f"it is the same object as the plugin '{manager.get_name(plugin)}'.")
    known = {spec for spec in vars(hookspecs) if hasattr(getattr(hookspecs, spec), "docreview_spec")}
    options = {name: getattr(getattr(plugin, name, None), "docreview_impl", None) for name in dir(plugin)}
    hooks = [marked.get("specname") or attribute for attribute, marked in options.items() if isinstance(marked, dict)]
    for hook in hooks:
        if hook not in known:
            raise PluginError(f"there is no hook '{hook}'.{did_you_mean(hook, known)}")
    if not hooks:
        raise PluginError("it implements no hook: mark its functions with @docreview.hookimpl.")
    try:
        manager.register(plugin, name=name)
        others = [other for _, other in manager.list_name_plugin() if other is not plugin and other is not None]
        for kind in KINDS:

            def register(component: str, factory: Callable[..., Any], kind: str = kind) -> None:
                if not callable(factory):
                    raise PluginError(f"register_{kind}: the factory of '{component}' cannot be called.")
                registry.add(Registration(kind, component, factory, provider, version))

            # pluggy takes the plugins to leave out, not the one to call
            manager.subset_hook_caller(f"register_{kind}", remove_plugins=others)(register=register)
    except (Exception, SystemExit):
        if manager.is_registered(plugin):  # pluggy before 1.7 may stop half-way through
            manager.unregister(plugin)
        if provider != "docreview":
            registry.drop(provider)
        raise
