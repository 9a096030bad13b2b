"""`cliq broadcast`: send a message to all recipients in a file."""

from typing import Final

import click

from cliq_async.bulk.payloads import MESSAGES
from cliq_async.bulk.template import MessageTemplate
from cliq_async.cli.bulk_job import BulkJob
from cliq_async.cli.bulk_options import BulkOptions, bulk_options
from cliq_async.cli.inputs.message_file import read_message
from cliq_async.cli.options import ConnectionOptions, connection_options
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient

__all__ = ["broadcast"]

_CONFIRM_ABOVE: Final = 1_000


@click.command(
    short_help="Send a message to all recipients in a file.",
    epilog=verbatim(
        """
Examples:
  cliq broadcast supportbot --to ids.txt --text "Maintenance at 6"
  cliq broadcast supportbot --to staff.csv --column ZUID --message news.json
  cliq broadcast supportbot --to staff.csv --column ZUID --template \\
      --text "Hello {{ Name }}"
  list-ids | cliq broadcast supportbot --to - --text Hello --json > done.json
"""
    ),
)
@click.argument("bot")
@bulk_options(max_recipients=MESSAGES.max_recipients, confirm_above=_CONFIRM_ABOVE)
@connection_options
def broadcast(*, bot: str, bulk: BulkOptions, connection: ConnectionOptions) -> None:
    """Send a message from BOT to all recipients in a file, as fast as the quota allows.

    With --template, recipients get personal messages: all of them are checked before the first one
    is sent, and recipients of equal messages share requests.

    Ctrl-C stops the job: requests in flight are finished, no more are sent, and the report shows
    who was reached. A second Ctrl-C aborts the requests in flight; their recipients are then
    unknown. With --journal, the same command resumes the job.
    """
    content = bulk.content(MessageTemplate, read_message)
    BulkJob(
        connection=connection,
        bot=bot,
        bulk=bulk,
        payload=MESSAGES,
        content=content,
        create_job=CliqClient.broadcast_job,
        verb="Message",
        confirm_above=_CONFIRM_ABOVE,
    ).run()
