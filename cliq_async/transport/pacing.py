"""Pacers that smooth the rate of sending. The quota guards; they only spread what it lets through.

aiolimiter's leaky bucket is right for that, and wrong as a guard: it lets nearly twice its rate
through in the first window.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cliq_async.quota.model import Quota

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["ALL", "make_pacers"]

ALL = ""
"""The key of the pacer that all endpoints share."""


def make_pacers(
    quotas: Mapping[str, Quota], *, pace: str | None, max_rate: float | None
) -> "dict[str, AsyncLimiter]":
    """Return the pacers that a client's settings ask for, by the endpoint's name.

    Args:
        quotas: The quota of each endpoint.
        pace: "even" to spread the requests of each endpoint over its window.
        max_rate: Requests a second, over all endpoints.
    """
    if pace is None and max_rate is None:
        return {}
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - it reads its metadata: 10 ms at import

    found = {}
    if pace == "even":
        found = {
            name: AsyncLimiter(1, quota.window_s / quota.threshold)
            for name, quota in quotas.items()
        }
    if max_rate is not None:
        found[ALL] = AsyncLimiter(1, 1 / max_rate)
    return found
