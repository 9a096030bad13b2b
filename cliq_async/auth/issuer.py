"""The issuer of access tokens: one token for all processes of a store, within Zoho's limit.

A client that needs a token loads the shared one. If that has to be refreshed, one process acquires
the lock, asks the accounts server, leaves the token in the store and releases the lock. The lock of
a process that has died expires. The other processes use the old token until it expires, and then
poll for the new one.

A failure is followed by a cool-down that all processes keep, and that grows with each further one:
one refusal costs one request, however many calls meet it.

Each request to the accounts server takes a token of the quota from its own bucket, in the same
store as all others, so that the limit of ten in ten minutes holds across processes and restarts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import attrs

from cliq_async.auth.cache import CachedToken, Cooldown, LocalTokenCache, SharedTokenCache
from cliq_async.auth.credentials import AccessToken
from cliq_async.auth.oauth import (
    TIMEOUT_S,
    IssuedToken,
    TokenFailure,
    TokenGrant,
    parse_token_response,
)
from cliq_async.auth.request_log import send_logged
from cliq_async.errors import AuthError
from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.token import Token, try_acquire_now
from cliq_async.transport.base import NoAnswerError, Transport

__all__ = ["RetryAfter", "TokenIssuer"]

T = TypeVar("T")

_MIN_COOLDOWN_S: Final = 1.25
_MAX_COOLDOWN_S: Final = 120.0
"""The pause after a failure doubles with each further one, up to this. In server seconds, as all
these: so some of the ten requests are left when a failing accounts server recovers."""
_UNSENT_COOLDOWN_S: Final = 5.0
"""The longest pause after a request that never left: it cost nothing."""
_LASTING_COOLDOWN_S: Final = 60.0
"""The pause after the credentials were refused."""
_MAX_WAIT_S: Final = 600.0
"""The longest pause that the accounts server may ask for: the window of its own limit."""
_POLL_S: Final = 0.05
_MAX_POLL_S: Final = 0.5


@attrs.frozen
class RetryAfter:
    """The next token may only be issued later.

    Attributes:
        retry_at: The earliest time for the next request, on the store's clock.
        error: The reason why the last request failed, if it did.
        lasting: True if the credentials were refused, so that waiting does not help.
    """

    retry_at: float
    error: AuthError | None
    lasting: bool = False


class TokenIssuer:
    """The issuer of one grant's access tokens.

    Args:
        grant: The credentials and their quota.
        transport: The transport for requests to the accounts server.
        store: The store that shares the tokens and counts the requests.
        on_issued: Called with each newly issued token.

    Attributes:
        store_asked_at: The event loop's time since when the store, which may hang, has not
            answered; None if it is not asked.
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
        self._local_cache = LocalTokenCache()
        self._last_failure: TokenFailure | None = None
        self._unsent = 0  # requests in a row that never left
        self.store_asked_at: float | None = None

    async def get(
        self, known: CachedToken | None, rejected: AccessToken | None
    ) -> CachedToken | RetryAfter:
        """Return the shared token, issue a new one, or return when that may be tried.

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
                shared = await self._answer(cache.load(rejected))
                if shared is not None and self._clock() < shared.refresh_at:
                    return shared
                if await self._answer(cache.acquire_lock()):
                    # Another process may have stored a token and released the lock since the load.
                    shared = await self._answer(cache.load(rejected))
                    if shared is not None and self._clock() < shared.refresh_at:
                        return shared
                    return await self._issue(cache)
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

    async def _answer(self, answer: Awaitable[T]) -> T:
        """Await an answer of the store."""
        self.store_asked_at = asyncio.get_running_loop().time()
        try:
            return await answer
        finally:
            self.store_asked_at = None

    async def _issue(self, cache: SharedTokenCache | LocalTokenCache) -> CachedToken | RetryAfter:
        """Ask the accounts server once, unless it failed just now."""
        cooldown = await self._answer(cache.load_cooldown())
        if cooldown is not None and self._clock() < cooldown.until:
            return self._retry_after(cooldown)
        failures = 0 if cooldown is None else cooldown.failures
        take = try_acquire_now(self._store, self._grant.quota, send_within_s=TIMEOUT_S)
        permit = await self._answer(take)
        if isinstance(permit, Denied):
            last = self._last_failure
            error = None if last is None else self._grant.error(last.reason)
            return RetryAfter(permit.earliest_at, error, lasting=last is not None and last.lasting)
        cache.evict_rejected()
        requested_at = self._clock()
        try:
            issued = await self._ask(permit)
        except Exception as error:
            # The transport is faulty; its failures count as well, or each call would ask again.
            self._on_failure(cache, failures, TokenFailure(type(error).__name__), sent=permit.sent)
            raise
        if isinstance(issued, TokenFailure):
            return self._on_failure(cache, failures, issued, sent=permit.sent)
        self._last_failure = None
        self._unsent = 0
        cache.reset_cooldown()
        # The lifetime is in server seconds, and a sandbox's may be shorter than real ones.
        lifetime_s = issued.lifetime_s / self._grant.scale
        cache.store(issued.access, until=requested_at + lifetime_s, lifetime_s=lifetime_s)
        self._on_issued(issued)
        second_s = self._grant.quota.second_s
        return CachedToken.of(
            issued.access, until=requested_at + lifetime_s, lifetime_s=lifetime_s, second_s=second_s
        )

    async def _ask(self, permit: Token) -> IssuedToken | TokenFailure:
        """Send one request, and end its permit by what happened."""
        try:
            response = await send_logged(self._transport, self._grant.request(), permit)
        except BaseException as error:
            permit.end(TokenOutcome.ABANDONED if permit.sent else TokenOutcome.NEVER_SENT)
            if isinstance(error, NoAnswerError):
                return TokenFailure(self._grant.redact(error))
            raise
        issued = parse_token_response(self._grant, response)
        counted = isinstance(issued, IssuedToken) or issued.counted
        permit.end(TokenOutcome.ANSWERED if counted else TokenOutcome.ABANDONED)
        return issued

    def _on_failure(
        self,
        cache: SharedTokenCache | LocalTokenCache,
        failures: int,
        failure: TokenFailure,
        *,
        sent: bool,
    ) -> RetryAfter:
        """Start a cool-down after some failures in a row and one more.

        It is shared by all processes, unless the request never left: then the fault may be this
        process's own, and the request cost nothing.
        """
        self._last_failure = failure
        self._unsent = 0 if sent else self._unsent + 1
        pause_s = _MIN_COOLDOWN_S * 2.0 ** (failures if sent else self._unsent - 1)
        if not sent:
            pause_s = min(pause_s, _UNSENT_COOLDOWN_S)
        elif failure.lasting:
            pause_s = _LASTING_COOLDOWN_S
        else:
            asked_for_s = min(failure.wait_s or 0.0, _MAX_WAIT_S)
            pause_s = max(min(pause_s, _MAX_COOLDOWN_S), asked_for_s)
        cooldown = Cooldown(
            failures + 1,
            failure.reason,
            self._clock() + pause_s * self._grant.quota.second_s,
            lasting=failure.lasting,
        )
        if sent:
            cache.start_cooldown(cooldown)
        return self._retry_after(cooldown)

    def _retry_after(self, cooldown: Cooldown) -> RetryAfter:
        error = self._grant.error(cooldown.reason)
        return RetryAfter(cooldown.until, error, lasting=cooldown.lasting)
