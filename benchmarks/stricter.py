"""A day against a server that is stricter than documented, and broadcasts beside single sends."""

import asyncio
import random

from contenders import CONTENDERS, NONE, OURS
from sending import LIMIT, Line, User, Watched

from cliq_async.client import CliqClient
from cliq_async.endpoints import Limit
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox.rate_limits import Throttle

HOUR_S = 3600.0
MINUTE_S = 60.0
CASES: dict[str, tuple[str, Limit | None, int]] = {
    "counter": ("counter", None, 0),
    "40 instead of 50": ("rolling", Limit(40, LIMIT.window_s, LIMIT.lock_s), 0),
    "another program, 20 a minute": ("rolling", None, 20),
}
"""How the server counts, what it allows if not the documented, and what others send a minute."""
DAY_CONTENDERS = (OURS, NONE, "aiolimiter(25, 60)", "pyrate-limiter Rate(40, 60 s)")
RECIPIENTS = 20_000


async def day(contender: str, case: str, seed: int, hours: float) -> dict:
    """Sixty workers that never pause; locks, and how many messages were accepted."""
    algorithm, limit, others = CASES[case]
    limits = {} if limit is None else {"send_message": limit}
    throttle = Throttle(algorithm, seed=seed, limits=limits)
    network = Watched([throttle], random.Random(seed))
    limiter = CONTENDERS[contender].make(1.0, None)
    loop = asyncio.get_running_loop()

    async def another_program() -> None:
        while others:
            await asyncio.sleep(MINUTE_S / others)
            throttle.arrive("user", "send_message", loop.time())

    user = User(Line(network), 10**9, None)
    tasks = [asyncio.ensure_future(limiter.run(user)), asyncio.ensure_future(another_program())]
    await asyncio.wait(tasks, timeout=hours * HOUR_S, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        assert not task.done() or task.exception() is None
        task.cancel()
    await asyncio.wait(tasks)
    await limiter.close()
    return {"locks": len(network.lockouts), "sent": len(network.accepted)}


async def broadcast(seed: int) -> dict:
    """One broadcast: who was reached within the first minute, and when the last one was."""
    network = Watched([Throttle("rolling", seed=seed)], random.Random(seed))
    loop = asyncio.get_running_loop()
    quota = MemoryStore(clock=loop.time)
    async with CliqClient("t", transport=network, quota=quota, timeout_s=None) as client:
        report = await client.broadcast("bot", "hi", range(1, RECIPIENTS + 1))
    assert report.delivered == RECIPIENTS
    batch = RECIPIENTS // len(network.accepted)
    return {
        "first_minute": batch * sum(at <= MINUTE_S for at in network.accepted),
        "took_s": loop.time(),
        "locks": len(network.lockouts),
    }
