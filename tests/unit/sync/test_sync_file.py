"""The errors of a file that cannot be used for a sync."""

import asyncio
import os
import sqlite3
from contextlib import closing

import pytest
from support.spoiled_files import folder, foreign, later, no_database
from support.subscriber_lists import Cliq, listed
from support.subscriber_tables import a_page, full, write

from cliq_async.errors import SyncError
from cliq_async.storage import sqlite as sqlite_files
from cliq_async.sync.reader import read_subscribers
from cliq_async.sync.table import FORMAT, SubscriberTable


def damage(path):
    made = SubscriberTable(path)
    write(made, full(), a_page(*map(str, range(2000))))
    made.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def newer(path):
    later(path, FORMAT)


WRONG = [
    (no_database, "damaged, or of another program; move it aside"),
    (foreign, "a database of another program"),
    (newer, r"a later version of cliq_async \(schema 99.*upgrade"),
    (folder, "cannot be written; name another place"),
]


def overlong(path):
    made = SubscriberTable(path)
    write(made, full(), a_page("1"))
    made.close()
    with closing(sqlite3.connect(path)) as conn, conn:
        chars = sqlite_files._MAX_BYTES + 1
        conn.execute("UPDATE subscriber SET name = printf('%*s', ?, 'x')", (chars,))


@pytest.mark.parametrize(("spoil", "words"), [*WRONG, (damage, "damaged.*sync into a new file")])
async def test_a_file_that_cannot_be_used_is_an_error_and_stays_as_it_is(path, spoil, words):
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()
    cliq = Cliq.of(5)
    with pytest.raises(SyncError, match=words) as caught:
        await cliq.sync(path)
    assert str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before
    assert spoil is damage or cliq.transport.requests == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        *WRONG[:3],
        (folder, "cannot be read"),
        (damage, "damaged"),
        (overlong, "a row of the list of subscribers is longer than 16,777,216 bytes.*move it"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(path, spoil, words):
    spoil(path)
    with pytest.raises(SyncError, match=words):
        list(read_subscribers(path, "ops"))


def test_a_file_that_is_not_there_is_not_made_by_reading(path):
    with pytest.raises(SyncError, match="there is no such file"):
        list(read_subscribers(path))
    assert not path.parent.exists()


async def test_a_folder_that_cannot_be_written_is_an_error_with_the_way_out(path, monkeypatch):
    opened = os.open

    def read_only(name, flags, *args, **options):
        if flags & os.O_CREAT and str(name).startswith(str(path)):
            raise OSError(30, "Read-only file system")
        return opened(name, flags, *args, **options)

    monkeypatch.setattr(os, "open", read_only)
    cliq = Cliq.of(5)
    with pytest.raises(SyncError, match=r"name another place.*Read-only file system"):
        await cliq.sync(path)
    assert cliq.transport.requests == []


async def test_a_lock_that_cannot_be_made_is_an_error(path, monkeypatch):
    await Cliq.of(5).sync(path)
    path.with_name(f"{path.name}.ops.lock").mkdir()
    with pytest.raises(SyncError, match="cannot be written"):
        await Cliq.of(5).sync(path)


async def test_a_full_disk_is_an_error_and_the_sync_goes_on_when_there_is_room(path, monkeypatch):
    cliq = Cliq.of(2000)
    connect = sqlite_files.sqlite3.connect

    def small(*args, **options):
        conn = connect(*args, **options)
        conn.execute("PRAGMA max_page_count = 16")
        return conn

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_files.sqlite3, "connect", small)
        with pytest.raises(SyncError, match="the disk is full; make room, or name another place"):
            await cliq.sync(path, limit=50)
    assert 0 < len(listed(path)) < 2000
    found = await cliq.sync_one(path, limit=50)
    assert (found.new, found.pages, found.resumed) == (2000, 40, True)


async def test_a_file_that_another_program_holds_is_waited_for_and_then_an_error(path, monkeypatch):
    await Cliq.of(5).sync(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.05, holder.rollback)
        assert (await Cliq.of(5).sync_one(path)).kind == "full"
        monkeypatch.setattr(sqlite_files, "BUSY_S", 0.01)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(SyncError, match="another program has held the list of subscribers"):
            await Cliq.of(5).sync(path)
        assert len(list(read_subscribers(path, "ops"))) == 5  # reading waits for nobody
        holder.rollback()


def test_where_nothing_can_be_written_it_is_read_all_the_same(path, table, monkeypatch):
    write(table, full(), a_page("1"))
    table.close()
    connect, asked = sqlite_files.sqlite3.connect, []

    def read_only(name, **options):
        asked.append(name.partition("?")[2])
        if asked[-1] == "mode=ro":  # as in a folder that cannot be written
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = sqlite3.SQLITE_READONLY
            raise error
        return connect(name, **options)

    monkeypatch.setattr(sqlite_files.sqlite3, "connect", read_only)
    assert [each.user_id for each in read_subscribers(path, "ops")] == ["1"]
    assert asked == ["mode=ro", "immutable=1"]
    path.with_name(f"{path.name}-wal").write_bytes(b"")  # somebody writes it, so notes are needed
    with pytest.raises(SyncError, match="cannot be read; let this user read it, and write its"):
        list(read_subscribers(path, "ops"))
