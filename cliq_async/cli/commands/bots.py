"""`cliq bots`: the bots that the user can see."""

from typing import Any, get_args

import click

from cliq_async.cli.commands.bots_edit import create, update
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.group import Group
from cliq_async.cli.options import ConnectionOptions, as_json, connection, max_wait, yes
from cliq_async.cli.outputs.bot_tables import plain_bot, print_bot, print_bots
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.outputs.listing import collect, page_size
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, verbatim
from cliq_async.models.bot import Scope

__all__ = ["bots"]


@click.group(cls=Group)
def bots() -> None:
    """List, show, make, change and delete bots.

    BOT_ID is a bot's id, as `cliq bots list` shows it; its unique name is not one.
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
@click.option("--search", metavar="WORDS", help="Words to look for.")
@click.option("--scope", type=click.Choice(get_args(Scope)), help="Whom they are for.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="How many in all.")
@as_json
@connection
def list_bots(
    *,
    search: str | None,
    scope: str | None,
    limit: int | None,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """List the bots, with their ids and unique names."""
    found = connection.run(
        lambda client: collect(
            client.bots.iter(limit=page_size(limit), search=search, scope=scope), "bot", limit
        )
    )
    if as_json:
        echo_json([plain_bot(bot) for bot in found])
    else:
        print_bots(found)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq bots get 53719000001878011
  cliq bots get 53719000001878011 --subscribers --json
"""
    ),
)
@click.argument("bot_id")
@click.option("--subscribers", is_flag=True, help="Its subscription details as well.")
@max_wait
@as_json
@connection
def get(
    *, bot_id: str, subscribers: bool, max_wait: float, as_json: bool, connection: ConnectionOptions
) -> None:
    """Show a bot and its handlers."""
    fields: Any = "subscription_details" if subscribers else None
    with cli_field_names(bot_id="BOT_ID"):
        bot = connection.run(
            lambda client: client.bots.get(bot_id, fields=fields), max_wait_s=max_wait
        )
    if as_json:
        echo_json(plain_bot(bot))
    else:
        print_bot(bot, details=subscribers)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq bots delete 53719000001878011
  cliq bots delete 53719000001878011 --yes
"""
    ),
)
@click.argument("bot_id")
@yes
@max_wait
@connection
def delete(*, bot_id: str, yes: bool, max_wait: float, connection: ConnectionOptions) -> None:
    """Delete a bot for good, and with it its handlers.

    Asks first, unless there is --yes; any answer but yes ends with exit 1.
    """
    with cli_field_names(bot_id="BOT_ID"):
        if not yes:
            require_terminal()
            bot = connection.run(lambda client: client.bots.get(bot_id), max_wait_s=max_wait)
            confirm(f"Delete the bot {clean(bot.name)} ({clean(bot.unique_name)}) for good?")
        connection.run(lambda client: client.bots.delete(bot_id), max_wait_s=max_wait)
    echo(f"deleted: {clean(bot_id)}")


for _command in (list_bots, get, create, update, delete):
    bots.add_command(_command)
