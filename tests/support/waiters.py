"""Tasks that wait for tokens in virtual time, with a store that answers at once or late."""

import asyncio
from typing import Any

import pytest

from cliq_async.endpoints import Limit
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time

ANSWERED, NEVER_SENT = TokenOutcome.ANSWERED, TokenOutcome.NEVER_SENT


def a_quota(threshold=3, *, window_s=60.0, margin_s=0.0, lock_s=600.0):
    return Quota.of("send_message", Limit(threshold, window_s, lock_s), host="h", margin_s=margin_s)


class SlowStore(MemoryStore):
    """Answers a few turns of the loop after it has decided, as a store with an I/O thread does."""

    turns = 3

    async def take(self, quota, token, **options):
        got = await super().take(quota, token, **options)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return got


class LateStore(MemoryStore):
    """Answers a second after it has decided."""

    takes = 0

    async def take(self, quota, token, **options):
        self.takes += 1
        got = await super().take(quota, token, **options)
        await asyncio.sleep(1.0)
        return got


class Scene:
    """A limiter on virtual time, and tasks that wait for it."""

    def __init__(self, quota, store_class=MemoryStore):
        self.loop: Any = asyncio.get_running_loop()
        self.quota = quota
        self.store: Any = store_class(clock=self.loop.time)
        self.limiter = Limiter.of(self.store)
        self.order = []

    async def acquire(self, **options):
        return await self.limiter.acquire(self.quota, **options)

    def waiter(self, name=None, **options):
        async def wait():
            token = await self.acquire(**options)
            self.order.append(name)
            return token

        return self.loop.create_task(wait())

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def free(self):
        return (await self.store.snapshots([self.quota]))[0].free


def scene(test):
    """Run a test as a coroutine in virtual time, with either store."""

    @pytest.mark.parametrize("store_class", [MemoryStore, SlowStore])
    def run(store_class):
        run_in_virtual_time(test(store_class), debug=True)

    run.__name__ = test.__name__
    return run
