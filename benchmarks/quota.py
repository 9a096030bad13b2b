"""Take a token and give it back, beside aiolimiter."""

from aiolimiter import AsyncLimiter
from measuring import Row, cpu_in_turn, per_item_us, ratio

from cliq_async.endpoints import Limit
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore


async def take_and_give_back(repeat: int, times: int = 5_000) -> list[Row]:
    """One token, from a bucket in use that is never empty."""
    plain = AsyncLimiter(10**6, 0.001)
    store = MemoryStore()
    limiter = Limiter.of(store)
    quota = Quota.of("e", Limit(100, 1e-5), host="h", margin_s=0.0)

    async def aiolimiter() -> None:
        for _ in range(times):
            await plain.acquire()

    async def memory_store() -> None:
        for number in range(times):
            await store.take(quota, -number, lease_s=600.0)
            store.end(quota, -number, TokenOutcome.NEVER_SENT)

    async def refunded() -> None:
        for _ in range(times):
            (await limiter.acquire(quota)).end(TokenOutcome.NEVER_SENT)

    async def answered() -> None:
        for _ in range(times):
            (await limiter.acquire(quota)).end(TokenOutcome.ANSWERED)

    rounds = {f.__name__: f for f in (aiolimiter, memory_store, refunded, answered)}
    seconds = await cpu_in_turn(rounds, repeat)
    base = seconds["aiolimiter"]
    names = {
        "memory_store": "take and give back, memory store",
        "refunded": "the same through the limiter, refunded",
        "answered": "the same through the limiter, answered",
    }
    base_us = per_item_us(base, times)
    rows = [Row("aiolimiter: acquire", f"{base_us:.2f} µs", numbers={"us": base_us})]
    for name, what in names.items():
        times_base, us = ratio(seconds[name], base), per_item_us(seconds[name], times)
        hold = "≤ 2 x aiolimiter" if name == "memory_store" else ""
        numbers = {"us": us, "ratio": times_base}
        rows.append(Row(what, f"{us:.2f} µs", times_base, hold, times_base <= 2.0, numbers=numbers))
    return rows
