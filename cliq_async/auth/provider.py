"""Access tokens: a fixed one, one from a function, or one renewed once for everyone."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from cliq_async.auth.credentials import (
    AccessToken,
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
    """Where the access tokens come from, for anything that a client takes as `auth`.

    Args:
        auth: Credentials.
        transport: Carries requests to the accounts server.
        store: Where tokens are shared, and their making is counted.
        accounts_url: The data center's accounts server.
        data_center: The data center that the client asks, if it is one of Zoho's.
        time_scale: The sandbox's.
        margin_s: How much later than needed the right to make one is back.
        straggler_s: How late a request that was given up may arrive.
    """
    auth = validate_auth(auth)
    if isinstance(auth, AccessToken):
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
    maker = TokenIssuer(grant, transport, store, _DataCenterWarning(grant, data_center))
    return RefreshingTokenProvider(maker, store.clock, grant.quota)


@attrs.frozen
class StaticTokenProvider:
    access: AccessToken

    def current(self) -> AccessToken:
        return self.access

    async def token(self, deadline: float | None = None) -> AccessToken:  # noqa: ARG002
        return self.access

    def invalidate(self, access: AccessToken) -> bool:  # noqa: ARG002 - there is only the one
        return False

    async def close(self) -> None: ...


@attrs.frozen
class CallbackTokenProvider:
    """Asks the user's function each time: whether to keep a token is its own business."""

    ask: Callable[[], Awaitable[str]]

    def current(self) -> None:
        return None

    async def token(self, deadline: float | None = None) -> AccessToken:  # noqa: ARG002
        try:
            value: Any = await self.ask()
        except Exception as error:
            raise AuthError(f"the auth function failed: {type(error).__name__}") from error
        if is_token(value):
            return AccessToken(value)
        del value  # a traceback may show what is here
        raise AuthError("the auth function gave no access token")

    def invalidate(self, access: AccessToken) -> bool:  # noqa: ARG002 - it is asked again in any case
        return True

    async def close(self) -> None: ...


class _DataCenterWarning:
    """Says once if the account turns out to live in another data center."""

    def __init__(self, grant: TokenGrant, expected: str | None) -> None:
        self._grant = grant
        self._expected = expected
        self._said = False

    def __call__(self, made: IssuedToken) -> None:
        elsewhere = self._grant.other_data_center(made, self._expected)
        if elsewhere is not None and not self._said:
            self._said = True
            _log.warning(
                "the account lives in data center %r, and the client asks %r: set data_center=%r "
                "or CLIQ_DATA_CENTER=%s",
                elsewhere,
                self._expected,
                elsewhere,
                elsewhere,
            )
