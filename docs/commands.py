"""Print the page of all commands and options, generated from the commands: `make reference`."""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

import click

from cliq_async.cli.app import cliq
from cliq_async.cli.help import ConnectionOption, option_record

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
    commands = list(leaves(cliq))
    every = {each.name: each for _, command in commands for each in _options(command, shared=True)}
    sections = "".join(_section(path, command, list(every)) for path, command in commands)
    return f"{_TOP}{sections}\n## Connection options\n{_table(every.values())}"


def _section(path: str, command: click.Command, connection: list[str | None]) -> str:
    usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=path)))
    said = " ".join((command.help or "").partition("\n\n")[0].split())
    table = _table(_options(command, shared=False))
    shared = [each.name for each in _options(command, shared=True)]
    without = " and ".join(f"`--{name}`" for name in connection if name not in shared)
    also = "\nAlso the [connection options](#connection-options)" if shared else ""
    also += f", without {without}.\n" if also and without else ".\n" if also else ""
    return f"\n## {path}\n\n`{path} {usage}`\n\n{said}\n{table}{also}"


def _options(command: click.Command, *, shared: bool) -> Iterator[click.Option]:
    for each in command.params:
        if isinstance(each, click.Option) and isinstance(each, ConnectionOption) is shared:
            yield each


def _table(options: Iterable[click.Option]) -> str:
    rows = "".join(map(_row, options))
    return f"\n| option | meaning |\n|---|---|\n{rows}" if rows else ""


def _row(option: click.Option) -> str:
    ctx = click.Context(cliq, show_default=True)
    names, meaning = option_record(option, ctx) or ("", "")
    names, meaning = names.replace("|", "\\|"), meaning.replace("|", "\\|").replace("`", "")
    return f"| `{names}` | {' '.join(meaning.replace('<', '&lt;').split())} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
