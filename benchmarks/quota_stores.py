"""The stores beside each other: a token taken and given back, and what a send costs with each."""

import asyncio
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles

import pytest
from answering import answering_server, concurrently
from measuring import Row, cpu_in_turn, per_item_us
from peers import CLIQ
from support.redis_servers import RedisServer

from cliq_async import CliqClient, Limit

_MOST = 4
_BEGIN_IN_S = 0.05
_LONGEST_LINE = 2**20
_SHARED_MS = (1.0, 25.0)
_SQLITE_US = 700.0


@contextmanager
def redis_here():
    """Start a server, and yield its URL, or None if Redis is not installed."""
    try:
        server = RedisServer().start()
    except pytest.skip.Exception:
        yield None
        return
    try:
        yield server.url
    finally:
        server.remove()


@asynccontextmanager
async def _taking():
    """Start a process that takes tokens as it is told."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("taking.py"))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


async def _round(processes, url: str, number: int) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, of all processes together."""
    begin_at = time.monotonic() + _BEGIN_IN_S
    for process in processes:
        process.stdin.write(f"{url} {number} {begin_at}\n".encode())
    lines = await asyncio.gather(*(process.stdout.readline() for process in processes))
    took = [1000.0 * seconds for line in lines for seconds in json.loads(line)]
    return median(took), quantiles(took, n=100)[98]


async def taken_by_processes(repeat: int, number: int) -> list[Row]:
    """Take a token and give it back: in one process, and in four at once on two cores or more."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = stack.enter_context(redis_here())
        stores = {"memory": "memory://", "SQLite": f"sqlite://{folder}/quota.db"}
        if redis is not None:
            stores["Redis"] = redis
        processes = await asyncio.gather(
            *(stack.enter_async_context(_taking()) for _ in range(_MOST))
        )
        for process in processes:
            await process.stdout.readline()  # it is ready
        rounds = {(name, at_once): [] for name in stores for at_once in (1, _MOST)}
        for _ in range(repeat):
            for (name, at_once), found in rounds.items():
                found.append(await _round(processes[:at_once], stores[name], number))
    rows = []
    for (name, at_once), found in rounds.items():
        middle, late = (median(each) for each in zip(*found, strict=True))
        what = f"take and give back, {name}, {at_once} process{'es' if at_once > 1 else ''}"
        value = f"{middle:.2g}, 99th {late:.2g} ms"
        numbers = {"median_ms": middle, "99th_ms": late}
        if name != "memory" and at_once == _MOST:
            held = middle <= _SHARED_MS[0] and late <= _SHARED_MS[1]
            rows.append(Row(what, value, None, "≤ 1 ms, 99th ≤ 25 ms", held, numbers=numbers))
        else:
            rows.append(Row(what, value, numbers=numbers))
    if redis is None:
        rows.append(Row("take and give back, Redis", "no redis-server"))
    return rows


async def sends_by_store(repeat: int, sends: int = 200) -> list[Row]:
    """Measure sends, one at a time: client CPU, the store's thread included."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = await stack.enter_async_context(answering_server(CLIQ.answers))
        rounds = {}
        for name, quota in (("memory", "memory://"), ("SQLite", f"sqlite://{folder}/quota.db")):
            client = await stack.enter_async_context(
                CliqClient(
                    "token",
                    base_url=url,
                    quota=quota,
                    limits={"send_message": Limit(50, 0.001)},
                    margin_s=0.0,
                )
            )

            async def send(client=client) -> None:
                await client.messages.send("supportbot", "Hello", user_ids="55743307")

            rounds[name] = lambda send=send: concurrently(send, sends, 1)
        seconds = await cpu_in_turn(rounds, repeat)
    more_us = per_item_us(
        [a - b for a, b in zip(seconds["SQLite"], seconds["memory"], strict=True)], sends
    )
    rows = []
    for name, each in seconds.items():
        us = per_item_us(each, sends)
        rows.append(Row(f"send, one at a time, {name} store", f"{us:.0f} µs", numbers={"us": us}))
    bar = f"≤ {_SQLITE_US:.0f} µs more than memory"
    value, numbers = f"{more_us:.0f} µs", {"us": more_us}
    rows.append(
        Row("SQLite store over memory", value, None, bar, more_us <= _SQLITE_US, numbers=numbers)
    )
    return rows
