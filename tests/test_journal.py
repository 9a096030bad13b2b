"""Jobs with a journal: killed at any moment, they lose nobody and double nobody."""

import asyncio
import os
import shutil
import sqlite3
import stat
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from scripted import moved
from senders import LATER, Ids, Sender, api
from stores import Inline

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_file import KIND, JobIdentity
from cliq_async.bulk.report import Outcome
from cliq_async.client import CliqClient
from cliq_async.errors import (
    BadRequestError,
    JournalError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaWaitError,
    ValidationError,
)
from cliq_async.sandbox import Sandbox
from cliq_async.testing import run_in_moved_time

IDENTITY = JobIdentity(
    kind="broadcast", quota="q", bot="ops", message="m", batch_size=10, dedupe=False
)
LOST = OutcomeUnknownError("send_message", "lost")
FOR_SOME = api(PermissionDeniedError, 403, "bot_unauthorized_message_access")


def a_journal(path, *, identity=IDENTITY, **options):
    journal = Journal(path, identity, **options)
    journal._worker = cast("Any", Inline)(journal._file)
    return journal


def a_job(path, sender, *, in_flight=3, identity=IDENTITY, **options):
    journal = a_journal(path, identity=identity, **options)
    return Broadcast(sender, batch_size=10, max_in_flight=in_flight, record=journal)


def ids_of(sender):
    return Counter(each for batch in sender.batches for each in batch)


def rows(path):
    conn = sqlite3.connect(path)
    try:
        return dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))
    finally:
        conn.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs" / "job.db"


@moved
async def test_finished_job_that_is_started_again_sends_nothing(path):
    first = await a_job(path, Sender()).run(Ids(95))
    assert (first.delivered, first.requests) == (95, 10)
    sender = Sender()
    again = await a_job(path, sender).run(Ids(95))
    assert (again.delivered, again.failed, again.unknown, again.requests) == (95, 0, 0, 0)
    assert sender.batches == []


@moved
async def test_stopped_job_goes_on_where_it_was(path):
    loop = asyncio.get_running_loop()
    sender = Sender()
    job = a_job(path, sender)
    loop.call_later(3.0, job.stop, "enough")
    first = await job.run(Ids(95))
    assert 0 < first.delivered < 95
    assert (first.failed, first.unknown, first.stopped) == (0, 0, "enough")
    second = Sender()
    report = await a_job(path, second).run(Ids(95))
    assert (report.delivered, report.stopped) == (95, None)
    sent = ids_of(sender) + ids_of(second)
    assert len(sent) == 95
    assert set(sent.values()) == {1}


@pytest.mark.parametrize("fates", [[], [None, LOST, FOR_SOME, None, None, LOST]])
def test_job_that_is_killed_at_any_moment_loses_nobody_and_doubles_nobody(path, tmp_path, fates):
    async def killed_at(step):
        """Run on; what the journal says at some moment is all that the next run knows."""
        place = tmp_path / f"{step}" / "job.db"
        seen: dict[str, Counter] = {}
        sender = Sender(list(fates))
        job = a_job(place, sender)

        def die():
            copy = place.with_name("copy.db")
            for ending in ("", "-wal"):
                if place.with_name(place.name + ending).exists():
                    shutil.copy(str(place) + ending, str(copy) + ending)
            seen["before"] = ids_of(sender)

        dying = asyncio.get_running_loop().call_later(step * 0.35 + 0.01, die)
        await job.run(Ids(95))
        if not seen:
            dying.cancel()
            die()
        second = Sender()
        report = await a_job(place.with_name("copy.db"), second).run(Ids(95))
        return seen["before"], ids_of(second), report

    for step in range(25):
        before, after, report = run_in_moved_time(killed_at(step))
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
async def test_who_waits_for_the_quota_when_the_program_dies_is_not_unknown(path):
    loop = asyncio.get_running_loop()
    seen = []
    for moment_s in (0.5, 1.5, 2.5):
        loop.call_later(moment_s, lambda: seen.append(rows(path)))
    await a_job(path, Sender()).run(Ids(95))
    in_line, on_the_wire, in_line_again = seen
    assert in_line == {}
    assert on_the_wire == {"sending": 30}
    assert in_line_again == {"delivered": 30}


