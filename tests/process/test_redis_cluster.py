"""A cluster of Redis: journals and quotas stay on one of its nodes."""

from contextlib import closing

import pytest
import redis
from support.journals import IDENTITY, Quick, a_url
from support.redis_servers import RedisServer
from support.senders import LOST, Ids
from support.stores import a_quota, spend

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_reader import read_journal
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.storage.redis import RedisAddress


@pytest.fixture(scope="module")
def cluster():
    with RedisServer(options=("--cluster-enabled", "yes", "--appendonly", "yes")) as server:
        server.make_a_cluster()
        yield server


def test_cluster_is_recognized(cluster):
    with closing(RedisAddress.parse(cluster.url).connect()) as client:
        assert isinstance(client, redis.RedisCluster)
        assert client.set("{a}b", "c")


async def test_cluster_keeps_a_journal_on_one_of_its_nodes(cluster):
    url = a_url(cluster)
    for sender in (Quick(LOST), Quick()):
        log = Journal(url, IDENTITY)
        report = await Broadcast(sender, batch_size=10, log=log).run([*Ids(30), "no id"])
        assert (report.delivered, report.unknown, report.skipped) == (20, 10, 1)
        assert len(list(report.outcomes)) == 2
    assert read_journal(url).delivered == 20


async def test_cluster_is_used_as_one(cluster, monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.redis._IDLE_S", 0.0)
    store = RedisStore(cluster.url)
    await spend(store, 1)
    other = a_quota(3, account="ann")
    await store.take(other, 2, lease_s=131.0)
    found = await store.snapshots([a_quota(3), other, a_quota(3, account="bob")])
    assert [each.free for each in found] == [2, 2, 3]
    await store.close()
