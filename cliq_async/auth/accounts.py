"""A self client's code exchanged for a refresh token, and a refresh token's end.

Both are asked of the accounts server over the same transport as everything else, one request each
and never a second one: a code works once, and what became of it is not known without an answer.

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
)
from cliq_async.clock import to_utc
from cliq_async.data_centers import data_center_of
from cliq_async.endpoints import Limit
from cliq_async.errors import AuthError, QuotaWaitError
from cliq_async.quota.model import Denied, Quota, TokenOutcome
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.token import Token, try_acquire_now
from cliq_async.transport.base import NoAnswerError, Request, Response, Transport

__all__ = ["AccountsClient", "AuthorizationCode", "ExchangeResult", "scopes_in"]

_LIMIT: Final = Limit(10, 600.0, 600.0)
"""Zoho says nothing of codes: as many as access tokens for one refresh token."""
_SERVER_ERROR: Final = 500
_OK: Final = 200


@attrs.frozen
class AuthorizationCode:
    """A self client's code.

    Attributes:
        client_id: The client's id in Zoho's API console.
        client_secret: Its secret.
        value: The code, which lives for minutes and works once.
    """

    client_id: str
    client_secret: str = attrs.field(repr=False)
    value: str = attrs.field(repr=False)

    def form(self) -> dict[str, str]:
        """The fields of the request that exchanges it."""
        return {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": self.value,
        }

    def refresh_token(self, value: str, accounts_url: str) -> RefreshToken:
        """Credentials of the same client with this refresh token."""
        return RefreshToken(self.client_id, self.client_secret, value, accounts_url=accounts_url)


@attrs.frozen
class ExchangeResult:
    """What a code was exchanged for.

    Attributes:
        credentials: The refresh token, with the accounts server that gave it.
        made: The access token that came with it.
        scopes: What they are good for, if the answer says so.
        asked_at: When it was asked for, on the store's clock.
    """

    credentials: RefreshToken
    made: IssuedToken
    scopes: tuple[str, ...]
    asked_at: float


@attrs.frozen
class AccountsClient:
    """An accounts server, for what is asked of it once.

    Attributes:
        url: Scheme and host.
        transport: Carries the requests.
        store: Where they are counted.
        time_scale: The sandbox's, should it be one.
    """

    url: str
    transport: Transport
    store: QuotaStore
    time_scale: float = 1.0

    async def exchange(self, code: AuthorizationCode) -> ExchangeResult:
        """Have a code exchanged for a refresh token.

        Raises:
            AuthError: There is no refresh token; says whether the code can be used again.
            QuotaWaitError: Ten were asked for in ten minutes; nothing was sent.
            QuotaStoreError: The store failed; nothing was sent.
            ValidationError: The code or its client cannot be what they are said to be.
        """
        # The code in the refresh token's place: what the server says is shown without either.
        grant = self._grant(code.refresh_token(code.value, self.url))
        asked_at = self.store.clock()
        try:
            request = form_request(grant.url, code.form())
            response = await self._ask(grant, request, self._codes(grant, code.client_id))
        except _UnansweredError as error:
            left = "may be used up: make a new one" if error.sent else "can still be used"
            raise AuthError(f"{_name(grant)} did not answer: {error}; the code {left}") from None
        made, answer = parse_token_response(grant, response), _Answer.of(response)
        if not isinstance(made, IssuedToken):
            reason = _reason(grant, answer.error) or made.reason
            raise AuthError(f"{_name(grant)} did not take the code: {reason}")
        if not is_token(answer.refresh_token):
            raise AuthError(
                f"{_name(grant)} took the code and gave no refresh token: make one under "
                "'Generate Code' of a self client"
            )
        credentials = code.refresh_token(answer.refresh_token, self.url)
        return ExchangeResult(credentials, made, answer.scopes, asked_at)

    async def share(self, exchanged: ExchangeResult) -> None:
        """Leave the access token that came along to whoever is next, and count it.

        Raises:
            QuotaStoreError: The store failed.
        """
        grant = self._grant(exchanged.credentials)
        async with self._permit(grant.quota) as permit:
            permit.claim()
            permit.end(TokenOutcome.ANSWERED)
        clock = self.store.clock
        if keeps_records(self.store):
            life_s = exchanged.made.life_s / grant.scale
            until = exchanged.asked_at + life_s
            sharing = SharedTokenCache(self.store, grant, clock)
            sharing.store(exchanged.made.access, until=until, life_s=life_s)

    async def drop_cached_token(self, credentials: RefreshToken) -> None:
        """Throw away the access token that is shared.

        Raises:
            QuotaStoreError: The store failed.
        """
        name = self._grant(credentials).note
        if keeps_records(self.store) and (note := await self.store.get_record(name)) is not None:
            self.store.delete_record(name, note.text)

    async def revoke(self, credentials: RefreshToken) -> None:
        """End a refresh token.

        Raises:
            AuthError: It may still be good, and why.
            QuotaWaitError: Ten requests were made in ten minutes; nothing was sent.
            QuotaStoreError: The store failed; nothing was sent.
        """
        grant = self._grant(credentials)
        try:
            # The token is not in the URL, which others write down.
            request = form_request(grant.url + "/revoke", {"token": credentials.refresh_token})
            response = await self._ask(grant, request, grant.quota)
        except _UnansweredError as error:
            raise AuthError(f"{_name(grant)} did not answer: {error}") from None
        answer = _Answer.of(response)
        if response.status != _OK or not answer.success:
            words = f": {grant.redact(answer.error)}" if answer.error else ""
            raise AuthError(f"{_name(grant)} answered HTTP {response.status}{words}")

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
                response = await self.transport.send(request, permit)
            except NoAnswerError as error:
                raise _UnansweredError(grant.redact(error), sent=permit.sent) from None
            if response.body is None:
                raise _UnansweredError("the answer was cut off", sent=True)
            if response.status >= _SERVER_ERROR:
                raise _UnansweredError(f"HTTP {response.status}", sent=True)
            permit.end(TokenOutcome.ANSWERED)
            return response

    @asynccontextmanager
    async def _permit(self, quota: Quota) -> AsyncIterator[Token]:
        """The right to ask once."""
        permit = await try_acquire_now(self.store, quota, send_within_s=TIMEOUT_S)
        if isinstance(permit, Denied):
            raise QuotaWaitError(quota.endpoint, to_utc(permit.earliest_at, self.store.clock))
        try:
            yield permit
        except BaseException:
            permit.end(TokenOutcome.ABANDONED if permit.sent else TokenOutcome.NEVER_SENT)
            raise


class _UnansweredError(Exception):
    """No answer came that says what happened.

    Attributes:
        sent: Whether the request left.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


