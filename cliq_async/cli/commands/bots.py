"""`cliq bots`: list, show, create, change and delete bots, one by one or as `cliq.toml` says."""

from typing import Any

import click

from cliq_async.cli.commands.bots_apply import apply
from cliq_async.cli.commands.bots_edit import create, update
from cliq_async.cli.commands.bots_plan import plan
from cliq_async.cli.commands.bots_pull import pull
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.group import Group
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
    yes_option,
)
from cliq_async.cli.outputs.bot_tables import print_bot, print_bots
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.outputs.listing import collect, page_size
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, verbatim
from cliq_async.models.bot import Bot

__all__ = ["bots"]


@click.group(cls=Group)
def bots() -> None:
    """List, show, create, change and delete bots.

    BOT is a bot's unique name or its id, as `cliq bots list` shows them. KEY is a bot's key in the
    cliq.toml of the current folder.
    """


@click.command(
    "list",
    epilog=verbatim(
        """
Examples:
  cliq bots list
  cliq bots list --search support --scope team
  cliq bots list --limit 10 --json
"""
    ),
)
@click.option("--search", metavar="WORDS", help="Words to search for.")
@click.option(
    "--scope",
    metavar="SCOPE",
    help="Who can use the bots, such as organization, team or personal.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The most bots to list.")
@json_option
@connection_options
def list_bots(
    *,
    search: str | None,
    scope: str | None,
    limit: int | None,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """List the bots, with their ids and unique names."""
    listed = connection.run(
        lambda client: collect(
            client.bots.iter(limit=page_size(limit), search=search, scope=scope), "bot", limit
        )
    )
    if as_json:
        echo_json([bot.to_dict() for bot in listed])
    else:
        print_bots(listed)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq bots get supportbot
  cliq bots get 53719000001878011 --subscribers --json
"""
    ),
)
@click.argument("bot")
@click.option("--subscribers", is_flag=True, help="Show the subscription details too.")
@max_wait_option
@json_option
@connection_options
def get(
    *, bot: str, subscribers: bool, max_wait: float, as_json: bool, connection: ConnectionOptions
) -> None:
    """Show a bot and its handlers."""
    fields: Any = "subscription_details" if subscribers else None
    with cli_field_names(bot_id="BOT"):
        found: Bot = bot_lookup(connection, max_wait).read(bot, fields=fields)
    if as_json:
        echo_json(found.to_dict())
    else:
        print_bot(found, details=subscribers)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq bots delete opsbot
  cliq bots delete 53719000001878011 --yes
"""
    ),
)
@click.argument("bot")
@yes_option
@max_wait_option
@connection_options
def delete(*, bot: str, yes: bool, max_wait: float, connection: ConnectionOptions) -> None:
    """Delete a bot and its handlers permanently.

    Asks for confirmation unless --yes is given; any answer other than yes ends with exit 1.
    """
    given, lookup = bot, bot_lookup(connection, max_wait)
    with cli_field_names(bot_id="BOT"):
        if not yes:
            require_terminal()
            found: Bot = lookup.read(bot)
            confirm(f"Delete the bot {clean(found.name)} ({clean(found.unique_name)}) permanently?")
            given = found.id
        lookup.by_id(given, lambda client, bot_id: client.bots.delete(bot_id))
    echo(f"deleted: {clean(bot)}")


for _command in (list_bots, get, create, update, delete, plan, apply, pull):
    bots.add_command(_command)
