"""The files of a SQLite database: SQLite itself never leaves them as one does who removes one."""

import sqlite3

import pytest

from cliq_async.storage.sqlite_files import NO_FILES, SqliteFiles


@pytest.fixture
def conn(tmp_path):
    conn = sqlite3.connect(tmp_path / "file.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("CREATE TABLE t (x)")
    yield conn
    conn.close()


@pytest.mark.parametrize(
    ("removed", "incomplete"),
    [
        ([], False),
        (["-shm"], False),  # as at the beginning and at the end of a connection
        (["-wal", "-shm"], False),
        (["-wal"], True),
        ([""], True),
        (["", "-shm"], True),
        (["", "-wal"], True),
        (["", "-wal", "-shm"], False),
    ],
)
def test_files_are_incomplete_if_one_is_missing_that_is_never_missing_alone(
    removed, incomplete, conn, tmp_path
):
    for ending in removed:
        (tmp_path / f"file.db{ending}").unlink()
    files = SqliteFiles.of(tmp_path / "file.db")
    assert files.are_incomplete() is incomplete
    files.remove()
    assert files.ids() == NO_FILES


def test_files_stay_the_same_until_the_last_connection_is_closed(conn, tmp_path):
    files = SqliteFiles.of(tmp_path / "file.db")
    before = files.ids()
    assert len(set(before)) == 3
    with sqlite3.connect(tmp_path / "file.db") as other:
        other.execute("INSERT INTO t VALUES (1)")
    other.close()
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.execute("VACUUM")
    assert files.ids() == before
    conn.close()
    assert files.ids() == (before[0], *NO_FILES[1:])
