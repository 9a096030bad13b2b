"""One process, several event loops in several threads, one bucket. Real time, and no sleeps."""

import asyncio
import threading
import time

import pytest

from cliq_async.endpoints import Limit
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore

WINDOW_S = 0.1


def in_threads(*mains):
    """Run each coroutine function in an event loop and a thread of its own."""
    errors = []

    def run(main):
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - reported in the main thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(main,)) for main in mains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def a_quota(threshold):
    limit = Limit(threshold, WINDOW_S, 1.0)
    return Quota.of("e", limit, host="h", margin_s=0.0, straggler_s=0.0)


def test_two_loops_share_a_bucket_and_neither_oversleeps_by_more_than_50_ms():
    """Each token that comes back is taken by one of the loops without much delay.

    Every loop measures how late it got its token. The median over the rounds is judged, since
    a shared machine stalls now and then whatever the code does.
    """
    store, quota = MemoryStore(), a_quota(1)
    back_at = [store.clock()]
    late = {"one": [], "other": []}
    guard = threading.Lock()

    def main_of(name):
        async def main():
            limiter = Limiter.of(store)
            for _ in range(10):
                token = await limiter.acquire(quota)
                now = store.clock()
                with guard:
                    late[name].append(now - back_at[0])
                    token.end(TokenOutcome.ANSWERED)
                    back_at[0] = store.clock() + WINDOW_S

        return main

    in_threads(main_of("one"), main_of("other"))
    assert [len(each) for each in late.values()] == [10, 10]
    assert min(min(each) for each in late.values()) >= -0.001
    for each in late.values():
        assert sorted(each)[5] <= 0.05


def test_a_refund_in_one_loop_wakes_the_other_at_once():
    store = MemoryStore()
    quota = Quota.of("e", Limit(1, 3600.0), host="h")
    waiting, got = threading.Event(), []

    async def holder():
        token = await Limiter.of(store).acquire(quota)
        start.set()
        await asyncio.get_running_loop().run_in_executor(None, waiting.wait)
        got.append(store.clock())
        token.end(TokenOutcome.NEVER_SENT)

    async def waiter():
        await asyncio.get_running_loop().run_in_executor(None, start.wait)
        task = asyncio.create_task(Limiter.of(store).acquire(quota))
        for _ in range(10):
            await asyncio.sleep(0)
        assert Limiter.of(store).waiting(quota.key) == 1
        waiting.set()
        await task
        got.append(store.clock())

    start = threading.Event()
    in_threads(holder, waiter)
    assert got[1] - got[0] < 5.0  # and not the hour that the window takes


def test_many_threads_never_hold_more_tokens_than_there_are():
    store, quota = MemoryStore(), a_quota(5)
    held, most = 0, 0
    guard = threading.Lock()

    async def main():
        nonlocal held, most
        limiter = Limiter.of(store)

        async def one():
            nonlocal held, most
            token = await limiter.acquire(quota)
            with guard:
                held += 1
                most = max(most, held)
            await asyncio.sleep(0)
            with guard:
                held -= 1
            token.end(TokenOutcome.NEVER_SENT)

        await asyncio.gather(*(one() for _ in range(200)))

    started = time.monotonic()
    in_threads(*[main] * 4)
    assert most <= 5
    assert asyncio.run(store.snapshots([quota]))[0].free == 5
    assert time.monotonic() - started < 20.0


@pytest.mark.parametrize("with_a_loop", [False, True])
def test_a_refund_from_any_thread_wakes_who_waits(with_a_loop):
    store = MemoryStore()
    quota = Quota.of("e", Limit(1, 3600.0), host="h")

    async def main():
        limiter = Limiter.of(store)
        token = await limiter.acquire(quota)
        waiting = asyncio.create_task(limiter.acquire(quota))
        for _ in range(10):
            await asyncio.sleep(0)

        async def refund():
            token.end(TokenOutcome.NEVER_SENT)

        if with_a_loop:
            await asyncio.to_thread(asyncio.run, refund())
        else:
            await asyncio.to_thread(token.end, TokenOutcome.NEVER_SENT)
        async with asyncio.timeout(5.0):
            await waiting

    asyncio.run(main(), debug=True)  # which minds the thread that something is called from
