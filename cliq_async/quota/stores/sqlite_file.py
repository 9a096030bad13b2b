"""The file of a SQLite store, and the cases in which its buckets count as spent.

A process that is killed loses nothing. If a file or its log was lost, damaged or restored from a
copy, its last writes may be missing: everything in it, or missing from it, counts as spent for a
window from then on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, Final

from cliq_async.clock import Clock
from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.stores.backend import (
    ClockRestart,
    State,
    StateBackend,
    StateKey,
    StatesLostError,
)
from cliq_async.quota.stores.reboot import clock_origin
from cliq_async.quota.stores.sqlite_marks import StoreMarks
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import Connection, SqliteFormat, create, transaction
from cliq_async.storage.sqlite_files import FileIds, are_kept

__all__ = ["FORMAT", "SqliteBackend"]

FORMAT: Final = SqliteFormat(
    noun="the quota file",
    application_id=0x436C6971,  # "Cliq"
    migrations=(
        """
        CREATE TABLE state (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            boot TEXT NOT NULL,
            stored_at REAL NOT NULL,
            keep_until REAL NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (kind, name)
        ) WITHOUT ROWID;
        CREATE TABLE lost (
            boot TEXT NOT NULL,
            at REAL NOT NULL
        );
        """,
    ),
    error=QuotaStoreError,
    unwritable_hint=(
        "let this user write it, or name another place with quota='sqlite:///path' or CLIQ_QUOTA, "
        "or use redis:// between hosts"
    ),
    damaged_hint=(
        "move it aside with its -wal and -shm files. The next one starts spent, so that nothing "
        "is locked"
    ),
    secure_delete=True,
)

_MAX_OPENINGS: Final = 10
_TIDY_EVERY: Final = 10_000
_REMEMBER_S: Final = 3600.0
"""How long a write of a bucket matters: it is in the file for as long at least."""

_LOAD: Final = "SELECT boot, stored_at, data FROM state WHERE kind = ? AND name = ?"
_SAVE: Final = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?)"
_LAST_WRITE: Final = """
    SELECT max(at) FROM (
        SELECT stored_at AS at FROM state WHERE kind = 'bucket' AND boot = :boot
        UNION ALL SELECT at FROM lost WHERE boot = :boot
    )
"""
_ALL: Final = """
    SELECT kind, name, boot, stored_at - 0.001, keep_until, data FROM state
    WHERE kind IN ('bucket', 'record') AND typeof(data) = 'blob'
"""
"""What a split store may save of its states: all of it is older than the loss."""
_RESCUE: Final = "INSERT OR IGNORE INTO state VALUES (?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM state WHERE kind = ? AND name = ?"
_TIDY: Final = "DELETE FROM state WHERE boot = ? AND keep_until < ?"
_TIDY_OLD: Final = "DELETE FROM state WHERE boot <> ? AND keep_until - stored_at < ?"
_TIDY_RECORDS: Final = (
    "DELETE FROM state WHERE kind = 'record' AND (boot <> ? OR stored_at > ? OR keep_until <= ?)"
)

_TIDY_PLAIN_TOKENS: Final = """
    DELETE FROM state WHERE kind = 'record' AND name >= 'access_token ' AND name < 'access_token!'
