"""The file of a sync: what is in it, who can read it, and what can be wrong with it."""

import asyncio
import os
import sqlite3
import stat
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime

import pytest
from spoiled_files import folder, foreign, no_database
from subscribing import Cliq, listed, selected

from cliq_async import sqlite_files
from cliq_async.bulk.subscriber_reader import (
    SubscriberReader,
    SyncedSubscriber,
    read_subscribers,
)
from cliq_async.bulk.subscriber_table import KIND, SubscriberTable
from cliq_async.bulk.sync_state import BotState, OvertakenError
from cliq_async.errors import SyncError
from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber

NOW = "2026-01-01T00:00:00+00:00"
LATER = "2026-01-02T00:00:00+00:00"


@pytest.fixture
def table(path):
    made = SubscriberTable(path)
    yield made
    made.close()


def a_page(*ids, next_token=None, sync_token=None, name="somebody"):
    people = tuple(Subscriber(user_id=each, name=name) for each in ids)
    return Page(data=people, next_token=next_token, sync_token=sync_token)


def write(table, state, page, now=NOW):
    (after,) = table.run([lambda: table.write(state, page, now)])
    if isinstance(after, Exception):
        raise after
    return after


def full(bot="ops", version=0):
    return BotState(bot=bot, version=version).begun("full", NOW)


# What is in it.


