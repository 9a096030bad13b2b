"""Ten access tokens in ten minutes, for each refresh token: the eleventh is not asked for."""

import asyncio
import logging

import attrs
import pytest
from support.scripted import answer, moved
from support.token_providers import CREDENTIALS, an_authority, numbered, value

from cliq_async.errors import AuthError, QuotaWaitError
from cliq_async.quota.stores.memory import MemoryStore


async def exhausted(store, **options):
    source, transport = an_authority([numbered()], store=store, delay_s=0.0, **options)
    for _ in range(10):
        source.invalidate(await source.token())
    return source, transport


@pytest.mark.parametrize("share", [True, False])
@moved
async def test_eleventh_token_in_ten_minutes_is_not_asked_for(share, caplog):
    caplog.set_level(logging.INFO)
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    auth = attrs.evolve(CREDENTIALS, share=share)
    _, transport = await exhausted(store, auth=auth)
    store._records.clear()  # so that the next one finds no token
    other, also = an_authority([numbered()], store=store, auth=auth, delay_s=0.0)
    with pytest.raises(QuotaWaitError) as caught:
        await other.token(clock() + 75.0)
    assert caught.value.endpoint == "access_token"
    assert (len(transport.requests), len(also.requests)) == (10, 0)
    assert await value(other) == "token-1", "without a deadline, it waits"
    assert 600.0 < clock() < 602.0
    assert "no access token can be issued for 60" in caplog.text


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
        assert not source.invalidate(access)
    assert len(transport.requests) == 10
    await asyncio.sleep(602)
    assert await value(source) == "token-11"


@moved
async def test_who_has_asked_ten_times_in_vain_is_told_why():
    clock = asyncio.get_running_loop().time
    source, transport = an_authority([answer(200, {"error": "invalid_client"})], delay_s=0.0)
    while clock() < 601.0:
        with pytest.raises(AuthError, match="invalid_client"):
            await source.token(clock() + 75.0)
        await asyncio.sleep(20.0)
    assert len(transport.requests) == 10


@moved
async def test_request_that_never_left_costs_nothing():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    source, _ = an_authority(["unsent", "unsent", numbered()], store=store)
    await source.token()
    assert [len(bucket.returning) for bucket in store._buckets.values()] == [1]
