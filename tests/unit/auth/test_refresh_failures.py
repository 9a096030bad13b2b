"""Renewals that fail: what is told, what is asked again, and when."""

import asyncio

import pytest
from support.scripted import answer, moved
from support.token_providers import CREDENTIALS, UNREADY, URL, an_authority, numbered, value

from cliq_async.errors import AuthError
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.transport.base import Response


@moved
async def test_failed_refresh_fails_all_who_waited_and_is_not_kept():
    source, transport = an_authority([answer(200, {"error": "Access Denied"}), numbered()])
    got = await asyncio.gather(*(value(source) for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert len(transport.requests) == 1
    assert await value(source) == "token-1"


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
    (answer(200, {"error": " ", "error_description": "x"}), "HTTP 200"),
    (answer(200, {"error": {"code": 1}}), "HTTP 200"),
    (answer(200, {"error": "general_error", "error_description": "Bitte warten"}), "Bitte warten"),
    (answer(500, b"<html>"), "HTTP 500"),
    (answer(500, {"access_token": "from-a-gateway"}), "HTTP 500"),
    (answer(429, {"error": "too_many"}), "too_many"),
    (
        answer(200, {"error": "no such 1000 a-refresh-token\n  or a-client-secret"}),
        "no such 1000 …",
    ),
    (Response(200, {}, None), "cut off"),
    (Response(200, {}, None, "it is longer than 9 bytes", too_long=True), "longer than 9 bytes"),
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
        await source.token(asyncio.get_running_loop().time())
    assert URL in str(caught.value)
    assert reason in str(caught.value)
    for secret in (CREDENTIALS.client_secret, CREDENTIALS.refresh_token):
        assert secret not in str(caught.value)
        assert secret not in repr(CREDENTIALS)


# Trying again.


@pytest.mark.parametrize(
    "bad", [UNREADY, answer(429), answer(408), "lost", Response(200, {}, None)]
)
@moved
async def test_what_may_pass_is_asked_again_after_a_pause(bad):
    source, transport = an_authority([bad, bad, numbered()], delay_s=0.0)
    assert await value(source) == "token-1"
    assert len(transport.requests) == 3
    assert len(set(transport.times)) == 3


@pytest.mark.parametrize("bad", [answer(200, {"error": "invalid_code"}), answer(400), answer(302)])
@moved
async def test_what_will_not_pass_is_not_asked_again(bad):
    source, transport = an_authority([bad, numbered()])
    with pytest.raises(AuthError):
        await source.token()
    assert len(transport.requests) == 1


@moved
async def test_accounts_server_that_is_down_is_asked_ever_less_and_found_when_it_is_back():
    clock = asyncio.get_running_loop().time
    down_until = 150.0
    up = numbered()
    source, transport = an_authority(
        [lambda request: UNREADY if clock() < down_until else up(request)], delay_s=0.0
    )
    while clock() < down_until:
        with pytest.raises(AuthError, match="HTTP 503"):
            await source.token(clock() + 1.0)
        await asyncio.sleep(1.0)
    assert len(transport.requests) < 10, "there is none left for when it is back"
    assert await value(source, clock() + 75.0) == "token-1"
    assert clock() < down_until + 75.0


@moved
async def test_renewal_that_breaks_in_an_unknown_way_leaves_nobody_waiting():
    source, _ = an_authority([RuntimeError("a transport of one's own"), numbered()])
    got = await asyncio.gather(*(value(source) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert all(isinstance(each.__cause__, RuntimeError) for each in got)
    assert await value(source) == "token-1"


@moved
async def test_each_who_waits_has_an_error_of_its_own():
    source, _ = an_authority([answer(200, {"error": "invalid_code"})])
    got = await asyncio.gather(*(value(source) for _ in range(5)), return_exceptions=True)
    assert len({id(each) for each in got}) == 5


@moved
async def test_server_that_cannot_be_reached_is_tried_with_every_call():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    source, _ = an_authority(["unsent"] * 30 + [numbered()], store=store)
    for _ in range(10):
        with pytest.raises(AuthError, match="no connection"):
            await source.token(0.0)
    assert await value(source, 0.0) == "token-1"
