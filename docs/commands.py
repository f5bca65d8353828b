"""Writes docs/commands.md from the commands' own help: `make docs`. With --check, only says whether it is stale."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

PAGE = Path(__file__).with_name("commands.md")
INTRODUCTION = """\
# Commands

Each command's own help, collected by `make docs`. `docreview COMMAND --help` shows the same.
"""


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    """One section a command, a group before its members."""
    # a fixed width and no color, so that the page does not depend on who makes it
    look: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100, "color": False}
    context = click.Context(command, parent, name, **{**command.context_settings, **look})
    yield f"## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for member_name in sorted(command.list_commands(context)):
            member = command.get_command(context, member_name)
            assert member is not None
            yield from sections(member, member_name, context)


def main() -> int:
    """Write the page, or check it."""
    # commands that installed plugins add do not belong on this page
    os.environ["DOCREVIEW_DISABLE_PLUGINS"] = "*"
    from docreview.cli import cli

    page = "\n".join([INTRODUCTION, *sections(cli, "docreview")])
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text("utf-8") == page:
            return 0
        print("docs/commands.md is stale: run `make docs`.", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
