"""What a client tells of its quota, and how it shares and spreads it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from support.clients import a_scripted_client
from support.scripted import DONE, THROTTLED, moved

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import ApiError, QuotaWaitError, ValidationError
from cliq_async.quota.stores.memory import MemoryStore


@moved
async def test_two_clients_of_one_store_share_their_quota_and_their_line():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    one, first = a_scripted_client(quota=store)
    two, second = a_scripted_client(quota=store)
    async with one, two:
        await asyncio.gather(*(client.bots.list() for client in (one, two) for _ in range(15)))
        assert (await two.quota_status())["list_bots"].free == 0
        with pytest.raises(QuotaWaitError):
            await two.with_options(max_wait_s=60).bots.list()
        await one.bots.list()
    assert len(first.requests) + len(second.requests) == 31
    assert asyncio.get_running_loop().time() == pytest.approx(61.0)


@moved
async def test_quota_status_says_what_is_free_and_when_there_is_more():
    client, _ = a_scripted_client([DONE], limits={"list_bots": Limit(2)})
    async with client:
        before = await client.quota_status()
        assert list(before) == list(ENDPOINTS)
        for name, status in before.items():
            assert status.free == status.capacity == status.threshold
            assert status.next_token_at is status.locked_until is None
            assert status.waiting == 0
            assert name == "list_bots" or status.threshold == ENDPOINTS[name].limit.threshold
        await asyncio.gather(client.bots.list(), client.bots.list())
        waiting = [asyncio.create_task(client.bots.list()) for _ in range(2)]
        await asyncio.sleep(1)
        status = (await client.quota_status())["list_bots"]
        assert (status.free, status.waiting) == (0, 2)
        assert status.next_token_at is not None
        left_s = (status.next_token_at - datetime.now(UTC)).total_seconds()
        assert left_s == pytest.approx(60.0, abs=0.5)
        await asyncio.gather(*waiting)


@moved
async def test_quota_status_under_a_lock_says_until_when():
    client, _ = a_scripted_client([THROTTLED])
    async with client:
        with pytest.raises(ApiError):
            await client.bots.list()
        status = (await client.quota_status())["list_bots"]
    assert (status.free, status.threshold, status.capacity) == (0, 30, 24)
    assert status.locked_until is not None
    left_s = (status.locked_until - datetime.now(UTC)).total_seconds()
    assert left_s == pytest.approx(301.0, abs=0.5)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(-1, 0), (0, 0), (1, 0), (50, 0), (51, 61), (100, 61), (1000, 19 * 61)],
)
@moved
async def test_shortest_time_for_a_number_of_requests(requests, seconds):
    client, _ = a_scripted_client()
    assert await client.estimate_s("send_message", requests) == pytest.approx(seconds)


@moved
async def test_shortest_time_beside_headroom_counts_fewer_tokens():
    client, _ = a_scripted_client()
    assert await client.estimate_s("send_message", 41, headroom=10) == pytest.approx(61.0)
    assert await client.estimate_s("send_message", 40, headroom=10) == 0.0


@moved
async def test_shortest_time_of_no_endpoint_is_refused():
    client, _ = a_scripted_client()
    with pytest.raises(ValidationError, match="endpoint"):
        await client.estimate_s("send", 1)


@moved
async def test_pace_and_rate_spread_the_requests():
    ways: list[tuple[dict[str, Any], float]] = [({"pace": "even"}, 2.0), ({"max_rate": 0.25}, 4.0)]
    for options, gap_s in ways:
        client, transport = a_scripted_client(**options)
        async with client:
            await asyncio.gather(*(client.bots.list() for _ in range(4)))
        begin = transport.times[0]
        assert [at - begin for at in transport.times] == pytest.approx(
            [gap_s * n for n in range(4)]
        )
