"""`cliq broadcast`: a message to everybody in a file."""

from typing import Final

import click

from cliq_async.bulk.payloads import MESSAGES
from cliq_async.bulk.template import MessageTemplate
from cliq_async.cli.bulk_job import Job
from cliq_async.cli.bulk_options import Bulk, bulk as bulk_options
from cliq_async.cli.inputs.message_file import read_message
from cliq_async.cli.options import ConnectionOptions, connection
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient

__all__ = ["broadcast"]

_ASKED: Final = 1_000


@click.command(
    short_help="Send a message to everybody in a file.",
    epilog=verbatim(
        """
Examples:
  cliq broadcast supportbot --to ids.txt --text "Maintenance at 6"
  cliq broadcast supportbot --to staff.csv --column ZUID --message news.json
  cliq broadcast supportbot --to staff.csv --column ZUID --template --text "Hello {{ Name }}"
  list-ids | cliq broadcast supportbot --to - --text "Hello" --json > report.json
"""
    ),
)
@click.argument("bot")
@bulk_options(most=MESSAGES.max_recipients, asked=_ASKED)
@connection
def broadcast(*, bot: str, bulk: Bulk, connection: ConnectionOptions) -> None:
    """Send a message from BOT to everybody in a file, as fast as the quota allows.

    With --template, to each their own: those whose messages are equal share requests, and all are
    checked before the first one is sent.

    Ctrl-C stops it: what is under way is finished, nothing more is sent, and the report says who
    got it. A second Ctrl-C does not wait for answers; those recipients are then unknown. With
    --journal, the same command goes on from there.
    """
    what = bulk.what(MessageTemplate, read_message)
    Job(
        connection=connection,
        bot=bot,
        bulk=bulk,
        kind=MESSAGES,
        what=what,
        make=CliqClient.broadcast_job,
        verb="Message",
        asked=_ASKED,
    ).run()
