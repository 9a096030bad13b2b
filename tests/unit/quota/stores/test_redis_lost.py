"""What a Redis server has lost counts as spent: restarted, emptied, or replaced by another."""

import asyncio

import pytest
from support import redis_servers
from support.stores import Clock, a_quota, snapshot, spend, take

from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.redis import RedisStore


async def test_who_remembers_what_was_lost_is_heard_by_those_who_do_not(redis_server):
    clock = Clock()
    old, stranger = (RedisStore(redis_server.url, clock=clock, server_time=clock) for _ in range(2))
    await spend(old, 1, 2, 3)
    client = redis_server.client()
    client.flushall()
    await spend(stranger, 1)  # it cannot know
    assert (await snapshot(old)).free == 0
    assert isinstance(await take(stranger, 2), Denied)
    clock.advance(92.0)
    assert (await snapshot(old)).free == 2, "it is accounted for once, and one is held"
    assert (await snapshot(stranger)).free == 2
    client.close()
    await old.close()
    await stranger.close()


async def test_what_was_lost_is_accounted_for_once_however_many_remember_it(redis_server):
    clock = Clock()
    stores = [RedisStore(redis_server.url, clock=clock, server_time=clock) for _ in range(3)]
    for store in stores:
        await snapshot(store)
    redis_server.stop()
    redis_server.start()
    for store in stores:
        assert (await snapshot(store)).free == 0
        clock.advance(40.0)
    assert [(await snapshot(store)).free for store in stores] == [3, 3, 3]
    for store in stores:
        await store.close()


async def test_server_that_was_started_anew_counts_as_spent(redis_server):
    clock = Clock()
    store = RedisStore(redis_server.url, clock=clock, server_time=clock)
    await spend(store, 1)
    redis_server.stop()
    redis_server.start()
    assert (await snapshot(store)).free == 0
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_server_that_was_emptied_counts_as_spent_for_who_knew_it(redis_server):
    store, stranger = RedisStore(redis_server.url), RedisStore(redis_server.url)
    await spend(store, 1)
    client = redis_server.client()
    client.flushall()
    assert (await snapshot(store)).free == 0
    client.flushall()
    assert (await snapshot(stranger)).free == 3, "a new one is full"
    client.close()
    await store.close()
    await stranger.close()


async def test_server_that_has_taken_over_from_another_counts_as_spent(redis_server):
    store = RedisStore(redis_server.url)
    await spend(store, 1)
    client = redis_server.client()
    (mark,) = client.keys("cliq_async:*:server")
    client.set(mark, "the id of the one before")
    stranger = RedisStore(redis_server.url)
    assert (await snapshot(stranger)).free == 0
    client.close()
    await store.close()
    await stranger.close()


async def test_server_that_is_idle_is_not_taken_for_an_emptied_one(redis_url):
    clock = Clock()
    store = RedisStore(redis_url, server_time=clock)
    await spend(store, 1)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    await snapshot(store)
    client = redis_servers.shared().client()
    client.delete(*client.keys("cliq_async:*:bucket"))  # as if its time were over
    client.close()
    assert (await snapshot(store)).free == 3
    await store.close()


@pytest.mark.parametrize(("start", "expected"), [("full", 3), ("spent", 0)])
async def test_server_that_never_had_a_bucket_is_full_or_spent_as_one_likes(
    redis_url, start, expected
):
    clock = Clock()
    store = RedisStore(redis_url, clock=clock, cold_start=start, server_time=clock)
    assert (await snapshot(store)).free == expected
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_forgotten_scripts_are_loaded_again(redis_url):
    store = RedisStore(redis_url)
    await spend(store, 1)
    client = redis_servers.shared().client()
    client.script_flush()
    client.close()
    await asyncio.gather(spend(store, 2), spend(store, 3))
    assert (await snapshot(store)).free == 0
    await store.close()
