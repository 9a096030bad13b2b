"""A key's queue: who is handed which token, how often the store is asked, what outlives what."""

import asyncio

import pytest
from support.scripted import moved
from support.waiters import ANSWERED, NEVER_SENT, LateStore, Scene, a_quota, scene

from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, Quota
from cliq_async.quota.stores.memory import MemoryStore


class Counted(MemoryStore):
    takes = 0

    async def take(self, quota, token, **options):
        self.takes += 1
        return await super().take(quota, token, **options)


# Tokens.


@scene
async def test_token_that_was_free_was_not_waited_for_and_one_from_the_line_was(store_class):
    s = Scene(a_quota(1), store_class)
    free = await s.acquire()
    waiter = s.waiter()
    await s.settle()
    free.end(NEVER_SENT)
    assert (free.waited, (await waiter).waited) == (False, True)


@scene
async def test_person_who_passes_a_sleeping_batch_has_not_waited(store_class):
    s = Scene(a_quota(2), store_class)
    await s.acquire()
    s.waiter(lane=Lane.BULK, reserve=1)
    await s.settle()
    assert not (await s.acquire()).waited


@scene
async def test_token_from_the_line_may_be_sent_for_as_long_as_one_that_was_free(store_class):
    s = Scene(a_quota(1), store_class)
    free = await s.acquire(send_within_s=7.0)
    free.end(ANSWERED)
    waited = await s.acquire(send_within_s=7.0)
    assert [(token.taken_at, token.send_by) for token in (free, waited)] == [(0, 7), (60, 67)]


@moved
async def test_token_on_its_way_to_who_leaves_is_back_at_once_if_nobody_waits():
    s = Scene(a_quota(1), LateStore)
    token = await s.acquire()
    waiter = s.waiter()
    await asyncio.sleep(10.0)
    token.end(NEVER_SENT)
    await asyncio.sleep(0.5)
    waiter.cancel()
    await asyncio.sleep(1.0)
    assert await s.free() == 1


@moved
async def test_token_on_its_way_to_who_leaves_is_the_next_ones_without_another_question():
    s = Scene(a_quota(1), LateStore)
    token = await s.acquire()
    leaves, stays = s.waiter(), s.waiter()
    await asyncio.sleep(10.0)
    token.end(NEVER_SENT)
    await asyncio.sleep(0.5)
    leaves.cancel()
    before = s.store.takes
    await stays
    assert s.store.takes == before


@moved
async def test_token_on_its_way_to_who_leaves_is_not_for_who_has_a_lower_limit():
    s = Scene(a_quota(3), LateStore)
    narrow = Quota.of("send_message", Limit(1, 60.0, 600.0), host="h", margin_s=0.0)
    tokens = [await s.acquire() for _ in range(3)]
    leaves = s.waiter()
    stays = s.loop.create_task(s.limiter.acquire(narrow))
    await asyncio.sleep(10.0)
    tokens[0].end(NEVER_SENT)
    await asyncio.sleep(0.5)
    leaves.cancel()
    await asyncio.sleep(5.0)
    assert not stays.done()
    assert await s.free() == 1


# Turns.


@scene
async def test_batches_of_two_event_loops_get_every_other_token(store_class):
    s = Scene(a_quota(4), store_class)
    tokens = [await s.acquire() for _ in range(4)]
    waiters = []
    for limiter in (s.limiter, Limiter(s.store)):  # another event loop has one of its own
        waiting = [limiter.acquire(s.quota, lane=Lane.BULK) for _ in range(4)]
        waiters.append([s.loop.create_task(each) for each in waiting])
    await s.settle()
    for token in tokens:
        token.end(NEVER_SENT)
    await asyncio.sleep(1.0)
    assert [sum(each.done() for each in some) for some in waiters] == [2, 2]


@moved
async def test_batch_that_comes_as_a_token_is_back_leaves_it_to_a_person_of_another_event_loop():
    s = Scene(a_quota(1))
    other = Scene(s.quota)
    other.limiter = Limiter(s.store)
    (await s.acquire()).end(ANSWERED)
    person = other.waiter()
    await s.settle()
    s.loop.advance(60.0)
    batch = s.waiter(lane=Lane.BULK)
    await person
    assert not batch.done()


@moved
async def test_batch_that_comes_as_tokens_are_back_takes_turns_with_one_of_another_event_loop():
    s = Scene(a_quota(2))
    other = Scene(s.quota)
    other.limiter = Limiter(s.store)
    for token in [await s.acquire(), await s.acquire()]:
        token.end(ANSWERED)
    waiters = [other.waiter(lane=Lane.BULK) for _ in range(2)]
    await s.settle()
    s.loop.advance(60.0)
    waiters += [s.waiter(lane=Lane.BULK) for _ in range(2)]
    await s.settle()
    assert [each.done() for each in waiters] == [True, False, True, False]


