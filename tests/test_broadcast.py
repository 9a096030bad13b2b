"""One message to many: every id that is read is accounted for exactly once, whatever happens."""

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from scripted import DONE, Scripted, answer, moved

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.client import CliqClient
from cliq_async.config import Settings
from cliq_async.endpoints import Limit
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    BadRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
    ValidationError,
)
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.token import Token
from cliq_async.sandbox import Sandbox
from cliq_async.testing import run_in_moved_time

QUOTA = Settings().quotas()["send_message"]
LATER = datetime(2030, 1, 1, tzinfo=UTC)


class Ids:
    """Recipients that count how many were read."""

    def __init__(self, many, *, slow=False, fail_at=None):
        self.many, self.slow, self.fail_at = many, slow, fail_at
        self.read = 0

    def __iter__(self):
        for number in range(self.many):
            if number == self.fail_at:
                raise LookupError("the database is gone")
            self.read += 1
            yield 1000 + number

    async def __aiter__(self):
        ids = iter(self)
        while True:
            if self.slow:
                await asyncio.sleep(0.01)
            try:
                yield next(ids)
            except StopIteration:
                return


class Sender:
    """Stands for the network: what it is told becomes of each batch."""

    def __init__(self, fates=(), takes_s=1.0):
        self.fates = list(fates)
        self.takes_s = takes_s
        self.batches = []
        self.under_way = 0
        self.most = 0

    async def __call__(self, batch, watch):
        fate = self.fates.pop(0) if self.fates else None
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.takes_s)  # in line
            token = watch.token = _a_token()
            if isinstance(fate, TransportError):
                raise fate
            await watch.announce()
            token.may_send()
            self.batches.append(batch.ids)
            try:
                await asyncio.sleep(self.takes_s)  # on the wire
            except asyncio.CancelledError:
                watch.lost = True
                raise
            finally:
                token.ended = True
                watch.requests += 1
            if isinstance(fate, BaseException):
                watch.lost = isinstance(fate, OutcomeUnknownError)
                raise fate
        finally:
            self.under_way -= 1


def _a_token():
    store: Any = Silent()
    return Token(store, QUOTA, 1, 0.0, 10.0)


class Silent:
    """A store that takes note of nothing."""

    def clock(self):
        return 0.0

    def end(self, *_):
        pass


def accounted(report, read):
    """Every id that was read is in one count, and every one not delivered in one outcome."""
    assert report.delivered + report.failed + report.unknown + report.skipped == read
    for status in ("failed", "unknown"):
        listed = [i for o in report.outcomes if o.status == status for i in o.ids]
        assert len(listed) == len(set(listed)) == getattr(report, status)
    everybody = [i for o in report.outcomes if o.status != "skipped" for i in o.ids]
    assert len(everybody) == len(set(everybody))


# Batches.

SIZES = [(0, 10, None), (1, 10, 1), (95, 10, 5), (100, 100, 100)]


