"""The client of an accounts server: exchanges a code for a refresh token, and revokes one.

Each takes one request and is never retried: a code works once, and without a response its state is
unknown.

Source: Zoho's OAuth documents, for self clients and for revoking.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs

from cliq_async.auth.cache import SharedTokenCache
from cliq_async.auth.credentials import RefreshToken, is_token
from cliq_async.auth.oauth import (
    TIMEOUT_S,
    IssuedToken,
    TokenGrant,
    form_request,
    json_object,
    parse_token_response,
    unread_reason,
)
from cliq_async.auth.request_log import send_logged
from cliq_async.clock import to_utc
from cliq_async.data_centers import data_center_of
from cliq_async.endpoints import Limit
from cliq_async.errors import AuthError, QuotaWaitError
from cliq_async.quota.model import Denied, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.token import Token, try_acquire_now
from cliq_async.transport.base import NoAnswerError, Request, Response, Transport
from cliq_async.transport.throttling import error_texts

__all__ = ["AccountsClient", "AuthorizationCode", "ExchangeResult", "scopes_in"]

_LIMIT: Final = Limit(10, 600.0, 600.0)
"""Zoho documents no limit for codes; this is the one for access tokens."""
_SERVER_ERROR: Final = 500
_OK: Final = 200


@attrs.frozen
class AuthorizationCode:
    """The authorization code of a self client.

    Attributes:
        client_id: The client's id in Zoho's API console.
        client_secret: Its secret.
        value: The code, which is valid for minutes and works once.
    """

    client_id: str
    client_secret: str = attrs.field(repr=False)
    value: str = attrs.field(repr=False)

    def form(self) -> dict[str, str]:
        """Return the form fields of the request that exchanges the code."""
        return {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": self.value,
        }

    def refresh_token(self, value: str, accounts_url: str) -> RefreshToken:
        """Build credentials of the same client from a refresh token."""
        return RefreshToken(self.client_id, self.client_secret, value, accounts_url=accounts_url)


@attrs.frozen
class ExchangeResult:
    """The tokens that a code was exchanged for.

    Attributes:
        credentials: The refresh token, with the accounts server that issued it.
        issued: The access token issued with it.
        scopes: The scopes of both, if the response names them.
        requested_at: The time of the request, on the store's clock.
    """

    credentials: RefreshToken
    issued: IssuedToken
    scopes: tuple[str, ...]
    requested_at: float


@attrs.frozen
class AccountsClient:
    """A client of an accounts server, for exchanging and revoking.

    Attributes:
        url: The server's scheme and host.
        transport: The transport for its requests.
        store: The store that counts them.
        time_scale: The time scale of the sandbox, if the server is one.
    """

    url: str
    transport: Transport
    store: QuotaStore
    time_scale: float = 1.0

    async def exchange(self, code: AuthorizationCode) -> ExchangeResult:
        """Exchange a code for a refresh token.

        Raises:
            AuthError: No refresh token was issued; the message says if the code is still valid.
            QuotaWaitError: Ten codes were exchanged in ten minutes; nothing was sent.
            QuotaStoreError: The store failed; nothing was sent.
            ValidationError: The code, the client id or the client secret is not valid.
        """
        # With the code in the refresh token's place, it is redacted from the server's texts.
        grant = self._grant(code.refresh_token(code.value, self.url))
        requested_at = self.store.clock()
        try:
            request = form_request(grant.url, code.form())
            response = await self._ask(grant, request, self._codes(grant, code.client_id))
        except _UnansweredError as error:
            state = "may be used up: generate a new one" if error.sent else "can still be used"
            raise AuthError(f"{_name(grant)} did not answer: {error}; the code {state}") from None
        issued, answer = parse_token_response(grant, response), _Answer.of(response)
        if not isinstance(issued, IssuedToken):
            reason = _reason(grant, answer.error) or issued.reason
            raise AuthError(f"{_name(grant)} rejected the code: {reason}")
        if not is_token(answer.refresh_token):
            raise AuthError(
                f"{_name(grant)} accepted the code but issued no refresh token: generate a code "
                "under 'Generate Code' of a self client"
            )
        credentials = code.refresh_token(answer.refresh_token, self.url)
        return ExchangeResult(credentials, issued, answer.scopes, requested_at)

    async def share(self, exchanged: ExchangeResult) -> None:
        """Count the access token issued with the refresh token, and share it.

        Raises:
            QuotaStoreError: The store failed.
        """
        grant = self._grant(exchanged.credentials)
        async with self._permit(grant.quota) as permit:
            permit.claim()
            permit.end(TokenOutcome.ANSWERED)
        clock = self.store.clock
        if keeps_records(self.store):
            lifetime_s = exchanged.issued.lifetime_s / grant.scale
            until = exchanged.requested_at + lifetime_s
            cache = SharedTokenCache(self.store, grant, clock)
            cache.store(exchanged.issued.access, until=until, lifetime_s=lifetime_s)

    async def drop_cached_token(self, credentials: RefreshToken) -> None:
        """Delete the shared access token of some credentials.

        Raises:
            QuotaStoreError: The store failed.
        """
        name = self._grant(credentials).record_name
        if keeps_records(self.store) and (record := await self.store.get_record(name)) is not None:
            self.store.delete_record(name, record.text)

    async def revoke(self, credentials: RefreshToken) -> None:
        """Revoke a refresh token.

        Raises:
            AuthError: The token may still be valid; the message says why.
            QuotaWaitError: Ten requests were issued in ten minutes; nothing was sent.
            QuotaStoreError: The store failed; nothing was sent.
        """
        grant = self._grant(credentials)
        try:
            # The token is not in the URL, since URLs are logged on the way.
            request = form_request(grant.url + "/revoke", {"token": credentials.refresh_token})
            response = await self._ask(grant, request, grant.quota)
        except _UnansweredError as error:
            raise AuthError(f"{_name(grant)} did not answer: {error}") from None
        answer = _Answer.of(response)
        if response.status != _OK or not answer.success:
            reason = f": {grant.redact(answer.error)}" if answer.error else ""
            raise AuthError(f"{_name(grant)} answered HTTP {response.status}{reason}")

    def _grant(self, credentials: RefreshToken) -> TokenGrant:
        return TokenGrant.of(credentials, self.url, time_scale=self.time_scale)

    def _codes(self, grant: TokenGrant, client_id: str) -> Quota:
        client = hashlib.sha256(f"codes of {client_id}".encode()).hexdigest()[:32]
        return Quota.of(
            grant.quota.endpoint, _LIMIT, host=grant.host, account=client, time_scale=grant.scale
        )

    async def _ask(self, grant: TokenGrant, request: Request, quota: Quota) -> Response:
        async with self._permit(quota) as permit:
            try:
                response = await send_logged(self.transport, request, permit)
            except NoAnswerError as error:
                raise _UnansweredError(grant.redact(error), sent=permit.sent) from None
            if response.body is None:
                raise _UnansweredError(unread_reason(response), sent=True)
            if response.status >= _SERVER_ERROR:
                raise _UnansweredError(f"HTTP {response.status}", sent=True)
            permit.end(TokenOutcome.ANSWERED)
            return response

    @asynccontextmanager
    async def _permit(self, quota: Quota) -> AsyncIterator[Token]:
        """Acquire the right to send one request."""
        permit = await try_acquire_now(self.store, quota, send_within_s=TIMEOUT_S)
        if isinstance(permit, Denied):
            raise QuotaWaitError(quota.endpoint, to_utc(permit.earliest_at, self.store.clock))
        try:
            yield permit
        except BaseException:
            permit.end(TokenOutcome.ABANDONED if permit.sent else TokenOutcome.NEVER_SENT)
            raise


class _UnansweredError(Exception):
    """The server did not say whether it has executed the request.

    Attributes:
        sent: True if the request was sent.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


