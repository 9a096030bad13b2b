"""A quota store that several processes share, on top of a backend that keeps its states."""

import threading
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from cliq_async.clock import Clock
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import (
    Denied,
    Key,
    Lane,
    Lock,
    QueueId,
    Quota,
    Snapshot,
    TokenId,
    TokenOutcome,
)
from cliq_async.quota.stores.backend import State, StateBackend, StateKey
from cliq_async.quota.stores.base import Listener
from cliq_async.quota.stores.operations import LoadedBucket, LoadedRecord, Operation, Operations
from cliq_async.quota.stores.records import Record
from cliq_async.storage.worker import WorkerThread

__all__ = ["Listeners", "ThreadedStore"]

_MAX_SLEEP_S: Final = 1.0
"""The longest that a queue sleeps: no listener hears of another process's early returns."""
_CLOSE_S: Final = 1.0


class ThreadedStore:
    """A store whose buckets and records are kept by a backend, which a thread works on.

    Implements `QuotaStore` and `SharedRecords`. The pure bucket decides, whatever the backend.
    Safe to share between threads and event loops; a forked child connects for itself.

    Args:
        backend: Where the states are kept.
        clock: The client's clock.
    """

    def __init__(self, backend: StateBackend, clock: Clock) -> None:
        self.clock = clock
        self._listeners = Listeners()
        self._owner = _new_owner()
        self._taken_at: dict[TokenId, float] = {}  # on the backend's clock
        self._not_asked: set[TokenId] = set()  # the backend has never heard of them
        operations = Operations(backend, clock)
        self._worker: WorkerThread[Operation] = WorkerThread(
            operations, self._after_fork_in_child, operations.check
        )

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
        outage = None if lane is Lane.BULK else self._worker.outage()
        if outage is not None:
            self._not_asked.add(token)
            raise outage
        self._not_asked.discard(token)

        def change(loaded: LoadedBucket) -> float | Denied:
            loaded.changed = True
            denied = loaded.bucket.acquire(
                quota,
                self._shared_id(token),
                loaded.now,
                lease_s,
                reserve=reserve,
                lane=lane,
                queue_id=None if queue_id is None else self._shared_id(queue_id),
                waiters=waiters,
                max_sleep_s=_MAX_SLEEP_S,
            )
            if denied is not None:
                return denied.shifted(loaded.shift)
            self._taken_at[token] = loaded.now
            return loaded.before  # the token was taken after that, so its request leaves in time

        taken: float | Denied = await self._worker.call(_on_bucket(quota, change), patient=True)
        return taken

    def end(self, quota: Quota, token: TokenId, ending: TokenOutcome) -> None:
        """See `QuotaStore.end`."""
        if token in self._not_asked:
            self._not_asked.remove(token)
            return
        ended_at = self.clock()
        self._taken_at.pop(token, None)

        def change(loaded: LoadedBucket) -> None:
            loaded.changed = True
            self._taken_at.pop(token, None)  # its take may have been answered since
            if loaded.bucket.end(quota, self._shared_id(token), loaded.at(ended_at), ending):
                self._listeners.notify(quota.key)

        self._worker.submit(_on_bucket(quota, change))

    async def refuse(
        self, quota: Quota, token: TokenId, *, taken_at: float, wait_s: float | None
    ) -> Lock:
        """See `QuotaStore.refuse`."""
        refused_at = self.clock()
        taken = self._taken_at.pop(token, None)

        def change(loaded: LoadedBucket) -> Lock:
            loaded.changed = True
            lock = loaded.bucket.refuse(
                quota,
                self._shared_id(token),
                loaded.at(refused_at),
                loaded.at(taken_at) if taken is None else taken,
                wait_s,
            )
            self._listeners.notify(quota.key)
            return Lock(lock.until + loaded.shift, lock.first, lock.capacity)

        lock: Lock = await self._worker.call(_on_bucket(quota, change), retry_on_failure=True)
        return lock

    async def snapshots(self, quotas: Iterable[Quota]) -> list[Snapshot]:
        """See `QuotaStore.snapshots`."""

        def look(quota: Quota, loaded: LoadedBucket) -> Snapshot:
            return loaded.bucket.snapshot(quota, loaded.now).shifted(loaded.shift)

        return await self._worker.call_all(
            _on_bucket(quota, partial(look, quota)) for quota in quotas
        )

    async def clear(self, quotas: Iterable[Quota]) -> None:
        """See `QuotaStore.clear`."""

        def empty(state: State, before: float, after: float) -> LoadedBucket:
            return LoadedBucket(state, before, after, changed=True)  # even if it cannot be decoded

        def change(key: Key, loaded: LoadedBucket) -> None:
            loaded.bucket = Bucket()
            self._listeners.notify(key)

        await self._worker.call_all(
            Operation(StateKey("bucket", quota.key), empty, partial(change, quota.key))
            for quota in quotas
        )

    async def get_record(self, name: str) -> Record | None:
        """See `SharedRecords.get_record`."""

        def change(loaded: LoadedRecord) -> Record | None:
            record = loaded.record
            if record is None:
                return None
            # On the client's clock, rather too early than too late.
            return Record(record.text, record.until - loaded.now + loaded.before)

        record: Record | None = await self._worker.call(_on_record(name, change))
        return record

    async def add_record(self, name: str, text: str, *, until: float) -> bool:
        """See `SharedRecords.add_record`."""

        def change(loaded: LoadedRecord) -> bool:
            if loaded.record is not None and loaded.record.text != text:
                return False
            loaded.replace(text, until)
            return True

        added: bool = await self._worker.call(_on_record(name, change))
        return added

    def set_record(self, name: str, text: str, *, until: float) -> None:
        """See `SharedRecords.set_record`."""
        self._worker.submit(_on_record(name, lambda loaded: loaded.replace(text, until)))

    def delete_record(self, name: str, text: str) -> None:
        """See `SharedRecords.delete_record`."""

        def change(loaded: LoadedRecord) -> None:
            if loaded.record is not None and loaded.record.text == text:
                loaded.record, loaded.changed = None, True

        self._worker.submit(_on_record(name, change))

    def watch(self, key: Key, watcher: Listener) -> Callable[[], None]:
        """See `QuotaStore.watch`."""
        return self._listeners.add(key, watcher)

    async def close(self) -> None:
        """Store what is pending and close the backend; the next operation opens it again.

        Waits at most a second. What is still pending then is stored once the backend
        answers again, if the process lives as long.
        """
        await self._worker.close(within_s=_CLOSE_S)

    def _shared_id(self, number: QueueId) -> str:
        """Return a token's or a queue's id among those of all processes."""
        return f"{self._owner}{number}"

    def _after_fork_in_child(self) -> None:
        self._owner = _new_owner()
        self._listeners = Listeners()
        self._taken_at = {}
        self._not_asked = set()


