"""The SQLite store: one state for all who open its file, which outlives them."""

import asyncio
import shutil
import sqlite3
import stat
import time
from contextlib import closing

import pytest
from support.stores import a_quota, a_sqlite_store, snapshot, spend, take

from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.sqlite import SqliteStore

ANSWERED, NEVER_SENT = TokenOutcome.ANSWERED, TokenOutcome.NEVER_SENT


# One state for all.


def rows(path):
    with closing(sqlite3.connect(path)) as conn:
        return [key for (key,) in conn.execute("SELECT name FROM state")]


async def test_count_survives_its_store(path, clock):
    first = a_sqlite_store(path, clock)
    await spend(first, 1, 2)
    first.end(a_quota(3), 1, ANSWERED)
    await first.close()
    second = a_sqlite_store(path, clock)
    assert (await snapshot(second)).free == 1
    clock.advance(61.5)
    assert (await snapshot(second)).free == 2
    await second.close()


async def test_stores_on_one_file_share_it_and_their_numbers_do_not_clash(path, clock):
    one, two = a_sqlite_store(path, clock), a_sqlite_store(path, clock)
    await spend(one, 1)
    await spend(two, 1)
    one.end(a_quota(3), 1, NEVER_SENT)
    assert (await snapshot(one)).free == 2
    await spend(two, 2, 3)
    assert isinstance(await take(one, 4), Denied)
    await one.close()
    await two.close()


async def test_lock_and_lesson_of_one_are_those_of_the_other(path, clock):
    one, two = a_sqlite_store(path, clock), a_sqlite_store(path, clock)
    taken_at = await take(one, 1)
    await one.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=None)
    found = await snapshot(two)
    assert (found.locked, found.capacity) == (True, 2)
    await one.close()
    await two.close()


async def test_file_and_folder_are_for_the_owner_alone(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await store.close()


async def test_rows_that_say_nothing_any_more_disappear(path, clock):
    store = a_sqlite_store(path, clock)
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
    store = a_sqlite_store(path, clock)
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
        assert isinstance(not_yet, Denied)
        assert 55.0 < not_yet.earliest_at - store.clock() <= 61.0
    await store.close()


@pytest.mark.parametrize("boots", [("one", "two"), ("", "")])
async def test_after_a_reboot_all_is_spent_for_a_full_time_from_it(path, clock, boots):
    store = a_sqlite_store(path, clock, boots[0])
    await spend(store, 1)
    store.end(a_quota(3), 1, ANSWERED)
    await store.close()
    clock.now = 7.0
    store = a_sqlite_store(path, clock, boots[1])
    assert (await snapshot(store)).free == 0, "a power cut may have taken what was written last"
    clock.advance(83.9)
    assert (await snapshot(store)).free == 0
    clock.advance(0.2)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_machine_set_back_to_an_earlier_state_has_spent_all_and_is_locked_for_as_long(
    path, clock
):
    store = a_sqlite_store(path, clock)
    clock.now = 5000.0
    taken_at = await take(store, 1)
    await store.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=100.0)
    await store.close()
    clock.now = 4000.0
    store = a_sqlite_store(path, clock)
    found = await snapshot(store)
    assert (found.free, found.locked_until) == (0, pytest.approx(4101.0))
    await store.close()


async def test_lock_and_lesson_go_on_after_a_reboot(path, clock):
    store = a_sqlite_store(path, clock)
    taken_at = await take(store, 1)
    await store.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=100.0)
    await store.close()
    clock.now = 7.0
    store = a_sqlite_store(path, clock, "two")
    found = await snapshot(store)
    assert found.locked_until == pytest.approx(101.0), "from the start on, not from the first look"
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
    store = a_sqlite_store(path, clock, cold_start=start)
    assert (await snapshot(store)).free == free
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await spend(store, 1)
    await store.close()
    again = a_sqlite_store(path, clock, cold_start=start)
    assert (await snapshot(again)).free == 2, "it is not new any more"
    await again.close()


async def test_key_that_is_new_in_a_spent_file_is_spent_for_others_too(path, clock):
    first = a_sqlite_store(path, clock, cold_start="spent")
    assert (await snapshot(first)).free == 0
    await first.close()
    second = a_sqlite_store(path, clock)
    assert (await snapshot(second, a_quota(3, account="ann"))).free == 0
    await second.close()
    clock.now = 7.0
    after = a_sqlite_store(path, clock, "two")
    assert (await snapshot(after)).free == 0
    await after.close()


async def test_file_that_is_taken_away_under_it_counts_as_spent(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    for each in path.parent.iterdir():
        each.unlink()
    assert (await snapshot(store)).free == 0
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    await store.close()


async def test_log_of_a_file_that_is_gone_is_not_read_and_the_new_one_starts_spent(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    shutil.copy(f"{path}-wal", f"{path}-left")
    await store.close()
    path.unlink()
    shutil.move(f"{path}-left", f"{path}-wal")
    store = a_sqlite_store(path, clock)
    assert (await snapshot(store)).free == 0
    await store.close()


# Records.


@pytest.mark.parametrize("boots", [("one", "two"), ("", "")])
async def test_record_does_not_outlive_the_machines_start(path, clock, boots):
    store = a_sqlite_store(path, clock, boots[0])
    assert await store.add_record("n", "text", until=clock() + 3600)
    await store.close()
    clock.now = 7.0
    store = a_sqlite_store(path, clock, boots[1])
    assert await store.get_record("n") is None
    assert await store.add_record("n", "another", until=clock() + 5)
    await store.close()


async def test_records_that_have_expired_leave_the_file(path, clock):
    store = a_sqlite_store(path, clock)
    for number in range(5):
        store.set_record(str(number), "secret", until=clock() + 5)
        clock.advance(6)
    await store.close()
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT name FROM state").fetchall() == [("4",)]


@pytest.mark.parametrize("in_log", [True, False])
async def test_plain_token_of_an_earlier_version_leaves_the_file_when_it_is_opened(
    path, clock, in_log
):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    store.set_record("encrypted_token 1", "new", until=clock() + 3600)
    store.set_record("access_token 1", "3600.0 canary", until=clock() + 3600)
    store.set_record("access_token 1 claim", "owner", until=clock() + 20)
    await (store.get_record("n") if in_log else store.close())
    files = [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    assert sum(b"canary" in each.read_bytes() for each in files) == 1

    later = a_sqlite_store(path, clock)
    assert (await snapshot(later)).free == 2
    kept = await later.get_record("encrypted_token 1")
    assert kept is not None
    assert kept.text == "new"
    assert await later.get_record("access_token 1") is None
    for each in path.parent.iterdir():
        assert b"canary" not in each.read_bytes(), each
    await later.close()
    await store.close()
    for each in path.parent.iterdir():
        assert b"canary" not in each.read_bytes(), each
