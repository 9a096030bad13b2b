"""Access tokens that are renewed: one renewal for all calls of a client that wait for it.

A token is renewed a minute before its end. Whoever finds it so old starts that, and waits for it;
the others use the old token while it is good. Once it is not, because it has ended or Cliq has
refused it, all wait for the one renewal. Who waits can be cancelled: the renewal goes on.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from math import inf
from typing import Final

import attrs

from cliq_async.auth.cache import CachedToken
from cliq_async.auth.credentials import AccessToken
from cliq_async.auth.issuer import IssueFailed, RetryAfter, TokenIssuer
from cliq_async.clock import to_utc
from cliq_async.errors import AuthError, CliqError, QuotaStoreError, QuotaWaitError
from cliq_async.quota.model import Quota
from cliq_async.quota.wait_queue import LONG_WAIT_S

__all__ = ["RefreshingTokenProvider"]

_log = logging.getLogger("cliq_async")

_PAUSE_S: Final = 10.0
"""How soon a token that could not be renewed, and is still good, is tried again. Its seconds."""

_CLOSED: Final = "the client was closed"

_Outcome = AccessToken | RetryAfter | CliqError


@attrs.frozen(eq=False)
class _Renewal:
    """A renewal under way.

    Attributes:
        task: What makes it.
        done: Resolved with what came of it; never cancelled, never an exception.
    """

    task: asyncio.Task[_Outcome]
    done: asyncio.Future[_Outcome]


class RefreshingTokenProvider:
    """Holds one access token and renews it; see `Authority`.

    Args:
        maker: Makes the tokens.
        clock: The store's.
        quota: How many may be made.
    """

    def __init__(self, maker: TokenIssuer, clock: Callable[[], float], quota: Quota) -> None:
        self._parse_url = maker
        self._clock = clock
        self._endpoint = quota.endpoint
        self._second_s = quota.second_s
        self._held: CachedToken | None = None
        self._refused: AccessToken | None = None
        self._renewal: _Renewal | None = None
        self._not_before: RetryAfter | None = None
        self._closed = False

    def current(self) -> AccessToken | None:
        """See `Authority.current`."""
        held = self._held
        if held is not None and self._clock() < held.renew_at:
            return held.access
        return None

    async def token(self, deadline: float | None = None) -> AccessToken:
        """See `Authority.token`."""
        while True:
            access = self.current()
            if access is not None:
                return access
            good = self._good()
            if good is not None and self._renewal is not None:
                return good  # whoever started that renewal waits for it
            outcome = await self._renewed()
            match outcome:
                case AccessToken():
                    return outcome
                case RetryAfter():
                    await self._wait(outcome, deadline)
                case _:
                    raise outcome

    def invalidate(self, access: AccessToken) -> bool:
        """See `Authority.expired`."""
        held = self._held
        if held is None or held.access != access:
            return True
        if access == self._refused and self._clock() < held.renew_at:
            return False  # it was refused before, and no other can be had
        self._refused = access
        self._held = attrs.evolve(held, renew_at=-inf)
        return True

    async def close(self) -> None:
        """See `Authority.close`."""
        self._closed = True
        renewal = self._renewal
        if renewal is not None:
            renewal.task.cancel()
            await asyncio.wait([renewal.task])

    def _good(self) -> AccessToken | None:
        """The token in use, if it has neither ended nor been refused."""
        held = self._held
        if held is None or held.access == self._refused or self._clock() >= held.good_until:
            return None
        return held.access

    async def _renewed(self) -> _Outcome:
        """What comes of the renewal under way, or of a new one."""
        if self._closed:
            return AuthError(_CLOSED)
        if self._not_before is not None:
            if self._clock() < self._not_before.moment:
                return self._not_before
            self._not_before = None
        renewal = self._renewal or self._begin()
        outcome = await asyncio.shield(renewal.done)
        if not isinstance(outcome, CliqError):
            return outcome
        error = copy.copy(outcome)  # one for each who waits: tracebacks are added to what is raised
        error.__cause__ = outcome.__cause__
        return error

    def _begin(self) -> _Renewal:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._renew(), name="cliq_async access token")
        self._renewal = renewal = _Renewal(task, loop.create_future())
        task.add_done_callback(self._over)  # it may be cancelled before it has begun
        return renewal

    def _over(self, task: asyncio.Task[_Outcome]) -> None:
        renewal, self._renewal = self._renewal, None
        ended = task.cancelled() or task.exception() is not None  # with the whole program
        if renewal is not None:
            renewal.done.set_result(AuthError(_CLOSED) if ended else task.result())

    async def _renew(self) -> _Outcome:
        try:
            return self._apply_result(await self._parse_url.get(self._held, self._refused))
        except QuotaStoreError as error:
            return error
        except Exception as error:  # noqa: BLE001 - else whoever waits would wait for ever
            outcome = AuthError(f"no access token could be made: {type(error).__name__}")
            outcome.__cause__ = error
            return outcome

    def _apply_result(self, got: CachedToken | RetryAfter | IssueFailed) -> _Outcome:
        """Take in what came of a renewal, and say what it means for those who wait."""
        if isinstance(got, CachedToken):
            if got.access == self._refused:  # by now; it was not when this renewal began
                return RetryAfter(-inf, None)
            self._refused = None
            self._held = got
            return got.access
        now, held = self._clock(), self._held
        if held is not None and now < held.good_until and self._may_use_stale(held, got):
            retry_at = now + _PAUSE_S * self._second_s
            if isinstance(got, RetryAfter):
                retry_at = max(retry_at, got.moment)
            self._held = attrs.evolve(held, renew_at=min(retry_at, held.good_until))
            return held.access
        if isinstance(got, IssueFailed):
            return got.error
        self._not_before = got
        if got.moment - now >= LONG_WAIT_S:
            _log.info("no access token can be made for %.0f s", got.moment - now)
        return got

    def _may_use_stale(self, held: CachedToken, got: RetryAfter | IssueFailed) -> bool:
        """Whether a token that should have been renewed is used for want of a new one."""
        if held.access == self._refused:
            # Who may make no more has made ten: it is not the token that Cliq does not like.
            return isinstance(got, RetryAfter) and got.error is None
        if got.error is not None:
            _log.warning("the access token could not be renewed yet: %s", got.error)
        return True

    async def _wait(self, not_before: RetryAfter, deadline: float | None) -> None:
        """Wait until another token may be made, or raise if that is too late."""
        if deadline is not None and not_before.moment > deadline:
            if not_before.error is not None:
                raise copy.copy(not_before.error)
            raise QuotaWaitError(self._endpoint, to_utc(not_before.moment, self._clock))
        await asyncio.sleep(max(0.0, not_before.moment - self._clock()))
