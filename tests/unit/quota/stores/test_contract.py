"""What every store does, whatever its home. The clock is the test's."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from support.stores import STORES, Clock, a_quota

from cliq_async.quota.model import Denied, Lane, TokenOutcome

ANSWERED, NEVER_SENT, ABANDONED = (
    TokenOutcome.ANSWERED,
    TokenOutcome.NEVER_SENT,
    TokenOutcome.ABANDONED,
)
LEASE_S = 131.0


class Scene:
    """A store, a quota of three, and tokens by number."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self.quota = a_quota(3)

    async def take(self, token, **options):
        options.setdefault("lease_s", LEASE_S)
        return await self.store.take(self.quota, token, **options)

    async def spend(self, *tokens):
        for token in tokens:
            assert isinstance(await self.take(token), float)

    async def refused(self, token=99, **options):
        got = await self.take(token, **options)
        assert isinstance(got, Denied)
        return got

    async def snapshot(self):
        (found,) = await self.store.snapshots([self.quota])
        return found


@pytest.fixture(params=STORES, ids=[store.__name__ for store in STORES])
async def scene(request, tmp_path):
    clock = Clock()
    async with asynccontextmanager(request.param)(clock, tmp_path) as store:
        yield Scene(store, clock)


async def test_take_says_when_and_stops_at_the_threshold(scene):
    assert await scene.take(1) == pytest.approx(scene.clock(), abs=1e-6)
    await scene.spend(2, 3)
    not_yet = await scene.refused()
    assert not not_yet.locked
    assert not_yet.earliest_at == pytest.approx(scene.clock() + 61.0, abs=1e-3)


async def test_take_is_idempotent_by_its_id(scene):
    await scene.spend(1, 2, 3)
    assert isinstance(await scene.take(2), float)
    assert (await scene.snapshot()).free == 0
    scene.store.end(scene.quota, 2, NEVER_SENT)
    assert (await scene.snapshot()).free == 1


@pytest.mark.parametrize(("ending", "back_s"), [(ANSWERED, 61.0), (ABANDONED, 91.0)])
async def test_token_is_back_as_its_ending_says_counted_from_the_end(scene, ending, back_s):
    await scene.spend(1, 2, 3)
    scene.clock.advance(5.0)
    scene.store.end(scene.quota, 1, ending)
    scene.clock.advance(back_s - 0.01)
    await scene.refused()
    scene.clock.advance(0.02)
    await scene.spend(4)
    await scene.refused()


async def test_what_was_never_sent_is_back_at_once(scene):
    await scene.spend(1, 2, 3)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    await scene.spend(4)
    await scene.refused()


async def test_refund_of_a_token_that_was_not_had_changes_nothing(scene):
    scene.store.end(scene.quota, 7, NEVER_SENT)
    assert (await scene.snapshot()).free == 3
    await scene.spend(1, 2, 3)
    scene.store.end(scene.quota, 7, NEVER_SENT)
    await scene.refused()


async def test_token_whose_holder_is_gone_is_back_when_its_lease_ends_and_not_before(scene):
    await scene.spend(1, 2, 3)
    scene.clock.advance(LEASE_S - 0.01)
    await scene.refused()
    scene.clock.advance(0.02)
    await scene.spend(4, 5, 6)
    await scene.refused()


async def test_request_that_outlives_its_lease_is_counted_all_the_same(scene):
    await scene.take(1, lease_s=10.0)
    scene.clock.advance(20.0)
    await scene.spend(2, 3)
    scene.store.end(scene.quota, 1, ANSWERED)
    await scene.refused()


async def test_reserve_is_left_to_others_but_never_all_of_it(scene):
    assert isinstance(await scene.take(1, reserve=2), float)
    await scene.refused(2, reserve=2)
    assert isinstance(await scene.take(3, reserve=1), float)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    scene.store.end(scene.quota, 3, NEVER_SENT)
    assert isinstance(await scene.take(4, reserve=99), float)