@moved
async def test_who_is_unknown_is_sent_to_again_only_when_asked(path):
    first = await a_job(path, Sender([None, LOST])).run(Ids(50))
    assert (first.delivered, first.unknown) == (40, 10)
    quiet = Sender()
    report = await a_job(path, quiet).run(Ids(50))
    assert (report.delivered, report.unknown, quiet.batches) == (40, 10, [])
    sender = Sender()
    report = await a_job(path, sender, resend_unknown=True).run(Ids(50))
    assert (report.delivered, report.unknown) == (50, 0)
    assert len(sender.batches) == 1
    assert list(report.outcomes) == []


@moved
async def test_who_is_unknown_again_stays_unknown(path):
    await a_job(path, Sender([LOST])).run(Ids(20))
    report = await a_job(path, Sender([LOST]), resend_unknown=True).run(Ids(20))
    assert (report.delivered, report.unknown) == (10, 10)
    assert len(list(report.outcomes)) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationError("message", "short", 1), "failed"),
        (api(BadRequestError, code="botmessage_no_valid_users"), "failed"),
        (api(BadRequestError, code="botmessage_sending_failed"), "unknown"),
    ],
)
@moved
async def test_outcomes_are_read_from_the_journal_as_often_as_one_likes(path, error, status):
    report = await a_job(path, Sender([None, error])).run(Ids(30))
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
async def test_failure_that_stops_the_job_before_it_was_sent_is_tried_again(path):
    error = QuotaWaitError("send_message", LATER)
    report = await a_job(path, Sender([None, error]), in_flight=1).run(Ids(40))
    assert (report.delivered, report.failed, report.stopped) == (10, 0, str(error))
    report = await a_job(path, Sender()).run(Ids(40))
    assert report.delivered == 40


@moved
async def test_refusal_that_no_retry_can_mend_stops_the_job_and_keeps_the_journal(path):
    error = api(NotFoundError, 404, "bot_not_found")
    report = await a_job(path, Sender([None, error]), in_flight=1).run(Ids(40))
    assert (report.delivered, report.failed) == (10, 0)
    assert report.stopped == f"{error}; check the bot's unique name"
    report = await a_job(path, Sender()).run(Ids(40))
    assert (report.delivered, report.failed) == (40, 0)


# Splitting.


class Choosy(Sender):
    """Refuses every batch with certain people in it."""

    def __init__(self, *bad):
        super().__init__()
        self.bad = set(bad)

    async def __call__(self, batch, watch):
        self.fates = [FOR_SOME if self.bad & set(batch.ids) else None]
        await super().__call__(batch, watch)


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


# Whose journal it is.


@pytest.mark.parametrize(
    ("name", "value"), [("bot", "other"), ("message", "other"), ("batch_size", 5), ("quota", "x")]
)
@moved
async def test_journal_of_another_job_is_refused_before_anything_is_sent(path, name, value):
    await a_job(path, Sender()).run(Ids(20))
    other = attrs.evolve(IDENTITY, **{name: value})
    sender = Sender()
    with pytest.raises(JournalError, match=f"another job: its {name}"):
        await a_job(path, sender, identity=other).run(Ids(20))
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
async def test_other_recipients_are_refused_before_anything_is_sent(path, others):
    job = a_job(path, Sender())
    asyncio.get_running_loop().call_later(3.0, job.stop, "enough")
    await job.run(Ids(100))
    sender = Sender()
    with pytest.raises(JournalError, match=r"other recipients|others, or fewer"):
        await a_job(path, sender).run(others)
    assert sender.batches == []


@moved
async def test_recipients_that_are_added_behind_are_sent_to(path):
    await a_job(path, Sender()).run(Ids(50))
    sender = Sender()
    report = await a_job(path, sender).run(Ids(70))
    assert (report.delivered, len(sender.batches)) == (70, 2)


