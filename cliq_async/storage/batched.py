"""A SQLite file that a thread writes in steps. What has piled up is one transaction."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

from cliq_async.errors import CliqError
from cliq_async.storage.sqlite import Connection, SqliteFormat, transaction

__all__ = ["BatchedFile"]

_abandoned: Final[list[Connection]] = []
"""Connections of a process that this one was forked from: closing them would end its locks."""


class BatchedFile:
    """A file of a kind, opened when there is something to do.

    Args:
        kind: The kind.
        path: The file; made with its folder if there is none, readable by its owner alone.
    """

    def __init__(self, kind: SqliteFormat, path: Path) -> None:
        self.path = path
        self.error = kind.error
        self._kind = kind
        self._conn: Connection | None = None

    @property
    def conn(self) -> Connection:
        """The connection. Only within a step."""
        if self._conn is None:
            raise RuntimeError("only within a step")
        return self._conn

    def run(self, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make some steps; returns what each of them returns, or its exception.

        A step that raises writes nothing, and the others are made without it. Steps may be called
        several times.
        """
        try:
            with self.translate_errors():
                self.connect()
                return _results(self.conn, steps)
        except CliqError as error:
            self.failed()
            return [error] * len(steps)

    def connect(self) -> None:
        """Open the file if it is not open."""
        if self._conn is None:
            self._conn = self._kind.open(self.path)

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn what goes wrong into an error that says what to do."""
        return self._kind.translate_errors(self.path)

    def failed(self) -> None:
        """Called when none of the steps was made."""

    def close(self) -> None:
        """Close the file; the next step opens it again."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(Exception):
                conn.close()

    def forget_after_fork(self) -> None:
        """Forget the connection: it is the process's that this one was forked from."""
        conn, self._conn = self._conn, None
        if conn is not None:
            _abandoned.append(conn)


def _results(conn: Connection, steps: Sequence[Callable[[], Any]]) -> list[Any]:
    failed: dict[int, Exception] = {}
    while True:
        results: list[Any] = []
        try:
            with transaction(conn):
                for place, step in enumerate(steps):
                    results.append(failed[place] if place in failed else step())
                return results
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - whoever asked is to have it
            failed[len(results)] = error
