"""Whose journal it is: another job, other recipients and a second program are refused."""

import asyncio

import attrs
import pytest
from support.journals import IDENTITY, Quick, a_job, a_journal, real
from support.scripted import moved
from support.senders import Ids, Sender

from cliq_async.bulk.journal import Journal
from cliq_async.errors import JournalError


@pytest.mark.parametrize(
    ("name", "value"), [("bot", "other"), ("message", "other"), ("batch_size", 5), ("quota", "x")]
)
@moved
async def test_journal_of_another_job_is_refused_before_anything_is_sent(journal, name, value):
    await a_job(journal, Sender()).run(Ids(20))
    other = attrs.evolve(IDENTITY, **{name: value})
    sender = Sender()
    with pytest.raises(JournalError, match=f"another job: its {name} .*; name another journal"):
        await a_job(journal, sender, identity=other).run(Ids(20))
    assert sender.batches == []


@pytest.mark.parametrize(
    "others",
    [
        [*range(1000, 1015), 7, *range(1016, 1100)],
        [*range(1001, 1100)],
        [*range(1000, 1015)],
        [],
    ],
)
@moved
async def test_other_recipients_are_refused_before_anything_is_sent(journal, others):
    job = a_job(journal, Sender())
    asyncio.get_running_loop().call_later(3.0, job.stop, "enough")
    await job.run(Ids(100))
    sender = Sender()
    with pytest.raises(JournalError, match=r"recipients or messages differ|recipients make only"):
        await a_job(journal, sender).run(others)
    assert sender.batches == []


@moved
async def test_recipients_that_are_added_behind_are_sent_to(journal):
    await a_job(journal, Sender()).run(Ids(50))
    sender = Sender()
    report = await a_job(journal, sender).run(Ids(70))
    assert (report.delivered, len(sender.batches)) == (70, 2)


@moved
async def test_recipients_that_are_added_behind_a_batch_that_was_not_full_are_sent_to(journal):
    senders = [Sender(), Sender(), Sender(), Sender()]
    for sender, many in zip(senders, (45, 47, 70, 70), strict=True):
        report = await a_job(journal, sender).run(Ids(many))
        assert report.delivered == many
    assert [[len(batch) for batch in sender.batches] for sender in senders] == [
        [10, 10, 10, 10, 5],
        [2],
        [10, 10, 3],
        [],
    ]
    with pytest.raises(JournalError, match="recipients or messages differ"):
        await a_job(journal, Sender()).run([*range(1000, 1045), *range(1046, 1071)])


async def test_a_journal_has_one_name_whatever_leads_to_it(path, tmp_path):
    sender = Quick()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    journal = Journal(path, IDENTITY)
    await journal.open()
    with pytest.raises(JournalError, match="in use"):
        await real(link, sender, Ids(10))
    await journal.close()
    with pytest.raises(JournalError, match="is a folder"):
        await real(tmp_path, sender, Ids(10))
    assert sender.batches == []


@moved
async def test_second_program_on_a_journal_is_refused(journal):
    first = a_journal(journal)
    await first.open()
    with pytest.raises(JournalError, match=r"in use: .* runs this job"):
        await a_job(journal, Sender()).run(Ids(10))
    await first.close()
    assert (await a_job(journal, Sender()).run(Ids(10))).delivered == 10