@moved
async def test_recipients_that_are_added_behind_a_batch_that_was_not_full_are_sent_to(path):
    senders = [Sender(), Sender(), Sender(), Sender()]
    for sender, many in zip(senders, (45, 47, 70, 70), strict=True):
        report = await a_job(path, sender).run(Ids(many))
        assert report.delivered == many
    assert [[len(batch) for batch in sender.batches] for sender in senders] == [
        [10, 10, 10, 10, 5],
        [2],
        [10, 10, 3],
        [],
    ]
    with pytest.raises(JournalError, match="other recipients"):
        await a_job(path, Sender()).run([*range(1000, 1045), *range(1046, 1071)])


@moved
async def test_who_was_unknown_and_could_not_be_sent_to_again_is_unknown(path):
    await a_job(path, Sender([LOST])).run(Ids(10))
    stopping = Sender([QuotaWaitError("send_message", LATER)])
    report = await a_job(path, stopping, resend_unknown=True).run(Ids(10))
    assert (report.unknown, report.delivered) == (10, 0)
    assert rows(path) == {"unknown": 10}
    sender = Sender()
    report = await a_job(path, sender).run(Ids(10))
    assert (report.unknown, sender.batches) == (10, [])


@moved
async def test_who_may_have_been_reached_has_not_failed_when_refused_later(path):
    refused = api(BadRequestError, code="botmessage_no_valid_users")
    await a_job(path, Sender([LOST, LOST])).run(Ids(20))
    again = Sender([refused, FOR_SOME])
    report = await a_job(path, again, in_flight=1, resend_unknown=True).run(Ids(20))
    assert (report.unknown, report.failed, report.delivered) == (10, 0, 10)
    assert [outcome.reason for outcome in report.outcomes] == [
        f"perhaps reached before; then: {refused}"
    ]


@moved
async def test_parts_of_those_who_may_have_been_reached_are_unknown_until_they_are_sent(path):
    await a_job(path, Sender([LOST])).run(Ids(10))
    fates = [FOR_SOME, QuotaWaitError("send_message", LATER)]
    report = await a_job(path, Sender(fates), in_flight=1, resend_unknown=True).run(Ids(10))
    assert (report.unknown, report.failed, report.delivered) == (10, 0, 0)
    assert rows(path) == {"split": 10, "unknown": 10}
    assert (await a_job(path, Sender()).run(Ids(10))).unknown == 10
    assert (await a_job(path, Sender(), resend_unknown=True).run(Ids(10))).delivered == 10


async def test_a_journal_has_one_name_whatever_leads_to_it(path, tmp_path):
    sender = Quick()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    path.parent.mkdir()
    journal = Journal(path, IDENTITY)
    await journal.open()
    with pytest.raises(JournalError, match="in use"):
        await real(link, sender, Ids(10))
    await journal.close()
    with pytest.raises(JournalError, match="is a folder"):
        await real(tmp_path, sender, Ids(10))
    assert sender.batches == []


async def test_many_who_are_skipped_are_all_written_down(path):
    report = await real(path, Quick(), ["no id"] * 1_234 + ["1"])
    assert (report.skipped, report.delivered) == (1_234, 1)
    assert len(list(report.outcomes)) == 1_234


@moved
async def test_what_was_skipped_before_the_list_was_mended_is_forgotten(path):
    await a_job(path, Sender()).run([1, "no id", 2])
    report = await a_job(path, Sender()).run([1, 2])
    assert (report.delivered, report.skipped, list(report.outcomes)) == (2, 0, [])


@moved
async def test_second_program_on_a_journal_is_refused(path):
    journal = a_journal(path)
    await journal.open()
    with pytest.raises(JournalError, match="in use: another program runs this job"):
        await a_job(path, Sender()).run(Ids(10))
    await journal.close()
    assert (await a_job(path, Sender()).run(Ids(10))).delivered == 10


@moved
async def test_skipped_ones_are_counted_once_however_often_it_is_started(path):
    ids = [1, "a b", 2, "", 3, "x,y"]
    for _ in range(2):
        report = await a_job(path, Sender()).run(ids)
        assert (report.delivered, report.skipped) == (3, 3)
        assert [o.ids[0] for o in report.outcomes] == ["a b", "", "x,y"]


