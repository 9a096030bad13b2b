"""One endpoint's quota, as people want to see it."""

from datetime import datetime
from typing import Self

import attrs

from cliq_async.clock import Clock, to_utc
from cliq_async.quota.model import Snapshot

__all__ = ["QuotaStatus"]


@attrs.frozen
class QuotaStatus:
    """One endpoint's quota at this moment.

    Attributes:
        threshold: Requests in a window, as documented or as given in `limits`.
        capacity: How many of them are used; fewer where a lock taught so.
        free: How many can go out now.
        next_token_at: When the next one can, in UTC; None if one can now.
        locked_until: End of the lock, in UTC, or None.
        waiting: How many calls of this event loop wait.
    """

    threshold: int
    capacity: int
    free: int
    next_token_at: datetime | None
    locked_until: datetime | None
    waiting: int

    @classmethod
    def of(cls, snapshot: Snapshot, waiting: int, clock: Clock) -> Self:
        """Put the moments of a snapshot into the time of day."""
        return cls(
            threshold=snapshot.threshold,
            capacity=snapshot.capacity,
            free=snapshot.free,
            next_token_at=None if snapshot.free else to_utc(snapshot.earliest(), clock),
            locked_until=to_utc(snapshot.locked_until, clock) if snapshot.locked else None,
            waiting=waiting,
        )
