"""Quotas of which a part alone counts as spent where nobody knows what was."""

import pytest
from support import redis_servers
from support.stores import Clock

from cliq_async.endpoints import Limit
from cliq_async.quota.model import Quota, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.sqlite import SqliteStore

PERIOD_S = 601.0


def a_quota(assume_spent=5):
    return Quota.of("access_token", Limit(10, 600.0, 600.0), host="h", assume_spent=assume_spent)


async def spend(store, many, ending: TokenOutcome | None = TokenOutcome.ANSWERED):
    for number in range(many):
        assert isinstance(await store.take(a_quota(), f"{many} {number}", lease_s=700.0), float)
        if ending is not None:
            store.end(a_quota(), f"{many} {number}", ending)


async def free(store, **options):
    (found,) = await store.snapshots([a_quota(**options)])
    return found.free


async def test_new_store_that_starts_spent_has_a_part(tmp_path):
    clock = Clock()
    for store in (
        MemoryStore(clock=clock, cold_start="spent"),
        SqliteStore(tmp_path / "quota.db", clock=clock, cold_start="spent", boot="one"),
    ):
        assert await free(store) == 5
        clock.advance(PERIOD_S + 31.0)
        assert await free(store) == 10
        await store.close()


@pytest.mark.parametrize(
    ("spent", "ending", "ago_s", "left"),
    [
        (1, TokenOutcome.ANSWERED, 0.0, 5),
        (3, TokenOutcome.ANSWERED, 0.0, 5),
        (7, TokenOutcome.ANSWERED, 0.0, 3),
        (7, None, 0.0, 3),  # whoever held them has died with the machine
        (10, TokenOutcome.ANSWERED, 0.0, 0),
        (10, TokenOutcome.ANSWERED, 700.0, 5),
    ],
)
async def test_after_a_reboot_what_is_known_counts_if_it_is_more(
    spent, ending, ago_s, left, tmp_path
):
    clock = Clock()
    store = SqliteStore(tmp_path / "quota.db", clock=clock, boot="one")
    await spend(store, spent, ending)
    clock.advance(ago_s)
    if ago_s:
        await spend(store, 1, TokenOutcome.NEVER_SENT)  # the last that was written down
    await store.close()
    clock.now = 7.0
    store = SqliteStore(tmp_path / "quota.db", clock=clock, boot="two")
    assert await free(store) == left
    clock.advance(PERIOD_S + 31.0)
    assert await free(store) == 10
    await store.close()


@pytest.fixture
def server():
    client = redis_servers.shared().client()
    client.flushdb()
    yield client
    client.close()


@pytest.mark.parametrize("spent", [0, 3])
async def test_server_that_lost_its_memory_has_a_part(spent, server):
    clock = Clock()
    store = RedisStore(redis_servers.shared().url, clock=clock, server_time=clock)
    await free(store)
    await spend(store, spent)
    await store.close()
    server.flushdb()
    assert await free(store) == 5
    clock.advance(PERIOD_S + 31.0)
    assert await free(store) == 10
    await store.close()


@pytest.mark.parametrize(
    ("spent", "ago_s", "left"), [(3, 0.0, 5), (7, 0.0, 3), (10, 0.0, 0), (10, 700.0, 5)]
)
async def test_server_that_was_started_anew_with_its_memory_counts_what_is_in_it(
    spent, ago_s, left, server
):
    clock = Clock()
    store = RedisStore(redis_servers.shared().url, clock=clock, server_time=clock)
    await spend(store, spent)
    await store.close()
    clock.advance(ago_s)
    (mark,) = server.scan_iter("*:server")
    _run, *generations = server.get(mark).decode().split(" ")
    server.set(mark, " ".join(["another", *generations]))
    assert await free(store) == left
    await store.close()


async def test_other_quotas_count_as_spent_entirely():
    store = MemoryStore(clock=Clock(), cold_start="spent")
    assert await free(store, assume_spent=None) == 0
