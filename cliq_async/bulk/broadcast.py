"""One message to many recipients, as fast as the quota allows.

A few workers share one stream of recipients. Each takes a batch, waits for the quota, notes that
it is about to be sent, sends it, notes what became of it, and takes the next, so that never more
is read ahead than is on its way.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import JobLog, MemoryJobLog
from cliq_async.bulk.outcomes import classify_error, split_by_reached
from cliq_async.bulk.personal import Made, PersonalSource
from cliq_async.bulk.recipients import BatchReader, BatchSource, RecipientFilter, excluded
from cliq_async.bulk.report import BroadcastPlan, BroadcastProgress, BulkReport
from cliq_async.bulk.resume import plan, resume
from cliq_async.errors import CliqError, JournalError, TransportError, ValidationError
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.transport.tracking import CallTracker, StoppedError

__all__ = ["Broadcast"]

_log = logging.getLogger("cliq_async")

_NO_CONNECTION: Final = 5
"""Batches in a row that found no connection, after which the rest is not tried."""
SPLIT_BUDGET: Final = 14
"""Requests to spend on finding those for whom a batch was refused: enough for one of 100."""


class Broadcast:
    """A job that sends batches of recipients.

    Args:
        send: Sends to one batch, and returns those whom the answer names, if it names any;
            raises a CliqError if it fails. Awaits the watch's `before_send` first.
        body: The body of the request for a batch, to show what would be sent.
        personal: Makes a recipient and their content of an item; else items are recipients.
        batch_size: Recipients in a request.
        most: How many that may be.
        max_in_flight: Requests under way at the same time.
        dedupe: Skip ids that came before. Costs memory for each id.
        exclude: Skip these ids.
        on_progress: Called at the beginning, and after each batch.
        record: Keeps what became of whom; in memory by default.
    """

    def __init__(
        self,
        send: Callable[[Batch, CallTracker], Awaitable[Sequence[str] | None]],
        *,
        body: Callable[[Batch], bytes] = lambda batch: batch.content,
        personal: Callable[[Any], Made] | None = None,
        batch_size: int = MAX_USER_IDS,
        most: int = MAX_USER_IDS,
        max_in_flight: int = 50,
        dedupe: bool = False,
        exclude: Iterable[str | int] = (),
        on_progress: Callable[[BroadcastProgress], object] | None = None,
        record: JobLog | None = None,
    ) -> None:
        if type(batch_size) is not int or not 1 <= batch_size <= most:
            raise ValidationError("batch_size", f"an int from 1 to {most}", batch_size)
        if type(max_in_flight) is not int or max_in_flight < 1:
            raise ValidationError("max_in_flight", "an int, at least 1", max_in_flight)
        self._send = send
        self._body = body
        self._personal = personal
        self._batch_size = batch_size
        self._max_in_flight = max_in_flight
        self._dedupe = dedupe
        self._exclude = excluded(exclude)
        self._on_progress = on_progress
        self._record = record or MemoryJobLog()
        self._source: BatchSource | None = None
        self._beginning: asyncio.Future[list[Batch]] | None = None
        self._first: deque[Batch] = deque()
        self._workers: dict[asyncio.Task[None], CallTracker] = {}
        self._reading = asyncio.Lock()
        self._read = False
        self._stopped: str | None = None
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._unconnected = 0

    async def plan(self, to: Iterable[Any] | AsyncIterable[Any]) -> BroadcastPlan:
        """Say what `run` would send, without sending anything, as if there were no journal.

        Raises:
            ValidationError: `to` is not iterable, or makes messages that cannot be sent.
            Exception: What `to` raised.
        """
        record = MemoryJobLog()
        source = self._source_of(to, record)
        try:
            return await plan(source, record, self._body)
        finally:
            await source.close()

    async def run(self, to: Iterable[Any] | AsyncIterable[Any]) -> BulkReport:
        """Send to everybody in `to`, and report. Once.

        Whatever goes wrong after the first id was read is in the report, since what was sent
        until then has to be known. If this is cancelled, what is on the wire is given up.

        Raises:
            ValidationError: `to` is not iterable, or makes messages that cannot be sent; nothing
                was sent.
            JournalError: The journal cannot be used, or is another job's; nothing was sent.
            RuntimeError: It has run before.
            Exception: What `to` raised before its first id.
        """
        if self._source is not None:
            raise RuntimeError("a job runs once: make another one")
        record = self._record
        source = self._source = self._source_of(to, record)
        try:
            await self._begin(source)
            await self._work_all(source)
        finally:
            await source.close()
            try:
                await record.close()
            except JournalError as error:
                self.stop(str(error), error)
        for worker in self._workers:
            if not worker.cancelled() and (failure := worker.exception()) is not None:
                raise failure
        progress = self._progress()
        if self._source_error is not None and not progress.done:
            raise self._source_error  # nothing is lost by it
        return BulkReport(
            **attrs.asdict(progress),
            outcomes=record.outcomes(),
            stopped=self._stopped,
            error=self._error,
        )

    @property
    def in_flight(self) -> int:
        """How many requests are on the wire."""
        return sum(watch.in_flight for watch in self._workers.values())

    @property
    def batches_left(self) -> int | None:
        """How many batches are yet to be taken up, if that is known."""
        left = None if self._source is None else self._source.left
        return None if left is None else left + len(self._first)

    def stop(self, why: str, error: Exception | None = None) -> None:
        """Send nothing more; what is on the wire may still be answered."""
        if self._stopped is None:
            self._stopped, self._error = why, error
        if self._beginning is not None:
            self._beginning.cancel()
        for worker, watch in self._workers.items():
            watch.cancelled = True
            if not watch.in_flight and worker is not asyncio.current_task():
                worker.cancel()

    def abort(self, why: str) -> None:
        """Send nothing more, and give up what is on the wire: its outcome is unknown."""
        self.stop(why)
        for worker in self._workers:
            worker.cancel()

    async def _begin(self, source: BatchSource) -> None:
        """Do what comes before the first request; `stop` breaks it off."""
        self._beginning = asyncio.ensure_future(resume(source, self._record))
        try:
            if self._stopped is None:
                self._first += await self._beginning
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._stopped is None or (task is not None and task.cancelling()):
                raise
        finally:
            self._beginning.cancel()
        self._tell()

    def _source_of(self, to: Iterable[Any] | AsyncIterable[Any], record: JobLog) -> BatchSource:
        intake = RecipientFilter(
            record.record_skipped, settle=record.flush, dedupe=self._dedupe, exclude=self._exclude
        )
        if self._personal is None:
            return BatchReader(to, self._batch_size, intake)
        return PersonalSource(to, self._personal, self._batch_size, intake)

    async def _work_all(self, source: BatchSource) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._max_in_flight):
            watch = CallTracker()
            watch.cancelled = self._stopped is not None
            self._workers[loop.create_task(self._work(source, watch))] = watch
        try:
            await asyncio.wait(self._workers)
        except asyncio.CancelledError:
            self.abort("cancelled")
            await asyncio.wait(self._workers)
            raise
        finally:
            while self._first:
                self._record.record_unsent(self._first.popleft(), self._not_sent())

    async def _work(self, source: BatchSource, watch: CallTracker) -> None:
        while self._stopped is None:
            batch = await self._next_batch(source)
            if batch is None:
                return
            await self._deliver(batch, watch)

    async def _next_batch(self, source: BatchSource) -> Batch | None:
        if self._first:
            return self._record.with_key(self._first.popleft())
        async with self._reading:
            batch = None
            try:
                batch = None if self._read else await source.next()
                self._read = batch is None
            except Exception as error:  # noqa: BLE001 - what was sent so far has to be reported
                self._source_error = error
                self.stop(f"the recipients ended with {type(error).__name__}: {error}", error)
            finally:
                if self._stopped is not None and (rest := batch or source.rest()) is not None:
                    self._record.record_unsent(rest, self._not_sent())
                    batch = None
        # A part of a batch that was split meanwhile.
        if batch is None and self._first and self._stopped is None:
            batch = self._first.popleft()
        return None if batch is None else self._record.with_key(batch)

    async def _deliver(self, batch: Batch, watch: CallTracker) -> None:
        watch.outcome_unknown = False  # that was the batch before
        watch.before_send = lambda: self._record.mark_sending(batch)
        try:
            named = await self._send(batch, watch)
        except CliqError as error:
            self._refused(batch, error)
        except StoppedError:
            self._give_up(batch, watch)
        except asyncio.CancelledError:
            self._give_up(batch, watch)
            raise
        except Exception as error:  # noqa: BLE001 - what was sent so far has to be reported
            self.stop(f"an error in the client: {type(error).__name__}: {error}", error)
            self._give_up(batch, watch)
        else:
            self._accepted(batch, named)
        self._tell()

    def _accepted(self, batch: Batch, named: Sequence[str] | None) -> None:
        self._unconnected = 0
        of_them = split_by_reached(batch.ids, named)
        if of_them.delivered == batch.ids:
            self._record.record_outcome(batch, "delivered")
        else:
            self._record.record_outcomes(batch, of_them.parts(batch))

    def _give_up(self, batch: Batch, watch: CallTracker) -> None:
        if watch.outcome_unknown:
            self._record.record_outcome(
                batch, "unknown", f"given up: {self._stopped or 'cancelled'}"
            )
        else:
            self._record.record_unsent(batch, self._not_sent())

    def _not_sent(self) -> str:
        return f"not sent: {self._stopped or 'cancelled'}"

    def _refused(self, batch: Batch, error: CliqError) -> None:
        of_it = classify_error(error)
        unconnected = isinstance(error, TransportError)
        self._unconnected = self._unconnected + 1 if unconnected else 0
        if of_it.stops or self._unconnected >= _NO_CONNECTION:
            self.stop(of_it.stops or str(error), error)
        parts = batch.halves(SPLIT_BUDGET) if of_it.splits else None
        if parts is not None:
            self._first += self._record.split(batch, parts)
        elif of_it.status != "unsent":
            self._record.record_outcome(batch, of_it.status, str(error), of_it.code)
        elif self._stopped is not None:
            self._record.record_unsent(batch, str(error), of_it.code)
        else:
            self._record.requeue(batch)
            self._first.append(batch)

    def _progress(self) -> BroadcastProgress:
        watches = self._workers.values()
        return BroadcastProgress(
            **attrs.asdict(self._record.counts),
            requests=sum(watch.requests for watch in watches),
            lockouts=sum(watch.lockouts for watch in watches),
        )

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(self._progress())
        except Exception:  # noqa: BLE001 - the user's, and no reason to lose the job
            _log.exception("on_progress failed; it is not called again")
            self._on_progress = None
