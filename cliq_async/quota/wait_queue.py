"""The queue of one key in one event loop: a line a lane, and the pump that serves them.

The pump is one task. It takes tokens from the store and hands each to the first in line, so
that a waiter is woken exactly once, with its token, and the store is asked by one task however
many wait. It sleeps until a token can be back, or until the store says that one is free sooner;
it ends when nobody waits.
"""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from itertools import islice
from math import inf

from cliq_async.clock import to_utc
from cliq_async.errors import QuotaWaitError
from cliq_async.quota.fair_queue import FairQueue, Waiter
from cliq_async.quota.model import Denied, Lane, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.token import Token, token_ids

__all__ = ["LONG_WAIT_S", "WaitQueue"]

_log = logging.getLogger("cliq_async")

_GRACE_S = 0.005

LONG_WAIT_S = 10.0
"""A wait from here on is worth a line in the log. Real seconds."""


class WaitQueue:
    """Those who wait for one key, in this event loop."""

    def __init__(self, quota: Quota, store: QuotaStore) -> None:
        self.number = next(token_ids)
        self._key = quota.key
        self._endpoint = quota.endpoint
        self._store = store
        self._lanes = (FairQueue(), FairQueue())
        self.pump: asyncio.Task[None] | None = None
        self._sleep: asyncio.Future[None] | None = None
        self._sooner = False
        self._serving = False
        self._earliest = self._announced = self._announced_s = -inf
        self.asking = False

    def __len__(self) -> int:
        return len(self._lanes[0]) + len(self._lanes[1])

    def may_bypass(self, lane: Lane) -> bool:
        """Whether a newcomer may ask the store itself, because it would overtake nobody."""
        if self.asking:
            return False
        if self.pump is None:
            return True
        return lane is Lane.INTERACTIVE and not self._lanes[lane] and not self._serving

    async def wait(self, waiter: Waiter, *, refused: bool) -> Token:
        """Stand in line until the pump hands over a token.

        Args:
            waiter: Who waits.
            refused: Whether it asked the store itself, so that all in its line came later.

        Raises:
            QuotaWaitError: The deadline is too early, as far as anybody can know.
        """
        loop = asyncio.get_running_loop()
        line = self._lanes[waiter.lane]
        timer = None
        if waiter.deadline is not None:
            await self._check(waiter, waiter.deadline, refused=refused)
            # A token that is back at the very deadline is still in time.
            delay_s = max(0.0, waiter.deadline - self._store.clock()) + _GRACE_S
            timer = loop.call_later(delay_s, self._expire, waiter)
        line.add(waiter, first=refused)
        if self.pump is None:
            self._start(loop)
        elif line.is_head(waiter) and self._first(below=waiter.reserve + 1) is waiter:
            self.wake()  # the pump may be asleep for somebody who leaves more to others
        try:
            return await waiter.future
        except (asyncio.CancelledError, GeneratorExit):
            future = waiter.future
            if not future.cancelled() and future.done() and future.exception() is None:
                future.result().end(TokenOutcome.NEVER_SENT)
            raise
        finally:
            self._leave(waiter)
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Have the pump ask again now."""
        self._sooner = True
        sleep = self._sleep
        if sleep is not None and not sleep.done() and not sleep.get_loop().is_closed():
            sleep.set_result(None)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        pump = loop.create_task(self._dispatch(loop), name="cliq_async quota")
        self.pump = None if pump.done() else pump  # an eager task may be through already

    async def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        # Watched before the first question, so that no early return goes unseen.
        stop_watching = self._store.watch(self._key, partial(_wake_from_any_thread, loop, self))
        try:
            while (waiter := self._first()) is not None:
                while (retry_at := await self._serve(waiter)) is not None:
                    waiter = self._first(below=waiter.reserve)
                    if waiter is None:
                        await self._sleep_until(retry_at)
                        break
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody in line must hear it
            self._fail(error)
        finally:
            stop_watching()
            self.pump = None
            if self._first() is not None and not loop.is_closed():
                self._start(loop)  # somebody cancelled the pump, and not those in line

    async def _serve(self, waiter: Waiter) -> float | None:
        """Take a token for the first in line; if there is none, when to ask again."""
        self._sooner = False
        self._serving = True
        store, quota, number = self._store, waiter.quota, next(token_ids)
        try:
            got = await store.take(
                quota,
                number,
                lease_s=waiter.lease_s,
                reserve=waiter.reserve,
                lane=waiter.lane,
                queue_id=self.number,
                waiters=len(self._lanes[waiter.lane]),
            )
        except BaseException:
            store.end(quota, number, TokenOutcome.NEVER_SENT)
            raise
        finally:
            self._serving = False
        if isinstance(got, Denied):
            urgent = waiter.deadline is not None and waiter.deadline < got.retry_many_at
            retry_at = got.retry_at if urgent or len(self) == 1 else got.retry_many_at
            self._earliest = got.earliest_at
            self._fail_late(got, waiter)
            return retry_at
        token = Token(store, quota, number, got, got + waiter.send_within_s)
        token.waited = True
        first = self._first(below=waiter.reserve + 1)  # who has come or left meanwhile
        if first is not None and (first is waiter or first.covers(waiter)):
            self._lanes[first.lane].pop_served(first)
            first.future.set_result(token)
        else:
            token.end(TokenOutcome.NEVER_SENT)  # it was for somebody who has left
        return None

    async def _sleep_until(self, moment: float) -> None:
        if self._sooner:
            await asyncio.sleep(0)  # others may have to run before there is a token
            return
        self._announce(max(moment, self._earliest))  # a store has itself asked again before that
        loop = asyncio.get_running_loop()
        self._sleep = sleep = loop.create_future()
        timer = loop.call_later(moment - self._store.clock(), self.wake)
        try:
            await sleep
        finally:
            timer.cancel()
            self._sleep = None

    def _announce(self, until: float) -> None:
        """Log a long wait, once, unless it gets longer than was said."""
        now = self._store.clock()
        wait_s = until - now
        # With a request under way, the end of the wait moves on as the time does.
        longer = wait_s >= self._announced_s + LONG_WAIT_S
        if wait_s >= LONG_WAIT_S and (longer or now >= self._announced):
            self._announced, self._announced_s = until, wait_s
            text = "waiting %.0f s for the quota of %s (%d in line)"
            _log.info(text, wait_s, self._endpoint, len(self))

    def _first(self, below: float = inf) -> Waiter | None:
        for line in self._lanes:
            while (waiter := line.first(below)) is not None:
                if not waiter.future.done():
                    return waiter
                line.remove(waiter)
        return None

    def _leave(self, waiter: Waiter) -> None:
        """Step out of line; the pump may be asleep for this one, and the next ask for less."""
        line = self._lanes[waiter.lane]
        if waiter in line:
            if line.is_head(waiter):
                self.wake()
            line.remove(waiter)

    async def _check(self, waiter: Waiter, deadline: float, *, refused: bool) -> None:
        """Raise if the deadline cannot be kept, given who stands before it."""
        (snapshot,) = await self._store.snapshots([waiter.quota])
        schedule = snapshot.schedule()
        before = self._before(waiter, refused=refused)
        if schedule(len(before), waiter.reserve) <= deadline:
            return  # even if all of them stay
        position, reserve = 0, waiter.reserve
        for other in before:
            if other.deadline is None or schedule(position, other.reserve) <= other.deadline:
                position += 1  # the others will have left
                reserve = min(reserve, other.reserve)
        earliest = max(schedule(position, reserve), schedule(0, waiter.reserve))
        if earliest > max(deadline, snapshot.now):
            raise self._too_late(earliest, locked=snapshot.locked)

    def _before(self, waiter: Waiter, *, refused: bool) -> list[Waiter]:
        """Who goes before a newcomer, and has no token yet that the store counts."""
        own = [] if refused else self._lanes[waiter.lane].ahead_of(waiter)
        bulk = waiter.lane is Lane.BULK
        before = [*self._lanes[Lane.INTERACTIVE], *own] if bulk else own
        return before[1:] if self._serving else before

    def _fail_late(self, not_yet: Denied, asked: Waiter) -> None:
        """Tell those who cannot be served in time: all of them under a lock, else the first."""
        earliest = not_yet.earliest_at
        for line in self._lanes:
            for waiter in list(line) if not_yet.locked else list(islice(line, 1)):
                late = waiter.deadline is not None and earliest > waiter.deadline
                if late and (not_yet.locked or asked.covers(waiter)):
                    self._give_up(waiter, self._too_late(earliest, locked=not_yet.locked))

    def _expire(self, waiter: Waiter) -> None:
        now = self._store.clock()
        self._give_up(waiter, self._too_late(max(now, self._earliest)))

    def _fail(self, error: Exception) -> None:
        while (waiter := self._first()) is not None:
            self._give_up(waiter, error)

    def _give_up(self, waiter: Waiter, error: Exception) -> None:
        self._leave(waiter)
        if not waiter.future.done():  # else it was cancelled and has not run since
            waiter.future.set_exception(error)

    def _too_late(self, earliest: float, *, locked: bool = False) -> QuotaWaitError:
        return QuotaWaitError(self._endpoint, to_utc(earliest, self._store.clock), locked)


def _wake_from_any_thread(loop: asyncio.AbstractEventLoop, queue: WaitQueue) -> None:
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        queue.wake()
    else:
        with suppress(RuntimeError):  # that loop was closed with callers in line
            loop.call_soon_threadsafe(queue.wake)
