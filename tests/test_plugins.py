"""Plugin loading, with real distributions: a `.dist-info` folder and a module on a path of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_support import distribution

import docreview
from docreview.errors import PluginError, UnknownComponent
from docreview.plugins import BUILTIN, load_plugins
from docreview.registry import KINDS

GOOD = """
import docreview

class Longest:
    "Longest documents first."
    needs = frozenset()
    def __init__(self, share: float = 1.0): self.share = share
    def select(self, state, n, rng): ...

@docreview.hookimpl
def register_query_strategies(register):
    register("longest-first", Longest)
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution of one module; return its folder."""
    made: list[str] = []

    def install(name: str, code: str, version: str = "1.0", entry_points: str | None = None) -> Path:
        folder = tmp_path / name
        module = distribution(folder, name, code, version, entry_points)
        monkeypatch.syspath_prepend(folder)
        made.append(module)
        return folder

    yield install
    for module in made:
        sys.modules.pop(module, None)


def cause(name: str) -> str:
    """Why the plugin of that name was quarantined."""
    (found,) = [plugin for plugin in load_plugins().quarantined if plugin.name == name]
    return found.cause


def test_built_ins_come_through_the_same_hooks() -> None:
    plugins = load_plugins()
    assert plugins.quarantined == []
    assert plugins.loaded["docreview"] == docreview.__version__
    assert {name for name, _ in plugins.manager.list_name_plugin()} >= set(BUILTIN)
    # every kind has at least one component of our own, made known by its hook
    empty = [kind for kind in KINDS if not any(e.plugin == "docreview" for e in plugins.registry.entries(kind))]
    assert empty == []


def test_every_built_in_has_a_summary_and_readable_settings() -> None:
    registry = load_plugins().registry
    entries = [entry for kind in KINDS for entry in registry.entries(kind)]
    assert [entry.label for entry in entries if not entry.summary] == []
    assert all(isinstance(entry.settings, dict) for entry in entries)


def test_an_installed_plugin_is_found_with_its_version(install: Install) -> None:
    install("good", GOOD, version="2.3")
    plugins = load_plugins()
    assert plugins.loaded["good"] == "2.3"
    entry = plugins.registry.get("query_strategies", "longest-first")
    assert (entry.plugin, entry.version, entry.summary) == ("good", "2.3", "Longest documents first.")
    assert plugins.registry.create("query_strategies", "longest-first", {"share": 0.5}).share == 0.5


def test_each_manager_is_fresh(install: Install) -> None:
    before = load_plugins()
    install("good", GOOD)
    after = load_plugins()
    assert "good" not in before.loaded
    assert "good" in after.loaded
    assert before.manager is not after.manager


BROKEN = {
    "import_fails": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax_error": ("def (:", "SyntaxError: "),
    "leaves": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "no_hooks": ("x = 1", "it implements no hook: mark its functions with @docreview.hookimpl."),
    "misspelled": (
        "import docreview\n@docreview.hookimpl\ndef register_query_stategies(register): ...",
        "there is no hook 'register_query_stategies'. Did you mean 'register_query_strategies'?",
    ),
    "wrong_argument": (
        "import docreview\n@docreview.hookimpl\ndef register_oracles(registry): ...",
        "hook 'register_oracles' has no argument 'registry'. Did you mean 'register'?",
    ),
    "taken_name": (
        GOOD.replace("longest-first", "random"),
        "query strategy 'random' (taken_name 1.0) takes a name that belongs to query strategy 'random' (docreview",
    ),
    "bad_name": (GOOD.replace("longest-first", "Longest First"), "a name is in kebab-case"),
    "not_callable": (
        GOOD.replace(", Longest)", ", 'Longest')"),
        "register_query_strategies: the factory of 'longest-first' cannot be called: register(name, factory) wants",
    ),
    "old_api": ("docreview_api = 0\n" + GOOD, "for plugin API 0, and this docreview has API 1: upgrade the plugin."),
    "new_api": ("docreview_api = 2\n" + GOOD, "for plugin API 2, and this docreview has API 1: upgrade docreview."),
    "registers_nothing": (
        "import docreview\n@docreview.hookimpl\ndef register_oracles(register): ...",
        "register_oracles registered nothing: call register(name, factory).",
    ),
    "returns_a_table": (
        "import docreview\n@docreview.hookimpl\ndef register_oracles(register): return {'a': dict}",
        "register_oracles returned a dict: call register(name, factory).",
    ),
    "api_is_text": ("docreview_api = '1'\n" + GOOD, "docreview_api must be a number, 1 for this docreview, got '1'."),
    "hook_raises": (GOOD + "    raise RuntimeError('no luck')\n", "RuntimeError: no luck"),
    "hook_leaves": (GOOD + "    raise SystemExit('bye')\n", "SystemExit: bye"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_quarantined_whole_and_alone(install: Install, name: str) -> None:
    code, message = BROKEN[name]
    install("good", GOOD.replace("longest-first", "shortest-first"))
    install(name, code)
    plugins = load_plugins()
    assert [plugin.name for plugin in plugins.quarantined] == [name]
    assert message in plugins.quarantined[0].cause
    assert plugins.quarantined[0].version == "1.0"
    assert "\n" not in plugins.quarantined[0].cause
    assert name not in plugins.loaded
    # nothing of it stays, and everybody else is there
    assert not any(entry.plugin == name for kind in KINDS for entry in plugins.registry.entries(kind))
    assert not plugins.manager.has_plugin(name)
    assert "shortest-first" in plugins.registry.names("query_strategies")
    assert "random" in plugins.registry.names("query_strategies")


@pytest.mark.parametrize("name", BROKEN)
def test_strict_makes_it_an_error(install: Install, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    code, message = BROKEN[name]
    install(name, code)
    monkeypatch.setenv("DOCREVIEW_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError) as caught:
        load_plugins()
    assert str(caught.value).startswith(f"plugin '{name}' 1.0: ")
    assert message in str(caught.value)
    monkeypatch.setenv("DOCREVIEW_STRICT_PLUGINS", "0")
    assert [plugin.name for plugin in load_plugins().quarantined] == [name]


def test_what_was_registered_before_the_failure_is_forgotten(install: Install) -> None:
    install("late", GOOD + "    register('longest-first', Longest)\n")
    plugins = load_plugins()
    assert "longest-first" not in plugins.registry.names("query_strategies")
    assert "takes a name that belongs to" in plugins.quarantined[0].cause


def test_a_half_registered_plugin_leaves_no_hook_behind(install: Install) -> None:
    marked = "import docreview\n@docreview.hookimpl\ndef labels_recorded(review, labels): ...\n"
    install("half", marked + BROKEN["wrong_argument"][0])
    plugins = load_plugins()
    assert [plugin.name for plugin in plugins.quarantined] == ["half"]
    assert plugins.manager.hook.labels_recorded.get_hookimpls() == []


def test_disabled_plugins_are_not_even_imported(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "raise RuntimeError")
    install("good", GOOD)
    monkeypatch.setenv("DOCREVIEW_STRICT_PLUGINS", "1")
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "other, broken")
    assert "good" in load_plugins().loaded
    assert "docreview_test_broken" not in sys.modules
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "*")
    assert list(load_plugins().loaded) == ["docreview"]


def test_two_plugins_that_want_one_name(install: Install) -> None:
    install("acme", GOOD)
    second = "[docreview]\nbeta = docreview_test_beta\nacme = docreview_test_beta\n"
    install("beta", GOOD.replace("longest-first", "beta-first"), entry_points=second)
    plugins = load_plugins()
    # one of the two has the name 'acme'; the other is told so, and what went in first stays in
    assert {plugin.name for plugin in plugins.quarantined} <= {"acme", "beta"}
    assert any("is taken" in plugin.cause or "same object" in plugin.cause for plugin in plugins.quarantined)
    assert "acme" in plugins.loaded
    registered = {e.plugin for e in plugins.registry.entries("query_strategies")}
    assert registered == set(plugins.loaded)


@pytest.mark.parametrize("name", ["docreview", "docreview.text"])
def test_no_plugin_can_pass_for_a_built_in(install: Install, name: str) -> None:
    install("sly", GOOD, entry_points=f"[docreview]\n{name} = docreview_test_sly\n")
    assert cause(name) == f"the plugin name '{name}' is taken."
    assert load_plugins().loaded["docreview"] == docreview.__version__


def test_a_malformed_distribution_does_not_hide_the_others(install: Install) -> None:
    install("garbled", GOOD, entry_points="[docreview]\nnothing to see here\n")
    install("good", GOOD)
    plugins = load_plugins()
    assert "good" in plugins.loaded
    assert [plugin.name for plugin in plugins.quarantined] == ["docreview-garbled"]
    assert "entry_points.txt cannot be read" in plugins.quarantined[0].cause


def test_a_missing_attribute_is_told(install: Install) -> None:
    install("absent", GOOD, entry_points="[docreview]\nabsent = docreview_test_absent:plugin\n")
    assert "AttributeError" in cause("absent")


def test_an_earlier_installation_shadows_a_later_one(install: Install, tmp_path: Path) -> None:
    install("good", GOOD, version="1.0")
    other = tmp_path / "other"
    (tmp_path / "good").rename(other)
    sys.path.append(str(other))  # the older one, later on the path
    try:
        install("good", GOOD, version="2.0")
        plugins = load_plugins()
    finally:
        sys.path.remove(str(other))
    assert plugins.loaded["good"] == "2.0"
    assert plugins.quarantined == []


def test_plugins_load_in_the_order_of_their_names(install: Install) -> None:
    for name in ("zeta", "alpha", "middle"):
        install(name, GOOD.replace("longest-first", f"{name}-first"))
    assert list(load_plugins().loaded) == ["docreview", "alpha", "middle", "zeta"]


class Extra:
    """A plugin that is an object."""

    __version__ = "7"

    @docreview.hookimpl
    def register_oracles(self, register: Any) -> None:
        register("parrot", dict)  # whose parameters cannot be read


class Renamed:
    """A plugin whose function has a name of its own."""

    @docreview.hookimpl(specname="register_oracles")
    def oracles(self, register: Any) -> None:
        register("raven", Renamed)


def test_an_object_can_be_a_plugin_and_name_its_functions_as_it_likes() -> None:
    plugins = load_plugins([("renamed", Renamed())])
    assert plugins.quarantined == []
    assert plugins.registry.get("oracles", "raven").plugin == "renamed"


def test_extra_plugins_are_quarantined_like_the_others() -> None:
    plugins = load_plugins([("extra", Extra()), ("empty", types.ModuleType("empty"))])
    assert [(plugin.name, plugin.version) for plugin in plugins.quarantined] == [("extra", "7"), ("empty", "?")]
    assert "parameters cannot be read" in plugins.quarantined[0].cause


def test_one_object_under_two_names_goes_in_once() -> None:
    plugin = Renamed()
    plugins = load_plugins([("first", plugin), ("second", plugin)])
    assert "first" in plugins.loaded
    assert plugins.quarantined[0].cause == "it is the same object as the plugin 'first'."
    assert plugins.registry.get("oracles", "raven").plugin == "first"


def test_a_broken_plugin_does_not_stop_the_command_line(install: Install) -> None:
    folder = install("broken", "raise RuntimeError('at import')")
    for arguments in (["--help"], ["--version"], ["plugins"]):
        done = subprocess.run(
            [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
             "from docreview.cli import main; main()", str(folder), *arguments],
            capture_output=True, text=True, timeout=120, cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert "at import" in done.stdout + done.stderr


# ----------------------------------------------------------------------------------------------------- one-file plugins


def test_a_file_is_a_plugin_whose_version_names_its_content(tmp_path: Path) -> None:
    file = tmp_path / "my_strategy.py"
    file.write_text(GOOD)
    first = load_plugins(files=[file])
    (name,) = [name for name in first.loaded if name != "docreview"]
    assert name == "my-strategy"
    assert first.origins[name] == str(file)
    assert first.registry.get("query_strategies", "longest-first").version == first.loaded[name]
    file.write_text(GOOD + "\n# another\n")
    second = load_plugins(files=[file])
    assert first.loaded[name].startswith("file-")
    assert first.loaded[name] != second.loaded[name]


def test_two_projects_may_have_files_of_one_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        frozen = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Longest"
        init = "def __init__(self, share: float = 1.0): self.share = share"
        text = GOOD.replace("class Longest", frozen).replace(init, f"{folder}: int = 1")
        (tmp_path / folder / "mine.py").write_text("from __future__ import annotations\n" + text)
    made = [
        load_plugins(files=[tmp_path / folder / "mine.py"]).registry.create("query_strategies", "longest-first")
        for folder in ("a", "b")
    ]
    assert [list(vars(one))[:1] for one in made] == [["a"], ["b"]]


FILES = {
    "gone": (None, "which [plugins] files in docreview.toml names, cannot be read: No such file or directory."),
    "raises": ("raise RuntimeError('at import')", "RuntimeError: at import"),
    "commands": (
        "import docreview\n@docreview.hookimpl\ndef register_commands(cli): ...",
        "a one-file plugin cannot add commands: make it a package",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_quarantined(tmp_path: Path, name: str) -> None:
    code, message = FILES[name]
    file = tmp_path / f"{name}.py"
    if code is not None:
        file.write_text(code)
    plugins = load_plugins(files=[file])
    (found,) = plugins.quarantined
    assert message in found.cause
    assert found.origin == str(file)
    assert not [module for module in sys.modules if module.startswith(f"docreview_file_{name}_")] or code is not None


def test_what_is_needed_and_not_there_is_told_with_the_cause(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "import no_such_module")
    install("acme", GOOD)
    wanted = r"no query strategy 'longest-frist'. Did you mean 'longest-first'\? The plugin 'broken' was not let in: M"
    with pytest.raises(UnknownComponent, match=wanted):
        load_plugins().registry.create("query_strategies", "longest-frist")
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "acme,broken")
    with pytest.raises(UnknownComponent, match="DOCREVIEW_DISABLE_PLUGINS switches off acme, broken"):
        load_plugins().registry.create("query_strategies", "longest-first")


def test_tracing_prints_each_hook_call(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("acme", GOOD)
    load_plugins()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("DOCREVIEW_TRACE_PLUGINS", "1")
    plugins = load_plugins()
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("plugins: register_query_strategies(register) by acme: done in")]
    list(plugins.tell("labels_recorded", review=None, labels=[]))
    assert capsys.readouterr().err == ""  # nobody listens, so nobody is called


def test_what_runs_is_what_the_version_names(tmp_path: Path) -> None:
    """Python's own cache knows a file by its second and size: one that changed faster must not be taken from there."""
    file = tmp_path / "quick.py"
    for name in ("first-one", "other-one"):
        file.write_text(GOOD.replace("longest-first", name))
        os.utime(file, (1_000_000_000, 1_000_000_000))
        assert name in load_plugins(files=[file]).registry.names("query_strategies")


def test_a_plugin_that_never_ends_to_be_imported_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docreview.plugins.IMPORT_LIMIT", 0.2)
    monkeypatch.setattr("docreview.plugins.HOOK_LIMIT", 0.2)
    file = tmp_path / "endless.py"
    file.write_text("while True: pass")
    plugins = load_plugins(files=[file])
    assert plugins.quarantined[0].cause == "OutOfTime: not done after 0.2 s"
    listens = "import docreview\n@docreview.hookimpl\ndef render_document(document):\n    while True: pass\n"
    (tmp_path / "deaf.py").write_text(listens)
    assert list(load_plugins(files=[tmp_path / "deaf.py"]).tell("render_document", document=None)) == []
