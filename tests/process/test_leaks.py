"""A program that sends for days, or opens a client for each job, keeps nothing of what it did.

CLIQ_TEST_CYCLES=10000 and CLIQ_TEST_SENDS=100000 do it as often as that.
"""

import asyncio
import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from support import redis_servers
from support.counting_server import CountingServer

CYCLES = int(os.environ.get("CLIQ_TEST_CYCLES", "60"))
SENDS = int(os.environ.get("CLIQ_TEST_SENDS", "1200"))
MOST_OBJECTS = 300
MOST_BYTES = 2**20

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="nothing else tells the memory of one process"
)

# Windows of a millisecond, so that tokens come back at once and the store holds few of them.
PROGRAM = textwrap.dedent("""
    import asyncio, ctypes, gc, json, os, sys, threading
    from cliq_async import CliqClient
    from cliq_async.endpoints import Limit

    url, quota, what, count = sys.argv[1:4] + [int(sys.argv[4])]
    trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)

    def a_client():
        # A spent token is forgotten when its place is needed, so a store holds as many at most.
        limits = {"send_message": Limit(2_000, 60.0, 300.0)}
        return CliqClient("token", base_url=url, quota=quota, limits=limits, time_scale=60_000)

    async def send(client):
        await client.messages.send("bot", "hi", user_ids=["1"])

    async def measure():
        await asyncio.sleep(0.5)  # threads and connections that end
        gc.collect()
        trim(0)
        with open("/proc/self/statm") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
            "files": len(os.listdir("/proc/self/fd")),
            "objects": len(gc.get_objects()),
            "bytes": resident,
        }

    async def cycles(number):
        for _ in range(number):
            async with a_client() as client:
                await send(client)

    async def sends(client, number):
        for _ in range(number // 2):
            await asyncio.gather(send(client), send(client))

    async def main():
        warm_up = count // 6 * 2  # even, as two are sent at once
        if what == "cycles":
            await cycles(warm_up)
            before = await measure()
            await cycles(count - warm_up)
            after = await measure()
        else:
            async with a_client() as client:
                await sends(client, warm_up)
                before = await measure()
                await sends(client, count - warm_up)
                after = await measure()
        print(json.dumps([before, after]))

    asyncio.run(main())
""")


@pytest.fixture
def quota(store, tmp_path):
    """The URL of a new store."""
    if store != "redis":
        yield "memory://" if store == "memory" else f"sqlite:///{tmp_path}/quota.db"
        return
    with redis_servers.RedisServer(("--appendonly", "yes")) as server:
        yield server.url


@pytest.mark.parametrize("store", ["memory", "sqlite", "redis"])
@pytest.mark.parametrize(("what", "count"), [("cycles", CYCLES), ("sends", SENDS)])
async def test_nothing_grows(what, count, store, quota):
    async with CountingServer(10**9, 1.0, 1.0) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, server.url, quota, what, str(count)),
            stdout=asyncio.subprocess.PIPE,
            # Else each thread's heap keeps free memory: that grows at first, and looks like a leak.
            env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        assert server.arrived == count
    before, after = json.loads(out)
    growth = {name: after[name] - before[name] for name in before}
    print(before, growth)  # noqa: T201 - shown if it fails
    assert growth["tasks"] <= 0
    assert growth["threads"] <= 0
    assert growth["files"] <= (what == "sends")  # two at once need a second connection, or not
    assert growth["objects"] <= MOST_OBJECTS
    assert growth["bytes"] <= MOST_BYTES