def test_it_is_made_with_its_folder_for_its_owner_alone(path, table):
    write(table, full(), a_page("1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert selected(path, "PRAGMA journal_mode") == [("wal",)]
    assert selected(path, "PRAGMA application_id") == [(KIND.application_id,)]
    assert selected(path, "PRAGMA user_version") == [(1,)]


def test_no_two_kinds_of_files_have_the_same_application_id():
    from cliq_async.quota.sqlite_file import KIND as OF_QUOTA

    assert OF_QUOTA.application_id != KIND.application_id


def test_a_page_and_where_it_leads_are_one_transaction(path, table):
    state = write(table, full(), a_page("1", "2", next_token="n", sync_token="s"))

    def broken():
        table.write(state, a_page("3"), NOW)
        raise MemoryError

    (error, other) = table.run([broken, lambda: 7])
    assert isinstance(error, MemoryError)
    assert other == 7, "it is made without the broken one"
    assert listed(path) == ["1", "2"]
    assert table.run([lambda: table.state("ops")]) == [state]
    assert (state.next_token, state.new_token, state.sync_token) == ("n", "s", None)


def test_a_page_of_a_sync_that_somebody_else_has_brought_further_is_not_written(path, table):
    before = full()
    after = write(table, before, a_page("1", next_token="n"))
    for state in (before, full(), full(version=7)):
        with pytest.raises(OvertakenError):
            write(table, state, a_page("9"))
    assert listed(path) == ["1"]
    write(table, after, a_page("2"))
    assert listed(path) == ["1", "2"]


def test_a_user_who_is_in_a_page_twice_counts_once(table, path):
    state = write(table, full(), a_page("1", "1", "2"))
    assert (state.added, state.changed) == (2, 0)
    assert listed(path) == ["1", "2"]


def test_an_empty_page_is_a_page(table, path):
    state = write(table, full(), a_page(next_token="n"))
    state = write(table, state, a_page("1"))
    assert (state.pages, state.added) == (2, 1)


def test_tokens_that_are_empty_are_none(table):
    state = write(table, full(), a_page("1", next_token="", sync_token=""))
    assert (state.is_under_way, state.sync_token, state.synced_at) == (False, None, NOW)


def test_data_stays_as_it_is(table, path):
    name = 'Ann "Lee"; DROP TABLE subscriber;\n\x00 ünïcode 𝄞'
    write(table, full("b'ot"), a_page("7", name=name))
    (found,) = read_subscribers(path, "b'ot")
    assert found.name == name


# Read it.


async def a_synced_file(path):
    cliq = Cliq.of(5, "ops", "hr")
    cliq.put("hr", "7")
    await cliq.sync(path, ["ops", "hr"])
    cliq.drop("ops", "100")
    cliq.drop("ops", "101")
    cliq.drop("hr", "101")
    cliq.drop("hr", "102")
    await cliq.sync(path, ["ops", "hr"], full=True)
    return cliq


async def test_those_of_a_bot_are_those_who_are_there(path):
    cliq = await a_synced_file(path)
    for bot in ("ops", "hr"):
        found = list(read_subscribers(path, bot))
        assert [each.user_id for each in found] == sorted(cliq.bots[bot])
        assert all(each.bot == bot and each.left is None for each in found)


async def test_those_of_all_bots_are_each_there_once(path):
    cliq = await a_synced_file(path)
    found = [each.user_id for each in read_subscribers(path)]
    assert found == sorted(cliq.bots["ops"].keys() | cliq.bots["hr"].keys())
    assert "101" not in found


async def test_of_all_bots_what_was_seen_last_counts(path, table):
    write(table, full("a"), a_page("1", name="old"), NOW)
    write(table, full("b"), a_page("1", name="new"), LATER)
    write(table, full("c"), a_page("1", name="old"), NOW)
    (found,) = read_subscribers(path)
    assert (found.name, found.bot) == ("new", "b")


async def test_those_who_have_left_are_there_if_asked_for(path):
    await a_synced_file(path)
    found = list(read_subscribers(path, departed=True))
    assert len(found) == 11
    gone = {(each.bot, each.user_id) for each in found if each.left is not None}
    assert gone == {("ops", "100"), ("ops", "101"), ("hr", "101"), ("hr", "102")}
    assert {each.bot for each in read_subscribers(path, "hr", departed=True)} == {"hr"}


def test_a_subscriber_has_moments_in_utc(path, table):
    state = write(table, full(), a_page("1", "2"))
    write(table, state.begun("full", LATER), a_page("1"), LATER)
    stay, gone = read_subscribers(path, "ops", departed=True)
    one, two = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert (stay.first_seen, stay.last_seen, stay.left) == (one, two, None)
    assert (gone.first_seen, gone.last_seen, gone.left) == (one, one, two)
    assert isinstance(stay, SyncedSubscriber)


def test_what_is_read_is_of_one_moment_and_holds_nobody_up(path, table):
    state = write(table, full(), a_page(*(str(1000 + n) for n in range(10))))
    reading = read_subscribers(path, "ops")
    next(reading)
    write(table, state.begun("full", LATER), a_page("1"), LATER)
    assert len(list(reading)) == 9
    assert [each.user_id for each in read_subscribers(path, "ops")] == ["1"]


async def test_a_bot_that_is_not_there_is_an_error_that_names_those_who_are(path):
    await a_synced_file(path)
    with pytest.raises(SyncError, match="no subscribers of nobot, but of hr, ops; bots go by"):
        list(read_subscribers(path, "nobot"))


def test_half_a_list_is_not_taken_for_a_whole_one(path, table):
    write(table, full("whole"), a_page("1"))
    write(table, full("half"), a_page("2", next_token="n"))
    for bot in ("half", None):
        with pytest.raises(SyncError, match=r"first subscribers of half.*sync it again"):
            list(read_subscribers(path, bot))
    assert [each.user_id for each in read_subscribers(path, "whole")] == ["1"]
    write(table, table.run([lambda: table.state("half")])[0], a_page("3"))
    assert len(list(read_subscribers(path))) == 3


def test_a_list_stays_whole_while_it_is_synced_again(path, table):
    state = write(table, full(), a_page("1", "2"))
    write(table, state.begun("full", LATER), a_page("1", next_token="n"), LATER)
    assert len(list(read_subscribers(path, "ops"))) == 2


@pytest.fixture
def large(path):
    """A file with 40,000 subscribers of each of two bots."""
    table = SubscriberTable(path)
    for bot in ("a", "b"):
        write(table, full(bot), a_page("1"))
    row = "INSERT INTO subscriber VALUES (?, ?, 'Somebody', 's@example.com', ?, ?, NULL, 1)"
    rows = ((bot, str(10**7 + n), NOW, NOW) for bot in ("a", "b") for n in range(39_999))
    table.run([lambda: table.conn.executemany(row, rows)])
    table.close()
    return path


@pytest.mark.parametrize("bot", ["a", None])
def test_memory_does_not_grow_with_the_list(large, bot):
    with SubscriberReader(large) as reader:
        tracemalloc.start()
        try:
            assert reader.count(bot) == sum(1 for _ in reader.ids(bot)) == 40_000
            rows = reader.rows(bot, departed=False)
            assert sum(1 for _, _ in zip(rows, range(20_000), strict=False)) == 20_000
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 1 << 20


def test_sqlite_sorts_nothing_to_read_it(path, table):
    write(table, full(), a_page("1"))
    asked = []
    with SubscriberReader(path) as reader:
        reader._conn.set_trace_callback(asked.append)
        for bot in ("ops", None):
            list(reader.ids(bot))
            list(reader.rows(bot, departed=False))
            list(reader.rows(bot, departed=True))
            reader.count(bot)
    assert len(asked) == 8
    for query in asked:
        assert "TEMP" not in str(selected(path, f"EXPLAIN QUERY PLAN {query}"))


# What can be wrong with it.


def damage(path):
    made = SubscriberTable(path)
    write(made, full(), a_page(*map(str, range(2000))))
    made.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def newer(path):
    made = SubscriberTable(path)
    write(made, full(), a_page("1"))
    made.close()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA user_version = 99")


WRONG = [
    (no_database, "damaged, or of another program; move it aside"),
    (foreign, "a database of another program"),
    (newer, r"a later version of cliq_async \(schema 99.*upgrade"),
    (folder, "cannot be written; name another place"),
]


@pytest.mark.parametrize(("spoil", "words"), [*WRONG, (damage, "damaged.*sync into a new one")])
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
    ("spoil", "words"), [*WRONG[:3], (folder, "cannot be read"), (damage, "damaged")]
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
