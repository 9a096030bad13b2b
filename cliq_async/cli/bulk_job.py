"""A job for many, from the command line: asked for, shown, interrupted, reported."""

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count as counter
from typing import Any

import attrs
import click

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.payloads import Payload
from cliq_async.bulk.report import BulkReport
from cliq_async.cli.bulk_options import Bulk
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.options import ConnectionOptions
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.dry_run import print_plan
from cliq_async.cli.outputs.job_report import exit_status, print_json, print_report
from cliq_async.cli.outputs.progress import Outlook, Progress, outlook
from cliq_async.cli.prompts import confirm, is_terminal
from cliq_async.cli.text import clean, plural
from cliq_async.client import CliqClient

__all__ = ["INTERRUPTED_WHY", "Job"]

INTERRUPTED_WHY = "interrupted"

_FIRST = "interrupted: waiting for what is under way; once more gives it up"
_SECOND = "interrupted again: gave up what was under way"


@attrs.frozen(kw_only=True)
class Job:
    """A job for many.

    Attributes:
        connection: Where to.
        bot: The bot's unique name.
        bulk: Whom to, and how.
        kind: What kind of thing is sent.
        what: What is sent, or a template of it.
        make: The client's method that makes the job.
        verb: What is done to recipients, as `Message`.
        asked: Above how many recipients somebody is asked first.
    """

    connection: ConnectionOptions
    bot: str
    bulk: Bulk
    kind: Payload
    what: Any
    make: Callable[..., Broadcast]
    verb: str
    asked: int

    def run(self) -> None:
        """Do it, show its report, and end the command with its exit status.

        Raises:
            Exit: It did not end well, or the question was not answered with yes.
        """
        whom = self.bulk.whom
        if self.bulk.dry_run:
            asyncio.run(self._plan(whom))
            return
        if not self.bulk.yes and is_terminal():
            total = whom.count()
            if total is None or total > self.asked:
                many = "everybody" if total is None else f"{total:,} recipients"
                confirm(f"{self.verb} {many} from {clean(self.bulk.to)}?", "nothing was sent")
        report = asyncio.run(self._work(whom))
        click.get_current_context().exit(exit_status(report, INTERRUPTED_WHY))

    async def _plan(self, whom: RecipientSelection) -> None:
        if self.bulk.journal is not None:
            echo_err("warning: this is the whole job; cliq jobs show says how much of it is done")
        async with self.connection.client() as client:
            job = self._made(client, **await self.bulk.options())
            async with whom.opened() as (name, _, items):
                plan = await job.plan(items)
            left_s = await client.estimate_s(
                self.kind.endpoint.name, plan.requests, headroom=self.bulk.headroom
            )
            print_plan(
                plan,
                source=name,
                bot=self.bot,
                endpoint=self.kind.endpoint,
                left_s=left_s,
                headroom=self.bulk.headroom,
            )

    async def _work(self, whom: RecipientSelection) -> BulkReport:
        async with self.connection.client() as client, whom.opened() as (name, total, items):
            progress = Progress(total, lambda left: self._ahead(client, running, left))
            options = await self.bulk.options()
            running = self._made(client, on_progress=progress.update, **options)
            with _interruptible(running, progress):
                count = "recipients" if total is None else plural(total, "recipient")
                echo_err(f"sending to {count} from {name}")
                if total == 0:
                    echo_err(f"warning: there are no recipients in {name}")
                started = time.monotonic()
                async with progress.shown():
                    report = await running.run(items)
                    progress.ended(report)
                # In here, so that a late Ctrl-C does not cut the report off.
                show = print_json if self.bulk.as_json else print_report
                show(report, total, time.monotonic() - started)
        return report

    def _made(self, client: CliqClient, **options: Any) -> Broadcast:
        return self.make(client, self.bot, self.what, **options)

    def _ahead(
        self, client: CliqClient, running: Broadcast, left: int | None
    ) -> Awaitable[Outlook]:
        requests = running.batches_left
        if requests is None:
            # Without a total, the next request is all there is to foresee.
            size = self.bulk.batch_size or self.kind.max_recipients
            requests = 1 if left is None else math.ceil(left / size) - running.in_flight
        endpoint = self.kind.endpoint.name
        return outlook(client, endpoint, requests, headroom=self.bulk.headroom)


@contextmanager
def _interruptible(job: Broadcast, progress: Progress) -> Iterator[None]:
    """Have signals stop the job: the first one gently, the second one at once."""
    loop = asyncio.get_running_loop()
    times = counter(1)

    def interrupt() -> None:
        if next(times) == 1:
            echo_err(_FIRST)
            progress.stopping()
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
    # No thread but the main one has them; Ctrl-C then cancels the job.
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
