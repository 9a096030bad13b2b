"""Telling hooks and the log what happened. Costs next to nothing where nobody listens."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeVar

import attrs

from cliq_async.endpoints import Endpoint
from cliq_async.hooks import CallDetails, Hooks, LockDetails, RequestDetails, WaitDetails
from cliq_async.moments import moment
from cliq_async.quota.model import Lane, Lock, Quota
from cliq_async.quota.token import Token
from cliq_async.wire import Answer

__all__ = ["Seen", "Teller"]

DetailsT = TypeVar("DetailsT")

_log = logging.getLogger("cliq_async")

_WAITED_S: Final = 0.001
"""From here on it was a wait. Real seconds."""


@attrs.define
class Seen:
    """What is seen of something while it goes on.

    Attributes:
        requests: How many requests have left.
        answer: The answer of a request, if there was one.
    """

    requests: int = 0
    answer: Answer | None = None


class Teller:
    """Tells one client's hooks.

    Args:
        hooks: What to call.
        clock: Where the time comes from.
    """

    def __init__(self, hooks: Hooks | None, clock: Callable[[], float]) -> None:
        self._hooks = hooks or Hooks()
        self._clock = clock

    def call(self, endpoint: Endpoint) -> AbstractContextManager[Seen]:
        """A call, from begin to end."""
        hook = self._hooks.on_call
        return nullcontext(Seen()) if hook is None else self._call(hook, endpoint)

    def wait(self, quota: Quota, lane: Lane) -> AbstractContextManager[None]:
        """A wait for the quota; told only if it was one."""
        hook = self._hooks.on_wait
        return nullcontext() if hook is None else self._wait(hook, quota, lane)

    def request(self, endpoint: Endpoint, token: Token) -> AbstractContextManager[Seen]:
        """A request, from the connection's begin to the answer's end."""
        hook = self._hooks.on_request
        return nullcontext(Seen()) if hook is None else self._request(hook, endpoint, token)

    def lock(self, quota: Quota, lock: Lock) -> None:
        """A lock that began."""
        until = moment(lock.until, self._clock)
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
            _tell(self._hooks.on_lock, details)

    @contextmanager
    def _call(self, hook: Callable[[CallDetails], object], endpoint: Endpoint) -> Iterator[Seen]:
        seen = Seen()

        def finish(took_s: float, error: str | None) -> None:
            details = CallDetails(
                endpoint=endpoint.name, requests=seen.requests, took_s=took_s, error=error
            )
            _tell(hook, details)

        with self._timed(finish):
            yield seen

    @contextmanager
    def _wait(
        self, hook: Callable[[WaitDetails], object], quota: Quota, lane: Lane
    ) -> Iterator[None]:
        def finish(waited_s: float, error: str | None) -> None:
            if waited_s >= _WAITED_S or error is not None:
                details = WaitDetails(
                    endpoint=quota.endpoint,
                    lane="bulk" if lane is Lane.BULK else "interactive",
                    waited_s=waited_s,
                    error=error,
                )
                _tell(hook, details)

        with self._timed(finish):
            yield

    @contextmanager
    def _request(
        self, hook: Callable[[RequestDetails], object], endpoint: Endpoint, token: Token
    ) -> Iterator[Seen]:
        seen = Seen()

        def finish(took_s: float, _error: str | None) -> None:
            answer = seen.answer
            details = RequestDetails(
                endpoint=endpoint.name,
                method=endpoint.method,
                status=answer.status if answer else None,
                outcome=answer.kind.value if answer else "lost" if token.sent else "unsent",
                took_s=took_s,
            )
            _tell(hook, details)

        with self._timed(finish):
            yield seen

    @contextmanager
    def _timed(self, finish: Callable[[float, str | None], None]) -> Iterator[None]:
        """Call `finish` with how long it took, and the name of the exception that ended it."""
        started = self._clock()
        error = None
        try:
            yield
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            finish(self._clock() - started, error)


def _tell(hook: Callable[[DetailsT], object], details: DetailsT) -> None:
    try:
        hook(details)
    except Exception:  # noqa: BLE001 - it is the user's, and no part of the call
        _log.exception("a hook failed: %s", getattr(hook, "__name__", type(hook).__name__))
