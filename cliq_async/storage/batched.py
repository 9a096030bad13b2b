"""A SQLite file that a worker thread writes: the operations of a batch are one transaction."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

from cliq_async.errors import CliqError
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction
from cliq_async.storage.sqlite_files import NO_FILES, FileIds, SqliteFiles

__all__ = ["BatchedFile"]

_abandoned: Final[list[Connection]] = []
"""Connections of a parent process: closing them would end its locks."""


class BatchedFile:
    """A file of one format, opened with the first operation.

    Args:
        file_format: The format.
        path: The file; created with its folder if it is missing, readable by its owner alone.
    """

    def __init__(self, file_format: SqliteFormat, path: Path) -> None:
        self.path = path
        self.error = file_format.error
        self._format = file_format
        self._conn: Connection | None = None
        self._files = SqliteFiles.of(path)
        self._ids: FileIds = NO_FILES

    @property
    def conn(self) -> Connection:
        """The connection; there is one only during an operation."""
        if self._conn is None:
            raise RuntimeError("there is a connection only during an operation")
        return self._conn

    def run(self, operations: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run operations in one transaction, and return each result or the exception it raised.

        An operation that raises writes nothing, and the others run without it. Operations may be
        called several times.
        """
        try:
            with self.translate_errors():
                self.connect()
                return _results(self.conn, operations)
        except CliqError as error:
            return [error] * len(operations)

    def connect(self) -> None:
        """Open the file if it is not open."""
        if self._conn is None:
            self._conn = self._format.open(self.path)
            self._ids = self._files.ids()

    def keep_log(self) -> None:
        """Save the open file's log if it was taken away, which only this connection still has.

        Only for a file that one program uses at a time.

        Raises:
            CliqError: The file itself is gone, or the log could not be saved.
        """
        ids = self._files.ids()
        if ids == self._ids:
            return
        busy, in_log, saved = self.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if ids[0] != self._ids[0] or busy or in_log != saved:
            raise self.error(
                f"{self.path}: {self._format.noun} was removed while in use: put it back, and "
                "leave it there with its -wal and -shm files"
            )
        BatchedFile.close(self)
        BatchedFile.connect(self)

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn exceptions into an error that says what to do."""
        return self._format.translate_errors(self.path)

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(Exception):
                conn.close()

    def before_fork(self) -> None:
        """Close the file, as SQLite's connections must not be inherited."""
        self.close()

    def forget_after_fork(self) -> None:
        """Forget the connection: it belongs to the parent process."""
        conn, self._conn = self._conn, None
        if conn is not None:
            _abandoned.append(conn)


def _results(conn: Connection, operations: Sequence[Callable[[], Any]]) -> list[Any]:
    failed: dict[int, Exception] = {}
    while True:
        results: list[Any] = []
        try:
            with transaction(conn):
                for place, operation in enumerate(operations):
                    results.append(failed[place] if place in failed else operation())
                return results
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it
            failed[len(results)] = error
