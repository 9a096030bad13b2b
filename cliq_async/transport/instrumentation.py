"""Report events to the user's hooks and the log. Nearly free when no hook is set.

The executor hands over when something began; how long it took is counted here.
"""

import logging
from collections.abc import Callable
from typing import Final, Literal

from cliq_async.clock import to_utc
from cliq_async.endpoints import Endpoint
from cliq_async.errors import WaitReason, utc_text
from cliq_async.hooks import (
    CallDetails,
    Hooks,
    LockDetails,
    RequestDetails,
    WaitDetails,
    WaitStartDetails,
    notify,
)
from cliq_async.quota.announcer import WaitListener
from cliq_async.quota.model import Lane, Lock, Quota
from cliq_async.quota.token import Token
from cliq_async.transport.protocol import ApiResponse
from cliq_async.transport.retry import NoResponse

__all__ = ["Instrumentation"]

_log = logging.getLogger("cliq_async")

_LANES: Final[dict[Lane, Literal["interactive", "bulk"]]] = {
    Lane.INTERACTIVE: "interactive",
    Lane.BULK: "bulk",
}
_SHORTEST_WAIT_S: Final = 0.001
"""A token that took less was not waited for. Real seconds."""


class Instrumentation:
    """Calls one client's hooks.

    Args:
        hooks: The functions to call.
        clock: The clock of all moments that are handed over.
    """

    def __init__(self, hooks: Hooks | None, clock: Callable[[], float]) -> None:
        self.hooks = hooks or Hooks()
        self._clock = clock

    def call_ended(
        self, endpoint: Endpoint, requests: int, began_at: float, error: BaseException | None
    ) -> None:
        """Report a call from beginning to end, and the exception that it raised."""
        if self.hooks.on_call is not None:
            took_s = self._clock() - began_at
            details = CallDetails(
                endpoint=endpoint.name,
                requests=requests,
                took_s=took_s,
                error=None if error is None else type(error).__name__,
            )
            notify(self.hooks.on_call, details)

    def wait_listener(self) -> WaitListener | None:
        """Return the function that reports the beginning of a wait, or None without a hook."""
        hook = self.hooks.on_wait_start
        if hook is None:
            return None

        def report(quota: Quota, lane: Lane, until: float, reason: WaitReason) -> None:
            details = WaitStartDetails(
                endpoint=quota.endpoint,
                lane=_LANES[lane],
                reason=reason,
                expected_until=to_utc(until, self._clock),
            )
            notify(hook, details)

        return report

    def wait_ended(
        self, quota: Quota, lane: Lane, began_at: float, error: BaseException | None
    ) -> None:
        """Report a wait for the quota: one that failed, or that took noticeable time."""
        if self.hooks.on_wait is None:
            return
        waited_s = self._clock() - began_at
        if error is not None or waited_s >= _SHORTEST_WAIT_S:
            details = WaitDetails(
                endpoint=quota.endpoint,
                lane=_LANES[lane],
                waited_s=waited_s,
                error=None if error is None else type(error).__name__,
            )
            notify(self.hooks.on_wait, details)

    def request_ended(
        self,
        token: Token,
        endpoint: Endpoint,
        began_at: float,
        answer: ApiResponse | NoResponse | None,
    ) -> None:
        """Report a request, from the beginning of the connection to the end of the answer."""
        if self.hooks.on_request is None:
            return
        status = None
        outcome: Literal["done", "refused", "throttled", "foreign", "unknown", "lost", "unsent"]
        outcome = "lost" if token.sent else "unsent"
        if isinstance(answer, ApiResponse):
            status, outcome = answer.status, answer.outcome
        details = RequestDetails(
            endpoint=endpoint.name,
            method=endpoint.method,
            status=status,
            outcome=outcome,
            took_s=self._clock() - began_at,
        )
        notify(self.hooks.on_request, details)

    def lock_began(self, quota: Quota, lock: Lock) -> None:
        """Log a lock, and report it."""
        until = to_utc(lock.until, self._clock)
        _log.warning(
            "Cliq locked %s for %s until %s; from then on %d of %d requests a window are used",
            quota.endpoint,
            quota.owner,
            utc_text(until),
            lock.capacity,
            quota.threshold,
        )
        if self.hooks.on_lock is not None:
            details = LockDetails(
                endpoint=quota.endpoint,
                owner=quota.owner,
                until=until,
                capacity=lock.capacity,
                threshold=quota.threshold,
            )
            notify(self.hooks.on_lock, details)
