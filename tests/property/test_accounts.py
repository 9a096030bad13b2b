"""Whatever the accounts server answers is a token or a reason, and no secret is in it."""

import asyncio
from contextlib import suppress

import msgspec
from hypothesis import example, given, strategies as st
from support.answer_strategies import HEADERS, JSON, NAMES, ODD_BODIES, STATUSES, TEXTS, outcome
from support.effort import tries
from support.scripted import Scripted, answer

from cliq_async.auth.accounts import AccountsClient, AuthorizationCode, ExchangeResult
from cliq_async.auth.oauth import (
    IssuedToken,
    TokenFailure,
    TokenGrant,
    parse_token_response as read_token,
)
from cliq_async.auth.provider import RefreshToken
from cliq_async.errors import AuthError, CliqError, QuotaWaitError
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time
from cliq_async.transport.base import Response

SECRETS = {"1000.refresh", "a-client-secret", "1000.a-code"}
TOKENS = st.sampled_from(["1000.new", "", "two words", None, 7, "\n", [], "1000.refresh"])
LIVES = st.sampled_from([3600, "3600", 3_600_000, 0, -1, None, True, "1e999", 10**400, 0.001, []])
ECHOES = st.sampled_from(
    [
        "invalid_code",
        "invalid_client",
        "Access Denied",
        "no 1000.refresh",
        "a-client-secret",
        5,
        " ",
    ]
)
SAID = st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=2) | st.fixed_dictionaries(
    {},
    optional={
        "access_token": TOKENS,
        "refresh_token": TOKENS,
        "expires_in": LIVES,
        "expires_in_sec": LIVES,
        "api_domain": TEXTS | st.sampled_from(["https://www.zohoapis.in", "http://[", 3]),
        "scope": TEXTS | st.none() | st.integers(),
        "error": ECHOES | JSON,
        "error_description": ECHOES,
        "status": st.sampled_from(["success", "failure", 1]),
    },
)


def encoded(said: object) -> bytes:
    with suppress(ValueError, OverflowError):
        return msgspec.json.encode(said)
    return repr(said).encode()


TOKEN_BODIES = SAID.map(encoded) | st.sampled_from(ODD_BODIES) | st.binary(max_size=9)
TOKEN_ANSWERS = st.builds(Response, STATUSES, HEADERS, TOKEN_BODIES)
REFRESHING = RefreshToken("an-id", "a-client-secret", "1000.refresh")
GRANT = TokenGrant.of(REFRESHING, "https://accounts.zoho.eu")


@tries(40)
@example(Response(200, {}, b'{"access_token": "1000.new", "expires_in": 7200}'))
@given(TOKEN_ANSWERS)
def test_any_answer_of_the_accounts_server_is_a_token_or_a_reason_without_a_secret(response):
    got = read_token(GRANT, response)
    if isinstance(got, IssuedToken):
        assert got.access.value
        assert 0 < got.lifetime_s <= 3600
        return
    assert isinstance(got, TokenFailure)
    assert not any(secret in got.reason for secret in SECRETS)


@tries(12)
@given(TOKEN_ANSWERS)
def test_any_answer_to_a_refresh_leads_to_a_call_or_to_an_error_of_authorization(response):
    def answering(request):
        return response if request.url.endswith("/token") else answer(204)

    def deleting(client):
        return client.bots.delete("1")

    got, transport = outcome(deleting, [answering], auth=REFRESHING)
    assert got is None or isinstance(got, AuthError | QuotaWaitError)
    assert not any(secret in str(got) for secret in SECRETS)
    assert sum(request.url.endswith("/token") for request in transport.requests) <= 10
    assert (got is None) == any("/bots/" in request.url for request in transport.requests)


@tries(20)
@given(TOKEN_ANSWERS, st.booleans())
def test_any_answer_to_a_code_or_a_revocation_is_read_or_an_error_and_asked_once(response, code):
    transport = Scripted([response])

    async def main():
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        server = AccountsClient("https://accounts.zoho.eu", transport, store)
        try:
            if code:
                return await server.exchange(
                    AuthorizationCode("an-id", "a-client-secret", "1000.a-code")
                )
            return await server.revoke(REFRESHING)
        except CliqError as error:
            return error

    got = run_in_virtual_time(main())
    assert (
        isinstance(got, ExchangeResult | AuthError)
        if code
        else got is None or type(got) is AuthError
    )
    assert len(transport.requests) == 1
    secrets = {"a-client-secret", "1000.a-code"} if code else {"a-client-secret", "1000.refresh"}
    assert not any(secret in f"{got} {got!r}" for secret in secrets)
