"""Some hours of a soak: processes that come, go, are killed and suspended, on one store."""

import asyncio
import itertools
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from simulation.soak_processes import CURRENT, Inline, Process
from simulation.soak_traffic import Traffic
from simulation.soak_world import World

from cliq_async.client import CliqClient
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.sqlite import SqliteStore
from cliq_async.testing import VirtualTimeLoop

HOUR_S = 3600.0


class Wall(datetime):
    """The time of day, which somebody sets now and then."""

    off = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz or UTC) + cls.off


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
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self.world = World(random.Random(self.seed + "/world"))
        self.boot, self.booted_at = 0, 0.0
        self.memory = MemoryStore(clock=loop.time)
        self.processes: list[Process] = []
        self.numbers = itertools.count(1)
        ends_at = loop.time() + self.hours * HOUR_S
        self.traffic = Traffic(
            self.rng, self.world, self.folder, self.counts, self.numbers, ends_at
        )
        for _ in range(self.rng.choice([1, 2])):
            await self._start()
        while loop.time() < ends_at:
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
            from support import redis_servers

            loop = asyncio.get_running_loop()
            url = redis_servers.shared().url
            store = RedisStore(url, clock=clock, server_time=lambda: 1e6 + loop.time())
            store._worker = Inline(store._worker.backend)
        else:
            store = SqliteStore(self.folder / "quota.db", clock=clock, boot=f"boot {self.boot}")
            store._worker = Inline(store._worker.backend)
        return store

    async def _start(self) -> None:
        process = Process(next(self.numbers))
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
        for work in self.traffic.works(process.client, str(process.number)):
            process.tasks.append(asyncio.create_task(work))
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
