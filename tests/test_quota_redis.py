"""The Redis store: a server's memory and time, and what can be wrong with it. Real servers."""

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import redis_servers
from redis.crc import key_slot
from redis_servers import RedisServer
from scripted import DONE, Scripted
from stores import Clock, a_quota

from cliq_async.client import CliqClient
from cliq_async.errors import QuotaStoreError, ValidationError
from cliq_async.quota import opening
from cliq_async.quota.model import Ending, NotYet
from cliq_async.quota.opening import open_store
from cliq_async.quota.redis import RedisStore

ANSWERED, NEVER_SENT = Ending.ANSWERED, Ending.NEVER_SENT
TESTS = Path(__file__).parent


@pytest.fixture
def server():
    """A server that a test may harm."""
    with RedisServer() as started:
        yield started


@pytest.fixture
def url():
    client = redis_servers.shared().client()
    client.flushdb()
    client.close()
    return redis_servers.shared().url


async def take(store, token, quota=None):
    return await store.take(quota or a_quota(3), token, lease_s=131.0)


async def spend(store, *tokens):
    for token in tokens:
        assert isinstance(await take(store, token), float)


async def free(store, quota=None):
    (found,) = await store.snapshots([quota or a_quota(3)])
    return found.free


# One state for all.


async def test_stores_on_one_server_share_it_and_their_numbers_do_not_clash(url):
    one, two = RedisStore(url), RedisStore(url)
    await spend(one, 1)
    await spend(two, 1)
    one.end(a_quota(3), 1, NEVER_SENT)
    assert await free(one) == 2
    await spend(two, 2, 3)
    assert isinstance(await take(one, 4), NotYet)
    await one.close()
    await two.close()


async def test_moments_are_those_of_the_clients_clock_whatever_the_servers_says(url):
    mine, servers = Clock(50.0), Clock(1_700_000_000.0)
    store = RedisStore(url, clock=mine, server_time=servers)
    assert await take(store, 1) == 50.0
    await spend(store, 2, 3)
    not_yet = await take(store, 4)
    assert isinstance(not_yet, NotYet)
    assert not_yet.earliest == pytest.approx(50.0 + 61.0)
    lock = await store.refuse(a_quota(3), 1, taken_at=50.0, wait_s=9.0)
    assert lock.until == pytest.approx(50.0 + 10.0)
    (found,) = await store.snapshots([a_quota(3)])
    assert (found.now, found.locked_until) == (50.0, pytest.approx(60.0))
    await store.close()


async def test_server_whose_clock_is_set_back_goes_on_from_where_it_was(url):
    mine, servers = Clock(50.0), Clock(10_000.0)
    store = RedisStore(url, clock=mine, server_time=servers)
    await spend(store, 1, 2, 3)
    store.end(a_quota(3), 1, ANSWERED)
    assert await free(store) == 0
    for step, passed in ((-3600.0, 0.0), (60.0, 60.0)):
        servers.advance(step)
        mine.advance(passed)
        assert await free(store) == 0
    servers.advance(1.5)
    mine.advance(1.5)
    assert await free(store) == 1
    await store.close()


@pytest.mark.parametrize("step", [65.0, 3000.0, 7200.0])
@pytest.mark.parametrize("expired", [False, True])
async def test_server_whose_clock_is_set_forward_gives_nothing_back_early(url, step, expired):
    mine, servers = Clock(50.0), Clock(10_000.0)
    store = RedisStore(url, clock=mine, server_time=servers)
    await spend(store, 1, 2, 3)
    store.end(a_quota(3), 1, ANSWERED)
    assert await free(store) == 0
    servers.advance(step)
    if expired and step > 3600:  # what was written for an hour
        client = redis_servers.shared().client()
        client.delete(*client.keys("cliq_async:*:bucket"))
        client.close()
    assert await free(store) == 0
    mine.advance(58.0)
    servers.advance(58.0)
    assert await free(store) == 0
    mine.advance(40.0)
    servers.advance(40.0)
    assert await free(store) >= 1
    await store.close()


async def test_who_remembers_what_was_lost_is_heard_by_those_who_do_not(server):
    clock = Clock()
    old, stranger = (RedisStore(server.url, clock=clock, server_time=clock) for _ in range(2))
    await spend(old, 1, 2, 3)
    client = server.client()
    client.flushall()
    await spend(stranger, 1)  # it cannot know
    assert await free(old) == 0
    assert isinstance(await take(stranger, 2), NotYet)
    clock.advance(92.0)
    assert await free(old) == 2, "it is accounted for once, and one is held"
    assert await free(stranger) == 2
    client.close()
    await old.close()
    await stranger.close()


async def test_what_was_lost_is_accounted_for_once_however_many_remember_it(server):
    clock = Clock()
    stores = [RedisStore(server.url, clock=clock, server_time=clock) for _ in range(3)]
    for store in stores:
        await free(store)
    server.stop()
    server.start()
    for store in stores:
        assert await free(store) == 0
        clock.advance(40.0)
    assert [await free(store) for store in stores] == [3, 3, 3]
    for store in stores:
        await store.close()


async def test_keys_that_say_nothing_any_more_disappear_and_the_marks_stay(url):
    store = RedisStore(url)
    await spend(store, 1)
    store.end(a_quota(3), 1, ANSWERED)
    await free(store)
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


# What it has lost.


async def test_server_that_was_started_anew_counts_as_spent(server):
    clock = Clock()
    store = RedisStore(server.url, clock=clock, server_time=clock)
    await spend(store, 1)
    server.stop()
    server.start()
    assert await free(store) == 0
    clock.advance(92.0)
    assert await free(store) == 3
    await store.close()


