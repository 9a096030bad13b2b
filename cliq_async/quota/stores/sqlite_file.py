"""The file of a SQLite store, and what makes its buckets count as spent.

A process that is killed loses nothing. Where a file was lost, damaged or put back from a copy,
nobody knows what was spent last: what is in it, or missing from it, counts as spent from then on
for a window.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import Final

import msgspec

from cliq_async.clock import Clock
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.reboot import assume_spent, clock_origin, rebase
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction

__all__ = ["FORMAT", "Ledger", "damaged", "explained", "mark_of", "opened"]

FORMAT: Final = SqliteFormat(
    noun="the quota's file",
    application_id=0x436C6971,  # "Cliq"
    migrations=(
        """
        CREATE TABLE bucket (
            key TEXT PRIMARY KEY,
            boot TEXT NOT NULL,
            seen_at REAL NOT NULL,
            idle_at REAL NOT NULL,
            state BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE lost (
            boot TEXT NOT NULL,
            at REAL NOT NULL
        );
        """,
        """
        CREATE TABLE note (
            name TEXT PRIMARY KEY,
            boot TEXT NOT NULL,
            written_at REAL NOT NULL,
            until REAL NOT NULL,
            text TEXT NOT NULL
        ) WITHOUT ROWID;
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


def mark_of(path: Path) -> Path:
    """The file beside the store's that says: another one starts spent."""
    return path.with_name(path.name + ".spent")


def opened(
    path: Path, *, lost: bool, spent: bool, boot: str, now: float
) -> tuple[Connection, float]:
    """A connection to the store's file, which is made if there is none.

    Args:
        path: The file.
        lost: Whether another file has taken the place of the one that was in use.
        spent: Whether a new file counts as spent.
        boot: The machine's start.
        now: The moment.

    Returns:
        The connection, and until when nobody knows what was spent, or minus infinity.

    Raises:
        QuotaStoreError: The file cannot be used; the error says why, and what to do.
    """
    mark = mark_of(path)
    with explained(path):
        if not path.exists() and path.with_name(path.name + "-wal").exists():
            _leave_mark(path)  # the log of a file that is gone: whoever comes first must know
        new = False

        def made(_conn: Connection) -> None:
            nonlocal new
            new = True

        conn = FORMAT.open(path, on_create=made, on_damage=lambda: _leave_mark(path))
        marked = mark.exists() and (new or not _is_marked(path))
        try:
            with transaction(conn):
                if lost or marked or (new and spent):
                    conn.execute("DELETE FROM lost")
                    conn.execute("INSERT INTO lost VALUES (?, ?)", (boot, now))
                found = conn.execute("SELECT boot, at FROM lost").fetchone()
                began_at = found and clock_origin(boot, now, *found)
                if began_at is not None:
                    found = (boot, began_at)  # it was before that
                    conn.execute("UPDATE lost SET boot = ?, at = ?", found)
            if marked:
                mark.unlink(missing_ok=True)
        except BaseException:
            conn.close()
            raise
    return conn, float("-inf") if found is None else found[1]


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what goes wrong into an error that says what to do; damage leaves a mark."""
    with FORMAT.translate_errors(path, lambda: _leave_mark(path)):
        yield


def damaged(path: Path) -> QuotaStoreError:
    """The error for a row that cannot be read; leaves a mark."""
    _leave_mark(path)
    return QuotaStoreError(f"{path}: {FORMAT.noun} is damaged; {FORMAT.damaged_hint}")


def _identity_text(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "none"
    return f"{found.st_dev} {found.st_ino}"


def _leave_mark(path: Path) -> None:
    """Say which file is not to be trusted: any other in its place starts spent."""
    with suppress(OSError):
        fd = os.open(mark_of(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(_identity_text(path))


def _is_marked(path: Path) -> bool:
    """Whether the mark is about the file that is there."""
    try:
        return mark_of(path).read_text() == _identity_text(path)
    except OSError:
        return False


_HOUR_S: Final = 3600.0


_LEARNED_S: Final = 30 * 24 * _HOUR_S


_TIDY_EVERY: Final = 10_000


_encode: Final = msgspec.msgpack.Encoder().encode


_decode: Final = msgspec.msgpack.Decoder(Bucket).decode


_READ: Final = "SELECT boot, seen_at, state FROM bucket WHERE key = ?"


_WRITE: Final = "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?, ?)"


_FORGET: Final = "DELETE FROM bucket WHERE boot = ? AND idle_at < ?"


_FORGET_OLD: Final = "DELETE FROM bucket WHERE boot <> ? AND idle_at - seen_at < ?"


class Ledger(BatchedFile):
    """Buckets in a file.

    Args:
        path: The file; made with its folder if there is none.
        clock: Seconds since the machine was started.
        boot: Names the machine's start.
        spent: Whether a new file counts as spent.

    Attributes:
        boot: Names the machine's start.
    """

    def __init__(self, path: Path, *, clock: Clock, boot: str, spent: bool) -> None:
        super().__init__(FORMAT, path)
        self._clock = clock
        self.boot = boot
        self._spent = spent
        self._file: tuple[int, int] | None = None
        self._lost = False
        self._lost_at = -inf
        self._looks = 0

    def connect(self) -> None:
        """Open the file if it is not open, or if another has taken its place."""
        if self._conn is not None and self._file != _identity(self.path):
            self.close()
            self._lost = True  # what it said is not known any more
        if self._conn is None:
            self._conn, self._lost_at = opened(
                self.path,
                lost=self._lost,
                spent=self._spent,
                boot=self.boot,
                now=self._clock(),
            )
            self._lost = False
            self._file = _identity(self.path)
            self._looks = 0
        if self._looks % _TIDY_EVERY == 0:
            with transaction(self._conn):
                self._conn.execute(_FORGET, (self.boot, self._clock() - _HOUR_S))
                self._conn.execute(_FORGET_OLD, (self.boot, self._clock() - _HOUR_S))
        self._looks += 1

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn what goes wrong into an error that says what to do; damage leaves a mark."""
        return explained(self.path)

    def failed(self) -> None:
        """Look at the file anew the next time."""
        self.close()

    def read(self, quota: Quota) -> tuple[Bucket, float]:
        """A key's bucket, and the moment. Only within a step."""
        row = self.conn.execute(_READ, (quota.key,)).fetchone()
        now = self._clock()
        if row is None:
            return self._new(quota, now), now
        boot, seen_at, state = row
        try:
            bucket = _decode(state)
        except msgspec.DecodeError as error:
            raise damaged(self.path) from error
        began_at = clock_origin(self.boot, now, boot, seen_at)
        if began_at is not None:
            bucket = rebase(bucket, quota, seen_at, began_at)
        lost = self._lost_at > (seen_at if began_at is None else began_at)
        if lost:
            bucket = assume_spent(bucket, quota, self._lost_at)
        if lost or began_at is not None:
            self.write(quota, bucket, now)  # or it would begin anew with each look
        return bucket, now

    def write(self, quota: Quota, bucket: Bucket, now: float) -> None:
        """Put a key's bucket down. Only within a step."""
        idle_at = max(
            now + _LEARNED_S if bucket.adaptive is not None or bucket.reopening else now,
            bucket.returning[-1] if bucket.returning else now,
            *bucket.held.values(),
        )
        self.conn.execute(_WRITE, (quota.key, self.boot, now, idle_at, _encode(bucket)))

    def _new(self, quota: Quota, now: float) -> Bucket:
        spent = assume_spent(Bucket(), quota, self._lost_at)
        return spent if spent.returning[0] > now else Bucket()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
