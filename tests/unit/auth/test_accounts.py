"""A code exchanged and a token revoked, at accounts servers that answer as a test tells them."""

import asyncio

import pytest
from support.scripted import Scripted, answer, moved

from cliq_async.auth.accounts import AccountsClient, AuthorizationCode, scopes_in
from cliq_async.auth.provider import make_token_provider
from cliq_async.errors import AuthError, QuotaWaitError, ValidationError
from cliq_async.quota.stores.memory import MemoryStore

URL = "https://accounts.zoho.eu"
CODE = AuthorizationCode("1000.CLIENT", "a-client-secret", "1000.a-code")
GIVEN = {
    "access_token": "1000.access",
    "refresh_token": "1000.refresh",
    "api_domain": "https://www.zohoapis.in",
    "expires_in": 3600,
}


def a_server(*steps):
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    transport = Scripted(list(steps), 1.0)
    return AccountsClient(URL, transport, store), transport


@moved
async def test_a_code_gives_a_refresh_token_that_only_its_accounts_server_gets():
    server, transport = a_server(answer(200, GIVEN | {"scope": "a.READ b.CREATE"}))
    got = await server.exchange(CODE)
    (request,) = transport.requests
    assert request.method == "POST"
    assert request.url == f"{URL}/oauth/v2/token"
    assert request.body == (
        b"grant_type=authorization_code&client_id=1000.CLIENT&client_secret=a-client-secret"
        b"&code=1000.a-code"
    )
    assert got.credentials.refresh_token == "1000.refresh"
    assert got.credentials.accounts_url == URL
    assert got.issued.data_center == "in"
    assert got.scopes == ("a.READ", "b.CREATE")
    assert not {"1000.refresh", "1000.access", "a-client-secret"} & set(repr(got).split("'"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            answer(200, {"error": "invalid_code"}),
            "invalid_code: the code is mistyped, has been used",
        ),
        (answer(400, {"error": "invalid_client"}), "which data center the account belongs to"),
        (answer(200, {"error": "invalid_client_secret"}), "does not belong to the client id"),
        (answer(200, {"error": "no a-client-secret, 1000.a-code"}), "no …, …"),
        (answer(200, b"<html>"), "HTTP 200 without a reason"),
        (
            answer(400, {"error": {"details": {"message": "no 1000.a-code"}}}),
            "rejected the code: no …",
        ),
        (answer(200, GIVEN | {"refresh_token": None}), "issued no refresh token"),
        (answer(503, b"<html>"), "HTTP 503; the code may be used up"),
        ("lost", "no answer; the code may be used up"),
        ("unsent", "no connection; the code can still be used"),
    ],
)
@moved
async def test_what_is_refused_is_told_without_a_secret_and_never_asked_twice(said, words):
    server, transport = a_server(said)
    with pytest.raises(AuthError) as caught:
        await server.exchange(CODE)
    assert words in str(caught.value)
    assert "accounts.zoho.eu (data center eu)" in str(caught.value)
    assert "1000.a-code" not in str(caught.value)
    assert len(transport.requests) == (said != "unsent")


@moved
async def test_ten_codes_in_ten_minutes_and_no_eleventh():
    server, transport = a_server(answer(200, {"error": "invalid_code"}))
    for _ in range(10):
        with pytest.raises(AuthError):
            await server.exchange(CODE)
    with pytest.raises(QuotaWaitError):
        await server.exchange(CODE)
    assert len(transport.requests) == 10
    await asyncio.sleep(602)
    with pytest.raises(AuthError):
        await server.exchange(CODE)


@moved
async def test_the_first_access_token_is_left_for_whoever_comes_next_and_counted():
    server, _ = a_server(answer(200, GIVEN))
    got = await server.exchange(CODE)
    await server.share(got)
    transport = Scripted([answer(200, {"access_token": "1000.next", "expires_in": 3600})])
    source = make_token_provider(
        got.credentials, transport, server.store, accounts_url="https://other.test"
    )
    assert (await source.token()).value == "1000.access"
    for number in range(12):
        source.invalidate(await source.token())
        transport.steps = [answer(200, {"access_token": f"t{number}", "expires_in": 3600})]
        await source.token()
    assert len(transport.requests) == 9  # and one was made by the code
    await source.close()


@moved
async def test_what_is_forgotten_is_made_anew():
    server, _ = a_server(answer(200, GIVEN))
    got = await server.exchange(CODE)
    await server.share(got)
    await server.drop_cached_token(got.credentials)
    await server.drop_cached_token(got.credentials)
    transport = Scripted([answer(200, {"access_token": "1000.next", "expires_in": 3600})])
    source = make_token_provider(got.credentials, transport, server.store, accounts_url=URL)
    assert (await source.token()).value == "1000.next"


@moved
async def test_a_token_is_revoked_in_the_body_and_not_in_the_url():
    server, transport = a_server(answer(200, {"status": "success"}))
    await server.revoke(CODE.refresh_token("1000.refresh", URL))
    (request,) = transport.requests
    assert (request.url, request.body) == (f"{URL}/oauth/v2/token/revoke", b"token=1000.refresh")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(400, {"error": "invalid_code"}), "answered HTTP 400: invalid_code"),
        (answer(200, {"error": "no 1000.refresh"}), "answered HTTP 200: no …"),
        (answer(403, {"error": {"title": "NOT_ALLOWED"}}), "answered HTTP 403: NOT_ALLOWED"),
        (answer(200, b"<html>"), "answered HTTP 200"),
        (answer(200, b"[1]"), "answered HTTP 200"),
        (answer(502, b""), "did not answer: HTTP 502"),
        ("lost", "did not answer: no answer"),
    ],
)
@moved
async def test_what_is_not_revoked_for_certain_is_said(said, words):
    server, _ = a_server(said)
    with pytest.raises(AuthError) as caught:
        await server.revoke(CODE.refresh_token("1000.refresh", URL))
    assert str(caught.value).endswith(words)
    assert "1000.refresh" not in str(caught.value)


@moved
async def test_a_code_that_can_be_none_is_not_sent():
    server, transport = a_server(answer(200, GIVEN))
    with pytest.raises(ValidationError):
        await server.exchange(AuthorizationCode("id", "secret", "two words"))
    assert transport.requests == []


@pytest.mark.parametrize(
    ("said", "scopes"),
    [("a b", ("a", "b")), ("a,b, c", ("a", "b", "c")), ("", ()), (None, ()), (["a"], ())],
)
def test_scopes_come_with_commas_or_spaces_or_not_at_all(said, scopes):
    assert scopes_in(said) == scopes
