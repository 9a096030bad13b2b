"""The buckets in a SQLite file, a row a key. Every call blocks; a thread of its own makes them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any, Final

import msgspec

from cliq_async.quota.boot import rebooted
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota
from cliq_async.quota.sqlite_file import damaged, explained, opened
from cliq_async.quota.store import Clock
from cliq_async.sqlite_files import Connection, transaction

__all__ = ["Ledger"]

_HOUR_S: Final = 3600.0
_LEARNED_S: Final = 30 * 24 * _HOUR_S
_TIDY_EVERY: Final = 10_000

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Bucket).decode

_READ: Final = "SELECT boot, seen_at, state FROM bucket WHERE key = ?"
_WRITE: Final = "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM bucket WHERE boot = ? AND idle_at < ?"


class Ledger:
    """Buckets in a file.

    Args:
        path: The file; made with its folder if there is none.
        clock: Seconds since the machine was started.
        boot: Names the machine's start.
        spent: Whether a new file counts as spent.
    """

    def __init__(self, path: Path, *, clock: Clock, boot: str, spent: bool) -> None:
        self._path = path
        self._clock = clock
        self._boot = boot
        self._spent = spent
        self._conn: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._spent_at = -inf
        self._runs = 0

    def run(self, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make some steps, all of them or none; they use `read` and `write`.

        Raises:
            QuotaStoreError: None of them was made.
        """
        with explained(self._path):
            conn = self._connection()
            try:
                with transaction(conn):
                    if self._runs % _TIDY_EVERY == 0:
                        conn.execute(_FORGET, (self._boot, self._clock() - _HOUR_S))
                    self._runs += 1
                    return [step() for step in steps]
            except BaseException:
                self.close()  # the next one opens it again, and looks at it anew
                raise

    def read(self, quota: Quota) -> tuple[Bucket, float]:
        """A key's bucket, and the moment. Only within a step."""
        conn = self._conn
        if conn is None:
            raise RuntimeError("only within a step")
        row = conn.execute(_READ, (quota.key,)).fetchone()
        now = self._clock()
        if row is None:
            return self._new(quota, now), now
        boot, seen_at, state = row
        try:
            bucket = _decode(state)
        except msgspec.DecodeError as error:
            raise damaged(self._path) from error
        if boot != self._boot or now < seen_at:
            bucket = rebooted(bucket, quota, seen_at, now)
            self.write(quota, bucket, now)  # or it would begin anew with each look
        return bucket, now

    def write(self, quota: Quota, bucket: Bucket, now: float) -> None:
        """Put a key's bucket down. Only within a step."""
        conn = self._conn
        if conn is None:
            raise RuntimeError("only within a step")
        idle_at = max(
            now + _LEARNED_S if bucket.learned is not None or bucket.reopening else now,
            bucket.returning[-1] if bucket.returning else now,
            *bucket.held.values(),
        )
        conn.execute(_WRITE, (quota.key, self._boot, now, idle_at, _encode(bucket)))

    def close(self) -> None:
        """Close the file; the next step opens it again."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(Exception):
                conn.close()

    def _connection(self) -> Connection:
        if self._conn is not None and self._file != _identity(self._path):
            # Somebody has taken the file away. What it said is not known any more.
            self.close()
            self._spent = True
        if self._conn is None:
            now = self._clock()
            self._conn = opened(self._path, spent=self._spent, boot=self._boot, now=now)
            self._file = _identity(self._path)
            self._runs = 0
            self._spent_at = -inf
            for boot, spent_at in self._conn.execute("SELECT boot, spent_at FROM start"):
                self._spent_at = spent_at if boot == self._boot and spent_at <= now else now
        return self._conn

    def _new(self, quota: Quota, now: float) -> Bucket:
        back_at = self._spent_at + quota.window_s + quota.margin_s + quota.straggler_s
        return Bucket(returning=[back_at] * quota.threshold if back_at > now else [])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
