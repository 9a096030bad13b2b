"""Days of traffic in minutes: faults, cancellations, kills, suspends and reboots, at random.

Everything but network, server and time is real: clients, limiters, stores, journals, files of
subscribers. A server that counts for itself is asked after each request, and whoever was sent to
is compared with what was reported. The same seed does the same again.

    python tests/soak.py                       # ten minutes
    SOAK_S=60 python tests/soak.py --seed 7    # one minute, from that seed on
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from soak_world import World

from cliq_async import moments
from cliq_async.bulk import journal, sync
from cliq_async.bulk.sync import sync_subscribers
from cliq_async.client import CliqClient
from cliq_async.errors import (
    ApiError,
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    TransportError,
)
from cliq_async.models import BotChanges
from cliq_async.quota import limiter
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.redis import RedisStore
from cliq_async.quota.sqlite import SqliteStore
from cliq_async.testing import MovedLoop

BOT, BOT_ID = "supportbot", "53719000001878011"
HOUR_S = 3600.0
GROWTH_KIB = 32 * 1024


class Wall(datetime):
    """The time of day, which somebody sets now and then."""

    off = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz or UTC) + cls.off


@attrs.define(eq=False)
class Process:
    """What dies together: nothing of it writes anything afterwards."""

    number: int
    store: Any = None
    client: Any = None
    dead: bool = False
    tasks: list[asyncio.Task[Any]] = attrs.Factory(list)


CURRENT: ContextVar[Process] = ContextVar("process")


class Inline:
    """Does a file's work at once, unless its process was killed; in place of a thread."""

    def __init__(self, blocking, _forked=None):
        self.blocking = blocking
        self.process = CURRENT.get()

    async def ask(self, step, *, lasting=False):
        await asyncio.sleep(0)
        if self.process.dead:
            raise asyncio.CancelledError
        (result,) = self.blocking.run([step])
        if isinstance(result, Exception):
            raise result
        await asyncio.sleep(0)
        return result

    def tell(self, step):
        if not self.process.dead:
            self.blocking.run([step])

    async def ask_all(self, steps):
        return [await self.ask(step) for step in steps]

    async def close(self):
        self.blocking.close()


@attrs.define(eq=False)
class Job:
    """A broadcast that goes on over kills until it is through."""

    text: str
    ids: list[str]
    batch_size: int
    path: Path | None
    again: set[str] = attrs.Factory(set)
    resend: bool = False


