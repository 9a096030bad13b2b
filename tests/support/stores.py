"""The stores over a clock that tests move, each as an async context, and what is asked of them."""

from typing import Any, cast

import attrs
from support import redis_servers
from support.backends import FolderStore

from cliq_async.endpoints import Limit
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.sqlite import SqliteStore


@attrs.define
class Clock:
    """Seconds that only a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def a_quota(threshold=3, *, account="default", **options):
    limit = Limit(threshold, 60.0, 600.0)
    return Quota.of("send_message", limit, host="h", account=account, **options)


def a_sqlite_store(path, clock, boot="one", **options):
    return SqliteStore(path, clock=clock, boot=boot, **options)


async def take(store, token, quota=None, **options):
    return await store.take(quota or a_quota(3), token, lease_s=131.0, **options)


async def spend(store, *tokens, quota=None):
    for token in tokens:
        assert isinstance(await take(store, token, quota), float)


async def snapshot(store, quota=None):
    (found,) = await store.snapshots([quota or a_quota(3)])
    return found


async def memory(clock, tmp_path):
    yield MemoryStore(clock=clock)


async def sqlite(clock, tmp_path):
    store = a_sqlite_store(tmp_path / "quota.db", clock)
    yield store
    await store.close()


async def redis(clock, tmp_path):
    server = redis_servers.shared()
    client = server.client()
    client.flushdb()
    store = RedisStore(server.url, clock=clock, server_time=clock)
    yield store
    await store.close()
    client.close()


async def folder(clock, tmp_path):
    store = FolderStore(tmp_path, clock)
    yield store
    await store.close()


STORES = [memory, sqlite, redis, folder]
"""Each as it is used."""


class Inline:
    """Does a store's blocking work at once, for tests in virtual time."""

    def __init__(self, backend):
        self.backend = backend

    def outage(self):
        return None

    async def call(self, operation, *, retry_on_failure=False, patient=False):
        (result,) = self.backend.run([operation])
        if isinstance(result, Exception):
            raise result
        return result

    def submit(self, operation):
        self.backend.run([operation])

    async def call_all(self, operations):
        return [await self.call(operation) for operation in operations]

    async def close(self, within_s=None):
        self.backend.close()


def inline_sqlite(path, clock, **options):
    store = SqliteStore(path, clock=clock, **options)
    store._worker = cast("Any", Inline)(store._worker.backend)
    return store


async def sqlite_at_once(clock, tmp_path):
    store = inline_sqlite(tmp_path / "quota.db", clock, boot="one")
    yield store
    await store.close()


async def redis_at_once(clock, tmp_path):
    server = redis_servers.shared()
    client = server.client()
    client.flushdb()
    store = RedisStore(server.url, clock=clock, server_time=clock)
    store._worker = cast("Any", Inline)(store._worker.backend)
    yield store
    await store.close()
    client.close()


STORES_AT_ONCE = [memory, sqlite_at_once, redis_at_once]
"""Each without a thread."""
