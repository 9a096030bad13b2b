"""What a quota store does, and how one is opened from its URL."""

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
"""Told that a token may be free sooner than was said. Called from any thread; must not block."""


ColdStart = Literal["full", "spent"]
"""What a bucket counts as that nobody has used before."""


def starts_spent(cold_start: ColdStart) -> bool:
    """Whether new buckets are spent.

    Raises:
        ValueError: There is no such cold start.
    """
    if cold_start not in {"full", "spent"}:
        raise ValueError(f"cold_start is full or spent, got {cold_start!r}")
    return cold_start == "spent"


class QuotaStore(Protocol):
    """Keeps the buckets of all keys for everybody who shares them.

    One state, whatever its home: per key the spent tokens, the lock, and what locks taught. All
    moments that go in and out are readings of `clock`; a store whose home has a clock of its own
    translates, to the safe side. A failure is a `QuotaStoreError`, never a free token.
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
        """Take a token and say when that was, or say when it is worth asking again.

        Idempotent by the token's id: a take whose caller was cancelled is either asked again or
        ended as never sent, and neither spends a token twice.

        Args:
            quota: What is counted, and how much of it.
            token: An id made by the caller, unique within its process.
            lease_s: When the token is back if it never ends.
            reserve: How many tokens to leave to others.
            lane: A batch leaves tokens to people who wait anywhere, and batches take turns.
            queue_id: Names the line that asks, unique within its process; None for a single ask.
            waiters: How many wait in that line and lane, this one included.
        """
        ...

    def end(self, quota: Quota, token: TokenId, ending: TokenOutcome) -> None:
        """End a token. Never waits, so that it works while a task is being cancelled."""
        ...

    async def refuse(
        self, quota: Quota, token: TokenId, *, taken_at: float, wait_s: float | None
    ) -> Lock:
        """End a token whose request was refused, and close the bucket.

        Done even if the caller is cancelled while it waits.

        Args:
            quota: What is counted, and how much of it.
            token: The refused request's token.
            taken_at: When the token was taken.
            wait_s: How long the refusal says to wait; None for the documented lock period.
        """
        ...

    async def snapshots(self, quotas: Iterable[Quota]) -> list[Snapshot]:
        """Look at buckets without taking anything."""
        ...

    async def clear(self, quotas: Iterable[Quota]) -> None:
        """Forget what was spent, locked and learned, so that the buckets are full.

        A request that is under way counts again once it has ended.
        """
        ...

    def watch(self, key: Key, watcher: Listener) -> Callable[[], None]:
        """Have `watcher` called when a token may be free sooner than was said.

        Returns:
            A function that ends it.
        """
        ...

    async def close(self) -> None:
        """Write down what is pending and let go of the store's home."""
        ...
