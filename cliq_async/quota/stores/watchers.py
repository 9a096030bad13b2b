"""Who is to be told, within this process, that a token may be free sooner than was said."""

import threading
from collections.abc import Callable
from functools import partial

from cliq_async.quota.model import Key
from cliq_async.quota.stores.base import Watcher

__all__ = ["Watchers"]


class Watchers:
    """Watchers by key, added and told from any thread."""

    def __init__(self) -> None:
        self._watchers: dict[Key, set[Watcher]] = {}
        # Reentrant: what the garbage collector ends meanwhile may tell them, too.
        self._lock = threading.RLock()

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def add(self, key: Key, watcher: Watcher) -> Callable[[], None]:
        """Have `watcher` called from now on; returns a function that ends it."""
        with self._lock:
            self._watchers.setdefault(key, set()).add(watcher)
        return partial(self._remove, key, watcher)

    def tell(self, key: Key) -> None:
        """Call the watchers of a key."""
        with self._lock:
            watchers = tuple(self._watchers.get(key, ()))
        for watcher in watchers:
            watcher()

    def _remove(self, key: Key, watcher: Watcher) -> None:
        with self._lock:
            watchers = self._watchers.get(key, set())
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(key, None)
