"""Readings of a clock as moments that people can read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["moment"]

_FURTHEST_S = 366 * 86_400.0


def moment(reading: float, clock: Callable[[], float]) -> datetime:
    """The time of day, in UTC, at which a clock will read so. At most a year ahead."""
    away_s = min(max(reading - clock(), -_FURTHEST_S), _FURTHEST_S)
    return datetime.now(UTC) + timedelta(seconds=away_s)
