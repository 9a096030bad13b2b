"""Replicas that are promoted by hand: one may lack the last writes, and counts as spent."""

import signal
from contextlib import closing

import pytest
from support.redis_servers import RedisServer, free_port, in_sync, replicate
from support.stores import Clock, a_quota, snapshot, spend, take

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.redis import RedisStore


async def test_first_primary_that_is_promoted_again_has_the_memory_of_the_second():
    """Its run is the one that the marks name, yet its last writes are gone."""
    clock = Clock()
    with (
        RedisServer() as first,
        RedisServer() as second,
        closing(first.client()) as one,
        closing(second.client()) as two,
    ):
        two.replicaof("127.0.0.1", first.port)
        await in_sync(second)
        store = RedisStore(first.url, clock=clock, server_time=clock)
        await spend(store, 1, 2)
        replicate(first)
        two.replicaof("NO", "ONE")
        await spend(store, 3)  # of which the second never hears
        one.replicaof("127.0.0.1", second.port)
        await in_sync(first)
        one.replicaof("NO", "ONE")
        stranger = RedisStore(first.url, clock=clock, server_time=clock)
        assert (await snapshot(stranger)).free == 0
        assert (await snapshot(store)).free == 0
        clock.advance(92.0)
        assert (await snapshot(store)).free == (await snapshot(stranger)).free == 1
        await store.close()
        await stranger.close()


async def test_bucket_that_was_new_just_before_a_promotion_counts_as_spent():
    clock = Clock()
    with RedisServer() as first, RedisServer() as second, closing(second.client()) as two:
        two.replicaof("127.0.0.1", first.port)
        await in_sync(second)
        store = RedisStore(first.url, clock=clock, server_time=clock)
        await spend(store, 1, quota=a_quota(account="ann"))
        replicate(first)
        second.send_signal(signal.SIGSTOP)
        await spend(store, 2)
        await store.close()
        first.stop()
        second.send_signal(signal.SIGCONT)
        two.replicaof("NO", "ONE")
        store = RedisStore(second.url, clock=clock, server_time=clock)
        assert (await snapshot(store)).free == 0
        clock.advance(92.0)
        assert (await snapshot(store, a_quota(account="bob"))).free == 3
        await store.close()


async def test_replica_is_refused_in_words(monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.redis._RETRY_S", 0.1)
    replica = RedisServer(("--replicaof", f"127.0.0.1 {free_port()}"))
    with replica as server:
        store = RedisStore(server.url)
        with pytest.raises(QuotaStoreError, match=r"is a read-only replica.*redis\+sentinel://"):
            await take(store, 1)
        await store.close()


async def test_first_replica_of_a_server_is_no_loss():
    with RedisServer() as first, RedisServer() as second:
        store = RedisStore(first.url)
        await spend(store, 1)
        with closing(second.client()) as client:
            client.replicaof("127.0.0.1", first.port)
        await in_sync(second)
        stranger = RedisStore(first.url)
        assert (await snapshot(stranger)).free == (await snapshot(store)).free == 2
        await store.close()
        await stranger.close()