@attrs.define(eq=False, slots=False)
class Episode:
    """Some hours with one server and one store, from one seed."""

    seed: str
    kind: str
    folder: Path
    hours: float
    counts: Counter[str] = attrs.Factory(Counter)

    def run(self) -> None:
        """Run it; raises if something does not hold."""
        self.rng = random.Random(self.seed)
        random.seed(self.seed)  # for the client's own jitter
        Wall.off = timedelta()
        with asyncio.Runner(loop_factory=MovedLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self.world = World(random.Random(self.seed + "/world"))
        self.boot, self.booted_at = 0, 0.0
        self.memory = MemoryStore(clock=loop.time)
        self.jobs: list[Job] = []
        self.processes: list[Process] = []
        self.made = 0
        self.ends_at = loop.time() + self.hours * HOUR_S
        for _ in range(self.rng.choice([1, 2])):
            await self._start()
        while loop.time() < self.ends_at:
            await asyncio.sleep(self.rng.expovariate(1 / 600))
            await self._mischief(loop)
            self._check()
        self.world.fault_rate = 0.0
        for process in self.processes:  # to their ends
            await asyncio.wait(process.tasks)
            self._raise(process)
            await process.client.close()
        await self._at_rest(loop)
        self.counts["requests"] += self.world.arrived
        self.counts["recipients"] += sum(sum(c.values()) for c in self.world.sent.values())
        self.counts["virtual_s"] += int(loop.time())

    # Processes.

    def clock(self) -> Any:
        loop, booted_at = asyncio.get_running_loop(), self.booted_at
        return lambda: loop.time() - booted_at

    def a_store(self) -> Any:
        if self.kind == "memory":
            return self.memory
        clock = self.clock()
        store: Any
        if self.kind == "redis":
            import redis_servers

            loop = asyncio.get_running_loop()
            url = redis_servers.shared().url
            store = RedisStore(url, clock=clock, server_time=lambda: 1e6 + loop.time())
            store._worker = Inline(store._worker._blocking)
        else:
            store = SqliteStore(self.folder / "quota.db", clock=clock, boot=f"boot {self.boot}")
            store._worker = Inline(store._ledger)
        return store

    async def _start(self) -> None:
        self.made += 1
        process = Process(self.made)
        CURRENT.set(process)
        process.store = self.a_store()

        async def access():
            return f"token-{self.rng.random()}"

        client = CliqClient(
            access,
            transport=self.world,
            quota=process.store,
            max_wait_s=self.rng.choice([5.0, 75.0, None]),
            timeout_s=self.rng.choice([5.0, 30.0]),
            pace=self.rng.choice([None, None, "even"]),
        )
        process.client = await client.__aenter__()
        for work in (self._sends, self._sends, self._bursts, self._broadcasts, self._syncs):
            process.tasks.append(asyncio.create_task(work(process)))
        process.tasks.append(asyncio.create_task(self._others(process)))
        self.processes.append(process)

    async def _end(self, process: Process, *, killed: bool) -> None:
        self.processes.remove(process)
        process.dead = killed and self.kind != "memory"
        self._raise(process)
        for task in process.tasks:
            task.cancel()
        await asyncio.wait(process.tasks)
        self._raise(process)
        await process.client.close()
        self.counts["killed" if killed else "closed"] += 1

    def _raise(self, process: Process) -> None:
        for task in process.tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _mischief(self, loop: Any) -> None:
        match self.rng.choice(["suspend", "wall", "kill", "close", "reboot", "faults", "nothing"]):
            case "suspend":
                loop.advance(self.rng.choice([0.5, 5.0, 60.0, 900.0]) * self.rng.random())
                self.counts["suspended"] += 1
            case "wall":
                Wall.off = timedelta(seconds=self.rng.uniform(-1e5, 1e5))
            case "faults":
                self.world.fault_rate = self.rng.choice([0.0, 0.02, 0.1, 0.3])
            case "kill" | "close" as how if self.processes:
                await self._end(self.rng.choice(self.processes), killed=how == "kill")
                await asyncio.sleep(self.rng.choice([0.0, 1.0, 60.0]) * self.rng.random())
                await self._start()
            case "reboot" if self.kind == "sqlite":
                for process in list(self.processes):
                    await self._end(process, killed=True)
                await asyncio.sleep(self.rng.uniform(0.0, 120.0))
                self.boot, self.booted_at = self.boot + 1, loop.time()
                self.counts["reboots"] += 1
                await self._start()

    # Traffic.

    async def _pause(self, mean_s: float) -> bool:
        await asyncio.sleep(self.rng.expovariate(1 / mean_s))
        return asyncio.get_running_loop().time() < self.ends_at

    async def _maybe_cancelled(self, work: Any, share: float, within_s: float) -> Any:
        """What comes of some work, which may be cancelled; the error, if it is one of ours."""
        task = asyncio.ensure_future(work)
        if self.rng.random() < share:
            asyncio.get_running_loop().call_later(self.rng.uniform(0, within_s), task.cancel)
            self.counts["cancelled"] += 1
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        if task.cancelled():
            return asyncio.CancelledError()
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, CliqError):
            raise error
        return error

    async def _send(self, process: Process) -> None:
        self.made += 1
        text, user = f"single {self.made}", str(self.made)
        sending = process.client.messages.send(BOT, text, user_ids=user)
        got = await self._maybe_cancelled(sending, 0.2, 40.0)
        done = self.world.sent[text][user]
        if isinstance(got, QuotaWaitError | TransportError) or (
            isinstance(got, ApiError) and not isinstance(got, ServerError)
        ):
            assert done == 0, (got, text)
        elif not isinstance(got, OutcomeUnknownError | ServerError | asyncio.CancelledError):
            assert not isinstance(got, BaseException), repr(got)
            assert done == 1, text

    async def _sends(self, process: Process) -> None:
        while await self._pause(20.0):
            await self._send(process)

    async def _bursts(self, process: Process) -> None:
        while await self._pause(900.0):
            async with asyncio.TaskGroup() as group:
                for _ in range(self.rng.randint(30, 120)):
                    group.create_task(self._send(process))

    async def _others(self, process: Process) -> None:
        bots = process.client.bots
        while await self._pause(6.0):
            work = self.rng.choice(
                [lambda: bots.get(BOT_ID), bots.list, lambda: bots.update(BOT_ID, _CHANGES)]
            )
            await self._maybe_cancelled(work(), 0.1, 5.0)

    async def _broadcasts(self, process: Process) -> None:
        while self.jobs or await self._pause(120.0):
            job = self.jobs.pop() if self.jobs else self._a_job()
            left = False
            try:
                left = await self._broadcast(process, job)
            except asyncio.CancelledError:
                left = job.path is not None  # killed
                job.resend = False
                raise
            finally:
                if left:
                    self.jobs.append(job)

    def _a_job(self) -> Job:
        self.made += 1
        many = int(10 ** self.rng.uniform(0, 3.7))
        path = self.folder / f"{self.made}.db" if self.rng.random() < 0.8 else None
        first = self.made * 100_000
        ids = [str(first + number) for number in range(many)]
        return Job(
            f"job {self.made}", ids, self.rng.choice([1, 7, 100]) if many < 300 else 100, path
        )

    async def _broadcast(self, process: Process, job: Job) -> bool:
        """Send a job, or what is left of it. True if there is more to do."""
        running = process.client.broadcast(
            BOT,
            job.text,
            job.ids,
            batch_size=job.batch_size,
            headroom=self.rng.choice([0, 10]),
            journal=job.path,
            resend_unknown=job.resend,
        )
        got = await self._maybe_cancelled(running, 0.3 if job.path else 0.0, 200.0)
        sent = self.world.sent[job.text]
        assert all(many <= 1 + (who in job.again) for who, many in sent.items()), job.text
        job.resend = False
        if isinstance(got, asyncio.CancelledError):
            return True
        if isinstance(got, BaseException):
            raise got
        lost: dict[str, set[str]] = {"failed": set(), "unknown": set()}
        for outcome in got.outcomes:
            lost[outcome.status].update(outcome.ids)
        assert got.failed == len(lost["failed"]), job.text
        assert got.unknown == len(lost["unknown"]), job.text
        assert not any(sent[who] for who in lost["failed"]), job.text
        if got.stopped is not None and job.path is not None:
            return True
        delivered = set(job.ids) - lost["failed"] - lost["unknown"]
        if got.stopped is not None:
            delivered = set()  # of those who were not even read, it says nothing
        else:
            assert got.delivered == len(delivered), (job.text, got)
        assert all(sent[who] for who in delivered), job.text
        self.counts["jobs"] += 1
        if job.path is not None and lost["unknown"] and not job.again:
            job.again, job.resend = lost["unknown"], True
            return True
        del self.world.sent[job.text]
        if job.path is not None:
            _remove(job.path)
        return False

    async def _syncs(self, process: Process) -> None:
        path = self.folder / f"people {process.number}.db"
        while await self._pause(1200.0):
            got = await self._maybe_cancelled(
                sync_subscribers(process.client, BOT, path, full=True), 0.2, 20.0
            )
            if isinstance(got, BaseException):
                continue
            (one,) = got.bots
            if one.error is None:
                assert one.present == self.world.subscribers, one
                self.counts["syncs"] += 1

    # What holds.

    def _check(self) -> None:
        assert not self.world.lockouts, f"locked out, first: {self.world.lockouts[:3]}"
        for process in self.processes:
            self._raise(process)

    async def _at_rest(self, loop: Any) -> None:
        """Nothing is left under way, and all tokens are back."""
        self._check()
        await asyncio.sleep(3 * HOUR_S)
        self._check()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {left}"
        CURRENT.set(Process(0))
        store = self.a_store()
        client = CliqClient("t", transport=self.world, quota=store)
        for snapshot in await store.snapshots(client._quotas.values()):
            assert snapshot.leases == snapshot.returns == (), f"tokens are missing: {snapshot}"
            assert not snapshot.locked
        await store.close()


