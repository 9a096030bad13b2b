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
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.effort import tries
from support.job_model import JobModel
from support.journal_disk import Disk
from support.journals import IDENTITY
from support.senders import (
    LATER,
    LOST,
    NO_CONNECTION,
    NOBODY_VALID,
    NOT_FOR_SOME,
    FakeCall,
    Sender,
)

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.errors import JournalError, QuotaWaitError
from cliq_async.testing import VirtualTimeLoop

SIZE, MANY = 4, 26
EVERYBODY = tuple(str(1000 + number) for number in range(MANY))
FATES: dict[str, BaseException | None] = {
    "delivered": None,
    "failed": NOBODY_VALID,
    "unknown": LOST,
    "split": NOT_FOR_SOME,
    "no connection": NO_CONNECTION,
    "stopped": QuotaWaitError("send_message", LATER),
}


@attrs.define(eq=False)
class Request:
    """A batch on the wire."""

    ids: tuple[str, ...]
    answer: asyncio.Future[str]


class Never(Sender):
    """Must not be asked to send anything."""

    def begin(self, batch):
        raise AssertionError("nothing is sent")


class MachineCall(FakeCall):
    """A call whose answer the machine decides on."""

    def __init__(self, machine, batch):
        super().__init__(machine, batch, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    async def acquire(self):
        pass

    async def send(self):
        machine, batch = self.sender, self.batch
        machine.model.leaves(batch.ids)
        request = Request(batch.ids, machine.loop.create_future())
        machine.on_the_wire.append(request)
        self.in_flight = True
        try:
            fate = await request.answer
        except asyncio.CancelledError:
            self.outcome_unknown = True
            raise
        finally:
            self.in_flight = False
        self.outcome_unknown = fate == "unknown"
        machine.model.ended(batch, fate)
        if (error := FATES[fate]) is not None:
            raise error
        self.answered = True


class JobMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = VirtualTimeLoop()
        asyncio.set_event_loop(None)
        memory = Path("/dev/shm")  # no disk has to be waited for
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.number = 0
        self.path = self.folder / "job.db"
        self.task: asyncio.Task[Any] | None = None
        self.on_the_wire: list[Request] = []
        self.model = JobModel(EVERYBODY)

    def run(self, turns: int) -> None:
        async def let():
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run_until_complete(let())

    def begin(self, batch: Any) -> Any:
        return MachineCall(self, batch)

    def reached_ids(self, answer: Any) -> Any:
        return answer

    body: Any = None

    # What is done.

    def journal(self, *, resend: bool) -> Journal:
        identity = attrs.evolve(IDENTITY, batch_size=SIZE)
        journal = Journal(self.path, identity, resend_unknown=resend)
        self.disk = Disk(journal, self.model.written)
        journal._worker = cast("Any", self.disk)
        return journal

    @precondition(lambda self: self.task is None)
    @rule(resend=st.booleans(), in_flight=st.integers(1, 4))
    def start(self, resend, in_flight):
        self.model.resending = resend
        self.job = Broadcast(
            self,
            batch_size=SIZE,
            max_in_flight=in_flight,
            log=self.journal(resend=resend),
        )
        self.task = self.loop.create_task(self.job.run(EVERYBODY))
        self.run(12)

    @precondition(lambda self: self.on_the_wire)
    @rule(place=st.integers(0, 3), fate=st.sampled_from([*FATES, "delivered", "delivered"]))
    def answer(self, place, fate):
        request = self.on_the_wire.pop(place % len(self.on_the_wire))
        if fate == "delivered":
            self.model.arrives(request.ids)
        request.answer.set_result(fate)
        self.run(12)
        self.over()

    @precondition(lambda self: self.on_the_wire)
    @rule(place=st.integers(0, 3))
    def is_done_and_not_answered(self, place):
        request = self.on_the_wire.pop(place % len(self.on_the_wire))
        self.model.arrives(request.ids)
        request.answer.set_result("unknown")
        self.run(12)
        self.over()

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
                self.model.arrives(request.ids)
        self.number += 1
        copy = self.folder / f"job {self.number}.db"
        self.disk.crash(copy, share=share, spoiled=spoiled)
        assert self.task is not None
        self.task.cancel()
        self.run(30)
        assert self.task.done()
        self.task = None
        self.on_the_wire.clear()
        self.disk.file.close()
        self.path = copy
        self.model.killed()

    @precondition(lambda self: self.task is None)
    @rule(seed=st.integers(0, MANY - 2))
    def other_recipients_are_refused(self, seed):
        """In another order; unless nothing was begun of them for certain."""
        begun = self.model.begun()
        if not begun:
            return
        place = min(seed, begun[-1] // SIZE * SIZE)
        others = list(EVERYBODY)
        others[place], others[-1] = others[-1], others[place]
        if place // SIZE == (MANY - 1) // SIZE or place not in begun:
            return

        job = Broadcast(Never(), batch_size=SIZE, log=self.journal(resend=False))
        with pytest.raises(JournalError):
            self.loop.run_until_complete(job.run(others))

    def over(self) -> None:
        """If the job has come to its end, its report says what the model says."""
        if self.task is None or not self.task.done():
            return
        report = self.task.result()
        self.task = None
        self.on_the_wire.clear()
        self.model.check_report(report)

    @invariant()
    def who_was_delivered_to_was_reached(self):
        self.model.check_reached()

    def teardown(self):
        """Run it to its end, with all answered well."""
        for _ in range(60):
            if self.task is None:
                if self.model.over:
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


JobMachine.TestCase.settings = tries(4, stateful_step_count=25)
TestJob = JobMachine.TestCase
