"""Tokens for callers, and waiting for them: one limiter an event loop, one queue a key.

A caller that finds nobody waiting asks the store itself. Otherwise it queues, by lane, by turns of
the jobs in it, and then by arrival.
"""

import asyncio
from weakref import WeakKeyDictionary

from cliq_async.quota.fair_queue import Waiter
from cliq_async.quota.model import Denied, Key, Lane, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.token import Token, token_ids
from cliq_async.quota.wait_queue import WaitQueue

__all__ = ["Limiter"]


class Limiter:
    """Tokens for the callers of one event loop, from one store.

    Use `Limiter.of(store)`, so that clients which share a store and a loop share the lines.
    """

    def __init__(self, store: QuotaStore) -> None:
        self.store = store
        self._queues: dict[Key, WaitQueue] = {}

    @classmethod
    def of(cls, store: QuotaStore) -> "Limiter":
        """The limiter of a store in the running event loop."""
        # By loop first: a limiter keeps its store alive, but not its loop.
        limiters = _limiters.setdefault(asyncio.get_running_loop(), {})
        return limiters.setdefault(store, cls(store))

    async def acquire(
        self,
        quota: Quota,
        *,
        lane: Lane = Lane.INTERACTIVE,
        deadline: float | None = None,
        reserve: int = 0,
        lease_s: float = 600.0,
        send_within_s: float = 10.0,
        job: object = None,
    ) -> Token:
        """Take a token, waiting for one if need be.

        A cancelled wait costs nothing and loses no token.

        Args:
            quota: What is counted.
            lane: Who goes first when several wait.
            deadline: When waiting is no longer of use, on the store's clock; None to wait for
                as long as it takes.
            reserve: How many tokens to leave to others.
            lease_s: When the token is back if it never ends.
            send_within_s: How soon after the take the request has to leave.
            job: Names a job whose callers share a turn with those of other jobs.

        Raises:
            QuotaWaitError: The deadline is too early. Raised as soon as that is known.
            QuotaStoreError: The store failed.
        """
        queue = self._queues.get(quota.key)
        if queue is None:
            queue = self._queues[quota.key] = WaitQueue(quota, self.store)
        bypass = queue.may_bypass(lane)
        if bypass:
            store = self.store
            number = next(token_ids)
            queue.bypassing = True
            try:
                got = await store.take(
                    quota,
                    number,
                    lease_s=lease_s,
                    reserve=reserve,
                    lane=lane,
                    queue_id=queue.number,
                )
                if not isinstance(got, Denied):
                    return Token(store, quota, number, got, got + send_within_s)
            except BaseException:
                store.end(quota, number, TokenOutcome.NEVER_SENT)
                raise
            finally:
                queue.bypassing = False
        future: asyncio.Future[Token] = asyncio.get_running_loop().create_future()
        waiter = Waiter(quota, lane, future, deadline, reserve, lease_s, send_within_s, job)
        return await queue.wait(waiter, denied=bypass)

    def waiting(self, key: Key) -> int:
        """How many wait for a key in this event loop."""
        queue = self._queues.get(key)
        return 0 if queue is None else len(queue)


_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[QuotaStore, Limiter]] = (
    WeakKeyDictionary()
)
