"""Command groups that list their commands in a given order and import them on first use."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from cliq_async.cli.help import Command, SectionedHelp
from cliq_async.errors import suggest

__all__ = ["Group", "LazyCommand", "LazyGroup"]


class LazyCommand(NamedTuple):
    """A command that is not imported yet.

    Attributes:
        path: The command's module and attribute: `module:attribute`.
        short_help: The command's short help, which a listing shows without importing the command.
    """

    path: str
    short_help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.path.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class Group(SectionedHelp, click.Group):
    """A group that lists its commands in the order in which they were added."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        names = self.list_commands(ctx)
        if not (args[0] in names or args[0].startswith("-") or ctx.resilient_parsing):
            ctx.fail(f"there is no command {args[0]!r}; {suggest(args[0], names)}")
        return super().resolve_command(ctx, args)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, and give it the help that all commands have."""
        if type(cmd) is click.Command:  # as `click.command` makes it
            cmd.__class__ = Command
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's call
        """Return the names of the commands."""
        return list(self.commands)


class LazyGroup(Group):
    """A group that imports a command when the command is run, or its own help is shown.

    Args:
        lazy: The commands by name, in the order of the listing.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **options: Any) -> None:
        super().__init__(*args, **options)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's call
        """Return the names of the commands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is no command of that name."""
        if cmd_name not in self.commands and cmd_name in self.lazy:
            self.add_command(self.lazy[cmd_name].load(), cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the listing of the commands from their static help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.short_help) for name, each in self.lazy.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that complete a word."""
        commands = [
            CompletionItem(name, help=each.short_help)
            for name, each in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)
