"""What becomes of each batch, and of the job by it: every id is accounted for exactly once."""

import asyncio
import logging

import pytest
from hypothesis import given, strategies as st
from support.effort import tries
from support.scripted import moved
from support.senders import LATER, LOST, NO_CONNECTION, NOBODY_VALID, Ids, Sender, accounted, api

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    NotFoundError,
    PermissionDeniedError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    ValidationError,
)
from cliq_async.testing import run_in_virtual_time

GOES_ON = [
    (NOBODY_VALID, "failed"),
    (api(ApiError, 405), "failed"),
    (api(ServerError, 500), "unknown"),
    (LOST, "unknown"),
    (ValidationError("message", "short", 1), "failed"),
]
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
    sender = Sender([LOST])
    job = Broadcast(sender, batch_size=10, max_in_flight=1)
    asyncio.get_running_loop().call_later(2.5, job.stop, "enough")
    report = await job.run(Ids(100))
    assert (report.unknown, report.failed, report.delivered) == (10, 10, 0)


@given(
    fates=st.lists(st.sampled_from([None, *(e for e, _ in GOES_ON), *STOPS]), max_size=12),
    many=st.integers(0, 80),
    size=st.integers(1, 20),
    in_flight=st.integers(1, 5),
    dedupe=st.booleans(),
)
@tries(40)
def test_whatever_becomes_of_the_batches_every_id_is_counted_once(
    fates, many, size, in_flight, dedupe
):
    async def main():
        ids = Ids(many)
        job = Broadcast(Sender(fates), batch_size=size, max_in_flight=in_flight, dedupe=dedupe)
        accounted(await job.run(ids), ids.read)

    run_in_virtual_time(main())


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
