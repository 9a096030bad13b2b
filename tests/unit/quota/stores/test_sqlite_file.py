"""A SQLite store's file: what can be wrong with it, and how an older one is brought up to date."""

import asyncio
import sqlite3
from typing import Any

import attrs
import pytest
from support.scripted import DONE, Scripted
from support.spoiled_files import damage, folder, foreign, later, no_database
from support.stores import a_quota, a_sqlite_store, snapshot, spend, take

from cliq_async.client import CliqClient
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import TokenOutcome
from cliq_async.quota.stores import sqlite_file
from cliq_async.quota.stores.sqlite_file import FORMAT
from cliq_async.quota.stores.sqlite_marks import StoreMarks
from cliq_async.storage import sqlite as sqlite_files


def newer(path):
    later(path, FORMAT)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damage, "damaged.*move it aside.*starts spent"),
        (no_database, "damaged, or of another program"),
        (foreign, "a database of another program: name another file for the quota file"),
        (newer, "written by a later version of cliq_async .schema 99.*upgrade"),
        (folder, "cannot be written.*name another place"),
    ],
)
async def test_file_that_cannot_be_used_is_an_error_before_anything_is_sent(path, spoil, words):
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
    store = a_sqlite_store(tmp_path / "file" / "quota.db", clock)
    with pytest.raises(QuotaStoreError, match="CLIQ_QUOTA"):
        await take(store, 1)
    await store.close()


async def test_damaged_file_that_is_moved_aside_leaves_a_mark(path, clock):
    damage(path)
    store = a_sqlite_store(path, clock)
    with pytest.raises(QuotaStoreError):
        await take(store, 1)
    path.rename(path.with_name("aside"))
    assert (await snapshot(store)).free == 0
    clock.advance(92.0)
    assert (await snapshot(store)).free == 3
    assert not StoreMarks.of(path).mark.exists()
    await store.close()


async def test_row_that_cannot_be_read_is_damage_too(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    await store.close()
    conn = sqlite3.connect(path)
    conn.execute("UPDATE state SET data = X'00'")
    conn.commit()
    conn.close()
    with pytest.raises(QuotaStoreError, match="damaged"):
        await take(store, 2)
    assert StoreMarks.of(path).mark.exists()
    await store.close()


async def test_file_that_another_program_holds_is_an_error_in_the_end(path, clock, monkeypatch):
    monkeypatch.setattr(sqlite_files, "BUSY_S", 0.05)
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(QuotaStoreError, match="another program has held"):
        await take(store, 2)
    store.end(a_quota(3), 1, TokenOutcome.NEVER_SENT)
    with pytest.raises(QuotaStoreError):
        await snapshot(store)
    other.execute("ROLLBACK")
    other.close()
    assert (await snapshot(store)).free == 3, "what could not be written then is written now"
    await store.close()


async def test_full_disk_is_an_error_and_nothing_is_lost_by_it(path, clock):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    operations: Any = store._worker.backend
    conn = operations.backend._conn
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
    store = a_sqlite_store(path, clock)
    with pytest.raises(QuotaStoreError, match=r"network share.*local disk"):
        await take(store, 1)
    await store.close()


async def test_older_schema_is_brought_up_to_date(path, clock, monkeypatch):
    store = a_sqlite_store(path, clock)
    await spend(store, 1)
    await store.close()
    later = attrs.evolve(FORMAT, migrations=(*FORMAT.migrations, "CREATE TABLE more (x)"))
    monkeypatch.setattr(sqlite_file, "FORMAT", later)
    store = a_sqlite_store(path, clock)
    assert (await snapshot(store)).free == 2
    await store.close()
    conn = sqlite3.connect(path)
    assert conn.execute("PRAGMA user_version").fetchone() == (2,)
    assert conn.execute("SELECT count(*) FROM more").fetchone() == (0,)
    conn.close()
