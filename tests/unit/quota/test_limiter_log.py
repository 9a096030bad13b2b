"""Waiting for tokens: what the log says of it."""

import asyncio
import logging
from contextlib import contextmanager

import pytest
from support.scripted import moved
from support.waiters import ANSWERED, Scene, a_quota, scene

from cliq_async.quota.model import Denied


@contextmanager
def logged():
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("cliq_async")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@scene
async def test_a_long_wait_is_one_line_in_the_log(store_class):
    s = Scene(a_quota(4), store_class)
    with logged() as lines:
        tokens = [await s.acquire() for _ in range(4)]
        waiters = [s.waiter(number) for number in range(5)]
        await s.settle()
        assert lines == ["waiting 60 s for the quota of send_message (5 in line)"]
        for number, token in enumerate(tokens):  # each refusal closes for a little longer
            await asyncio.sleep(0.1)
            await token.refuse(100.0 + number)
        await asyncio.sleep(30.0)
        assert lines[1:] == ["waiting 101 s for the quota of send_message (5 in line)"]
    for waiter in waiters:
        waiter.cancel()


@scene
async def test_a_long_wait_is_told_though_the_store_asks_again_before(store_class):
    class Impatient(store_class):
        async def take(self, *args, **options):
            got = await super().take(*args, **options)
            if isinstance(got, Denied):
                soon = self.clock() + 1.0
                got = Denied(got.earliest_at, soon, soon, got.reason)
            return got

    s = Scene(a_quota(1), Impatient)
    await s.acquire()
    with logged() as lines:
        waiting = s.loop.create_task(s.limiter.acquire(s.quota))
        await asyncio.sleep(30.0)
    (line,) = lines
    assert line.startswith("waiting 6")
    waiting.cancel()


@scene
async def test_wait_of_ten_seconds_is_worth_a_line_and_a_shorter_one_is_not(store_class):
    s = Scene(a_quota(1, window_s=10.0), store_class)
    await asyncio.sleep(1000.0)
    (await s.acquire()).end(ANSWERED)
    with logged() as lines:
        waiter = s.waiter()
        await s.settle()
        assert lines == ["waiting 10 s for the quota of send_message (1 in line)"]
        (await waiter).end(ANSWERED)
        await asyncio.sleep(0.5)
        await s.acquire()
    assert len(lines) == 1


@scene
async def test_wait_for_a_request_under_way_is_told_again_when_it_was_to_be_over(store_class):
    s = Scene(a_quota(1), store_class)
    await s.acquire()
    with logged() as lines:
        s.waiter()
        await asyncio.sleep(59.0)
        s.waiter().cancel()
        await asyncio.sleep(0.5)
        assert len(lines) == 1
        await asyncio.sleep(1.0)
    assert lines == ["waiting 60 s for the quota of send_message (1 in line)"] * 2


@pytest.mark.parametrize(("lock_s", "told"), [(68.5, 1), (69.0, 2)])
@moved
async def test_wait_that_gets_ten_seconds_longer_than_was_said_is_told_again(lock_s, told):
    s = Scene(a_quota(1))
    token = await s.acquire()
    with logged() as lines:
        s.waiter()
        await asyncio.sleep(5.0)
        await token.refuse(lock_s)
        await s.settle()
    assert len(lines) == told
