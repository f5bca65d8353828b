"""The pages for plugin authors: the reference is the code's, and what compatibility promises holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from support import LEXICAL, make_documents

import docreview
import docreview.types
from docreview import Label, Project, hookspecs
from docreview.cli import main
from docreview.plugins import load_plugins, make_manager
from docreview.registry import KINDS

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())
REFERENCE = (ROOT / "docs" / "plugins" / "reference.md").read_text("utf-8")
COMPATIBILITY = (ROOT / "docs" / "plugins" / "compatibility.md").read_text("utf-8")
HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, "docreview_spec")]
#: a section of the reference, its heading apart
SECTIONS = dict(re.findall(r"^#{2,3} (\S+)\n(.*?)(?=^#{2,3} |\Z)", REFERENCE, flags=re.MULTILINE | re.DOTALL))


def on_the_page(text: str) -> bool:
    """Whether the page of promises quotes it; quotations may be broken into lines anywhere."""
    plain = " ".join(re.sub(r"^> ?", "", COMPATIBILITY, flags=re.MULTILINE).split())
    return " ".join(text.split()) in plain


# ------------------------------------------------------------------------------------------------------- the reference


def test_the_reference_is_not_stale() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "reference.py"), "--check"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_is_on_the_page_and_no_other_is() -> None:
    described = re.findall(r"^@docreview\.hookimpl\ndef (\w+)\(", REFERENCE, flags=re.MULTILINE)
    assert described == HOOKS
    assert re.findall(r"^\| \[`(\w+)`\]", REFERENCE, flags=re.MULTILINE) == HOOKS


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_described_as_pluggy_knows_it(name: str) -> None:
    spec = getattr(make_manager().hook, name).spec
    section = SECTIONS[name]
    (signature,) = re.findall(rf"^def {name}\((.*)\) -> (.*): \.\.\.$", section, flags=re.MULTILINE)
    parsed = ast.parse(f"def f({signature[0]}) -> {signature[1]}: ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    assert [argument.arg for argument in parsed.args.args] == list(spec.argnames)
    assert [ast.unparse(a.annotation) for a in parsed.args.args if a.annotation] == [
        spec.function.__annotations__[argument] for argument in spec.argnames
    ]
    assert ast.unparse(parsed.returns) == spec.function.__annotations__["return"]  # type: ignore[arg-type]
    first = "the first result that is not None wins" in section.split("- **Several plugins:**")[1].splitlines()[0]
    assert first == spec.opts["firstresult"]


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_when_with_what_what_back_and_who_loses(name: str) -> None:
    docstring = inspect.getdoc(getattr(hookspecs, name)) or ""
    told = re.findall(r"^(Called|With|Must return|If it raises): \S", docstring, flags=re.MULTILINE)
    assert told == ["Called", "With", "Must return", "If it raises"]
    for title in told:
        assert re.search(rf"^- \*\*{title}:\*\* \S", SECTIONS[name], flags=re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_names_the_built_ins_that_implement_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "*")
    listed = re.findall(r"^\| `([\w-]+)` \|", SECTIONS[f"register_{kind}"], flags=re.MULTILINE)
    assert listed == load_plugins().registry.names(kind)


def test_every_type_that_the_page_names_has_a_section() -> None:
    named = set(re.findall(r"\b[A-Z]\w+\b", " ".join(re.findall(r"^- `(.*)`", REFERENCE, flags=re.MULTILINE))))
    ours = {
        name
        for module in ("docreview.types", "docreview.corpus", "docreview.cache", "docreview.review")
        for name, value in vars(importlib.import_module(module)).items()
        if inspect.isclass(value) and value.__module__ == module and not name.startswith("_")
    }
    assert {"Vectors", "Selection", "Source", "Cache", "Entry"} <= named & ours
    assert named & ours <= set(SECTIONS)


def test_every_field_of_the_state_is_on_the_page() -> None:
    state = docreview.types.ReviewState
    computed = [name for name, value in vars(state).items() if hasattr(value, "fget") or hasattr(value, "func")]
    rows = re.findall(r"^\| `(\w+)` \| `(?:[^`]+)` \| [A-Z(].*\. \|$", SECTIONS["ReviewState"], flags=re.MULTILINE)
    assert rows == [*(entry.name for entry in fields(state)), *computed]


def test_every_switch_is_on_both_pages() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "docreview").rglob("*.py"))
    switches = set(re.findall(r"DOCREVIEW_\w+_PLUGINS", code))
    assert switches == set(re.findall(r"^\| `(DOCREVIEW_\w+)=", REFERENCE, flags=re.MULTILINE))
    assert switches <= set(re.findall(r"DOCREVIEW_\w+_PLUGINS", COMPATIBILITY))
    from docreview.config import _PLUGINS

    assert set(re.findall(r"^\| `\[plugins\] (\w+) = ", REFERENCE, flags=re.MULTILINE)) == set(_PLUGINS)


# ------------------------------------------------------------------------------------------------------- the directory


def test_every_plugin_in_the_repository_is_listed() -> None:
    page = (ROOT / "docs" / "plugins" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[`([\w-]+)`\]\(\.\./\.\./plugins/([\w-]+)/README\.md\) \| \S", page, flags=re.MULTILINE)
    assert [name for name, _ in listed] == [folder for _, folder in listed] == [path.name for path in PLUGINS]


def test_every_page_for_plugin_authors_is_listed() -> None:
    folder = ROOT / "docs" / "plugins"
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (folder / "README.md").read_text("utf-8")))
    assert linked >= {page.name for page in folder.glob("*.md")} - {"README.md"}


# -------------------------------------------------------------------------------------------- what is public, and stays

#: every hook of API 1 with the arguments it had then: they may become more, never fewer while the number is the same
FIRST = {
    **{f"register_{kind}": ("register",) for kind in KINDS},
    "register_commands": ("cli",),
    "render_document": ("document",),
    "labels_recorded": ("review", "labels"),
}
#: what must be given to make one; anything more has a default
REQUIRED = {
    "Document": ("id", "text"),
    "Question": ("name", "labels"),
    "Label": ("document_id", "value"),
    "Selection": ("rows",),
    "StopDecision": ("stop", "reason"),
    "Vectors": ("matrix", "fingerprint"),
    "Batch": ("round", "document_ids", "strategy", "scores", "probabilities"),
    "ReviewState": ("question", "round", "n", "views", "labels", "rounds", "reviewed"),
}


def public() -> dict[str, set[str]]:
    """Module -> names, as the page says."""
    rows = re.findall(r"^\| `(docreview[\w.]*)` \| (.*) \|$", COMPATIBILITY, flags=re.MULTILINE)
    return {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows}


def allowed(module: str, name: str) -> bool:
    """Whether a plugin may import that, by the page."""
    if module == "docreview.testing":
        return name in importlib.import_module(module).__all__
    if module == "docreview.errors" and name[:1].isupper():
        return True
    if module == "docreview.types" and (name in SECTIONS or f"\n- `{name}` = `" in REFERENCE):
        return True
    return name in public().get(module, ())


def imports(path: Path) -> set[tuple[str, str]]:
    """What a file imports of docreview."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            found |= {(node.module or "", alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
    return {(module, name) for module, name in found if module.partition(".")[0] == "docreview"}


