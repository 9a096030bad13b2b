"""`cliq auth scopes`: list the scopes that commands need."""

import click

from cliq_async.cli.options import json_option
from cliq_async.cli.outputs.console import echo, echo_json, table
from cliq_async.cli.required_scopes import parse_commands, scopes_needed
from cliq_async.cli.text import verbatim

__all__ = ["scopes"]


@click.command(
    short_help="List the scopes that commands need.",
    epilog=verbatim(
        """
Examples:
  cliq auth scopes
  cliq auth scopes send broadcast subscribers
  cliq auth scopes bots list associate
"""
    ),
)
@click.argument("commands", metavar="[COMMAND]...", nargs=-1)
@json_option
def scopes(*, commands: tuple[str, ...], as_json: bool) -> None:
    """List the scopes that COMMANDs need, as one line for the form of Zoho's API console.

    Without a COMMAND, list the scopes of each command, then the line for all of them.
    """
    names = parse_commands(commands)
    if as_json:
        echo_json([{"command": name, "scopes": scopes_needed([name])} for name in names])
        return
    if not commands:
        rows = [(name, ", ".join(scopes_needed([name]))) for name in names]
        table(rows, header=("command", "scopes"), free=(1,))
        echo()
    echo(",".join(scopes_needed(names)))
