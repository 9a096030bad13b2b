"""Renewals that fail: what is told, what is asked again, and when."""

import asyncio

import pytest
from support.scripted import answer, moved
from support.token_providers import CREDENTIALS, UNREADY, URL, an_authority, numbered, value

from cliq_async.errors import AuthError
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.transport.base import Response


@moved
async def test_failed_refresh_fails_all_who_cannot_wait_for_the_next_one():
    source, transport = an_authority([answer(200, {"error": "Access Denied"}), numbered()])
    got = await asyncio.gather(*(value(source, 2.0) for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert all("Access Denied" in str(each) for each in got)
    assert all("the next request for one is possible in 2 s" in str(each) for each in got)
    assert len(transport.requests) == 1
    assert await value(source, 2.25) == "token-1"


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
    (answer(200, {"error": " ", "error_description": "x"}), "HTTP 200 without a reason"),
    (answer(200, {"error": {"code": 1}}), "HTTP 200 without a reason"),
    (answer(400, {"error": {"title": "NO", "details": {"message": "not now"}}}), "400: not now"),
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
    assert transport.times == [0.0, 1.25, 3.75]


@pytest.mark.parametrize(
    "error",
    [
        "invalid_code",
        "invalid_client",
        "invalid_client_secret",
        " INVALID_scope",
        "unauthorized_client",
    ],
)
@moved
async def test_refused_credentials_are_told_at_once_and_not_tried_again_for_a_minute(error):
    clock = asyncio.get_running_loop().time
    source, transport = an_authority([answer(200, {"error": error}), numbered()], delay_s=0.0)
    while clock() < 60.0:
        for deadline in (None, clock() + 75.0):
            with pytest.raises(AuthError, match=error.strip()):
                await source.token(deadline)
        await asyncio.sleep(7.0)
    assert len(transport.requests) == 1
    assert await value(source, clock()) == "token-1"


TROUBLES = [
    answer(200, {"error": "Access Denied"}),
    answer(400, {"error": "Zugriff verweigert"}),
    answer(400),
    answer(302),
    answer(200, b"<html>"),
    answer(408),
    answer(429),
    UNREADY,
    Response(200, {}, None),
    "lost",
    "unsent",
]


@pytest.mark.parametrize("trouble", TROUBLES)
@moved
async def test_sixty_calls_over_a_second_of_trouble_cost_two_requests(trouble):
    clock = asyncio.get_running_loop().time
    up = numbered()
    source, transport = an_authority([], delay_s=0.0)
    transport.steps = [trouble, up]

    async def call(number):
        await asyncio.sleep(number / 60)
        return await value(source, clock() + (1.0 if number % 2 else 20.0))

    got = await asyncio.gather(*(call(number) for number in range(60)), return_exceptions=True)
    assert got[::2] == ["token-1"] * 30
    for number, each in enumerate(got):
        late = number % 2 == 1 and number / 60 + 1.0 < 1.25
        assert isinstance(each, AuthError) if late else each == "token-1", number
    assert len(transport.requests) <= 2
    assert clock() == pytest.approx(1.25)


@pytest.mark.parametrize(("header", "pause_s"), [("30", 30.0), ("9999", 600.0), ("soon", 1.25)])
@moved
async def test_pause_that_the_server_asks_for_is_kept(header, pause_s):
    throttled = answer(429, {"error": "too_many"}, {"Retry-After": header})
    source, transport = an_authority([throttled, numbered()], delay_s=0.0)
    assert await value(source, 1000.0) == "token-1"
    assert transport.times == [0.0, pause_s]


@pytest.mark.parametrize(("step", "after_s"), [("unsent", 28.75), (UNREADY, 158.75)])
@moved
async def test_who_has_never_had_a_token_does_not_wait_for_ever(step, after_s):
    clock = asyncio.get_running_loop().time
    source, _ = an_authority([step], delay_s=0.0)
    with pytest.raises(AuthError):
        await source.token()
    assert clock() == pytest.approx(after_s)


@moved
async def test_who_has_had_a_token_waits_for_as_long_as_it_takes():
    clock = asyncio.get_running_loop().time
    up = numbered()
    down = (3600.0, 5000.0)
    source, _ = an_authority(
        [lambda request: UNREADY if down[0] <= clock() < down[1] else up(request)], delay_s=0.0
    )
    await source.token()
    await asyncio.sleep(3600.0)
    assert await value(source) == "token-2"
    assert down[1] <= clock() < 5600.0


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
    source, transport = an_authority([RuntimeError("a transport of one's own"), numbered()])
    got = await asyncio.gather(*(value(source) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert all(isinstance(each.__cause__, RuntimeError) for each in got)
    with pytest.raises(AuthError, match="RuntimeError"):
        await source.token(2.0)
    assert len(transport.requests) == 1
    assert await value(source) == "token-1"


@moved
async def test_each_who_waits_has_an_error_of_its_own():
    source, _ = an_authority([answer(200, {"error": "invalid_code"})])
    got = await asyncio.gather(*(value(source) for _ in range(5)), return_exceptions=True)
    assert len({id(each) for each in got}) == 5


@moved
async def test_server_that_cannot_be_reached_is_tried_every_few_seconds():
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    source, transport = an_authority(["unsent"], store=store, delay_s=0.0)
    while clock() < 300.0:
        with pytest.raises(AuthError, match="no connection"):
            await source.token(clock())
        await asyncio.sleep(0.5)
    transport.steps = [numbered()]
    assert await value(source, clock() + 5.0) == "token-1"
    assert [len(bucket.returning) for bucket in store._buckets.values()] == [1]


@moved
async def test_process_that_cannot_reach_the_server_leaves_the_others_alone():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    cut_off, _ = an_authority(["unsent"], store=store)
    with pytest.raises(AuthError):
        await cut_off.token(0.0)
    other, _ = an_authority([numbered()], store=store, delay_s=0.0)
    assert await value(other, 0.0) == "token-1"
