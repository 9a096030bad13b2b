"""Four real processes on one account, against a sandbox at 60 times the speed.

Each sends its share through one quota, in a file and then on a Redis server; the sandbox counts in
a rolling window. Then the same with two of them killed half way and started again.
"""

import asyncio
import os
import sys
import tempfile
from contextlib import ExitStack

import attrs
from measuring import Row
from quota_stores import redis_here

from cliq_async.testing import sandbox_in_thread

PROCESSES = 4
SCALE = 60.0
THRESHOLD = 50

WORKER = """
import asyncio, logging, sys, time
from cliq_async import CliqClient

async def main():
    async with CliqClient.from_env(
        max_wait_s=None, straggler_s=120.0, timeout_s=10.0, quota=sys.argv[1]
    ) as client:
        async def one():
            await client.messages.send("supportbot", "x", user_ids=[55743307])
            print(time.monotonic(), flush=True)
        await asyncio.gather(*(one() for _ in range(int(sys.argv[2]))))

logging.disable(logging.WARNING)  # that the Redis keeps nothing on disk is meant
asyncio.run(main())
"""


@attrs.define(eq=False)
class Worker:
    """One process, and when its sends were answered."""

    quota: str
    sends: int
    environment: dict[str, str]
    answered: list[float] = attrs.Factory(list)
    process: asyncio.subprocess.Process | None = None

    async def run(self, *, kill_at: int | None = None) -> None:
        """Run until all is sent; killed once on the way if that is asked for."""
        while len(self.answered) < self.sends:
            left = str(self.sends - len(self.answered))
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", WORKER, self.quota, left),
                stdout=asyncio.subprocess.PIPE,
                env=self.environment,
            )
            async for line in self.process.stdout:
                self.answered.append(float(line))
                if kill_at is not None and len(self.answered) >= kill_at:
                    kill_at = None
                    self.process.kill()
            if await self.process.wait() > 0:
                raise RuntimeError("a worker failed")


async def race(quota: str, sends: int, *, killed: bool) -> tuple[int, float]:
    """Lockouts, and the ratio to the shortest possible time."""
    with sandbox_in_thread(time_scale=SCALE) as sandbox:
        environment = os.environ | {
            "CLIQ_BASE_URL": sandbox.url,
            "CLIQ_ACCESS_TOKEN": "token",
            "CLIQ_TIME_SCALE": str(SCALE),
        }
        workers = [Worker(quota, sends, environment) for _ in range(PROCESSES)]
        await asyncio.gather(
            *(
                worker.run(kill_at=sends // 2 if killed and index < 2 else None)
                for index, worker in enumerate(workers)
            )
        )
        report = sandbox.report()
    times = sorted(at for worker in workers for at in worker.answered)
    estimate_s = (PROCESSES * sends / THRESHOLD - 1) * 60.0 / SCALE
    return len(report["lockouts"]), (times[-1] - times[0]) / estimate_s


async def sends_of_processes(sends: int) -> list[Row]:
    """Each store, undisturbed and with two processes killed on the way."""
    rows = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = stack.enter_context(redis_here())
        homes = {"sqlite": [f"sqlite://{folder}/quota{number}.db" for number in range(2)]}
        if redis is not None:
            homes["redis"] = [f"{redis.removesuffix('0')}{number}" for number in range(2)]
        for home, quotas in homes.items():
            for quota, killed in zip(quotas, (False, True), strict=True):
                lockouts, ratio = await race(quota, sends, killed=killed)
                what = "two killed and started again" if killed else "undisturbed"
                rows.append(
                    Row(
                        f"{PROCESSES} processes, {home}, {what}",
                        f"{lockouts} lockouts",
                        ratio,
                        "0",
                        lockouts == 0,
                        numbers={"lockouts": lockouts, "ratio": ratio},
                    )
                )
    return rows