@attrs.frozen
class _Answer:
    """The fields of a response besides the access token."""

    error: str = ""
    success: bool = False
    refresh_token: object = attrs.field(default=None, repr=False)
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(cls, response: Response) -> "_Answer":
        fields = json_object(response.body or b"")
        error = fields.get("error")
        error = error if isinstance(error, str) else "".join(error_texts(fields)[:1])
        return cls(
            error=error.strip(),
            success=fields.get("status") == "success",
            refresh_token=fields.get("refresh_token"),
            scopes=scopes_in(fields.get("scope")),
        )


def scopes_in(value: object) -> tuple[str, ...]:
    """Return the scopes in a response's `scope` field; none if it is missing."""
    return tuple(filter(None, re.split(r"[\s,]+", value))) if isinstance(value, str) else ()


def _name(grant: TokenGrant) -> str:
    center = data_center_of(grant.url)
    where = grant.url.removesuffix("/oauth/v2/token")
    return where if center is None else f"{where} (data center {center})"


def _reason(grant: TokenGrant, error: str) -> str | None:
    """Explain why a code was rejected, if the error is a known one."""
    match error.lower():
        case "invalid_code":
            return (
                f"{error}: the code is mistyped, has been used, or has expired: generate a new one"
            )
        case "invalid_client":
            return (
                f"{error}: this data center does not know the client: check the client id, and "
                "which data center the account belongs to"
            )
        case "invalid_client_secret":
            return f"{error}: the client secret does not belong to the client id"
        case _:
            return grant.redact(error) if error else None
