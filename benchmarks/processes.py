"""Four processes on one account: `python -m benchmarks.processes [--sends N]`.

Each sends its share through one quota, in a file and then on a Redis server, against a sandbox
that counts in a rolling window at 60 times the speed; then the same with two of them killed half
way and started again. Prints lockouts and the ratio to the shortest possible time, and fails if
there was a lockout.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from cliq_async.testing import sandbox_in_thread

sys.path.insert(0, str(Path(__file__).parent))  # for `python -m benchmarks.processes`

from measuring import Row

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


async def race(quota: str, sends: int, *, killed: bool) -> tuple[int, float, list[int]]:
    """Lockouts, the ratio to the shortest possible time, and each one's share of the first half."""
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
    half = times[len(times) // 2]
    shares = [sum(at <= half for at in worker.answered) for worker in workers]
    shortest_s = (PROCESSES * sends / THRESHOLD - 1) * 60.0 / SCALE
    return len(report["lockouts"]), (times[-1] - times[0]) / shortest_s, shares


@contextlib.contextmanager
def redis_server(folder: str):
    """A Redis server's URL."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
    process = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def races(sends: int) -> AsyncIterator[dict]:
    """Each store, undisturbed and with two processes killed on the way."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        homes = {"sqlite": lambda name: f"sqlite:///{Path(folder) / name}.db"}
        if shutil.which("redis-server"):
            url = stack.enter_context(redis_server(folder))
            homes["redis"] = lambda name: f"{url}/{'01'.index(name[-1])}"
        for home, quota in homes.items():
            for number, killed in enumerate((False, True)):
                lockouts, ratio, shares = await race(quota(f"quota{number}"), sends, killed=killed)
                yield {
                    "store": home,
                    "what": "two killed and started again" if killed else "undisturbed",
                    "lockouts": lockouts,
                    "ratio": round(ratio, 3),
                    "shares": shares,
                }


async def sends_of_processes(sends: int) -> list[Row]:
    """The same as rows of the table."""
    return [
        Row(
            f"{PROCESSES} processes, {row['store']}, {row['what']}",
            f"{row['lockouts']} lockouts",
            row["ratio"],
            "0",
            row["lockouts"] == 0,
            numbers={"lockouts": row["lockouts"], "ratio": row["ratio"]},
        )
        async for row in races(sends)
    ]


async def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sends", type=int, default=500, help="of each process")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    async for row in races(options.sends):
        rows.append(row)
        if not options.json:
            print(
                f"{PROCESSES} x {options.sends} sends, {row['store']}, {row['what']}: "
                f"{row['lockouts']} lockouts, ratio {row['ratio']:.3f}, "
                f"first half {row['shares']}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows, indent=2))
    return int(any(row["lockouts"] for row in rows))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
