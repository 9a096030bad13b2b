"""Access tokens that are renewed: one renewal for all calls of a client that wait for it."""

import asyncio
import logging

import attrs
import msgspec
import pytest
from authorities import CREDENTIALS, UNREADY, URL, an_authority, numbered, value
from scripted import Scripted, answer, moved

from cliq_async.client import CliqClient
from cliq_async.errors import AuthError, QuotaWaitError
from cliq_async.quota.memory import MemoryStore
from cliq_async.transport import Response


@moved
async def test_refresh_is_the_documented_request():
    source, transport = an_authority([numbered()])
    assert await value(source) == "token-1"
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
    await value(source)
    assert transport.requests[0].url == "http://sandbox/oauth/v2/token"


@moved
async def test_a_thousand_callers_share_one_refresh():
    source, transport = an_authority([numbered()])
    got = await asyncio.gather(*(value(source) for _ in range(1000)))
    assert set(got) == {"token-1"}
    assert len(transport.requests) == 1


@moved
async def test_first_callers_cancellation_leaves_the_others_their_token():
    source, transport = an_authority([numbered()])
    callers = [asyncio.create_task(value(source)) for _ in range(10)]
    await asyncio.sleep(0.5)
    callers[0].cancel()
    got = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(got[0], asyncio.CancelledError)
    assert got[1:] == ["token-1"] * 9
    assert len(transport.requests) == 1


@moved
async def test_refresh_that_everybody_has_left_is_used_by_the_next_one():
    source, transport = an_authority([numbered()])
    caller = asyncio.create_task(value(source))
    await asyncio.sleep(0.5)
    caller.cancel()
    await asyncio.sleep(5)
    assert await value(source) == "token-1"
    assert len(transport.requests) == 1


