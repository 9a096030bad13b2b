"""`cliq send`: send one message in one request."""

from pathlib import Path

import click

from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.inputs.message_file import FIELDS_HELP, read_message
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    allow_unknown_option,
    connection_options,
    extension_key_option,
    input_file,
    json_option,
    max_wait_option,
    text_type,
    to_option,
)
from cliq_async.cli.outputs.console import echo, echo_err, echo_json
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.client import CliqClient
from cliq_async.models.message import Message, SentMessage

__all__ = ["message_of", "send"]


def message_of(text: str | None, path: Path | None, *, allow_unknown: bool = False) -> Message:
    """Build a message from a text or a file.

    Raises:
        UsageError: Both are given, or neither.
        CliError: The file cannot be read as a message.
        ValidationError: The message breaks a limit.
    """
    if (text is None) == (path is None):
        raise click.UsageError("give either TEXT or --message")
    if path is not None:
        return read_message(path, allow_unknown=allow_unknown)
    with cli_field_names(text="TEXT"):
        return Message(text or "")


@click.command(
    short_help="Send a message to people, a channel or all subscribers.",
    epilog=verbatim(
        """
Examples:
  cliq send supportbot "Disk full on db-1" --to 55743307,ann@example.com
  cliq send supportbot "Deployed 3.6" --channel announcements
  cliq send supportbot --message poll.json --broadcast
  df -h | cliq send supportbot - --to ann@example.com
""",
        FIELDS_HELP,
    ),
)
@click.argument("bot")
@click.argument("text", required=False, type=text_type)
@to_option()
@click.option("--channel", metavar="NAME", help="A channel's unique name.")
@click.option("--broadcast", is_flag=True, help="Send to all subscribers of the bot.")
@click.option(
    "--message",
    type=input_file,
    metavar="FILE.json|-",
    help="The message as JSON, instead of TEXT.",
)
@allow_unknown_option
@extension_key_option
@max_wait_option
@json_option
@connection_options
def send(
    *,
    bot: str,
    text: str | None,
    to: list[str],
    channel: str | None,
    broadcast: bool,
    message: Path | None,
    allow_unknown: bool,
    extension_key: str | None,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Send TEXT, or standard input for -, from BOT, given by its unique name or id.

    To up to 100 people, one channel or all subscribers. Cliq silently drops recipients that it does
    not know, unless it knows none of them.
    """
    content = message_of(text, message, allow_unknown=allow_unknown)
    if bool(to) + (channel is not None) + broadcast != 1:
        raise click.UsageError("give either --to, --channel or --broadcast")

    async def work(client: CliqClient, name: str) -> SentMessage:
        return await client.messages.send(
            name,
            content,
            user_ids=to,
            channel=channel,
            broadcast=broadcast,
            extension_key=extension_key,
        )

    with cli_field_names(bot_unique_name="BOT", user_ids="--to", channel="--channel"):
        sent = bot_lookup(connection, max_wait).by_name(bot, work)
    if as_json:
        ids = {"chat_id": sent.chat_id, "message_id": sent.message_id}
        echo_json({"accepted": True, **ids, "unreached": sent.unreached})
        return
    if channel is not None:
        recipients = f"channel {clean(channel)}"
    else:
        recipients = "all subscribers" if broadcast else plural(len(to), "recipient")
    echo(f"accepted: {clean(bot)} to {recipients}")
    for name, value in (("chat", sent.chat_id), ("message", sent.message_id)):
        if value:
            echo(f"{name} {clean(value)}")
    if sent.unreached:
        echo_err(f"warning: Cliq did not reach {', '.join(sent.unreached)}")
