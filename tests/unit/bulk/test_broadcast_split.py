"""A batch that is refused for some of it goes in parts, until those are found."""

import asyncio

from support.journals import a_job, rows
from support.scripted import moved
from support.senders import NOT_FOR_SOME, Ids, Sender

from cliq_async.bulk.broadcast import Broadcast


class Choosy(Sender):
    """Refuses every batch with certain people in it."""

    def __init__(self, *bad):
        super().__init__()
        self.bad = set(bad)

    def fate_of(self, batch):
        return NOT_FOR_SOME if self.bad & set(batch.ids) else None


@moved
async def test_one_bad_recipient_of_a_hundred_is_found_with_fourteen_requests():
    sender = Choosy("1037")
    report = await Broadcast(sender).run(Ids(100))
    assert (report.delivered, report.failed, report.unknown) == (99, 1, 0)
    (outcome,) = report.outcomes
    assert outcome.ids == ("1037",)
    assert outcome.code == "bot_unauthorized_message_access"
    assert report.requests <= 15


@moved
async def test_budget_bounds_what_is_spent_on_a_batch_that_is_all_bad():
    sender = Choosy(*(str(1000 + number) for number in range(100)))
    report = await Broadcast(sender).run(Ids(100))
    assert (report.delivered, report.failed) == (0, 100)
    assert report.requests <= 15
    assert sum(len(outcome.ids) for outcome in report.outcomes) == 100


@moved
async def test_parts_of_a_split_batch_survive_a_restart(path):
    loop = asyncio.get_running_loop()
    job = a_job(path, Choosy("1013"), in_flight=1)
    loop.call_later(4.5, job.stop, "enough")
    first = await job.run(Ids(40))
    assert first.delivered + first.failed < 40
    assert rows(path)["waiting"] > 0
    report = await a_job(path, Choosy("1013"), in_flight=1).run(Ids(40))
    assert (report.delivered, report.failed) == (39, 1)
    assert "waiting" not in rows(path)


@moved
async def test_parts_that_are_not_sent_in_a_job_without_a_journal_are_failed():
    loop = asyncio.get_running_loop()
    job = Broadcast(Choosy("1013"), batch_size=10, max_in_flight=1)
    loop.call_later(4.5, job.stop, "enough")
    ids = Ids(40)
    report = await job.run(ids)
    assert report.delivered + report.failed == ids.read
