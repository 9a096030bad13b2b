"""Voice calls to many: 10 with a request, and who is not named in the answer has failed."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, strategies as st
from support.clients import a_client
from support.scripted import moved
from support.stores import Inline

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import MemoryJobLog
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_reader import read_outcomes
from cliq_async.bulk.journal_store import JobIdentity
from cliq_async.bulk.outcomes import split_by_reached
from cliq_async.client import CliqClient
from cliq_async.errors import ValidationError
from cliq_async.models.button import InvokeFunction
from cliq_async.models.call import Call, CallAction
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeTransport


class Cliq:
    """Calls everybody but some, whom it leaves out of its answer."""

    def __init__(self, *deaf):
        self.deaf = set(deaf)
        self.bodies = []
        self.times = []
        self.transport = FakeTransport(self.answer)

    def answer(self, request):
        assert request.endpoint == "trigger_call"
        self.times.append(asyncio.get_running_loop().time())
        self.bodies.append(request.json)
        called = [each for each in request.json["user_ids"] if each not in self.deaf]
        return 200, {"id": "c-1", "user_ids": called}


@moved
async def test_ten_with_a_call_and_ten_calls_in_five_minutes():
    cliq = Cliq()
    began = asyncio.get_running_loop().time()
    async with a_client(cliq.transport) as client:
        order = Call("Fire drill", retry=1, actions=CallAction("Ok", action=InvokeFunction("ok")))
        report = await client.call_many("ops", order, range(1, 206))
    assert (report.delivered, report.failed, report.requests, report.lockouts) == (205, 0, 21, 0)
    assert Counter(each for body in cliq.bodies for each in body["user_ids"]) == Counter(
        str(n) for n in range(1, 206)
    )
    assert {body["retry"] for body in cliq.bodies} == {1}
    took_s = cliq.times[-1] - began
    assert 600 <= took_s <= 610
    in_windows = [sum(at <= each < at + 300 for each in cliq.times) for at in cliq.times]
    assert max(in_windows) == 10


@moved
async def test_who_is_not_named_has_failed_and_the_others_are_delivered():
    cliq = Cliq("3", "7")
    async with a_client(cliq.transport) as client:
        report = await client.call_many("ops", "Fire drill", range(1, 11))
    assert (report.delivered, report.failed, report.unknown) == (8, 2, 0)
    (outcome,) = report.outcomes
    assert outcome.ids == ("3", "7")
    assert "does not list them" in outcome.reason


@moved
async def test_calls_may_be_personal():
    cliq = Cliq()
    async with a_client(cliq.transport) as client:
        report = await client.call_many(
            "ops", lambda n: (n, f"Shift {n % 2}"), range(1, 21), batch_size=5
        )
    assert (report.delivered, report.requests) == (20, 4)
    assert Counter(body["text"] for body in cliq.bodies) == {"Shift 0": 2, "Shift 1": 2}


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        ("", {}, "Call.text"),
        (7, {}, "a Call or a str"),
        (Call("a", user_ids=["1"]), {}, "Call.user_ids: None"),
        ("a", {"batch_size": 11}, "batch_size: an int from 1 to 10"),
        ("a", {"batch_size": None}, "batch_size: an int from 1 to 10"),
        ("a", {"headroom": -1}, "headroom"),
        ("a", {"exclude": "12"}, "exclude"),
        ("a", {"exclude": ["1,2"]}, "exclude"),
        ("a", {"exclude": 5}, "exclude"),
    ],
)
@moved
async def test_what_cannot_be_a_job_of_calls_is_refused(call, options, said):
    async with a_client(Cliq().transport) as client:
        with pytest.raises(ValidationError, match=said):
            await client.call_many("ops", call, ["1"], **options)


async def test_the_sandbox_calls_everybody():
    async with Sandbox(subscribers=25, time_scale=600) as sandbox:
        async with CliqClient(
            "t", base_url=sandbox.url, quota="memory://", time_scale=600
        ) as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            report = await client.call_many("supportbot", "Fire drill", [*ids, "12345"])
        assert (report.delivered, report.failed, report.lockouts) == (25, 1, 0)
        assert [outcome.ids for outcome in report.outcomes] == [("12345",)]


# Whom an answer names.

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.mark.parametrize(
    ("ids", "named", "failed", "unknown"),
    [
        (("1", "2"), None, (), ()),
        (("1", ANN), (), ("1", ANN), ()),
        (("1", "2"), ("1", "2"), (), ()),
        (("1", "2"), ("2",), ("1",), ()),
        (("1", "1"), ("1",), (), ()),
        ((ANN, BOB), ("8", "9"), (), ()),
        ((ANN, BOB), ("8",), (), (ANN, BOB)),
        (("1", ANN), ("8",), (), ("1", ANN)),
        (("1", "2", "3"), ("u1", "u2"), (), ("1", "2", "3")),
        (("1", "2", ANN), ("1", "8"), ("2",), ()),
        (("1", ANN), ("1",), (), (ANN,)),
        (("1", "2", ANN, BOB), ("1", "8"), ("2",), (ANN, BOB)),
        (("1", "2", ANN, BOB), ("1", "8", "9"), ("2",), ()),
        (("1", "2"), ("u1", "u2"), (), ()),
    ],
)
def test_who_was_reached(ids, named, failed, unknown):
    of_them = split_by_reached(ids, named)
    assert (of_them.failed, of_them.unknown) == (failed, unknown)
    assert of_them.delivered == tuple(each for each in ids if each not in {*failed, *unknown})


@given(
    st.lists(st.sampled_from(["1", "2", "3", ANN, BOB]), min_size=1, max_size=10),
    st.lists(st.sampled_from(["1", "2", "3", "8", "9"])),
)
def test_everybody_is_in_one_of_the_three(ids, named):
    of_them = split_by_reached(tuple(ids), named)
    parts = (of_them.delivered, of_them.failed, of_them.unknown)
    assert Counter(each for part in parts for each in part) == Counter(ids)


@pytest.mark.parametrize("kept", ["memory", "journal"])
async def test_parts_of_a_batch_are_noted_at_once(kept, tmp_path, monkeypatch):
    monkeypatch.setattr("cliq_async.bulk.journal.WorkerThread", lambda file, _forked: Inline(file))
    path = tmp_path / "job"
    identity = JobIdentity(
        kind="calls", quota="q", bot="b", message="m", batch_size=4, dedupe=False
    )
    log = MemoryJobLog() if kept == "memory" else Journal(path, identity)
    await log.open()
    batch = log.with_key(Batch(("1", "2", "3", "4"), 0))
    await log.mark_sending(batch)
    log.record_outcomes(
        batch,
        [
            (batch.part(("1", "4")), "delivered", ""),
            (batch.part(("2",)), "failed", "why"),
            (batch.part(("3",)), "unknown", "who knows"),
        ],
    )
    counts = log.counts
    assert (counts.delivered, counts.failed, counts.unknown) == (2, 1, 1)
    assert [(each.ids, each.status, each.reason) for each in log.outcomes()] == [
        (("2",), "failed", "why"),
        (("3",), "unknown", "who knows"),
    ]
    await log.close()
    if kept == "journal":
        everybody = [(each.ids, each.status) for each in read_outcomes(path, delivered=True)]
        assert (("1", "4"), "delivered") in everybody
        again = Journal(path, identity)
        known = await again.open()
        assert known.batches == 1
        assert await again.check([Batch(("1", "2", "3", "4"), 0)]) == []
        assert await again.unfinished() == []
        await again.close()
