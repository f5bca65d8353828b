"""Finds plugins, one by one, each failure quarantined and reported.

pluggy's own entry-point loader stops at the first plugin that fails to import, and takes the host with it. Here each
plugin is loaded, checked and asked to register by itself: one that fails is unregistered whole and listed in
`Plugins.quarantined` with the cause, and every command that does not need it goes on. Built-ins must not fail.

Three variables of the environment: ``DOCREVIEW_STRICT_PLUGINS=1`` makes a failing plugin an error,
``DOCREVIEW_DISABLE_PLUGINS=a,b`` leaves plugins out (``*``: all but the built-ins), and ``DOCREVIEW_TRACE_PLUGINS=1``
prints each hook call to stderr.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import inspect
import logging
import os
import re
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

import docreview
from docreview import hookspecs
from docreview.errors import ComponentError, PluginError, did_you_mean, ended, one_line
from docreview.hookspecs import API
from docreview.limits import TIME_LIMIT, is_ours, limited
from docreview.registry import BUILT_IN, KINDS, Registration, Registry

log = logging.getLogger(__name__)

#: modules of docreview itself that register components, through the same hooks as anybody else
BUILTIN = (
    "docreview.importers",
    "docreview.text",
    "docreview.embedders",
    "docreview.views",
    "docreview.index",
    "docreview.classifiers",
    "docreview.models",
    "docreview.query_strategies",
    "docreview.oracles",
    "docreview.stopping_rules",
    "docreview.exporters",
    "docreview.presets",
)

#: seconds that a plugin may take to be imported and to register, and to answer a hook that others wait for
IMPORT_LIMIT = HOOK_LIMIT = 60.0


@dataclass(frozen=True)
class Found:
    """A plugin that is there, not imported yet."""

    name: str
    version: str
    load: Callable[[], Any]
    #: where it came from: a distribution, a file
    origin: str


@dataclass(frozen=True)
class Quarantined:
    """A plugin that was not let in, and why."""

    name: str
    version: str
    cause: str
    origin: str = ""


@dataclass
class Plugins:
    """One project's plugins: a pluggy manager of its own, and the registry that they filled."""

    manager: pluggy.PluginManager
    registry: Registry
    #: plugin name -> version, in the order of loading
    loaded: dict[str, str] = field(default_factory=dict)
    #: plugin name -> where it came from
    origins: dict[str, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    #: plugins that ``DOCREVIEW_DISABLE_PLUGINS`` leaves out
    disabled: list[str] = field(default_factory=list)
    #: plugin name -> what it should change before a later version, one line each
    warnings: dict[str, list[str]] = field(default_factory=dict)

    def tell(self, hook: str, wanted: type = object, /, **arguments: Any) -> Iterator[Any]:
        """Call a hook in one plugin after the other, and yield what each returns, None apart.

        Of a plugin that raises, or returns what is not `wanted`, a warning is logged that names it, and the others are
        called all the same: these are hooks that may be missed, but not silently.
        """
        for method in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            others = [plugin for _, plugin in self.manager.list_name_plugin() if plugin not in (None, method.plugin)]
            name = f"{method.plugin_name} {self.loaded.get(method.plugin_name, '')}".rstrip()
            try:
                with redirect_stdout(sys.stderr):  # what it prints must not stand in the middle of a command's JSON
                    told = limited(HOOK_LIMIT, partial(self.manager.subset_hook_caller(hook, others), **arguments))
            except BaseException as error:
                if is_ours(error):
                    raise
                log.warning("plugin %s failed in %s: %s", name, hook, one_line(error), exc_info=strict())
                continue
            for answer in told if isinstance(told, list) else [told]:
                if isinstance(answer, wanted) and answer is not None:
                    yield answer
                elif answer is not None:
                    found = type(answer).__name__
                    log.warning("plugin %s: %s must return %s, got %s", name, hook, wanted.__name__, found)


def load_plugins(
    extra: Iterable[tuple[str, Any]] = (), *, files: Iterable[Path] = (), time_limit: float | None = TIME_LIMIT
) -> Plugins:
    """Make a fresh plugin manager: built-ins, then installed entry points of the group ``docreview``, `files`, `extra`.

    `files` are one-file plugins, `extra` (name, module or object) pairs. `time_limit` is what one call of a plugin's
    component may take, in seconds.
    """
    manager = make_manager()
    plugins = Plugins(manager, Registry())
    for module in BUILTIN:
        _admit(plugins, module, docreview.__version__, importlib.import_module(module), None)
    plugins.loaded[BUILT_IN] = docreview.__version__
    plugins.origins[BUILT_IN] = "docreview itself"
    found = [*installed(), *(in_file(path) for path in files)]
    found += [
        Found(name, str(getattr(plugin, "__version__", "?")), partial(_itself, plugin), "given from Python")
        for name, plugin in extra
    ]
    for plugin in found:
        if is_disabled(plugin.name):
            plugins.disabled.append(plugin.name)
            continue
        cause = attempt(plugin, partial(_admit_found, plugins, plugin, time_limit))
        if cause is None:
            plugins.loaded[plugin.name] = plugin.version
            plugins.origins[plugin.name] = plugin.origin
        else:
            plugins.quarantined.append(cause)
            plugins.registry.absent.append(f"The plugin '{cause.name}' was not let in: {ended(cause.cause)}")
    if plugins.disabled:
        plugins.registry.absent.append(f"DOCREVIEW_DISABLE_PLUGINS switches off {', '.join(plugins.disabled)}.")
    return plugins


def make_manager() -> pluggy.PluginManager:
    """Make a manager that knows the hooks, and prints each call of one where that is asked for."""
    manager = pluggy.PluginManager("docreview")
    manager.add_hookspecs(hookspecs)
    if _switched_on("DOCREVIEW_TRACE_PLUGINS"):
        began: list[float] = []

        def before(hook: str, methods: Sequence[Any], arguments: Mapping[str, Any]) -> None:
            began.append(time.perf_counter())

        def after(outcome: Any, hook: str, methods: Sequence[Any], arguments: Mapping[str, Any]) -> None:
            took = 1000 * (time.perf_counter() - began.pop())
            ended = f"raised {one_line(outcome.exception)}" if outcome.exception else "done"
            names = ", ".join(method.plugin_name for method in methods) or "nobody"
            sys.stderr.write(f"plugins: {hook}({', '.join(arguments)}) by {names}: {ended} in {took:.1f} ms\n")

        manager.add_hookcall_monitoring(before, after)
    return manager


def attempt(plugin: Found, let_in: Callable[[], Any]) -> Quarantined | None:
    """Let a plugin in: None where that went well, else why it is quarantined; an error where plugins are strict."""

    def late() -> None:
        log.warning("plugin '%s' is still being imported after %g s: it is left out.", plugin.name, IMPORT_LIMIT)

    try:
        with redirect_stdout(sys.stderr):  # what it prints must not stand in the middle of a command's JSON
            limited(IMPORT_LIMIT, let_in, late)
    except BaseException as error:
        # a plugin may raise anything at import, or leave; the one place where that must not stop the host
        if is_ours(error):
            raise
        cause = cause_of(error)
        if strict():
            raise PluginError(f"plugin '{plugin.name}' {plugin.version}: {cause}") from error
        return Quarantined(plugin.name, plugin.version, cause, plugin.origin)
    return None


def strict() -> bool:
    """Whether ``DOCREVIEW_STRICT_PLUGINS`` asks for errors instead of quarantine."""
    return _switched_on("DOCREVIEW_STRICT_PLUGINS")


def is_disabled(name: str) -> bool:
    """Whether ``DOCREVIEW_DISABLE_PLUGINS`` names the plugin."""
    disabled = {entry.strip() for entry in os.environ.get("DOCREVIEW_DISABLE_PLUGINS", "").split(",")}
    return name in disabled or "*" in disabled


def _switched_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no", "off")


def _itself(plugin: Any) -> Any:
    return plugin


def cause_of(error: BaseException) -> str:
    """Say in one line why a plugin was not let in."""
    return one_line(error) if not isinstance(error, ComponentError) else (str(error).splitlines() or [""])[0]


# ----------------------------------------------------------------------------------------------------- where they are


def installed() -> list[Found]:
    """Every installed plugin, by name.

    Read one distribution at a time: `importlib.metadata.entry_points` fails for all of them where one is malformed.
    """
    found: list[Found] = []
    seen = set()
    for distribution in importlib.metadata.distributions():
        name, version = "?", "?"
        points: list[tuple[str, Callable[[], Any]]]
        try:
            name = str(distribution.metadata["Name"])
            if "[docreview]" not in (distribution.read_text("entry_points.txt") or "") or name in seen:
                continue  # no plugin, or shadowed by one earlier on the path
            seen.add(name)
            version = distribution.metadata["Version"] or "?"
            points = [(point.name, point.load) for point in distribution.entry_points.select(group="docreview")]
        except Exception as error:  # noqa: BLE001 - told by `attempt`, which quarantines it
            points = [(name, partial(_malformed, error))]
        found += [Found(point, version, load, f"distribution {name} {version}") for point, load in points]
    return sorted(found, key=lambda plugin: plugin.name)


def _malformed(error: Exception) -> Any:
    raise PluginError(f"its entry_points.txt cannot be read: {error}.")


def in_file(path: Path) -> Found:
    """A plugin that is one Python file. Its version names its content, so that a changed file is another version."""
    import hashlib

    name = path.stem.replace("_", "-")
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file")
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return Found(name, "?", partial(_unreadable, path, error), str(path))
    version = f"file-{hashlib.sha256(content).hexdigest()[:10]}"
    return Found(name, version, partial(_from_file, path, content), str(path))


def _unreadable(path: Path, error: OSError | ValueError) -> Any:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    raise PluginError(f"{path}, which [plugins] files in docreview.toml names, cannot be read: {reason}.")


def _from_file(path: Path, content: bytes) -> Any:
    import hashlib

    # a name of its own: two projects may each have a my_strategy.py, and dataclasses look their module up by name
    name = f"docreview_file_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        # what runs is what the version was made from: Python's own cache may hold a file of the same second and size
        exec(compile(content, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    if getattr(getattr(module, "register_commands", None), "docreview_impl", None):
        raise PluginError("a one-file plugin cannot add commands: make it a package ('docreview plugins new').")
    return module


# ---------------------------------------------------------------------------------------------------------- letting in


def check_plugin(plugin: Any) -> None:
    """Raise `PluginError` where a plugin was written for another API, misspells a hook or implements none."""
    api = getattr(plugin, "docreview_api", API)
    if not isinstance(api, int) or isinstance(api, bool):
        raise PluginError(f"docreview_api must be a number, {API} for this docreview, got {api!r}.")
    if api != API:
        mend = "upgrade docreview" if api > API else "upgrade the plugin"
        raise PluginError(f"it was written for plugin API {api!r}, and this docreview has API {API}: {mend}.")
    known = {spec for spec in vars(hookspecs) if hasattr(getattr(hookspecs, spec), "docreview_spec")}
    hooks = _hooks_of(plugin)
    for hook, attribute in hooks.items():
        if hook not in known:
            raise PluginError(f"there is no hook '{hook}'.{did_you_mean(hook, known)}")
        function = getattr(plugin, attribute)
        wrapper = getattr(function, "docreview_impl", {}).get("wrapper") or function.docreview_impl.get("hookwrapper")
        if inspect.iscoroutinefunction(function) or (inspect.isgeneratorfunction(function) and not wrapper):
            raise PluginError(f"{hook} must be a plain function: called, an async one or a generator does nothing.")
        wanted = inspect.signature(getattr(hookspecs, hook)).parameters
        for argument in inspect.signature(function).parameters:
            if argument not in wanted:
                raise PluginError(f"hook '{hook}' has no argument '{argument}'.{did_you_mean(argument, wanted)}")
    if not hooks:
        raise PluginError("it implements no hook: mark its functions with @docreview.hookimpl.")


def _hooks_of(plugin: Any) -> dict[str, str]:
    """The hooks that a plugin implements, and the names of its functions that do."""
    marks = {name: getattr(getattr(plugin, name, None), "docreview_impl", None) for name in dir(plugin)}
    return {mark.get("specname") or name: name for name, mark in marks.items() if isinstance(mark, dict)}


def _admit_found(plugins: Plugins, plugin: Found, time_limit: float | None) -> None:
    if plugin.name == BUILT_IN:
        raise PluginError(f"the plugin name '{plugin.name}' is taken.")
    told = _admit(plugins, plugin.name, plugin.version, plugin.load(), time_limit)
    if told:
        plugins.warnings[plugin.name] = told


def _admit(plugins: Plugins, name: str, version: str, plugin: Any, time_limit: float | None) -> list[str]:
    """Register one plugin whole, or leave no trace of it; return what pluggy warned of."""
    manager, registry = plugins.manager, plugins.registry
    provider = BUILT_IN if name in BUILTIN and not plugins.loaded else name
    if manager.has_plugin(name):
        raise PluginError(f"the plugin name '{name}' is taken.")
    if manager.is_registered(plugin):
        raise PluginError(f"it is the same object as the plugin '{manager.get_name(plugin)}'.")
    check_plugin(plugin)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            manager.register(plugin, name=name)
        others = [other for _, other in manager.list_name_plugin() if other is not plugin and other is not None]
        for kind in KINDS:

            def register(component: str, factory: Callable[..., Any], kind: str = kind) -> None:
                if not callable(factory):
                    mend = "register(name, factory) wants a class or a function that makes the component"
                    raise PluginError(f"register_{kind}: the factory of '{component}' cannot be called: {mend}.")
                registry.add(Registration(kind, component, factory, provider, version, time_limit))

            hook = f"register_{kind}"
            before = registry.names(kind)
            # pluggy takes the plugins to leave out, not the one to call
            returned = manager.subset_hook_caller(hook, remove_plugins=others)(register=register)
            if returned:
                raise PluginError(f"{hook} returned a {type(returned[0]).__name__}: call register(name, factory).")
            if hook in _hooks_of(plugin) and registry.names(kind) == before:
                raise PluginError(f"{hook} registered nothing: call register(name, factory).")
    except BaseException:
        if manager.is_registered(plugin):  # pluggy before 1.7 may stop half-way through
            manager.unregister(plugin)
        if provider != BUILT_IN:
            registry.drop(provider)
        raise
    return [str(warning.message) for warning in caught]
