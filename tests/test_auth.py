"""Access tokens: fixed, asked for, or refreshed once for everyone."""

import asyncio
from typing import Any

import attrs
import msgspec
import pytest
from scripted import Scripted, answer, moved

from cliq_async.auth import AccessToken, RefreshToken, authority, checked
from cliq_async.errors import AuthError, ValidationError

CREDENTIALS = RefreshToken("id", "a-client-secret", "a-refresh-token")
URL = "https://accounts.zoho.eu"


def an_authority(steps, *, auth: Any = CREDENTIALS, delay_s=1.0, **options: Any):
    transport = Scripted(list(steps), delay_s)
    clock = asyncio.get_running_loop().time
    return authority(auth, transport, accounts_url=URL, clock=clock, **options), transport


def numbered():
    """Accounts that give a new token each time."""
    given = []

    def step(_request):
        given.append(1)
        return answer(200, {"access_token": f"token-{len(given)}", "expires_in": 3600})

    return step


@moved
async def test_refresh_is_the_documented_request():
    source, transport = an_authority([numbered()])
    assert await source.token() == "token-1"
    (sent,) = transport.requests
    assert (sent.method, sent.url) == ("POST", URL + "/oauth/v2/token")
    assert sent.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert sent.body == (
        b"grant_type=refresh_token&client_id=id&client_secret=a-client-secret"
        b"&refresh_token=a-refresh-token"
    )


@moved
async def test_own_accounts_server_is_asked_where_one_is_named():
    own = attrs.evolve(CREDENTIALS, accounts_url="http://sandbox/")
    source, transport = an_authority([numbered()], auth=own)
    await source.token()
    assert transport.requests[0].url == "http://sandbox/oauth/v2/token"


@moved
async def test_a_thousand_callers_share_one_refresh():
    source, transport = an_authority([numbered()])
    got = await asyncio.gather(*(source.token() for _ in range(1000)))
    assert set(got) == {"token-1"}
    assert len(transport.requests) == 1


@moved
async def test_first_callers_cancellation_leaves_the_others_their_token():
    source, transport = an_authority([numbered()])
    callers = [asyncio.create_task(source.token()) for _ in range(10)]
    await asyncio.sleep(0.5)
    callers[0].cancel()
    got = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert got[1:] == ["token-1"] * 9
    assert len(transport.requests) == 1


@moved
async def test_refresh_that_everybody_has_left_is_used_by_the_next_one():
    source, transport = an_authority([numbered()])
    caller = asyncio.create_task(source.token())
    await asyncio.sleep(0.5)
    caller.cancel()
    await asyncio.sleep(5)
    assert await source.token() == "token-1"
    assert len(transport.requests) == 1


