"""The monotonic clock, and conversion of its readings to UTC datetimes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

__all__ = ["Clock", "system_clock", "to_utc"]

_MAX_OFFSET_S = 366 * 86_400.0


def to_utc(reading: float, clock: Callable[[], float]) -> datetime:
    """Convert a clock reading to a UTC datetime, at most a year from now."""
    offset_s = min(max(reading - clock(), -_MAX_OFFSET_S), _MAX_OFFSET_S)
    return datetime.now(UTC) + timedelta(seconds=offset_s)


Clock = Callable[[], float]
"""A function that returns monotonic seconds. Only differences are meaningful."""


system_clock: Clock = (
    # Includes the time that a machine is suspended; time.monotonic on Linux does not.
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
