"""Bulk jobs on the command line: confirmation, progress, interrupts, report."""

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count as counter
from typing import Any

import attrs
import click

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal_store import parse_place
from cliq_async.bulk.payloads import Payload
from cliq_async.bulk.report import BroadcastProgress, BulkReport
from cliq_async.cli.bulk_options import BulkOptions
from cliq_async.cli.bulk_report import BulkRecorder
from cliq_async.cli.errors import PARTLY, cli_field_names
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import ConnectionOptions
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.dry_run import print_plan
from cliq_async.cli.outputs.job_report import (
    exit_status,
    how_to_go_on,
    print_json,
    print_report,
    without_left,
)
from cliq_async.cli.outputs.job_start import print_journal_start, print_start
from cliq_async.cli.outputs.progress import Forecast, Progress, forecast
from cliq_async.cli.outputs.report_files import ReportFiles
from cliq_async.cli.prompts import confirm, is_terminal
from cliq_async.cli.text import clean
from cliq_async.client import CliqClient
from cliq_async.errors import ValidationError

__all__ = ["INTERRUPTED_WHY", "BulkJob"]

INTERRUPTED_WHY = "interrupted"

_FIRST = "interrupted: waiting for requests in flight; press Ctrl-C again to abort them"
_SECOND = "interrupted again: aborted the requests in flight"


@attrs.frozen(kw_only=True)
class BulkJob:
    """A bulk job.

    Attributes:
        connection: The connection.
        bot: The bot's unique name or id.
        bulk: The options of the job.
        payload: The kind of content.
        content: The content, or a template of it.
        create_job: The client's method that creates the job.
        verb: The verb of the confirmation, such as `Message`.
        confirm_above: The number of recipients above which a confirmation is needed.
    """

    connection: ConnectionOptions
    bot: str
    bulk: BulkOptions
    payload: Payload
    content: Any
    create_job: Callable[..., Broadcast]
    verb: str
    confirm_above: int

    def run(self) -> None:
        """Run the job, print its report, and end the command with its exit status.

        Raises:
            Exit: The job did not reach all recipients, or the answer was not yes.
        """
        ReportFiles(self.bulk.report).check(
            (self.bulk.to, *self.bulk.exclude, self.bulk.message, self.bulk.journal)
        )
        ctx = click.get_current_context()
        bot = bot_lookup(self.connection, self.bulk.max_wait).name(self.bot)
        ctx.params["bot"] = bot  # by which a synced list has its subscribers
        attrs.evolve(self, bot=bot)._run()

    def _run(self) -> None:
        selection = self.bulk.selection
        if self.bulk.dry_run:
            asyncio.run(self._plan(selection))
            return
        if not self.bulk.yes and is_terminal():
            total = selection.count()
            if total is None or total > self.confirm_above:
                count = "all recipients" if total is None else f"{total:,} recipients"
                source = self._name_source(clean(self.bulk.to))
                confirm(f"{self.verb} {count} from {source}?", "nothing was sent")
        click.get_current_context().exit(asyncio.run(self._send(selection)))

    def _name_source(self, name: str) -> str:
        """Return the source of the recipients, with the bot and the server."""
        server = self.connection.resolve().validated().root_url.removeprefix("https://")
        return f"{name} as {clean(self.bot)} at {clean(server)}"

    def _status(self, report: BulkReport) -> int:
        if self.bulk.as_json:  # its reader sees that the journal was finished
            report = attrs.evolve(report, journal=None)
        return exit_status(report, INTERRUPTED_WHY)

    async def _plan(self, selection: RecipientSelection) -> None:
        if self.bulk.journal is not None:
            echo_err("warning: this is the whole job; see `cliq jobs show` for those already done")
        async with self.connection.client() as client:
            with selection.naming_lines(self.content) as content, self.bulk.named():
                job = self._create(client, content, await self.bulk.options())
                async with selection.open() as (name, _, items):
                    with selection.naming_column():
                        plan = await job.plan(items)
            left_s = await client.estimate_s(
                self.payload.endpoint.name, plan.requests, headroom=self.bulk.headroom
            )
            print_plan(
                plan,
                source=name,
                bot=self.bot,
                endpoint=self.payload.endpoint,
                left_s=left_s,
                headroom=self.bulk.headroom,
            )

    async def _send(self, selection: RecipientSelection) -> int:
        """Run the job, print and write its report, and return the exit status."""
        with ExitStack() as stack:
            recorder = None
            if self.bulk.report:
                settings = self.connection.options()
                endpoint = self.payload.endpoint
                limit = (settings.get("limits") or {}).get(endpoint.name, endpoint.limit)
                scale = settings.get("time_scale") or 1.0
                recorder = BulkRecorder(self.bulk, endpoint.name, limit, scale)
                stack.enter_context(recorder)
            content = stack.enter_context(selection.naming_lines(self.content))
            return await self._deliver(selection, content, recorder)

    async def _deliver(
        self, selection: RecipientSelection, content: Any, recorder: BulkRecorder | None
    ) -> int:
        hooks = None if recorder is None else recorder.timeline.hooks
        async with (
            self.connection.client(hooks=hooks) as client,
            selection.open() as (name, total, opened),
        ):
            progress = Progress(total, lambda left: self._forecast(client, running, left))
            source = self._name_source(name)
            update = self._announcing(progress.update, source, total)
            options = await self.bulk.options() | {"on_progress": update}
            items = opened
            if recorder is not None:
                options, items = recorder.options(options), recorder.record(opened)
            running = self._create(client, content, options)
            with _interruptible(running, progress):
                if self.bulk.journal is None:
                    print_start(source, total)
                if total == 0:
                    echo_err(f"warning: there are no recipients in {name}")
                started = time.monotonic()
                async with progress.display():
                    with self.bulk.named(), selection.naming_column():
                        report = without_left(await running.run(items))
                        if isinstance(report.error, ValidationError) and _is_untried(report):
                            raise report.error
                    progress.finish(report)
                took_s = time.monotonic() - started
                lookup = bot_lookup(self.connection)
                missing = await lookup.explain(client, self.bot, report.error)
                if missing is not None:
                    report = attrs.evolve(report, stopped=str(missing))
                # Inside the handler, so that a late Ctrl-C does not cut off the report.
                if recorder is not None:
                    report = recorder.result(report)
                    await recorder.write(
                        report, selection, bot=self.bot, verb=self.verb, stream=total is None
                    )
                return self._finish(report, total, took_s, recorder, can_go_on=missing is None)

    def _finish(
        self,
        report: BulkReport,
        total: int | None,
        took_s: float,
        recorder: BulkRecorder | None,
        *,
        can_go_on: bool,
    ) -> int:
        show = print_json if self.bulk.as_json else print_report
        show(report, total, took_s)
        if recorder is not None and self.bulk.journal is None:
            advice = recorder.how_to_go_on()
        else:
            advice = how_to_go_on(
                report,
                total,
                journal=self.bulk.journal is not None,
                resend_unknown=self.bulk.resend_unknown,
            )
        if advice is not None and can_go_on:
            echo_err(advice)
        complete = recorder is None or recorder.complete
        return self._status(report) or (0 if complete else PARTLY)

    def _announcing(
        self, update: Callable[[BroadcastProgress], None], source: str, total: int | None
    ) -> Callable[[BroadcastProgress], None]:
        """Make the first progress of a job with a journal say what the job does."""
        if self.bulk.journal is None:
            return update
        place = parse_place(self.bulk.journal)
        times = counter(1)

        def announce(now: BroadcastProgress) -> None:
            if next(times) == 1:
                print_journal_start(place, source, total, now)
            update(now)

        return announce

    def _create(self, client: CliqClient, content: Any, options: dict[str, Any]) -> Broadcast:
        with self.bulk.named(), cli_field_names(bot_unique_name="BOT"):
            return self.create_job(client, self.bot, content, **options)

    def _forecast(
        self, client: CliqClient, running: Broadcast, left: int | None
    ) -> Awaitable[Forecast]:
        requests = running.batches_left
        if requests is None:
            # Without a total, only the next request can be forecast.
            size = self.bulk.batch_size or self.payload.max_recipients
            requests = 1 if left is None else math.ceil(left / size) - running.in_flight
        endpoint = self.payload.endpoint.name
        return forecast(client, endpoint, requests, headroom=self.bulk.headroom)


