"""Smoothing the rate of sending. The quota guards; this only spreads what it lets through.

aiolimiter's leaky bucket is right for that, and wrong as a guard: it lets nearly twice its rate
through in the first window.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cliq_async.config import Settings
from cliq_async.quota.model import Quota

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["ALL", "pacers"]

ALL = ""
"""Names the pacer of all endpoints together."""


def pacers(settings: Settings, quotas: Mapping[str, Quota]) -> "dict[str, AsyncLimiter]":
    """The pacers that the settings ask for, by the endpoint's name."""
    if settings.pace is None and settings.max_rate is None:
        return {}
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - it reads its metadata: 10 ms at import

    found = {}
    if settings.pace == "even":
        found = {
            name: AsyncLimiter(1, quota.window_s / quota.threshold)
            for name, quota in quotas.items()
        }
    if settings.max_rate is not None:
        found[ALL] = AsyncLimiter(1, 1 / settings.max_rate)
    return found
