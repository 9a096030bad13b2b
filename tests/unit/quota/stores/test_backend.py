"""Backends that are slow, in conflict, damaged or gone, and what the store on top makes of each."""

from functools import partial
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError, MovedError
from support.backends import FolderStore
from support.stores import a_quota, snapshot, spend, take

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.backend import StateKey
from cliq_async.quota.stores.operations import LoadedBucket, Operation
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.redis_server import RedisConnector, RedisNodes


@pytest.fixture(params=["folder", "redis"])
def make(request, clock, tmp_path):
    """Makes stores that share one place."""
    if request.param == "folder":
        return lambda: FolderStore(tmp_path, clock)
    url = request.getfixturevalue("redis_url")
    return lambda: RedisStore(url, clock=clock, server_time=clock)


def backend_of(store) -> Any:
    return store._worker.backend.backend


def taking(quota, token):
    """The operation of another process that takes a token."""

    def change(loaded):
        loaded.changed = True
        assert loaded.bucket.try_take(quota, token, loaded.now, 131.0)

    return Operation(StateKey("bucket", quota.key), partial(LoadedBucket.of, quota), change)


def before_swap(store, happens):
    """Have something happen once, between a load and its swap."""
    backend = backend_of(store)
    swap = backend.swap

    def swap_late(*arguments):
        backend.swap = swap
        happens()
        return swap(*arguments)

    backend.swap = swap_late


async def test_change_of_another_process_in_between_is_seen(make):
    one, other = make(), make()
    await spend(one, 1)
    quota = a_quota(3)
    operations = [taking(quota, token) for token in ("a", "b")]
    before_swap(one, lambda: other._worker.backend.run(operations))
    assert isinstance(await take(one, 2), Denied)
    assert (await snapshot(other)).free == 0
    await one.close()
    await other.close()


async def test_conflict_that_never_ends_is_an_error_in_the_end(make, monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.operations._CONFLICT_S", 0.05)
    store = make()
    backend = backend_of(store)
    swap = backend.swap
    backend.swap = lambda *arguments: False
    with pytest.raises(QuotaStoreError, match="other processes have changed"):
        await take(store, 1)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    with pytest.raises(QuotaStoreError):
        await store.refuse(a_quota(3), 2, taken_at=store.clock(), wait_s=None)
    backend.swap = swap
    found = await snapshot(store)
    assert (len(found.returns), found.locked) == (2, True), "both were done later"
    await store.close()


async def test_backend_that_fails_in_its_own_way_is_a_store_that_failed(tmp_path, clock):
    store = FolderStore(tmp_path, clock)
    backend_of(store).load = lambda key: {}[key]
    with pytest.raises(QuotaStoreError, match="store failed") as raised:
        await take(store, 1)
    assert isinstance(raised.value.__cause__, KeyError)
    await store.close()


async def test_bucket_that_cannot_be_decoded_is_an_error_until_it_is_cleared(tmp_path, clock):
    store = FolderStore(tmp_path, clock)
    await spend(store, 1)
    (file,) = tmp_path.glob("bucket*")
    file.write_bytes(b"\x00")
    with pytest.raises(QuotaStoreError, match="damaged"):
        await take(store, 2)
    await store.clear([a_quota(3)])
    assert (await snapshot(store)).free == 3
    await store.close()


# Redis.


async def test_key_of_another_program_is_damage(redis_server):
    store = RedisStore(redis_server.url)
    await spend(store, 1)
    with redis_server.client() as client:
        (bucket,) = client.keys("cliq_async:*:bucket")
        client.set(bucket, "something else")
        with pytest.raises(QuotaStoreError, match="damaged; delete it"):
            await take(store, 2)
        client.delete(bucket)
    await spend(store, 2)
    await store.close()


@pytest.mark.parametrize("answered", [False, True])
async def test_connection_that_is_lost_in_a_swap_loses_and_doubles_nothing(redis_url, answered):
    store = RedisStore(redis_url)
    await spend(store, 1)
    node = backend_of(store)._nodes.by_name[""]
    execute = node.execute

    def lost(*commands):
        if commands[0] == ("MULTI",):
            if answered:
                execute(*commands)
            raise RedisConnectionError("it is gone")
        return execute(*commands)

    node.execute = lost
    await spend(store, 2)
    assert backend_of(store)._nodes.by_name[""] is not node
    assert (await snapshot(store)).free == 1
    await store.close()


async def test_slot_that_moves_is_looked_for_again(redis_url):
    store = RedisStore(redis_url)
    await spend(store, 1)
    node = backend_of(store)._nodes.by_name[""]

    def moved(*_commands):
        raise MovedError("1 127.0.0.1:1")

    node.execute = moved
    await spend(store, 2)
    assert (await snapshot(store)).free == 1
    await store.close()


def test_node_that_has_become_a_primary_is_connected_to_with_the_next_try():
    class Client:
        def get_node_from_key(self, key):
            return self

        name = "127.0.0.1:1"

    with pytest.raises(RedisConnectionError, match="is new") as raised:
        RedisNodes(Client(), {}).of("key")
    assert not RedisConnector.is_permanent(raised.value)
