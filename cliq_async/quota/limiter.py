"""The limiter of an event loop: it takes tokens from a store, with one wait queue per key.

A caller that finds the queue empty asks the store itself. Otherwise it waits: by lane, then
round-robin between jobs, then in order of arrival.
"""

import asyncio
from weakref import WeakKeyDictionary

from cliq_async.quota.announcer import WaitListener
from cliq_async.quota.fair_queue import Waiter
from cliq_async.quota.model import Denied, Key, Lane, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.deadlines import answer_by
from cliq_async.quota.token import Token, token_ids
from cliq_async.quota.wait_queue import WaitQueue

__all__ = ["Limiter"]


class Limiter:
    """The source of tokens for the callers of one event loop, from one store.

    Use `Limiter.of(store)`, so that clients that share a store and an event loop share its queues.
    """

    def __init__(self, store: QuotaStore) -> None:
        self.store = store
        self._queues: dict[Key, WaitQueue] = {}

    @classmethod
    def of(cls, store: QuotaStore) -> "Limiter":
        """Return the limiter of a store in the running event loop."""
        # By loop first: a limiter keeps its store alive, but not its event loop.
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
        listener: WaitListener | None = None,
    ) -> Token:
        """Take a token, and wait for one if necessary.

        A cancelled wait costs nothing and loses no token.

        Args:
            quota: The quota to take it from.
            lane: The lane to wait in.
            deadline: The last useful moment for a token, on the store's clock; None to wait for
                as long as it takes.
            reserve: The number of tokens to leave to other callers.
            lease_s: The time after which the token comes back if it is never ended.
            send_within_s: The time in which the request has to be sent.
            job: Callers of the same job share its turns in the lane; None is a job, too.
            listener: Called when a wait begins; callers of a job with the same one are told once.

        Raises:
            QuotaWaitError: The deadline cannot be met. Raised as soon as that is known.
            QuotaStoreError: The store failed, or did not answer before the deadline.
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
                take = store.take(
                    quota,
                    number,
                    lease_s=lease_s,
                    reserve=reserve,
                    lane=lane,
                    queue_id=queue.number,
                )
                result = await answer_by(deadline, store, take)
                if not isinstance(result, Denied):
                    return Token(store, quota, number, result, result + send_within_s)
            except BaseException:
                store.end(quota, number, TokenOutcome.NEVER_SENT)
                raise
            finally:
                queue.bypassing = False
        future: asyncio.Future[Token] = asyncio.get_running_loop().create_future()
        waiter = Waiter(
            quota, lane, future, deadline, reserve, lease_s, send_within_s, job, listener
        )
        return await queue.wait(waiter, denied=bypass)

    def waiting(self, key: Key) -> int:
        """Return the number of callers of this event loop that wait for a key."""
        queue = self._queues.get(key)
        return 0 if queue is None else len(queue)


_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[QuotaStore, Limiter]] = (
    WeakKeyDictionary()
)
