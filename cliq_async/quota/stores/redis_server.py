"""A Redis server: connected to, and refused where it would lose the quota. Every call blocks."""

import logging
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError as RedisConnectionError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry

from cliq_async.errors import QuotaStoreError

__all__ = ["Connected", "RedisConnector"]

_TIMEOUT_S: Final = 2.0
_OLDEST: Final = 6

_log = logging.getLogger("cliq_async")


@attrs.frozen
class Connected:
    """What came of connecting.

    Attributes:
        client: Of redis-py.
        cluster: Whether it is a cluster's.
    """

    client: Any
    cluster: bool


class RedisConnector:
    """A server, or a cluster of them, by its URL.

    Args:
        url: The URL, which may hold a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._place = _place(url)
        self._warned = False

    def connect(self) -> Connected:
        """A new connection.

        Raises:
            QuotaStoreError: The server is not to be used.
            Exception: Whatever redis-py raises; `lasts` says whether it will again.
        """
        options: dict[str, Any] = {
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),  # the ledger does, with all steps
        }
        client: Any = redis.Redis.from_url(self._url, **options)
        try:
            found = [client.info()]
            cluster = bool(found[0].get("cluster_enabled"))
            if cluster:
                client.close()
                client = redis.RedisCluster.from_url(self._url, **options)
                found = [client.info(target_nodes=node) for node in client.get_primaries()]
            for each in found:
                self._check(each)
            if not cluster:
                self._warn_of_forgetting(client)
        except BaseException:
            client.close()
            raise
        return Connected(client, cluster)

    def unusable(self, error: Exception) -> QuotaStoreError:
        """The error that says what went wrong."""
        # Without its cause, which may hold the URL, and the URL a password.
        reason = str(error).rstrip(".") or type(error).__name__
        return QuotaStoreError(f"{self._place} cannot be used for the quota: {reason}")

    @staticmethod
    def is_permanent(error: Exception) -> bool:
        """Whether it goes wrong again however soon it is tried."""
        if isinstance(error, (AuthenticationError, AuthorizationError)):
            return True
        return not isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError))

    def _check(self, found: dict[str, Any]) -> None:
        version = str(found.get("redis_version", "0"))
        if int(version.partition(".")[0]) < _OLDEST:
            raise QuotaStoreError(f"{self._place} is Redis {version}; the quota needs 6 or later")
        policy = str(found.get("maxmemory_policy", "noeviction"))
        if found.get("maxmemory") and policy != "noeviction":
            raise QuotaStoreError(
                f"{self._place} throws keys away when its memory is full (maxmemory-policy "
                f"{policy}), and with them the quota; set it to noeviction, or use another server"
            )

    def _warn_of_forgetting(self, client: Any) -> None:
        """Say it if the server writes nothing down, as far as it lets anybody know."""
        if self._warned:
            return
        with suppress(ResponseError):  # it keeps its settings to itself
            kept = client.config_get("save").get("save") or client.config_get("appendonly")
            if kept == {"appendonly": "no"}:
                self._warned = True
                _log.warning(
                    "%s keeps nothing on disk; whenever it is started anew, the quota starts "
                    "spent, but for processes that are started later. Set appendonly to yes",
                    self._place,
                )


def _place(url: str) -> str:
    """A server's URL without what is secret in it."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
