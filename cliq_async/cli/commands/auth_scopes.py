"""auth_scopes."""

import click

from cliq_async.cli.options import as_json
from cliq_async.cli.outputs.console import echo, echo_json, table
from cliq_async.cli.scopes import commands_named, scopes_of
from cliq_async.cli.text import verbatim

__all__ = ["scopes"]


@click.command(
    short_help="Show which scopes commands need.",
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
@as_json
def scopes(*, commands: tuple[str, ...], as_json: bool) -> None:
    """Show the scopes that COMMANDs need, as one line for the form of Zoho's API console.

    Without a COMMAND, those of each and then the line for all of them.
    """
    named = commands_named(commands)
    if as_json:
        echo_json({name: scopes_of([name]) for name in named})
        return
    if not commands:
        rows = [(name, ", ".join(scopes_of([name]))) for name in named]
        table(rows, header=("command", "scopes"))
        echo()
    echo(",".join(scopes_of(named)))