@scene
async def test_who_leaves_one_token_fewer_to_others_takes_it_at_once(store_class):
    s = Scene(a_quota(2), store_class)
    await s.acquire()
    s.waiter("more", lane=Lane.BULK, reserve=1, job="a")
    await asyncio.sleep(1.0)
    await s.acquire(lane=Lane.BULK, reserve=0, job="b")
    assert s.loop.time() == 1.0
    assert s.order == []


@moved
async def test_who_asked_before_others_stood_in_line_is_not_thought_to_stand_behind_them():
    s = Scene(a_quota(1), LateStore)
    (await s.acquire()).end(ANSWERED)
    asks = s.waiter("first", deadline=62.5)
    await asyncio.sleep(0.5)
    others = [s.waiter(number) for number in range(2)]
    await asks
    assert s.order == ["first"]
    assert s.loop.time() == pytest.approx(62.0)
    assert not any(each.done() for each in others)


@moved
async def test_who_is_being_served_does_not_stand_before_a_newcomer():
    s = Scene(a_quota(2), LateStore)
    for token in [await s.acquire(), await s.acquire()]:
        token.end(ANSWERED)  # both are back at 62 s
    served = s.waiter()
    await asyncio.sleep(60.5)
    newcomer = s.waiter(deadline=64.5)
    await asyncio.gather(served, newcomer)
    assert s.loop.time() == pytest.approx(64.0)


@moved
async def test_those_behind_who_is_being_served_stand_before_a_newcomer():
    s = Scene(a_quota(2), LateStore)
    for token in [await s.acquire(), await s.acquire()]:
        token.end(ANSWERED)
    waiters = [s.waiter(), s.waiter()]
    await asyncio.sleep(60.5)
    newcomer = s.waiter(deadline=64.5)
    await asyncio.wait([newcomer])
    assert newcomer.exception() is not None
    assert s.loop.time() == pytest.approx(62.5)
    await asyncio.gather(*waiters)


# How often the store is asked.


@moved
async def test_newcomer_who_is_not_next_has_nobody_ask_again():
    s = Scene(a_quota(1), Counted)
    await s.acquire()
    s.waiter(lane=Lane.BULK, job="a")
    await s.settle()
    before = s.store.takes
    for job in "abc":
        s.waiter(lane=Lane.BULK, job=job)
    await s.settle()
    assert s.store.takes == before


@moved
async def test_tokens_that_are_back_one_soon_after_another_are_asked_for_together():
    s = Scene(a_quota(3), Counted)
    for number, token in enumerate([await s.acquire() for _ in range(3)]):
        s.loop.call_at(0.01 * number, token.end, ANSWERED)
    await asyncio.sleep(1.0)
    waiters = [s.waiter(), s.waiter()]
    await s.settle()
    before = s.store.takes
    await asyncio.gather(*waiters)
    assert s.loop.time() == pytest.approx(60.02)
    assert s.store.takes == before + 2


@moved
async def test_who_waits_alone_goes_with_the_first_token_that_is_back():
    s = Scene(a_quota(3), Counted)
    for number, token in enumerate([await s.acquire() for _ in range(3)]):
        s.loop.call_at(0.01 * number, token.end, ANSWERED)
    await asyncio.sleep(1.0)
    await s.acquire()
    assert s.loop.time() == pytest.approx(60.0, abs=0.001)


# The task that serves.


@scene
async def test_one_task_serves_all_in_line_and_says_by_its_name_whose_it_is(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    waiters = [s.waiter() for _ in range(2)]
    await s.settle()
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "cliq_async quota"]
    await waiters[0]
    await s.settle()
    assert not task.done()


@moved
async def test_batch_is_served_after_a_task_that_failed_in_its_first_step():
    class Broken(MemoryStore):
        async def take(self, quota, token, **options):
            if s.loop.get_task_factory() is not None:
                raise QuotaStoreError("disk full")
            return await super().take(quota, token, **options)

    class Through(asyncio.Future):
        set_name = staticmethod(lambda _name: None)

    def at_once(loop, steps, **_options):
        """As the eager tasks of Python 3.12 do, with one that is through after its first step."""
        with pytest.raises(StopIteration):
            steps.send(None)
        task = Through(loop=loop)
        task.set_result(None)
        return task

    s = Scene(a_quota(1), Broken)
    (await s.acquire()).end(ANSWERED)
    asked = s.store.snapshots

    async def then_eager(quotas):
        s.loop.set_task_factory(at_once)
        return await asked(quotas)

    s.store.snapshots = then_eager
    with pytest.raises(QuotaStoreError):
        await s.acquire(lane=Lane.BULK, deadline=100.0)
    s.loop.set_task_factory(None)
    await s.acquire(lane=Lane.BULK)
    assert s.loop.time() == pytest.approx(60.0)
