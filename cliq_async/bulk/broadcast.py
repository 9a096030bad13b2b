"""One message to many recipients, as fast as the quota allows.

A few workers share one stream of recipients. Each takes a batch, sends it, notes what became of
it, and takes the next, so that never more is read ahead than is on its way.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import Final, Literal, cast

import attrs

from cliq_async.bulk.report import BroadcastProgress, BroadcastReport, Outcome
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    CliqError,
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
from cliq_async.models.checks import shown
from cliq_async.models.recipients import MAX_USER_IDS, user_ids_field
from cliq_async.watch import StoppedError, Watch

__all__ = ["Broadcast", "Recipients"]

_log = logging.getLogger("cliq_async")

Recipients = Iterable[str | int] | AsyncIterable[str | int]

_FATAL = (
    AuthError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ThrottledError,
)
_END: Final = object()
_SHOWN_CHARS: Final = 100
_THESE_USERS = "bot_unauthorized_message_access"
_BREATHER = 1000
"""Ids from a plain iterable, after which other tasks get a turn."""
_NO_CONNECTION = 5
"""Batches in a row that found no connection, after which the rest is not tried."""


class Broadcast:
    """A job that sends batches of recipients.

    Args:
        send: Sends to one batch; raises a CliqError if it fails.
        batch_size: Recipients in a request, 1 to 100.
        max_in_flight: Requests under way at the same time.
        dedupe: Skip ids that came before. Costs memory for each id.
        on_progress: Called after each batch.
    """

    def __init__(
        self,
        send: Callable[[tuple[str, ...], Watch], Awaitable[object]],
        *,
        batch_size: int = MAX_USER_IDS,
        max_in_flight: int = 50,
        dedupe: bool = False,
        on_progress: Callable[[BroadcastProgress], object] | None = None,
    ) -> None:
        if type(batch_size) is not int or not 1 <= batch_size <= MAX_USER_IDS:
            raise ValidationError("batch_size", f"an int from 1 to {MAX_USER_IDS}", batch_size)
        if type(max_in_flight) is not int or max_in_flight < 1:
            raise ValidationError("max_in_flight", "an int, at least 1", max_in_flight)
        self._send = send
        self._batch_size = batch_size
        self._max_in_flight = max_in_flight
        self._seen: set[str] | None = set() if dedupe else None
        self._on_progress = on_progress
        self._counts = dict.fromkeys((field.name for field in attrs.fields(BroadcastProgress)), 0)
        self._outcomes: list[Outcome] = []
        self._workers: dict[asyncio.Task[None], Watch] = {}
        self._reading = asyncio.Lock()
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
            Exception: What `to` raised before its first id.
        """
        if isinstance(to, str | bytes) or not isinstance(to, Iterable | AsyncIterable):
            raise ValidationError("to", "an iterable of ids", to)
        source = _stream(to)
        loop = asyncio.get_running_loop()
        for _ in range(self._max_in_flight):
            watch = Watch()
            self._workers[loop.create_task(self._work(source, watch))] = watch
        try:
            await asyncio.wait(self._workers)
        except asyncio.CancelledError:
            self.abort("cancelled")
            await asyncio.wait(self._workers)
            raise
        finally:
            await source.aclose()
        for worker in self._workers:
            if not worker.cancelled() and (error := worker.exception()) is not None:
                raise error
        counts = self._progress()
        if self._source_error is not None and not any(counts.values()):
            raise self._source_error  # nothing is lost by it
        return BroadcastReport(
            **counts,
            outcomes=tuple(self._outcomes),
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

    async def _work(self, source: AsyncGenerator[object, None], watch: Watch) -> None:
        while self._stopped is None:
            batch = await self._next_batch(source)
            if not batch:
                return
            await self._deliver(batch, watch)

    async def _next_batch(self, source: AsyncGenerator[object, None]) -> tuple[str, ...]:
        batch: list[str] = []
        async with self._reading:
            try:
                while len(batch) < self._batch_size:
                    item = await anext(source, _END)
                    if item is _END:
                        break
                    if (recipient := self._accept(item)) is not None:
                        batch.append(recipient)
            except Exception as error:  # noqa: BLE001 - what was sent so far has to be reported
                self._source_error = error
                self.stop(f"the recipients ended with {type(error).__name__}: {error}", error)
            finally:
                if self._stopped is not None and batch:
                    self._note(tuple(batch), "failed", f"not sent: {self._stopped}")
                    batch = []
        return tuple(batch)

    def _accept(self, item: object) -> str | None:
        if isinstance(item, str):
            item = item.strip()  # the lines of a file
        try:
            recipient = user_ids_field((cast("str", item),))  # one, and not several in a list
        except ValidationError as error:
            given = item if isinstance(item, str) else repr(shown(item))
            self._note((given[:_SHOWN_CHARS],), "skipped", f"not an id: {error.limit}")
            return None
        if self._seen is not None:
            if recipient in self._seen:
                self._counts["skipped"] += 1
                return None
            self._seen.add(recipient)
        return recipient

    async def _deliver(self, batch: tuple[str, ...], watch: Watch) -> None:
        watch.lost = False  # that was the batch before
        try:
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
            self._counts["delivered"] += len(batch)
        self._tell()

    def _give_up(self, batch: tuple[str, ...], watch: Watch) -> None:
        if watch.lost:
            self._note(batch, "unknown", f"given up: {self._stopped}")
        else:
            self._note(batch, "failed", f"not sent: {self._stopped}")

    def _refused(self, batch: tuple[str, ...], error: CliqError) -> None:
        code = error.code if isinstance(error, ApiError) else None
        unknown = isinstance(error, OutcomeUnknownError | ServerError)
        self._note(batch, "unknown" if unknown else "failed", str(error), code)
        self._unconnected = self._unconnected + 1 if isinstance(error, TransportError) else 0
        fatal = isinstance(error, _FATAL) and code != _THESE_USERS
        if fatal or self._unconnected >= _NO_CONNECTION:
            self.stop(str(error), error)

    def _note(
        self,
        ids: tuple[str, ...],
        status: Literal["failed", "unknown", "skipped"],
        reason: str,
        code: str | None = None,
    ) -> None:
        self._outcomes.append(Outcome(ids, status, reason, code))
        self._counts[status] += len(ids)

    def _progress(self) -> dict[str, int]:
        watches = self._workers.values()
        self._counts["requests"] = sum(watch.requests for watch in watches)
        self._counts["lockouts"] = sum(watch.lockouts for watch in watches)
        return self._counts

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(BroadcastProgress(**self._progress()))
        except Exception:  # noqa: BLE001 - the user's, and no reason to lose the job
            _log.exception("on_progress failed; it is not called again")
            self._on_progress = None


async def _stream(to: Recipients) -> AsyncGenerator[object, None]:
    if isinstance(to, AsyncIterable):
        async for item in to:
            yield item
        return
    for number, item in enumerate(to, 1):
        yield item
        if number % _BREATHER == 0:
            await asyncio.sleep(0)  # not while an item is held, which a cancellation would lose
