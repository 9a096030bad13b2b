"""What a journal says of those who were skipped, refused, or reached perhaps."""

import asyncio

import attrs
import pytest
from support.journals import IDENTITY, Quick, a_job, a_journal, copy_of, real, rows
from support.scripted import moved
from support.senders import LATER, LOST, NOBODY_VALID, NOT_FOR_SOME, Ids, Sender, api

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal_reader import read_outcomes
from cliq_async.bulk.report import Outcome
from cliq_async.errors import BadRequestError, QuotaWaitError, ValidationError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationError("message", "short", 1), "failed"),
        (NOBODY_VALID, "failed"),
        (api(BadRequestError, code="botmessage_sending_failed"), "unknown"),
    ],
)
@moved
async def test_outcomes_are_read_from_the_journal_as_often_as_one_likes(journal, error, status):
    report = await a_job(journal, Sender([None, error])).run(Ids(30))
    expected = [
        Outcome(
            tuple(str(1010 + n) for n in range(10)),
            status,
            str(error),
            getattr(error, "code", None),
        )
    ]
    assert list(report.outcomes) == list(report.outcomes) == expected
    assert report.outcomes


@moved
async def test_who_is_unknown_is_sent_to_again_only_when_asked(journal):
    first = await a_job(journal, Sender([None, LOST])).run(Ids(50))
    assert (first.delivered, first.unknown) == (40, 10)
    quiet = Sender()
    report = await a_job(journal, quiet).run(Ids(50))
    assert (report.delivered, report.unknown, quiet.batches) == (40, 10, [])
    sender = Sender()
    report = await a_job(journal, sender, resend_unknown=True).run(Ids(50))
    assert (report.delivered, report.unknown) == (50, 0)
    assert len(sender.batches) == 1
    assert list(report.outcomes) == []


@moved
async def test_who_is_unknown_again_stays_unknown(journal):
    await a_job(journal, Sender([LOST])).run(Ids(20))
    report = await a_job(journal, Sender([LOST]), resend_unknown=True).run(Ids(20))
    assert (report.delivered, report.unknown) == (10, 10)
    assert len(list(report.outcomes)) == 1


@moved
async def test_who_was_unknown_and_could_not_be_sent_to_again_is_unknown(journal):
    await a_job(journal, Sender([LOST])).run(Ids(10))
    stopping = Sender([QuotaWaitError("send_message", LATER)])
    report = await a_job(journal, stopping, resend_unknown=True).run(Ids(10))
    assert (report.unknown, report.delivered) == (10, 0)
    assert rows(journal) == {"unknown": 10}
    sender = Sender()
    report = await a_job(journal, sender).run(Ids(10))
    assert (report.unknown, sender.batches) == (10, [])


@moved
async def test_who_may_have_been_reached_has_not_failed_when_refused_later(journal):
    await a_job(journal, Sender([LOST, LOST])).run(Ids(20))
    again = Sender([NOBODY_VALID, NOT_FOR_SOME])
    report = await a_job(journal, again, in_flight=1, resend_unknown=True).run(Ids(20))
    assert (report.unknown, report.failed, report.delivered) == (10, 0, 10)
    assert [outcome.reason for outcome in report.outcomes] == [
        f"may have been reached by an earlier request; then: {NOBODY_VALID}"
    ]


@moved
async def test_parts_of_those_who_may_have_been_reached_are_unknown_until_they_are_sent(journal):
    await a_job(journal, Sender([LOST])).run(Ids(10))
    fates = [NOT_FOR_SOME, QuotaWaitError("send_message", LATER)]
    report = await a_job(journal, Sender(fates), in_flight=1, resend_unknown=True).run(Ids(10))
    assert (report.unknown, report.failed, report.delivered) == (10, 0, 0)
    assert rows(journal) == {"split": 10, "unknown": 10}
    assert (await a_job(journal, Sender()).run(Ids(10))).unknown == 10
    assert (await a_job(journal, Sender(), resend_unknown=True).run(Ids(10))).delivered == 10


@moved
async def test_skipped_ones_are_counted_once_however_often_it_is_started(journal):
    ids = [1, "a b", 2, "", 3, "x,y"]
    for _ in range(2):
        report = await a_job(journal, Sender()).run(ids)
        assert (report.delivered, report.skipped) == (3, 3)
        assert [o.ids[0] for o in report.outcomes] == ["a b", "", "x,y"]


async def test_many_who_are_skipped_are_all_written_down(journal):
    report = await real(journal, Quick(), ["1"] + ["no id"] * 1_234)
    assert (report.skipped, report.delivered) == (1_234, 1)
    assert len(list(report.outcomes)) == 1_234


@moved
async def test_what_was_skipped_before_the_list_was_mended_is_forgotten(journal):
    await a_job(journal, Sender()).run([1, "no id", 2])
    report = await a_job(journal, Sender()).run([1, 2])
    assert (report.delivered, report.skipped, list(report.outcomes)) == (2, 0, [])


@moved
async def test_repeated_ones_are_in_the_journal_too(journal):
    identity = attrs.evolve(IDENTITY, dedupe=True)
    job = Broadcast(Sender(), dedupe=True, log=a_journal(journal, identity=identity))
    report = await job.run([1, 2, 1, 1])
    assert (report.delivered, report.skipped) == (2, 2)
    assert [(o.ids, o.reason) for o in report.outcomes] == [(("1",), "repeated")] * 2


@moved
async def test_who_is_in_a_request_without_an_answer_is_unknown(journal):
    job = asyncio.create_task(a_job(journal, Sender(), in_flight=1).run(Ids(20)))
    await asyncio.sleep(3.5)  # the second request is in flight
    found = list(read_outcomes(copy_of(journal), delivered=True))
    await job
    assert [(each.status, len(each.ids)) for each in found] == [("delivered", 10), ("unknown", 10)]