async def test_lock_closes_the_bucket_and_one_request_reopens_it(scene):
    await scene.spend(1, 2)
    taken_at = await scene.take(3)
    lock = await scene.store.refuse(scene.quota, 3, taken_at=taken_at, wait_s=None)
    assert lock.first
    assert lock.capacity == 2
    assert lock.until == pytest.approx(scene.clock() + 601.0, abs=1e-3)
    again = await scene.store.refuse(scene.quota, 2, taken_at=taken_at, wait_s=5.0)
    assert not again.first
    assert again.until == pytest.approx(lock.until, abs=1e-3)
    scene.store.end(scene.quota, 1, ANSWERED)
    not_yet = await scene.refused()
    assert not_yet.locked
    assert (await scene.snapshot()).locked
    scene.clock.advance(601.5)
    await scene.spend(4)
    await scene.refused(5)
    scene.store.end(scene.quota, 4, ANSWERED)
    await scene.spend(5)
    await scene.refused(6)


async def test_what_was_learned_is_kept(scene):
    taken_at = await scene.take(1)
    await scene.store.refuse(scene.quota, 1, taken_at=taken_at, wait_s=1.0)
    scene.clock.advance(3.0)
    await scene.spend(2)
    scene.store.end(scene.quota, 2, ANSWERED)
    found = await scene.snapshot()
    assert (found.capacity, found.threshold, found.reopening) == (2, 3, False)
    scene.clock.advance(25 * 3600.0)
    assert (await scene.snapshot()).capacity == 3


async def test_keys_are_counted_apart(scene):
    await scene.spend(1, 2, 3)
    other = a_quota(3, account="ann")
    assert isinstance(await scene.store.take(other, 4, lease_s=LEASE_S), float)
    mine, hers = await scene.store.snapshots([scene.quota, other])
    assert (mine.free, hers.free) == (0, 2)


async def test_batch_leaves_the_next_token_to_people_who_wait_elsewhere(scene):
    await scene.spend(1, 2, 3)
    told = await scene.refused(4, queue_id=1)
    await scene.refused(5, lane=Lane.BULK, queue_id=2)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    not_yet = await scene.refused(6, lane=Lane.BULK, queue_id=2)
    assert not_yet.retry_at < scene.clock() + 0.2
    assert isinstance(await scene.take(7, queue_id=1), float)
    scene.store.end(scene.quota, 2, NEVER_SENT)
    assert isinstance(await scene.take(8, lane=Lane.BULK, queue_id=2), float)
    assert told.earliest_at > scene.clock()


async def test_nobody_is_left_a_token_who_does_not_ask_again(scene):
    await scene.spend(1, 2, 3)
    told = await scene.refused(4, queue_id=1)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    scene.clock.advance(told.retry_many_at - scene.clock() + 0.3)
    assert isinstance(await scene.take(5, lane=Lane.BULK, queue_id=2), float)


async def test_batch_behind_people_of_its_own_line_is_not_held_up(scene):
    await scene.spend(1, 2, 3)
    await scene.refused(4, queue_id=1)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    assert isinstance(await scene.take(5, lane=Lane.BULK, queue_id=1), float)


async def test_watcher_hears_of_what_is_free_sooner_than_was_said(scene):
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    stop = scene.store.watch(scene.quota.key, lambda: loop.call_soon_threadsafe(heard.set))
    await scene.spend(1, 2, 3)
    scene.store.end(scene.quota, 1, NEVER_SENT)
    async with asyncio.timeout(5):
        await heard.wait()
    stop()
    heard.clear()
    scene.store.end(scene.quota, 2, NEVER_SENT)
    await scene.snapshot()
    assert not heard.is_set()


async def test_cancelled_take_is_found_by_its_id_and_refunded(scene):
    task = asyncio.create_task(scene.take(1))
    await asyncio.sleep(0)
    task.cancel()
    scene.store.end(scene.quota, 1, NEVER_SENT)
    assert (await scene.snapshot()).free == 3


async def test_hundred_takes_at_once_are_three_tokens(scene):
    got = await asyncio.gather(*(scene.take(number) for number in range(100)))
    assert sum(isinstance(each, float) for each in got) == 3


async def test_closing_loses_nothing(scene):
    await scene.spend(1, 2)
    scene.store.end(scene.quota, 1, ANSWERED)
    await scene.store.close()
    assert (await scene.snapshot()).free == 1
