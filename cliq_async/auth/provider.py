"""Token providers: a static token, a callback, or a refreshed token."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from cliq_async.auth.credentials import (
    AccessToken,
    ApiKey,
    Auth,
    ClientCredentials,
    RefreshToken,
    is_token,
    validate_auth,
)
from cliq_async.auth.issuer import TokenIssuer
from cliq_async.auth.oauth import IssuedToken, TokenGrant
from cliq_async.auth.refresh import RefreshingTokenProvider
from cliq_async.errors import AuthError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.transport.base import TokenProvider, Transport

__all__ = [
    "AccessToken",
    "ApiKey",
    "Auth",
    "ClientCredentials",
    "RefreshToken",
    "make_token_provider",
    "validate_auth",
]

_log = logging.getLogger("cliq_async")


def make_token_provider(
    auth: Auth,
    transport: Transport,
    store: QuotaStore,
    *,
    accounts_url: str,
    data_center: str | None = None,
    time_scale: float = 1.0,
    margin_s: float = 1.0,
    straggler_s: float = 30.0,
) -> TokenProvider:
    """Build the token provider for anything that a client accepts as `auth`.

    Args:
        auth: The credentials.
        transport: The transport for requests to the accounts server.
        store: The store that shares the tokens and counts the requests for them.
        accounts_url: The data center's accounts server.
        data_center: The data center that the client uses, if it is one of Zoho's.
        time_scale: The time scale of the sandbox.
        margin_s: The safety margin before a token of the quota comes back.
        straggler_s: The longest delay of an abandoned request on its way to the server.
    """
    auth = validate_auth(auth)
    if isinstance(auth, AccessToken | ApiKey):
        return StaticTokenProvider(auth)
    if not isinstance(auth, RefreshToken | ClientCredentials):
        return CallbackTokenProvider(auth)
    grant = TokenGrant.of(
        auth,
        accounts_url,
        time_scale=time_scale,
        margin_s=margin_s,
        straggler_s=straggler_s,
    )
    on_issued = _warn_once_on_wrong_data_center(grant, data_center)
    issuer = TokenIssuer(grant, transport, store, on_issued)
    return RefreshingTokenProvider(issuer, store.clock, grant.quota)


@attrs.frozen
class StaticTokenProvider:
    """A `TokenProvider` with one fixed access token or API key.

    Attributes:
        access: The token or the key.
    """

    access: AccessToken | ApiKey

    def current(self) -> AccessToken | ApiKey:
        return self.access

    async def token(self, deadline: float | None = None) -> AccessToken | ApiKey:  # noqa: ARG002
        return self.access

    def invalidate(self, access: AccessToken | ApiKey) -> bool:  # noqa: ARG002 - there is no other
        return False

    async def close(self) -> None: ...


@attrs.frozen
class CallbackTokenProvider:
    """A `TokenProvider` that calls the user's function for each token; caching is up to that.

    Attributes:
        callback: The user's function.
    """

    callback: Callable[[], Awaitable[str]]

    def current(self) -> None:
        return None

    async def token(self, deadline: float | None = None) -> AccessToken:  # noqa: ARG002
        try:
            value: Any = await self.callback()
        except Exception as error:
            raise AuthError(f"the auth function failed: {type(error).__name__}") from error
        if is_token(value):
            return AccessToken(value)
        del value  # a traceback may show what is here
        raise AuthError("the auth function returned no valid access token")

    def invalidate(self, access: AccessToken) -> bool:  # noqa: ARG002 - nothing is cached
        return True

    async def close(self) -> None: ...


def _warn_once_on_wrong_data_center(
    grant: TokenGrant, expected: str | None
) -> Callable[[IssuedToken], None]:
    """Return a callback that warns once if the account belongs to a different data center."""
    warned = False

    def on_issued(issued: IssuedToken) -> None:
        nonlocal warned
        actual = grant.other_data_center(issued, expected)
        if actual is None or warned:
            return
        warned = True
        _log.warning(
            "the account belongs to data center %r, but the client uses %r: set data_center=%r "
            "or CLIQ_DATA_CENTER=%s",
            actual,
            expected,
            actual,
            actual,
        )

    return on_issued
