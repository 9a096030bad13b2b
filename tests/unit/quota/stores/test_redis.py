"""The Redis store: one state for all, kept in a server's memory and time."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot
from support import redis_servers
from support.stores import Clock, a_quota, snapshot, spend, take

from cliq_async.errors import ValidationError
from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores import registry as opening
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.registry import open_store

TESTS = Path(__file__).parents[3]

# One state for all.


async def test_stores_on_one_server_share_it_and_their_numbers_do_not_clash(redis_url):
    one, two = RedisStore(redis_url), RedisStore(redis_url)
    await spend(one, 1)
    await spend(two, 1)
    one.end(a_quota(3), 1, TokenOutcome.NEVER_SENT)
    assert (await snapshot(one)).free == 2
    await spend(two, 2, 3)
    assert isinstance(await take(one, 4), Denied)
    await one.close()
    await two.close()


async def test_moments_are_those_of_the_clients_clock_whatever_the_servers_says(redis_url):
    mine, servers = Clock(50.0), Clock(1_700_000_000.0)
    store = RedisStore(redis_url, clock=mine, server_time=servers)
    assert await take(store, 1) == 50.0
    await spend(store, 2, 3)
    not_yet = await take(store, 4)
    assert isinstance(not_yet, Denied)
    assert not_yet.earliest_at == pytest.approx(50.0 + 61.0)
    lock = await store.refuse(a_quota(3), 1, taken_at=50.0, wait_s=9.0)
    assert lock.until == pytest.approx(50.0 + 10.0)
    (found,) = await store.snapshots([a_quota(3)])
    assert (found.now, found.locked_until) == (50.0, pytest.approx(60.0))
    await store.close()


async def test_server_whose_clock_is_set_back_goes_on_from_where_it_was(redis_url):
    mine, servers = Clock(50.0), Clock(10_000.0)
    store = RedisStore(redis_url, clock=mine, server_time=servers)
    await spend(store, 1, 2, 3)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    assert (await snapshot(store)).free == 0
    for step, passed in ((-3600.0, 0.0), (60.0, 60.0)):
        servers.advance(step)
        mine.advance(passed)
        assert (await snapshot(store)).free == 0
    servers.advance(1.5)
    mine.advance(1.5)
    assert (await snapshot(store)).free == 1
    await store.close()


@pytest.mark.parametrize("step", [65.0, 3000.0, 7200.0])
@pytest.mark.parametrize("expired", [False, True])
async def test_server_whose_clock_is_set_forward_gives_nothing_back_early(redis_url, step, expired):
    mine, servers = Clock(50.0), Clock(10_000.0)
    store = RedisStore(redis_url, clock=mine, server_time=servers)
    await spend(store, 1, 2, 3)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    assert (await snapshot(store)).free == 0
    servers.advance(step)
    if expired and step > 3600:  # what was written for an hour
        client = redis_servers.shared().client()
        client.delete(*client.keys("cliq_async:*:bucket"))
        client.close()
    assert (await snapshot(store)).free == 0
    mine.advance(58.0)
    servers.advance(58.0)
    assert (await snapshot(store)).free == 0
    mine.advance(40.0)
    servers.advance(40.0)
    assert (await snapshot(store)).free >= 1
    await store.close()


async def test_keys_that_say_nothing_any_more_disappear_and_the_marks_stay(redis_url):
    store = RedisStore(redis_url)
    await spend(store, 1)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    await snapshot(store)
    client = redis_servers.shared().client()
    bucket: Any
    mark: Any
    (bucket,) = client.keys("cliq_async:*:bucket")
    assert 3600 < client.ttl(bucket) <= 3600 + 62
    (mark,) = client.keys("cliq_async:*:server")
    assert client.ttl(mark) == -1
    assert key_slot(bucket) == key_slot(mark)
    client.close()
    await store.close()


# Its URL.


@pytest.fixture
def new_process(monkeypatch):
    monkeypatch.setattr(opening, "_shared", {})


@pytest.mark.usefixtures("new_process")
def test_url_opens_one_store_a_process():
    store = open_store("redis://localhost:1/0?cold_start=spent")
    assert isinstance(store, RedisStore)
    assert open_store("redis://localhost:1/0") is store
    assert open_store("redis://localhost:1/1") is not store
    with pytest.raises(ValidationError):
        open_store("redis://")


def test_without_the_extra_the_error_names_it():
    code = """
        import sys
        sys.modules["redis"] = None
        from cliq_async import CliqClient, ValidationError
        try:
            CliqClient("t", quota="redis://localhost")
        except ValidationError as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "pip install 'cliq-async[redis]'" in run.stdout


# Real processes.


def test_processes_together_take_no_more_than_there_is(redis_url):
    program = textwrap.dedent(f"""
        import asyncio, sys
        sys.path.insert(0, {str(TESTS)!r})
        from support.stores import a_quota
        from cliq_async.quota.stores.redis import RedisStore

        async def main():
            store, quota = RedisStore({redis_url!r}), a_quota(50)
            takes = (store.take(quota, number, lease_s=131.0) for number in range(40))
            print(sum(isinstance(each, float) for each in await asyncio.gather(*takes)))
            await store.close()

        asyncio.run(main())
    """)
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert sum(int(each.communicate(timeout=60)[0]) for each in started) == 50
