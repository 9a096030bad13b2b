"""The SQLite file of a journal. Every call blocks; a dedicated thread makes them.

A batch is written with its recipients before it is sent, and updated when it is answered. Personal
content is kept until the batch no longer has to be sent.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
from filelock import FileLock, Timeout

from cliq_async.bulk.report import Outcome
from cliq_async.errors import JournalError
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction

__all__ = ["JobIdentity", "JournalFile", "iter_outcomes", "status_totals"]

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

_PROGRAM_DIED: Final = "the program ended before the request was answered"


@attrs.frozen(kw_only=True)
class JobIdentity:
    """The job to which a journal belongs; it cannot be used for any other.

    Attributes:
        kind: The kind of job.
        quota: The owner of the quota: account and host.
        bot: The bot's unique name.
        message: A digest of the message; `personal` for personal messages, which are part of the
            digests of the batches.
        batch_size: The number of recipients in a request.
        dedupe: True if repeated ids are skipped.
    """

    kind: str
    quota: str
    bot: str
    message: str
    batch_size: int
    dedupe: bool

    def to_rows(self) -> dict[str, str]:
        """Return the rows of the journal's job table."""
        return {name: str(value) for name, value in attrs.asdict(self).items()}


class JournalFile(BatchedFile):
    """A journal that is open for writing.

    Args:
        path: The file. If missing, it is created with its folder, readable only by its owner.
        identity: The job to which the journal belongs.
    """

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
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        recorded = dict(conn.execute("SELECT name, value FROM job")) if has_batches else {}
        expected = self._identity.to_rows()
        for name, value in expected.items():
            if recorded and recorded.get(name) != value:
                difference = (
                    "its message is different"
                    if name == "message"
                    else f"its {name} is {recorded.get(name)!r}, but this job's is {value!r}"
                )
                raise JournalError(f"{self.path} is the journal of another job: {difference}")
        conn.executemany("INSERT OR REPLACE INTO job VALUES (?, ?)", expected.items())
        # This process holds the lock, so no request of an earlier run is still in flight.
        conn.execute(
            "UPDATE batch SET status = 'unknown', reason = ? WHERE status = 'sending'",
            (_PROGRAM_DIED,),
        )


def status_totals(conn: Connection) -> dict[str, int]:
    """Return the number of recipients by status, including `sending` and `waiting`."""
    totals = dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))
    totals.pop("split", None)
    return totals


def iter_outcomes(conn: Connection, *, delivered: bool = False) -> Iterator[Outcome]:
    """Yield the failed, unknown and skipped outcomes, and with `delivered` those as well."""
    rows = conn.execute(
        "SELECT status, ids, reason, code FROM batch "
        "WHERE status IN ('failed', 'unknown', ?) AND ids IS NOT NULL ORDER BY key",
        ("delivered" if delivered else "failed",),
    )
    for status, ids, reason, code in rows:
        yield Outcome(tuple(ids.split("\n")), status, reason, code)
    for item, reason in conn.execute("SELECT item, reason FROM skipped ORDER BY number"):
        yield Outcome((item,), "skipped", reason)