def test_what_the_page_calls_public_is_there() -> None:
    assert public()["docreview"] == set(docreview.__all__)
    assert f"`docreview.hookspecs.API`, now {hookspecs.API}." in COMPATIBILITY
    for module, names in public().items():
        there = importlib.import_module(module)
        # aliases of types may exist for type checkers only
        written = inspect.getsource(there)
        assert [n for n in names - {"__all__"} if not hasattr(there, n) and f"{n}: TypeAlias" not in written] == []
        if module == "docreview.cli.common":
            assert set(re.findall(r"`(\w+)`", inspect.getdoc(there) or "")) - {"docreview"} == names


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_of_our_own_use_what_is_public_and_nothing_else(plugin: Path) -> None:
    files = list(plugin.glob("docreview_*/**/*.py"))
    assert files
    private = {
        f"{path.name}: from {module} import {name}"
        for path in files
        for module, name in imports(path)
        if not (allowed(module, name) if name else module == "docreview")
    }
    assert private == set()
    module = importlib.import_module(f"{plugin.name.replace('-', '_')}")
    assert module.docreview_api == hookspecs.API


def test_a_private_import_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("from docreview.registry import Registry\nimport numpy, docreview.store\nfrom . import a\n")
    assert imports(file) == {("docreview.registry", "Registry"), ("docreview.store", "")}
    assert not allowed("docreview.registry", "Registry")
    assert not allowed("docreview.types", "TypeVar")
    assert allowed("docreview.errors", "one_line")
    assert allowed("docreview.types", "Scalar")


