"""The buckets in a SQLite file, a row a key. Every call blocks; a thread of its own makes them."""

from contextlib import AbstractContextManager
from math import inf
from pathlib import Path
from typing import Final

import msgspec

from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.base import Clock
from cliq_async.quota.stores.reboot import clock_began, forgotten, rebooted
from cliq_async.quota.stores.sqlite_file import KIND, damaged, explained, opened
from cliq_async.storage.batched import SteppedFile
from cliq_async.storage.sqlite import transaction

__all__ = ["Ledger"]

_HOUR_S: Final = 3600.0
_LEARNED_S: Final = 30 * 24 * _HOUR_S
_TIDY_EVERY: Final = 10_000

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Bucket).decode

_READ: Final = "SELECT boot, seen_at, state FROM bucket WHERE key = ?"
_WRITE: Final = "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM bucket WHERE boot = ? AND idle_at < ?"
_FORGET_OLD: Final = "DELETE FROM bucket WHERE boot <> ? AND idle_at - seen_at < ?"


class Ledger(SteppedFile):
    """Buckets in a file.

    Args:
        path: The file; made with its folder if there is none.
        clock: Seconds since the machine was started.
        boot: Names the machine's start.
        spent: Whether a new file counts as spent.

    Attributes:
        boot: Names the machine's start.
    """

    def __init__(self, path: Path, *, clock: Clock, boot: str, spent: bool) -> None:
        super().__init__(KIND, path)
        self._clock = clock
        self.boot = boot
        self._spent = spent
        self._file: tuple[int, int] | None = None
        self._lost = False
        self._lost_at = -inf
        self._looks = 0

    def connect(self) -> None:
        """Open the file if it is not open, or if another has taken its place."""
        if self._conn is not None and self._file != _identity(self.path):
            self.close()
            self._lost = True  # what it said is not known any more
        if self._conn is None:
            self._conn, self._lost_at = opened(
                self.path,
                lost=self._lost,
                spent=self._spent,
                boot=self.boot,
                now=self._clock(),
            )
            self._lost = False
            self._file = _identity(self.path)
            self._looks = 0
        if self._looks % _TIDY_EVERY == 0:
            with transaction(self._conn):
                self._conn.execute(_FORGET, (self.boot, self._clock() - _HOUR_S))
                self._conn.execute(_FORGET_OLD, (self.boot, self._clock() - _HOUR_S))
        self._looks += 1

    def explained(self) -> AbstractContextManager[None]:
        """Turn what goes wrong into an error that says what to do; damage leaves a mark."""
        return explained(self.path)

    def failed(self) -> None:
        """Look at the file anew the next time."""
        self.close()

    def read(self, quota: Quota) -> tuple[Bucket, float]:
        """A key's bucket, and the moment. Only within a step."""
        row = self.conn.execute(_READ, (quota.key,)).fetchone()
        now = self._clock()
        if row is None:
            return self._new(quota, now), now
        boot, seen_at, state = row
        try:
            bucket = _decode(state)
        except msgspec.DecodeError as error:
            raise damaged(self.path) from error
        began_at = clock_began(self.boot, now, boot, seen_at)
        if began_at is not None:
            bucket = rebooted(bucket, quota, seen_at, began_at)
        lost = self._lost_at > (seen_at if began_at is None else began_at)
        if lost:
            bucket = forgotten(bucket, quota, self._lost_at)
        if lost or began_at is not None:
            self.write(quota, bucket, now)  # or it would begin anew with each look
        return bucket, now

    def write(self, quota: Quota, bucket: Bucket, now: float) -> None:
        """Put a key's bucket down. Only within a step."""
        idle_at = max(
            now + _LEARNED_S if bucket.learned is not None or bucket.reopening else now,
            bucket.returning[-1] if bucket.returning else now,
            *bucket.held.values(),
        )
        self.conn.execute(_WRITE, (quota.key, self.boot, now, idle_at, _encode(bucket)))

    def _new(self, quota: Quota, now: float) -> Bucket:
        spent = forgotten(Bucket(), quota, self._lost_at)
        return spent if spent.returning[0] > now else Bucket()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