async def test_server_that_was_emptied_counts_as_spent_for_who_knew_it(server):
    store, stranger = RedisStore(server.url), RedisStore(server.url)
    await spend(store, 1)
    client = server.client()
    client.flushall()
    assert await free(store) == 0
    client.flushall()
    assert await free(stranger) == 3, "a new one is full"
    client.close()
    await store.close()
    await stranger.close()


async def test_server_that_has_taken_over_from_another_counts_as_spent(server):
    store = RedisStore(server.url)
    await spend(store, 1)
    client = server.client()
    (mark,) = client.keys("cliq_async:*:server")
    client.set(mark, "the id of the one before")
    stranger = RedisStore(server.url)
    assert await free(stranger) == 0
    client.close()
    await store.close()
    await stranger.close()


async def test_server_that_is_idle_is_not_taken_for_an_emptied_one(url):
    clock = Clock()
    store = RedisStore(url, server_time=clock)
    await spend(store, 1)
    store.end(a_quota(3), 1, ANSWERED)
    await free(store)
    client = redis_servers.shared().client()
    client.delete(*client.keys("cliq_async:*:bucket"))  # as if its time were over
    client.close()
    assert await free(store) == 3
    await store.close()


@pytest.mark.parametrize(("start", "expected"), [("full", 3), ("spent", 0)])
async def test_server_that_never_had_a_bucket_is_full_or_spent_as_one_likes(url, start, expected):
    clock = Clock()
    store = RedisStore(url, clock=clock, cold_start=start, server_time=clock)
    assert await free(store) == expected
    clock.advance(92.0)
    assert await free(store) == 3
    await store.close()


async def test_forgotten_scripts_are_loaded_again(url):
    store = RedisStore(url)
    await spend(store, 1)
    client = redis_servers.shared().client()
    client.script_flush()
    client.close()
    await asyncio.gather(spend(store, 2), spend(store, 3))
    assert await free(store) == 0
    await store.close()


# What can be wrong.


async def test_server_that_is_gone_is_an_error_and_nothing_is_sent(server, monkeypatch):
    monkeypatch.setattr("cliq_async.quota.redis_ledger._RETRY_S", 0.3)
    transport = Scripted([DONE])
    async with CliqClient("t", transport=transport, quota=server.url) as client:
        await client.bots.list()
        server.stop()
        with pytest.raises(QuotaStoreError, match=f"127.0.0.1:{server.port}.*cannot be used"):
            await client.bots.list()
        assert len(transport.requests) == 1
        server.start()
        assert (await client.quota_status())["list_bots"].free == 0


async def test_what_could_not_be_given_back_is_given_back_later(server):
    store = RedisStore(server.url, server_time=Clock())
    await spend(store, 1, 2)
    client = server.client()
    client.execute_command("ACL", "SETUSER", "default", "-evalsha")
    store.end(a_quota(3), 1, NEVER_SENT)
    with pytest.raises(QuotaStoreError, match=r"permissions|NOPERM"):
        await free(store)
    client.execute_command("ACL", "SETUSER", "default", "+@all")
    client.close()
    assert await free(store) == 2
    await store.close()


async def test_password_works_and_is_in_no_error():
    with RedisServer(("--requirepass", "hidden")) as server:
        place = f"127.0.0.1:{server.port}"
        store = RedisStore(f"redis://:hidden@{place}")
        await spend(store, 1)
        await store.close()
        store = RedisStore(f"redis://ann:hidden-too@{place}/1")
        with pytest.raises(QuotaStoreError) as raised:
            await take(store, 1)
        assert "hidden" not in str(raised.value)
        assert f"redis://{place}/1" in str(raised.value)
        error: BaseException | None = raised.value
        while error is not None:
            assert "hidden" not in repr(error)
            error = error.__cause__
        await store.close()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_server_that_throws_keys_away_is_refused(policy):
    options = ("--maxmemory", "50mb", "--maxmemory-policy", policy)
    with RedisServer(options) as server:
        store = RedisStore(server.url)
        with pytest.raises(QuotaStoreError, match=f"{policy}.*noeviction"):
            await take(store, 1)
        await store.close()


async def test_policy_of_a_server_without_a_limit_does_not_matter():
    with RedisServer(("--maxmemory-policy", "allkeys-lru")) as server:
        store = RedisStore(server.url)
        await spend(store, 1)
        await store.close()


async def test_server_that_is_too_old_is_refused(url, monkeypatch):
    store = RedisStore(url)
    ledger: Any = store._worker._blocking
    with pytest.raises(QuotaStoreError, match=r"is Redis 5\.0\.14; the quota needs 6 or later"):
        ledger._server._check({"redis_version": "5.0.14"})
    await store.close()


async def test_cluster_is_used_as_one():
    options = ("--cluster-enabled", "yes")
    with RedisServer(options) as server:
        server.make_a_cluster()
        store = RedisStore(server.url)
        await spend(store, 1)
        other = a_quota(3, account="ann")
        await store.take(other, 2, lease_s=131.0)
        found = await store.snapshots([a_quota(3), other, a_quota(3, account="bob")])
        assert [each.free for each in found] == [2, 2, 3]
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


def test_processes_together_take_no_more_than_there_is(url):
    program = textwrap.dedent(f"""
        import asyncio, sys
        sys.path.insert(0, {str(TESTS)!r})
        from stores import a_quota
        from cliq_async.quota.redis import RedisStore

        async def main():
            store, quota = RedisStore({url!r}), a_quota(50)
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