def _is_untried(report: BulkReport) -> bool:
    """Return whether nothing was sent."""
    return not (report.delivered or report.failed or report.unknown)


@contextmanager
def _interruptible(job: Broadcast, progress: Progress) -> Iterator[None]:
    """Make a first signal stop the job, and a second one abort it."""
    loop = asyncio.get_running_loop()
    times = counter(1)

    def interrupt() -> None:
        if next(times) == 1:
            echo_err(_FIRST)
            progress.mark_stopping()
            job.stop(INTERRUPTED_WHY)
        else:
            echo_err(_SECOND)
            job.abort(INTERRUPTED_WHY)

    with _signals(loop, interrupt):
        yield


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, handler: Callable[[], None]) -> Iterator[None]:
    signals = (signal.SIGINT, signal.SIGTERM)
    before: dict[signal.Signals, Any] = {}
    # Only the main thread can handle signals. In another one Ctrl-C cancels the job.
    with suppress(RuntimeError, ValueError):
        for each in signals:
            try:
                loop.add_signal_handler(each, handler)
            except NotImplementedError:  # on Windows
                before[each] = signal.signal(each, lambda *_: loop.call_soon_threadsafe(handler))
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for each in signals:
                if each in before:
                    signal.signal(each, before[each])
                else:
                    loop.remove_signal_handler(each)
