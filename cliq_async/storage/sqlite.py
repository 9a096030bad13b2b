"""SQLite files that this package keeps: made, checked, brought up to date, failures explained.

Write-ahead log, so that a write costs microseconds and readers disturb nobody. A file is made for
its owner alone, and one that is another program's, or a later version's, is left as it is.
"""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import attrs

from cliq_async.errors import CliqError

__all__ = ["BUSY_S", "Connection", "SqliteFormat", "transaction"]

Connection = sqlite3.Connection

BUSY_S: Final = 5.0
"""How long another process may hold a file. Real seconds."""

_UNWRITABLE: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_LEAST_PAUSE_S: Final = 0.0001
_MOST_PAUSE_S: Final = 0.0008


@attrs.frozen(kw_only=True)
class SqliteFormat:
    """One kind of file.

    Attributes:
        noun: What it is, for errors: `the quota's file`.
        application_id: By which it is known.
        migrations: What makes each version of its schema out of the one before; statements end
            with a semicolon.
        error: The exception for whatever is wrong with it.
        elsewhere: What to do if it cannot be written.
        damaged: What to do if it is damaged.
        synchronous: NORMAL survives a killed process, FULL a power cut as well.
        secure_delete: Whether what is deleted is overwritten.
    """

    noun: str
    application_id: int
    migrations: tuple[str, ...]
    error: Callable[[str], CliqError]
    unwritable_hint: str
    damaged_hint: str
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    secure_delete: bool = False

    def open(
        self,
        path: Path,
        *,
        on_create: Callable[[Connection], None] | None = None,
        on_damage: Callable[[], None] | None = None,
    ) -> Connection:
        """A connection to a file, which is made with its folder if there is none.

        Args:
            path: The file.
            on_create: Called within the transaction that makes the schema.
            on_damage: Called if the file is damaged.

        Raises:
            CliqError: The file cannot be used; the error says why, and what to do.
        """
        with self.translate_errors(path, on_damage):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            conn = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self.translate_errors(path, on_damage):
                _retry_while_busy(lambda: self._check(conn, path))
                _retry_while_busy(lambda: self._configure(conn, path))
                with transaction(conn):
                    # Another process may have been faster.
                    self._migrate(conn, self._version(conn, path), on_create)
        except BaseException:
            conn.close()
            raise
        return conn

    def read(self, path: Path) -> Connection:
        """A connection that only reads a file, and disturbs nobody who writes it.

        Raises:
            CliqError: It is not there, or cannot be read; the error says why, and what to do.
        """
        if not path.exists():
            raise self.error(f"{path}: there is no such file")
        with self.translate_errors(path):
            try:
                return self._checked(path, "mode=ro")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
                    raise
                if not path.with_name(path.name + "-wal").exists():
                    with suppress(sqlite3.OperationalError):
                        # Reading takes notes beside the file, but where nobody writes it.
                        return self._checked(path, "immutable=1")
                text = f"{self.noun} cannot be read; let this user read it, and write its folder"
                raise self.error(f"{path}: {text} ({error})") from error

    def _checked(self, path: Path, how: str) -> Connection:
        uri = f"file:{quote(str(path))}?{how}"
        conn = sqlite3.connect(
            uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._check(conn, path)
        except BaseException:
            conn.close()
            raise
        return conn

    @contextmanager
    def translate_errors(
        self, path: Path, on_damage: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Turn what the file system and SQLite raise into an error that says what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if on_damage is not None and _is_damage(error):
                on_damage()
            raise self.error(f"{path}: {self._advice(error)} ({error})") from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            text = f"{path}: {self.noun} cannot be written; {self.unwritable_hint} ({why})"
            raise self.error(text) from error

    def _check(self, conn: Connection, path: Path) -> None:
        """Raise if the file is not of this kind; nothing is written."""
        conn.execute("BEGIN")  # all of it as of one moment: another process may be making it
        try:
            self._version(conn, path)
        finally:
            conn.execute("ROLLBACK")

    def _version(self, conn: Connection, path: Path) -> int:
        """The version of a file's schema, or zero if it is new. Only within a transaction."""
        (application,) = conn.execute("PRAGMA application_id").fetchone()
        (version,) = conn.execute("PRAGMA user_version").fetchone()
        empty = conn.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        new = application == 0 and version == 0 and empty
        if application != self.application_id and not new:
            raise self.error(f"{path} is a database of another program; {self.noun} is its own")
        if version > len(self.migrations):
            raise self.error(
                f"{path} was written by a later version of cliq_async (schema {version}, this one "
                f"knows {len(self.migrations)}); upgrade this one, or use another file"
            )
        return int(version)

    def _configure(self, conn: Connection, path: Path) -> None:
        (mode,) = conn.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise self.error(
                f"{path} is on a file system without shared memory, such as a network share; "
                f"put {self.noun} on a local disk"
            )
        conn.execute(f"PRAGMA synchronous={self.synchronous}")
        if self.secure_delete:
            conn.execute("PRAGMA secure_delete=ON")

    def _migrate(
        self, conn: Connection, version: int, made: Callable[[Connection], None] | None
    ) -> None:
        if version == len(self.migrations):
            return
        for migration in self.migrations[version:]:
            for statement in migration.split(";"):
                conn.execute(statement)
        if version == 0:
            conn.execute(f"PRAGMA application_id={self.application_id}")
            if made is not None:
                made(conn)
        conn.execute(f"PRAGMA user_version={len(self.migrations)}")

    def _advice(self, error: sqlite3.DatabaseError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if _is_damage(error):
            return f"{self.noun} is damaged, or of another program; {self.damaged_hint}"
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return f"another program has held {self.noun} for {BUSY_S:g} s; end it, and try again"
        if code == sqlite3.SQLITE_FULL:
            return f"the disk is full; make room, or {self.unwritable_hint}"
        if code in _UNWRITABLE:
            return f"{self.noun} cannot be written; {self.unwritable_hint}"
        return (
            f"{self.noun} cannot be read or locked; is the disk full, or is it a network share? "
            "It has to be on a local disk"
        )


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """A transaction that writes; waits for other processes, but not for ever.

    Raises:
        sqlite3.Error: It failed, and nothing was written.
    """
    _retry_while_busy(lambda: conn.execute("BEGIN IMMEDIATE"))
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            with suppress(sqlite3.Error):
                conn.execute("ROLLBACK")
        raise


def _retry_while_busy(step: Callable[[], object]) -> None:
    """Try until other processes let go of the file, with a short pause between.

    The pauses are shorter than SQLite's own: what others do takes microseconds.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not busy or time.monotonic() >= until:
                raise
        time.sleep(random.uniform(_LEAST_PAUSE_S, _MOST_PAUSE_S))
