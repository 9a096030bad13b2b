"""One content to many recipients, as fast as the quota allows.

A few workers share one stream of recipients. Each takes a batch, waits for the quota, marks the
batch in the log, sends it, records its outcome, and takes the next. So the stream is never read
further ahead than what is being sent.

    next batch ─► acquire ─► mark as sending ─► send ─► record the outcome ─► next batch
                     ▲                           │
                     └─── throttled, not sent ◄──┘   refused for some: halves go back to the front

The mark is in the log before the first byte leaves. If a program is killed, it is not known who was
reached by a marked batch; a batch without a mark was not sent.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import JobLog, MemoryJobLog
from cliq_async.bulk.outcomes import classify_error, split_by_reached
from cliq_async.bulk.payloads import BatchSender
from cliq_async.bulk.personal import Made, PersonalSource
from cliq_async.bulk.recipients import BatchReader, BatchSource, RecipientFilter, excluded
from cliq_async.bulk.report import BroadcastPlan, BroadcastProgress, BulkReport
from cliq_async.bulk.resume import plan, resume
from cliq_async.errors import CliqError, JournalError, TransportError, ValidationError
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.transport.executor import PendingCall

__all__ = ["Broadcast"]

_log = logging.getLogger("cliq_async")

_NO_CONNECTION: Final = 5
"""Batches in a row that found no connection, after which the rest is not tried."""
SPLIT_BUDGET: Final = 14
"""The number of requests for bisecting a refused batch: enough to find one recipient of 100."""


class _StoppedError(Exception):
    """The job was stopped before the batch was sent."""


class Broadcast:
    """A job that sends batches of recipients.

    Args:
        sender: Sends the batches.
        personal: Makes a recipient and their content of an item; else items are recipients.
        batch_size: Recipients in a request.
        max_batch_size: The most recipients that a request may have.
        max_in_flight: The most requests at the same time.
        dedupe: Skip ids that came before. Costs memory for each id.
        exclude: Skip these ids.
        on_progress: Called at the beginning, and after each batch.
        log: Keeps the outcome of each batch; in memory by default.
    """

    def __init__(
        self,
        sender: BatchSender,
        *,
        personal: Callable[[Any], Made] | None = None,
        batch_size: int = MAX_USER_IDS,
        max_batch_size: int = MAX_USER_IDS,
        max_in_flight: int = 50,
        dedupe: bool = False,
        exclude: Iterable[str | int] = (),
        on_progress: Callable[[BroadcastProgress], object] | None = None,
        log: JobLog | None = None,
    ) -> None:
        if type(batch_size) is not int or not 1 <= batch_size <= max_batch_size:
            raise ValidationError("batch_size", f"an int from 1 to {max_batch_size}", batch_size)
        if type(max_in_flight) is not int or max_in_flight < 1:
            raise ValidationError("max_in_flight", "an int, at least 1", max_in_flight)
        self._sender = sender
        self._personal = personal
        self._batch_size = batch_size
        self._max_in_flight = max_in_flight
        self._dedupe = dedupe
        self._exclude = excluded(exclude)
        self._on_progress = on_progress
        self._log = log or MemoryJobLog()
        self._source: BatchSource | None = None
        self._beginning: asyncio.Future[list[Batch]] | None = None
        self._first: deque[Batch] = deque()
        self._workers: dict[asyncio.Task[None], PendingCall | None] = {}
        self._requests = 0
        self._lockouts = 0
        self._reading = asyncio.Lock()
        self._read = False
        self._stopped: str | None = None
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._unconnected = 0

    async def plan(self, to: Iterable[Any] | AsyncIterable[Any]) -> BroadcastPlan:
        """Return what `run` would send if there were no journal. Sends nothing.

        Raises:
            ValidationError: `to` is not iterable, or makes messages that cannot be sent.
            Exception: What `to` raised.
        """
        log = MemoryJobLog()
        source = self._source_of(to, log)
        try:
            return await plan(source, log, self._sender.body)
        finally:
            await source.close()

    async def run(self, to: Iterable[Any] | AsyncIterable[Any]) -> BulkReport:
        """Send to all of `to`, and report. A job runs once.

        Errors after the first id was read are in the report, since it has to say what was sent
        until then. If this is cancelled, requests in flight are aborted.

        Raises:
            ValidationError: `to` is not iterable, or makes messages that cannot be sent; nothing
                was sent.
            JournalError: The journal cannot be used, or is another job's; nothing was sent.
            RuntimeError: It has run before.
            Exception: What `to` raised before its first id.
        """
        if self._source is not None:
            raise RuntimeError("a job runs once: make another one")
        log = self._log
        source = self._source = self._source_of(to, log)
        try:
            await self._begin(source)
            await self._work_all(source)
        finally:
            await source.close()
            try:
                await log.close()
            except JournalError as error:
                self.stop(str(error), error)
        for worker in self._workers:
            if not worker.cancelled() and (failure := worker.exception()) is not None:
                raise failure
        progress = self._progress()
        if self._source_error is not None and not progress.done:
            raise self._source_error  # nothing was sent, so there is nothing to report
        return BulkReport(
            **attrs.asdict(progress),
            outcomes=log.outcomes(),
            stopped=self._stopped,
            error=self._error,
        )

    @property
    def in_flight(self) -> int:
        """The number of requests in flight."""
        return sum(call is not None and call.in_flight for call in self._workers.values())

    @property
    def batches_left(self) -> int | None:
        """The number of batches that no worker has taken yet; None if that is not known."""
        left = None if self._source is None else self._source.left
        return None if left is None else left + len(self._first)

    def stop(self, why: str, error: Exception | None = None) -> None:
        """Send nothing more. Requests in flight may still be answered."""
        if self._stopped is None:
            self._stopped, self._error = why, error
        if self._beginning is not None:
            self._beginning.cancel()
        for worker, call in self._workers.items():
            in_flight = call is not None and call.in_flight
            if not in_flight and worker is not asyncio.current_task():
                worker.cancel()

    def abort(self, why: str) -> None:
        """Send nothing more, and abort requests in flight: their outcomes are unknown."""
        self.stop(why)
        for worker in self._workers:
            worker.cancel()

    async def _begin(self, source: BatchSource) -> None:
        """Take up what earlier runs left. `stop` interrupts it."""
        self._beginning = asyncio.ensure_future(resume(source, self._log))
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

    def _source_of(self, to: Iterable[Any] | AsyncIterable[Any], log: JobLog) -> BatchSource:
        accepted = RecipientFilter(
            log.record_skipped, flush=log.flush, dedupe=self._dedupe, exclude=self._exclude
        )
        if self._personal is None:
            return BatchReader(to, self._batch_size, accepted)
        return PersonalSource(to, self._personal, self._batch_size, accepted)

    async def _work_all(self, source: BatchSource) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._max_in_flight):
            self._workers[loop.create_task(self._work(source))] = None
        try:
            await asyncio.wait(self._workers)
        except asyncio.CancelledError:
            self.abort("cancelled")
            await asyncio.wait(self._workers)
            raise
        finally:
            while self._first:
                self._log.record_unsent(self._first.popleft(), self._not_sent())

    async def _work(self, source: BatchSource) -> None:
        while self._stopped is None:
            batch = await self._next_batch(source)
            if batch is None:
                return
            await self._deliver(batch)
            self._tell()

    async def _next_batch(self, source: BatchSource) -> Batch | None:
        if self._first:
            return self._log.with_key(self._first.popleft())
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
                    self._log.record_unsent(rest, self._not_sent())
                    batch = None
        # A part of a batch that was split meanwhile.
        if batch is None and self._first and self._stopped is None:
            batch = self._first.popleft()
        return None if batch is None else self._log.with_key(batch)

    async def _deliver(self, batch: Batch) -> None:
        """Send to a batch, and record what became of it, whatever happens."""
        call: PendingCall | None = None
        try:
            call = self._sender.begin(batch)
            await self._send(batch, call)
        except CliqError as error:
            self._refused(batch, error)
        except _StoppedError:
            self._give_up(batch, call)
        except asyncio.CancelledError:
            self._give_up(batch, call)
            raise
        except Exception as error:  # noqa: BLE001 - the report has to say what was sent so far
            self.stop(f"an error in the client: {type(error).__name__}: {error}", error)
            self._give_up(batch, call)
        else:
            self._accepted(batch, self._sender.reached_ids(call.data))

    async def _send(self, batch: Batch, call: PendingCall) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - for the type checker: this runs in a worker
        self._workers[worker] = call
        try:
            with call:
                while not call.answered:
                    if self._stopped is not None:
                        raise _StoppedError
                    await call.acquire()
                    await self._log.mark_sending(batch)
                    await call.send()
        finally:
            self._workers[worker] = None
            self._requests += call.requests
            self._lockouts += call.lockouts

    def _accepted(self, batch: Batch, named: Sequence[str] | None) -> None:
        self._unconnected = 0
        reached = split_by_reached(batch.ids, named)
        if reached.delivered == batch.ids:
            self._log.record_outcome(batch, "delivered")
        else:
            self._log.record_outcomes(batch, reached.parts(batch))

    def _give_up(self, batch: Batch, call: PendingCall | None) -> None:
        if call is not None and call.outcome_unknown:
            self._log.record_outcome(batch, "unknown", f"given up: {self._stopped or 'cancelled'}")
        else:
            self._log.record_unsent(batch, self._not_sent())

    def _not_sent(self) -> str:
        return f"not sent: {self._stopped or 'cancelled'}"

    def _refused(self, batch: Batch, error: CliqError) -> None:
        outcome = classify_error(error)
        unconnected = isinstance(error, TransportError)
        self._unconnected = self._unconnected + 1 if unconnected else 0
        if outcome.stops or self._unconnected >= _NO_CONNECTION:
            self.stop(outcome.stops or str(error), error)
        parts = batch.halves(SPLIT_BUDGET) if outcome.splits else None
        if parts is not None:
            self._first += self._log.split(batch, parts)
        elif outcome.status != "unsent":
            self._log.record_outcome(batch, outcome.status, str(error), outcome.code)
        elif self._stopped is not None:
            self._log.record_unsent(batch, str(error), outcome.code)
        else:
            self._log.requeue(batch)
            self._first.append(batch)

    def _progress(self) -> BroadcastProgress:
        return BroadcastProgress(
            **attrs.asdict(self._log.counts), requests=self._requests, lockouts=self._lockouts
        )

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(self._progress())
        except Exception:  # noqa: BLE001 - the callback is the user's; the job goes on without it
            _log.exception("on_progress failed; it is not called again")
            self._on_progress = None
