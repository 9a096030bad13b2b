"""The SQLite store: what outlives its process, and what can be wrong with a file."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import attrs
import pytest
from scripted import DONE, Scripted
from stores import Clock, a_quota

from cliq_async import sqlite_files
from cliq_async.client import CliqClient
from cliq_async.errors import QuotaStoreError
from cliq_async.quota import sqlite_file
from cliq_async.quota.model import Ending, NotYet
from cliq_async.quota.notes import Note
from cliq_async.quota.sqlite import SqliteStore
from cliq_async.quota.sqlite_file import KIND, mark_of

ANSWERED, NEVER_SENT = Ending.ANSWERED, Ending.NEVER_SENT
TESTS = Path(__file__).parent


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "quota.db"


def a_store(path, clock, boot="one", **options):
    return SqliteStore(path, clock=clock, boot=boot, **options)


async def take(store, token, quota=None):
    return await store.take(quota or a_quota(3), token, lease_s=131.0)


async def spend(store, *tokens):
    for token in tokens:
        assert isinstance(await take(store, token), float)


async def snapshot(store, quota=None):
    (found,) = await store.snapshots([quota or a_quota(3)])
    return found


def rows(path):
    conn = sqlite3.connect(path)
    try:
        return [key for (key,) in conn.execute("SELECT key FROM bucket")]
    finally:
        conn.close()


# One state for all.


async def test_count_survives_its_store(path, clock):
    first = a_store(path, clock)
    await spend(first, 1, 2)
    first.end(a_quota(3), 1, ANSWERED)
    await first.close()
    second = a_store(path, clock)
    assert (await snapshot(second)).free == 1
    clock.advance(61.5)
    assert (await snapshot(second)).free == 2
    await second.close()


async def test_stores_on_one_file_share_it_and_their_numbers_do_not_clash(path, clock):
    one, two = a_store(path, clock), a_store(path, clock)
    await spend(one, 1)
    await spend(two, 1)
    one.end(a_quota(3), 1, NEVER_SENT)
    assert (await snapshot(one)).free == 2
    await spend(two, 2, 3)
    assert isinstance(await take(one, 4), NotYet)
    await one.close()
    await two.close()


async def test_lock_and_lesson_of_one_are_those_of_the_other(path, clock):
    one, two = a_store(path, clock), a_store(path, clock)
    taken_at = await take(one, 1)
    await one.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=None)
    found = await snapshot(two)
    assert (found.locked, found.capacity) == (True, 2)
    await one.close()
    await two.close()


async def test_file_and_folder_are_for_the_owner_alone(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await store.close()


async def test_rows_that_say_nothing_any_more_disappear(path, clock):
    store = a_store(path, clock)
    await take(store, 1, a_quota(3, account="ann"))
    await spend(store, 2)
    await store.close()
    clock.advance(3700.0)
    await spend(store, 3)
    assert len(rows(path)) == 2
    await store.close()
    clock.advance(100.0)
    await spend(store, 4)
    assert rows(path) == [a_quota(3).key]
    await store.close()


async def test_event_loop_goes_on_while_another_process_holds_the_file(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(take(store, 2))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    other.execute("COMMIT")
    assert isinstance(await task, float)
    other.close()
    await store.close()


# Time.


async def test_wall_clock_may_step_an_hour_either_way(path, monkeypatch):
    store = SqliteStore(path)
    await spend(store, 1, 2, 3)
    store.end(a_quota(3), 1, ANSWERED)
    now = time.time()
    for step in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        not_yet = await take(store, 4)
        assert isinstance(not_yet, NotYet)
        assert 55.0 < not_yet.earliest - store.clock() <= 61.0
    await store.close()


@pytest.mark.parametrize("boots", [("one", "two"), ("", "")])
async def test_after_a_reboot_all_is_spent_for_a_full_time_from_it(path, clock, boots):
    store = a_store(path, clock, boots[0])
    await spend(store, 1)
    store.end(a_quota(3), 1, ANSWERED)
    await store.close()
    clock.now = 7.0
    store = a_store(path, clock, boots[1])
    assert (await snapshot(store)).free == 0, "a power cut may have taken what was written last"
    clock.advance(83.9)
    assert (await snapshot(store)).free == 0
    clock.advance(0.2)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_lock_and_lesson_go_on_after_a_reboot(path, clock):
    store = a_store(path, clock)
    taken_at = await take(store, 1)
    await store.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=100.0)
    await store.close()
    clock.now = 7.0
    store = a_store(path, clock, "two")
    found = await snapshot(store)
    assert found.locked_until == pytest.approx(7.0 + 101.0)
    assert (found.capacity, found.reopening) == (2, True)
    clock.advance(25 * 3600.0)
    await spend(store, 2)
    store.end(a_quota(3), 2, ANSWERED)
    clock.advance(62.0)
    assert (await snapshot(store)).capacity == 3
    await store.close()


# Cold starts.


@pytest.mark.parametrize(("start", "free"), [("full", 3), ("spent", 0)])
async def test_new_file_is_full_or_spent_as_one_likes(path, clock, start, free):
    store = a_store(path, clock, cold_start=start)
    assert (await snapshot(store)).free == free
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await spend(store, 1)
    await store.close()
    again = a_store(path, clock, cold_start=start)
    assert (await snapshot(again)).free == 2, "it is not new any more"
    await again.close()


async def test_key_that_is_new_in_a_spent_file_is_spent_for_others_too(path, clock):
    first = a_store(path, clock, cold_start="spent")
    assert (await snapshot(first)).free == 0
    await first.close()
    second = a_store(path, clock)
    assert (await snapshot(second, a_quota(3, account="ann"))).free == 0
    await second.close()
    clock.now = 7.0
    after = a_store(path, clock, "two")
    assert (await snapshot(after)).free == 0
    await after.close()


async def test_file_that_is_taken_away_under_it_counts_as_spent(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    for each in path.parent.iterdir():
        each.unlink()
    assert (await snapshot(store)).free == 0
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_log_of_a_file_that_is_gone_is_not_read_and_the_new_one_starts_spent(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    shutil.copy(f"{path}-wal", f"{path}-left")
    await store.close()
    path.unlink()
    shutil.move(f"{path}-left", f"{path}-wal")
    store = a_store(path, clock)
    assert (await snapshot(store)).free == 0
    await store.close()


# What can be wrong.


def damage(path):
    path.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)


def no_database(path):
    path.write_text("# my notes\n" * 100)


def foreign(path):
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE notes (text TEXT)")
    conn.close()


def newer(path):
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA application_id={KIND.application_id}")
    conn.execute("PRAGMA user_version=99")
    conn.close()


def folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damage, "damaged.*move it aside.*starts spent"),
        (no_database, "damaged, or of another program"),
        (foreign, "a database of another program; the quota's file is its own"),
        (newer, "written by a later version of cliq_async .schema 99.*upgrade"),
        (folder, "cannot be written.*name another place"),
    ],
)
async def test_file_that_cannot_be_used_is_an_error_before_anything_is_sent(path, spoil, words):
    path.parent.mkdir()
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()
    transport = Scripted([DONE])
    async with CliqClient("t", transport=transport, quota=f"sqlite:///{path}") as client:
        for _ in range(2):
            with pytest.raises(QuotaStoreError, match=words) as raised:
                await client.bots.list()
            assert str(path) in str(raised.value)
        with pytest.raises(QuotaStoreError):
            await client.quota_status()
    assert transport.requests == []
    assert before is None or path.read_bytes() == before, "it is not touched"


async def test_folder_that_cannot_be_made_is_an_error_with_the_way_out(tmp_path, clock):
    (tmp_path / "file").write_text("")
    store = a_store(tmp_path / "file" / "quota.db", clock)
    with pytest.raises(QuotaStoreError, match="CLIQ_QUOTA"):
        await take(store, 1)
    await store.close()


async def test_damaged_file_that_is_moved_aside_leaves_a_mark(path, clock):
    path.parent.mkdir()
    damage(path)
    store = a_store(path, clock)
    with pytest.raises(QuotaStoreError):
        await take(store, 1)
    path.rename(path.with_name("aside"))
    assert (await snapshot(store)).free == 0
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    assert not mark_of(path).exists()
    await store.close()


async def test_row_that_cannot_be_read_is_damage_too(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    await store.close()
    conn = sqlite3.connect(path)
    conn.execute("UPDATE bucket SET state = X'00'")
    conn.commit()
    conn.close()
    with pytest.raises(QuotaStoreError, match="damaged"):
        await take(store, 2)
    assert mark_of(path).exists()
    await store.close()


async def test_file_that_another_program_holds_is_an_error_in_the_end(path, clock, monkeypatch):
    monkeypatch.setattr(sqlite_files, "BUSY_S", 0.05)
    store = a_store(path, clock)
    await spend(store, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(QuotaStoreError, match="another program has held"):
        await take(store, 2)
    store.end(a_quota(3), 1, NEVER_SENT)
    with pytest.raises(QuotaStoreError):
        await snapshot(store)
    other.execute("ROLLBACK")
    other.close()
    assert (await snapshot(store)).free == 3, "what could not be written then is written now"
    await store.close()


async def test_full_disk_is_an_error_and_nothing_is_lost_by_it(path, clock):
    store = a_store(path, clock)
    await spend(store, 1)
    conn = store._ledger._conn
    assert conn is not None
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count={pages}")
    others = [a_quota(3, account=f"{number:0500}") for number in range(200)]
    with pytest.raises(QuotaStoreError, match="disk is full; make room"):
        await asyncio.gather(*(take(store, 100 + n, other) for n, other in enumerate(others)))
    assert (await snapshot(store)).free == 2
    await spend(store, 2)
    await store.close()


async def test_file_system_without_shared_memory_is_refused(path, clock, monkeypatch):
    connect = sqlite3.connect

    def on_a_share(path, **options):
        return connect(f"file:{path}?vfs=unix-dotfile", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", on_a_share)
    store = a_store(path, clock)
    with pytest.raises(QuotaStoreError, match=r"network share.*local disk"):
        await take(store, 1)
    await store.close()


async def test_older_schema_is_brought_up_to_date(path, clock, monkeypatch):
    store = a_store(path, clock)
    await spend(store, 1)
    await store.close()
    later = attrs.evolve(KIND, migrations=(*KIND.migrations, "CREATE TABLE more (x)"))
    monkeypatch.setattr(sqlite_file, "KIND", later)
    store = a_store(path, clock)
    assert (await snapshot(store)).free == 2
    await store.close()
    conn = sqlite3.connect(path)
    assert conn.execute("PRAGMA user_version").fetchone() == (3,)
    assert conn.execute("SELECT count(*) FROM more").fetchone() == (0,)
    conn.close()


async def test_file_from_before_the_notes_keeps_its_buckets_and_gets_them(path, clock, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_file, "KIND", attrs.evolve(KIND, migrations=KIND.migrations[:1]))
        store = a_store(path, clock)
        await spend(store, 1)
        await store.close()
    store = a_store(path, clock)
    assert (await snapshot(store)).free == 2
    store.put_note("n", "text", until=clock() + 1)
    assert await store.read_note("n") == Note("text", clock() + 1)
    await store.close()


# Notes.


@pytest.mark.parametrize("boots", [("one", "two"), ("", "")])
async def test_note_does_not_outlive_the_machines_start(path, clock, boots):
    store = a_store(path, clock, boots[0])
    assert await store.claim_note("n", "text", until=clock() + 3600)
    await store.close()
    clock.now = 7.0
    store = a_store(path, clock, boots[1])
    assert await store.read_note("n") is None
    assert await store.claim_note("n", "another", until=clock() + 5)
    await store.close()


async def test_notes_that_are_over_leave_the_file(path, clock):
    store = a_store(path, clock)
    for number in range(5):
        store.put_note(str(number), "secret", until=clock() + 5)
        clock.advance(6)
    await store.close()
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT name FROM note").fetchall() == [("4",)]
    conn.close()


# Real processes.


def process(code, *args):
    """Start a program that has a store, a quota of 50 and what this module imports."""
    program = textwrap.dedent("""
        import asyncio, os, sys
        sys.path.insert(0, {tests!r})
        from stores import a_quota
        from cliq_async.quota.limiter import Limiter
        from cliq_async.quota.model import Ending, NotYet
        from cliq_async.quota.sqlite import SqliteStore

        store, quota = SqliteStore(sys.argv[1]), a_quota(50)

        async def take(token):
            got = await store.take(quota, token, lease_s=131.0)
            return not isinstance(got, NotYet)

        async def takes(first, number):
            return sum([await take(first + each) for each in range(number)])
    """).format(tests=str(TESTS)) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)], stdout=subprocess.PIPE, text=True
    )


def output(started):
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    return out.strip()


async def test_processes_together_take_no_more_than_there_is(path):
    started = [process("print(asyncio.run(takes(0, 40)))", path) for _ in range(4)]
    counts = [int(output(each)) for each in started]
    assert sum(counts) == 50


async def test_what_was_pending_is_written_when_a_program_ends_without_closing(path):
    code = """
        async def main():
            for number in range(30):
                await take(number)
            for number in range(30):
                store.end(quota, number, Ending.NEVER_SENT if number % 2 else Ending.ANSWERED)
        asyncio.run(main())
    """
    output(process(code, path))
    store = SqliteStore(path)
    found = await snapshot(store, a_quota(50))
    assert (len(found.leases), len(found.returns)) == (0, 15)
    await store.close()


async def test_killed_process_keeps_its_tokens_until_their_leases_end(path):
    code = """
        async def main():
            await takes(0, 30)
            print("taken", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    killed = process(code, path)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "taken\n"
    killed.kill()
    killed.communicate()
    store = SqliteStore(path)
    found = await snapshot(store, a_quota(50))
    assert found.free == 20
    assert all(120 < end - store.clock() < 131 for end in found.leases)
    await store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
async def test_children_forked_after_opening_have_files_and_numbers_of_their_own(path):
    code = """
        asyncio.run(takes(0, 5))
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                taken = asyncio.run(takes(0, 10))
                asyncio.run(store.close())
                os._exit(taken)
            children.append(child)
        mine = asyncio.run(takes(100, 5))
        print(mine, *(os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children))
    """
    assert output(process(code, path)) == "5 10 10 10"
    store = SqliteStore(path)
    assert (await snapshot(store, a_quota(50))).free == 10
    await store.close()
