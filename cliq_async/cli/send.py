"""`cliq send`: one message, in one request."""

import asyncio
from pathlib import Path

import click

from cliq_async.cli.message_file import FIELDS_HELP, read_message
from cliq_async.cli.options import Connection, connection, seconds, verbatim
from cliq_async.cli.output import clean, echo, echo_json, plural
from cliq_async.models.message import Message, SentMessage

__all__ = ["message_of", "send"]


def message_of(text: str | None, path: Path | None, what: str) -> Message:
    """The message from a text or a file, of which exactly one is given.

    Raises:
        UsageError: Both are given, or none.
        Failure: The file cannot be read as a message.
        ValidationError: The message breaks a limit.
    """
    if (text is None) == (path is None):
        raise click.UsageError(f"give {what} or --message, one of them")
    return Message(text) if path is None else read_message(path)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq send supportbot "Disk full on db-1" --to 55743307,ann@example.com
  cliq send supportbot "Deployed 3.6" --channel releases
  cliq send supportbot --message poll.json --broadcast
""",
        FIELDS_HELP,
    )
)
@click.argument("bot")
@click.argument("text", required=False)
@click.option(
    "--to", metavar="ID", multiple=True, help="A ZUID or email address, or several: --to 1,2 --to 3"
)
@click.option("--channel", metavar="NAME", help="A channel's unique name.")
@click.option("--broadcast", is_flag=True, help="To every subscriber of the bot.")
@click.option(
    "--message",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="The message as JSON, instead of TEXT.",
)
@click.option(
    "--max-wait",
    type=seconds,
    default=75.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the quota; beyond that, exit 3.",
)
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@connection
def send(
    *,
    bot: str,
    text: str | None,
    to: tuple[str, ...],
    channel: str | None,
    broadcast: bool,
    message: Path | None,
    max_wait: float,
    as_json: bool,
    connection: Connection,
) -> None:
    """Send TEXT from BOT, given by its unique name.

    To up to 100 people, one channel or all subscribers. Cliq drops recipients it does not know
    without a word, unless it knows none of them.
    """
    content = message_of(text, message, "TEXT")
    ids = [each.strip() for value in to for each in value.split(",")]
    if bool(ids) + (channel is not None) + broadcast != 1:
        raise click.UsageError("give --to, --channel or --broadcast, one of them")

    async def work() -> SentMessage:
        async with connection.client(max_wait_s=max_wait) as client:
            return await client.messages.send(
                bot, content, user_ids=ids, channel=channel, broadcast=broadcast
            )

    sent = asyncio.run(work())
    if as_json:
        echo_json({"accepted": True, "chat_id": sent.chat_id, "message_id": sent.message_id})
        return
    if channel is not None:
        whom = f"channel {clean(channel)}"
    else:
        whom = "all subscribers" if broadcast else plural(len(ids), "recipient")
    echo(f"accepted: {clean(bot)} to {whom}")
    for name, value in (("chat", sent.chat_id), ("message", sent.message_id)):
        if value:
            echo(f"{name} {clean(value)}")
