"""A broadcast that is stopped, cancelled or left by its source, at any moment."""

import asyncio

import pytest
from support.scripted import moved
from support.senders import NO_CONNECTION, NOBODY_VALID, Ids, Sender, accounted

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.testing import run_in_virtual_time


@pytest.mark.parametrize("how", ["stop", "abort", "cancel"])
@pytest.mark.parametrize("slow", [False, True])
def test_job_ended_at_any_moment_accounts_for_every_id(how, slow):
    async def ended_at(moment_s):
        loop = asyncio.get_running_loop()
        sender, ids = Sender([None, NOBODY_VALID, NO_CONNECTION]), Ids(60, slow=slow)
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
            unknown = [o for o in report.outcomes if "aborted" in o.reason]
            assert unknown == []
        return sender.under_way == 0

    for step in range(70):
        assert run_in_virtual_time(ended_at(step * 0.07))


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
