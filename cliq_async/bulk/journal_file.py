"""The SQLite file of a journal. Every call blocks; a dedicated thread makes them.

A batch is written with its recipients before it is sent, and updated when it is answered. Personal
content is kept until the batch no longer has to be sent.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs
from filelock import FileLock, Timeout

from cliq_async.bulk.job_log import Known
from cliq_async.bulk.journal_reader import JournalSummary
from cliq_async.bulk.journal_store import (
    PROGRAM_DIED,
    Begun,
    JobIdentity,
    Row,
    recorded_outcome,
    wall_time,
)
from cliq_async.bulk.report import Outcome
from cliq_async.errors import JournalError
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction

__all__ = ["JournalFile", "read_outcomes", "read_summary"]

FORMAT: Final = SqliteFormat(
    noun="the journal",
    application_id=0x436C694A,  # "CliJ"
    migrations=(
        """
        CREATE TABLE job (
            name TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE batch (
            key INTEGER PRIMARY KEY,
            position INTEGER UNIQUE,
            digest BLOB NOT NULL,
            size INTEGER NOT NULL,
            status TEXT NOT NULL,
            ids TEXT,
            content BLOB NOT NULL DEFAULT x'',
            reason TEXT NOT NULL DEFAULT '',
            code TEXT
        );
        CREATE INDEX batch_by_status ON batch (status) WHERE status <> 'delivered';
        CREATE TABLE skipped (
            number INTEGER PRIMARY KEY,
            item TEXT NOT NULL,
            reason TEXT NOT NULL
        );
        """,
    ),
    error=JournalError,
    unwritable_hint="name another place, or make this one writable",
    damaged_hint="without it there is no record of who was reached; move it aside and check "
    "Cliq's message history",
    synchronous="FULL",
    secure_delete=True,
)


class JournalFile(BatchedFile):
    """A journal that is open for writing.

    Args:
        path: The file. If missing, it is created, readable only by its owner. Its folder is not: a
            folder that is misspelled must not begin a new journal.
        identity: The job to which the journal belongs.
    """

    renew_s: float | None = None

    def __init__(self, path: Path, identity: JobIdentity) -> None:
        super().__init__(FORMAT, path)
        self._identity = identity
        self._lock = self._new_lock()

    def close(self) -> None:
        """Close the file and release its lock."""
        super().close()
        self._lock.release()

    def forget_after_fork(self) -> None:
        """Forget the file and its lock, which the parent process keeps."""
        super().forget_after_fork()
        self._lock = self._new_lock()

    def connect(self) -> None:
        """Lock and open the file, if it is not open."""
        if self._conn is not None:
            self.keep_log()  # a program that is killed would leave a journal without it
            return
        if self.path.is_dir():
            raise JournalError(f"{self.path} is a folder: name a file for the journal")
        if not self.path.parent.is_dir():
            raise JournalError(
                f"{self.path}: there is no folder {self.path.parent}: create it, or name another "
                "place for the journal"
            )
        try:
            self._lock.acquire()
        except Timeout:
            raise JournalError(f"{self.path} is in use: another program runs this job") from None
        try:
            super().connect()
            with transaction(self.conn):
                self._claim(self.conn)
        except BaseException:
            self.close()
            raise

    def _new_lock(self) -> FileLock:
        return FileLock(f"{self.path}.lock", timeout=0, mode=0o600, is_singleton=False)

    def _claim(self, conn: Connection) -> None:
        (has_batches,) = conn.execute("SELECT EXISTS (SELECT * FROM batch)").fetchone()
        if has_batches:
            self._identity.check(dict(conn.execute("SELECT name, value FROM job")), self.path)
        rows = self._identity.to_rows()
        if not has_batches:
            rows["begun"] = wall_time()
        conn.executemany("INSERT OR REPLACE INTO job VALUES (?, ?)", rows.items())
        # This process holds the lock, so no request of an earlier run is still in flight.
        conn.execute(
            "UPDATE batch SET status = 'unknown', reason = ? WHERE status = 'sending'",
            (PROGRAM_DIED,),
        )

    @property
    def place(self) -> Path:
        """See `JournalStore.place`."""
        return self.path

    def begin(self) -> Begun:
        """See `JournalStore.begin`."""
        self.conn.execute("DELETE FROM skipped")  # this run reads them again
        (last,) = self.conn.execute("SELECT max(key) FROM batch").fetchone()
        (position,) = self.conn.execute("SELECT max(position) FROM batch").fetchone()
        sizes = self.conn.execute(
            "SELECT position, size FROM batch WHERE position IS NOT NULL AND size <> ?",
            (self._identity.batch_size,),
        )
        known = Known(0 if position is None else position + 1, dict(sizes.fetchall()))
        begun = self.conn.execute("SELECT value FROM job WHERE name = 'begun'").fetchone()
        return Begun(last or 0, known, _status_totals(self.conn), begun and begun[0])

    def digests(self, first: int, last: int) -> dict[int, bytes]:
        """See `JournalStore.digests`."""
        rows = self.conn.execute(
            "SELECT position, digest FROM batch WHERE position BETWEEN ? AND ?", (first, last)
        )
        return dict(rows.fetchall())

    def unfinished(self, statuses: Sequence[str]) -> list[Row]:
        """See `JournalStore.unfinished`."""
        rows = self.conn.execute(
            "SELECT key, position, digest, size, status, ids, content, reason, code FROM batch "
            "WHERE status IN (?, ?) ORDER BY key",
            (statuses[0], statuses[-1]),
        )
        return [Row(*row) for row in rows]

    def put(self, row: Row) -> None:
        """See `JournalStore.put`."""
        self.conn.execute(
            "INSERT OR REPLACE INTO batch "
            "(key, position, digest, size, status, ids, content, reason, code) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            attrs.astuple(row, recurse=False),
        )

    def finish(self, row: Row) -> None:
        """See `JournalStore.finish`."""
        self.conn.execute(
            "UPDATE batch SET status = ?, reason = ?, code = ?, content = ? WHERE key = ?",
            (row.status, row.reason, row.code, row.content, row.key),
        )

    def delete(self, row: Row) -> None:
        """See `JournalStore.delete`."""
        self.conn.execute("DELETE FROM batch WHERE key = ?", (row.key,))

    def add_skipped(self, items: Sequence[tuple[int, str, str]]) -> None:
        """See `JournalStore.add_skipped`."""
        self.conn.executemany("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", items)

    def renew(self) -> None:
        """See `JournalStore.renew`: the lock lasts as long as the process."""

    def sendable_s(self) -> float:
        """See `JournalStore.sendable_s`: the lock lasts as long as the process."""
        return math.inf


def read_summary(path: Path) -> JournalSummary:
    """Return the summary of a journal. Its job may be running.

    Raises:
        JournalError: The journal does not exist or cannot be read.
    """
    conn = FORMAT.read(path)
    try:
        with FORMAT.translate_errors(path):
            job = dict(conn.execute("SELECT name, value FROM job"))
            totals = _status_totals(conn)
            (skipped,) = conn.execute("SELECT count(*) FROM skipped").fetchone()
    finally:
        conn.close()
    return JournalSummary.from_totals(job, totals, skipped)


def read_outcomes(path: Path, *, delivered: bool = False) -> Iterator[Outcome]:
    """Yield the failed, unknown and skipped outcomes, and with `delivered` those as well.

    Raises:
        JournalError: The journal does not exist or cannot be read.
    """
    with FORMAT.translate_errors(path):
        conn = FORMAT.read(path)
        try:
            yield from _iter_outcomes(conn, delivered=delivered)
        finally:
            conn.close()


def _status_totals(conn: Connection) -> dict[str, int]:
    """Return the number of recipients by status, including `sending` and `waiting`."""
    totals = dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))
    totals.pop("split", None)
    return totals


def _iter_outcomes(conn: Connection, *, delivered: bool) -> Iterator[Outcome]:
    rows = conn.execute(
        "SELECT status, ids, reason, code FROM batch "
        "WHERE status IN ('failed', 'unknown', 'sending', ?) AND ids IS NOT NULL ORDER BY key",
        ("delivered" if delivered else "failed",),
    )
    for status, ids, reason, code in rows:
        yield recorded_outcome(ids, status, reason, code)
    for item, reason in conn.execute("SELECT item, reason FROM skipped ORDER BY number"):
        yield Outcome((item,), "skipped", reason)
