"""Run handlers within the time that Cliq waits, and hand over the answers that come later.

An event's answer goes one of two ways, never both:

| | the answer |
|---|---|
| the handler is done 2 s before Cliq gives up | on the connection |
| later, or the client has hung up before | by `response_url`, from 1 s after Cliq has given up |
| later, and that fails | reported as lost |

The 3 seconds between close the race in which an answer is on its way when Cliq gives up. The
handler is a task of its own: some servers cancel what serves a client that has hung up, others let
it finish and drop its answer without a word.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import attrs

from cliq_async.webhooks.events import Event

__all__ = ["Deliver", "Dispatcher", "IsGone", "Lost"]

_log = logging.getLogger("cliq_async")

IsGone = Callable[[], Awaitable[bool]]
"""Looks whether the client has hung up, such as Starlette's `request.is_disconnected`."""
Deliver = Callable[[bytes], Awaitable[str | None]]
"""Delivers a late answer; returns why it is lost, or None."""
Lost = Callable[[Event, str, bytes | None], None]
"""Reports a lost answer: the event, the reason, and the answer if the handler had one."""

SAFETY_S: Final = 2.0
"""How long before Cliq gives up the last answer is given to the connection."""
GRACE_S: Final = 1.0
"""How long after Cliq has given up a late answer is sent."""
_LOOK_AFTER_S: Final = 0.5
"""A handler that took less has a client that still waits; looking costs more than it brings."""
_CANCEL_S: Final = 1.0
"""How long a cancelled handler may take to end. Real seconds."""

_CLOSED: Final = "the bot was closed before its handler was done"
_CLOSED_LATER: Final = "the bot was closed before the late answer was delivered: it may be lost"
_NO_WAY: Final = "it came too late, and the event has no response_url"


@attrs.frozen(eq=False)
class _Work:
    """A handler at work on an event.

    Attributes:
        event: The event.
        task: The handler's task; its result is the encoded answer, or None for no answer.
        deliver: Delivers a late answer; None if there is no way.
        began_at: When the event arrived, by the loop's clock.
    """

    event: Event
    task: "asyncio.Task[bytes | None]"
    deliver: Deliver | None
    began_at: float


