"""`cliq associate`: add a bot to a channel."""

import click

from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    extension_key_option,
    max_wait_option,
)
from cliq_async.cli.outputs.console import echo
from cliq_async.cli.text import clean, verbatim

__all__ = ["associate"]


@click.command(
    short_help="Put a bot into a channel.",
    epilog=verbatim(
        """
Examples:
  cliq associate supportbot releases
"""
    ),
)
@click.argument("bot")
@click.argument("channel")
@extension_key_option
@max_wait_option
@connection_options
def associate(
    *,
    bot: str,
    channel: str,
    extension_key: str | None,
    max_wait: float,
    connection: ConnectionOptions,
) -> None:
    """Put BOT, given by its unique name or id, into CHANNEL, given by its unique name."""
    with cli_field_names(bot_unique_name="BOT", channel_unique_name="CHANNEL"):
        bot_lookup(connection, max_wait).by_name(
            bot,
            lambda client, name: client.bots.associate(name, channel, extension_key=extension_key),
        )
    echo(f"associated: {clean(bot)} with {clean(channel)}")
