"""Logs of a SQLite store that are taken away under real processes: what was spent stays spent.

And what processes do by themselves, at any moment, is no loss.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from support.store_processes import output, process
from support.stores import a_quota, snapshot

from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.sqlite import SqliteStore
from cliq_async.testing import sandbox_in_thread

LOGS = pytest.mark.parametrize("endings", [["-shm"], ["-wal"], ["-wal", "-shm"]])


def remove(path, endings):
    for ending in endings:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def taken_by_another(path):
    return int(output(process("print(asyncio.run(takes(0, 60)))", path)))


async def taken_here(store, first, number):
    taken = 0
    for token in range(first, first + number):
        got = await store.take(a_quota(50), token, lease_s=131.0)
        if not isinstance(got, Denied):
            taken += 1
            store.end(a_quota(50), token, TokenOutcome.ANSWERED)
    return taken


@LOGS
@pytest.mark.parametrize("first", ["the next program", "the living one", "its end"])
async def test_log_that_is_taken_away_gives_nobody_a_second_quota(endings, first, path):
    store = SqliteStore(path)
    taken = await taken_here(store, 0, 40)
    await snapshot(store)
    remove(path, endings)
    if first == "the living one":
        taken += await taken_here(store, 100, 5)
    elif first == "its end":
        await store.close()
    taken += taken_by_another(path)
    taken += await taken_here(store, 200, 60)
    taken += taken_by_another(path)
    await store.close()
    taken += taken_by_another(path)
    assert taken <= 50


@LOGS
async def test_log_that_is_taken_away_after_the_death_of_its_program(endings, path):
    code = """
        asyncio.run(takes(0, 40))
        os.kill(os.getpid(), 9)
    """
    started = process(code, path)
    started.communicate()
    remove(path, endings)
    assert taken_by_another(path) <= 10


OPENING = """
    import random, time
    from cliq_async.quota.stores.backend import StateKey
    from cliq_async.quota.stores.sqlite_file import SqliteBackend
    from pathlib import Path

    until, chance = time.monotonic() + float(sys.argv[2]), random.Random()
    while time.monotonic() < until:
        backend = SqliteBackend(Path(sys.argv[1]), clock=store.clock, boot="one", spent=False)
        for _ in range(chance.randint(1, 4)):
            with backend.batch():
                key = StateKey("bucket", f"k{chance.randint(0, 3)}")
                state = backend.load(key)
                assert state.lost_at == float("-inf"), "a false alarm"
                backend.swap(key, state, chance.randbytes(500), state.now + 3700.0)
        backend.close()
"""


def test_programs_that_come_and_go_and_are_killed_lose_nothing(path):
    chance = random.Random(14)
    for _ in range(3):
        started = [process(OPENING, path, 0.5) for _ in range(4)]
        time.sleep(chance.uniform(0.5, 1.0))
        for each in started[::2]:
            each.kill()
        ends = [(each.communicate(), each.returncode)[1] for each in started]
        assert set(ends) <= {0, -signal.SIGKILL}


SENDING = """
import asyncio, os, sys, time
from cliq_async import CliqClient

async def main(url, quota, seconds):
    options = {"time_scale": 60.0, "straggler_s": 12.0, "timeout_s": 5.0, "max_wait_s": None}
    async with CliqClient("token", base_url=url, quota=quota, **options) as client:
        async def traffic():
            while True:
                await client.messages.send("supportbot", "x", user_ids=[55743307])
        sends = [asyncio.create_task(traffic()) for _ in range(20)]
        await asyncio.wait(sends, timeout=float(seconds))
        if float(seconds) > 1.0:
            os._exit(0)
        for each in sends:
            each.cancel()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("seed", range(20))
def test_logs_that_are_taken_away_at_any_moment_lock_nobody(seed, path):
    chance = random.Random(seed)
    path.parent.mkdir()
    algorithm = chance.choice(["rolling", "fixed", "bucket"])
    with sandbox_in_thread(time_scale=60.0, seed=seed, algorithm=algorithm) as sandbox:

        def start():
            seconds = chance.uniform(0.3, 1.5)
            command = [sys.executable, "-c", SENDING, sandbox.url, f"sqlite://{path}", str(seconds)]
            return subprocess.Popen(command, env=dict(os.environ))

        alive = [start() for _ in range(3)]
        while sandbox.report()["requests"].get("send_message", 0) < 20:
            time.sleep(0.01)
        until = time.monotonic() + 2.5
        remove_at = time.monotonic() + chance.uniform(0.0, 1.0)
        while time.monotonic() < until:
            time.sleep(0.01)
            alive = [start() if each.poll() is not None else each for each in alive]
            if time.monotonic() > remove_at:
                remove(path, chance.choice([["-shm"], ["-wal", "-shm"], ["-wal"]]))
                remove_at += chance.uniform(1.0, 2.0)
        for each in alive:
            each.kill()
            each.wait()
        report = sandbox.report()
    assert report["lockouts"] == []
