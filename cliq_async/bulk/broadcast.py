"""One message to many recipients, as fast as the quota allows.

A few workers share one stream of recipients. Each takes a batch, notes that it is about to be
sent, sends it, notes what became of it, and takes the next, so that never more is read ahead than
is on its way.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.record import MemoryRecord, Record
from cliq_async.bulk.report import BroadcastProgress, BroadcastReport
from cliq_async.bulk.source import Recipients, Source
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    CliqError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
    ValidationError,
)
from cliq_async.models.recipients import MAX_USER_IDS
from cliq_async.watch import StoppedError, Watch

__all__ = ["Broadcast"]

_log = logging.getLogger("cliq_async")

_FATAL: Final = (
    AuthError,
    AuthenticationError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ThrottledError,
)
_NEVER_SENT: Final = (AuthError, QuotaStoreError, QuotaWaitError, ThrottledError, TransportError)
_THESE_USERS: Final = "bot_unauthorized_message_access"
"""The whole batch was refused for some of its recipients."""
_UNSURE: Final = frozenset({"botmessage_sending_failed"})
"""Codes after which some may have been reached."""
_NO_CONNECTION: Final = 5
"""Batches in a row that found no connection, after which the rest is not tried."""
_CHECKED_AT_ONCE: Final = 200
SPLIT_BUDGET: Final = 14
"""Requests to spend on finding those for whom a batch was refused: enough for one of 100."""


class Broadcast:
    """A job that sends batches of recipients.

    Args:
        send: Sends to one batch; raises a CliqError if it fails.
        batch_size: Recipients in a request, 1 to 100.
        max_in_flight: Requests under way at the same time.
        dedupe: Skip ids that came before. Costs memory for each id.
        on_progress: Called after each batch.
        record: Keeps what became of whom; in memory by default.
    """

    def __init__(
        self,
        send: Callable[[Batch, Watch], Awaitable[object]],
        *,
        batch_size: int = MAX_USER_IDS,
        max_in_flight: int = 50,
        dedupe: bool = False,
        on_progress: Callable[[BroadcastProgress], object] | None = None,
        record: Record | None = None,
    ) -> None:
        if type(batch_size) is not int or not 1 <= batch_size <= MAX_USER_IDS:
            raise ValidationError("batch_size", f"an int from 1 to {MAX_USER_IDS}", batch_size)
        if type(max_in_flight) is not int or max_in_flight < 1:
            raise ValidationError("max_in_flight", "an int, at least 1", max_in_flight)
        self._send = send
        self._batch_size = batch_size
        self._max_in_flight = max_in_flight
        self._dedupe = dedupe
        self._on_progress = on_progress
        self._record = record or MemoryRecord()
        self._first: deque[Batch] = deque()
        self._workers: dict[asyncio.Task[None], Watch] = {}
        self._reading = asyncio.Lock()
        self._read = False
        self._stopped: str | None = None
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._unconnected = 0

    async def run(self, to: Recipients) -> BroadcastReport:
        """Send to everybody in `to`, and report. Once.

        Whatever goes wrong after the first id was read is in the report, since what was sent
        until then has to be known. If this is cancelled, what is on the wire is given up.

        Raises:
            ValidationError: `to` is not an iterable of ids; nothing was sent.
            JournalError: The journal cannot be used, or is another job's; nothing was sent.
            Exception: What `to` raised before its first id.
        """
        record = self._record
        source = Source(to, batch_size=self._batch_size, dedupe=self._dedupe, skip=record.skip)
        try:
            await self._resume(source)
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
        return BroadcastReport(
            **attrs.asdict(progress),
            outcomes=record.outcomes(),
            stopped=self._stopped,
            error=self._error,
        )

    @property
    def in_flight(self) -> int:
        """How many requests are on the wire."""
        return sum(watch.in_flight for watch in self._workers.values())

    def stop(self, why: str, error: Exception | None = None) -> None:
        """Send nothing more; what is on the wire may still be answered."""
        if self._stopped is None:
            self._stopped, self._error = why, error
        for worker, watch in self._workers.items():
            watch.stopped = True
            if not watch.in_flight and worker is not asyncio.current_task():
                worker.cancel()

    def abort(self, why: str) -> None:
        """Send nothing more, and give up what is on the wire: its outcome is unknown."""
        self.stop(why)
        for worker in self._workers:
            worker.cancel()

    async def _resume(self, source: Source) -> None:
        """Check what earlier runs have read, all of it, before anything is sent."""
        known = await self._record.open()
        for start in range(0, known, _CHECKED_AT_ONCE):
            batches: list[Batch] = []
            for _ in range(start, min(start + _CHECKED_AT_ONCE, known)):
                batch = await source.next()
                if batch is None:
                    break
                batches.append(batch)
            if batches:
                self._first += await self._record.check(batches)
            if start + len(batches) < min(start + _CHECKED_AT_ONCE, known):
                raise JournalError(
                    f"these are {start + len(batches):,} batches of recipients, and the job of "
                    f"this journal had read {known:,}: they are others, or fewer"
                )
        self._first += await self._record.again()

    async def _work_all(self, source: Source) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._max_in_flight):
            watch = Watch()
            watch.stopped = self._stopped is not None
            self._workers[loop.create_task(self._work(source, watch))] = watch
        try:
            await asyncio.wait(self._workers)
        except asyncio.CancelledError:
            self.abort("cancelled")
            await asyncio.wait(self._workers)
            raise
        finally:
            while self._first:
                self._record.unsent(self._first.popleft(), self._stopped or "stopped")

    async def _work(self, source: Source, watch: Watch) -> None:
        while self._stopped is None:
            batch = await self._next_batch(source)
            if batch is None:
                return
            await self._deliver(batch, watch)

    async def _next_batch(self, source: Source) -> Batch | None:
        if self._first:
            return self._record.numbered(self._first.popleft())
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
                    self._record.unsent(rest, self._stopped)
                    batch = None
        # A part of a batch that was split meanwhile.
        if batch is None and self._first and self._stopped is None:
            batch = self._first.popleft()
        return None if batch is None else self._record.numbered(batch)

    async def _deliver(self, batch: Batch, watch: Watch) -> None:
        watch.lost = False  # that was the batch before
        try:
            await self._record.sending(batch)
            await self._send(batch, watch)
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
            self._unconnected = 0
            self._record.ended(batch, "delivered")
        self._tell()

    def _give_up(self, batch: Batch, watch: Watch) -> None:
        why = self._stopped or "cancelled"
        if watch.lost:
            self._record.ended(batch, "unknown", f"given up: {why}")
        else:
            self._record.unsent(batch, why)

    def _refused(self, batch: Batch, error: CliqError) -> None:
        code = error.code if isinstance(error, ApiError) else None
        self._unconnected = self._unconnected + 1 if isinstance(error, TransportError) else 0
        fatal = isinstance(error, _FATAL) and code != _THESE_USERS
        if fatal or self._unconnected >= _NO_CONNECTION:
            self.stop(str(error), error)
        parts = batch.halves(SPLIT_BUDGET) if code == _THESE_USERS else None
        if parts is not None:
            self._first += self._record.split(batch, parts)
        elif isinstance(error, JournalError) or (fatal and isinstance(error, _NEVER_SENT)):
            self._record.unsent(batch, str(error))
        elif isinstance(error, OutcomeUnknownError | ServerError) or code in _UNSURE:
            self._record.ended(batch, "unknown", str(error), code)
        else:
            self._record.ended(batch, "failed", str(error), code)

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
