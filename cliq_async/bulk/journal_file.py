"""A job's journal: one SQLite file. Every call blocks; a thread of its own makes them.

A batch is written down before it is sent, with its recipients, and after it is answered. What
they were sent, where not all are sent the same, is kept until it is sure that nobody needs it.
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

__all__ = ["JobIdentity", "JournalFile", "outcomes_in", "totals_in"]

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

_DIED: Final = "the program ended before it was answered"


@attrs.frozen(kw_only=True)
class JobIdentity:
    """What a journal belongs to; it is refused for anything else.

    Attributes:
        kind: The kind of job.
        quota: Whose quota it spends: account and host.
        bot: The bot's unique name.
        message: A digest of the message; `personal` if not all are sent the same, which the
            digests of the batches tell then.
        batch_size: Recipients in a request.
        dedupe: Whether repeated ids are skipped.
    """

    kind: str
    quota: str
    bot: str
    message: str
    batch_size: int
    dedupe: bool

    def facts(self) -> dict[str, str]:
        """As the journal holds it."""
        return {name: str(value) for name, value in attrs.asdict(self).items()}


class JournalFile(BatchedFile):
    """A journal that is written.

    Args:
        path: The file; made with its folder if there is none, readable by its owner alone.
        identity: The job that it is for.
    """

    def __init__(self, path: Path, identity: JobIdentity) -> None:
        super().__init__(FORMAT, path)
        self._identity = identity
        self._lock = self._new_lock()

    def close(self) -> None:
        """Close the file, and let others have it."""
        super().close()
        self._lock.release()

    def forget_after_fork(self) -> None:
        """Forget the file; it stays locked for as long as the other process has it."""
        super().forget_after_fork()
        self._lock = self._new_lock()

    def connect(self) -> None:
        """Lock the file and open it, if it is not open."""
        if self._conn is not None:
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
        (begun,) = conn.execute("SELECT EXISTS (SELECT * FROM batch)").fetchone()
        found = dict(conn.execute("SELECT name, value FROM job")) if begun else {}
        mine = self._identity.facts()
        for name, value in mine.items():
            if found and found.get(name) != value:
                what = (
                    "its message is another one"
                    if name == "message"
                    else f"its {name} is {found.get(name)!r}, and here it is {value!r}"
                )
                raise JournalError(f"{self.path} is the journal of another job: {what}")
        conn.executemany("INSERT OR REPLACE INTO job VALUES (?, ?)", mine.items())
        # Nobody else has it, so whatever was under way is not any more.
        conn.execute(
            "UPDATE batch SET status = 'unknown', reason = ? WHERE status = 'sending'", (_DIED,)
        )


def totals_in(conn: Connection) -> dict[str, int]:
    """How many recipients there are of each status, those under way and waiting included."""
    found = dict(conn.execute("SELECT status, sum(size) FROM batch GROUP BY status"))
    found.pop("split", None)
    return found


def outcomes_in(conn: Connection, *, delivered: bool = False) -> Iterator[Outcome]:
    """Who was not delivered to, and why; or what became of everybody whose end is known."""
    rows = conn.execute(
        "SELECT status, ids, reason, code FROM batch "
        "WHERE status IN ('failed', 'unknown', ?) AND ids IS NOT NULL ORDER BY key",
        ("delivered" if delivered else "failed",),
    )
    for status, ids, reason, code in rows:
        yield Outcome(tuple(ids.split("\n")), status, reason, code)
    for item, reason in conn.execute("SELECT item, reason FROM skipped ORDER BY number"):
        yield Outcome((item,), "skipped", reason)
