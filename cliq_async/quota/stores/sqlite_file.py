"""The file of a SQLite store, and the cases in which its buckets count as spent.

A process that is killed loses nothing. If a file was lost, damaged or restored from a copy,
its last writes may be missing: everything in it, or missing from it, counts as spent for a window
from then on.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Final

from cliq_async.clock import Clock
from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.stores.backend import ClockRestart, State, StateBackend, StateKey
from cliq_async.quota.stores.reboot import clock_origin
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction

__all__ = ["FORMAT", "SqliteBackend", "spent_mark"]

FORMAT: Final = SqliteFormat(
    noun="the quota's file",
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
)

_TIDY_EVERY: Final = 10_000
_MARK_CHARS: Final = 100

_LOAD: Final = "SELECT boot, stored_at, data FROM state WHERE kind = ? AND name = ?"
_SAVE: Final = "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM state WHERE kind = ? AND name = ?"
_TIDY: Final = "DELETE FROM state WHERE boot = ? AND keep_until < ?"
_TIDY_OLD: Final = "DELETE FROM state WHERE boot <> ? AND keep_until - stored_at < ?"
_TIDY_RECORDS: Final = (
    "DELETE FROM state WHERE kind = 'record' AND (boot <> ? OR stored_at > ? OR keep_until <= ?)"
)


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
        self._identity: str | None = None
        self._lost = False
        self._lost_at = -inf
        self._batches = 0

    @contextmanager
    def batch(self) -> Iterator[None]:
        """See `StateBackend.batch`. After a failure, the next batch opens the file again."""
        try:
            with self.translate_errors():
                self.connect()
                with transaction(self.conn):
                    yield
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
        if key.kind == "record":  # it may be a secret, which is not to stay in the file
            self.conn.execute(_TIDY_RECORDS, (self._boot, state.now, state.now))
        if data is None:
            self.conn.execute(_DELETE, key)
        else:
            self.conn.execute(_SAVE, (*key, self._boot, state.now, keep_until, data))
        return True

    def unreadable(self, key: StateKey) -> QuotaStoreError:  # noqa: ARG002 - the file is damaged
        """See `StateBackend.unreadable`. Marks the file as damaged."""
        _leave_mark(self.path)
        return QuotaStoreError(f"{self.path}: {FORMAT.noun} is damaged; {FORMAT.damaged_hint}")

    def connect(self) -> None:
        """Open the file if it is not open, or if another has taken its place."""
        if self._conn is not None and self._identity != _identity(self.path):
            self.close()
            self._lost = True  # what it said is not known any more
        if self._conn is None:
            with self.translate_errors():
                self._open()
            self._identity = _identity(self.path)
            self._lost = False
            self._batches = 0
        if self._batches % _TIDY_EVERY == 0:
            with transaction(self.conn):
                self.conn.execute(_TIDY, (self._boot, self._clock()))
                self.conn.execute(_TIDY_OLD, (self._boot, self._clock()))
        self._batches += 1

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn exceptions into an error that says what to do; damage leaves a mark."""
        return FORMAT.translate_errors(self.path, lambda: _leave_mark(self.path))

    def _open(self) -> None:
        """Open the file, or create it, and find out until when writes may be missing."""
        path, mark = self.path, spent_mark(self.path)
        if not path.exists() and path.with_name(path.name + "-wal").exists():
            _leave_mark(path)  # the log of a file that is gone: all processes must know
        new = False

        def on_create(_conn: Connection) -> None:
            nonlocal new
            new = True

        conn = FORMAT.open(path, on_create=on_create, on_damage=lambda: _leave_mark(path))
        marked = mark.exists() and (new or not _is_marked(path))
        now = self._clock()
        try:
            with transaction(conn):
                if self._lost or marked or (new and self._spent):
                    conn.execute("DELETE FROM lost")
                    conn.execute("INSERT INTO lost VALUES (?, ?)", (self._boot, now))
                lost = conn.execute("SELECT boot, at FROM lost").fetchone()
                began_at = lost and clock_origin(self._boot, now, *lost)
                if began_at is not None:
                    lost = (self._boot, began_at)  # it was before that
                    conn.execute("UPDATE lost SET boot = ?, at = ?", lost)
            if marked:
                mark.unlink(missing_ok=True)
        except BaseException:
            conn.close()
            raise
        self._conn = conn
        self._lost_at = -inf if lost is None else lost[1]


def spent_mark(path: Path) -> Path:
    """Return the path of a mark beside the file: any other file in its place starts spent."""
    return path.with_name(path.name + ".spent")


def _identity(path: Path) -> str:
    """Return a text that tells this file from another one in its place."""
    try:
        found = path.stat()
    except OSError:
        return "none"
    return f"{found.st_dev} {found.st_ino}"


def _leave_mark(path: Path) -> None:
    """Name the file that is not to be trusted."""
    with suppress(OSError):
        fd = os.open(spent_mark(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(_identity(path))


def _is_marked(path: Path) -> bool:
    """Return whether the mark is about the file that is there."""
    try:
        with spent_mark(path).open() as file:
            return file.read(_MARK_CHARS) == _identity(path)
    except OSError:
        return False
