"""The types that bucket, stores and limiter share: keys, quotas, token outcomes, snapshots."""

import enum
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import attrs

from cliq_async.endpoints import Limit
from cliq_async.errors import WaitReason

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
"""The id of a token, unique within its process; a shared store adds an id of the process."""

QueueId = int | str
"""The id of a queue of callers, of which each event loop has one per key."""


class Lane(enum.IntEnum):
    """The order in which callers are served: interactive ones before batches."""

    INTERACTIVE = 0
    BULK = 1


class TokenOutcome(enum.Enum):
    """The ways a request ends, which decide when its token is back."""

    NEVER_SENT = "never sent"
    """Nothing was sent: the token is back at once."""
    ANSWERED = "answered"
    """Cliq answered: the token is back a window and the margin after the answer."""
    ABANDONED = "abandoned"
    """Sent, then aborted or answered by a gateway: it may still arrive, so it is back later."""


Key = str
"""The name of a bucket: host, account, endpoint and time scale, each counted separately."""


@attrs.frozen(eq=False)
class Quota:
    """One endpoint's threshold for one account, with all times in real seconds.

    Attributes:
        key: The name of the bucket.
        endpoint: The endpoint's name.
        owner: Account and host, for messages.
        threshold: The number of requests in a window.
        window_s: The window.
        lock_s: The length of the lock that one request too many brings.
        margin_s: Added to every return, for servers whose window is kept in whole seconds.
        straggler_s: The time in which an aborted request may still arrive.
        second_s: The length of a server's second; below 1 only for a scaled sandbox.
        period_s: Window and margin: the time from an answer until its token is back.
        assume_spent: The least number of tokens that count as spent when the state was lost.
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
        """Return a documented limit, scaled, and with the name of its bucket.

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
    """The lock that a refusal began or prolonged.

    Attributes:
        until: The moment from which the first request may go out, on the client's clock.
        first: True if this refusal began the lock, rather than another one at the same time.
        capacity: The number of tokens from now on.
    """

    until: float
    first: bool
    capacity: int


class Denied(NamedTuple):
    """A refusal of a token for now. All moments are readings of the client's clock.

    Attributes:
        earliest_at: The earliest return of a token, unless a request is never sent.
        retry_at: The moment to ask again, unless a listener is called before.
        retry_many_at: The same for several tokens, which may be back soon after each other.
        reason: The cause.
    """

    earliest_at: float
    retry_at: float
    retry_many_at: float
    reason: WaitReason

    @property
    def locked(self) -> bool:
        """True if a lock is the reason."""
        return self.reason == "locked"

    def shifted(self, by_s: float) -> "Denied":
        """Return the same with its moments on another clock."""
        return Denied(
            self.earliest_at + by_s, self.retry_at + by_s, self.retry_many_at + by_s, self.reason
        )


@attrs.frozen
class Snapshot:
    """A bucket at one moment. All moments are readings of the client's clock.

    Attributes:
        now: The moment.
        threshold: The documented number of tokens.
        capacity: The number of tokens that there are; below the threshold after a lock.
        leases: For each token of a request in flight, the end of its lease.
        returns: The moments at which the spent tokens come back, in order.
        period_s: The least time between two uses of one token.
        locked_until: The end of the lock, or a moment in the past.
        reopening: True if a single request still has to test whether the lock is over.
        probe_until: The end of that request's lease, or None if it is not in flight.
        waiting: The number of callers that wait, of each process those in the lane that is next.
            A process that has died is counted until it should have asked again.
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
        """True while the lock stands."""
        return self.now < self.locked_until

    @property
    def reason(self) -> WaitReason:
        """The cause for which a caller has to wait."""
        if self.locked:
            return "locked"
        return "spent" if self.probe_until is None else "reopening"

    @property
    def free(self) -> int:
        """The number of tokens that can be taken now."""
        if self.locked or self.probe_until is not None:
            return 0
        free = max(0, self.capacity - len(self.leases) - len(self.returns))
        return min(free, 1) if self.reopening else free

    def earliest(self, position: int = 0, reserve: int = 0) -> float:
        """Return the earliest moment at which a caller with others before it can have a token.

        A request in flight counts as answered now: its token cannot be back sooner, unless the
        request is never sent.

        Args:
            position: The number of callers before it.
            reserve: The number of tokens that it leaves to others.
        """
        return self.schedule()(position, reserve)

    def schedule(self) -> Callable[[int, int], float]:
        """Return `earliest` as a function that answers for many positions at the cost of one."""
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
