"""Stores that are cleared. The clock is the test's."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from support import redis_servers
from support.backends import FolderStore
from support.stores import STORES, a_quota, snapshot, spend, take

from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.sqlite import SqliteStore

ANSWERED, NEVER_SENT = TokenOutcome.ANSWERED, TokenOutcome.NEVER_SENT
MINE, HERS = a_quota(3), a_quota(3, account="ann")


@pytest.fixture(params=STORES, ids=[store.__name__ for store in STORES])
async def store(request, clock, tmp_path):
    async with asynccontextmanager(request.param)(clock, tmp_path) as opened:
        yield opened


async def test_what_was_spent_is_free_and_nothing_else_is_touched(store):
    await spend(store, 1, 2)
    await spend(store, 3, quota=HERS)
    store.end(MINE, 1, ANSWERED)
    await store.clear([MINE])
    found = await snapshot(store)
    assert (found.free, found.leases, found.returns) == (3, (), ())
    assert (await snapshot(store, HERS)).free == 2
    await store.clear(iter([MINE, HERS]))
    assert (await snapshot(store, HERS)).free == 3


async def test_lock_and_lesson_are_gone(store):
    taken_at = await take(store, 1)
    await store.refuse(MINE, 1, taken_at=taken_at, wait_s=None)
    await store.clear([MINE])
    found = await snapshot(store)
    assert (found.locked, found.reopening, found.capacity, found.free) == (False, False, 3, 3)


async def test_request_that_is_under_way_counts_again_once_it_has_ended(store):
    await spend(store, 1, 2)
    await store.clear([MINE])
    store.end(MINE, 1, ANSWERED)
    store.end(MINE, 2, NEVER_SENT)
    assert (await snapshot(store)).free == 2


async def test_refusal_of_a_request_that_was_under_way_locks(store):
    taken_at = await take(store, 1)
    await store.clear([MINE])
    lock = await store.refuse(MINE, 1, taken_at=taken_at, wait_s=None)
    assert (lock.first, lock.capacity) == (True, 2)
    assert (await snapshot(store)).locked


async def test_who_waits_is_told(store):
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    stop = store.watch(MINE.key, lambda: loop.call_soon_threadsafe(heard.set))
    await spend(store, 1, 2, 3)
    assert isinstance(await take(store, 4), Denied)
    await store.clear([MINE])
    async with asyncio.timeout(5):
        await heard.wait()
    stop()


async def test_clearing_what_was_never_used_changes_nothing(store):
    await store.clear([])
    await store.clear([MINE])
    assert (await snapshot(store)).free == 3


async def test_lines_with_a_person_behind_them_are_seen_until_they_ask_no_more(store, clock):
    await spend(store, 1, 2, 3)
    assert (await snapshot(store)).waiting == 0
    for asker in (1, 2):
        assert isinstance(await take(store, 4, queue_id=asker), Denied)
    assert (await snapshot(store)).waiting == 2
    clock.advance(200.0)
    assert (await snapshot(store)).waiting == 0
    assert isinstance(await take(store, 5, queue_id=3), float)
    await store.clear([MINE])
    assert (await snapshot(store)).waiting == 0


def spent_memory(clock, _path):
    return MemoryStore(clock=clock, cold_start="spent")


def spent_sqlite(clock, path):
    return SqliteStore(path / "quota.db", clock=clock, boot="one", cold_start="spent")


def spent_redis(clock, _path):
    server = redis_servers.shared()
    with server.client() as client:
        client.flushdb()
    return RedisStore(server.url, clock=clock, server_time=clock, cold_start="spent")


@pytest.mark.parametrize("make", [spent_memory, spent_sqlite, spent_redis])
async def test_store_that_started_spent_is_full_when_it_was_cleared(make, clock, tmp_path):
    store = make(clock, tmp_path)
    assert (await snapshot(store)).free == 0
    await store.clear([MINE])
    assert (await snapshot(store)).free == 3
    await spend(store, 1)
    assert (await snapshot(store)).free == 2
    await store.close()


@pytest.mark.parametrize("make", STORES[1:], ids=[store.__name__ for store in STORES[1:]])
async def test_another_that_shares_it_sees_that_it_was_cleared(make, clock, tmp_path):
    async with asynccontextmanager(make)(clock, tmp_path) as one:
        await spend(one, 1, 2, 3)
        match one:
            case SqliteStore():
                other = SqliteStore(one.path, clock=clock, boot="one")
            case RedisStore():
                url = redis_servers.shared().url
                other = RedisStore(url, clock=clock, server_time=clock)
            case _:
                other = FolderStore(tmp_path, clock)
        await other.clear([MINE])
        await other.close()
        await spend(one, 4, 5, 6)
        assert isinstance(await take(one, 7), Denied)
