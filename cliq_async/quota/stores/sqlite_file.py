"""The file of a SQLite store, and what makes its buckets count as spent.

A process that is killed loses nothing. Where a file was lost, damaged or put back from a copy,
nobody knows what was spent last: what is in it, or missing from it, counts as spent from then on
for a window.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.reboot import clock_began
from cliq_async.storage.sqlite import Connection, FileKind, transaction

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

        conn = KIND.open(path, made=made, on_damage=lambda: _leave_mark(path))
        marked = mark.exists() and (new or not _is_marked(path))
        try:
            with transaction(conn):
                if lost or marked or (new and spent):
                    conn.execute("DELETE FROM lost")
                    conn.execute("INSERT INTO lost VALUES (?, ?)", (boot, now))
                found = conn.execute("SELECT boot, at FROM lost").fetchone()
                began_at = found and clock_began(boot, now, *found)
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
    with KIND.explained(path, lambda: _leave_mark(path)):
        yield


def damaged(path: Path) -> QuotaStoreError:
    """The error for a row that cannot be read; leaves a mark."""
    _leave_mark(path)
    return QuotaStoreError(f"{path}: {KIND.noun} is damaged; {KIND.damaged}")


def _identity(path: Path) -> str:
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
            file.write(_identity(path))


def _is_marked(path: Path) -> bool:
    """Whether the mark is about the file that is there."""
    try:
        return mark_of(path).read_text() == _identity(path)
    except OSError:
        return False
