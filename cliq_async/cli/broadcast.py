"""`cliq broadcast`: one message to everybody in a file."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count as counter
from pathlib import Path

import attrs
import click

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.report import BroadcastReport
from cliq_async.cli.asking import confirm, is_terminal
from cliq_async.cli.broadcast_report import exit_status, print_json, print_report
from cliq_async.cli.dry_run import print_plan
from cliq_async.cli.options import Connection, connection, seconds, verbatim
from cliq_async.cli.output import clean, note, plural
from cliq_async.cli.progress import Progress
from cliq_async.cli.send import message_of
from cliq_async.cli.whom import Whom
from cliq_async.client import CliqClient
from cliq_async.models.message import Message
from cliq_async.models.recipients import MAX_USER_IDS

__all__ = ["INTERRUPTED_WHY", "broadcast"]

INTERRUPTED_WHY = "interrupted"

_MANY = 1_000
"""From here on somebody is asked first, if somebody is there."""

_FIRST = "interrupted: waiting for what is under way; once more gives it up"
_SECOND = "interrupted again: gave up what was under way"


@attrs.frozen(kw_only=True)
class Job:
    """What `cliq broadcast` was asked to do, besides where to.

    Attributes:
        bot: The bot's unique name.
        message: The message.
        batch_size: Recipients in a request.
        headroom: How many tokens of the quota to leave to others.
        dedupe: Whether ids that come twice get it once.
        max_wait_s: How long a request may wait for the quota; None for no end.
        journal: The file that outlives the job, or None.
        resend_unknown: Whether those who may have been reached are sent to again.
    """

    bot: str
    message: Message
    batch_size: int
    headroom: int
    dedupe: bool
    max_wait_s: float | None
    journal: Path | None
    resend_unknown: bool

    def on(self, client: CliqClient, progress: Progress) -> Broadcast:
        """The job on a client."""
        return client.broadcast_job(
            self.bot,
            self.message,
            batch_size=self.batch_size,
            dedupe=self.dedupe,
            headroom=self.headroom,
            max_wait_s=self.max_wait_s,
            on_progress=progress.update,
            journal=self.journal,
            resend_unknown=self.resend_unknown,
        )


@click.command(
    short_help="Send one message to everybody in a file.",
    epilog=verbatim(
        """
Examples:
  cliq broadcast supportbot --to ids.txt --text "Maintenance at 6"
  cliq broadcast supportbot --to staff.csv --column ZUID --message news.json
  list-ids | cliq broadcast supportbot --to - --text "Hello" --json > report.json
"""
    ),
)
@click.argument("bot")
@click.option(
    "--to",
    required=True,
    metavar="FILE|-",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="One id a line, a CSV file with --column, a file of `cliq subscribers sync`, or - for "
    "standard input.",
)
@click.option("--column", metavar="NAME", help="The CSV column that holds the ids.")
@click.option("--text", metavar="TEXT", help="The message's text.")
@click.option(
    "--message",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="The message as JSON; see cliq send --help.",
)
@click.option(
    "--headroom",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Requests a minute to leave to others of this account.",
)
@click.option("--dedupe", is_flag=True, help="Send once to ids that come twice.")
@click.option(
    "--batch-size",
    type=click.IntRange(1, MAX_USER_IDS),
    default=MAX_USER_IDS,
    show_default=True,
    help="Recipients in a request.",
)
@click.option(
    "--max-wait",
    type=seconds,
    metavar="SECONDS",
    help="How long a request may wait for the quota; beyond that, stop with exit 3.",
)
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Outlives the job: started again with it, the job goes on where it was.",
)
@click.option(
    "--resend-unknown",
    is_flag=True,
    help="With --journal: send again to those who may or may not have been reached.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N recipients.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {_MANY:,} recipients.")
@click.option("--json", "as_json", is_flag=True, help="The whole report as JSON.")
@connection
def broadcast(
    *,
    to: str,
    column: str | None,
    text: str | None,
    message: Path | None,
    max_wait: float | None,
    as_json: bool,
    connection: Connection,
    bot: str,
    headroom: int,
    dedupe: bool,
    batch_size: int,
    journal: Path | None,
    resend_unknown: bool,
    limit: int | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send one message from BOT to everybody in a file, as fast as the quota allows.

    Ctrl-C stops it: what is under way is finished, nothing more is sent, and the report says who
    got it. A second Ctrl-C does not wait for answers; those recipients are then unknown. With
    --journal, the same command goes on from there.
    """
    if resend_unknown and journal is None:
        raise click.UsageError("--resend-unknown needs the --journal that knows who is unknown")
    job = Job(
        bot=bot,
        message=message_of(text, message, "--text"),
        batch_size=batch_size,
        headroom=headroom,
        dedupe=dedupe,
        max_wait_s=max_wait,
        journal=journal,
        resend_unknown=resend_unknown,
    )
    whom = Whom(to, column, limit)
    if dry_run:
        asyncio.run(print_plan(connection, whom, job.bot, job.message, batch_size))
        return
    if not yes and is_terminal():
        total = asyncio.run(whom.count())
        if total is None or total > _MANY:
            many = "everybody" if total is None else f"{total:,} recipients"
            confirm(f"Message {many} from {clean(to)}?", "nothing was sent")
    report = asyncio.run(_work(connection, job, whom, print_json if as_json else print_report))
    click.get_current_context().exit(exit_status(report, INTERRUPTED_WHY))


async def _work(
    connection: Connection,
    job: Job,
    whom: Whom,
    show: Callable[[BroadcastReport, int | None, float], None],
) -> BroadcastReport:
    async with connection.client() as client, whom.opened() as (name, total, ids):
        count = "recipients" if total is None else plural(total, "recipient")
        note(f"sending to {count} from {name}")
        if total == 0:
            note(f"warning: there are no recipients in {name}")
        progress = Progress(
            total,
            job.batch_size,
            lambda requests: client.shortest_s(
                "send_message", requests - running.in_flight, headroom=job.headroom
            ),
        )
        running = job.on(client, progress)
        with _interruptible(running, progress):
            started = time.monotonic()
            async with progress.shown():
                report = await running.run(ids)
                progress.ended(report)
            # In here, so that a late Ctrl-C does not cut the report off.
            show(report, total, time.monotonic() - started)
    return report


@contextmanager
def _interruptible(job: Broadcast, progress: Progress) -> Iterator[None]:
    """Have signals stop the job: the first one gently, the second one at once."""
    loop = asyncio.get_running_loop()
    times = counter(1)

    def interrupt() -> None:
        if next(times) == 1:
            note(_FIRST)
            progress.stopping()
            job.stop(INTERRUPTED_WHY)
        else:
            note(_SECOND)
            job.abort(INTERRUPTED_WHY)

    with _signals(loop, interrupt):
        yield


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, handler: Callable[[], None]) -> Iterator[None]:
    signals = (signal.SIGINT, signal.SIGTERM)
    # Neither Windows nor any thread but the main one has them; Ctrl-C then cancels the job.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        for each in signals:
            loop.add_signal_handler(each, handler)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for each in signals:
                loop.remove_signal_handler(each)
