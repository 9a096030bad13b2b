"""What locks have taught a bucket, in place of the documented numbers."""

import attrs

__all__ = ["AdaptiveLimit"]

_HOUR_S = 3600.0


@attrs.define
class AdaptiveLimit:
    """What locks have taught, in place of the documented numbers.

    Attributes:
        capacity: Tokens to use; a fifth fewer after each lock, never below 1.
        margin_s: Twice as long after each lock, at most a window.
        ceiling: The number that was locked last; not reached again before `ceiling_until`.
        ceiling_until: When the ceiling is forgotten.
        strikes: Locks so far: a token returns each clean hour, half as often after each.
        grown_at: When the last token returned.
    """

    capacity: int
    margin_s: float
    ceiling: int
    ceiling_until: float
    strikes: int
    grown_at: float

    def recover(self, now: float, second_s: float) -> None:
        """Give back the tokens that clean hours have earned."""
        pause_s = _HOUR_S * second_s * 2.0 ** (self.strikes - 1)
        while now >= self.grown_at + pause_s:
            self.grown_at += pause_s
            if self.capacity + 1 < self.ceiling or self.grown_at >= self.ceiling_until:
                self.capacity += 1