@attrs.frozen
class _Answer:
    """What an answer says besides the access token."""

    error: str = ""
    success: bool = False
    refresh_token: object = attrs.field(default=None, repr=False)
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(cls, response: Response) -> "_Answer":
        said = json_object(response.body or b"")
        error = said.get("error")
        return cls(
            error=error.strip() if isinstance(error, str) else "",
            success=said.get("status") == "success",
            refresh_token=said.get("refresh_token"),
            scopes=scopes_in(said.get("scope")),
        )


def scopes_in(said: object) -> tuple[str, ...]:
    """The scopes that an answer with a token names; not every one does."""
    return tuple(filter(None, re.split(r"[\s,]+", said))) if isinstance(said, str) else ()


def _name(grant: TokenGrant) -> str:
    center = data_center_of(grant.url)
    where = grant.url.removesuffix("/oauth/v2/token")
    return where if center is None else f"{where} (data center {center})"


def _reason(grant: TokenGrant, error: str) -> str | None:
    """What the refusal of a code means, for the well-known ones."""
    match error.lower():
        case "invalid_code":
            return (
                f"{error}: it is mistyped, was used before, or is older than the minutes that were "
                "chosen for it: make a new one"
            )
        case "invalid_client":
            return (
                f"{error}: no such client there: check the client id, and in which data center "
                "the account lives"
            )
        case "invalid_client_secret":
            return f"{error}: the client secret is not that client's"
        case _:
            return grant.redact(error) if error else None