@moved
async def test_failed_refresh_fails_all_who_waited_and_is_not_kept():
    source, transport = an_authority([answer(200, {"error": "Access Denied"}), numbered()])
    got = await asyncio.gather(*(value(source) for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    assert len(transport.requests) == 1
    assert await value(source) == "token-1"


@moved
async def test_refused_token_is_renewed_and_a_newer_one_is_not():
    source, transport = an_authority([numbered()])
    old = await source.token()
    assert source.expired(old)
    new = await value(source)
    assert (old.value, new) == ("token-1", "token-2")
    assert source.expired(old)  # somebody else's late 401
    assert await value(source) == new
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


@pytest.mark.parametrize(
    ("expires_in", "good_for_s"),
    [
        (3600, 3540),
        ("3600", 3540),
        (3_600_000, 3540),  # some answers count in milliseconds
        (600, 540),
        ("600", 540),
        (100, 75),
        (10, 7.5),
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
    assert await value(source) == "token-1"
    await asyncio.sleep(good_for_s - 0.1)
    assert await value(source) == "token-1"
    await asyncio.sleep(0.2)
    assert await value(source) == "token-2"


@moved
async def test_life_in_seconds_goes_before_one_in_milliseconds():
    source, _ = an_authority([numbered(expires_in=3_600_000, expires_in_sec=1800)], delay_s=0.0)
    await source.token()
    await asyncio.sleep(1739)
    assert await value(source) == "token-1"
    await asyncio.sleep(2)
    assert await value(source) == "token-2"


@moved
async def test_token_of_a_sandbox_lives_for_its_seconds():
    own = attrs.evolve(CREDENTIALS, accounts_url="http://127.0.0.1:8080")
    source, _ = an_authority([numbered()], auth=own, time_scale=60)
    assert await value(source) == "token-1"
    await asyncio.sleep(57.9)  # the refresh took one
    assert await value(source) == "token-1"
    await asyncio.sleep(0.2)
    assert await value(source) == "token-2"


@moved
async def test_zohos_own_accounts_server_has_no_time_scale():
    source, transport = an_authority([numbered()], time_scale=60)
    await source.token()
    await asyncio.sleep(3000)
    assert await value(source) == "token-1"
    for _ in range(12):
        source.expired(await source.token())
    assert len(transport.requests) == 1 + 10


# Before the end, and at it.


@moved
async def test_thousand_calls_after_the_end_share_one_renewal():
    source, transport = an_authority([numbered()])
    await source.token()
    await asyncio.sleep(3600)
    got = await asyncio.gather(*(value(source) for _ in range(1000)))
    assert set(got) == {"token-2"}
    assert len(transport.requests) == 2


@moved
async def test_while_the_old_token_is_good_only_who_starts_the_renewal_waits_for_it():
    source, transport = an_authority([numbered()])
    await source.token()
    await asyncio.sleep(3545)
    got = await asyncio.gather(*(value(source) for _ in range(1000)))
    assert got == ["token-2"] + ["token-1"] * 999
    assert len(transport.requests) == 2


@pytest.mark.parametrize("step", [UNREADY, answer(200, {"error": "invalid_code"})])
@moved
async def test_old_token_is_used_to_its_end_if_it_cannot_be_renewed(step, caplog):
    source, transport = an_authority([numbered(), step], delay_s=0.0)
    await source.token()
    await asyncio.sleep(3541)
    for _ in range(100):
        assert await value(source) == "token-1"
        await asyncio.sleep(0.25)
    assert "could not be renewed yet" in caplog.text
    assert len(transport.requests) < 11
    loop = asyncio.get_running_loop()
    await asyncio.sleep(3590.0 - loop.time())
    assert await value(source) == "token-1"
    await asyncio.sleep(3595.1 - loop.time())  # a request has to arrive before 3600
    with pytest.raises(AuthError):
        await source.token(loop.time())


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


@moved
async def test_token_that_is_refused_while_it_is_renewed_is_given_to_nobody():
    loop = asyncio.get_running_loop()
    store = MemoryStore(clock=loop.time)
    up = numbered()
    one, _ = an_authority([up], store=store, delay_s=5.0)
    two, _ = an_authority([up], store=store, delay_s=5.0)
    old = await one.token()
    assert await two.token() == old
    await asyncio.sleep(3545 - loop.time())
    renewing = asyncio.create_task(value(one))  # its claim stands
    await asyncio.sleep(0.1)
    read = store.read_note

    async def slow_read(name):
        note = await read(name)
        await asyncio.sleep(0.1)
        return note

    store.read_note = slow_read  # type: ignore[method-assign]
    looking = asyncio.create_task(value(two))
    await asyncio.sleep(0.05)
    assert two.expired(old)
    again = asyncio.create_task(value(two))
    assert await again == "token-2"
    assert await looking == "token-2"
    assert await renewing == "token-2"


# Ten in ten minutes.


async def exhausted(store, **options):
    source, transport = an_authority([numbered()], store=store, delay_s=0.0, **options)
    for _ in range(10):
        source.expired(await source.token())
    return source, transport


@pytest.mark.parametrize("share", [True, False])
@moved
async def test_eleventh_token_in_ten_minutes_is_not_asked_for(share, caplog):
    caplog.set_level(logging.INFO)
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    auth = attrs.evolve(CREDENTIALS, share=share)
    _, transport = await exhausted(store, auth=auth)
    store._notes.clear()  # so that the next one finds no token
    other, also = an_authority([numbered()], store=store, auth=auth, delay_s=0.0)
    with pytest.raises(QuotaWaitError) as caught:
        await other.token(clock() + 75.0)
    assert caught.value.endpoint == "access_token"
    assert (len(transport.requests), len(also.requests)) == (10, 0)
    assert await value(other) == "token-1", "without a deadline, it waits"
    assert 600.0 < clock() < 602.0
    assert "no access token can be made for 60" in caplog.text


@moved
async def test_other_refresh_tokens_and_servers_have_ten_of_their_own():
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    await exhausted(store)
    for other in (
        attrs.evolve(CREDENTIALS, refresh_token="another"),
        attrs.evolve(CREDENTIALS, accounts_url="https://accounts.zoho.in"),
    ):
        source, _ = an_authority([numbered()], store=store, auth=other)
        assert await value(source, clock()) == "token-1"


@moved
async def test_refused_token_goes_on_when_ten_new_ones_were_refused_as_well():
    clock = asyncio.get_running_loop().time
    source, transport = await exhausted(MemoryStore(clock=clock))
    for _ in range(3):
        access = await source.token(clock())
        assert access.value == "token-10"
        assert not source.expired(access)
    assert len(transport.requests) == 10
    await asyncio.sleep(602)
    assert await value(source) == "token-11"


@moved
async def test_who_has_asked_ten_times_in_vain_is_told_why():
    clock = asyncio.get_running_loop().time
    source, transport = an_authority([answer(200, {"error": "invalid_client"})], delay_s=0.0)
    for _ in range(15):
        with pytest.raises(AuthError, match="invalid_client"):
            await source.token(clock() + 75.0)
    assert len(transport.requests) == 10


@moved
async def test_request_that_never_left_costs_nothing():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    source, _ = an_authority(["unsent", "unsent", numbered()], store=store)
    await source.token()
    assert [len(bucket.returning) for bucket in store._buckets.values()] == [1]


# The end of the client.


@moved
async def test_who_waits_when_the_client_is_closed_is_told_and_not_cancelled():
    source, _ = an_authority(["hang"])
    callers = [asyncio.create_task(value(source)) for _ in range(5)]
    await asyncio.sleep(2)
    await source.close()
    got = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(each) for each in got} == {AuthError}
    with pytest.raises(AuthError, match="closed"):
        await source.token()
    assert len(asyncio.all_tasks()) == 1
    await source.close()


@moved
async def test_call_under_way_is_told_when_the_client_is_closed():
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    client = CliqClient(CREDENTIALS, transport=Scripted(["hang"]), quota=store)
    await client.__aenter__()
    call = asyncio.create_task(client.bots.list())
    await asyncio.sleep(1)
    await client.close()
    with pytest.raises(AuthError, match="closed"):
        await call
