"""What sends for a user: the real client, or somebody else's limiter as its documentation has it.

All are used through their async API, wait for permission and drop nothing.
"""

# ruff: noqa: D102 - a method does what that of `Limiter` says

import asyncio
import time
from collections import deque
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from sending import LIMIT, WORKERS, User
from support.stores import inline_sqlite

from cliq_async.client import CliqClient
from cliq_async.errors import OutcomeUnknownError
from cliq_async.quota.stores.memory import MemoryStore

N, WINDOW_S = LIMIT.threshold, LIMIT.window_s
EVER_S = 10.0**7


class Limiter:
    """A limiter in use: what follows overrides `permission`, or more."""

    async def permission(self) -> None:
        """Wait until one request may be sent."""

    async def once(self, user: User) -> bool:
        """Try to send one message of a user; whether it is done."""
        await self.permission()
        return await user.attempt()

    async def run(self, user: User) -> None:
        """Send all of a user's messages."""

        async def worker() -> None:
            while user.claim():
                await user.until_open()
                while not await self.once(user):
                    await user.until_open()

        await asyncio.gather(*(worker() for _ in range(WORKERS)))

    def kill(self) -> None:
        """End as a killed process does: nothing more is written down."""

    async def close(self) -> None:
        """End as a process does."""


class CliqAsync(Limiter):
    """The real client; its count is in memory, or in a file that outlives it."""

    def __init__(self, margin_s: float, _: float, file: Path | None) -> None:
        self.margin_s = margin_s
        clock = asyncio.get_running_loop().time
        self.store = (
            MemoryStore(clock=clock) if file is None else inline_sqlite(file, clock, boot="one")
        )

    async def run(self, user: User) -> None:
        options = {"margin_s": self.margin_s, "timeout_s": user.timeout_s, "max_wait_s": None}
        async with CliqClient("t", transport=user.line, quota=self.store, **options) as client:

            async def worker() -> None:
                while user.claim():
                    with suppress(OutcomeUnknownError):
                        await client.messages.send("bot", "hi", user_ids="1")

            await asyncio.gather(*(worker() for _ in range(WORKERS)))

    def kill(self) -> None:
        self.store.end = lambda *_: None

    async def close(self) -> None:
        await self.store.close()


class Stamped(Limiter):
    """What people write by hand: a window of the times at which requests began."""

    def __init__(self, threshold: int, share: float, _: Path | None) -> None:
        self.threshold = max(int(threshold * share), 1)
        self.begun: deque[float] = deque()

    async def permission(self) -> None:
        while True:
            now = time.monotonic()
            while self.begun and self.begun[0] <= now - WINDOW_S:
                self.begun.popleft()
            if len(self.begun) < self.threshold:
                self.begun.append(now)
                return
            await asyncio.sleep(self.begun[0] + WINDOW_S - now)


class Aiolimiter(Limiter):
    """`async with AsyncLimiter(rate, period)`."""

    def __init__(self, rate: float, period_s: float, share: float, _: Path | None) -> None:
        from aiolimiter import AsyncLimiter  # noqa: PLC0415 - may be missing, as all below

        if rate * share >= 1.0:
            self.limiter = AsyncLimiter(rate * share, period_s)
        else:
            self.limiter = AsyncLimiter(rate, period_s / share)

    async def once(self, user: User) -> bool:
        async with self.limiter:
            return await user.attempt()


class Pyrate(Limiter):
    """`Limiter(BucketAsyncWrapper(InMemoryBucket([Rate(...)])))`, as for asyncio."""

    def __init__(self, threshold: int, share: float, _: Path | None) -> None:
        import pyrate_limiter as pyrate  # noqa: PLC0415

        rate = pyrate.Rate(int(threshold * share), int(WINDOW_S * 1000))
        bucket = pyrate.BucketAsyncWrapper(pyrate.InMemoryBucket([rate]))
        self.limiter = pyrate.Limiter(bucket)

    async def permission(self) -> None:
        await self.limiter.try_acquire_async("cliq")

    async def close(self) -> None:
        self.limiter.close()
        await asyncio.sleep(0)


class Limits(Limiter):
    """`hit`, and where that says no, sleep until the window says there is room."""

    def __init__(self, share: float, _: Path | None) -> None:
        import limits.aio  # noqa: PLC0415

        self.item = limits.RateLimitItemPerMinute(int(N * share))
        self.limiter = limits.aio.strategies.MovingWindowRateLimiter(
            limits.aio.storage.MemoryStorage()
        )

    async def permission(self) -> None:
        while not await self.limiter.hit(self.item, "cliq"):
            window = await self.limiter.get_window_stats(self.item, "cliq")
            await asyncio.sleep(max(window.reset_time - time.time(), 0.01))


class ThrottledPy(Limiter):
    """`Throttled(timeout=...)`, which waits and tries again by itself."""

    def __init__(self, algorithm: str, share: float, _: Path | None) -> None:
        from throttled.asyncio import MemoryStore as Memory, Throttled  # noqa: PLC0415

        quota = f"{int(N * share)}/m burst {int(N * share)}"
        self.limiter = Throttled(
            key="cliq", using=algorithm, quota=quota, store=Memory(), timeout=EVER_S
        )

    async def permission(self) -> None:
        while (await self.limiter.limit()).limited:
            pass


class Aiometer(Limiter):
    """`aiometer.run_all` of all there is to send, and again of what was refused."""

    def __init__(self, options: dict[str, float], share: float, _: Path | None) -> None:
        self.options = {
            name: max(int(value * share), 1) if name == "max_at_once" else value * share
            for name, value in options.items()
        }

    async def run(self, user: User) -> None:
        import aiometer  # noqa: PLC0415

        while user.waiting:
            left, user.waiting = user.waiting, 0
            sends = [partial(user.attempt) for _ in range(left)]
            user.waiting = (await aiometer.run_all(sends, **self.options)).count(False)
            await user.until_open()


class Telegram(Limiter):
    """python-telegram-bot's `AIORateLimiter`, whose own retries wait for `RetryAfter`."""

    def __init__(self, share: float, _: Path | None) -> None:
        from telegram.ext import AIORateLimiter  # noqa: PLC0415

        self.limiter = AIORateLimiter(N * share, WINDOW_S, group_max_rate=0, max_retries=10**6)

    async def once(self, user: User) -> bool:
        from telegram.error import RetryAfter  # noqa: PLC0415

        async def callback() -> bool:
            if await user.attempt():
                return True
            raise RetryAfter(timedelta(seconds=user.closed_until - time.monotonic()))

        data = {"chat_id": 1}
        return bool(await self.limiter.process_request(callback, (), {}, "sendMessage", data, None))
