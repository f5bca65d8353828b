"""Writes docs/plugins/reference.md from the hooks, the protocols and their docstrings: `make docs`.

With --check, only says whether it is stale.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "plugins" / "reference.md"

INTRODUCTION = """\
# Plugin reference

Every hook, what it asks for, and what it is given. Collected by `make docs` from the code. To begin, write the plugin
of the [tutorial](tutorial.md). What may change, and how, stands in [compatibility](compatibility.md).

- [Hooks](#hooks): where a plugin joins in
- [Settings](#settings): how a component is set in `docreview.toml`
- [What is handed over](#what-is-handed-over): `ReviewState`, `Selection` and the other types
- [Switches](#switches): variables of the environment, and `[plugins]` in `docreview.toml`
"""

SETTINGS = """\
## Settings

A component is made by its *factory*: a class or function that was handed to `register`. The factory's parameters are
the settings. Their annotations are checked, their defaults are the defaults:

| annotation | in `docreview.toml` |
|---|---|
| `int`, `float`, `str`, `bool` | `3`, `0.5`, `"text"`, `true`; a whole number may stand for a `float` |
| `Literal["margin", "entropy"]` | one of these |
| `int \\| None` | a whole number, or left out |
| `tuple[str, ...]`, `list[int]`, `Sequence[float]` | a list; it arrives as a tuple |
| `tuple[int, float]` | a list of two |
| `Mapping[str, float]`, `dict[str, float]` | a table |

- A parameter that is named after a kind takes a component: `classifier` a name or a table with a `name`,
  `stopping_rules` a list of those or a table of them. It is made before the factory is called. With the annotation
  `str` it is a plain text.
- A factory refuses a value by `ValueError("setting 'k' must be at least 1, got 0")`. docreview puts the component's
  name before it.
- A setting that does not exist, a wrong type and a missing setting are found before the factory is called.
- The first line of the factory's docstring is the summary in `docreview plugins`. Each line
  `Paper: Author Year, Title.` names what it comes from.
- Import what is heavy (numpy, scikit-learn, torch) inside the factory or the methods: the plugin's module is imported
  for every command.
"""

#: variable -> what it does
SWITCHES = {
    "DOCREVIEW_STRICT_PLUGINS=1": "A plugin that fails is an error with a traceback, where otherwise it is left out.",
    "DOCREVIEW_DISABLE_PLUGINS=a,b": "Leaves these plugins out, without importing them. `*`: all of them.",
    "DOCREVIEW_TRACE_PLUGINS=1": "Prints each hook call to stderr: which hook, by which plugins, how long.",
}
KEYS = """\
| in `docreview.toml` | |
|---|---|
| `[plugins] files = ["my_strategy.py"]` | One-file plugins, by path from the project's folder. |
| `[plugins] time_limit = 600` | Seconds that one call of a plugin's component may take. |

The limit is for selecting, fitting, scoring, explaining and deciding to stop. Files, texts, views, embedders, indexes
and oracles have none: they may rightly take hours.
"""
HANDED_OVER = """\
## What is handed over

Arrays are numpy's: `Ints` are int64, `Floats` float32, `Matrix` is a dense float32 array or a `scipy.sparse.csr_array`.
"""

#: what else belongs to a hook, beside the type that its docstring names
MORE = {
    "register_importers": ("Progress",),
    "register_views": ("Source", "Cache", "Writer", "Entry", "TextSource"),
    "register_indexes": ("VectorIndex",),
    "register_models": ("Fitted", "Predictor"),
}
#: where the protocols are that a component of a hook may have as well: those that are asked for at run time
OPTIONAL = {"register_views": "docreview.corpus", "register_models": "docreview.types"}
#: what is handed over, in the order of the page
HANDED = (
    "Selection",
    "StopDecision",
    "Document",
    "Question",
    "Label",
    "Batch",
    "Vectors",
    "Neighbors",
    "Annotation",
    "Round",
    "Sample",
    "Review",
    "Project",
)
#: members that are for docreview itself
HIDDEN = {
    "Cache": ("of", "sweep"),
    "Review": ("chain", "ledger"),
    "Project": ("assemble", "components", "settings", "status"),
}

#: fields of `ReviewState` that have no comment of their own
STATE = {
    "question": "What is asked: `labels`, `target` (or None), `prompt`.",
    "round": "Number of the round that is being drawn, from 1.",
    "n": "Number of documents.",
    "views": "Views by name (`lexical`, `semantic`); those that are not built yet are not there.",
    "labels": "(n,) consensus class index of each row, -1 where there is none.",
    "rounds": "(n,) round in which a row was first answered, 0 for a prior, -1 for not yet.",
    "reviewed": "Answered rows in order, priors and skips too.",
    "annotations": "Every answer, in order: who said what of which row.",
    "history": "What was known when each batch was drawn.",
    "samples": "Blind random draws, kept out of training and out of the pool.",
    "neighbors": "Each row's nearest others; None until they are found, or where there is no dense view.",
}


def home_of(name: str) -> Any:
    """The class of that name, wherever it is defined."""
    import docreview
    from docreview import cache, corpus, types

    for module in (types, corpus, cache, docreview):
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError(f"there is no type '{name}'")


def text_of(docstring: str | None) -> str:
    """A docstring as Markdown: single backticks, one line a paragraph."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or "").replace("``", "`"))
    return "\n\n".join(" ".join(part.split()) for part in paragraphs)


def blocks_of(docstring: str | None) -> dict[str, str]:
    """The fields of a hook's docstring, ``Called: once ...`` and so on; the summary under ``""``."""
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(docstring or "").replace("``", "`").splitlines():
        match = re.match(r"(Called|With|Must return|If it raises): (.*)", line)
        if match:
            name, line = match.groups()
        found[name] = f"{found.get(name, '')} {line}".strip()
    return found


def signature_of(function: Callable[..., Any], name: str) -> str:
    """``select(state: ReviewState, n: int) -> Selection``: as written, with defaults as one would type them."""
    signature = inspect.signature(function)
    parameters = []
    starred = False
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parameters.append("*")
        starred |= parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        parameters.append(f"{stars}{parameter.name}: {parameter.annotation}{default_of(parameter.default)}")
    return f"{name}({', '.join(parameters)}) -> {signature.return_annotation}"


def default_of(value: Any) -> str:
    """`` = 3``, or nothing where there is no default. Functions are named: where they lie in memory says nothing."""
    if value is inspect.Parameter.empty or value is MISSING:
        return ""
    return f" = {value.__name__ if inspect.isfunction(value) else repr(value)}"


def link(text: str) -> str:
    """Let types that are named with their module lead to their section."""
    return re.sub(r"`docreview\.(?:types|corpus)\.(\w+)`", lambda m: f"[{m[0]}](#{m[1].lower()})", text)


def members_of(kind: type) -> Iterator[str]:
    """One list entry a field, property and method, with what its docstring says."""
    concealed = HIDDEN.get(kind.__name__, ())
    if is_dataclass(kind):
        for entry in fields(kind):
            made = " = ..." if entry.default_factory is not MISSING else default_of(entry.default)
            yield f"- `{entry.name}: {entry.type}{made}`"
    for name, member in vars(kind).items():
        hidden = name.startswith("_") and name not in ("__call__", "__contains__")
        if hidden or name in concealed:
            continue
        if isinstance(member, classmethod):
            member = member.__func__
        if isinstance(member, property):
            shown, docstring = f"{name} -> {member.fget.__annotations__['return']}", member.fget.__doc__
        elif inspect.isfunction(member):
            shown, docstring = signature_of(member, name), member.__doc__
        else:
            continue
        said = text_of(docstring).replace("\n\n", "\n\n  ")
        yield f"- `{shown}`" + (f"<br>\n  {said}" if said else "")


def type_section(name: str) -> str:
    """One type: what its docstring says, and its members."""
    import docreview

    kind = home_of(name)
    listed = "\n".join(members_of(kind))
    where = f"`{kind.__module__}.{name}`" if name not in docreview.__all__ else f"`docreview.{name}`"
    return f"### {name}\n\n{where}: {text_of(kind.__doc__)}\n\n{listed}\n"


def state_section() -> str:
    """`ReviewState`: its fields and what it computes."""
    kind = home_of("ReviewState")
    source = inspect.getsource(kind)
    comments = re.findall(r"((?:^ +#: .*\n)+)^ +(\w+):", source, flags=re.MULTILINE)
    said = {**STATE, **{name: sentence(comment) for comment, name in comments}}
    names = [entry.name for entry in fields(kind)]
    if sorted([*STATE, *(name for _, name in comments)]) != sorted(names):
        raise SystemExit(f"docs/reference.py: STATE must say what these fields hold, once: {set(names) ^ set(said)}.")
    rows = [f"| `{f.name}` | `{f.type}` | {said[f.name]} |".replace(" | None", r" \| None") for f in fields(kind)]
    for name, member in vars(kind).items():
        getter = getattr(member, "fget", None) or getattr(member, "func", None)
        if getter is not None and not name.startswith("_"):
            rows.append(f"| `{name}` | `{getter.__annotations__['return']}` | {text_of(getter.__doc__)} |")
    table = "\n".join(["| field | type | what it holds |", "|---|---|---|", *rows])
    return f"### ReviewState\n\n`docreview.types.ReviewState`: {text_of(kind.__doc__)}\n\n{table}\n"


def hook_section(name: str, hook: Any, registry: Any) -> str:
    """One hook: its signature, the fields of its docstring, docreview's own components and the types it asks for."""
    from docreview.registry import KINDS

    blocks = blocks_of(hook.__doc__)
    lines = [f"## {name}", "", link(blocks.pop("")), "", "```python", "@docreview.hookimpl"]
    lines += [f"def {signature_of(hook, name)}: ...", "```", ""]
    lines += [f"- **{title}:** {link(text)}" for title, text in blocks.items()]
    several = "the first result that is not None wins" if hook.docreview_spec["firstresult"] else "each is called"
    lines += [f"- **Several plugins:** {several}."]
    kind = name.removeprefix("register_")
    if kind in KINDS:
        lines += ["", "docreview's own:", "", "| name | what it is |", "|---|---|"]
        lines += [f"| `{entry.name}` | {entry.summary.replace('``', '`')} |" for entry in registry.entries(kind)]
    asked = re.findall(r"`docreview\.(?:types|corpus)\.(\w+)`", hook.__doc__ or "")
    wanted = dict.fromkeys([*asked, *MORE.get(name, ()), *optional(OPTIONAL.get(name))])
    sections = [type_section(each) for each in wanted]
    return "\n".join(["\n".join(lines) + "\n", *sections])


def optional(module: str | None) -> list[str]:
    """Names of the protocols in a module that a component need not have."""
    members = vars(importlib.import_module(module)) if module else {}
    return [name for name, value in members.items() if getattr(value, "_is_runtime_protocol", False)]


def aliases() -> str:
    """Names for types that are not classes, with their comments."""
    from docreview import types

    found = re.findall(r"((?:^#: .*\n)+)^(\w+): TypeAlias = (.+)$", inspect.getsource(types), flags=re.MULTILINE)
    return "\n".join(f"- `{name}` = `{value}`: {sentence(comment)}" for comment, name, value in found) + "\n"


def sentence(comment: str) -> str:
    """The text of ``#:`` lines, as a sentence."""
    text = " ".join(line.strip().removeprefix("#:").strip() for line in comment.splitlines()).rstrip(".")
    return f"{text[0].upper()}{text[1:]}.".replace("``", "`")


def hooks() -> dict[str, Callable[..., Any]]:
    """Every hook by name, in the order of `hookspecs`."""
    from docreview import hookspecs

    return {name: value for name, value in vars(hookspecs).items() if hasattr(value, "docreview_spec")}


def page() -> str:
    """The whole page."""
    # what installed plugins bring does not belong on it
    os.environ["DOCREVIEW_DISABLE_PLUGINS"] = "*"
    from docreview.plugins import load_plugins

    registry = load_plugins().registry
    every = hooks()
    index = "\n".join(
        f"| [`{name}`](#{name}) | {blocks_of(hook.__doc__)[''].rstrip('.')} |" for name, hook in every.items()
    )
    switches = "\n".join(f"| `{variable}` | {effect} |" for variable, effect in SWITCHES.items())
    return "\n".join(
        [
            INTRODUCTION,
            f"## Hooks\n\n| hook | a plugin can |\n|---|---|\n{index}\n",
            *(hook_section(name, hook, registry) for name, hook in every.items()),
            SETTINGS,
            HANDED_OVER,
            aliases(),
            state_section(),
            *(type_section(name) for name in HANDED),
            f"## Switches\n\n| in the environment | |\n|---|---|\n{switches}\n\n{KEYS}",
        ]
    )


def main() -> int:
    """Write the page, or check it."""
    made = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text("utf-8") == made:
            return 0
        print("docs/plugins/reference.md is stale: run `make docs`.", file=sys.stderr)
        return 1
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
