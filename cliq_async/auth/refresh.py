"""The provider of refreshed access tokens: one refresh serves all calls of a client.

A token is refreshed a minute before it expires. The first call to see that starts the refresh and
waits for it; the other calls use the old token. Once that has expired or Cliq has rejected it, all
calls wait for the one refresh. A waiting call can be cancelled: the refresh goes on.

If the refresh fails, all calls share the failure and its cool-down: those that have the time wait
for the next refresh, the others raise.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from math import ceil, inf
from typing import Final

import attrs

from cliq_async.auth.cache import CachedToken
from cliq_async.auth.credentials import AccessToken
from cliq_async.auth.issuer import RetryAfter, TokenIssuer
from cliq_async.clock import to_utc
from cliq_async.errors import AuthError, CliqError, QuotaStoreError, QuotaWaitError
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.deadlines import STORE_PATIENCE_S, no_answer
from cliq_async.quota.wait_queue import LONG_WAIT_S
from cliq_async.storage.outage import SLOW_S

__all__ = ["RefreshingTokenProvider"]

_log = logging.getLogger("cliq_async")

_RETRY_S: Final = 10.0
"""Delay before retrying to refresh a token that is still valid, in server seconds."""
_PATIENCE: Final = 8
"""The failures after which a call gives up if there has never been a token: then it may be the
settings that are wrong, and not the server that is in trouble."""

_CLOSED: Final = "the client was closed"

_Outcome = AccessToken | RetryAfter | CliqError


@attrs.frozen(eq=False)
class _PendingRefresh:
    """A refresh in progress.

    Attributes:
        task: The task that refreshes the token.
        done: Resolved with the outcome; never cancelled, and never an exception.
    """

    task: asyncio.Task[_Outcome]
    done: asyncio.Future[_Outcome]


class RefreshingTokenProvider:
    """A `TokenProvider` that holds one access token and refreshes it.

    Args:
        issuer: The issuer of the tokens.
        clock: The store's clock.
        quota: The limit on token requests.
    """

    def __init__(self, issuer: TokenIssuer, clock: Callable[[], float], quota: Quota) -> None:
        self._issuer = issuer
        self._clock = clock
        self._endpoint = quota.endpoint
        self._second_s = quota.second_s
        self._cached: CachedToken | None = None
        self._rejected: AccessToken | None = None
        self._pending: _PendingRefresh | None = None
        self._retry_after: RetryAfter | None = None
        self._left_at_question: float | None = None  # when it was asked, on the loop's clock
        self._closed = False

    def current(self) -> AccessToken | None:
        """See `TokenProvider.current`."""
        cached = self._cached
        if cached is not None and self._clock() < cached.refresh_at:
            return cached.access
        return None

    async def token(self, deadline: float | None = None) -> AccessToken:
        """See `TokenProvider.token`."""
        failures = 0
        while True:
            access = self.current()
            if access is not None:
                return access
            access = self._usable_token()
            if access is not None and self._pending is not None:
                return access  # the call that started the refresh waits for it
            outcome = await self._await_refresh(deadline)
            match outcome:
                case AccessToken():
                    return outcome
                case RetryAfter():
                    failures += outcome.error is not None
                    give_up = outcome.lasting or (failures >= _PATIENCE and self._cached is None)
                    await self._wait_until_allowed(outcome, -inf if give_up else deadline)
                case _:
                    raise outcome

    def invalidate(self, access: AccessToken) -> bool:
        """See `TokenProvider.invalidate`."""
        cached = self._cached
        if cached is None or cached.access != access:
            return True
        if access == self._rejected and self._clock() < cached.refresh_at:
            return False  # it was rejected before, and no other token can be issued
        self._rejected = access
        self._cached = attrs.evolve(cached, refresh_at=-inf)
        return True

    async def close(self) -> None:
        """See `TokenProvider.close`."""
        self._closed = True
        pending = self._pending
        if pending is not None:
            pending.task.cancel()
            await asyncio.wait([pending.task])

    def _usable_token(self) -> AccessToken | None:
        """Return the token in use if it has neither expired nor been rejected, else None."""
        cached = self._cached
        if (
            cached is None
            or cached.access == self._rejected
            or self._clock() >= cached.usable_until
        ):
            return None
        return cached.access

    async def _await_refresh(self, deadline: float | None) -> _Outcome:
        """Wait for the refresh in progress, or start one, and return its outcome.

        The accounts server's answer is awaited past the deadline, but not the store's.
        """
        if self._closed:
            return AuthError(_CLOSED)
        if self._retry_after is not None:
            if self._clock() < self._retry_after.retry_at:
                return self._retry_after
            self._retry_after = None
        pending = self._pending or self._start_refresh()
        if deadline is not None and not await self._is_done_by(deadline, pending):
            return no_answer(self._store_asked_s())
        outcome = await asyncio.shield(pending.done)
        if not isinstance(outcome, CliqError):
            return outcome
        error = copy.copy(outcome)  # each call raises its own, since raising adds a traceback
        error.__cause__ = outcome.__cause__
        return error

    async def _is_done_by(self, deadline: float, pending: _PendingRefresh) -> bool:
        """Wait for a refresh until the deadline, and longer while the accounts server is asked.

        Returns False if the store is asked past the deadline, and does not answer.
        """
        if self._was_left_without_answer() and self._store_asked_s() >= SLOW_S:
            return False
        wait_s = max(STORE_PATIENCE_S, deadline - self._clock())
        while not await _is_done_within(wait_s, pending):
            wait_s = STORE_PATIENCE_S - self._store_asked_s()
            if wait_s <= 0:
                self._left_at_question = self._issuer.store_asked_at
                return False
        return True

    def _store_asked_s(self) -> float:
        """Return how long the store has been asked; 0 if it is not asked now. Real seconds."""
        asked_at = self._issuer.store_asked_at
        return 0.0 if asked_at is None else asyncio.get_running_loop().time() - asked_at

    def _was_left_without_answer(self) -> bool:
        """Return whether a call has left while the store was asked what it is asked now."""
        asked_at = self._issuer.store_asked_at
        return asked_at is not None and asked_at == self._left_at_question

    def _start_refresh(self) -> _PendingRefresh:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._refresh(), name="cliq_async access token")
        self._pending = pending = _PendingRefresh(task, loop.create_future())
        task.add_done_callback(self._on_refresh_done)  # a task cancelled early never runs
        return pending

    def _on_refresh_done(self, task: asyncio.Task[_Outcome]) -> None:
        pending, self._pending = self._pending, None
        ended = task.cancelled() or task.exception() is not None  # the program ends
        if pending is not None:
            pending.done.set_result(AuthError(_CLOSED) if ended else task.result())

    async def _refresh(self) -> _Outcome:
        try:
            return self._apply_result(await self._issuer.get(self._cached, self._rejected))
        except QuotaStoreError as error:
            return error
        except Exception as error:  # noqa: BLE001 - else the calls would wait forever
            outcome = AuthError(f"the access token could not be refreshed: {type(error).__name__}")
            outcome.__cause__ = error
            return outcome

    def _apply_result(self, result: CachedToken | RetryAfter) -> _Outcome:
        """Store the result of a refresh and return the outcome for the waiting calls."""
        if isinstance(result, CachedToken):
            if result.access == self._rejected:  # rejected since the refresh began
                return RetryAfter(-inf, None)
            self._rejected = None
            self._cached = result
            return result.access
        now, cached = self._clock(), self._cached
        if cached is not None and now < cached.usable_until and self._may_use_stale(cached, result):
            retry_at = max(now + _RETRY_S * self._second_s, result.retry_at)
            self._cached = attrs.evolve(cached, refresh_at=min(retry_at, cached.usable_until))
            return cached.access
        self._retry_after = result
        if result.retry_at - now >= LONG_WAIT_S:
            _log.info("no access token can be issued for %.0f s", result.retry_at - now)
        return result

    def _may_use_stale(self, cached: CachedToken, result: RetryAfter) -> bool:
        """Return whether to keep using a token that could not be refreshed."""
        if cached.access == self._rejected:
            # Cliq has rejected ten new tokens as well, so the token is not what it objects to.
            return result.error is None
        if result.error is not None:
            _log.warning(
                "the access token could not be refreshed yet and stays in use: %s", result.error
            )
        return True

    async def _wait_until_allowed(self, retry_after: RetryAfter, deadline: float | None) -> None:
        """Wait until the next token may be issued; raise if that is past the deadline."""
        error, retry_at = retry_after.error, retry_after.retry_at
        pause_s = max(0.0, retry_at - self._clock())
        if deadline is None or retry_at <= deadline:
            await asyncio.sleep(pause_s)
        elif error is None:
            raise QuotaWaitError(self._endpoint, to_utc(retry_at, self._clock))
        else:
            raise AuthError(f"{error}; the next request for one is possible in {ceil(pause_s)} s")


async def _is_done_within(wait_s: float, pending: _PendingRefresh) -> bool:
    done, _ = await asyncio.wait([pending.done], timeout=wait_s)
    return bool(done)
