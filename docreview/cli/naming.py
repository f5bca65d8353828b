"""How components are named and set on the command line, and how they are named in `docreview.toml`."""

from __future__ import annotations

import datetime
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from docreview.errors import BadSetting, did_you_mean
from docreview.registry import KINDS

if TYPE_CHECKING:
    from docreview.registry import Registration, Registry

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: what a plugin may bring that is no component
COMMAND = "command"
#: words for a kind in the order of `KINDS`: "query-strategy"; and what they mean: "query_strategies"
WORDS = {singular.replace("_", "-"): kind for kind, singular in KINDS.items()}
_MEANT = {**WORDS, **{kind.replace("_", "-"): kind for kind in KINDS}}
_MEANT |= {"strategy": "query_strategies", "rule": "stopping_rules", "processor": "text_processors"}


class Kind(click.ParamType[str]):
    """A kind of component, by its word (``query-strategy``, ``strategy``); `more` words are returned as they are."""

    name = "kind"

    def __init__(self, *more: str) -> None:
        self.more = more

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Name the kinds there are."""
        return f"One of {', '.join([*WORDS, *self.more])}."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the key of `KINDS`."""
        word = str(value).lower().replace("_", "-").replace(" ", "-")
        if word in self.more:
            return word
        if word not in _MEANT:
            self.fail(f"there is no kind '{value}'.{did_you_mean(word, [*WORDS, *self.more])}", param, ctx)
        return _MEANT[word]


def words(kind: str) -> str:
    """Return ``"query strategy"`` for ``"query_strategies"``."""
    return KINDS[kind].replace("_", " ")


# ----------------------------------------------------------------------------------------------------- to and from TOML


def parsed(text: str) -> Any:
    """A value as it would stand in `docreview.toml`; text where it is no TOML."""
    try:
        table = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    value = table["value"]
    plain = len(table) == 1 and not isinstance(value, datetime.date | datetime.time)
    return value if plain else text


def set_option(what: str) -> Callable[[_Command], _Command]:
    """Add ``--set KEY=VALUE``, a setting of the importer, the exporter ..."""
    text = f"A setting of the {what} ('docreview plugins info' lists them); may be given again."
    return click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help=text)


def settings_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from ``KEY=VALUE`` each."""
    settings = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise click.UsageError(f"--set takes KEY=VALUE, not '{pair}'.")
        settings[key.strip()] = parsed(value.strip())
    return settings


def spec_of(text: str, option: str) -> str | dict[str, Any]:
    """A component from an option: its name, or a table such as ``{name = "noisy", flip = 0.1}``."""
    if not text.lstrip().startswith("{"):
        return text
    table = parsed(text)
    if not isinstance(table, dict):
        raise click.UsageError(f"{option}: this is no table in TOML: {text}")
    if not isinstance(table.get("name"), str):
        raise click.UsageError(f"{option}: the table needs a name: {text}")
    return table


def label_of_spec(spec: str | Mapping[str, Any]) -> str:
    """What a component is called in a table of results: its name, with its settings where there are any."""
    if isinstance(spec, str):
        return spec
    settings = ", ".join(f"{key} = {toml(value)}" for key, value in spec.items() if key != "name")
    return f"{spec['name']} ({settings})" if settings else str(spec["name"])


def toml(value: Any) -> str | None:
    """A value as TOML; None where TOML has no way to write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # what JSON escapes TOML escapes in the same way; it wants this one escaped too
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        parts = [toml(entry) for entry in value]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    if isinstance(value, Mapping):
        pairs = {toml_key(key): toml(entry) for key, entry in value.items()}
        inside = ", ".join(f"{key} = {entry}" for key, entry in pairs.items())
        return None if None in pairs.values() else f"{{ {inside} }}" if pairs else "{}"
    return None


def toml_key(key: Any) -> str:
    """A key as TOML."""
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else str(toml(text))


