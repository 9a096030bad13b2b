"""`cliq call-many`: call all recipients in a file."""

from pathlib import Path
from typing import Final

import click

from cliq_async.bulk.payloads import CALLS
from cliq_async.bulk.template import CallTemplate
from cliq_async.cli.bulk_job import BulkJob
from cliq_async.cli.bulk_options import BulkOptions, bulk_options
from cliq_async.cli.inputs.json_file import json_file
from cliq_async.cli.options import ConnectionOptions, connection_options
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient
from cliq_async.models.call import Call
from cliq_async.models.parsing.call import call_from

__all__ = ["call_many"]

_CONFIRM_ABOVE: Final = 10


@click.command(
    "call-many",
    short_help="Call all recipients in a file and read a text to them.",
    epilog=verbatim(
        """
Examples:
  cliq call-many supportbot --to ids.txt --text "Fire drill. Please leave."
  cliq call-many supportbot --to on-call.csv --column ZUID --message call.json
  cliq call-many supportbot --to on-call.csv --column ZUID --template \\
      --text "{{ Host }} is down"
""",
        """
A call file is a JSON object in the form of the API:
  {"text": "Disk full on db-1", "retry": 2, "loop": 2, "actions": []}
""",
    ),
)
@click.argument("bot")
@bulk_options(max_recipients=CALLS.max_recipients, confirm_above=_CONFIRM_ABOVE)
@connection_options
def call_many(*, bot: str, bulk: BulkOptions, connection: ConnectionOptions) -> None:
    """Have BOT call all recipients in a file, 10 per request, as fast as the quota allows.

    That is 100 people in 5 minutes. Calls ring even if Do Not Disturb is on. Recipients whom Cliq
    does not call count as failed. With --template, recipients hear personal texts.

    Ctrl-C and --journal work as in `cliq broadcast`.
    """
    content = bulk.content(CallTemplate, _read_call)
    BulkJob(
        connection=connection,
        bot=bot,
        bulk=bulk,
        payload=CALLS,
        content=content,
        create_job=CliqClient.call_many_job,
        verb="Call",
        confirm_above=_CONFIRM_ABOVE,
    ).run()


def _read_call(path: Path, *, allow_unknown: bool) -> Call:
    with json_file(path) as data:
        return call_from(data, allow_unknown=allow_unknown)
