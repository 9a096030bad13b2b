"""The wait queue of one key in one event loop: a lane for each priority, and a dispatcher.

The dispatcher is one task. It takes tokens from the store and hands each to the next waiter, so
that a waiter is woken exactly once, with its token, and one task asks the store however many
callers wait. Its states:

    IDLE ------- a caller has to wait -------> READY <------- no token -------+
     ^                                           |                            |
     |                                    the task runs                       |
     |                                           v                            |
     +------ no one waits any longer ------- ASKING ------- woken -------> OUTDATED
                                              |
                                     no token |
                                              v
                                            SLEEPING ---- the timer, or woken ----> READY

A token leads from ASKING or OUTDATED to the next waiter's ASKING. A waiter whose time is up stays
until the dispatcher goes to sleep: the tokens that are free now are for it, too.

A caller that would overtake no one does not wait at all. It bypasses the queue and asks the store
itself, one caller at a time: in IDLE, and if it is interactive and the first in its lane, while
the dispatcher is READY or SLEEPING.
"""

import asyncio
import enum
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import islice
from math import inf

from cliq_async.clock import to_utc
from cliq_async.errors import QuotaWaitError, WaitReason
from cliq_async.quota.fair_queue import FairQueue, Waiter
from cliq_async.quota.model import Denied, Lane, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.deadlines import STORE_PATIENCE_S, LastLook, answer_by, no_answer
from cliq_async.quota.token import Token, token_ids

__all__ = ["LONG_WAIT_S", "WaitQueue"]

_log = logging.getLogger("cliq_async")

_GRACE_S = 0.005

LONG_WAIT_S = 10.0
"""The shortest wait that is logged, in real seconds."""


class _State(enum.Enum):
    IDLE = enum.auto()
    READY = enum.auto()
    ASKING = enum.auto()
    OUTDATED = enum.auto()  # still asking, but a token may have come back since the question
    SLEEPING = enum.auto()


# On Python 3.11, a member looked up in its class costs ten times as much.
_IDLE, _READY, _ASKING, _OUTDATED, _SLEEPING = _State