_CHANGES = BotChanges(description="x")


def _remove(path: Path) -> None:
    for each in path.parent.glob(path.name + "*"):
        each.unlink()


def one_episode(seed: str, kind: str, hours: float, counts: Counter[str]) -> None:
    """Run an episode in a folder of its own."""
    if kind == "redis":
        import redis_servers

        redis_servers.shared().client().flushdb()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    worker_of = journal.Worker, sync.Worker
    day = moments.datetime
    setattr(journal, "Worker", Inline)  # noqa: B010 - for its type
    setattr(sync, "Worker", Inline)  # noqa: B010
    setattr(moments, "datetime", Wall)  # noqa: B010
    try:
        Episode(seed, kind, folder, hours, counts).run()
    finally:
        journal.Worker, sync.Worker = worker_of
        setattr(moments, "datetime", day)  # noqa: B010
        # A store whose clock is its loop's keeps the loop alive, and so what both are kept by.
        limiter._limiters.clear()
        shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _resident_kib() -> int:
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize() // 1024


def main() -> int:
    """Run episodes until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--episode", type=int, help="this one alone")
    parser.add_argument("--hours", type=float, default=3.0, help="of an episode, in moved time")
    options = parser.parse_args()
    logging.getLogger("cliq_async").setLevel(logging.CRITICAL)
    kinds = ["memory", "sqlite"]
    if shutil.which("redis-server") or shutil.which("valkey-server"):
        kinds.append("redis")
    seconds = float(os.environ.get("SOAK_S", "600"))
    say(f"seed {options.seed}, {seconds:g} s, stores: {', '.join(kinds)}")
    began, minute, number = time.monotonic(), 1, options.episode or 0
    counts: Counter[str] = Counter()
    warm = 0
    while True:
        kind = kinds[number % len(kinds)]
        try:
            one_episode(f"{options.seed}/{number}", kind, options.hours, counts)
            resident = _resident_kib()
            if number == 2 * len(kinds):
                warm = resident
            if warm:
                assert resident < warm + GROWTH_KIB, f"memory grows: {warm} to {resident} KiB"
        except BaseException:
            say(
                f"FAILED in episode {number} on {kind}; again: python tests/soak.py "
                f"--seed {options.seed} --episode {number} --hours {options.hours:g}",
            )
            raise
        counts["episodes"] += 1
        number += 1
        passed = time.monotonic() - began
        over = passed >= seconds or options.episode is not None
        if over or passed >= 60 * minute:
            days = counts["virtual_s"] / 86_400
            rest = {k: v for k, v in sorted(counts.items()) if k != "virtual_s"}
            shown = ", ".join(f"{value} {name}" for name, value in rest.items())
            say(f"{passed:4.0f} s: {days:.1f} days, {shown}, {resident} KiB")
            minute += 1
        if over:
            say(f"held: 0 lockouts, seed {options.seed}")
            return 0


if __name__ == "__main__":
    sys.exit(main())
