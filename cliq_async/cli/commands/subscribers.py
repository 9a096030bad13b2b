"""`cliq subscribers`: list, export and sync the subscribers of a bot."""

import click

from cliq_async.cli.commands.subscribers_export import export
from cliq_async.cli.commands.subscribers_sync import sync
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.group import Group
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    extension_key_option,
    json_option,
)
from cliq_async.cli.outputs.console import echo_err, echo_json, table
from cliq_async.cli.outputs.listing import collect, page_size
from cliq_async.cli.text import clean, verbatim

__all__ = ["subscribers"]


@click.group(cls=Group)
def subscribers() -> None:
    """List the subscribers of a bot, or write them to a file.

    BOT is the bot's id or its unique name. Only its creator and the admins have access.
    """


@click.command(
    "list",
    epilog=verbatim(
        """
Examples:
  cliq subscribers list supportbot
  cliq subscribers list supportbot --limit 10 --json
"""
    ),
)
@click.argument("bot")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The most subscribers to list.")
@extension_key_option
@json_option
@connection_options
def list_subscribers(
    *,
    bot: str,
    limit: int | None,
    extension_key: str | None,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """List the subscribers of a bot."""
    with cli_field_names(bot="BOT"):
        listed = connection.run(
            lambda client: collect(
                client.subscribers.iter(bot, limit=page_size(limit), extension_key=extension_key),
                "subscriber",
                limit,
            )
        )
    if as_json:
        echo_json([each.to_dict() for each in listed])
    elif listed:
        rows = [(clean(each.user_id), clean(each.name), clean(each.email_id)) for each in listed]
        table(rows, header=("user id", "name", "email"))
    else:
        echo_err("no subscribers")


for _command in (list_subscribers, export, sync):
    subscribers.add_command(_command)
