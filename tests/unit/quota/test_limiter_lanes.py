"""Waiting for tokens: people before batches, and what is left to others."""

import asyncio

import pytest
from support.waiters import ANSWERED, Scene, SlowStore, a_quota, scene

from cliq_async.endpoints import Limit
from cliq_async.quota.model import Lane, Quota
from cliq_async.testing import run_in_virtual_time


@scene
async def test_a_person_goes_before_a_batch(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    batch = [s.waiter(f"bulk {number}", lane=Lane.BULK) for number in range(3)]
    await s.settle()
    person = s.waiter("person")
    for waiter in (person, *batch):
        (await waiter).end(ANSWERED)
    assert s.order == ["person", "bulk 0", "bulk 1", "bulk 2"]


@scene
async def test_a_batch_leaves_its_headroom_to_people(store_class):
    s = Scene(a_quota(3), store_class)
    batch = [s.waiter(lane=Lane.BULK, reserve=1) for _ in range(4)]
    await s.settle()
    assert sum(waiter.done() for waiter in batch) == 2
    await asyncio.sleep(10.0)
    person = await s.acquire()
    assert s.loop.time() == pytest.approx(10.0)
    for waiter in batch[:2]:
        waiter.result().end(ANSWERED)
    person.end(ANSWERED)
    await batch[2]
    # All three come back at 70 s; two of them may be used.
    assert s.loop.time() == pytest.approx(70.0)
    await batch[3]
    assert s.loop.time() == pytest.approx(70.0)


@scene
async def test_a_person_who_comes_while_a_batch_waits_for_its_headroom_goes_at_once(store_class):
    s = Scene(a_quota(2), store_class)
    await s.acquire(lane=Lane.BULK, reserve=1)
    waiting = s.waiter("batch", lane=Lane.BULK, reserve=1)
    await asyncio.sleep(3.0)
    await s.acquire()
    assert s.loop.time() == pytest.approx(3.0)
    waiting.cancel()


@scene
async def test_those_before_a_batch_are_not_thought_to_leave_its_headroom(store_class):
    s = Scene(a_quota(3), store_class)
    for number, token in enumerate([await s.acquire() for _ in range(3)]):
        s.loop.call_at(10.0 * number, token.end, ANSWERED)
    await asyncio.sleep(20.5)
    people = [s.waiter(deadline=200.0) for _ in range(2)]
    await s.settle()
    batch = s.waiter(lane=Lane.BULK, reserve=2, deadline=170.0)
    for person in people:
        (await person).end(ANSWERED)
    await batch
    assert s.loop.time() == pytest.approx(130.0, abs=0.1)


@scene
async def test_a_person_with_no_time_at_all_passes_a_batch_that_waits_for_its_headroom(store_class):
    s = Scene(a_quota(3), store_class)
    await s.acquire()
    batch = s.waiter(lane=Lane.BULK, reserve=2)
    await s.settle()
    await s.acquire(deadline=s.loop.time())
    batch.cancel()


@pytest.mark.parametrize("turns", range(6))
def test_what_a_batch_was_told_is_not_held_against_a_person(turns):
    async def main():
        s = Scene(a_quota(3), SlowStore)
        await s.acquire()
        batch = s.waiter(lane=Lane.BULK, reserve=2)
        for _ in range(turns):
            await asyncio.sleep(0)
        await s.acquire(deadline=s.loop.time() + 1.0)
        assert s.loop.time() < 1.0
        batch.cancel()

    run_in_virtual_time(main())


@scene
async def test_clients_that_differ_in_their_limits_each_get_what_is_theirs(store_class):
    s = Scene(a_quota(3), store_class)
    narrow = Quota.of("send_message", Limit(1, 60.0, 600.0), host="h", margin_s=0.0)
    await s.acquire()
    waiting = s.loop.create_task(s.limiter.acquire(narrow))
    await s.settle()
    assert not waiting.done()
    also = s.loop.create_task(s.limiter.acquire(s.quota, lane=Lane.BULK))
    await asyncio.sleep(1.0)
    waiting.cancel()
    await also
    assert s.loop.time() == pytest.approx(1.0)