"""
"""Earlier versions kept access tokens that were not encrypted, by these names."""


class SqliteBackend(BatchedFile, StateBackend):
    """States in a file. The operations of a batch are one transaction, so no swap fails.

    Args:
        path: The file; created with its folder if it is missing.
        clock: A clock that counts the seconds since the machine was started.
        boot: A name for the machine's last start.
        spent: True if a new file counts as spent.
    """

    def __init__(self, path: Path, *, clock: Clock, boot: str, spent: bool) -> None:
        super().__init__(FORMAT, path)
        self._clock = clock
        self._boot = boot
        self._spent = spent
        self._marks = StoreMarks.of(path)
        self._written_at: float | None = None
        self._rescued: list[tuple[Any, ...]] = []
        self._lost = False
        self._lost_at = -inf
        self._batches = 0

    @contextmanager
    def batch(self) -> Iterator[None]:
        """See `StateBackend.batch`. After a failure, the next batch opens the file again."""
        try:
            with self.translate_errors():
                self.connect()
                self._written_at = None
                with transaction(self.conn):
                    yield
                if self._written_at is not None:
                    self._marks.save_last_write(self._boot, self._written_at)
                # After the watermark: if the log is taken away from here on, that stays behind.
                if self._ids != self._files.ids():
                    raise StatesLostError(f"{self.path}: {FORMAT.noun} was removed while in use")
        except CliqError:
            self.close()
            raise

    def load(self, key: StateKey) -> State:
        """See `StateBackend.load`."""
        row = self.conn.execute(_LOAD, key).fetchone()
        now = self._clock()
        if row is None:
            return State(None, now, self._lost_at)
        boot, stored_at, data = row
        began_at = clock_origin(self._boot, now, boot, stored_at)
        lost = self._lost_at > (stored_at if began_at is None else began_at)
        return State(
            data,
            now,
            lost_at=self._lost_at if lost else -inf,
            restart=None if began_at is None else ClockRestart(stored_at, began_at),
            must_save=lost or began_at is not None,  # or it would begin again with each load
        )

    def swap(self, key: StateKey, state: State, data: bytes | None, keep_until: float) -> bool:
        """See `StateBackend.swap`."""
        if key.kind == "record":
            self.conn.execute(_TIDY_RECORDS, (self._boot, state.now, state.now))
        if data is None:
            self.conn.execute(_DELETE, key)
        else:
            self.conn.execute(_SAVE, (*key, self._boot, state.now, keep_until, data))
            if key.kind == "bucket":
                self._written_at = state.now
        return True

    def unreadable(self, key: StateKey) -> QuotaStoreError:  # noqa: ARG002 - the file is damaged
        """See `StateBackend.unreadable`. Marks the file as damaged."""
        self._marks.leave_mark()
        return QuotaStoreError(f"{self.path}: {FORMAT.noun} is damaged; {FORMAT.damaged_hint}")

    def connect(self) -> None:
        """Open the file if it is not open, or if it or its log is another one by now."""
        if self._conn is not None and (ids := self._files.ids()) != self._ids:
            if ids[0] == self._ids[0]:
                with suppress(sqlite3.Error):
                    self._rescued = self.conn.execute(_ALL).fetchall()
            self.close()
        if self._conn is None:
            with self.translate_errors():
                self._open()
            self._lost = False
            self._rescued = []
            self._batches = 0
        if self._batches % _TIDY_EVERY == 0:
            with transaction(self.conn):
                self.conn.execute(_TIDY, (self._boot, self._clock()))
                self.conn.execute(_TIDY_OLD, (self._boot, self._clock()))
        self._batches += 1

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn exceptions into an error that says what to do; damage leaves a mark."""
        return FORMAT.translate_errors(self.path, self._marks.leave_mark)

    def close(self) -> None:
        """See `StateBackend.close`. Removes the file if its log was taken away.

        Other programs may use the file with another log by now, and SQLite would write this log
        over theirs.
        """
        if self._conn is not None:
            ids = self._files.ids()
            if ids != self._ids:
                self._lost = True  # what it said is not known any more
                if ids[0] == self._ids[0]:
                    self._marks.leave_mark()
                    with suppress(OSError):  # then opening it fails as well
                        self._files.remove()
        super().close()

    def _open(self) -> None:
        """Open the file, or create it, and find out until when writes may be missing."""
        marks = self._marks
        conn, ids, new = self._open_kept()
        marked = marks.mark.exists() and (new or not marks.marked())
        try:
            with transaction(conn):
                now = self._clock()
                conn.executemany(_RESCUE, self._rescued)
                plain = conn.execute(_TIDY_PLAIN_TOKENS).rowcount
                lost = self._lost or marked or (new and self._spent)
                if lost or self._has_lost_writes(conn, now):
                    conn.execute("DELETE FROM lost")
                    conn.execute("INSERT INTO lost VALUES (?, ?)", (self._boot, now))
                row = conn.execute("SELECT boot, at FROM lost").fetchone()
                began_at = row and clock_origin(self._boot, now, *row)
                if began_at is not None:
                    row = (self._boot, began_at)  # it was before that
                    conn.execute("UPDATE lost SET boot = ?, at = ?", row)
            if marked:
                marks.mark.unlink(missing_ok=True)
            if plain:  # the log still has them; if it is in use, what is written next replaces it
                with suppress(sqlite3.Error):
                    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except BaseException:
            conn.close()
            raise
        self._conn, self._ids = conn, ids
        self._lost_at = -inf if row is None else row[1]

    def _open_kept(self) -> tuple[Connection, FileIds, bool]:
        """Return a connection to the files that are there, what tells them, and if they are new.

        Others may replace the files while they are opened. A connection to those from before would
        count apart.
        """
        new = False

        def on_create(_conn: Connection) -> None:
            nonlocal new
            new = True

        files, marks = self._files, self._marks
        for _ in range(_MAX_OPENINGS):
            if files.are_incomplete():
                marks.leave_mark()
                files.remove()
            create(self.path)
            before = files.ids()
            conn = FORMAT.open(self.path, on_create=on_create, on_damage=marks.leave_mark)
            ids = files.ids()
            if are_kept(before, ids):
                return conn, ids, new
            conn.close()
        raise StatesLostError(
            f"{self.path}: {FORMAT.noun} is replaced repeatedly: find the program that replaces it"
        )

    def _has_lost_writes(self, conn: Connection, now: float) -> bool:
        """Return whether the last write of all programs is missing."""
        at = self._marks.last_write(self._boot)
        if not now - _REMEMBER_S < at <= now:
            return False
        (last,) = conn.execute(_LAST_WRITE, {"boot": self._boot}).fetchone()
        return last is None or last < at