def test_nothing_that_api_1_had_is_gone() -> None:
    assert hookspecs.API == 1, "a new number: begin this test anew from what there is now"
    hooks = make_manager().hook
    gone = [
        (hook, argument)
        for hook, arguments in FIRST.items()
        for argument in arguments
        if not hasattr(hooks, hook) or argument not in getattr(hooks, hook).spec.argnames
    ]
    assert gone == []


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_added_to_a_type_has_a_default(name: str) -> None:
    entries = fields(getattr(docreview.types, name))
    required = tuple(e.name for e in entries if e.default is MISSING and e.default_factory is MISSING)
    assert required == REQUIRED[name]


# ------------------------------------------------------------------------------------------ hooks that grow and shrink


def plugin(hook: str, function: Callable[..., Any]) -> types.ModuleType:
    """A plugin of one hook."""
    module = types.ModuleType("acme")
    setattr(module, hook, docreview.hookimpl(function))
    return module


def test_an_implementation_may_take_any_of_the_arguments() -> None:
    heard: list[Any] = []
    extra = [
        ("labels-only", plugin("labels_recorded", lambda labels: heard.append(labels))),
        ("none", plugin("labels_recorded", lambda: heard.append("nothing"))),
        ("all", plugin("labels_recorded", lambda review, labels: heard.append((review, labels)))),
        ("turned", plugin("labels_recorded", lambda labels, review: heard.append((labels, review)))),
    ]
    plugins = load_plugins(extra)
    assert plugins.quarantined == []
    list(plugins.tell("labels_recorded", review="r", labels=["l"]))
    for each in (["l"], "nothing", ("r", ["l"]), (["l"], "r")):
        assert each in heard
    assert len(heard) == 4


def test_an_argument_can_be_added_to_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    def labels_recorded(review: Any, labels: Any, moment: Any) -> None: ...

    monkeypatch.setattr(hookspecs, "labels_recorded", hookspecs.hookspec(labels_recorded))
    heard: list[Any] = []
    old = plugin("labels_recorded", lambda review, labels: heard.append(labels))
    new = plugin("labels_recorded", lambda moment: heard.append(moment))
    plugins = load_plugins([("old", old), ("new", new)])
    assert (plugins.quarantined, plugins.warnings) == ([], {})
    list(plugins.tell("labels_recorded", review="r", labels=["l"], moment="now"))
    assert sorted(map(str, heard)) == ["['l']", "now"]


LEAVING = "register_oracles will lose the argument 'register' in 0.4: take 'components'."


