"""`cliq associate`: add a bot to a channel."""

import click

from cliq_async.cli.errors import cli_field_names
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
    """Put BOT into CHANNEL, both given by their unique names."""
    with cli_field_names(bot_unique_name="BOT", channel_unique_name="CHANNEL"):
        connection.run(
            lambda client: client.bots.associate(bot, channel, extension_key=extension_key),
            max_wait_s=max_wait,
        )
    echo(f"associated: {clean(bot)} with {clean(channel)}")