@pytest.mark.parametrize("source", [list, tuple, iter, aiter])
@pytest.mark.parametrize(
    ("many", "size", "last"), [(0, 10, None), (1, 10, 1), (95, 10, 5), (100, 100, 100)]
)
@moved
async def test_recipients_go_in_full_batches_each_once(source, many, size, last):
    sender, ids = Sender(), Ids(many)
    report = await Broadcast(sender, batch_size=size, max_in_flight=3).run(source(ids))
    assert sorted(int(i) for batch in sender.batches for i in batch) == [
        1000 + n for n in range(many)
    ]
    assert sorted(Counter(map(len, sender.batches)))[:1] == ([] if last is None else [last])
    assert (report.delivered, report.requests, report.stopped) == (many, -(-many // size), None)


@moved
async def test_never_more_is_read_than_is_on_its_way():
    sender, ids = Sender(), Ids(10_000)
    ahead = []

    async def watching(batch, watch):
        ahead.append(ids.read - sum(map(len, sender.batches)))
        await sender(batch, watch)

    await Broadcast(watching, batch_size=7, max_in_flight=4).run(ids)
    assert max(ahead) <= 4 * 7
    assert sender.most == 4


@moved
async def test_endless_recipients_are_sent_to_until_the_job_is_stopped():
    def endless():
        number = 0
        while True:
            number += 1
            yield number

    for to in (endless(), Ids(10**9)):
        sender = Sender()
        job = Broadcast(sender, batch_size=10, max_in_flight=5)
        asyncio.get_running_loop().call_later(10.5, job.stop, "enough")
        report = await job.run(to)
        assert report.stopped == "enough"
        assert report.delivered == 10 * len(sender.batches) > 0


@moved
async def test_endless_repeats_can_be_stopped():
    def the_same():
        while True:
            yield 1

    job = Broadcast(Sender(), dedupe=True)
    asyncio.get_running_loop().call_soon(job.stop, "enough")
    report = await job.run(the_same())
    assert report.stopped == "enough"
    assert report.delivered + report.failed <= 1


@moved
async def test_repeats_are_sent_to_once_if_asked_in_whatever_case_they_are_written():
    ids = [1, "1", 2, "a@b.c", 1, "a@b.c", "A@b.c"]
    sender = Sender()
    report = await Broadcast(sender, dedupe=True).run(ids)
    assert sender.batches == [("1", "2", "a@b.c")]
    assert (report.delivered, report.skipped) == (3, 4)
    report = await Broadcast(Sender()).run(ids)
    assert (report.delivered, report.skipped) == (7, 0)


@moved
async def test_lines_of_a_file_are_ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("1\n 2 \r\n3")
    sender = Sender()
    with path.open() as lines:
        await Broadcast(sender).run(lines)
    assert sender.batches == [("1", "2", "3")]


@pytest.mark.parametrize(
    "bad",
    [None, "", " ", "1,2", "1\n2", True, 1.5, b"1", ["1", "2"], ("1", "2"), {"id": 1}, object()],
)
@moved
async def test_what_is_no_id_is_skipped_and_those_after_it_are_sent_to(bad):
    sender = Sender()
    report = await Broadcast(sender, batch_size=2).run([1, bad, 2, 3])
    assert sorted(sender.batches) == [("1", "2"), ("3",)]
    assert (report.delivered, report.skipped, report.stopped) == (3, 1, None)
    (outcome,) = report.outcomes
    assert outcome.status == "skipped"
    assert "not an id" in outcome.reason


@pytest.mark.parametrize("to", ["123", b"123", 123, None])
@moved
async def test_what_is_no_iterable_of_ids_is_refused(to):
    with pytest.raises(ValidationError):
        await Broadcast(Sender()).run(to)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": 101},
        {"batch_size": 1.5},
        {"batch_size": True},
        {"max_in_flight": 0},
        {"max_in_flight": 2.0},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        Broadcast(Sender(), **options)


# What becomes of a batch.


def api(cls, status=400, code="x"):
    return cls(status, code, "text", "send_message")


GOES_ON = [
    (api(BadRequestError, code="botmessage_no_valid_users"), "failed"),
    (api(ApiError, 405), "failed"),
    (api(ServerError, 500), "unknown"),
    (OutcomeUnknownError("send_message", "lost"), "unknown"),
    (ValidationError("message", "short", 1), "failed"),
]
NO_CONNECTION = TransportError("send_message", "no connection")
STOPS = [
    api(AuthenticationError, 401),
    api(NotFoundError, 404),
    api(PermissionDeniedError, 403, "bot_message_forbidden"),
    ThrottledError(429, None, "too many", "send_message", LATER),
    QuotaWaitError("send_message", LATER),
    QuotaStoreError("the disk is full"),
    AuthError("no token"),
]


@pytest.mark.parametrize(("error", "status"), GOES_ON)
@moved
async def test_failure_of_one_batch_is_noted_and_the_others_are_sent(error, status):
    report = await Broadcast(Sender([None, error]), batch_size=10, max_in_flight=1).run(Ids(30))
    assert (report.delivered, getattr(report, status), report.stopped) == (20, 10, None)
    (outcome,) = report.outcomes
    assert (outcome.ids[0], outcome.status) == ("1010", status)
    assert outcome.reason == str(error)
    assert outcome.code == getattr(error, "code", None)
    accounted(report, 30)


@pytest.mark.parametrize("error", STOPS)
@pytest.mark.parametrize("in_flight", [1, 3])
@moved
async def test_failure_that_the_next_batch_would_meet_stops_the_job(error, in_flight):
    ids = Ids(1000)
    report = await Broadcast(Sender([None, error]), batch_size=10, max_in_flight=in_flight).run(ids)
    assert report.error is error
    assert report.stopped
    assert report.stopped.startswith(str(error))
    assert ids.read < 200
    accounted(report, ids.read)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("x")])
