"""Tokens, and how to take one without waiting."""

from itertools import count
from typing import Final

from cliq_async.quota.model import Denied, Lock, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore

__all__ = ["Token", "token_ids", "try_acquire_now"]

token_ids = count(1)
"""The ids of tokens and wait queues, unique in this process."""

_LEASE_S: Final = 60.0


class Token:
    """The right to send one request, once and soon. Only the first call of `end` counts.

    Attributes:
        quota: The quota it was taken from.
        taken_at: The time at which it was taken, on the store's clock.
        send_by: The time before which the request has to be sent.
        sent: True once the request may be sent.
        ended: True once the token was given back.
        waited: True if the caller waited for it in a queue.
    """

    __slots__ = ("_number", "_store", "ended", "quota", "send_by", "sent", "taken_at", "waited")

    def __init__(
        self, store: QuotaStore, quota: Quota, number: int, taken_at: float, send_by: float
    ) -> None:
        self._store = store
        self._number = number
        self.ended = False
        self.quota = quota
        self.taken_at = taken_at
        self.send_by = send_by
        self.sent = False
        self.waited = False

    def claim(self) -> bool:
        """Claim the right to send, just before the first byte leaves.

        A process that was stopped or suspended wakes up late, and HTTP libraries repeat requests by
        themselves: a token allows neither.

        Returns:
            True once, and only before `send_by`.
        """
        if self.sent or self.ended or self._store.clock() >= self.send_by:
            return False
        self.sent = True
        return True

    def end(self, outcome: TokenOutcome) -> None:
        """Give the token back; the outcome decides when it is free again. Never waits."""
        if not self.ended:
            self.ended = True
            self._store.end(self.quota, self._number, outcome)

    async def refuse(self, wait_s: float | None) -> Lock:
        """Give the token back after a throttle, and lock the bucket.

        Args:
            wait_s: The wait that the server demands; None for the documented lock period.
        """
        self.ended = True
        return await self._store.refuse(
            self.quota, self._number, taken_at=self.taken_at, wait_s=wait_s
        )


async def try_acquire_now(
    store: QuotaStore, quota: Quota, *, send_within_s: float
) -> Token | Denied:
    """Take a token without waiting for one, for requests that do not queue.

    Args:
        store: The store to take it from.
        quota: The quota to take it from.
        send_within_s: The time in which the request has to be sent, in real seconds; it then has
            a minute to end.

    Returns:
        The token, or when to try again.

    Raises:
        QuotaStoreError: The store failed.
    """
    number = next(token_ids)
    try:
        result = await store.take(quota, number, lease_s=quota.period_s + _LEASE_S)
    except BaseException:
        store.end(quota, number, TokenOutcome.NEVER_SENT)
        raise
    if isinstance(result, Denied):
        return result
    return Token(store, quota, number, result, result + send_within_s)
