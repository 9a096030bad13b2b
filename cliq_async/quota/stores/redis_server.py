"""A Redis server or cluster: connections to it, and a refusal where it would lose the quota."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ConnectionError as RedisConnectionError,
    MovedError,
    ReadOnlyError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
    TryAgainError,
)
from redis.retry import Retry

from cliq_async.errors import QuotaStoreError

__all__ = ["RedisConnector", "RedisNode", "RedisNodes"]

_TIMEOUT_S: Final = 2.0
_OLDEST: Final = 6
_TEMPORARY: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    OSError,
    # A cluster moves its slots, or a replica takes over.
    AskError,
    ClusterDownError,
    MovedError,
    ReadOnlyError,
    TryAgainError,
)

_log = logging.getLogger("cliq_async")


class RedisNode:
    """A connection to one server.

    Args:
        client: A client of redis-py that has the server's address.

    Attributes:
        client: A client of redis-py with this connection alone.
        info: The server's properties, as INFO gives them.
    """

    def __init__(self, client: Any) -> None:
        self.client: Any = client.client()  # WATCH needs one connection
        try:
            self.info: dict[str, Any] = self.client.info()
        except BaseException:
            self.close()
            raise

    @property
    def run(self) -> str:
        """The name of the server's run, which is another one after a restart."""
        return str(self.info["run_id"])

    def execute(self, *commands: Sequence[Any]) -> list[Any]:
        """Send several commands at once, and return their answers.

        Raises:
            Exception: Anything that redis-py raises. The connection is then to be closed.
        """
        connection = self.client.connection
        connection.send_packed_command(connection.pack_commands(commands))
        return [connection.read_response() for _ in commands]

    def close(self) -> None:
        """Close the connection."""
        with suppress(Exception):
            self.client.connection.disconnect()
            self.client.close()


@attrs.define
class RedisNodes:
    """The connections to a server, or to the primaries of a cluster.

    Attributes:
        client: A client of redis-py.
        by_name: The nodes by their names; a server that is not a cluster has none.
    """

    client: Any
    by_name: dict[str, RedisNode]

    def of(self, key: str) -> RedisNode:
        """Return the node that has a key."""
        if "" in self.by_name:
            return self.by_name[""]
        node = self.client.get_node_from_key(key)
        if node.name not in self.by_name:  # it was not a primary when the cluster was looked up
            raise RedisConnectionError(f"the node {node.name} of the cluster is new")
        return self.by_name[node.name]

    def close(self) -> None:
        """Close all connections."""
        for node in self.by_name.values():
            node.close()
        with suppress(Exception):
            self.client.close()


class RedisConnector:
    """A server, or a cluster of them, by its URL.

    Args:
        url: The URL, which may hold a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._place = _place(url)
        self._warned = False

    def connect(self) -> RedisNodes:
        """Return new connections.

        Raises:
            QuotaStoreError: The server is not to be used.
            Exception: Anything that redis-py raises; `is_permanent` says whether it will again.
        """
        options: dict[str, Any] = {
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),  # the backend does, with the whole operation
        }
        nodes = RedisNodes(redis.Redis.from_url(self._url, **options), {})
        try:
            nodes.by_name[""] = node = RedisNode(nodes.client)
            if node.info.get("cluster_enabled"):
                nodes.close()
                nodes = RedisNodes(redis.RedisCluster.from_url(self._url, **options), {})
                for each in nodes.client.get_primaries():
                    client = nodes.client.get_redis_connection(each)
                    nodes.by_name[each.name] = RedisNode(client)
            else:
                self._warn_without_persistence(node.client)
            for node in nodes.by_name.values():
                self.check(node.info)
        except BaseException:
            nodes.close()
            raise
        return nodes

    def unusable(self, error: Exception) -> QuotaStoreError:
        """Return the error that says what went wrong."""
        # Without its cause, which may hold the URL, and the URL a password.
        reason = str(error).rstrip(".") or type(error).__name__
        return QuotaStoreError(f"{self._place} cannot be used for the quota: {reason}")

    @staticmethod
    def is_permanent(error: Exception) -> bool:
        """Return whether the same goes wrong again however soon it is tried."""
        if isinstance(error, (AuthenticationError, AuthorizationError)):
            return True
        return not isinstance(error, _TEMPORARY)

    def check(self, info: dict[str, Any]) -> None:
        """Raise a `QuotaStoreError` if a server is too old or evicts keys."""
        version = str(info.get("redis_version", "0"))
        if int(version.partition(".")[0]) < _OLDEST:
            raise QuotaStoreError(f"{self._place} is Redis {version}; the quota needs 6 or later")
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if info.get("maxmemory") and policy != "noeviction":
            raise QuotaStoreError(
                f"{self._place} evicts keys when its memory is full (maxmemory-policy {policy}), "
                "and with them the quota; set it to noeviction, or use another server"
            )

    def _warn_without_persistence(self, client: Any) -> None:
        """Warn once if the server writes nothing to disk, as far as it lets this user know."""
        if self._warned:
            return
        with suppress(ResponseError):  # this user may not read the configuration
            kept = client.config_get("save").get("save") or client.config_get("appendonly")
            if kept == {"appendonly": "no"}:
                self._warned = True
                _log.warning(
                    "%s writes nothing to disk, so after a restart of the server running "
                    "programs treat the quota as spent, and new ones as full. Set appendonly to "
                    "yes",
                    self._place,
                )


def _place(url: str) -> str:
    """Return a server's URL without its secrets."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
