"""Take and give back; ten thousand waiters; beside aiolimiter."""

import asyncio
import time
from statistics import median

from aiolimiter import AsyncLimiter
from measuring import Row, cpu_in_turn, per_item_us, ratio

from cliq_async.endpoints import Limit
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.model import Ending, Quota

_MANY = 10**6


def _quota(threshold: int, window_s: float) -> Quota:
    return Quota.of("e", Limit(threshold, window_s), host="h", margin_s=0.0)


async def take_and_give_back(repeat: int, times: int = 5_000) -> list[Row]:
    """One token, from a bucket that is never empty."""
    plain = AsyncLimiter(_MANY, 0.001)
    store = MemoryStore()
    limiter = Limiter.of(store)
    # Four thresholds of 50 come back within a millisecond, so that the bucket is as in use.
    quota = _quota(_MANY, 0.001)

    async def aiolimiter() -> None:
        for _ in range(times):
            await plain.acquire()

    async def memory_store() -> None:
        for number in range(times):
            await store.take(quota, -number, lease_s=600.0)
            store.end(quota, -number, Ending.NEVER_SENT)

    async def refunded() -> None:
        for _ in range(times):
            (await limiter.acquire(quota)).end(Ending.NEVER_SENT)

    async def answered() -> None:
        for _ in range(times):
            (await limiter.acquire(quota)).end(Ending.ANSWERED)
        store._buckets.clear()

    rounds = {f.__name__: f for f in (aiolimiter, memory_store, refunded, answered)}
    seconds = await cpu_in_turn(rounds, repeat)
    base = seconds["aiolimiter"]
    names = {
        "memory_store": "take and give back, memory store",
        "refunded": "the same through the limiter, refunded",
        "answered": "the same through the limiter, answered",
    }
    rows = [Row("aiolimiter: acquire", f"{per_item_us(base, times):.2f} µs")]
    for name, what in names.items():
        times_base = ratio(seconds[name], base)
        value = f"{per_item_us(seconds[name], times):.2f} µs"
        hold = "≤ 2 x aiolimiter" if name == "memory_store" else ""
        rows.append(Row(what, value, times_base, hold, times_base <= 2.0))
    return rows


async def waiters(number: int, repeat: int = 3) -> list[Row]:
    """All of them in line, and a thousand tokens a second."""

    async def drained(acquire_one) -> float:
        started = time.process_time()
        await asyncio.gather(*(acquire_one() for _ in range(number)))
        return time.process_time() - started

    ours, theirs = [], []
    for _ in range(repeat):
        plain = AsyncLimiter(1, 0.001)
        theirs.append(await drained(plain.acquire))

        store = MemoryStore()
        limiter = Limiter.of(store)
        quota = _quota(1000, 1.0)
        spent = [await limiter.acquire(quota) for _ in range(1000)]
        for token in spent:  # to come back one a millisecond
            token.end(Ending.ANSWERED)
        returning = store._buckets[quota.key].returning
        start = store.clock()
        returning[:] = [start + 0.001 * (place + 1) for place in range(len(returning))]

        async def one(limiter=limiter, quota=quota) -> None:
            (await limiter.acquire(quota)).end(Ending.ANSWERED)

        ours.append(await drained(one))
    cpu_s = median(ours)
    bar = 0.3 * number / 10_000
    return [
        Row(f"aiolimiter: {number:,} waiters", f"{median(theirs):.2f} s CPU"),
        Row(
            f"{number:,} waiters at 1,000 a second",
            f"{cpu_s:.2f} s CPU",
            ratio(ours, theirs),
            f"≤ {bar:.2f} s CPU",
            cpu_s <= bar,
        ),
    ]
