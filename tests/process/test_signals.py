"""Four processes on one quota, killed, stopped and ended at random moments while they send.

A server of the tests' own counts and locks. Each process writes down what it was told of each
message, and both must agree. CLIQ_TEST_SEEDS=20 runs twenty seeds of each kind.
"""

import asyncio
import json
import os
import random
import signal
import sys
import textwrap
from collections import Counter

import pytest
from support import redis_servers
from support.counting_server import CountingServer
from support.polling import until

SEEDS = int(os.environ.get("CLIQ_TEST_SEEDS", "1"))
PROCESSES = 4
ENDS = ("default", "cancels")
"""What a process does at SIGTERM."""
THRESHOLD = 50
SCALE = 60.0
TIMES = 3 if SEEDS == 1 else 6
"""The number of signals of a run."""

PROGRAM = textwrap.dedent("""
    import asyncio, json, os, signal, sys
    from cliq_async import CliqClient, CliqError, OutcomeUnknownError

    url, quota, path, name, stop, scale, ends = sys.argv[1:]

    async def send(client, log, number):
        text = f"{name}/{number}"
        try:
            await client.messages.send("bot", text, user_ids=["1"])
            told = "sent"
        except OutcomeUnknownError:
            told = "unknown"
        except CliqError as error:
            told = f"failed: {error!r}"
        log.write(json.dumps([text, told]) + "\\n")
        log.flush()

    async def work():
        options = {"timeout_s": 3.0, "straggler_s": 120.0, "max_wait_s": None}
        options |= {"quota": quota, "time_scale": float(scale)}
        with open(path, "a") as log:
            async with CliqClient("token", base_url=url, **options) as client:
                number = 0
                while not os.path.exists(stop):
                    sends = [send(client, log, number + each) for each in range(10)]
                    await asyncio.gather(*sends)
                    number += 10

    async def main():
        task = asyncio.ensure_future(work())
        if ends == "cancels":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    asyncio.run(main())
""")


class Senders:
    """The processes of one run, and what they were told."""

    def __init__(self, url, quota, folder):
        self._url, self._quota = url, quota
        self._logs, self._stop = folder / "logs", folder / "stop"
        self._logs.mkdir()
        self._names = {}
        self.running = []
        self.stderr = b""

    async def start(self, ends):
        name = f"p{len(self._names)}"
        arguments = (self._url, self._quota, self._logs / name, name, self._stop, SCALE, ends)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, *map(str, arguments)), stderr=asyncio.subprocess.PIPE
        )
        self._names[process] = name
        self.running.append(process)

    def at_work(self):
        """Return the processes that have sent something."""
        return [each for each in self.running if self._has_sent(self._logs / self._names[each])]

    def _has_sent(self, path):
        return path.exists() and path.stat().st_size > 0

    def stop(self):
        """Have each process end when it is done with what it sends."""
        self._stop.touch()

    async def finish(self, process):
        _, stderr = await asyncio.wait_for(process.communicate(), 60)
        self.running.remove(process)
        self.stderr += stderr
        return process.returncode

    def told(self):
        """Return what each message's sender was told; the last line of a process may be cut."""
        lines = [
            line for path in self._logs.iterdir() for line in path.read_text().split("\n")[:-1]
        ]
        return dict(map(json.loads, lines))


async def disturb(senders, rng, number):
    """Send a signal to a random process at work; one that ends is replaced."""
    await until(lambda: len(senders.at_work()) >= PROCESSES // 2, 60.0, every_s=0.02)
    await asyncio.sleep(rng.uniform(0.0, 0.5))
    process = rng.choice(senders.at_work())
    process.send_signal(number)
    if number == signal.SIGSTOP:
        await asyncio.sleep(rng.choice([0.05, 0.3, 1.2]))
        process.send_signal(signal.SIGCONT)
    else:
        assert await senders.finish(process) in {-number, 0}
        await senders.start(rng.choice(ENDS))


@pytest.fixture
def quota(store, tmp_path):
    """The URL of a new store."""
    if store == "sqlite":
        yield f"sqlite:///{tmp_path}/quota.db"
        return
    with redis_servers.RedisServer(("--appendonly", "yes")) as server:
        yield server.url


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("store", ["sqlite", "redis"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=str)
async def test_signals_cause_no_lockout_no_duplicate_and_no_false_report(
    number, store, seed, quota, tmp_path
):
    rng = random.Random(f"{seed}/{store}/{number}")
    limits = (THRESHOLD, 60.0 / SCALE, 300.0 / SCALE)
    async with CountingServer(*limits, delay_s=lambda: rng.expovariate(1 / 0.02)) as counting:
        senders = Senders(counting.url, quota, tmp_path)
        for _ in range(PROCESSES):
            await senders.start(rng.choice(ENDS))
        for _ in range(TIMES):
            await disturb(senders, rng, number)
        senders.stop()
        for process in list(senders.running):
            assert await senders.finish(process) == 0
    told = senders.told()
    assert counting.lockouts == []
    assert max(counting.accepted.values()) == 1
    sent = {text for text, outcome in told.items() if outcome == "sent"}
    assert sent <= set(counting.accepted)
    others = Counter(outcome for outcome in told.values() if outcome not in {"sent", "unknown"})
    assert others == {}
    assert len(sent) > THRESHOLD
    assert senders.stderr == b""
