"""A Redis server or cluster: connections to it, and a refusal where it would lose the quota."""

import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import attrs
import redis
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

from cliq_async.errors import QuotaStoreError
from cliq_async.storage.redis import RedisAddress

__all__ = ["RedisConnector", "RedisNode", "RedisNodes"]

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
    """A connection to one server, which is a primary.

    Args:
        client: A client of redis-py that has the server's address.

    Attributes:
        client: A client of redis-py with this connection alone.
        info: The server's properties, as INFO gives them.
        memory_id: A name for the server's memory, which is another one after a restart and after
            a failover.
    """

    def __init__(self, client: Any) -> None:
        self.client: Any = client.client()  # WATCH needs one connection
        try:
            self.info: dict[str, Any] = self.client.info()
            self.memory_id = _memory_id(self.info)
        except BaseException:
            self.close()
            raise

    def refresh(self) -> None:
        """Ask again for the server's role and the name of its memory."""
        self.info |= self.client.info("replication")
        self.memory_id = _memory_id(self.info)

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


def _memory_id(info: dict[str, Any]) -> str:
    """Return a name for the memory of a primary.

    A run alone is not enough: a primary that was stopped for a while goes on as a replica, takes
    over the memory of the new primary, which may lack the last writes, and may be promoted again.

    Raises:
        ReadOnlyError: The server is a replica.
    """
    if info.get("role") == "slave":
        raise ReadOnlyError("it is a read-only replica: name the primary, or redis+sentinel://")
    run, inherited = str(info["run_id"]), str(info.get("master_replid2", ""))
    return f"{run}+{inherited}" if inherited.strip("0") else run


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

    def refresh(self) -> None:
        """Make sure that each node is still the primary that it was, as after a pause.

        Raises:
            Exception: One is not, or anything else that redis-py raises.
        """
        pool: Any = getattr(self.client, "connection_pool", None)  # a cluster has none
        sentinel = getattr(pool, "sentinel_manager", None)
        for node in self.by_name.values():
            if sentinel is not None:
                connection = node.client.connection
                primary = sentinel.discover_master(pool.service_name)
                if (connection.host, connection.port) != tuple(primary):
                    raise RedisConnectionError("Sentinel names another primary")
            node.refresh()

    def close(self) -> None:
        """Close all connections."""
        for node in self.by_name.values():
            node.close()
        with suppress(Exception):
            self.client.close()


class RedisConnector:
    """The way to a server, or to a cluster of them.

    Args:
        address: The server's address.
    """

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._warned = False

    def connect(self) -> RedisNodes:
        """Return new connections.

        Raises:
            QuotaStoreError: The server is not to be used.
            Exception: Anything that redis-py raises; `is_permanent` says whether it will again.
        """
        nodes = RedisNodes(self._address.connect(), {})
        try:
            client: Any = nodes.client
            if isinstance(nodes.client, redis.RedisCluster):
                for each in client.get_primaries():
                    nodes.by_name[each.name] = RedisNode(client.get_redis_connection(each))
            else:
                nodes.by_name[""] = node = RedisNode(nodes.client)
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
        return QuotaStoreError(f"{self._address} cannot be used for the quota: {reason}")

    @staticmethod
    def is_permanent(error: Exception) -> bool:
        """Return whether the same goes wrong again however soon it is tried."""
        if isinstance(error, (AuthenticationError, AuthorizationError)):
            return True
        if isinstance(error.__context__, ssl.SSLCertVerificationError):
            return True
        return not isinstance(error, _TEMPORARY)

    def check(self, info: dict[str, Any]) -> None:
        """Raise a `QuotaStoreError` if a server is too old or evicts keys."""
        version = str(info.get("redis_version", "0"))
        if int(version.partition(".")[0]) < _OLDEST:
            raise QuotaStoreError(f"{self._address} is Redis {version}; the quota needs 6 or later")
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if info.get("maxmemory") and policy != "noeviction":
            raise QuotaStoreError(
                f"{self._address} evicts keys when its memory is full (maxmemory-policy {policy}), "
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
                    self._address,
                )
