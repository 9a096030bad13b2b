"""A token: the right to send one request."""

from itertools import count
from typing import Final

from cliq_async.quota.model import Denied, Lock, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore

__all__ = ["Token", "token_ids", "try_acquire_now"]

token_ids = count(1)
"""Of this process; shared by its threads."""

_LEASE_S: Final = 60.0


class Token:
    """The right to send one request, once and soon. Ends exactly once, however often it is told.

    Attributes:
        quota: What it was taken from.
        taken_at: When, on the store's clock.
        send_by: The request has to leave before this moment.
        sent: Whether it was allowed to leave.
        ended: Whether it was given back.
        waited: Whether it was waited for in line.
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
        """Ask just before the first byte leaves. True once, and only before `send_by`.

        A process that was stopped or suspended wakes up late, and HTTP libraries send again by
        themselves: neither may happen on one token.
        """
        if self.sent or self.ended or self._store.clock() >= self.send_by:
            return False
        self.sent = True
        return True

    def end(self, ending: TokenOutcome) -> None:
        """Give the token back; what happened decides when it is free again. Never waits."""
        if not self.ended:
            self.ended = True
            self._store.end(self.quota, self._number, ending)

    async def refuse(self, wait_s: float | None) -> Lock:
        """Give the token back after a refusal, which closes the bucket.

        Args:
            wait_s: How long the refusal says to wait; None for the documented lock period.
        """
        self.ended = True
        return await self._store.refuse(
            self.quota, self._number, taken_at=self.taken_at, wait_s=wait_s
        )


async def try_acquire_now(
    store: QuotaStore, quota: Quota, *, send_within_s: float
) -> Token | Denied:
    """Take a token at once, or not at all: for requests that stand in no line.

    Args:
        store: The store.
        quota: The bucket.
        send_within_s: How soon after the take the request has to leave, in real seconds; it has a
            minute to end.

    Raises:
        QuotaStoreError: The store failed.
    """
    number = next(token_ids)
    try:
        got = await store.take(quota, number, lease_s=quota.period_s + _LEASE_S)
    except BaseException:
        store.end(quota, number, TokenOutcome.NEVER_SENT)
        raise
    return got if isinstance(got, Denied) else Token(store, quota, number, got, got + send_within_s)