@moved
async def test_error_that_nobody_expected_stops_the_job_and_the_report_is_there(error):
    ids = Ids(1000)
    report = await Broadcast(Sender([None, error]), batch_size=10, max_in_flight=3).run(ids)
    assert report.error is error
    assert report.delivered >= 10
    accounted(report, ids.read)


@moved
async def test_five_batches_in_a_row_without_a_connection_stop_the_job():
    down = [NO_CONNECTION] * 9
    sender, ids = Sender([*down[:4], None, *down]), Ids(1000)
    report = await Broadcast(sender, batch_size=10, max_in_flight=1).run(ids)
    assert (report.delivered, report.error) == (10, NO_CONNECTION)
    assert len(sender.batches) == 1
    accounted(report, ids.read)


@moved
async def test_batches_that_found_no_connection_are_sent_later():
    sender = Sender([None, NO_CONNECTION, NO_CONNECTION])
    report = await Broadcast(sender, batch_size=10, max_in_flight=2).run(Ids(35))
    assert (report.delivered, report.stopped, len(sender.batches)) == (35, None, 4)


@moved
async def test_batch_given_up_in_line_is_failed_though_the_one_before_was_lost():
    sender = Sender([OutcomeUnknownError("send_message", "lost")])
    job = Broadcast(sender, batch_size=10, max_in_flight=1)
    asyncio.get_running_loop().call_later(2.5, job.stop, "enough")
    report = await job.run(Ids(100))
    assert (report.unknown, report.failed, report.delivered) == (10, 10, 0)


# Ends.


@pytest.mark.parametrize("how", ["stop", "abort", "cancel"])
@pytest.mark.parametrize("slow", [False, True])
def test_job_ended_at_any_moment_accounts_for_every_id(how, slow):
    async def ended_at(moment_s):
        loop = asyncio.get_running_loop()
        sender, ids = Sender([None, GOES_ON[0][0], NO_CONNECTION]), Ids(60, slow=slow)
        job = Broadcast(sender, batch_size=10, max_in_flight=3)
        running = asyncio.create_task(job.run(ids))
        if how == "cancel":
            loop.call_later(moment_s, running.cancel)
        else:
            loop.call_later(moment_s, getattr(job, how), "enough")
        try:
            report = await running
        except asyncio.CancelledError:
            assert job._progress().done == ids.read
            return sender.under_way == 0
        accounted(report, ids.read)
        sent = {i for batch in sender.batches for i in batch}
        failed = {
            i
            for o in report.outcomes
            if o.status == "failed" and "not sent" in o.reason
            for i in o.ids
        }
        assert not sent & failed
        if how == "stop":
            unknown = [o for o in report.outcomes if "given up" in o.reason]
            assert unknown == []
        return sender.under_way == 0

    for step in range(70):
        assert run_in_moved_time(ended_at(step * 0.07))


@moved
async def test_source_that_fails_half_way_stops_the_job_with_what_was_read_accounted_for():
    for slow in (False, True):
        sender, ids = Sender(), Ids(100, fail_at=55, slow=slow)
        report = await Broadcast(sender, batch_size=10, max_in_flight=2).run(aiter(ids))
        assert isinstance(report.error, LookupError)
        assert "the database is gone" in str(report.stopped)
        assert ids.read == 55
        accounted(report, 55)


@moved
async def test_source_that_fails_before_its_first_id_is_raised_since_nothing_is_lost():
    sender = Sender()
    with pytest.raises(LookupError, match="the database is gone"):
        await Broadcast(sender).run(Ids(10, fail_at=0))
    assert sender.batches == []


