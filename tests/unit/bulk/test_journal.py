"""Jobs with a journal: killed at any moment, they lose nobody and double nobody."""

import asyncio
from collections import Counter

import pytest
from support.journals import Quick, a_job, a_url, copy_of, real, rows
from support.scripted import moved
from support.senders import LATER, LOST, NOT_FOR_SOME, Ids, Sender, api

from cliq_async.errors import NotFoundError, QuotaWaitError
from cliq_async.testing import run_in_virtual_time


def ids_of(sender):
    return Counter(each for batch in sender.batches for each in batch)


@moved
async def test_finished_job_that_is_started_again_sends_nothing(journal):
    first = await a_job(journal, Sender()).run(Ids(95))
    assert (first.delivered, first.requests) == (95, 10)
    sender = Sender()
    again = await a_job(journal, sender).run(Ids(95))
    assert (again.delivered, again.failed, again.unknown, again.requests) == (95, 0, 0, 0)
    assert sender.batches == []


@moved
async def test_stopped_job_goes_on_where_it_was(journal):
    loop = asyncio.get_running_loop()
    sender = Sender()
    job = a_job(journal, sender)
    loop.call_later(3.0, job.stop, "enough")
    first = await job.run(Ids(95))
    assert 0 < first.delivered < 95
    assert (first.failed, first.unknown, first.stopped) == (0, 0, "enough")
    second = Sender()
    report = await a_job(journal, second).run(Ids(95))
    assert (report.delivered, report.stopped) == (95, None)
    sent = ids_of(sender) + ids_of(second)
    assert len(sent) == 95
    assert set(sent.values()) == {1}


@pytest.mark.parametrize("fates", [[], [None, LOST, NOT_FOR_SOME, None, None, LOST]])
def test_job_that_is_killed_at_any_moment_loses_nobody_and_doubles_nobody(journal, tmp_path, fates):
    async def killed_at(step):
        """Run on; what the journal says at some moment is all that the next run knows."""
        folder = tmp_path / f"{step}"
        folder.mkdir(exist_ok=True)
        place = a_url() if isinstance(journal, str) else folder / "job.db"
        seen: dict[str, Counter] = {}
        copies = []
        sender = Sender(list(fates))
        job = a_job(place, sender)

        def die():
            copies.append(copy_of(place))
            seen["before"] = ids_of(sender)

        dying = asyncio.get_running_loop().call_later(step * 0.35 + 0.01, die)
        await job.run(Ids(95))
        if not seen:
            dying.cancel()
            die()
        second = Sender()
        report = await a_job(copies[0], second).run(Ids(95))
        return seen["before"], ids_of(second), report

    for step in range(25):
        before, after, report = run_in_virtual_time(killed_at(step))
        everybody = {str(1000 + number) for number in range(95)}
        unknown = {each for o in report.outcomes if o.status == "unknown" for each in o.ids}
        failed = {each for o in report.outcomes if o.status == "failed" for each in o.ids}
        assert set(before) | set(after) | unknown | failed == everybody
        assert max((before + after).values()) <= 1 + len(fates)  # a refused one is tried in parts
        assert not unknown & set(after), "who may have been reached is not sent to again"
        assert report.delivered + report.failed + report.unknown == 95
        if not fates:
            assert max((before + after).values()) == 1


@moved
async def test_who_waits_for_the_quota_when_the_program_dies_is_not_unknown(journal):
    loop = asyncio.get_running_loop()
    seen = []
    for moment_s in (0.5, 1.5, 2.5):
        loop.call_later(moment_s, lambda: seen.append(rows(journal)))
    await a_job(journal, Sender()).run(Ids(95))
    in_line, on_the_wire, in_line_again = seen
    assert in_line == {}
    assert on_the_wire == {"sending": 30}
    assert in_line_again == {"delivered": 30}


@moved
async def test_failure_that_stops_the_job_before_it_was_sent_is_tried_again(journal):
    error = QuotaWaitError("send_message", LATER)
    report = await a_job(journal, Sender([None, error]), in_flight=1).run(Ids(40))
    assert (report.delivered, report.failed, report.stopped) == (10, 0, str(error))
    report = await a_job(journal, Sender()).run(Ids(40))
    assert report.delivered == 40


@moved
async def test_refusal_that_no_retry_can_mend_stops_the_job_and_keeps_the_journal(journal):
    error = api(NotFoundError, 404, "bot_not_found")
    report = await a_job(journal, Sender([None, error]), in_flight=1).run(Ids(40))
    assert (report.delivered, report.failed) == (10, 0)
    assert report.stopped == f"{error}; check the bot's unique name"
    report = await a_job(journal, Sender()).run(Ids(40))
    assert (report.delivered, report.failed) == (40, 0)


async def test_thread_keeps_the_journal_as_well(journal):
    report = await real(journal, Quick(None, LOST), Ids(95))
    assert (report.delivered, report.unknown) == (85, 10)
    report = await real(journal, Quick(), Ids(95), resend_unknown=True)
    assert (report.delivered, report.unknown) == (95, 0)
