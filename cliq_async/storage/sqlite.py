"""SQLite files of this package: creation, checks, migrations, and errors that say what to do.

They use the write-ahead log, so that a write costs microseconds and readers do not block writers.
Only its owner may read a file. A file of another program, or of a later version, is left as it is.
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

__all__ = ["BUSY_S", "Connection", "SqliteFormat", "create", "transaction"]

Connection = sqlite3.Connection

BUSY_S: Final = 5.0
"""The longest that another process may hold a file, in real seconds."""

_UNWRITABLE: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_MAX_BYTES: Final = 16 * 2**20
"""The longest row: more than any that is written, so that a foreign file cannot fill the memory."""
_LEAST_PAUSE_S: Final = 0.0001
_MOST_PAUSE_S: Final = 0.0008


@attrs.frozen(kw_only=True)
class SqliteFormat:
    """A format of files.

    Attributes:
        noun: The name of such a file in errors: `the quota's file`.
        application_id: The number in the file's header that tells it from other databases.
        migrations: The statements that lead from each version of the schema to the next, each
            ending with a semicolon.
        error: The exception to raise.
        unwritable_hint: The advice if the file cannot be written.
        damaged_hint: The advice if it is damaged.
        synchronous: NORMAL survives a killed process, FULL a power cut as well.
        secure_delete: True if deleted rows are overwritten.
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
        """Return a connection to a file, which is created with its folder if it is missing.

        Args:
            path: The file.
            on_create: Called within the transaction that creates the schema.
            on_damage: Called if the file is damaged.

        Raises:
            CliqError: The file cannot be used; the error says why, and what to do.
        """
        with self.translate_errors(path, on_damage):
            create(path)
            conn = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BYTES)
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
        """Return a connection that only reads a file, and does not block its writers.

        Raises:
            CliqError: The file is missing or cannot be read; the error says why, and what to do.
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
                        # Reading needs files in its folder, unless no program writes it.
                        return self._checked(path, "immutable=1")
                text = f"{self.noun} cannot be read; let this user read it, and write its folder"
                raise self.error(f"{path}: {text} ({error})") from error

    def _checked(self, path: Path, how: str) -> Connection:
        uri = f"file:{quote(str(path))}?{how}"
        conn = sqlite3.connect(
            uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BYTES)
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
        """Turn exceptions of the file system and SQLite into an error that says what to do."""
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
        """Raise an error if the file has another format; nothing is written."""
        conn.execute("BEGIN")  # read all of it at one moment: another process may be creating it
        try:
            self._version(conn, path)
        finally:
            conn.execute("ROLLBACK")

    def _version(self, conn: Connection, path: Path) -> int:
        """Return the version of a file's schema, or zero if it is new. Needs a transaction."""
        (application,) = conn.execute("PRAGMA application_id").fetchone()
        (version,) = conn.execute("PRAGMA user_version").fetchone()
        empty = conn.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        new = application == 0 and version == 0 and empty
        if application != self.application_id and not new:
            raise self.error(
                f"{path} is a database of another program: name another file for {self.noun}"
            )
        if version > len(self.migrations):
            raise self.error(
                f"{path} was written by a later version of cliq_async (schema {version}, this one "
                f"knows {len(self.migrations)}): upgrade it, or use another file"
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
        self, conn: Connection, version: int, on_create: Callable[[Connection], None] | None
    ) -> None:
        if version == len(self.migrations):
            return
        for migration in self.migrations[version:]:
            for statement in migration.split(";"):
                conn.execute(statement)
        if version == 0:
            conn.execute(f"PRAGMA application_id={self.application_id}")
            if on_create is not None:
                on_create(conn)
        conn.execute(f"PRAGMA user_version={len(self.migrations)}")

    def _advice(self, error: sqlite3.DatabaseError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if _is_damage(error):
            return f"{self.noun} is damaged, or of another program; {self.damaged_hint}"
        if code == sqlite3.SQLITE_TOOBIG:
            return (
                f"a row of {self.noun} is longer than {_MAX_BYTES:,} bytes, which this program "
                f"never writes; {self.damaged_hint}"
            )
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return f"another program has held {self.noun} for {BUSY_S:g} s; end it, and try again"
        if code == sqlite3.SQLITE_FULL:
            return f"the disk is full; make room, or {self.unwritable_hint}"
        if code in _UNWRITABLE:
            return f"{self.noun} cannot be written; {self.unwritable_hint}"
        return (
            f"{self.noun} cannot be read or locked: put it on a local disk, and check that the "
            "disk is not full"
        )


def create(path: Path) -> None:
    """Create an empty file with its folder, readable by its owner alone, if it is missing.

    Raises:
        OSError: It could not be created.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """Run the body in a transaction that writes. Waits for other processes, but not for ever.

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


def _retry_while_busy(operation: Callable[[], object]) -> None:
    """Try until other processes have released the file, with short pauses.

    The pauses are shorter than SQLite's own, since transactions take microseconds.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            operation()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not busy or time.monotonic() >= until:
                raise
        time.sleep(random.uniform(_LEAST_PAUSE_S, _MOST_PAUSE_S))