# ---------------------------------------------------------------------------------------------------------------- usage

#: kind -> the table of docreview.toml in which a component is named
_TABLES = {
    "views": "# [views.lexical] and [views.semantic] beside it, where they are wanted\n[views.{name}]",
    "indexes": '[index]\nname = "{name}"',
    "classifiers": '[questions.{question}.model]\nname = "late-fusion"\n\n'
    '[questions.{question}.model.classifier]\nname = "{name}"',
    "models": '[questions.{question}.model]\nname = "{name}"',
    "query_strategies": '[questions.{question}.query_strategy]\nname = "{name}"',
    "stopping_rules": '[questions.{question}.stopping_rule]\nname = "{name}"',
    "presets": '[questions.{question}]\npreset = "{name}"',
}
_COMMANDS = {
    "importers": "docreview add FILE",
    "exporters": "docreview export FILE",
    "oracles": "docreview simulate --oracle {spec}",
    COMMAND: "docreview {name}",
}


def in_toml(kind: str) -> bool:
    """Whether components of the kind are named in `docreview.toml`, and not on the command line."""
    return kind not in _COMMANDS


def usage(kind: str, name: str, settings: Sequence[str] = (), question: str = "QUESTION") -> list[str]:
    """Lines for `docreview.toml` that name a component, or the command that uses it.

    `settings` are lines to go with the name, comments among them.
    """
    stated = [line for line in settings if not line.startswith("#")]
    table = f"{{ name = {toml(name)}, {', '.join(stated)} }}" if stated else toml(name)
    if kind == "text_processors":
        return ["[corpus]", f"text_processors = [{table}]" if name == "nfc" else f'text_processors = ["nfc", {table}]']
    if kind == "embedders":
        return ["[views.semantic]", f"embedder = {table}"]
    if kind in _TABLES:
        return [*_TABLES[kind].format(name=name, question=toml_key(question)).splitlines(), *settings]
    command = _COMMANDS[kind].format(name=name, spec=f"'{table}'" if stated else name)
    return [command + (" --set KEY=VALUE" if settings and kind in ("importers", "exporters") else "")]


_EXAMPLES = {"a whole number": "100", "a number": "0.5", "true or false": "true", "a text": '"..."'}


def setting_lines(entry: Registration) -> list[str]:
    """A line of TOML for each setting: those it needs with an example, the others as comments with their defaults."""
    lines = []
    types = entry.types()
    for name, parameter in entry.settings.items():
        if parameter.default is parameter.empty:
            lines.append(f"{name} = {_example(types[name])}")
        else:
            default = toml(parameter.default)
            lines.append(f"# {name} = {default if default is not None else '...'}")
    return lines


def _example(type_: str) -> str:
    if type_.startswith("a table"):
        return "{}"
    if type_.startswith("a list"):
        return '["..."]'
    first = re.match(r"one of '([^']*)'", type_)
    return str(toml(first[1])) if first else _EXAMPLES.get(type_, '"..."')


# -------------------------------------------------------------------------------------------------------------- oracles


def with_truth(registry: Registry, spec: Any, truth: Mapping[str, str]) -> Any:
    """An oracle's table, the truth put in where it needs an oracle or labels and none are given.

    So ``noisy`` errs about the truth without being told what that is.
    """
    if not isinstance(spec, str | Mapping):
        return spec
    table: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    if not isinstance(table.get("name"), str):
        raise BadSetting(f"an oracle needs a name, or a table with a 'name'; got {spec!r}.")
    entry = registry.get("oracles", table["name"])
    if entry.types().get("oracle") == "an oracle":
        if entry.settings["oracle"].default is inspect.Parameter.empty:
            table.setdefault("oracle", "known-labels")
        if "oracle" in table:
            table["oracle"] = with_truth(registry, table["oracle"], truth)
    if entry.built_in and entry.name == "known-labels":
        table.setdefault("labels", dict(truth))
    return table