def _on_bucket(quota: Quota, change: Callable[[LoadedBucket], object]) -> Operation:
    return Operation(StateKey("bucket", quota.key), partial(LoadedBucket.of, quota), change)


def _on_record(name: str, change: Callable[[LoadedRecord], object]) -> Operation:
    return Operation(StateKey("record", name), LoadedRecord.of, change)


def _new_owner() -> str:
    """Return a prefix that makes a process's numbers unique among all processes."""
    return uuid.uuid4().hex[:12] + "-"


class Listeners:
    """Listeners by key, added and called from any thread."""

    def __init__(self) -> None:
        self._by_key: dict[Key, set[Listener]] = {}
        # Reentrant: a token that the garbage collector ends may notify them, too.
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def add(self, key: Key, listener: Listener) -> Callable[[], None]:
        """Call `listener` for a key from now on; returns a function that stops it."""
        with self._lock:
            self._by_key.setdefault(key, set()).add(listener)
        return partial(self._remove, key, listener)

    def notify(self, key: Key) -> None:
        """Call the listeners of a key."""
        with self._lock:
            listeners = tuple(self._by_key.get(key, ()))
        for listener in listeners:
            listener()

    def _remove(self, key: Key, listener: Listener) -> None:
        with self._lock:
            listeners = self._by_key.get(key, set())
            listeners.discard(listener)
            if not listeners:
                self._by_key.pop(key, None)
