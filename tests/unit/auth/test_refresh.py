"""Access tokens that are renewed: one renewal for all calls of a client that wait for it."""

import asyncio

import attrs
import pytest
from support.scripted import Scripted, moved
from support.token_providers import CREDENTIALS, URL, an_authority, numbered, value

from cliq_async.client import CliqClient
from cliq_async.errors import AuthError
from cliq_async.quota.stores.memory import MemoryStore


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
async def test_refused_token_is_renewed_and_a_newer_one_is_not():
    source, transport = an_authority([numbered()])
    old = await source.token()
    assert source.invalidate(old)
    new = await value(source)
    assert (old.value, new) == ("token-1", "token-2")
    assert source.invalidate(old)  # somebody else's late 401
    assert await value(source) == new
    assert len(transport.requests) == 2


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
    read = store.get_record

    async def slow_read(name):
        note = await read(name)
        await asyncio.sleep(0.1)
        return note

    store.get_record = slow_read  # type: ignore[method-assign]
    looking = asyncio.create_task(value(two))
    await asyncio.sleep(0.05)
    assert two.invalidate(old)
    again = asyncio.create_task(value(two))
    assert await again == "token-2"
    assert await looking == "token-2"
    assert await renewing == "token-2"


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
