"""Programs that end, are killed and start again: the quota in a file outlives them.

In virtual time with the real client, limiter and file, and only network and server simulated; then
once with real processes against a sandbox.
"""

import asyncio
import os
import subprocess
import sys
import textwrap

import pytest
from support.simulation import a_server
from support.stores import inline_sqlite

from cliq_async.client import CliqClient
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time

SEEDS = range(20)


def a_client(network, store, **options):
    return CliqClient("token", transport=network, quota=store, max_wait_s=None, **options)


def send_all(client, number):
    sends = [client.messages.send("bot", "hi", user_ids="1") for _ in range(number)]
    return asyncio.gather(*sends, return_exceptions=True)


async def until_killed(network, store, sends, after_s):
    """Send, and be killed: the tasks are gone, and the store never hears of it."""
    async with a_client(network, store) as client:
        task = asyncio.ensure_future(send_all(client, sends))
        await asyncio.sleep(after_s)
        store.end = lambda *_: None
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_sends_a_restart_and_fifty_more_are_never_locked(seed, tmp_path):
    async def main():
        clock = asyncio.get_running_loop().time
        network = a_server("rolling", "fixed", "bucket", seed=seed)
        for _ in range(2):
            store = inline_sqlite(tmp_path / "quota.db", clock, boot="one")
            async with a_client(network, store) as client:
                await send_all(client, 50)
        return network

    network = run_in_virtual_time(main())
    assert network.lockouts == []
    assert len(network.arrivals) == 100


@pytest.mark.parametrize("seed", SEEDS)
def test_crash_loop_is_never_locked(seed, tmp_path):
    async def main():
        clock = asyncio.get_running_loop().time
        network = a_server("rolling", "fixed", "bucket", seed=seed)
        store = inline_sqlite(tmp_path / "quota.db", clock, boot="one")
        async with a_client(network, store) as client:
            await send_all(client, 1)  # the form of a request is known from here on
        for _ in range(4):
            store = inline_sqlite(tmp_path / "quota.db", clock, boot="one")
            await until_killed(network, store, 25, network.random.uniform(0.0, 0.3))
        store = inline_sqlite(tmp_path / "quota.db", clock, boot="one")
        async with a_client(network, store) as client:
            await send_all(client, 60)
        return network

    network = run_in_virtual_time(main())
    assert network.lockouts == []
    assert len(network.arrivals) > 100


def test_the_same_with_an_empty_memory_is_locked():
    """The tests above would fail if the file were not read."""

    async def main():
        clock = asyncio.get_running_loop().time
        network = a_server("rolling", seed=1)
        for _ in range(2):
            async with a_client(network, MemoryStore(clock=clock)) as client:
                async with asyncio.timeout(5):
                    await send_all(client, 50)
        return network

    with pytest.raises(TimeoutError):
        run_in_virtual_time(main())


PROGRAM = textwrap.dedent("""
    import asyncio, os, sys
    from cliq_async import CliqClient

    async def main():
        number, killed = int(sys.argv[2]), sys.argv[3] == "killed"
        options = {"quota": sys.argv[1], "straggler_s": 12.0, "timeout_s": 5.0}
        async with CliqClient.from_env(max_wait_s=None, **options) as client:
            sends = [
                asyncio.ensure_future(client.messages.send("supportbot", "x", user_ids=[55743307]))
                for _ in range(number)
            ]
            if killed:
                await asyncio.wait(sends[: number // 2])
                os.kill(os.getpid(), 9)
            await asyncio.gather(*sends)

    asyncio.run(main())
""")


def run(environment, quota, *args):
    command = [sys.executable, "-c", PROGRAM, quota, *map(str, args)]
    return subprocess.Popen(command, env=environment)


@pytest.fixture
def environment(cliq_sandbox):
    """What the sandbox of a test is found by; a minute passes in a second."""
    return dict(os.environ)


def test_real_restart_and_crash_loop_are_never_locked(cliq_sandbox, environment, tmp_path):
    quota = f"sqlite:///{tmp_path}/quota.db"
    for args in ((50, "ends"), (50, "ends"), *[(25, "killed")] * 4, (25, "ends")):
        run(environment, quota, *args).wait(60)
    report = cliq_sandbox.report()
    assert report["lockouts"] == []
    assert 125 <= report["requests"]["send_message"] <= 225


def test_real_processes_share_a_file_and_are_never_locked(cliq_sandbox, environment, tmp_path):
    quota = f"sqlite:///{tmp_path}/quota.db"
    started = [run(environment, quota, 50, "ends") for _ in range(4)]
    assert [each.wait(60) for each in started] == [0] * 4
    report = cliq_sandbox.report()
    assert report["lockouts"] == []
    assert report["requests"]["send_message"] == 200
