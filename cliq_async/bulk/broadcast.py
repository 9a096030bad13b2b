"""The engine of bulk jobs: sends batches to many recipients, as fast as the quota allows.

A fixed number of workers share one stream of recipients. Each takes a batch, waits for the quota,
marks the batch in the log, sends it, records its outcome, and takes the next one. So the stream is
never read ahead of the batches that are being sent.

    next batch ─► acquire ─► mark as sending ─► send ─► record the outcome ─► next batch
                     ▲                           │
                     └─── throttled, not sent ◄──┘   refused for some: halves go back to the front

The mark is in the log before the first byte is sent. After a crash, the outcome of a marked batch
is unknown; a batch without a mark was not sent.
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
from cliq_async.bulk.personal import PersonalContent, PersonalSource
from cliq_async.bulk.recipients import BatchReader, BatchSource, RecipientFilter, normalize_excluded
from cliq_async.bulk.report import BroadcastPlan, BroadcastProgress, BulkReport, JournalStart
from cliq_async.bulk.resume import plan, resume
from cliq_async.errors import (
    CliqError,
    ForeignAnswerError,
    JournalError,
    TransportError,
    ValidationError,
)
from cliq_async.models.identifiers import MAX_USER_IDS
from cliq_async.transport.pending_call import PendingCall

__all__ = ["Broadcast"]

_log = logging.getLogger("cliq_async")

_MAX_UNREACHED: Final = 5
"""The number of consecutive batches after which the job stops because none reached Cliq."""
SPLIT_BUDGET: Final = 14
"""The number of requests for bisecting a refused batch: enough to find one recipient of 100."""


class _StoppedError(Exception):
    """The job has stopped before the batch was sent."""


class Broadcast:
    """A job that sends to many recipients in batches.

    Args:
        sender: Sends the batches.
        personal: Returns the recipient and the content for an item; None if items are recipients.
        batch_size: The number of recipients in a request.
        max_batch_size: The most recipients that a request may have.
        max_in_flight: The most requests in flight at the same time.
        dedupe: Skip repeated ids. Takes memory for each id.
        exclude: Ids to skip.
        on_progress: Called when the job starts, and after each batch.
        log: Records the outcome of each batch; in memory by default.
    """

    def __init__(
        self,
        sender: BatchSender,
        *,
        personal: Callable[[Any], PersonalContent] | None = None,
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
        self._exclude = normalize_excluded(exclude)
        self._on_progress = on_progress
        self._log = log or MemoryJobLog()
        self._source: BatchSource | None = None
        self._resuming: asyncio.Future[None] | None = None
        self._journal: JournalStart | None = None
        self._queue: deque[Batch] = deque()
        self._workers: dict[asyncio.Task[None], PendingCall | None] = {}
        self._requests = 0
        self._lockouts = 0
        self._read_lock = asyncio.Lock()
        self._exhausted = False
        self._stop_reason: str | None = None
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._unreached = 0

    async def plan(self, to: Iterable[Any] | AsyncIterable[Any]) -> BroadcastPlan:
        """Return what `run` would send without a journal. Sends nothing.

        Raises:
            ValidationError: `to` is not iterable, or yields an item whose message is not valid.
            Exception: `to` raised this.
        """
        log = MemoryJobLog()
        source = self._make_source(to, log)
        try:
            return await plan(source, log, self._sender.body)
        finally:
            await source.close()

    async def run(self, to: Iterable[Any] | AsyncIterable[Any]) -> BulkReport:
        """Send to all recipients, and return the report. A job can run only once.

        Errors after the first id was read are in the report, together with the outcomes so far. If
        the task is cancelled, requests in flight are aborted.

        Raises:
            ValidationError: `to` is not iterable, or yields an item whose message is not valid;
                nothing was sent.
            JournalError: The journal cannot be used, or belongs to another job; nothing was sent.
            RuntimeError: The job has run before.
            Exception: `to` raised this before its first id.
        """
        if self._source is not None:
            raise RuntimeError("a job can run only once: create another one")
        log = self._log
        source = self._source = self._make_source(to, log)
        try:
            await self._resume(source)
            await self._run_workers(source)
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
            **attrs.asdict(progress, recurse=False),
            outcomes=log.outcomes(),
            stopped=self._stop_reason,
            error=self._error,
        )

    @property
    def in_flight(self) -> int:
        """The number of requests in flight."""
        return sum(call is not None and call.in_flight for call in self._workers.values())

    @property
    def batches_left(self) -> int | None:
        """The number of batches that no worker has taken yet; None if it is not known."""
        left = None if self._source is None else self._source.left
        return None if left is None else left + len(self._queue)

    def stop(self, why: str, error: Exception | None = None) -> None:
        """Stop sending. Requests in flight may still be answered."""
        if self._stop_reason is None:
            self._stop_reason, self._error = why, error
        if self._resuming is not None:
            self._resuming.cancel()
        for worker, call in self._workers.items():
            if worker is asyncio.current_task() or (call is not None and call.in_flight):
                continue
            if call is not None:
                # A request may still leave before its worker hears of the end.
                call.limit_send(lambda: 0.0)
            worker.cancel()

    def abort(self, why: str) -> None:
        """Stop sending, and abort requests in flight: their outcomes are unknown."""
        self.stop(why)
        for worker in self._workers:
            worker.cancel()

    async def _resume(self, source: BatchSource) -> None:
        """Queue the batches that earlier runs left unsent. `stop` interrupts it."""
        self._resuming = asyncio.ensure_future(self._find_unsent(source))
        try:
            if self._stop_reason is None:
                await self._resuming
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._stop_reason is None or (task is not None and task.cancelling()):
                raise
        finally:
            self._resuming.cancel()
        self._report_progress()

    async def _find_unsent(self, source: BatchSource) -> None:
        """Queue the batches that earlier runs left, and find out the state of the journal."""
        known, unsent = await resume(source, self._log)
        self._queue += unsent
        self._journal = start = known.start
        if start is not None and known.batches and not unsent:
            batch = await self._next_batch(source)
            if batch is not None:
                self._queue.append(batch)
            elif self._stop_reason is None:
                self._journal = attrs.evolve(start, state="finished")

    def _make_source(self, to: Iterable[Any] | AsyncIterable[Any], log: JobLog) -> BatchSource:
        recipient_filter = RecipientFilter(
            log.record_skipped, flush=log.flush, dedupe=self._dedupe, exclude=self._exclude
        )
        if self._personal is None:
            return BatchReader(to, self._batch_size, recipient_filter)
        return PersonalSource(to, self._personal, self._batch_size, recipient_filter)

    async def _run_workers(self, source: BatchSource) -> None:
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
            while self._queue:
                self._log.record_unsent(self._queue.popleft(), self._unsent_reason())

    async def _work(self, source: BatchSource) -> None:
        while self._stop_reason is None:
            batch = await self._next_batch(source)
            if batch is None:
                return
            await self._deliver(batch)
            self._report_progress()

    async def _next_batch(self, source: BatchSource) -> Batch | None:
        if self._queue:
            return self._log.with_key(self._queue.popleft())
        async with self._read_lock:
            batch = None
            try:
                batch = None if self._exhausted else await source.next()
                self._exhausted = batch is None
            except Exception as error:  # noqa: BLE001 - the report must say what was sent
                self._source_error = error
                self.stop(f"reading the recipients failed: {_describe(error)}", error)
            finally:
                if self._stop_reason is not None and (rest := batch or source.rest()) is not None:
                    self._log.record_unsent(rest, self._unsent_reason())
                    batch = None
        # Another worker may have split a batch while this one read.
        if batch is None and self._queue and self._stop_reason is None:
            batch = self._queue.popleft()
        return None if batch is None else self._log.with_key(batch)

    async def _deliver(self, batch: Batch) -> None:
        """Send a batch, and record its outcome whatever happens."""
        call: PendingCall | None = None
        try:
            call = self._sender.begin(batch)
            await self._send(batch, call)
        except CliqError as error:
            self._handle_error(batch, error)
        except _StoppedError:
            self._record_abandoned(batch, call)
        except asyncio.CancelledError:
            self._record_abandoned(batch, call)
            raise
        except Exception as error:  # noqa: BLE001 - the report must say what was sent
            self.stop(f"unexpected error in the client: {type(error).__name__}: {error}", error)
            self._record_abandoned(batch, call)
        else:
            self._record_accepted(batch, self._sender.reached_ids(call.data))

    async def _send(self, batch: Batch, call: PendingCall) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - for the type checker: this runs in a worker
        self._workers[worker] = call
        try:
            with call:
                while not call.answered:
                    if self._stop_reason is not None:
                        raise _StoppedError
                    await call.acquire()
                    await self._log.mark_sending(batch)
                    call.limit_send(self._log.sendable_s)
                    await call.send()
        finally:
            self._workers[worker] = None
            self._requests += call.requests
            self._lockouts += call.lockouts

    def _record_accepted(self, batch: Batch, reached_ids: Sequence[str] | None) -> None:
        self._unreached = 0
        reached = split_by_reached(batch.ids, reached_ids)
        if reached.delivered == batch.ids:
            self._log.record_outcome(batch, "delivered")
        else:
            self._log.record_outcomes(batch, reached.parts(batch))

    def _record_abandoned(self, batch: Batch, call: PendingCall | None) -> None:
        if call is not None and call.outcome_unknown:
            self._log.record_outcome(
                batch, "unknown", f"aborted: {self._stop_reason or 'cancelled'}"
            )
        else:
            self._log.record_unsent(batch, self._unsent_reason())

    def _unsent_reason(self) -> str:
        return f"not sent: {self._stop_reason or 'cancelled'}"

    def _handle_error(self, batch: Batch, error: CliqError) -> None:
        outcome = classify_error(error)
        unreached = isinstance(error, TransportError | ForeignAnswerError)
        self._unreached = self._unreached + 1 if unreached else 0
        if outcome.stops or self._unreached >= _MAX_UNREACHED:
            self.stop(outcome.stops or str(error), error)
        parts = batch.halves(SPLIT_BUDGET) if outcome.splits else None
        if parts is not None:
            self._queue += self._log.split(batch, parts)
        elif outcome.status != "unsent":
            self._log.record_outcome(batch, outcome.status, str(error), outcome.code)
        elif self._stop_reason is not None:
            self._log.record_unsent(batch, str(error), outcome.code)
        else:
            self._log.requeue(batch)
            self._queue.append(batch)

    def _progress(self) -> BroadcastProgress:
        return BroadcastProgress(
            **attrs.asdict(self._log.counts),
            requests=self._requests,
            lockouts=self._lockouts,
            journal=self._journal,
        )

    def _report_progress(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(self._progress())
        except Exception:  # noqa: BLE001 - a broken callback must not end the job
            _log.exception("on_progress failed; it is not called again")
            self._on_progress = None


def _describe(error: Exception) -> str:
    """Return the message of an error; errors of the user's code get the name of their class."""
    return str(error) if isinstance(error, CliqError) else f"{type(error).__name__}: {error}"
