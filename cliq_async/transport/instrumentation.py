"""Telling hooks and the log what happened. Costs next to nothing where nobody listens."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cliq_async.clock import to_utc
from cliq_async.endpoints import Endpoint
from cliq_async.hooks import CallDetails, Hooks, LockDetails, RequestDetails, WaitDetails
from cliq_async.quota.model import Lane, Lock, Quota, TokenOutcome
from cliq_async.quota.token import Token
from cliq_async.transport.protocol import ApiResponse
from cliq_async.transport.tracking import CallTracker

__all__ = ["Instrumentation"]

T = TypeVar("T")
DetailsT = TypeVar("DetailsT")

_log = logging.getLogger("cliq_async")

_WAITED_S: Final = 0.001
"""From here on it was a wait. Real seconds."""


class Instrumentation:
    """Tells one client's hooks what becomes of things that are awaited.

    Args:
        hooks: What to call.
        clock: Where the time comes from.
    """

    def __init__(self, hooks: Hooks | None, clock: Callable[[], float]) -> None:
        self._hooks = hooks or Hooks()
        self._clock = clock

    def call(self, work: Awaitable[T], endpoint: Endpoint, watch: CallTracker) -> Awaitable[T]:
        """A call, from begin to end; `watch` follows it."""
        hook = self._hooks.on_call
        if hook is None:
            return work
        before = watch.requests

        def tell(took_s: float, _result: T | None, error: str | None) -> None:
            requests = watch.requests - before
            details = CallDetails(
                endpoint=endpoint.name, requests=requests, took_s=took_s, error=error
            )
            _notify(hook, details)

        return self._timed(work, tell)

    def wait(self, work: Awaitable[Token], quota: Quota, lane: Lane) -> Awaitable[Token]:
        """A wait for the quota; told only if it was one."""
        hook = self._hooks.on_wait
        if hook is None:
            return work

        def tell(waited_s: float, token: Token | None, error: str | None) -> None:
            if error is not None or (token is not None and token.waited and waited_s >= _WAITED_S):
                details = WaitDetails(
                    endpoint=quota.endpoint,
                    lane="bulk" if lane is Lane.BULK else "interactive",
                    waited_s=waited_s,
                    error=error,
                )
                try:
                    _notify(hook, details)
                except BaseException:
                    if token is not None:
                        token.end(TokenOutcome.NEVER_SENT)
                    raise

        return self._timed(work, tell)

    def request(self, work: Awaitable[T], endpoint: Endpoint, token: Token) -> Awaitable[T]:
        """A request, from the connection's begin to the answer's end."""
        hook = self._hooks.on_request
        if hook is None:
            return work

        def tell(took_s: float, result: T | None, _error: str | None) -> None:
            answer = result if isinstance(result, ApiResponse) else None
            details = RequestDetails(
                endpoint=endpoint.name,
                method=endpoint.method,
                status=answer.status if answer else None,
                outcome=answer.outcome if answer else "lost" if token.sent else "unsent",
                took_s=took_s,
            )
            _notify(hook, details)

        return self._timed(work, tell)

    def lock(self, quota: Quota, lock: Lock) -> None:
        """A lock that began."""
        until = to_utc(lock.until, self._clock)
        _log.warning(
            "Cliq locked %s for %s until %s; from then on %d of %d requests a window are used",
            quota.endpoint,
            quota.owner,
            until.isoformat(timespec="seconds"),
            lock.capacity,
            quota.threshold,
        )
        if self._hooks.on_lock is not None:
            details = LockDetails(
                endpoint=quota.endpoint,
                owner=quota.owner,
                until=until,
                capacity=lock.capacity,
                threshold=quota.threshold,
            )
            _notify(self._hooks.on_lock, details)

    async def _timed(
        self, work: Awaitable[T], tell: Callable[[float, T | None, str | None], None]
    ) -> T:
        """Await some work, and tell how long it took, what came of it, and what it raised."""
        started = self._clock()
        result = error = None
        try:
            result = await work
            return result
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            tell(self._clock() - started, result, error)


def _notify(hook: Callable[[DetailsT], object], details: DetailsT) -> None:
    try:
        hook(details)
    except Exception:  # noqa: BLE001 - it is the user's, and no part of the call
        _log.exception("a hook failed: %s", getattr(hook, "__name__", type(hook).__name__))
