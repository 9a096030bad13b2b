"""The issuer of access tokens: one token for all processes of a store, within Zoho's limit.

A client that needs a token loads the shared one. If that has to be refreshed, one process acquires
the lock, asks the accounts server, leaves the token in the store and releases the lock. The lock of
a process that has died expires. The other processes use the old token until it expires, and then
poll for the new one.

Each request to the accounts server takes a token of the quota from its own bucket, in the same
store as all others, so that the limit of ten in ten minutes holds across processes and restarts.
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
_MAX_BACKOFF_S: Final = 4.0
_COOLDOWN_S: Final = 5.0
_MAX_COOLDOWN_S: Final = 120.0
"""The pause after a failure doubles with each further one, up to this. In server seconds."""
_POLL_S: Final = 0.05
_MAX_POLL_S: Final = 0.5


@attrs.frozen
class RetryAfter:
    """The next token may only be issued later.

    Attributes:
        retry_at: The earliest time for the next request, on the store's clock.
        error: The reason why the last requests failed, if they did.
    """

    retry_at: float
    error: AuthError | None


@attrs.frozen
class IssueFailed:
    """The accounts server has issued no token.

    Attributes:
        error: The reason.
    """

    error: AuthError


class _RetryableError(Exception):
    """A failed attempt that may succeed when repeated.

    Attributes:
        sent: True if it has used up one of the ten requests.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class TokenIssuer:
    """The issuer of one grant's access tokens.

    Args:
        grant: The credentials and their quota.
        transport: The transport for requests to the accounts server.
        store: The store that shares the tokens and counts the requests.
        on_issued: Called with each newly issued token.
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
        self._on_issued = on_issued
        self._clock = store.clock
        self._local_cache = LocalTokenCache(store.clock)
        self._last_error: AuthError | None = None

    async def get(
        self, known: CachedToken | None, rejected: AccessToken | None
    ) -> CachedToken | RetryAfter | IssueFailed:
        """Return the shared token or issue a new one.

        Args:
            known: The token used so far.
            rejected: A token that Cliq has rejected.

        Returns:
            A token to use. While another process refreshes it, the old one with a new `refresh_at`.

        Raises:
            QuotaStoreError: The store failed.
        """
        cache = self._cache()
        usable = None if known is None or known.access == rejected else known
        poll_s = _POLL_S
        try:
            while True:
                shared = await cache.load(rejected)
                if shared is not None and self._clock() < shared.refresh_at:
                    return shared
                if await cache.acquire_lock():
                    # Another process may have stored a token and released the lock since the load.
                    shared = await cache.load(rejected)
                    if shared is not None and self._clock() < shared.refresh_at:
                        return shared
                    result = await self._issue(cache)
                    if result is not None:
                        return result
                now = self._clock()
                for each in (shared, usable):
                    if each is not None and now < each.usable_until:
                        pause_s = min(_MAX_POLL_S, (each.usable_until - now) / 2)
                        return attrs.evolve(each, refresh_at=now + pause_s)
                await asyncio.sleep(poll_s)
                poll_s = min(2 * poll_s, _MAX_POLL_S)
        finally:
            cache.release_lock()

    def _cache(self) -> SharedTokenCache | LocalTokenCache:
        if self._grant.credentials.share and keeps_records(self._store):
            return SharedTokenCache(self._store, self._grant, self._clock)
        return self._local_cache

    async def _issue(
        self, cache: SharedTokenCache | LocalTokenCache
    ) -> CachedToken | RetryAfter | IssueFailed | None:
        """Ask the accounts server, with retries. Return None if another process has the lock.

        A failing accounts server is retried with exponential backoff shared by all processes, so
        that some of the ten requests are left when it recovers.
        """
        # Imported here because most programs never need it, and importing it takes time.
        from tenacity import (  # noqa: PLC0415
            AsyncRetrying,
            retry_if_exception_type,
            stop_after_attempt,
            wait_random_exponential,
        )

        cooldown = await cache.load_cooldown()
        if cooldown is not None and self._clock() < cooldown.until:
            return RetryAfter(cooldown.until, self._grant.error(cooldown.reason))
        failures = 0 if cooldown is None else cooldown.failures
        attempts = AsyncRetrying(
            sleep=asyncio.sleep,
            stop=stop_after_attempt(1 if failures else _ATTEMPTS),
            wait=wait_random_exponential(multiplier=_BACKOFF_S, max=_MAX_BACKOFF_S),
            retry=retry_if_exception_type(_RetryableError),
            reraise=True,
        )
        try:
            result: CachedToken | RetryAfter | IssueFailed | None = await attempts(
                self._attempt, cache
            )
        except _RetryableError as error:
            if error.sent:
                pause_s = (
                    min(_COOLDOWN_S * 2**failures, _MAX_COOLDOWN_S) * self._grant.quota.second_s
                )
                cache.start_cooldown(failures + 1, str(error), pause_s)
            return IssueFailed(self._grant.error(str(error)))
        if isinstance(result, CachedToken):
            cache.reset_cooldown()
        return result

    async def _attempt(
        self, cache: SharedTokenCache | LocalTokenCache
    ) -> CachedToken | RetryAfter | IssueFailed | None:
        if not await cache.acquire_lock():
            return None
        permit = await self._acquire_permit()
        if isinstance(permit, RetryAfter):
            return permit
        cache.evict_rejected()
        requested_at = self._clock()
        try:
            response = await self._transport.send(self._grant.request(), permit)
        except BaseException as error:
            permit.end(TokenOutcome.ABANDONED if permit.sent else TokenOutcome.NEVER_SENT)
            if isinstance(error, NoAnswerError):
                failure = TokenFailure(self._grant.redact(error), retryable=True, counted=False)
                return self._on_failure(failure, sent=permit.sent)
            raise
        issued = parse_token_response(self._grant, response)
        counted = isinstance(issued, IssuedToken) or issued.counted
        permit.end(TokenOutcome.ANSWERED if counted else TokenOutcome.ABANDONED)
        if isinstance(issued, TokenFailure):
            return self._on_failure(issued, sent=True)
        self._last_error = None
        # The lifetime is in server seconds, and a sandbox's may be shorter than real ones.
        lifetime_s = issued.lifetime_s / self._grant.scale
        cache.store(issued.access, until=requested_at + lifetime_s, lifetime_s=lifetime_s)
        self._on_issued(issued)
        second_s = self._grant.quota.second_s
        return CachedToken.of(
            issued.access, until=requested_at + lifetime_s, lifetime_s=lifetime_s, second_s=second_s
        )

    def _on_failure(self, failure: TokenFailure, *, sent: bool) -> IssueFailed:
        self._last_error = self._grant.error(failure.reason)
        if failure.retryable:
            raise _RetryableError(failure.reason, sent=sent)
        return IssueFailed(self._last_error)

    async def _acquire_permit(self) -> Token | RetryAfter:
        """Acquire the right to ask the accounts server once."""
        permit = await try_acquire_now(self._store, self._grant.quota, send_within_s=TIMEOUT_S)
        if isinstance(permit, Denied):
            return RetryAfter(permit.earliest_at, self._last_error)
        return permit
