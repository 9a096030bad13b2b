"""The state in which a run finds its journal: new, resumed or finished."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from support.journals import a_job, a_journal
from support.scripted import moved
from support.senders import LOST, Ids, Sender

from cliq_async import JournalStart
from cliq_async.bulk.broadcast import Broadcast


def job_that_shows(journal, seen):
    return Broadcast(
        Sender(),
        batch_size=10,
        log=a_journal(journal),
        on_progress=lambda now: seen.append(now.journal),
    )


@moved
async def test_a_journal_is_new_then_resumed_then_finished(journal):
    job = a_job(journal, Sender())
    asyncio.get_running_loop().call_later(3.0, job.stop, "enough")
    first = await job.run(Ids(95))
    seen: list[JournalStart] = []
    second = await job_that_shows(journal, seen).run(Ids(95))
    third = await a_job(journal, Sender()).run(Ids(95))
    assert first.journal == JournalStart("new")
    start = seen[0]
    assert second.journal == start
    assert (start.state, start.done) == ("resumed", first.delivered)
    assert start.begun is not None
    assert timedelta(0) <= datetime.now(UTC) - start.begun < timedelta(minutes=5)
    assert third.journal == JournalStart("finished", 95, start.begun)


@moved
async def test_a_job_without_a_journal_has_no_state(journal):
    report = await Broadcast(Sender(), batch_size=10).run(Ids(5))
    assert report.journal is None


@moved
async def test_recipients_that_are_appended_resume_a_finished_job(journal):
    await a_job(journal, Sender()).run(Ids(20))
    report = await a_job(journal, Sender()).run(Ids(25))
    assert report.journal is not None
    assert (report.journal.state, report.journal.done, report.delivered) == ("resumed", 20, 25)


@moved
async def test_unknown_recipients_are_left_only_if_they_are_sent_to_again(journal):
    await a_job(journal, Sender([LOST])).run(Ids(20))
    kept = await a_job(journal, Sender()).run(Ids(20))
    resent = await a_job(journal, Sender(), resend_unknown=True).run(Ids(20))
    assert kept.journal is not None
    assert resent.journal is not None
    assert (kept.journal.state, kept.journal.done) == ("finished", 20)
    assert (resent.journal.state, resent.journal.done) == ("resumed", 10)
    assert resent.delivered == 20


@moved
async def test_a_run_that_sent_nothing_leaves_the_journal_new(journal):
    job = a_job(journal, Sender())
    job.stop("at once")
    assert (await job.run(Ids(20))).journal is None
    report = await a_job(journal, Sender()).run(Ids(20))
    assert report.journal == JournalStart("new")


@moved
async def test_reading_that_fails_or_is_stopped_after_a_finished_job_is_not_its_end(journal):
    await a_job(journal, Sender()).run(Ids(20))
    failed = await a_job(journal, Sender()).run(Ids(30, fail_at=20))
    assert failed.stopped == "reading the recipients failed: LookupError: the database is gone"
    assert failed.delivered == 20
    assert failed.journal is not None
    assert failed.journal.state == "resumed"
    job = a_job(journal, Sender())
    asyncio.get_running_loop().call_later(0.25, job.stop, "enough")
    stopped = await job.run(Ids(10_000, slow=True))
    assert (stopped.stopped, stopped.delivered) == ("enough", 20)
    assert stopped.journal is not None
    assert stopped.journal.state == "resumed"
    finished = await a_job(journal, Sender()).run(Ids(20))
    assert finished.journal is not None
    assert finished.journal.state == "finished"


@moved
async def test_a_journal_of_an_earlier_version_does_not_say_when_it_began(path):
    await a_job(path, Sender()).run(Ids(20))
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("DELETE FROM job WHERE name = 'begun'")
        conn.commit()
    report = await a_job(path, Sender()).run(Ids(20))
    assert report.journal == JournalStart("finished", 20, None)