class Dispatcher:
    """Runs the handlers of one bot.

    Args:
        waits_s: How long Cliq waits for an answer, in Cliq's seconds.
        time_scale: The speed of Cliq's time.
        max_in_flight: How many events there may be at a time, late answers included.
        lost: Called with each lost answer.
    """

    def __init__(
        self, *, waits_s: float, time_scale: float, max_in_flight: int, lost: Lost
    ) -> None:
        self.set_times(waits_s, time_scale)
        self._max_in_flight = max_in_flight
        self._lost = lost
        self._opened = False
        self._draining = False
        self._cut = False  # at the end, what is left is cut off
        self._in_flight = 0  # events
        self._tasks: set[asyncio.Task[Any]] = set()  # those of handlers, and the two below
        self._deliveries: set[asyncio.Task[str | None]] = set()
        self._own: set[asyncio.Task[Any]] = set()  # the user's
        self._idle: asyncio.Future[None] | None = None

    def set_times(self, waits_s: float, time_scale: float) -> None:
        """Set how long Cliq waits for an answer, and the speed of its time."""
        self._answer_s = (waits_s - SAFETY_S) / time_scale
        self._late_s = (waits_s + GRACE_S) / time_scale
        self._look_after_s = _LOOK_AFTER_S / time_scale

    @property
    def is_busy(self) -> bool:
        """True if no further event may begin."""
        return self._draining or self._in_flight >= self._max_in_flight

    async def run(
        self,
        event: Event,
        handler: Coroutine[Any, Any, bytes | None],
        deliver: Deliver | None,
        is_gone: IsGone | None,
    ) -> bytes | None:
        """Run a handler; return its answer for the connection, or None for an empty one.

        Args:
            event: The event, to report it.
            handler: The coroutine to run. It raises nothing.
            deliver: Delivers a late answer; None if there is no way.
            is_gone: Looks whether the client has hung up.
        """
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        self._in_flight += 1
        task = loop.create_task(handler)
        self._tasks.add(task)
        try:
            await asyncio.sleep(0)  # a third of the time of the next line, which few then need
            if not task.done():
                await asyncio.wait((task,), timeout=self._answer_s)
            # The loop may have been blocked: what is done may be done too late.
            in_time = task.done() and loop.time() <= began_at + self._answer_s
            look = is_gone if loop.time() - began_at >= self._look_after_s else None
            if in_time and not (look and await _has_hung_up(look)):
                self._end_event(task)
                return self._result(event, task)
        except asyncio.CancelledError:  # by the server, as its client has hung up
            self._hand_over(_Work(event, task, deliver, began_at))
            raise
        self._hand_over(_Work(event, task, deliver, began_at))
        if not in_time:  # hold the connection until Cliq no longer listens
            await asyncio.sleep(began_at + self._late_s - loop.time())
        return None

    def _result(self, event: Event, task: "asyncio.Task[bytes | None]") -> bytes | None:
        if task.cancelled():
            self._lost(event, _CLOSED, None)
            return None
        return task.result()

    def _hand_over(self, work: _Work) -> None:
        if self._cut:
            self._report_cut(work)
            return
        if not self._opened:
            self._opened = True  # to warn once
            _log.warning(
                "an answer comes late, and the bot was not opened: if the program ends, the answer "
                "is lost; use `async with bot`, or the lifespan of the server"
            )
        delivery = self._start(self._deliver(work))
        self._deliveries.add(delivery)
        delivery.add_done_callback(partial(self._end_delivery, work))

    async def _deliver(self, work: _Work) -> str | None:
        """Deliver an answer when it is there and Cliq no longer waits; return why it is lost."""
        await asyncio.wait((work.task,))
        if work.task.cancelled():
            return _CLOSED
        output = work.task.result()
        if output is None:
            return None
        await asyncio.sleep(work.began_at + self._late_s - asyncio.get_running_loop().time())
        try:
            return await work.deliver(output) if work.deliver else _NO_WAY
        except Exception as error:  # noqa: BLE001 - of a transport of the user's
            return f"it may be lost: {type(error).__name__}: {error}"

    def _end_delivery(self, work: _Work, delivery: "asyncio.Task[str | None]") -> None:
        # Not in the task itself, whose first step a cancelled one never comes to.
        self._deliveries.discard(delivery)
        if delivery.cancelled():
            self._report_cut(work)
            return
        self._end_event(work.task)
        if (reason := delivery.result()) is not None:
            output = None if work.task.cancelled() else work.task.result()
            self._lost(work.event, reason, output)

    def _report_cut(self, work: _Work) -> None:
        """Report an event that the end of the bot cuts off, unless it has no answer."""
        self._end_event(work.task)
        if not work.task.done() or work.task.cancelled():
            self._lost(work.event, _CLOSED, None)
        elif (output := work.task.result()) is not None:
            self._lost(work.event, _CLOSED_LATER, output)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Start a task of the user's, which is held, logged if it fails, and drained."""
        task = self._start(coroutine)
        self._own.add(task)
        task.add_done_callback(self._own.discard)
        task.add_done_callback(_log_failure)
        return task

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)
        return task

    def _end_task(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._wake_drain()

    def _end_event(self, task: "asyncio.Task[Any]") -> None:
        self._in_flight -= 1
        self._tasks.discard(task)
        self._wake_drain()

    def _wake_drain(self) -> None:
        if self._idle is not None and not self._idle.done() and self._is_idle():
            self._idle.set_result(None)

    def _is_idle(self) -> bool:
        return not self._in_flight and not self._tasks

    # --- the bot's life ---------------------------------------------------------------------

    def open(self) -> None:
        """Take events until `drain` is called."""
        self._opened, self._draining, self._cut = True, False, False

    async def drain(self, timeout_s: float) -> int:
        """Take no more events, wait for those in flight, and cancel the rest.

        Args:
            timeout_s: How long to wait, in real seconds.

        Returns:
            The number of events and tasks that were cancelled.
        """
        self._draining = True
        if self._is_idle():
            return 0
        self._idle = asyncio.get_running_loop().create_future()
        await asyncio.wait((self._idle,), timeout=timeout_s)
        self._idle = None
        left = self._in_flight + len(self._own)
        self._cut = True
        await _cancel(self._tasks - self._deliveries)
        await _cancel(set(self._deliveries))
        return left


async def _has_hung_up(is_gone: IsGone) -> bool:
    try:
        return await is_gone()
    except Exception:  # noqa: BLE001 - of the adapter's or the user's; the answer is ready
        _log.exception("it is not known whether the client of an event has hung up")
        return False


async def _cancel(tasks: "set[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CANCEL_S)


def _log_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a task of a webhook bot failed: %s", task.get_name(), exc_info=error)
