"""Waits in line at one limiter: one process of those of waiters.py.

Its arguments are which limiter, how many wait, and what for: `drain` lets a thousand a second pass
and prints the seconds of CPU that took; `hold` lets none pass and prints the bytes each takes.
"""

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable

from cliq_async import Limit, MemoryStore
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota, TokenOutcome

Acquire = Callable[[], Awaitable[object]]

_A_SECOND = 1000
_HOUR_S = 3600.0
_STEPS = 10


def _quota(threshold: int, window_s: float) -> Quota:
    return Quota.of("e", Limit(threshold, window_s), host="h", margin_s=0.0)


async def _nothing(*, hold: bool) -> Acquire:
    """No limiter: what a task takes by itself."""
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def acquire() -> None:
        if hold:
            await closed

    return acquire


async def _aiolimiter(*, hold: bool) -> Acquire:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - it alone is measured

    limiter = AsyncLimiter(1, _HOUR_S if hold else 1.0 / _A_SECOND)
    await limiter.acquire()
    return limiter.acquire


async def _pyrate(*, hold: bool) -> Acquire:
    import pyrate_limiter as pyrate  # noqa: PLC0415 - it alone is measured

    rate = pyrate.Rate(1, int(1000 * _HOUR_S)) if hold else pyrate.Rate(_A_SECOND, 1000)
    limiter = pyrate.Limiter(pyrate.BucketAsyncWrapper(pyrate.InMemoryBucket([rate])))
    await limiter.try_acquire_async("e", weight=rate.limit)
    return lambda: limiter.try_acquire_async("e")


async def _cliq_async(*, hold: bool) -> Acquire:
    store = MemoryStore()
    limiter = Limiter.of(store)
    quota = _quota(1, _HOUR_S) if hold else _quota(_A_SECOND, 1.0)
    spent = [await limiter.acquire(quota) for _ in range(quota.threshold)]
    for token in spent:
        token.end(TokenOutcome.ANSWERED)
    if not hold:  # back one a millisecond, as from then on
        returning = store._buckets[quota.key].returning
        start = store.clock()
        returning[:] = [start + (place + 1) / _A_SECOND for place in range(len(returning))]

    async def acquire() -> None:
        (await limiter.acquire(quota)).end(TokenOutcome.ANSWERED)

    return acquire


LIMITERS = {
    "nothing": _nothing,
    "aiolimiter": _aiolimiter,
    "pyrate-limiter": _pyrate,
    "cliq_async": _cliq_async,
}


async def drain(acquire: Acquire, number: int) -> float:
    """Return the CPU that all of them took, in seconds."""
    started = time.process_time()
    await asyncio.gather(*(acquire() for _ in range(number)))
    return time.process_time() - started


async def hold(acquire: Acquire, number: int) -> float:
    """Return the memory that each of them takes, its task included, in bytes."""

    async def one() -> None:
        await acquire()

    gc.collect()
    tracemalloc.start()
    tasks = [asyncio.create_task(one()) for _ in range(number)]
    for _ in range(_STEPS):
        await asyncio.sleep(0)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return taken / number


async def main(name: str, number: str, what: str) -> None:
    """Wait, and say what it took."""
    acquire = await LIMITERS[name](hold=what == "hold")
    measure = hold if what == "hold" else drain
    print(json.dumps(await measure(acquire, int(number))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