class WaitQueue:
    """The callers of one event loop that wait for one key.

    Attributes:
        number: The queue's id, by which a store shares tokens fairly between queues.
        bypassing: True while a caller asks the store itself.
    """

    def __init__(self, quota: Quota, store: QuotaStore) -> None:
        self.number = next(token_ids)
        self.bypassing = False
        self._key = quota.key
        self._endpoint = quota.endpoint
        self._store = store
        self._lanes = (FairQueue(), FairQueue())
        self._state = _IDLE
        self._dispatcher: asyncio.Task[None] | None = None  # an event loop holds its tasks weakly
        self._sleep: asyncio.Future[None] | None = None  # resolved to end SLEEPING
        self._denied = Denied(-inf, -inf, -inf, "spent")  # the last one
        self._expired: list[Waiter] = []
        self._asked_at = -inf  # on the event loop's clock
        self._logged_until = self._logged_s = -inf

    def __len__(self) -> int:
        return len(self._lanes[0]) + len(self._lanes[1])

    def may_bypass(self, lane: Lane) -> bool:
        """Return whether a new caller may ask the store itself, because it overtakes no one."""
        if self.bypassing:
            return False
        if self._state is _IDLE:
            return True
        return lane is Lane.INTERACTIVE and not self._lanes[lane] and not self._is_asking()

    async def wait(self, waiter: Waiter, *, denied: bool) -> Token:
        """Wait until the dispatcher hands over a token.

        Args:
            waiter: The caller.
            denied: True if it asked the store itself. All others in its lane came after that.

        Raises:
            QuotaWaitError: The deadline cannot be met, as far as is known.
        """
        loop = asyncio.get_running_loop()
        lane = self._lanes[waiter.lane]
        timer = None
        if waiter.deadline is not None:
            await self._check_deadline(waiter, waiter.deadline, denied=denied)
            # A token that is back at the very deadline is still in time.
            delay_s = max(0.0, waiter.deadline - self._store.clock()) + _GRACE_S
            due = loop.time() + delay_s
            timer = loop.call_at(due, self._expire, waiter, due)
        lane.add(waiter, first=denied)
        if self._state is _IDLE:
            self._start(loop)
        elif lane.is_head(waiter) and self._first(below=waiter.reserve + 1) is waiter:
            self.wake()  # the dispatcher may sleep for a waiter with a larger reserve
        try:
            if self._state is _SLEEPING and (listener := waiter.listener) is not None:
                now = self._store.clock()
                lane.announcer.announce_to(listener, waiter.job, waiter.lane, self._denied, now)
            return await waiter.future
        except (asyncio.CancelledError, GeneratorExit):
            future = waiter.future
            if not future.cancelled() and future.done() and future.exception() is None:
                future.result().end(TokenOutcome.NEVER_SENT)
            raise
        finally:
            self._remove(waiter)
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Make the dispatcher ask the store again now."""
        if self._state is _ASKING:
            self._state = _OUTDATED
        sleep = self._sleep
        if sleep is not None and not sleep.done() and not sleep.get_loop().is_closed():
            self._state = _READY
            self._asked_at = sleep.get_loop().time()
            sleep.set_result(None)

    def _is_asking(self) -> bool:
        return self._state is _ASKING or self._state is _OUTDATED

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._state = _READY
        self._asked_at = loop.time()
        self._dispatcher = loop.create_task(self._dispatch(loop), name="cliq_async quota")

    async def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        # Watch before the first question, so that no token comes back unseen.
        stop_watching = self._store.watch(self._key, partial(_wake_from_any_thread, loop, self))
        waiter: Waiter | None = None
        try:
            while (waiter := self._first()) is not None:
                while (retry_at := await self._serve(waiter)) is not None:
                    waiter = self._first(below=waiter.reserve)
                    if waiter is None:
                        await self._sleep_until(retry_at)
                        break
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiter must get it
            # Batches are more patient with a store that is gone, and ask for themselves.
            interactive = waiter is not None and waiter.lane is Lane.INTERACTIVE
            self._fail_all(error, self._lanes[:1] if interactive else self._lanes)
        finally:
            stop_watching()
            self._state = _IDLE
            if self._first() is not None and not loop.is_closed():
                self._start(loop)  # the dispatcher was cancelled, its waiters were not

    async def _serve(self, waiter: Waiter) -> float | None:
        """Take a token for the next waiter. Return None, or if denied, when to ask again."""
        self._state = _ASKING
        self._asked_at = asyncio.get_running_loop().time()
        store, quota, number = self._store, waiter.quota, next(token_ids)
        try:
            result = await store.take(
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
        if isinstance(result, Denied):
            urgent = waiter.deadline is not None and waiter.deadline < result.retry_many_at
            retry_at = result.retry_at if urgent or len(self) == 1 else result.retry_many_at
            self._denied = result
            self._fail_late(result, waiter)
            return retry_at
        token = Token(store, quota, number, result, result + waiter.send_within_s)
        token.waited = True
        # Waiters may have come or left while the store was asked.
        first = self._first(below=waiter.reserve + 1)
        if first is not None and (first is waiter or first.covers(waiter)):
            self._lanes[first.lane].pop_served(first)
            first.future.set_result(token)
        else:
            token.end(TokenOutcome.NEVER_SENT)  # the waiter has left
        return None

    async def _sleep_until(self, moment: float) -> None:
        if self._state is _OUTDATED:
            self._state = _READY
            await asyncio.sleep(0)  # other tasks may have to run before there is a token
            return
        self._state = _SLEEPING
        loop = asyncio.get_running_loop()
        self._sleep = sleep = loop.create_future()  # now, so that what follows can wake it
        timer = None
        try:
            expired, self._expired = self._expired, []
            for waiter in expired:
                self._expire(waiter, -inf)
            # Not the moment: that may be of a mere poll, or the end of a lease.
            self._log_long_wait(self._denied.earliest_at)
            for lane, waiting in zip(Lane, self._lanes, strict=True):
                waiting.announcer.announce(lane, self._denied, self._store.clock())
            timer = loop.call_later(moment - self._store.clock(), self.wake)
            await sleep
        finally:
            if timer is not None:
                timer.cancel()
            self._sleep = None

    def _log_long_wait(self, until: float) -> None:
        """Log a long wait once, and again only if it becomes much longer."""
        now = self._store.clock()
        wait_s = until - now
        # While requests are in flight, the end of the wait moves on with the clock.
        longer = wait_s >= self._logged_s + LONG_WAIT_S
        if wait_s >= LONG_WAIT_S and (longer or now >= self._logged_until):
            self._logged_until, self._logged_s = until, wait_s
            text = "waiting %.0f s for the quota of %s (%d in line)"
            _log.info(text, wait_s, self._endpoint, len(self))

    def _first(self, below: float = inf) -> Waiter | None:
        """Return the next waiter of those with a reserve below a number."""
        for lane in self._lanes:
            while (waiter := lane.first(below)) is not None:
                if not waiter.future.done():
                    return waiter
                lane.remove(waiter)
        return None

    def _remove(self, waiter: Waiter) -> None:
        """Remove a waiter and wake the dispatcher, whose next waiter may have a smaller reserve."""
        lane = self._lanes[waiter.lane]
        if waiter in lane:
            if lane.is_head(waiter):
                self.wake()
            lane.remove(waiter)

    async def _check_deadline(self, waiter: Waiter, deadline: float, *, denied: bool) -> None:
        """Raise if the deadline cannot be met behind the waiters ahead."""
        store = self._store
        (snapshot,) = await answer_by(deadline, store, store.snapshots([waiter.quota]))
        schedule = snapshot.schedule()
        ahead = self._ahead_of(waiter, denied=denied)
        if schedule(len(ahead), waiter.reserve) <= deadline:
            return  # even if all of them stay
        position, reserve = 0, waiter.reserve
        for other in ahead:
            if other.deadline is None or schedule(position, other.reserve) <= other.deadline:
                position += 1  # the others will have left
                reserve = min(reserve, other.reserve)
        earliest = max(schedule(position, reserve), schedule(0, waiter.reserve))
        if earliest > max(deadline, snapshot.now):
            left = schedule(position, 0) <= deadline
            reason = "reserved" if left else snapshot.reason
            raise self._wait_error(waiter, earliest, reason)

    def _ahead_of(self, waiter: Waiter, *, denied: bool) -> list[Waiter]:
        """Return the waiters ahead of a new one whose tokens the store has not counted yet."""
        own = [] if denied else self._lanes[waiter.lane].ahead_of(waiter)
        bulk = waiter.lane is Lane.BULK
        ahead = [*self._lanes[Lane.INTERACTIVE], *own] if bulk else own
        return ahead[1:] if self._is_asking() else ahead

    def _fail_late(self, denied: Denied, asked_for: Waiter) -> None:
        """Fail the waiters that cannot be served in time: under a lock all, else the heads."""
        earliest = denied.earliest_at
        for lane in self._lanes:
            for waiter in list(lane) if denied.locked else list(islice(lane, 1)):
                late = waiter.deadline is not None and earliest > waiter.deadline
                if late and (denied.locked or asked_for.covers(waiter)):
                    self._fail(waiter, self._wait_error(waiter, earliest, denied.reason))

    def _expire(self, waiter: Waiter, due: float, *, looked: bool = False) -> None:
        """Fail a waiter whose time is up, unless the store may still have a token for it.

        Args:
            waiter: The caller.
            due: When this was to run, on the event loop's clock.
            looked: True if the loop has read what has come in since.
        """
        if waiter.future.done():
            return
        loop = asyncio.get_running_loop()
        asked_s = loop.time() - self._asked_at
        if self._state is _SLEEPING:
            denied = self._denied
            self._fail(waiter, self._wait_error(waiter, denied.earliest_at, denied.reason))
        elif asked_s < STORE_PATIENCE_S:
            self._expired.append(waiter)
            due = loop.time() + STORE_PATIENCE_S - asked_s
            loop.call_at(due, self._expire, waiter, due)
        elif not looked:
            self._expired.append(waiter)
            LastLook(due, partial(self._expire, waiter, due, looked=True))
        else:
            self._fail(waiter, no_answer(asked_s))

    def _fail_all(self, error: Exception, lanes: Iterable[FairQueue]) -> None:
        for lane in lanes:
            for waiter in list(lane):
                self._fail(waiter, error)

    def _fail(self, waiter: Waiter, error: Exception) -> None:
        self._remove(waiter)
        if not waiter.future.done():  # a cancelled caller has not run since
            waiter.future.set_exception(error)

    def _wait_error(self, waiter: Waiter, earliest: float, reason: WaitReason) -> QuotaWaitError:
        clock = self._store.clock
        soon = clock() + waiter.quota.second_s  # where the moment depends on another caller
        retry_at = earliest if earliest > clock() else soon
        return QuotaWaitError(self._endpoint, to_utc(retry_at, clock), reason)


def _wake_from_any_thread(loop: asyncio.AbstractEventLoop, queue: WaitQueue) -> None:
    try:
        in_loop = asyncio.get_running_loop() is loop
    except RuntimeError:
        in_loop = False
    if in_loop:
        queue.wake()
    else:
        with suppress(RuntimeError):  # the loop was closed while callers waited
            loop.call_soon_threadsafe(queue.wake)
