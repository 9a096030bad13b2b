"""The file of a SQLite store, and what makes a new one start spent.

A process that is killed loses nothing; after a power cut the last moment may be missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cliq_async.errors import QuotaStoreError
from cliq_async.sqlite_files import Connection, FileKind

__all__ = ["KIND", "damaged", "explained", "mark_of", "opened"]

KIND: Final = FileKind(
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
        CREATE TABLE start (
            boot TEXT NOT NULL,
            spent_at REAL NOT NULL
        );
        """,
    ),
    error=QuotaStoreError,
    elsewhere=(
        "let this user write it, or name another place with quota='sqlite:///path' or CLIQ_QUOTA, "
        "or use redis:// between hosts"
    ),
    damaged=(
        "move it aside with its -wal and -shm files. The next one starts spent, so that nothing "
        "is locked"
    ),
)


def mark_of(path: Path) -> Path:
    """The file beside the store's that says: the next one starts spent."""
    return path.with_name(path.name + ".spent")


def opened(path: Path, *, spent: bool, boot: str, now: float) -> Connection:
    """A connection to the store's file, which is made if there is none.

    Args:
        path: The file.
        spent: Whether a new file counts as spent. It does so as well after a damaged one, and if
            the log of one that is gone was left behind.
        boot: The machine's start, for a new file.
        now: The moment, for a new file.

    Raises:
        QuotaStoreError: The file cannot be used; the error says why, and what to do.
    """
    mark = mark_of(path)
    with explained(path):
        # Before it is there: afterwards the log may be another process's, and new.
        left = not path.exists() and path.with_name(path.name + "-wal").exists()

    def made(conn: Connection) -> None:
        if spent or left or mark.exists():
            conn.execute("INSERT INTO start VALUES (?, ?)", (boot, now))

    with explained(path):
        conn = KIND.open(path, made=made)
        mark.unlink(missing_ok=True)
    return conn


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what goes wrong into an error that says what to do; damage leaves a mark."""
    try:
        with KIND.explained(path):
            yield
    except QuotaStoreError as error:
        if "damaged" in str(error):
            _leave_mark(path)
        raise


def damaged(path: Path) -> QuotaStoreError:
    """The error for a row that cannot be read; leaves a mark."""
    _leave_mark(path)
    return QuotaStoreError(f"{path}: {KIND.noun} is damaged; {KIND.damaged}")


def _leave_mark(path: Path) -> None:
    with suppress(OSError):
        mark_of(path).write_text("The quota's file was damaged: the next one starts spent.\n")
