"""The file of a journal: who can read it, and what can be wrong with it."""

import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from support.journals import IDENTITY, Quick, real
from support.senders import Ids
from support.spoiled_files import damage, foreign, later

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_file import FORMAT, JournalFile
from cliq_async.client import CliqClient
from cliq_async.errors import JournalError
from cliq_async.sandbox import Sandbox


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


def no_folder(path):
    path.parent.rmdir()


def file_for_a_folder(path):
    path.parent.rmdir()
    path.parent.write_text("a file")


def cut_short(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE filler (x)")
        conn.executemany("INSERT INTO filler VALUES (?)", [("x" * 1000,)] * 100)
        conn.commit()
    path.write_bytes(path.read_bytes()[:8192])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_folder, "there is no folder /.*/new: create it, or name another place"),
        (file_for_a_folder, "there is no folder"),
        pytest.param(damage, "damaged", id="damaged-damaged"),
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
    assert isinstance(journal._store, JournalFile)
    conn = journal._store.conn
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count={pages + 1}")
    job = Broadcast(sender, batch_size=100, max_in_flight=2, log=journal)
    report = await job.run(range(10**17, 10**17 + 20_000))
    assert isinstance(report.error, JournalError)
    assert "disk is full" in str(report.error)
    assert report.delivered == 100 * len(sender.batches) < 20_000


async def test_later_schema_is_refused(path):
    later(path, FORMAT)
    with pytest.raises(JournalError, match="later version"):
        await real(path, Quick(), Ids(1))


@pytest.mark.parametrize("endings", [["-shm"], ["-wal"], ["-wal", "-shm"]])
def test_log_that_is_taken_away_is_saved_with_the_next_entry(endings, path, tmp_path):
    journal = JournalFile(path, IDENTITY)

    def note(name):
        (result,) = journal.run(
            [lambda: journal.conn.execute("INSERT INTO job VALUES (?, '')", (name,))]
        )
        assert not isinstance(result, Exception)

    note("before")
    for ending in endings:
        path.with_name(path.name + ending).unlink()
    note("after")
    killed = tmp_path / "killed.db"
    for ending in ("", "-wal"):
        shutil.copy(f"{path}{ending}", f"{killed}{ending}")
    journal.close()
    with closing(sqlite3.connect(killed)) as conn:
        names = {name for (name,) in conn.execute("SELECT name FROM job")}
    assert {"before", "after"} <= names


def test_journal_that_is_taken_away_while_in_use_is_an_error(path):
    journal = JournalFile(path, IDENTITY)
    journal.run([lambda: None])
    path.unlink()
    (error,) = journal.run([lambda: None])
    assert isinstance(error, JournalError)
    assert "removed while in use" in str(error)
    journal.close()
