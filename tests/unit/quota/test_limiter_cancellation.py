"""Waiting for tokens: no token is lost to who is cancelled, and nobody is forgotten."""

import asyncio

import pytest
from support.waiters import ANSWERED, NEVER_SENT, Scene, SlowStore, a_quota, scene

from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time


@scene
async def test_a_cancelled_waiter_costs_nothing_and_loses_no_token(store_class):
    s = Scene(a_quota(2), store_class)
    tokens = [await s.acquire(), await s.acquire()]
    waiters = [s.waiter(number) for number in range(6)]
    await s.settle()
    for waiter in waiters[::2]:
        waiter.cancel()
    for token in tokens:
        token.end(NEVER_SENT)
    got = await asyncio.gather(*waiters[1:4:2])
    assert s.order == [1, 3]
    for token in got:
        token.end(NEVER_SENT)
    (await waiters[5]).end(NEVER_SENT)
    assert await s.free() == 2
    assert s.limiter.waiting(s.quota.key) == 0


@pytest.mark.parametrize("turns", range(14))
@pytest.mark.parametrize("store_class", [MemoryStore, SlowStore])
def test_cancelled_at_any_turn_of_the_loop_no_token_is_lost(store_class, turns):
    async def main():
        s = Scene(a_quota(1), store_class)
        holder = await s.acquire()
        waiters = [s.waiter(number) for number in range(3)]
        await s.settle()
        holder.end(NEVER_SENT)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiters[0].cancel()
        await asyncio.wait(waiters[:1])
        if not waiters[0].cancelled():
            waiters[0].result().end(NEVER_SENT)
        (await waiters[1]).end(NEVER_SENT)
        (await waiters[2]).end(NEVER_SENT)
        await s.settle()
        assert await s.free() == 1

    run_in_virtual_time(main())


@pytest.mark.parametrize("turns", range(8))
def test_a_take_that_is_cancelled_while_the_store_answers_is_refunded(turns):
    async def main():
        s = Scene(a_quota(1), SlowStore)
        taker = s.waiter()
        for _ in range(turns):
            await asyncio.sleep(0)
        taker.cancel()
        await asyncio.wait([taker])
        if not taker.cancelled():
            taker.result().end(NEVER_SENT)
        assert await s.free() == 1

    run_in_virtual_time(main())


@scene
async def test_everything_cancelled_at_once_leaves_no_token_behind(store_class):
    """As at the end of a program: waiters, and the task that serves them."""
    s = Scene(a_quota(2), store_class)
    tokens = [await s.acquire(), await s.acquire()]
    waiters = [s.waiter(number) for number in range(3)]
    await s.settle()
    for token in tokens:
        token.end(NEVER_SENT)
    await asyncio.sleep(0)
    everything = asyncio.all_tasks() - {asyncio.current_task()}
    for task in everything:
        task.cancel()
    await asyncio.wait(everything)
    for waiter in waiters:
        if not waiter.cancelled():
            waiter.result().end(NEVER_SENT)
    assert await s.free() == 2
    await s.acquire()


@scene
async def test_those_in_line_are_served_though_somebody_cancels_the_pump(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    waiter = s.waiter()
    await s.settle()
    for task in asyncio.all_tasks() - {asyncio.current_task(), waiter}:
        task.cancel()
    await waiter
    assert s.loop.time() == pytest.approx(60.0)


def test_a_coroutine_closed_with_its_token_in_hand_gives_it_back():
    async def main():
        s = Scene(a_quota(1))
        token = await s.acquire()
        waiting = s.limiter.acquire(s.quota)
        waiting.send(None)  # as a task does that is never run again
        await s.settle()
        token.end(NEVER_SENT)
        await s.settle()
        waiting.close()
        assert await s.free() == 1

    run_in_virtual_time(main())
