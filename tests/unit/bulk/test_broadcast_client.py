"""Broadcasts of a client: they share its quota with others, and their reports hold."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from support.clients import a_scripted_client
from support.scripted import DONE, answer, moved
from support.senders import Ids, accounted

from cliq_async.client import CliqClient
from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaWaitError, ValidationError
from cliq_async.models.message import Message
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.transport.base import Response


@moved
async def test_headroom_is_left_to_others():
    client, transport = a_scripted_client([DONE], delay_s=0.1)
    async with client:
        job = asyncio.create_task(
            client.broadcast("bot", "hi", Ids(100), batch_size=1, headroom=20)
        )
        await asyncio.sleep(5)
        assert len(transport.requests) == 30
        assert (await client.quota_status())["send_message"].free == 20
        await client.messages.send("bot", "now", user_ids=[1])
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


@moved
async def test_interactive_send_overtakes_a_running_broadcast():
    client, transport = a_scripted_client([DONE], delay_s=0.1)
    async with client:
        job = asyncio.create_task(client.broadcast("bot", "hi", Ids(200), batch_size=1))
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        await client.messages.send("bot", "now", user_ids=[1])
        assert loop.time() == pytest.approx(61.2)
        assert len(transport.requests) <= 101
        report = await job
        assert report.delivered == 200


@moved
async def test_wait_beyond_max_wait_stops_the_job():
    client, _ = a_scripted_client([DONE], delay_s=0.1)
    async with client:
        ids = Ids(200)
        report = await client.broadcast("bot", "hi", ids, batch_size=1, max_wait_s=5)
        assert isinstance(report.error, QuotaWaitError)
        assert report.delivered == 50
        accounted(report, ids.read)


@moved
async def test_request_on_the_wire_at_a_stop_is_the_last_one_though_it_is_refused():
    """The lock is not waited for, and the request does not go again."""
    client, transport = a_scripted_client([answer(429), DONE], delay_s=2.0)
    async with client:
        ids = Ids(100)
        job = client.broadcast_job("bot", "hi", batch_size=10, max_in_flight=1)
        running = asyncio.create_task(job.run(ids))
        await asyncio.sleep(1.0)
        assert job.in_flight == 1
        job.stop("enough")
        report = await running
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)
    assert len(transport.requests) == 1
    assert (report.delivered, report.failed, report.stopped) == (0, 10, "enough")
    assert report.left == 10
    assert [(each.reason, each.left) for each in report.outcomes] == [("not sent: enough", True)]
    accounted(report, ids.read)


@pytest.mark.parametrize(
    ("foreign", "status", "why"),
    [
        (answer(200, b"<html>Log in</html>"), "unknown", "an answer that is not Cliq's"),
        (answer(302, b"<html>Moved</html>"), "failed", "proxies or login pages on the way"),
    ],
)
@moved
async def test_job_stops_after_a_few_answers_that_are_not_cliqs_and_says_why(foreign, status, why):
    client, transport = a_scripted_client([DONE, foreign], delay_s=0.1)
    async with client:
        report = await client.broadcast("bot", "hi", Ids(500), batch_size=10, max_in_flight=1)
    assert report.delivered == 10
    assert len(transport.requests) == (6 if status == "unknown" else 2)
    assert report.unknown == (50 if status == "unknown" else 0)
    assert why in (report.stopped or "")


@moved
async def test_locks_and_requests_are_counted():
    client, transport = a_scripted_client([answer(429), DONE], delay_s=0.1)
    async with client:
        report = await client.broadcast("bot", "hi", Ids(3), batch_size=1, max_in_flight=1)
    assert (report.delivered, report.requests, report.lockouts) == (3, 4, 1)
    assert len(transport.requests) == 4


@pytest.mark.parametrize(
    "fault",
    [
        "lost",
        "reset",
        "refuse",
        "500",
        "502",
        "throttle-429",
        "throttle-400",
        "throttle-nested",
        "throttle-200",
    ],
)
async def test_report_agrees_with_what_the_server_delivered(fault):
    limits = {"send_message": Limit(1000, 60.0, 60.0)}
    many = 60
    async with (
        Sandbox(
            subscribers=many,
            faults=[f"{fault}:0.2@send_message"],
            seed=7,
            time_scale=600.0,
            limits=limits,
        ) as sandbox,
        CliqClient(
            "ann",
            base_url=sandbox.url,
            time_scale=600.0,
            limits=limits,
            timeout_s=1.0 if fault == "lost" else 10.0,
            quota=MemoryStore(),
        ) as client,
    ):
        everybody = [user.user_id async for user in client.subscribers.iter("supportbot")]
        assert len(everybody) == many
        report = await client.broadcast(
            "supportbot", "hi", everybody, batch_size=3, max_in_flight=20
        )
        accounted(report, many)
        got = Counter(sandbox.report(recipients=True)["recipients"])
        by_status = {status: set() for status in ("failed", "unknown", "skipped")}
        for outcome in report.outcomes:
            by_status[outcome.status] |= set(outcome.ids)
        for who in everybody:
            if who in by_status["failed"]:
                assert got[who] == 0
            elif who in by_status["unknown"]:
                assert got[who] <= 1
            else:
                assert got[who] == 1
        assert report.delivered > 0
        if fault in {"lost", "reset", "500", "502"}:
            assert report.unknown > 0
        if fault.startswith("throttle"):
            assert (report.delivered, report.lockouts > 0) == (many, True)


async def test_an_option_that_there_is_not_is_no_option():
    async with CliqClient("t", quota="memory://") as client:
        wrong: Any = {"exlude": ["2"]}
        with pytest.raises(TypeError, match="exlude"):
            await client.broadcast("ops", "hi", ["1"], **wrong)


async def test_options_of_a_journal_are_checked():
    async with CliqClient("t", quota="memory://") as client:
        with pytest.raises(ValidationError, match="resend_unknown"):
            await client.broadcast("ops", "x", [1], resend_unknown=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"headroom": -1},
        {"headroom": 1.5},
        {"max_wait_s": -1},
        {"batch_size": 0},
        {"max_in_flight": 0},
    ],
)
@moved
async def test_broadcasts_options_are_checked_before_anything_is_read(wrong):
    client, transport = a_scripted_client()

    def unread():
        raise AssertionError("read")
        yield 1

    async with client:
        with pytest.raises(ValidationError):
            await client.broadcast("bot", "hi", unread(), **wrong)
        with pytest.raises(ValidationError):
            await client.broadcast("a/b", "hi", unread())
        with pytest.raises(ValidationError):
            await client.broadcast("bot", Message(text="x" * 5001), unread())
    assert transport.requests == []


class WritesLater:
    """A transport whose requests are written by a task of their own, one turn later."""

    def __init__(self):
        self.sent = 0
        self.began: Any = None

    async def send(self, request, permit):
        self.began()
        writer = asyncio.create_task(self.write(permit))
        await asyncio.shield(writer)
        await asyncio.sleep(1)
        return Response(204, {}, b"")

    async def write(self, permit):
        self.sent += permit.claim()

    async def close(self):
        pass


@moved
async def test_no_request_leaves_between_a_stop_and_the_end_of_its_worker():
    transport = WritesLater()
    client = CliqClient("t", transport=transport, quota=MemoryStore())
    async with client:
        job = client.broadcast_job("bot", "hi")
        transport.began = lambda: asyncio.get_running_loop().call_soon(job.stop, "enough")
        report = await job.run(Ids(1))
    assert transport.sent == 0
    assert [(o.status, o.reason) for o in report.outcomes] == [("failed", "not sent: enough")]


@pytest.mark.parametrize(
    ("journal", "quota", "warns"),
    [
        ("redis://127.0.0.1:1/0/news", "memory://", True),
        ("redis://127.0.0.1:1/0/news", "sqlite:////nowhere/quota.db", True),
        ("redis://127.0.0.1:1/0/news", "redis://127.0.0.1:1/0", False),
        ("news.journal", "memory://", False),
    ],
)
async def test_a_journal_that_outlives_the_host_wants_a_quota_that_does(
    journal, quota, warns, caplog
):
    client = CliqClient("t", quota=quota)
    client.broadcast_job("ops", "hi", journal=journal)
    assert [each.levelname for each in caplog.records] == ["WARNING"] * warns
