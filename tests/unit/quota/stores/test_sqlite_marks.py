"""Signs of lost writes: a log that is taken away counts as spent, and what SQLite does does not."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest
from support.stores import a_quota, a_sqlite_store, snapshot, spend, take

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.backend import State, StateKey, StatesLostError
from cliq_async.quota.stores.operations import Operation, Operations
from cliq_async.quota.stores.sqlite_file import SqliteBackend
from cliq_async.quota.stores.sqlite_marks import StoreMarks
from cliq_async.storage.sqlite import SqliteFormat

LOGS = pytest.mark.parametrize("endings", [["-shm"], ["-wal"], ["-wal", "-shm"]])


def remove(path, endings):
    for ending in endings:
        path.with_name(path.name + ending).unlink()


def copy_to(place, path, *endings):
    """Copy some files of a store, as they would be found after a crash."""
    place.mkdir()
    for ending in ("", *endings):
        name = path.name + ending
        shutil.copy(path.with_name(name), place / name)
    return place / path.name


# A program whose log is taken away.


@LOGS
async def test_log_that_is_taken_away_under_it_counts_as_spent(endings, path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    store.end(a_quota(3), 1, TokenOutcome.ANSWERED)
    await snapshot(store)
    remove(path, endings)
    assert isinstance(await take(store, 2), Denied)
    clock.advance(91.5)
    assert (await snapshot(store)).free == 3
    await store.close()


@LOGS
async def test_lock_and_records_outlive_the_log(endings, path, clock):
    store = a_sqlite_store(path, clock)
    taken_at = await take(store, 1)
    lock = await store.refuse(a_quota(3), 1, taken_at=taken_at, wait_s=500.0)
    store.set_record("n", "text", until=clock() + 900.0)
    await snapshot(store)
    remove(path, endings)
    assert (await snapshot(store)).locked_until == pytest.approx(lock.until)
    record = await store.get_record("n")
    assert record is not None
    assert record.text == "text"
    await store.close()


@LOGS
async def test_log_that_is_taken_away_before_the_end_of_a_program_is_known_to_the_next(
    endings, path, clock
):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    remove(path, endings)
    await store.close()
    after = a_sqlite_store(path, clock)
    assert (await snapshot(after)).free == 0
    await after.close()


@LOGS
def test_log_that_is_taken_away_during_a_batch_makes_it_run_again(endings, path, clock):
    backend = SqliteBackend(path, clock=clock, boot="one", spent=False)
    key = StateKey("bucket", "k")
    found = []

    def change(state):
        found.append(state.lost_at)
        if len(found) == 1:
            remove(path, endings)
        return state.lost_at

    operation: Any = Operation(key, lambda state, *_: Undecided(state), lambda it: change(it.state))
    assert Operations(backend, clock).run([operation]) == [clock()]
    assert found == [-inf, clock()]
    backend.close()


def test_file_that_is_replaced_while_it_is_opened_is_opened_again(path, clock, monkeypatch):
    key, real_open = StateKey("bucket", "k"), SqliteFormat.open
    living, opening = (SqliteBackend(path, clock=clock, boot="one", spent=False) for _ in range(2))

    def store(backend, data):
        with backend.batch():
            backend.swap(key, backend.load(key), data, clock() + 3700.0)

    def load(backend):
        with backend.batch():
            return backend.load(key).data

    def open_and_lose(*args, **options):
        conn = real_open(*args, **options)
        monkeypatch.setattr(SqliteFormat, "open", real_open)
        store(living, b"new")
        return conn

    store(living, b"old")
    remove(path, ["-shm"])
    monkeypatch.setattr(SqliteFormat, "open", open_and_lose)
    assert load(opening) == b"new"
    store(opening, b"newer")
    assert load(living) == b"newer"
    living.close()
    opening.close()


class Undecided:
    """A loaded state that is stored as it is."""

    changed = True

    def __init__(self, state):
        self.state = state

    def encode(self):
        return b"data", self.state.now + 3700.0


async def test_program_that_goes_to_another_folder_keeps_its_file(tmp_path, clock, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = a_sqlite_store("quota.db", clock)
    await spend(store, 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert (await snapshot(store)).free == 2
    assert list(elsewhere.iterdir()) == []
    await store.close()


@LOGS
async def test_log_beside_the_file_that_a_link_names_is_watched(endings, tmp_path, path, clock):
    link = tmp_path / "link.db"
    link.symlink_to(path)
    store = a_sqlite_store(link, clock)
    await spend(store, 1)
    remove(path, endings)
    assert isinstance(await take(store, 2), Denied)
    await store.close()


def test_store_that_is_lost_each_time_is_an_error(path, clock):
    class Losing(SqliteBackend):
        @contextmanager
        def batch(self):
            yield
            raise StatesLostError("gone")

        def load(self, key):
            return State(None, 0.0)

        def swap(self, key, state, data, keep_until):
            return True

    backend = Losing(path, clock=clock, boot="one", spent=False)
    operation: Any = Operation(StateKey("bucket", "k"), lambda state, *_: Undecided(state), id)
    (error,) = Operations(backend, clock).run([operation])
    assert type(error) is QuotaStoreError
    backend.close()


# The next program.


async def test_writes_that_only_the_lost_log_had_are_missed(path, clock, tmp_path):
    store = a_sqlite_store(path, clock)
    await spend(store, 1, 2)
    without = copy_to(tmp_path / "copy", path, ".written")
    await store.close()
    after = a_sqlite_store(without, clock)
    assert (await snapshot(after)).free == 0
    await after.close()
    clock.advance(92.0)
    assert (await snapshot(after)).free == 3, "it is missed once"
    await after.close()


async def test_index_of_a_lost_log_is_not_used(path, clock, tmp_path):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    without = copy_to(tmp_path / "copy", path, "-shm")
    await store.close()
    after = a_sqlite_store(without, clock)
    assert (await snapshot(after)).free == 0
    await after.close()


async def test_store_that_is_removed_between_two_programs_starts_spent(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    await store.close()
    path.unlink()
    after = a_sqlite_store(path, clock)
    assert (await snapshot(after)).free == 0
    await after.close()


async def test_restored_copy_starts_spent(path, clock, tmp_path):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    await store.close()
    shutil.copy(path, tmp_path / "backup")
    clock.advance(10.0)
    await spend(store, 2)
    await store.close()
    shutil.copy(tmp_path / "backup", path)
    assert (await snapshot(store)).free == 0
    await store.close()


# What is no loss.


async def test_end_of_a_program_is_no_loss(path, clock):
    for number in range(1, 4):
        store = a_sqlite_store(path, clock)
        await spend(store, number)
        await store.close()
    after = a_sqlite_store(path, clock)
    assert (await snapshot(after, a_quota(5))).free == 2
    await after.close()


@pytest.mark.parametrize("endings", [("-wal", "-shm"), ("-wal",)])
async def test_killed_program_is_no_loss(endings, path, clock, tmp_path):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    crashed = copy_to(tmp_path / "copy", path, ".written", *endings)
    await store.close()
    after = a_sqlite_store(crashed, clock)
    assert (await snapshot(after)).free == 2
    await after.close()


async def test_checkpoint_and_another_programs_look_are_no_loss(path, clock):
    store = a_sqlite_store(path, clock)
    for number, mode in enumerate(["PASSIVE", "FULL", "RESTART", "TRUNCATE"]):
        await spend(store, number, quota=a_quota(9))
        with closing(sqlite3.connect(path)) as conn:
            assert conn.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0] == 0
    await store.close()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("SELECT * FROM state").fetchall()
    assert (await snapshot(store, a_quota(9))).free == 5
    await store.close()


async def test_write_that_no_request_can_come_from_any_more_is_not_missed(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    await store.close()
    path.unlink()
    clock.advance(3600.0)
    after = a_sqlite_store(path, clock)
    assert (await snapshot(after)).free == 3
    await after.close()


@pytest.mark.parametrize("text", ["", "x", "1e9 one", "nan one", "999.0 two", "999.0", b"\xff"])
def test_watermark_of_no_use_is_ignored(text, path, clock):
    path.parent.mkdir(exist_ok=True)
    files = StoreMarks.of(path)
    files.watermark.write_bytes(text if isinstance(text, bytes) else text.encode())
    backend = SqliteBackend(path, clock=clock, boot="one", spent=False)
    with backend.batch():
        assert backend.load(StateKey("bucket", "k")).lost_at == -inf
    backend.close()


def test_watermark_is_replaced_as_a_whole(path):
    path.parent.mkdir(exist_ok=True)
    files = StoreMarks.of(path)
    files.save_last_write("one", 123456.789012345)
    files.save_last_write("", 5.0)
    assert files.last_write("") == 5.0
    assert files.last_write("one") == -inf


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="no such rights on this system")
async def test_watermark_is_for_those_who_may_write_the_store(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    watermark = StoreMarks.of(path).watermark
    assert stat.S_IMODE(watermark.stat().st_mode) == 0o600
    path.chmod(0o660)
    watermark.unlink()
    await spend(store, 2)
    assert stat.S_IMODE(watermark.stat().st_mode) == 0o660
    await store.close()


@pytest.mark.parametrize("replaceable", [True, False])
def test_watermark_of_another_user_is_replaced_or_left(replaceable, path, monkeypatch):
    path.parent.mkdir()
    path.touch()
    marks = StoreMarks.of(path)
    marks.save_last_write("one", 1.0)
    theirs = marks.watermark.stat().st_ino
    opened = os.open

    def refuse(name, *args):
        if os.fspath(name) == str(marks.watermark) and marks.watermark.exists():
            raise PermissionError(13, "Permission denied")
        return opened(name, *args)

    monkeypatch.setattr(os, "open", refuse)
    if not replaceable:
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: refuse(marks.watermark))
    marks.save_last_write("one", 2.0)
    monkeypatch.undo()
    assert marks.last_write("one") == (2.0 if replaceable else 1.0)
    assert replaceable or marks.watermark.stat().st_ino == theirs
