"""The command line. ``docreview --help`` shows what is here without loading any of it.

A command's module is imported when the command is called. Its line in the list of commands stands here, so that the
list costs nothing. Commands of plugins come through the hook ``register_commands``; see `docreview.cli.extra`.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

import docreview
from docreview.errors import DocreviewError, did_you_mean

#: command -> (module in this package, its line in the list)
COMMANDS = {
    "new": ("setup", "Make a project: a folder with a question and a settings file."),
    "add": ("setup", "Add documents from files or folders."),
    "embed": ("setup", "Let the semantic model read the documents now."),
    "review": ("reviewing", "Review in this terminal: read, press a key, next."),
    "next": ("scripting", "Print the documents to read next."),
    "record": ("scripting", "Record labels from the command line or from JSON lines."),
    "status": ("results", "Say where the review stands."),
    "validate": ("validating", "Measure by random samples what a review has missed: plan, sample, report."),
    "report": ("results", "Write the report: one HTML file, or JSON."),
    "export": ("results", "Write the documents with their labels to a file."),
    "save-model": ("predicting", "Write the trained model to one file."),
    "predict": ("predicting", "Label other documents with a saved model, without the project."),
    "replay": ("results", "Check the record, and draw every batch again; or ask stopping rules of it."),
    "simulate": ("simulating", "Measure what a review would have cost, on known labels."),
    "plugins": ("plugins", "List components and plugins; check, explain and begin them."),
    "demo": ("demonstrating", "Review a real legal collection, from nothing to the report."),
}


class LazyGroup(click.Group):
    """Knows its commands by name, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands in the order in which they are used, then those of plugins."""
        from docreview.cli.extra import plugin_commands

        return [*COMMANDS, *sorted(plugin_commands(tuple(COMMANDS)).commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command. Plugins are looked at for a name that is not built in, and only then."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"docreview.cli.{COMMANDS[cmd_name][0]}")
            command = getattr(module, cmd_name.replace("-", "_") + "_command")
            assert isinstance(command, click.Command)
            return command
        from docreview.cli.extra import plugin_commands

        return plugin_commands(tuple(COMMANDS)).commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; an unknown one is told what it may have meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from docreview.cli.extra import plugin_commands

            hint = did_you_mean(args[0], self.list_commands(ctx))
            extra = plugin_commands(tuple(COMMANDS))
            out = [*(f"'{plugin.name}' (not loaded)" for plugin in extra.failed)]
            out += [f"'{name}' (switched off)" for name in extra.disabled]
            # it may be one of theirs that was meant, and without them there is no telling
            missing = f" Plugins left out: {', '.join(out)}; 'docreview plugins' says why." if out else ""
            raise click.UsageError(f"there is no command '{args[0]}'.{hint}{missing}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        from docreview.cli.extra import plugin_commands

        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        extra = plugin_commands(tuple(COMMANDS))
        if extra.commands:
            with formatter.section("Commands of plugins"):
                lines = {name: command.get_short_help_str(70) for name, command in extra.commands.items()}
                formatter.write_dl(sorted(lines.items()))
        if extra.failed:
            formatter.write_paragraph()
            names = ", ".join(f"'{plugin.name}'" for plugin in extra.failed)
            formatter.write_text(f"Not loaded: {names}. 'docreview plugins' says why.")


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with 'docreview demo', or with your own files: docreview new, then add, then review.",
)
@click.version_option(docreview.__version__, prog_name="docreview", message="%(prog)s %(version)s")
def cli() -> None:
    """Find the documents that matter by reading a fraction of them.

    You label documents; docreview learns from your labels, shows you next what it thinks matters, and says when you
    may stop.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 well, 1 a mistake that can be mended, 2 a wrong call, 130 interrupted."""
    if sys.stdin is None:  # whoever started us has closed it: there is nothing to read
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    try:
        code = cli.main(args=None if args is None else list(args), prog_name="docreview", standalone_mode=False)
    except DocreviewError as error:
        from docreview.cli.common import printable

        _say_where(error)
        click.echo(f"Error: {printable(str(error))}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. What was recorded stays recorded.", err=True)
        sys.exit(130)
    except OSError as error:
        _stop_writing(error)
    try:
        if sys.stdout is not None:  # a script may have closed it
            sys.stdout.flush()
    except OSError as error:
        _stop_writing(error)
    sys.exit(code if isinstance(code, int) else 0)


def _say_where(error: DocreviewError) -> None:
    """Print the traceback of what caused the error, for whoever writes a plugin and asked for it."""
    from docreview.plugins import strict

    if error.__cause__ is not None and strict():
        traceback.print_exception(error.__cause__)


def _stop_writing(error: OSError) -> None:
    """End where the output cannot be written: its reader, `head` for instance, has had enough, or the disk is full."""
    if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        raise error
    if error.errno != errno.EPIPE:
        click.echo(f"Error: cannot write: {error.strerror}. Free space and try again.", err=True)
    # the interpreter flushes at its end, and would complain once more: let it flush into nothing
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