@pytest.mark.parametrize("option", ["warn_on_impl_args", "warn_on_impl"])
def test_what_is_to_go_is_announced_and_the_plugin_stays(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    leaving = DeprecationWarning(LEAVING)
    marked = {**hookspecs.register_oracles.docreview_spec}  # type: ignore[attr-defined]
    marked[option] = {"register": leaving} if option == "warn_on_impl_args" else leaving
    monkeypatch.setattr(hookspecs.register_oracles, "docreview_spec", marked)
    acme = plugin("register_oracles", lambda register: register("parrot", lambda: None))
    other = plugin("labels_recorded", lambda labels: None)
    plugins = load_plugins([("acme", acme), ("other", other)])
    assert plugins.quarantined == []
    assert plugins.warnings == {"acme": [LEAVING]}
    assert plugins.registry.get("oracles", "parrot").plugin == "acme"
    # the same, as the command shows it, for a file in a project
    (tmp_path / "acme.py").write_text(
        "import docreview\n@docreview.hookimpl\ndef register_oracles(register): register('parrot', object)\n"
    )
    (tmp_path / "docreview.toml").write_text('[plugins]\nfiles = ["acme.py"]\n' + LEXICAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main(["plugins"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"warning: acme: {LEAVING}" in shown
    assert "parrot" in shown
    assert on_the_page(f"warning: acme: {LEAVING}")


def test_what_is_gone_costs_a_plugin_its_place_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def labels_recorded(labels: Any) -> None: ...

    monkeypatch.setattr(hookspecs, "labels_recorded", hookspecs.hookspec(labels_recorded))
    plugins = load_plugins([("acme", plugin("labels_recorded", lambda review, labels: None))])
    (left_out,) = plugins.quarantined
    assert "labels_recorded" in left_out.cause
    assert plugins.manager.hook.labels_recorded.get_hookimpls() == []


def test_another_api_is_told_as_the_page_says() -> None:
    old = plugin("labels_recorded", lambda labels: None)
    old.docreview_api = 0  # type: ignore[attr-defined]
    (left_out,) = load_plugins([("old", old)]).quarantined
    assert on_the_page(f"> {left_out.cause}".removeprefix("> "))


# ------------------------------------------------------------------------------------------------- versions and safety

FILE = """
# version {version}
import pathlib
import docreview

pathlib.Path(__file__).with_name("was-run").touch()

class First:
    "The first documents of the pool."
    needs = frozenset()
    def select(self, state, n, rng):
        return docreview.Selection(state.candidates[:n])

@docreview.hookimpl
def register_query_strategies(register):
    register("longest-first", First)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose one-file plugin drew a batch."""
    (tmp_path / "longest_first.py").write_text(FILE.format(version=1))
    text = LEXICAL.replace("[questions.copyleft]", '[questions.urgent]\nquery_strategy = "longest-first"')
    (tmp_path / "docreview.toml").write_text('[plugins]\nfiles = ["longest_first.py"]\n' + text)
    documents, truth = make_documents(40)
    with Project.open(tmp_path) as project:
        project.add_documents(documents)
        review = project.review()
        review.record(*(Label(i, truth[i]) for i in review.next_batch()))
    return tmp_path


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own: what is logged goes to the stderr that a process begins with."""
    command = [sys.executable, "-m", "docreview", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_another_version_is_told_and_replayed_as_the_page_says(folder: Path) -> None:
    same = run("replay", "-p", folder)
    assert (same.returncode, same.stderr) == (0, "")
    (folder / "longest_first.py").write_text(FILE.format(version=2))
    refused = run("replay", "-p", folder)
    assert refused.returncode == 1
    opened = run("status", "-p", folder)
    assert opened.returncode == 0
    old, new = dict.fromkeys(re.findall(r"file-[0-9a-f]{10}", refused.stderr))
    error, warning = (refused.stderr + opened.stderr).replace(old, "1.0").replace(new, "1.1").splitlines()
    assert on_the_page(warning.removeprefix("Warning: "))
    assert on_the_page(error)
    assert on_the_page("docreview replay --other-versions")
    told = run("replay", "--other-versions", "-p", folder)
    assert told.returncode == 0, told.stderr
    assert "every one comes out the same" in told.stdout


def test_a_project_can_be_opened_without_running_its_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = folder / "was-run"
    mark.unlink()
    # the question asks for the plugin's strategy: what does not need it still works
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "*")
    with Project.open(folder) as project:
        assert project.n == 40
    assert run("plugins", "-p", folder).returncode == 0
    assert not mark.exists()
    monkeypatch.delenv("DOCREVIEW_DISABLE_PLUGINS")
    assert run("plugins", "-p", folder).returncode == 0
    assert mark.exists()
