"""The contract of a quota store.

To write one, implement the protocol here, or less: a `StateBackend`, of which `ThreadedStore` makes
a store.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from cliq_async.clock import Clock
from cliq_async.quota.model import (
    Denied,
    Key,
    Lane,
    Lock,
    QueueId,
    Quota,
    Snapshot,
    TokenId,
    TokenOutcome,
)

__all__ = ["ColdStart", "Listener", "QuotaStore", "starts_spent"]


Listener = Callable[[], None]
"""Called, from any thread, when a token may be free sooner than was said. Must not block."""


ColdStart = Literal["full", "spent"]
"""The state of a bucket that has not been used before."""


def starts_spent(cold_start: ColdStart) -> bool:
    """Return whether new buckets are spent.

    Raises:
        ValueError: `cold_start` is neither `full` nor `spent`.
    """
    if cold_start not in {"full", "spent"}:
        raise ValueError(f"cold_start is full or spent, got {cold_start!r}")
    return cold_start == "spent"


class QuotaStore(Protocol):
    """The buckets of all keys, for all clients that share them.

    The state is the same in all stores: per key the spent tokens, the lock, and the limit that
    locks have taught. All moments that go in and out are readings of `clock`; a store that counts
    by another clock converts them, to the safe side. A failure is a `QuotaStoreError`, never a
    free token.
    """

    clock: Clock

    async def take(
        self,
        quota: Quota,
        token: TokenId,
        *,
        lease_s: float,
        reserve: int = 0,
        lane: Lane = Lane.INTERACTIVE,
        queue_id: QueueId | None = None,
        waiters: int = 1,
    ) -> float | Denied:
        """Take a token and return when that was, or return when to ask again.

        Idempotent by the token's id: after a cancelled take, the caller either asks again or ends
        the token as never sent, and neither spends a token twice.

        Args:
            quota: The threshold, and the bucket's name.
            token: An id that the caller has chosen, unique within its process.
            lease_s: The time after which the token is back if it never ends.
            reserve: The number of tokens to leave to others.
            lane: A batch leaves tokens to interactive callers, and batches share them fairly.
            queue_id: The queue that asks, unique within its process; None for a caller in no queue.
            waiters: The number of callers in that queue and lane, this one included.
        """
        ...

    def end(self, quota: Quota, token: TokenId, ending: TokenOutcome) -> None:
        """End a token. Never waits, so that it works while a task is being cancelled."""
        ...

    async def refuse(
        self, quota: Quota, token: TokenId, *, taken_at: float, wait_s: float | None
    ) -> Lock:
        """End a token whose request was refused, and close the bucket.

        This happens even if the caller is cancelled while it waits.

        Args:
            quota: The threshold, and the bucket's name.
            token: The refused request's token.
            taken_at: The moment at which the token was taken.
            wait_s: The wait that the refusal asks for; None for the documented lock period.
        """
        ...

    async def snapshots(self, quotas: Iterable[Quota]) -> list[Snapshot]:
        """Return the state of several buckets."""
        ...

    async def clear(self, quotas: Iterable[Quota]) -> None:
        """Make buckets full: forget spent tokens, locks and adaptive limits.

        A request in flight counts again once it has ended.
        """
        ...

    def watch(self, key: Key, watcher: Listener) -> Callable[[], None]:
        """Call `watcher` whenever a token may be free sooner than was said.

        Returns:
            A function that stops it.
        """
        ...

    async def close(self) -> None:
        """Store what is pending, and close files and connections."""
        ...
