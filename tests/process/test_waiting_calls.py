"""A process that is killed while its calls wait is soon not counted among the waiting."""

import asyncio
import sys
from pathlib import Path

import pytest
from support import redis_servers
from support.stores import a_quota

from cliq_async.quota.stores.registry import open_store

TESTS = Path(__file__).parents[1]
PROGRAM = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from support.stores import a_quota
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane
from cliq_async.quota.stores.registry import open_store

async def main():
    limiter, quota = Limiter.of(open_store(sys.argv[1])), a_quota(3)
    lane = Lane[sys.argv[3]]
    await asyncio.gather(*(limiter.acquire(quota, lane=lane) for _ in range(int(sys.argv[4]))))

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "redis"])
def url(request, tmp_path):
    return f"sqlite://{tmp_path}/quota.db" if request.param == "sqlite" else redis()


def redis():
    server = redis_servers.shared()
    server.client().flushall()
    return server.url


async def test_waiting_counts_the_living_of_both_lanes_and_not_the_dead(url):
    store, quota = open_store(url), a_quota(3)

    async def until(expected):
        while (await store.snapshots([quota]))[0].waiting != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    for token in range(3):
        assert isinstance(await store.take(quota, token, lease_s=131.0), float)
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, url, str(TESTS), lane, number
        )
        for lane, number in (("INTERACTIVE", "2"), ("BULK", "3"))
    ]
    try:
        async with asyncio.timeout(20):
            for expected, child in zip((5, 3), children, strict=True):
                await until(expected)
                child.kill()
                await child.wait()
            killed_at = asyncio.get_running_loop().time()
            await until(0)
        assert asyncio.get_running_loop().time() - killed_at < 5.0
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
                await child.wait()
        await store.close()
