"""Primaries that Sentinel replaces: a replica that lacks the last writes counts as spent."""

import signal
from contextlib import closing, contextmanager

import pytest
from support.polling import until
from support.redis_servers import RedisServer, SentinelServer, in_sync, replicate
from support.stores import Clock, snapshot, spend, take

from cliq_async.quota.model import Denied
from cliq_async.quota.stores.redis import RedisStore


@contextmanager
def replicated():
    """A primary with a replica, and a Sentinel that watches them."""
    with (
        RedisServer() as first,
        RedisServer(("--replicaof", f"127.0.0.1 {first.port}")) as second,
        SentinelServer(primary=first.port) as sentinel,
    ):
        yield first, second, sentinel


async def known(sentinel):
    """Wait until the Sentinel knows of the replica, without which it can promote none."""
    with closing(sentinel.client()) as client:
        await until(lambda: client.sentinel_slaves("main"))


async def settled(sentinel, server):
    """Wait until the Sentinel names a server, and has the other as its replica."""
    await until(lambda: sentinel.primary_port() == server.port)
    with closing(server.client()) as client:
        await until(lambda: client.info("replication")["role"] == "master")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_promoted_replica_that_lacks_the_last_writes_counts_as_spent(number):
    with replicated() as (first, second, sentinel):
        await in_sync(second)
        await known(sentinel)
        clock = Clock()
        stores = [RedisStore(sentinel.url, clock=clock, server_time=clock) for _ in range(2)]
        used, other = stores
        await spend(used, 1)
        await spend(other, 2)
        replicate(first)
        second.send_signal(signal.SIGSTOP)  # it lags behind
        await spend(used, 3)
        first.send_signal(number)
        second.send_signal(signal.SIGCONT)
        await settled(sentinel, second)
        stranger = RedisStore(sentinel.url, clock=clock, server_time=clock)
        for store in (stranger, used, other):
            assert (await snapshot(store)).free == 0
            assert isinstance(await take(store, 4), Denied)
        clock.advance(92.0)
        assert [(await snapshot(store)).free for store in (used, other)] == [0, 0], "three are held"
        if number == signal.SIGSTOP:
            first.send_signal(signal.SIGCONT)
        for store in (stranger, *stores):
            await store.close()


async def test_primary_that_slept_through_a_failover_is_not_asked_again(monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.redis._IDLE_S", 0.0)
    with replicated() as (first, second, sentinel):
        await in_sync(second)
        await known(sentinel)
        clock = Clock()
        idle, busy = (RedisStore(sentinel.url, clock=clock, server_time=clock) for _ in range(2))
        await spend(idle, 1)
        replicate(first)
        first.send_signal(signal.SIGSTOP)
        await settled(sentinel, second)
        assert isinstance(await take(busy, 1), Denied)
        first.send_signal(signal.SIGCONT)  # it takes itself for the primary for a while
        assert isinstance(await take(idle, 2), Denied)
        with closing(first.client()) as client:
            assert client.info("replication")["role"] == "master"
        await idle.close()
        await busy.close()
