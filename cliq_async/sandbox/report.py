"""The sandbox's report of requests, deliveries, locks and tokens."""

from collections import Counter
from typing import Any

from cliq_async.sandbox.oauth import Tokens
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.sandbox.state.state import State

__all__ = ["make_report"]


def make_report(
    throttle: Throttle,
    state: State,
    tokens: Tokens,
    *,
    user: str | None = None,
    recipients: bool = False,
) -> dict[str, Any]:
    """Return the report of all users or of one, as `Sandbox.report` describes it."""
    requests: dict[str, int] = {}
    lockouts: list[dict[str, Any]] = []
    refused = 0
    for owner, endpoint, counter in throttle.endpoint_counters(user):
        requests[endpoint] = requests.get(endpoint, 0) + counter.arrivals
        refused += counter.refused_while_locked
        lockouts += (
            {
                "user": owner,
                "endpoint": endpoint,
                "at": lock.at,
                "until": lock.until,
                "injected": lock.injected is not None,
            }
            for lock in counter.locks
        )
    counts = state.delivered.counts(user)
    report: dict[str, Any] = {
        "requests": requests,
        "delivered": _summary(counts),
        "called": _summary(state.called.counts(user)),
        "lockouts": sorted(lockouts, key=lambda lockout: lockout["at"]),
        "refused_while_locked": refused,
        "token_requests": tokens.requests,
        "tokens_issued": tokens.count(user),
    }
    if recipients:
        report["recipients"] = dict(counts)
    return report


def _summary(counts: Counter[str]) -> dict[str, int]:
    return {
        "recipients": len(counts),
        "total": counts.total(),
        "max_per_recipient": max(counts.values(), default=0),
    }
