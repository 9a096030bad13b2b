"""Print the page of all commands and options, generated from the commands: `make reference`."""

import sys
from collections.abc import Iterator
from typing import Final

import click

from cliq_async.cli.app import cliq

__all__ = ["leaves", "page"]

_TOP: Final = """\
# All commands

Every command with its arguments and options. [Use the command line](command-line.md) says how
to use them together, and with which status they end. `make reference` makes
this page from the commands.
"""


def leaves(group: click.Group, path: str = "cliq") -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group and of its subgroups, each with its full name."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{path} {name}", command
            yield from leaves(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def page() -> str:
    """Return the page, as Markdown."""
    return _TOP + "".join(_section(path, command) for path, command in leaves(cliq))


def _section(path: str, command: click.Command) -> str:
    ctx = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(ctx))
    said = " ".join((command.help or "").partition("\n\n")[0].split())
    rows = "".join(_row(each, ctx) for each in command.params if isinstance(each, click.Option))
    table = f"\n| option | meaning |\n|---|---|\n{rows}" if rows else ""
    return f"\n## {path}\n\n`{path} {usage}`\n\n{said}\n{table}"


def _row(option: click.Option, ctx: click.Context) -> str:
    names, meaning = option.get_help_record(ctx) or ("", "")
    names, meaning = names.replace("|", "\\|"), meaning.replace("|", "\\|").replace("`", "")
    return f"| `{names}` | {' '.join(meaning.replace('<', '&lt;').split())} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
