"""The hook at the beginning of a wait: who is told, when, how often, and whether it is true."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from support.scripted import DONE, SECRET, THROTTLED, Scripted, moved

from cliq_async import (
    CliqClient,
    Hooks,
    Limit,
    MemoryStore,
    QuotaWaitError,
    WaitDetails,
    WaitStartDetails,
)
from cliq_async.config import Settings
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import TokenOutcome

LIMIT = Limit(10, 60.0, 300.0)


class Scene:
    """Clients on one store, and what their hooks heard."""

    def __init__(self):
        self.clock = asyncio.get_running_loop().time
        self.store = MemoryStore(clock=self.clock)
        self.seen: list[Any] = []

    def client(self, *steps, seen=None, **options: Any):
        heard = self.seen if seen is None else seen
        return CliqClient(
            SECRET,
            transport=Scripted(list(steps) or [DONE]),
            quota=self.store,
            hooks=Hooks(on_wait_start=heard.append, on_wait=heard.append),
            limits={"list_bots": LIMIT, "send_message": LIMIT},
            margin_s=0.0,
            **{"max_wait_s": None, **options},
        )

    @property
    def starts(self):
        return [each for each in self.seen if isinstance(each, WaitStartDetails)]


def in_s(moment):
    """Return how far a moment was away when it was told: virtual time passes in no time."""
    return (moment - datetime.now(UTC)).total_seconds()


async def calls(client, number):
    return [asyncio.create_task(client.bots.list()) for _ in range(number)]


@moved
async def test_wait_is_told_when_it_begins_with_its_expected_end():
    s = Scene()
    async with s.client() as client:
        await asyncio.gather(*(client.bots.list() for _ in range(10)))
        assert s.seen == []
        waiting = await calls(client, 1)
        await asyncio.sleep(1.0)
        (start,) = s.seen
        await asyncio.gather(*waiting)
    assert (start.endpoint, start.lane, start.reason) == ("list_bots", "interactive", "spent")
    assert in_s(start.expected_until) == pytest.approx(60.0, abs=1.0)
    _, end = s.seen
    assert isinstance(end, WaitDetails)
    assert end.waited_s == pytest.approx(60.0)


@moved
async def test_call_that_would_wait_too_long_does_not_begin_to_wait():
    s = Scene()
    async with s.client(max_wait_s=5.0) as client:
        await asyncio.gather(*(client.bots.list() for _ in range(10)))
        with pytest.raises(QuotaWaitError):
            await client.bots.list()
    assert s.starts == []


@moved
async def test_ten_thousand_waiting_calls_are_one_notice():
    s = Scene()
    async with s.client() as client:
        tasks = await calls(client, 10_000)
        await asyncio.sleep(130.0)
        assert sum(task.done() for task in tasks) == 30
        assert len(s.starts) == 1
        for task in tasks:
            task.cancel()


@moved
async def test_broadcast_over_many_windows_is_one_notice():
    s = Scene()
    async with s.client() as client:
        report = await client.broadcast("b", "hi", range(1, 10_001))
    assert report.delivered == 10_000
    (start,) = s.starts
    assert (start.endpoint, start.lane) == ("send_message", "bulk")


@moved
async def test_two_broadcasts_are_a_notice_each():
    s = Scene()
    async with s.client() as client:
        await asyncio.gather(*(client.broadcast("b", "hi", range(1, 2001)) for _ in range(2)))
    assert len(s.starts) == 2


@moved
async def test_wait_after_the_wait_is_told_again():
    s = Scene()
    async with s.client() as client:
        for _ in range(2):
            await asyncio.gather(*(client.bots.list() for _ in range(15)))
            await asyncio.sleep(61.0)
    assert len(s.starts) == 2


@moved
async def test_who_joins_sleepers_is_told_at_once():
    s = Scene()
    others: list[Any] = []
    async with s.client() as client, s.client(seen=others) as another:
        tasks = await calls(client, 15)
        await asyncio.sleep(1.0)
        tasks += await calls(client.with_options(lane="bulk"), 1)
        tasks += await calls(another, 2)
        await asyncio.sleep(1.0)
        assert [each.lane for each in s.starts] == ["interactive", "bulk"]
        assert [each.lane for each in others] == ["interactive"]
        await asyncio.gather(*tasks)
    assert len(s.starts) == 2


@moved
async def test_lock_in_the_middle_of_a_wait_is_told_once_with_its_end():
    s = Scene()
    async with s.client() as client, s.client(THROTTLED, DONE) as refused:
        tasks = await calls(client, 9)
        await asyncio.gather(*tasks)
        late = asyncio.create_task(slow_refusal(refused))
        tasks = await calls(client, 3)
        await asyncio.sleep(1.0)
        assert [each.reason for each in s.starts] == ["spent"]
        await asyncio.sleep(5.0)
        spent, *locked = s.starts
        assert {each.reason for each in locked} == {"locked"}
        assert len(locked) == 2  # one for each client
        assert in_s(locked[0].expected_until) == pytest.approx(301.0, abs=10.0)
        await asyncio.gather(late, *tasks)
    assert s.starts == [spent, *locked]


async def slow_refusal(client, delay_s=3.0):
    client._session.executor.transport.delay_s = delay_s
    return await client.bots.list()


@moved
async def test_lock_that_lasts_longer_is_told_again_and_a_moment_longer_is_not():
    s = Scene()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(s.client())
        await asyncio.gather(*(client.bots.list() for _ in range(7)))
        refused = []
        for delay_s in (2.0, 4.0, 30.0):  # three requests in flight
            each = await stack.enter_async_context(s.client(THROTTLED, DONE, seen=[]))
            refused.append(asyncio.create_task(slow_refusal(each, delay_s)))
        tasks = await calls(client, 2)
        await asyncio.sleep(20.0)
        assert [each.reason for each in s.starts] == ["spent", "locked"]
        await asyncio.sleep(20.0)
        assert [each.reason for each in s.starts] == ["spent", "locked", "locked"]
        for each in s.starts[1:]:
            assert in_s(each.expected_until) == pytest.approx(301.0, abs=1.0)
        await asyncio.gather(*refused, *tasks)
    assert len(s.starts) == 3


@moved
async def test_lock_is_not_told_to_those_whose_time_it_exceeds():
    s = Scene()
    async with s.client(max_wait_s=120.0) as client, s.client(THROTTLED, DONE, seen=[]) as refused:
        await asyncio.gather(*(client.bots.list() for _ in range(9)))
        late = asyncio.create_task(slow_refusal(refused))
        tasks = await calls(client, 3)
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, QuotaWaitError) for each in found)
        await late
    assert [each.reason for each in s.starts] == ["spent"]


@moved
async def test_short_wait_is_not_told_and_does_not_hide_a_long_one():
    s = Scene()
    async with s.client() as client:
        await client.bots.list()
        await asyncio.sleep(59.5)
        await asyncio.gather(*(client.bots.list() for _ in range(9)))
        await client.bots.list()
        assert s.starts == []
        assert len(s.seen) == 1  # it waited for half a second
        await client.bots.list()
        assert len(s.starts) == 1


@moved
async def test_cancelled_callers_leave_nothing_behind():
    s = Scene()
    async with s.client() as client:
        tasks = await calls(client, 15)
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        (queue,) = Limiter.of(s.store)._queues.values()
        assert [lane.announcer._groups for lane in queue._lanes] == [{}, {}]
        again = await calls(client, 1)
        await asyncio.sleep(1.0)
        assert len(s.starts) == 2
        again[0].cancel()


@moved
async def test_finished_jobs_are_forgotten():
    s = Scene()
    async with s.client() as client:
        for _ in range(3):
            await client.broadcast("b", "hi", range(1, 1501))
            await asyncio.sleep(4000.0)
        (queue,) = Limiter.of(s.store)._queues.values()
        assert len(queue._lanes[1].announcer._groups) <= 2
    assert len(s.starts) == 3


@moved
async def test_hook_that_raises_holds_up_no_one(caplog):
    def broken(_details):
        raise ZeroDivisionError

    s = Scene()
    hooks = Hooks(on_wait_start=broken)
    store = s.store
    async with CliqClient(
        SECRET,
        transport=Scripted([DONE]),
        quota=store,
        hooks=hooks,
        limits={"list_bots": LIMIT},
        max_wait_s=None,
    ) as client:
        await asyncio.gather(*(client.bots.list() for _ in range(15)))
    assert caplog.text.count("a hook failed: broken") == 1


@moved
async def test_token_that_comes_back_during_the_hook_is_not_overlooked():
    s = Scene()
    loop, quota = asyncio.get_running_loop(), Settings().quotas()["list_bots"]
    limiter = Limiter.of(s.store)
    tokens = [await limiter.acquire(quota) for _ in range(quota.threshold)]
    await limiter.acquire(quota, listener=lambda *_: tokens.pop().end(TokenOutcome.NEVER_SENT))
    assert loop.time() < 1.0


@moved
async def test_hook_that_ends_the_program_leaves_no_one_in_the_line():
    class Ended(BaseException):
        pass

    def end(*_):
        raise Ended

    s = Scene()
    quota = Settings().quotas()["list_bots"]
    limiter = Limiter.of(s.store)
    tokens = [await limiter.acquire(quota) for _ in range(quota.threshold)]
    first = asyncio.create_task(limiter.acquire(quota))
    await asyncio.sleep(0.1)
    with pytest.raises(Ended):
        await limiter.acquire(quota, listener=end)
    assert limiter.waiting(quota.key) == 1
    tokens[0].end(TokenOutcome.NEVER_SENT)
    await first
