"""Waiting for tokens: what the log says of it."""

import asyncio
import logging
from contextlib import contextmanager

from waiting import Scene, a_quota, scene

from cliq_async.quota.model import NotYet


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
            if isinstance(got, NotYet):
                soon = self.clock() + 1.0
                got = NotYet(got.earliest, soon, soon, got.locked)
            return got

    s = Scene(a_quota(1), Impatient)
    await s.acquire()
    with logged() as lines:
        waiting = s.loop.create_task(s.limiter.acquire(s.quota))
        await asyncio.sleep(30.0)
    (line,) = lines
    assert line.startswith("waiting 6")
    waiting.cancel()
