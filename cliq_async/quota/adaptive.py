"""The limit that locks have taught a bucket, in place of the documented one."""

import attrs

__all__ = ["AdaptiveLimit"]

_HOUR_S = 3600.0


@attrs.define
class AdaptiveLimit:
    """The limit that locks have taught, in place of the documented one.

    Attributes:
        capacity: The number of tokens; a fifth fewer after each lock, never below 1.
        margin_s: The margin; doubled by each lock, at most a window.
        ceiling: The capacity that led to the last lock; not reached again before `ceiling_until`.
        ceiling_until: The end of the ceiling.
        strikes: The number of locks. One token is restored per clean hour, half as often after
            each lock.
        grown_at: The moment at which the last token was restored.
    """

    capacity: int
    margin_s: float
    ceiling: int
    ceiling_until: float
    strikes: int
    grown_at: float

    def recover(self, now: float, second_s: float) -> None:
        """Restore one token for each hour without a lock."""
        pause_s = _HOUR_S * second_s * 2.0 ** (self.strikes - 1)
        while now >= self.grown_at + pause_s:
            self.grown_at += pause_s
            if self.capacity + 1 < self.ceiling or self.grown_at >= self.ceiling_until:
                self.capacity += 1
