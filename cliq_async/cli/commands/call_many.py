"""`cliq call-many`: voice calls to everybody in a file."""

from pathlib import Path
from typing import Final

import click

from cliq_async.bulk.payloads import CALLS
from cliq_async.bulk.template import CallTemplate
from cliq_async.cli.bulk_job import Job
from cliq_async.cli.bulk_options import Bulk, bulk as bulk_options
from cliq_async.cli.inputs.json_file import naming_file, read_json
from cliq_async.cli.options import ConnectionOptions, connection
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient
from cliq_async.models.call import Call
from cliq_async.models.parsing.call import call_from

__all__ = ["call_many"]

_ASKED: Final = 10


@click.command(
    "call-many",
    short_help="Call everybody in a file and read a text to them.",
    epilog=verbatim(
        """
Examples:
  cliq call-many supportbot --to ids.txt --text "Fire drill. Please leave the building."
  cliq call-many supportbot --to on-call.csv --column ZUID --message call.json
  cliq call-many supportbot --to on-call.csv --column ZUID --template --text "{{ Host }} is down"
""",
        """
A call as JSON is in the form of the API:
  {"text": "Disk full on db-1", "retry": 2, "loop": 2, "actions": []}
""",
    ),
)
@click.argument("bot")
@bulk_options(most=CALLS.max_recipients, asked=_ASKED)
@connection
def call_many(*, bot: str, bulk: Bulk, connection: ConnectionOptions) -> None:
    """Have BOT call everybody in a file, 10 with a request, as fast as the quota allows.

    That is 100 people in 5 minutes. Whatever their Do Not Disturb says. Those whom Cliq does not
    call have failed. With --template, each hears their own text.

    Ctrl-C and --journal work as for cliq broadcast.
    """
    what = bulk.what(CallTemplate, _read_call)
    Job(
        connection=connection,
        bot=bot,
        bulk=bulk,
        kind=CALLS,
        what=what,
        make=CliqClient.call_many_job,
        verb="Call",
        asked=_ASKED,
    ).run()


def _read_call(path: Path) -> Call:
    with naming_file(path):
        return call_from(read_json(path))
