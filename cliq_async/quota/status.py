"""The status of one endpoint's quota, with times in UTC."""

from datetime import datetime
from typing import Self

import attrs

from cliq_async.clock import Clock, to_utc
from cliq_async.quota.model import Snapshot

__all__ = ["QuotaStatus"]


@attrs.frozen
class QuotaStatus:
    """The current quota of one endpoint.

    Attributes:
        threshold: The requests allowed in a window, as documented or as set in `limits`.
        capacity: The requests that the client allows itself in a window: the threshold, or fewer
            after an unexpected lock.
        free: The number of requests that can be sent now.
        next_token_at: When the next request can be sent, in UTC; None if one can be sent now.
        locked_until: The end of the lock, in UTC, or None.
        waiting: The number of waiting calls in the client's event loop; of all programs in
            `cliq quota`.
    """

    threshold: int
    capacity: int
    free: int
    next_token_at: datetime | None
    locked_until: datetime | None
    waiting: int

    @classmethod
    def of(cls, snapshot: Snapshot, waiting: int, clock: Clock) -> Self:
        """Build the status from a snapshot, with its times in UTC."""
        return cls(
            threshold=snapshot.threshold,
            capacity=snapshot.capacity,
            free=snapshot.free,
            next_token_at=None if snapshot.free else to_utc(snapshot.earliest(), clock),
            locked_until=to_utc(snapshot.locked_until, clock) if snapshot.locked else None,
            waiting=waiting,
        )
