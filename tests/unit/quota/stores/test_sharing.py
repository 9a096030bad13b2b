"""Several processes on one file, as several stores in virtual time."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from support.scripted import moved
from support.stores import a_quota, inline_sqlite

from cliq_async.errors import QuotaWaitError
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, TokenOutcome

ANSWERED, NEVER_SENT = TokenOutcome.ANSWERED, TokenOutcome.NEVER_SENT


class Process:
    """A store of its own on the file that others share, and callers that wait in its lines."""

    def __init__(self, folder, quota):
        clock = asyncio.get_running_loop().time
        self.store = inline_sqlite(folder / "quota.db", clock, boot="one")
        self.limiter = Limiter.of(self.store)
        self.quota = quota
        self.got = []
        self.asked = 0
        operations = cast("Any", self.store._worker.backend)
        run = operations.run

        def counted(batch):
            self.asked += 1
            return run(batch)

        operations.run = counted

    async def one(self, took_s=0.1, **options):
        token = await self.limiter.acquire(self.quota, **options)
        self.got.append(asyncio.get_running_loop().time())
        await asyncio.sleep(took_s)
        token.end(ANSWERED)

    def callers(self, number, **options):
        return [asyncio.create_task(self.one(**options)) for _ in range(number)]


async def stopped(tasks):
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def processes(tmp_path):
    def start(number, threshold, **options):
        quota = a_quota(threshold, **options)
        return [Process(tmp_path, quota) for _ in range(number)]

    return start


@moved
async def test_four_equal_processes_stay_within_a_factor_of_two(processes):
    started = processes(4, 50)
    tasks = [task for process in started for task in process.callers(200)]
    await asyncio.sleep(10 * 61.5)
    shares = [len(process.got) for process in started]
    await stopped(tasks)
    assert sum(shares) >= 500
    assert max(shares) <= 2 * min(shares), shares


@moved
async def test_eight_processes_of_many_waiters_look_once_a_second(processes):
    started = processes(8, 50)
    tasks = [task for process in started for task in process.callers(200)]
    await asyncio.sleep(5.0)
    before = [process.asked for process in started]
    await asyncio.sleep(50.0)  # no token comes back
    asked = [process.asked - earlier for process, earlier in zip(started, before, strict=True)]
    await stopped(tasks)
    assert max(asked) <= 51, "a look a second, however many wait"


@moved
async def test_what_one_process_gives_back_early_another_finds_within_a_second(processes):
    one, other = processes(2, 3)
    tokens = [await one.limiter.acquire(one.quota) for _ in range(3)]
    (task,) = other.callers(1)
    await asyncio.sleep(20.0)
    tokens[0].end(NEVER_SENT)
    await asyncio.sleep(1.01)
    assert len(other.got) == 1
    await stopped([task])


@moved
async def test_batch_of_one_process_leaves_the_next_token_to_people_of_another(processes):
    people, batch = processes(2, 3)
    tasks = batch.callers(20, lane=Lane.BULK)
    await asyncio.sleep(30.0)
    tasks += people.callers(2)
    await asyncio.sleep(35.0)  # the first three are back
    assert len(people.got) == 2
    assert max(people.got) < 62.0
    await stopped(tasks)


@moved
async def test_lock_that_one_process_meets_is_waited_out_by_the_others(processes):
    one, other = processes(2, 3)
    token = await one.limiter.acquire(one.quota)
    await token.refuse(100.0)
    now = asyncio.get_running_loop().time()
    with pytest.raises(QuotaWaitError):
        await other.limiter.acquire(other.quota, deadline=now + 50.0)
    tasks = other.callers(2)
    await asyncio.sleep(100.0)
    assert other.got == []
    await asyncio.sleep(3.0)
    assert len(other.got) == 2
    await stopped(tasks)


@moved
async def test_tokens_of_a_dead_process_are_back_when_their_leases_end(processes):
    dead, alive = processes(2, 3)
    for _ in range(3):
        await dead.limiter.acquire(dead.quota, lease_s=131.0)
    tasks = alive.callers(3)
    await asyncio.sleep(130.0)
    assert alive.got == []
    await asyncio.sleep(2.0)
    assert len(alive.got) == 3
    await stopped(tasks)
