"""The plugin in docreview: installed, found, light."""

from __future__ import annotations

import subprocess
import sys

import docreview_exchange

from docreview import Project


def docreview(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "docreview", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_is_there_once_the_plugin_is_installed() -> None:
    told = docreview("exchange", "--help")
    assert "Exchange files with people who do not use docreview." in told
    for command in ("send", "receive", "config", "dataset"):
        assert f"\n  {command} " in told


def test_its_components_are_registered(project: Project) -> None:
    registry = project.plugins.registry
    assert "exchange" in project.plugins.loaded
    assert not project.plugins.quarantined
    for kind, name in (
        ("oracles", "answered-file"),
        *(("exporters", exporter) for exporter in ("label-studio", "parquet", "spacy")),
    ):
        assert registry.get(kind, name).plugin == "exchange"
        assert registry.get(kind, name).summary


def test_it_states_the_interface_it_was_written_for() -> None:
    assert docreview_exchange.docreview_api == 1


def test_loading_it_loads_nothing_heavy() -> None:
    code = """
import sys, click, docreview_exchange as plugin
plugin.register_commands(click.Group())
for hook in (plugin.register_oracles, plugin.register_exporters):
    hook(lambda name, factory: None)
heavy = {"numpy", "pyarrow", "rich", "spacy", "sqlalchemy", "torch", "sklearn"}
print(*sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
