"""The words that bucket, stores and limiter share: key, quota, how a token ends, what is free."""

import enum
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import attrs

from cliq_async.endpoints import Limit

__all__ = [
    "Denied",
    "Key",
    "Lane",
    "Lock",
    "QueueId",
    "Quota",
    "Snapshot",
    "TokenId",
    "TokenOutcome",
]

TokenId = int | str
"""Made by the client, unique within its process; a store that several share says whose it is."""

QueueId = int | str
"""Names a line of callers, as tokens are named: one an event loop and key."""


class Lane(enum.IntEnum):
    """Who goes first when several wait: a person before a batch."""

    INTERACTIVE = 0
    BULK = 1


class TokenOutcome(enum.Enum):
    """How a request ended, which decides when its token is back."""

    NEVER_SENT = "never sent"
    """No byte left: the token is back at once."""
    ANSWERED = "answered"
    """Cliq answered: back a window and the margin after the answer."""
    ABANDONED = "abandoned"
    """Sent, and given up or answered by a gateway: it may still arrive, so back later."""


Key = str
"""Names a bucket: host, account, endpoint and time scale, each counted apart."""


@attrs.frozen(eq=False)
class Quota:
    """One endpoint's threshold for one account, with all times in real seconds.

    Attributes:
        key: What is counted apart.
        endpoint: The endpoint's name.
        owner: Account and host, for people.
        threshold: Requests in a window.
        window_s: The window.
        lock_s: How long one request too many locks.
        margin_s: Added to every return, for servers whose window is kept in whole seconds.
        straggler_s: How late a request that was given up may still arrive.
        second_s: How long a second of the server takes; below 1 only for a scaled sandbox.
        period_s: Window and margin: how long after an answer its token is back.
        assume_spent: How many tokens count as spent, at the least, where nobody knows what was.
    """

    key: Key
    endpoint: str
    owner: str
    threshold: int
    window_s: float
    lock_s: float
    margin_s: float
    straggler_s: float
    second_s: float
    period_s: float
    assume_spent: int

    @classmethod
    def of(
        cls,
        endpoint: str,
        limit: Limit,
        *,
        host: str,
        account: str = "default",
        time_scale: float = 1.0,
        margin_s: float = 1.0,
        straggler_s: float = 30.0,
        assume_spent: int | None = None,
    ) -> "Quota":
        """Scale a documented limit, and name its bucket.

        The time scale is part of the name, since a scaled sandbox is another server.
        """
        second_s = 1.0 / time_scale
        period_s = (limit.window_s + margin_s) * second_s
        return cls(
            key=" ".join((quote(host), quote(account), endpoint, f"{time_scale:g}")),
            endpoint=endpoint,
            owner=f"account {account!r} on {host}",
            threshold=limit.threshold,
            window_s=limit.window_s * second_s,
            lock_s=limit.lock_s * second_s,
            margin_s=margin_s * second_s,
            straggler_s=straggler_s * second_s,
            second_s=second_s,
            period_s=period_s,
            assume_spent=limit.threshold if assume_spent is None else assume_spent,
        )


@attrs.frozen
class Lock:
    """What a refusal did to the bucket.

    Attributes:
        until: When the first request may go out again, on the client's clock.
        first: Whether this refusal began the lock, and not one of several at once.
        capacity: Tokens from now on.
    """

    until: float
    first: bool
    capacity: int


class Denied(NamedTuple):
    """No token for now. All moments are readings of the client's clock.

    Attributes:
        earliest: Before this there is none, unless a request that took one is never sent.
        retry_at: When it is worth asking again, if nobody says so before.
        retry_many_at: The same for who waits for several, which may be back soon one after another.
        locked: Whether a lock is the reason.
    """

    earliest_at: float
    retry_at: float
    retry_many_at: float
    locked: bool

    def shifted(self, by_s: float) -> "Denied":
        """Return the same with its moments on another clock."""
        return Denied(
            self.earliest_at + by_s, self.retry_at + by_s, self.retry_many_at + by_s, self.locked
        )


@attrs.frozen
class Snapshot:
    """A bucket at one moment. All moments are readings of the client's clock.

    Attributes:
        now: When it was taken.
        threshold: The documented number of tokens.
        capacity: Tokens in use; fewer than the threshold where a lock taught so.
        leases: For each token whose request is under way, when it is back if it never ends.
        returns: When the spent tokens come back, in order.
        period_s: The least time between two uses of one token.
        locked_until: End of the lock, or a moment in the past.
        reopening: Whether one request alone still has to try out that the lock is over.
        probe_until: Until when that request may be under way, or None.
        waiting: How many people wait, wherever they share the quota; batches apart.
    """

    now: float
    threshold: int
    capacity: int
    leases: tuple[float, ...]
    returns: tuple[float, ...]
    period_s: float
    locked_until: float
    reopening: bool
    probe_until: float | None
    waiting: int

    def shifted(self, by_s: float) -> "Snapshot":
        """Return the same with its moments on another clock."""
        return attrs.evolve(
            self,
            now=self.now + by_s,
            leases=tuple(end + by_s for end in self.leases),
            returns=tuple(back_at + by_s for back_at in self.returns),
            locked_until=self.locked_until + by_s,
            probe_until=None if self.probe_until is None else self.probe_until + by_s,
        )

    @property
    def locked(self) -> bool:
        """Whether the lock still stands."""
        return self.now < self.locked_until

    @property
    def free(self) -> int:
        """Tokens that can be taken now."""
        if self.locked or self.probe_until is not None:
            return 0
        free = max(0, self.capacity - len(self.leases) - len(self.returns))
        return min(free, 1) if self.reopening else free

    def earliest(self, position: int = 0, reserve: int = 0) -> float:
        """When the caller with `position` others before it can have a token, at the earliest.

        A request under way counts as answered now: its token cannot be back sooner, unless the
        request is never sent.

        Args:
            position: How many wait before it.
            reserve: How many tokens it leaves to others.
        """
        return self.schedule()(position, reserve)

    def schedule(self) -> Callable[[int, int], float]:
        """`earliest` for many positions, at the cost of one."""
        start = max(self.now, self.locked_until)
        answered_now = self.now + self.period_s
        spent = sorted([*self.returns, *(min(end, answered_now) for end in self.leases)])
        slots = [start] * (self.capacity - len(spent))
        slots += [max(start, back_at) for back_at in spent[-self.capacity :]]

        def earliest(position: int, reserve: int) -> float:
            first = min(reserve, self.capacity - 1)
            rounds, index = divmod(position, self.capacity - first)
            # A token that comes back late does not hold up others that are used a second time.
            free_at = min(slots[first + index], slots[first] + self.period_s)
            return free_at + rounds * self.period_s

        return earliest
