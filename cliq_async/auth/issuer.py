"""Makes access tokens: one for all who share a store, and never more than Zoho allows.

Who needs a token looks for the shared one. If that is not good any more, one process claims the
making of the next, asks the accounts server, leaves the token in the store and gives up the claim.
A claim ends by itself, should its owner have died. The others go on with the old token while it is
good, and else look again until there is a new one.

Each request to the accounts server takes a token of a bucket of its own, in the same store as the
quota, so that ten in ten minutes hold over processes and restarts.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import attrs

from cliq_async.auth.cache import CachedToken, LocalTokenCache, SharedTokenCache
from cliq_async.auth.credentials import AccessToken
from cliq_async.auth.oauth import (
    TIMEOUT_S,
    IssuedToken,
    TokenFailure,
    TokenGrant,
    parse_token_response,
)
from cliq_async.errors import AuthError
from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.token import Token, try_acquire_now
from cliq_async.transport.base import NoAnswerError, Transport

__all__ = ["IssueFailed", "RetryAfter", "TokenIssuer"]

_ATTEMPTS: Final = 3
_BACKOFF_S: Final = 0.5
_MOST_BACKOFF_S: Final = 4.0
_PAUSE_S: Final = 5.0
_MOST_PAUSE_S: Final = 120.0
"""How long a server that has not answered well is left alone: longer each time. Its seconds."""
_LOOK_S: Final = 0.05
_MOST_LOOK_S: Final = 0.5


@attrs.frozen
class RetryAfter:
    """No more tokens may be made for now.

    Attributes:
        moment: When the next may, on the store's clock.
        error: Why the last ones could not be made, if they could not.
    """

    moment: float
    error: AuthError | None


@attrs.frozen
class IssueFailed:
    """The accounts server gave none.

    Attributes:
        error: Why.
    """

    error: AuthError


class _RetryableError(Exception):
    """An attempt that is worth another one.

    Attributes:
        sent: Whether it has cost one of the ten.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class TokenIssuer:
    """Makes the access tokens of one grant.

    Args:
        grant: What they are made by.
        transport: Carries the requests.
        store: Where the tokens are shared and their making is counted.
        told: Told of each token that was made.
    """

    def __init__(
        self,
        grant: TokenGrant,
        transport: Transport,
        store: QuotaStore,
        on_issued: Callable[[IssuedToken], object],
    ) -> None:
        self._grant = grant
        self._transport = transport
        self._store = store
        self._told = on_issued
        self._clock = store.clock
        self._alone = LocalTokenCache(store.clock)
        self._last_error: AuthError | None = None

    async def get(
        self, known: CachedToken | None, refused: AccessToken | None
    ) -> CachedToken | RetryAfter | IssueFailed:
        """The shared token, or a new one.

        Args:
            known: The token that was in use.
            refused: A token that Cliq did not accept.

        Returns:
            A token to use; an old one with a new `renew_at` if somebody else is making the next.

        Raises:
            QuotaStoreError: The store failed.
        """
        sharing = self._cache()
        usable = None if known is None or known.access == refused else known
        look_s = _LOOK_S
        try:
            while True:
                shared = await sharing.load(refused)
                if shared is not None and self._clock() < shared.renew_at:
                    return shared
                if await sharing.claim():
                    # It may have been made between the two; who made it gave up the claim after.
                    shared = await sharing.load(refused)
                    if shared is not None and self._clock() < shared.renew_at:
                        return shared
                    made = await self._make(sharing)
                    if made is not None:
                        return made
                now = self._clock()
                for each in (shared, usable):
                    if each is not None and now < each.good_until:
                        pause_s = min(_MOST_LOOK_S, (each.good_until - now) / 2)
                        return attrs.evolve(each, renew_at=now + pause_s)
                await asyncio.sleep(look_s)
                look_s = min(2 * look_s, _MOST_LOOK_S)
        finally:
            sharing.release()

    def _cache(self) -> SharedTokenCache | LocalTokenCache:
        if self._grant.credentials.share and keeps_records(self._store):
            return SharedTokenCache(self._store, self._grant, self._clock)
        return self._alone

    async def _make(
        self, sharing: SharedTokenCache | LocalTokenCache
    ) -> CachedToken | RetryAfter | IssueFailed | None:
        """Ask the accounts server, a few times if need be; None if somebody else does by now.

        A server in trouble is asked ever less often, by all together, so that there are requests
        left of the ten when it is out of it.
        """
        # Imported in need: most programs never come here, and all of them start.
        from tenacity import (  # noqa: PLC0415
            AsyncRetrying,
            retry_if_exception_type,
            stop_after_attempt,
            wait_random_exponential,
        )

        trouble = await sharing.cooldown()
        if trouble is not None and self._clock() < trouble.until:
            return RetryAfter(trouble.until, self._grant.error(trouble.reason))
        times = 0 if trouble is None else trouble.times
        attempts = AsyncRetrying(
            sleep=asyncio.sleep,
            stop=stop_after_attempt(1 if times else _ATTEMPTS),
            wait=wait_random_exponential(multiplier=_BACKOFF_S, max=_MOST_BACKOFF_S),
            retry=retry_if_exception_type(_RetryableError),
            reraise=True,
        )
        try:
            made: CachedToken | RetryAfter | IssueFailed | None = await attempts(
                self._attempt, sharing
            )
        except _RetryableError as error:
            if error.sent:
                pause_s = min(_PAUSE_S * 2**times, _MOST_PAUSE_S) * self._grant.quota.second_s
                sharing.start_cooldown(times + 1, str(error), pause_s)
            return IssueFailed(self._grant.error(str(error)))
        if isinstance(made, CachedToken):
            sharing.reset_cooldown()
        return made

    async def _attempt(
        self, sharing: SharedTokenCache | LocalTokenCache
    ) -> CachedToken | RetryAfter | IssueFailed | None:
        if not await sharing.claim():
            return None
        permit = await self._take()
        if isinstance(permit, RetryAfter):
            return permit
        sharing.evict_rejected()
        asked_at = self._clock()
        try:
            answer = await self._transport.send(self._grant.request(), permit)
        except BaseException as error:
            permit.end(TokenOutcome.ABANDONED if permit.sent else TokenOutcome.NEVER_SENT)
            if isinstance(error, NoAnswerError):
                failed = TokenFailure(self._grant.redact(error), again=True, counted=False)
                return self._failed(failed, sent=permit.sent)
            raise
        made = parse_token_response(self._grant, answer)
        counted = isinstance(made, IssuedToken) or made.counted
        permit.end(TokenOutcome.ANSWERED if counted else TokenOutcome.ABANDONED)
        if isinstance(made, TokenFailure):
            return self._failed(made, sent=True)
        self._last_error = None
        # The server's seconds: those of a sandbox may be shorter.
        life_s = made.life_s / self._grant.scale
        sharing.store(made.access, until=asked_at + life_s, life_s=life_s)
        self._told(made)
        second_s = self._grant.quota.second_s
        return CachedToken.of(
            made.access, until=asked_at + life_s, life_s=life_s, second_s=second_s
        )

    def _failed(self, failed: TokenFailure, *, sent: bool) -> IssueFailed:
        self._last_error = self._grant.error(failed.reason)
        if failed.again:
            raise _RetryableError(failed.reason, sent=sent)
        return IssueFailed(self._last_error)

    async def _take(self) -> Token | RetryAfter:
        """The right to ask the accounts server once."""
        got = await try_acquire_now(self._store, self._grant.quota, send_within_s=TIMEOUT_S)
        return RetryAfter(got.earliest_at, self._last_error) if isinstance(got, Denied) else got