@moved
async def test_on_progress_that_raises_is_logged_once_and_the_job_goes_on(caplog):
    calls = []

    def broken(progress):
        calls.append(progress.done)
        raise RuntimeError("the bar fell off")

    report = await Broadcast(Sender(), batch_size=10, on_progress=broken).run(Ids(100))
    assert (report.delivered, len(calls)) == (100, 1)
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "on_progress" in record.getMessage()


@moved
async def test_progress_grows_to_the_report():
    seen = []
    report = await Broadcast(Sender(), batch_size=10, max_in_flight=2, on_progress=seen.append).run(
        Ids(100)
    )
    assert [each.delivered for each in seen] == list(range(0, 101, 10))
    assert (seen[-1].done, seen[-1].requests) == (report.done, report.requests)


@given(
    fates=st.lists(st.sampled_from([None, *(e for e, _ in GOES_ON), *STOPS]), max_size=12),
    many=st.integers(0, 80),
    size=st.integers(1, 20),
    in_flight=st.integers(1, 5),
    dedupe=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_becomes_of_the_batches_every_id_is_counted_once(
    fates, many, size, in_flight, dedupe
):
    async def main():
        ids = Ids(many)
        job = Broadcast(Sender(fates), batch_size=size, max_in_flight=in_flight, dedupe=dedupe)
        accounted(await job.run(ids), ids.read)

    run_in_moved_time(main())


# On the client.


def a_client(steps, **options):
    clock = asyncio.get_running_loop().time
    transport = Scripted(list(steps), 0.1)
    return CliqClient(
        "token", transport=transport, quota=MemoryStore(clock=clock), **options
    ), transport


@moved
async def test_headroom_is_left_to_others():
    client, transport = a_client([DONE])
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
    client, transport = a_client([DONE])
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
    client, _ = a_client([DONE])
    async with client:
        ids = Ids(200)
        report = await client.broadcast("bot", "hi", ids, batch_size=1, max_wait_s=5)
        assert isinstance(report.error, QuotaWaitError)
        assert report.delivered == 50
        accounted(report, ids.read)


@moved
async def test_request_on_the_wire_at_a_stop_is_the_last_one_though_it_is_refused():
    """The lock is not waited for, and the request does not go again."""
    client, transport = a_client([answer(429), DONE])
    transport.delay_s = 2.0
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
    assert [outcome.reason for outcome in report.outcomes] == ["not sent: enough"]
    accounted(report, ids.read)


@moved
async def test_locks_and_requests_are_counted():
    client, transport = a_client([answer(429), DONE])
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


# How it is used.


@moved
async def test_a_job_runs_once():
    job = Broadcast(Sender())
    await job.run(["1"])
    with pytest.raises(RuntimeError, match="once"):
        await job.run(["2"])


async def test_an_option_that_there_is_not_is_no_option():
    async with CliqClient("t", quota="memory://") as client:
        wrong: Any = {"exlude": ["2"]}
        with pytest.raises(TypeError, match="exlude"):
            await client.broadcast("ops", "hi", ["1"], **wrong)


@moved
async def test_lines_of_a_file_can_be_left_out():
    sender = Sender()
    await Broadcast(sender, exclude=["2\n", " A@b.c"]).run([1, 2, "a@B.c"])
    assert sender.batches == [("1",)]


@pytest.mark.parametrize("how", ["stop", "abort"])
@moved
async def test_a_job_that_reads_what_it_makes_can_be_stopped(how):
    async def endless():
        number = 0
        while True:
            number += 1
            await asyncio.sleep(0.01)
            yield number

    sender = Sender()
    job = Broadcast(sender, personal=lambda n: (n, b"{}"))
    asyncio.get_running_loop().call_later(5.0, getattr(job, how), "enough")
    report = await job.run(endless())
    assert (report.stopped, report.done, sender.batches) == ("enough", 0, [])
    other = Broadcast(sender, personal=lambda n: (n, b"{}"))
    running = asyncio.create_task(other.run(endless()))
    await asyncio.sleep(5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