@moved
async def test_repeated_ones_are_in_the_journal_too(path):
    identity = attrs.evolve(IDENTITY, dedupe=True)
    job = Broadcast(Sender(), dedupe=True, record=a_journal(path, identity=identity))
    report = await job.run([1, 2, 1, 1])
    assert (report.delivered, report.skipped) == (2, 2)
    assert [(o.ids, o.reason) for o in report.outcomes] == [(("1",), "repeated")] * 2


# The file.


async def test_journal_is_for_its_owner_alone_and_holds_neither_text_nor_token(path):
    async with Sandbox(subscribers=250) as sandbox:
        async with CliqClient("a-secret-token", base_url=sandbox.url, quota="memory://") as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            report = await client.broadcast("supportbot", "a private text", ids, journal=path)
        assert (report.delivered, report.requests) == (250, 3)
        assert sandbox.report()["delivered"]["max_per_recipient"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert b"private" not in content
    assert b"secret" not in content


async def test_options_of_a_journal_are_checked(path):
    async with CliqClient("t", quota="memory://") as client:
        with pytest.raises(ValidationError, match="resend_unknown"):
            await client.broadcast("ops", "x", [1], resend_unknown=True)


async def real(path, sender, ids, **options):
    job = Broadcast(sender, batch_size=10, record=Journal(path, IDENTITY, **options))
    return await job.run(ids)


class Quick(Sender):
    def __init__(self, *fates):
        super().__init__(fates, takes_s=0)


async def test_thread_keeps_the_journal_as_well(path):
    report = await real(path, Quick(None, LOST), Ids(95))
    assert (report.delivered, report.unknown) == (85, 10)
    report = await real(path, Quick(), Ids(95), resend_unknown=True)
    assert (report.delivered, report.unknown) == (95, 0)


def no_folder(path):
    path.parent.write_text("a file")


def damaged(path):
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)


def cut_short(path):
    path.parent.mkdir()
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE filler (x)")
    conn.executemany("INSERT INTO filler VALUES (?)", [("x" * 1000,)] * 100)
    conn.commit()
    conn.close()
    path.write_bytes(path.read_bytes()[:8192])


def foreign(path):
    path.parent.mkdir()
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE notes (x)")
    conn.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_folder, "cannot be written"),
        (damaged, "damaged"),
        (cut_short, "damaged|another program"),
        (foreign, "another program"),
    ],
)
async def test_journal_that_cannot_be_used_is_an_error_and_nothing_is_sent(path, spoil, words):
    spoil(path)
    sender = Quick()
    with pytest.raises(JournalError, match=words):
        await real(path, sender, Ids(10))
    assert sender.batches == []


@pytest.fixture
def read_only():
    """A folder that nobody may write to, not even whoever runs the tests."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.rmdir()


async def test_folder_that_is_read_only_is_an_error_and_nothing_is_sent(read_only):
    sender = Quick()
    with pytest.raises(JournalError, match="cannot be written; name another place"):
        await real(read_only / "job.db", sender, Ids(10))
    assert sender.batches == []


async def test_full_disk_stops_the_job_before_what_cannot_be_noted_is_sent(path):
    sender = Quick()
    journal = Journal(path, IDENTITY)
    await journal.open()
    conn = journal._file.conn
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count={pages + 1}")
    job = Broadcast(sender, batch_size=100, max_in_flight=2, record=journal)
    report = await job.run(range(10**17, 10**17 + 20_000))
    assert isinstance(report.error, JournalError)
    assert "disk is full" in str(report.error)
    assert report.delivered == 100 * len(sender.batches) < 20_000


async def test_later_schema_is_refused(path):
    path.parent.mkdir()
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA application_id={KIND.application_id}")
    conn.execute("PRAGMA user_version=9")
    conn.close()
    with pytest.raises(JournalError, match="later version"):
        await real(path, Quick(), Ids(1))
