"""What the stores have in common that several processes share."""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from cliq_async.clock import Clock
from cliq_async.quota.model import Key, QueueId
from cliq_async.quota.stores.base import Listener
from cliq_async.storage.worker import Backend, WorkerThread

__all__ = ["Listeners", "ThreadedStore"]

StepT = TypeVar("StepT")


class ThreadedStore(Generic[StepT]):
    """A store whose work is done by a thread, so that no event loop waits for it.

    Safe to share between threads and event loops; a forked child opens its place anew.

    Args:
        blocking: What the thread works on.
        clock: Where the time comes from.
    """

    def __init__(self, blocking: Backend[StepT], clock: Clock) -> None:
        self.clock = clock
        self._watchers = Listeners()
        self._owner = _new_owner()
        self._worker: WorkerThread[StepT] = WorkerThread(blocking, self._forked)

    def watch(self, key: Key, watcher: Listener) -> Callable[[], None]:
        """See `QuotaStore.watch`."""
        return self._watchers.add(key, watcher)

    async def close(self) -> None:
        """Write down what is pending and let go of the place; whoever asks later opens it again."""
        await self._worker.close()

    def _own(self, number: QueueId) -> str:
        """The name of a token or a line among those of all processes."""
        return f"{self._owner}{number}"

    def _forked(self) -> None:
        self._owner = _new_owner()
        self._watchers = Listeners()


def _new_owner() -> str:
    """Numbers are unique within a process; this says whose they are."""
    return uuid.uuid4().hex[:12] + "-"


class Listeners:
    """Watchers by key, added and told from any thread."""

    def __init__(self) -> None:
        self._watchers: dict[Key, set[Listener]] = {}
        # Reentrant: what the garbage collector ends meanwhile may tell them, too.
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def add(self, key: Key, watcher: Listener) -> Callable[[], None]:
        """Have `watcher` called from now on; returns a function that ends it."""
        with self._lock:
            self._watchers.setdefault(key, set()).add(watcher)
        return partial(self._remove, key, watcher)

    def notify(self, key: Key) -> None:
        """Call the watchers of a key."""
        with self._lock:
            watchers = tuple(self._watchers.get(key, ()))
        for watcher in watchers:
            watcher()

    def _remove(self, key: Key, watcher: Listener) -> None:
        with self._lock:
            watchers = self._watchers.get(key, set())
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(key, None)
