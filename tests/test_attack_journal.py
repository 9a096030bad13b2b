"""A state machine that runs, kills and resumes a job, and a model that knows who was reached.

A kill keeps of the journal's log what was on the disk for certain, and of what came after that as
many bytes as one likes, torn or spoiled. Whoever was answered since may be unknown then; nobody is
sent to twice who did not ask for it, nobody is lost, and the report says what the model says.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from effort import tries
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from journals import IDENTITY
from senders import LATER, a_token, api

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.errors import (
    BadRequestError,
    JournalError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaWaitError,
    TransportError,
)
from cliq_async.testing import MovedLoop

SIZE, MANY = 4, 26
EVERYBODY = tuple(str(1000 + number) for number in range(MANY))
FATES: dict[str, BaseException | None] = {
    "delivered": None,
    "failed": api(BadRequestError, 400, "botmessage_no_valid_users"),
    "unknown": OutcomeUnknownError("send_message", "lost"),
    "split": api(PermissionDeniedError, 403, "bot_unauthorized_message_access"),
    "no connection": TransportError("send_message", "no connection"),
    "stopped": QuotaWaitError("send_message", LATER),
}


class Disk:
    """Does a journal's work in its order, later; what was asked for is on the disk for certain."""

    def __init__(self, journal: Journal, machine: "JobMachine") -> None:
        self.file = journal._file
        self.machine = machine
        self.waiting: list[Any] = []
        self.dead = False
        self.safe = 0

    @property
    def log(self) -> Path:
        return self.file.path.with_name(self.file.path.name + "-wal")

    async def ask(self, step, *, lasting=False):
        await asyncio.sleep(0)
        if self.dead:
            raise asyncio.CancelledError
        results = self.file.run([*self.waiting, step])
        self.waiting.clear()
        self.safe = self.log.stat().st_size if self.log.exists() else 0
        self.machine.written()
        await asyncio.sleep(0)
        if isinstance(results[-1], Exception):
            raise results[-1]
        return results[-1]

    def tell(self, step):
        self.waiting.append(step)

    def flush(self):
        """Write what is pending, but for all that is known only to the page cache."""
        if self.waiting and not self.dead:
            self.file.run(self.waiting)
            self.waiting.clear()

    async def ask_all(self, steps):
        return [await self.ask(step) for step in steps]

    async def close(self):
        if not self.dead:
            self.file.close()


@attrs.define(eq=False)
class Request:
    """A batch on the wire."""

    ids: tuple[str, ...]
    answer: asyncio.Future[str]


class JobMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = MovedLoop()
        asyncio.set_event_loop(None)
        memory = Path("/dev/shm")  # no disk has to be waited for
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.number = 0
        self.path = self.folder / "job.db"
        self.task: asyncio.Task[Any] | None = None
        self.on_the_wire: list[Request] = []
        # For each recipient, what the journal may say of them.
        self.may_be = {who: {"fresh"} for who in EVERYBODY}
        self.since: dict[str, set[str]] = {}
        self.reached = dict.fromkeys(EVERYBODY, 0)
        self.asked_again = dict.fromkeys(EVERYBODY, 0)
        self.resending = False

    def run(self, turns: int) -> None:
        async def let():
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run_until_complete(let())

    # What the model learns.

    def written(self) -> None:
        """Whatever was noted before is on the disk for certain."""
        self.since.clear()

    def note(self, ids: tuple[str, ...], status: str) -> None:
        """Something is known of some, and not yet on the disk for certain."""
        for who in ids:
            self.since.setdefault(who, self.may_be[who])
            self.may_be[who] = {status}

    async def send(self, batch: Any, watch: Any) -> None:
        await watch.announce()
        for who in batch.ids:
            states = self.may_be[who]
            allowed = {"fresh", "waiting"} | ({"unknown"} if self.resending else set())
            assert states & allowed, (who, states)
            self.asked_again[who] += "fresh" not in states and "waiting" not in states
            self.may_be[who] = {"unknown"}  # it was written down before it left
        token = watch.token = a_token()
        token.may_send()
        request = Request(batch.ids, self.loop.create_future())
        self.on_the_wire.append(request)
        try:
            fate = await request.answer
        except asyncio.CancelledError:
            watch.lost = True
            raise
        finally:
            token.ended = True
        if fate in {"no connection", "stopped"}:
            self.note(batch.ids, "unknown" if self.doubtful(batch) else "fresh")
        elif fate == "split":
            self.split(batch)
        else:
            watch.lost = fate == "unknown"
            doubtful = fate == "failed" and self.doubtful(batch)
            self.note(batch.ids, "unknown" if doubtful else fate)
        if (error := FATES[fate]) is not None:
            raise error

    def doubtful(self, batch: Any) -> bool:
        """Whether they may have been reached by a request before this one."""
        return any(self.asked_again[who] for who in batch.ids)

    def split(self, batch: Any) -> None:
        parts = len(batch) > 1 and (batch.budget is None or batch.budget.left >= 2)
        status = "waiting" if parts else "failed"
        self.note(batch.ids, "unknown" if self.doubtful(batch) else status)
        if parts and self.doubtful(batch):
            for who in batch.ids:
                self.may_be[who] = {"unknown", "waiting"}

    # What is done.

    def journal(self, *, resend: bool) -> Journal:
        identity = attrs.evolve(IDENTITY, batch_size=SIZE)
        journal = Journal(self.path, identity, resend_unknown=resend)
        self.disk = Disk(journal, self)
        journal._worker = cast("Any", self.disk)
        return journal

    @precondition(lambda self: self.task is None)
    @rule(resend=st.booleans(), in_flight=st.integers(1, 4))
    def start(self, resend, in_flight):
        self.resending = resend
        self.job = Broadcast(
            self.send,
            batch_size=SIZE,
            max_in_flight=in_flight,
            record=self.journal(resend=resend),
        )
        self.task = self.loop.create_task(self.job.run(EVERYBODY))
        self.run(12)

    @precondition(lambda self: self.on_the_wire)
    @rule(place=st.integers(0, 3), fate=st.sampled_from([*FATES, "delivered", "delivered"]))
    def answer(self, place, fate):
        request = self.on_the_wire.pop(place % len(self.on_the_wire))
        if fate == "delivered":
            self.arrives(request)
        request.answer.set_result(fate)
        self.run(12)
        self.over()

    @precondition(lambda self: self.on_the_wire)
    @rule(place=st.integers(0, 3))
    def is_done_and_not_answered(self, place):
        request = self.on_the_wire.pop(place % len(self.on_the_wire))
        self.arrives(request)
        request.answer.set_result("unknown")
        self.run(12)
        self.over()

    def arrives(self, request: Request) -> None:
        for who in request.ids:
            self.reached[who] += 1
            assert self.reached[who] <= 1 + self.asked_again[who], "nobody gets it twice"

    @precondition(lambda self: self.task is not None)
    @rule(turns=st.integers(1, 4))
    def let_run(self, turns):
        self.run(turns)
        self.over()

    @precondition(lambda self: self.task is not None)
    @rule(wholly=st.booleans())
    def stop(self, wholly):
        self.loop.call_soon(self.job.abort if wholly else self.job.stop, "enough")
        if wholly:
            self.on_the_wire.clear()
        self.run(30)
        self.over()

    @precondition(lambda self: self.task is not None)
    @rule()
    def the_thread_gets_its_turn(self):
        self.disk.flush()

    @precondition(lambda self: self.task is not None)
    @rule(
        share=st.floats(0.0, 1.0),
        spoiled=st.sampled_from(["cut", "zeros", "twice", "flipped"]),
        arrived=st.lists(st.booleans(), min_size=4, max_size=4),
    )
    def kill(self, share, spoiled, arrived):
        """The program is gone, and the disk has as much of the log as it likes."""
        for request, did in zip(self.on_the_wire, arrived, strict=False):
            if did:
                self.arrives(request)
        self.disk.dead = True
        self.number += 1
        copy = self.folder / f"job {self.number}.db"
        if self.path.exists():
            shutil.copy(self.path, copy)
        if self.disk.log.exists():
            log, safe = self.disk.log.read_bytes(), self.disk.safe
            kept = log[: safe + int(share * (len(log) - safe))]
            tail = kept[safe:]
            match spoiled:
                case "zeros":
                    kept += b"\0" * 500
                case "twice":
                    kept += (tail or kept)[-4120:]
                case "flipped" if tail:
                    place = safe + len(tail) // 2
                    kept = kept[:place] + bytes([kept[place] ^ 0x55]) + kept[place + 1 :]
            copy.with_name(copy.name + "-wal").write_bytes(kept)
        assert self.task is not None
        self.task.cancel()
        self.run(30)
        assert self.task.done()
        self.task = None
        self.on_the_wire.clear()
        self.disk.file.close()
        self.path = copy
        # What was not on the disk for certain may be as it was before, or as it is noted.
        for who, before in self.since.items():
            self.may_be[who] = self.may_be[who] | before
        self.since.clear()

    @precondition(lambda self: self.task is None)
    @rule(seed=st.integers(0, MANY - 2))
    def other_recipients_are_refused(self, seed):
        """In another order; unless nothing was begun of them for certain."""
        begun = [n for n, who in enumerate(EVERYBODY) if "fresh" not in self.may_be[who]]
        if not begun:
            return
        place = min(seed, begun[-1] // SIZE * SIZE)
        others = list(EVERYBODY)
        others[place], others[-1] = others[-1], others[place]
        if place // SIZE == (MANY - 1) // SIZE or "fresh" in self.may_be[EVERYBODY[place]]:
            return

        async def never(batch, watch):
            raise AssertionError("nothing is sent")

        job = Broadcast(never, batch_size=SIZE, record=self.journal(resend=False))
        with pytest.raises(JournalError):
            self.loop.run_until_complete(job.run(others))

    def over(self) -> None:
        """If the job has come to its end, its report says what the model says."""
        if self.task is None or not self.task.done():
            return
        report = self.task.result()
        self.task = None
        self.on_the_wire.clear()
        said: dict[str, str] = {}
        for outcome in report.outcomes:
            for who in outcome.ids:
                assert who not in said, "everybody is in one outcome"
                said[who] = outcome.status
        for who, status in said.items():
            assert status in self.may_be[who], (who, status, self.may_be[who])
        for status in ("failed", "unknown"):
            assert list(said.values()).count(status) == getattr(report, status)
        rest = [who for who in EVERYBODY if who not in said]
        delivered = [who for who in rest if self.may_be[who] & {"delivered"}]
        sure = [who for who in rest if self.may_be[who] == {"delivered"}]
        assert len(sure) <= report.delivered <= len(delivered)
        for who, status in said.items():
            self.may_be[who] = {status}
        if report.stopped is None:
            assert report.delivered == len(rest), "nobody is lost"
            for who in rest:
                self.may_be[who] = {"delivered"}

    @invariant()
    def who_was_delivered_to_was_reached(self):
        for who, states in self.may_be.items():
            assert states != {"delivered"} or self.reached[who] >= 1
            assert states != {"fresh"} or self.reached[who] == 0

    def teardown(self):
        """Run it to its end, with all answered well."""
        for _ in range(60):
            if self.task is None:
                if all("fresh" not in s and "waiting" not in s for s in self.may_be.values()):
                    break
                self.start(resend=False, in_flight=4)
            while self.on_the_wire:
                self.answer(0, "delivered")
            self.run(5)
            self.over()
        else:
            raise AssertionError("it comes to no end")
        if self.task is not None:
            self.stop(wholly=True)
        self.loop.close()
        shutil.rmtree(self.folder)


JobMachine.TestCase.settings = tries(8, stateful_step_count=25)
TestJob = JobMachine.TestCase
