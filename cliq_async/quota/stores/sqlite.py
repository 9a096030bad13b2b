"""`sqlite:///path`: buckets that all processes of a machine share, and that survive them.

A row a key holds the bucket as the memory store has it. Each step is one transaction: read the
row, let the pure bucket decide, write it back. So one process at a time decides, and whatever
happens to it, the file holds the state before or after.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from cliq_async.clock import Clock, system_clock
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import (
    Denied,
    Lane,
    Lock,
    QueueId,
    Quota,
    Snapshot,
    TokenId,
    TokenOutcome,
)
from cliq_async.quota.stores.base import ColdStart, starts_spent
from cliq_async.quota.stores.reboot import boot_id
from cliq_async.quota.stores.records import Record
from cliq_async.quota.stores.sqlite_file import Ledger
from cliq_async.quota.stores.threaded import ThreadedStore

__all__ = ["SqliteRecords", "SqliteStore"]

_ASK_AGAIN_S: Final = 1.0
"""How long a line sleeps at the most: what another process gives back early, nobody tells it."""


class SqliteRecords(ThreadedStore[Callable[[], Any]]):
    """Notes in a file; see `Notes`."""

    _ledger: Ledger

    async def get_record(self, name: str) -> Record | None:
        """See `Notes.get_record`."""
        note: Record | None = await self._worker.call(lambda: self._read(name))
        return note

    async def add_record(self, name: str, text: str, *, until: float) -> bool:
        """See `Notes.add_record`."""

        def step() -> bool:
            note = self._read(name)
            if note is not None and note.text != text:
                return False
            self._write(name, text, until)
            return True

        claimed: bool = await self._worker.call(step)
        return claimed

    def set_record(self, name: str, text: str, *, until: float) -> None:
        """See `Notes.set_record`."""
        self._worker.submit(lambda: self._write(name, text, until))

    def delete_record(self, name: str, text: str) -> None:
        """See `Notes.delete_record`."""
        self._worker.submit(lambda: self._ledger.conn.execute(_DROP, (name, text)))

    def _read(self, name: str) -> Record | None:
        now, boot = self.clock(), self._ledger.boot
        row = self._ledger.conn.execute(_READ, (name, boot, now, now)).fetchone()
        return None if row is None else Record(*row)

    def _write(self, name: str, text: str, until: float) -> None:
        now, boot = self.clock(), self._ledger.boot
        self._ledger.conn.execute(_FORGET, (boot, now, now))
        self._ledger.conn.execute(_WRITE, (name, boot, now, until, text))


class SqliteStore(SqliteRecords):
    """Buckets in a file.

    Safe to share between threads and event loops; a forked child opens the file anew.

    Args:
        path: The file; made with its folder if there is none, readable by its owner alone.
        clock: Where the time comes from: seconds since the machine was started.
        cold_start: Whether a new file counts as full or as spent.
        boot: Names the machine's start; by default the system's own name for it.

    Raises:
        ValueError: There is no such cold start.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = system_clock,
        cold_start: ColdStart = "full",
        boot: str | None = None,
    ) -> None:
        self.path = Path(path)
        self._ledger = Ledger(
            self.path,
            clock=clock,
            boot=boot_id() if boot is None else boot,
            spent=starts_spent(cold_start),
        )
        super().__init__(self._ledger, clock)

    async def take(
        self,
        quota: Quota,
        token: TokenId,
        *,
        lease_s: float,
        reserve: int = 0,
        lane: Lane = Lane.INTERACTIVE,
        queue_id: QueueId | None = None,
        waiters: int = 1,
    ) -> float | Denied:
        """See `QuotaStore.take`."""
        own, line = self._own(token), None if queue_id is None else self._own(queue_id)

        def step() -> float | Denied:
            bucket, now = self._ledger.read(quota)
            not_yet = bucket.acquire(
                quota,
                own,
                now,
                lease_s,
                reserve=reserve,
                lane=lane,
                queue_id=line,
                waiters=waiters,
                max_sleep_s=_ASK_AGAIN_S,
            )
            self._ledger.write(quota, bucket, now)
            return now if not_yet is None else not_yet

        got: float | Denied = await self._worker.call(step)
        return got

    def end(self, quota: Quota, token: TokenId, ending: TokenOutcome) -> None:
        """See `QuotaStore.end`."""
        own, ended_at = self._own(token), self.clock()

        def step() -> None:
            bucket, now = self._ledger.read(quota)
            # As it was when it ended, not when that is written down.
            if bucket.end(quota, own, min(ended_at, now), ending):
                self._watchers.notify(quota.key)
            self._ledger.write(quota, bucket, now)

        self._worker.submit(step)

    async def refuse(
        self, quota: Quota, token: TokenId, *, taken_at: float, wait_s: float | None
    ) -> Lock:
        """See `QuotaStore.refuse`."""
        own, refused_at = self._own(token), self.clock()

        def step() -> Lock:
            bucket, now = self._ledger.read(quota)
            # As it was when the refusal came, not when that is written down.
            lock = bucket.refuse(quota, own, min(refused_at, now), taken_at, wait_s)
            self._ledger.write(quota, bucket, now)
            self._watchers.notify(quota.key)
            return lock

        lock: Lock = await self._worker.call(step, lasting=True)
        return lock

    async def snapshots(self, quotas: Iterable[Quota]) -> list[Snapshot]:
        """See `QuotaStore.snapshots`."""
        wanted = list(quotas)

        def step() -> list[Snapshot]:
            found = []
            for quota in wanted:
                bucket, now = self._ledger.read(quota)
                found.append(bucket.snapshot(quota, now))
            return found

        found: list[Snapshot] = await self._worker.call(step)
        return found

    async def clear(self, quotas: Iterable[Quota]) -> None:
        """See `QuotaStore.clear`."""
        wanted = list(quotas)

        def step() -> None:
            now = self.clock()
            for quota in wanted:
                # A row of its own, or the file's start would say whether it is full.
                self._ledger.write(quota, Bucket(), now)
                self._watchers.notify(quota.key)

        await self._worker.call(step)


# A note of another start of the machine, or from ahead of the clock, is none: nobody knows how much
# time has passed since, and the process that left it is gone.
_READ: Final = (
    "SELECT text, until FROM note WHERE name = ? AND boot = ? AND written_at <= ? AND until > ?"
)


_WRITE: Final = "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?)"


_DROP: Final = "DELETE FROM note WHERE name = ? AND text = ?"


_FORGET: Final = "DELETE FROM note WHERE boot <> ? OR written_at > ? OR until <= ?"
