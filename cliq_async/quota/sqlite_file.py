"""The file of a SQLite store: opened, checked, and its failures explained.

Write-ahead log, so that a write costs microseconds and readers disturb nobody. A process that is
killed loses nothing; after a power cut the last moment may be missing.
"""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cliq_async.errors import QuotaStoreError

__all__ = ["BUSY_S", "Connection", "damaged", "explained", "opened", "transaction"]

Connection = sqlite3.Connection

APPLICATION_ID: Final = 0x436C6971  # "Cliq"

MIGRATIONS: Final = (
    """
    CREATE TABLE bucket (
        key TEXT PRIMARY KEY,
        boot TEXT NOT NULL,
        seen_at REAL NOT NULL,
        idle_at REAL NOT NULL,
        state BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE start (
        boot TEXT NOT NULL,
        spent_at REAL NOT NULL
    );
    """,
)
"""What makes each version of the schema out of the one before."""

BUSY_S: Final = 5.0
"""How long another process may hold the file."""

_LEAST_PAUSE_S: Final = 0.0001
_MOST_PAUSE_S: Final = 0.0008


def mark_of(path: Path) -> Path:
    """The file beside the store's that says: the next one starts spent."""
    return path.with_name(path.name + ".spent")


def opened(path: Path, *, spent: bool, boot: str, now: float) -> Connection:
    """A connection to the store's file, which is made if there is none.

    Args:
        path: The file.
        spent: Whether a new file counts as spent.
        boot: The machine's start, for a new file.
        now: The moment, for a new file.

    Raises:
        QuotaStoreError: The file cannot be used; the error says why, and what to do.
    """
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        spent = _prepared(path) or spent
        conn = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        with explained(path):
            _patiently(lambda: _check(conn, path))
            _patiently(lambda: _settle(conn, path))
            _migrate(conn, path, spent=spent, boot=boot, now=now)
    except BaseException:
        conn.close()
        raise
    return conn


def _prepared(path: Path) -> bool:
    """Make the file if it is not there, for nobody else to read; True if one was lost before."""
    mark = mark_of(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return mark.exists() and path.stat().st_size == 0
    lost = mark.exists()
    for ending in ("-wal", "-shm"):
        left = path.with_name(path.name + ending)
        if left.exists():  # of a file that is gone: it would be read into the new one
            left.unlink()
            lost = True
    return lost


def _check(conn: Connection, path: Path) -> None:
    """Leave alone what is not ours, or was written by a later version."""
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    (version,) = conn.execute("PRAGMA user_version").fetchone()
    empty = conn.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    if application != APPLICATION_ID and not (application == 0 and version == 0 and empty):
        raise QuotaStoreError(
            f"{path} is a database of another program; give the quota a file of its own"
        )
    if version > len(MIGRATIONS):
        raise QuotaStoreError(
            f"{path} was written by a later version of cliq_async (schema {version}, this one "
            f"knows {len(MIGRATIONS)}); upgrade this one, or give it another file"
        )


def _settle(conn: Connection, path: Path) -> None:
    (mode,) = conn.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise QuotaStoreError(
            f"{path} is on a file system without shared memory, such as a network share; "
            "put the quota on a local disk, or use redis:// between hosts"
        )
    conn.execute("PRAGMA synchronous=NORMAL")


def _migrate(conn: Connection, path: Path, *, spent: bool, boot: str, now: float) -> None:
    if conn.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with transaction(conn):
        (version,) = conn.execute("PRAGMA user_version").fetchone()  # another may have been faster
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                conn.execute(statement)
        if version == 0:
            conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
            if spent:
                conn.execute("INSERT INTO start VALUES (?, ?)", (boot, now))
        conn.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    mark_of(path).unlink(missing_ok=True)


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """A transaction that writes; waits for other processes, but not for ever.

    Raises:
        sqlite3.Error: It failed, and nothing was written.
    """
    _patiently(lambda: conn.execute("BEGIN IMMEDIATE"))
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            with suppress(sqlite3.Error):
                conn.execute("ROLLBACK")
        raise


def _patiently(step: Callable[[], object]) -> None:
    """Try until other processes let go of the file, with a short pause between.

    The pauses are shorter than SQLite's own: what others do takes microseconds.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(random.uniform(_LEAST_PAUSE_S, _MOST_PAUSE_S))


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system and SQLite raise into an error that says what to do."""
    try:
        yield
    except QuotaStoreError:
        raise
    except sqlite3.DatabaseError as error:
        raise QuotaStoreError(f"{path}: {_advice(path, error)} ({error})") from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise QuotaStoreError(f"{path}: {_CANNOT_WRITE} ({why})") from error


_CANNOT_WRITE: Final = (
    "the quota's file cannot be written; let this user write it, or name another place with "
    "quota='sqlite:///path' or CLIQ_QUOTA"
)


def damaged(path: Path) -> str:
    """What to do about a damaged file; leaves the mark that makes the next one start spent."""
    with suppress(OSError):
        mark_of(path).write_text("The quota's file was damaged: the next one starts spent.\n")
    return (
        "the quota's file is damaged, or of another program; move it aside with its -wal and "
        "-shm files. The next one starts spent, so that nothing is locked"
    )


def _advice(path: Path, error: sqlite3.DatabaseError) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return damaged(path)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f"another program has held the quota's file for {BUSY_S:g} s; end it, and try again"
    if code == sqlite3.SQLITE_FULL:
        return "the disk is full; make room, or name another place for the quota"
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return _CANNOT_WRITE
    return (
        "the quota's file cannot be read or locked; is it on a network share? Put it on a local "
        "disk, or use redis:// between hosts"
    )
