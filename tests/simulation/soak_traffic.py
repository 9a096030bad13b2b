"""What the processes of a soak do, each result compared with what their server did."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import attrs
from simulation.soak_world import World

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
from cliq_async.sync.sync import sync_subscribers

BOT, BOT_ID = "supportbot", "53719000001878011"
_CHANGES = BotChanges(description="x")


@attrs.define(eq=False)
class Job:
    """A broadcast that goes on over kills until it is through."""

    text: str
    ids: list[str]
    batch_size: int
    path: Path | None
    again: set[str] = attrs.Factory(set)
    resend: bool = False


@attrs.define(eq=False)
class Traffic:
    """What processes do until a moment, and whether what they are told of it is true.

    Attributes:
        rng: Decides what is done when.
        world: The Cliq that knows who was sent to.
        folder: Where journals and files of subscribers are.
        counts: What was done how often.
        numbers: Each is given once: to a text, a recipient, a job.
        ends_at: When nothing new begins any more, in virtual time.
        jobs: Those that are to go on, in whatever process.
    """

    rng: random.Random
    world: World
    folder: Path
    counts: Counter[str]
    numbers: Iterator[int]
    ends_at: float
    jobs: list[Job] = attrs.Factory(list)

    def works(self, client: CliqClient, name: str) -> list[Coroutine[Any, Any, None]]:
        """All that one process does at the same time."""
        return [
            self._sends(client),
            self._sends(client),
            self._bursts(client),
            self._broadcasts(client),
            self._syncs(client, self.folder / f"people {name}.db"),
            self._others(client),
        ]

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

    async def _send(self, client: CliqClient) -> None:
        number = next(self.numbers)
        text, user = f"single {number}", str(number)
        sending = client.messages.send(BOT, text, user_ids=user)
        got = await self._maybe_cancelled(sending, 0.2, 40.0)
        done = self.world.sent[text][user]
        if isinstance(got, QuotaWaitError | TransportError) or (
            isinstance(got, ApiError) and not isinstance(got, ServerError)
        ):
            assert done == 0, (got, text)
        elif not isinstance(got, OutcomeUnknownError | ServerError | asyncio.CancelledError):
            assert not isinstance(got, BaseException), repr(got)
            assert done == 1, text

    async def _sends(self, client: CliqClient) -> None:
        while await self._pause(20.0):
            await self._send(client)

    async def _bursts(self, client: CliqClient) -> None:
        while await self._pause(900.0):
            async with asyncio.TaskGroup() as group:
                for _ in range(self.rng.randint(30, 120)):
                    group.create_task(self._send(client))

    async def _others(self, client: CliqClient) -> None:
        bots = client.bots
        while await self._pause(6.0):
            work = self.rng.choice(
                [lambda: bots.get(BOT_ID), bots.list, lambda: bots.update(BOT_ID, _CHANGES)]
            )
            await self._maybe_cancelled(work(), 0.1, 5.0)

    async def _broadcasts(self, client: CliqClient) -> None:
        while self.jobs or await self._pause(120.0):
            job = self.jobs.pop() if self.jobs else self._a_job()
            left = False
            try:
                left = await self._broadcast(client, job)
            except asyncio.CancelledError:
                left = job.path is not None  # killed
                job.resend = False
                raise
            finally:
                if left:
                    self.jobs.append(job)

    def _a_job(self) -> Job:
        number = next(self.numbers)
        many = int(10 ** self.rng.uniform(0, 3.7))
        path = self.folder / f"{number}.db" if self.rng.random() < 0.8 else None
        first = number * 100_000
        ids = [str(first + number) for number in range(many)]
        return Job(f"job {number}", ids, self.rng.choice([1, 7, 100]) if many < 300 else 100, path)

    async def _broadcast(self, client: CliqClient, job: Job) -> bool:
        """Send a job, or what is left of it. True if there is more to do."""
        running = client.broadcast(
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

    async def _syncs(self, client: CliqClient, path: Path) -> None:
        while await self._pause(1200.0):
            got = await self._maybe_cancelled(
                sync_subscribers(client, BOT, path, full=True), 0.2, 20.0
            )
            if isinstance(got, BaseException):
                continue
            (one,) = got.bots
            if one.error is None:
                assert one.present == self.world.subscribers, one
                self.counts["syncs"] += 1


def _remove(path: Path) -> None:
    for each in path.parent.glob(path.name + "*"):
        each.unlink()
