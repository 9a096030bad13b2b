"""The Redis server of a journal: one connection, tried again for some seconds, and its checks."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import redis

from cliq_async.bulk.journal_store import RedisPlace
from cliq_async.errors import JournalError, ValidationError
from cliq_async.quota.stores.redis_server import RedisConnector, RedisNode
from cliq_async.storage.redis import RedisAddress

__all__ = ["JournalServer"]

T = TypeVar("T")

_PREFIX: Final = "cliq_async:1:journal"
_RETRY_S: Final = 4.0
_PAUSE_S: Final = 0.05
_MOST_PAUSE_S: Final = 0.5

_abandoned: Final[list[tuple[Any, RedisNode]]] = []
"""Connections of a parent process: closing them would end them for the parent, too."""


class JournalServer:
    """The server that keeps a journal. Every call blocks; one thread makes them.

    Args:
        place: The place of the journal.

    Raises:
        ValidationError: The URL does not name a server.

    Attributes:
        meta: The key of the job, its runner and its revision.
        batches: The key of the rows, by the numbers of the batches.
        positions: The key of the digests, by position.
        skipped: The key of the skipped items, in order.
        lease: The key of the lease, which expires.
    """

    def __init__(self, place: RedisPlace) -> None:
        self.place = place
        self.meta = f"{_PREFIX}:{{{place.name}}}"  # braces keep all on one node of a cluster
        self.batches = f"{self.meta}:batches"
        self.positions = f"{self.meta}:positions"
        self.skipped = f"{self.meta}:skipped"
        self.lease = f"{self.meta}:lease"
        try:
            self._address = RedisAddress.parse(place.url)
        except ValueError as error:
            limit = f"the URL of a server and a name behind it: {error}"
            raise ValidationError("journal", limit, "redis://…") from None
        self._opened: tuple[Any, RedisNode] | None = None
        self._until = 0.0
        self._gone: JournalError | None = None

    def allow_retries(self) -> None:
        """Give all calls from now on, together, some seconds for a server that is gone."""
        self._until = time.monotonic() + _RETRY_S
        self._gone = None

    def call(self, step: Callable[[RedisNode], T]) -> T:
        """Run a step, which may run several times. Connects again if the server is gone.

        Raises:
            JournalError: The server cannot be used.
        """
        pause_s = _PAUSE_S
        while True:
            if self._gone is not None:
                raise self._gone
            try:
                return step(self._node())
            except JournalError:
                raise
            except Exception as error:  # noqa: BLE001 - redis-py raises of all kinds
                self.close()
                permanent = RedisConnector.is_permanent(error)
                if permanent or time.monotonic() + pause_s >= self._until:
                    # Without its cause, which may hold the URL, and the URL a password.
                    self._gone = self._unusable(error)
                    raise self._gone from None
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def execute(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Send several commands that may be repeated, and return their answers."""
        return self.call(lambda node: node.execute(*commands))

    def try_once(self, step: Callable[[RedisNode], object]) -> None:
        """Run a step on the open connection, if there is one; ignore its errors."""
        if self._opened is not None:
            with suppress(Exception):
                step(self._node())

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            client, node = opened
            node.close()
            with suppress(Exception):
                client.close()

    def forget_after_fork(self) -> None:
        """Forget the connection: it is that of the parent process."""
        opened, self._opened = self._opened, None
        if opened is not None:
            _abandoned.append(opened)

    def _node(self) -> RedisNode:
        if self._opened is None:
            client: Any = self._address.connect()
            server = client
            if isinstance(client, redis.RedisCluster):
                cluster: Any = client
                server = cluster.get_redis_connection(cluster.get_node_from_key(self.meta))
            self._opened = client, RedisNode(server)
        return self._opened[1]

    def _unusable(self, error: Exception) -> JournalError:
        reason = str(error).rstrip(".") or type(error).__name__
        return JournalError(f"{self.place}: the server cannot be used for the journal: {reason}")
