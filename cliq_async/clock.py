"""Readings of a clock as moments that people can read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

__all__ = ["Clock", "system_clock", "to_utc"]

_FURTHEST_S = 366 * 86_400.0


def to_utc(reading: float, clock: Callable[[], float]) -> datetime:
    """The time of day, in UTC, at which a clock will read so. At most a year ahead."""
    away_s = min(max(reading - clock(), -_FURTHEST_S), _FURTHEST_S)
    return datetime.now(UTC) + timedelta(seconds=away_s)


Clock = Callable[[], float]
"""Reads seconds that never go back. Only differences mean something."""


system_clock: Clock = (
    # Counts the time that a machine is suspended, which the monotonic clock of Linux does not.
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