@moved
async def test_failed_refresh_fails_all_who_waited_and_is_not_kept():
    source, transport = an_authority([answer(200, {"error": "Access Denied"}), numbered()])
    got = await asyncio.gather(*(source.token() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert len(transport.requests) == 1
    assert await source.token() == "token-1"


@moved
async def test_refused_token_is_renewed_and_a_newer_one_is_not():
    source, transport = an_authority([numbered()])
    old = await source.token()
    assert source.expired(old)
    new = await source.token()
    assert (old, new) == ("token-1", "token-2")
    assert source.expired(old)  # somebody else's late 401
    assert await source.token() == new
    assert len(transport.requests) == 2


FAILURES = [
    (answer(200, {"error": "invalid_client"}), "invalid_client"),
    (answer(200, {"error": "invalid_code"}), "invalid_code"),
    (answer(400, {"error": "Access Denied", "status": "failure"}), "Access Denied"),
    (answer(200, {"error": "Zugriff verweigert"}), "Zugriff verweigert"),
    (answer(200, {}), "HTTP 200"),
    (answer(200, {"access_token": ""}), "HTTP 200"),
    (answer(200, {"access_token": 5}), "HTTP 200"),
    (answer(200, {"access_token": "two words"}), "HTTP 200"),
    (answer(200, {"access_token": "a\r\nX-Header: b"}), "HTTP 200"),
    (answer(500, b"<html>"), "HTTP 500"),
    (answer(200, b"[]"), "HTTP 200"),
    (answer(200, b"[" * 100_000), "HTTP 200"),
    (answer(200, b'{"error":"\xff"}'), "HTTP 200"),
    (answer(302, None, {"Location": "/login"}), "HTTP 302"),
    ("lost", "no answer"),
    ("unsent", "no connection"),
]


@pytest.mark.parametrize(("step", "reason"), FAILURES)
@moved
async def test_failure_names_the_server_and_the_reason_and_no_secret(step, reason):
    source, _ = an_authority([step])
    with pytest.raises(AuthError) as caught:
        await source.token()
    assert URL in str(caught.value)
    assert reason in str(caught.value)
    for secret in (CREDENTIALS.client_secret, CREDENTIALS.refresh_token):
        assert secret not in str(caught.value)
        assert secret not in repr(CREDENTIALS)


@pytest.mark.parametrize(
    ("expires_in", "good_for_s"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3_600_000, 3540),  # some answers count in milliseconds
        (600, 540),
        ("600", 540),
        (100, 50),
        (10, 5),
        (0, 3540),
        (-5, 3540),
        (None, 3540),
        ("soon", 3540),
        ([], 3540),
        (10**18, 3540),
        ("inf", 3540),
        ("nan", 3540),
    ],
)
@moved
async def test_token_is_renewed_before_it_expires_however_odd_its_life(expires_in, good_for_s):
    def step(_request):
        number = len(transport.requests)
        body = {"access_token": f"token-{number}"}
        if expires_in is not None:
            body["expires_in"] = expires_in
        return answer(200, msgspec.json.encode(body))

    source, transport = an_authority([step], delay_s=0.0)
    assert await source.token() == "token-1"
    await asyncio.sleep(good_for_s - 0.1)
    assert await source.token() == "token-1"
    await asyncio.sleep(0.2)
    assert await source.token() == "token-2"


@moved
async def test_token_of_a_sandbox_lives_for_its_seconds():
    source, _ = an_authority([numbered()], time_scale=60)
    assert await source.token() == "token-1"
    await asyncio.sleep(57.9)  # the refresh took one
    assert await source.token() == "token-1"
    await asyncio.sleep(0.2)
    assert await source.token() == "token-2"


# A fixed one, and a function.


@moved
async def test_fixed_token_is_given_as_it_is_and_cannot_be_renewed():
    for auth in ("1000.ab", AccessToken("1000.ab")):
        source, transport = an_authority([numbered()], auth=auth)
        assert await source.token() == "1000.ab"
        assert not source.expired("1000.ab")
        assert "1000.ab" not in repr(source)
        assert transport.requests == []


@moved
async def test_function_is_asked_each_time():
    given = iter(["one", "two"])

    async def ask():
        return next(given)

    source, _ = an_authority([numbered()], auth=ask)
    assert [await source.token(), await source.token()] == ["one", "two"]
    assert source.expired("one")


@pytest.mark.parametrize("value", [None, "", 5, b"token", "two words", "line\n", "schlüssel"])
@moved
async def test_function_that_gives_no_token_is_an_auth_error(value):
    async def ask():
        return value

    source, _ = an_authority([numbered()], auth=ask)
    with pytest.raises(AuthError, match="gave no access token"):
        await source.token()


@moved
async def test_function_that_fails_is_an_auth_error_with_its_cause():
    async def ask():
        raise OSError("the vault is sealed with hunter2")

    source, _ = an_authority([numbered()], auth=ask)
    with pytest.raises(AuthError, match="OSError") as caught:
        await source.token()
    assert isinstance(caught.value.__cause__, OSError)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(AuthError):
        await an_authority([], auth=lambda: "no coroutine")[0].token()


@moved
async def test_function_that_is_cancelled_is_no_auth_error():
    async def ask():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await an_authority([], auth=ask)[0].token()


@pytest.mark.parametrize(
    "auth", ["", " ", "a b", "token\n", "schlüssel", 5, None, b"token", object()]
)
def test_what_cannot_be_a_token_is_refused_at_once_and_not_shown(auth):
    with pytest.raises(ValidationError) as caught:
        checked(auth)
    assert "schlüssel" not in str(caught.value)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_credentials_are_not_empty(position):
    values = ["id", "secret", "token"]
    values[position] = ""
    with pytest.raises(ValidationError):
        RefreshToken(*values)
