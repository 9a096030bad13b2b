"""The buckets on a Redis server, a key each. Every call blocks; a thread of its own makes them."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import msgspec
import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ConnectionError as RedisConnectionError,
    NoScriptError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Quota

__all__ = ["RedisLedger", "Step"]

_PREFIX: Final = "cliq_async:1"
"""With the version of what the keys hold."""
_TIMEOUT_S: Final = 2.0
_RETRY_S: Final = 4.0
_PAUSE_S: Final = 0.05
_MOST_PAUSE_S: Final = 0.5
_OLDEST: Final = 6
_SLACK_S: Final = 1.0
_SLACK_SHARE: Final = 0.001

_log = logging.getLogger("cliq_async")

_abandoned: Final[list[Any]] = []
"""Clients of a process that this one was forked from: closing them would end its connections."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


@attrs.frozen
class Step:
    """One call of the script.

    Attributes:
        op: What to do: take, end, refuse, look or clear.
        quota: To which bucket.
        arguments: What else the script needs.
        at: When it was asked for, on the client's clock; matters to what is told late.
        done: Makes the result out of the script's answer and the moment, on the client's clock,
            by which it had come.
    """

    op: str
    quota: Quota
    arguments: dict[str, Any]
    at: float
    done: Callable[[dict[str, Any], float], Any]


@attrs.frozen
class _Seen:
    """What a server last said of a bucket.

    Attributes:
        generation: Names the server's memory of the bucket.
        now: The server's clock.
        asked_at: The client's clock, before the server was asked.
    """

    generation: str
    now: float
    asked_at: float

    def latest(self, now: float) -> float:
        """What the server's clock can say at the most, however it was set."""
        elapsed_s = max(0.0, now - self.asked_at)
        return self.now + elapsed_s * (1.0 + _SLACK_SHARE) + _SLACK_S


class RedisLedger:
    """Buckets on a server.

    Args:
        url: The server's URL.
        clock: The client's clock.
        spent: Whether a bucket that the server has never had counts as spent.
        server_time: In place of the server's clock, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float],
        spent: bool,
        server_time: Callable[[], float] | None = None,
    ) -> None:
        self.error = QuotaStoreError
        self._url = url
        self._place = _place(url)
        self._clock = clock
        self._spent = spent
        self._server_time = server_time
        self._source = files("cliq_async.quota").joinpath("bucket.lua").read_text("utf-8")
        self._sha = ""
        self._client: Any = None
        self._cluster = False
        self._warned = False
        self._seen: dict[str, _Seen] = {}

    def run(self, steps: Sequence[Step]) -> list[Any]:
        """Call the script for each step, in order.

        Returns what each step makes of its answer, or a `QuotaStoreError`. A step may have been
        made all the same, and may be made again.
        """
        until = time.monotonic() + _RETRY_S
        pause_s = _PAUSE_S
        while True:
            try:
                return self._answers(steps)
            except QuotaStoreError as error:  # the server is not to be used
                self.close()
                return [error] * len(steps)
            except Exception as error:  # noqa: BLE001 - redis-py raises of all kinds, when clusters move
                self.close()
                if _lasts(error) or time.monotonic() + pause_s >= until:
                    return [self._unusable(error)] * len(steps)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def close(self) -> None:
        """Close the connection; the next step makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def abandon(self) -> None:
        """Forget the connection: it is the process's that this one was forked from."""
        if self._client is not None:
            _abandoned.append(self._client)
        self._client = None
        self._seen = {}

    def _answers(self, steps: Sequence[Step]) -> list[Any]:
        client = self._connected()
        asked_at = self._clock()
        calls = [self._call(step) for step in steps]
        raw = self._evaluate(client, calls)
        if any(isinstance(each, NoScriptError) for each in raw):
            # The server was started anew, or has forgotten its scripts.
            self._sha = client.script_load(self._source)
            raw = self._evaluate(client, calls)
        at = self._clock()
        return [self._result(*pair, asked_at, at) for pair in zip(steps, raw, strict=True)]

    def _result(self, step: Step, raw: Any, asked_at: float, at: float) -> Any:
        if isinstance(raw, (RedisConnectionError, RedisTimeoutError)):
            raise raw
        if isinstance(raw, Exception):
            return self._unusable(raw)
        answer = _decode(raw)
        self._seen[step.quota.key] = _Seen(answer["generation"], answer["now"], asked_at)
        return step.done(answer, at)

    def _unusable(self, error: Exception) -> QuotaStoreError:
        # Without its cause, which may hold the URL, and the URL a password.
        return QuotaStoreError(f"{self._place} cannot be used for the quota: {_reason(error)}")

    def _call(self, step: Step) -> tuple[str, str, bytes]:
        quota = step.quota
        now = self._clock()
        arguments = step.arguments | {
            "op": step.op,
            "ago_s": max(0.0, now - step.at),
            "spent": self._spent,
            "quota": {
                "threshold": quota.threshold,
                "window_s": quota.window_s,
                "lock_s": quota.lock_s,
                "margin_s": quota.margin_s,
                "straggler_s": quota.straggler_s,
                "second_s": quota.second_s,
                "period_s": quota.period_s,
            },
        }
        seen = self._seen.get(quota.key)
        if seen is not None:
            arguments |= {"seen": seen.generation, "latest": seen.latest(now)}
        if self._server_time is not None:
            arguments["now"] = self._server_time()
        name = f"{_PREFIX}:{{{quota.key}}}"  # the braces keep both on one node of a cluster
        return f"{name}:bucket", f"{name}:server", _encode(arguments)

    def _evaluate(self, client: Any, calls: list[tuple[str, str, bytes]]) -> list[Any]:
        if self._cluster or len(calls) == 1:
            return [self._one(client, call) for call in calls]
        pipeline = client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._sha, 2, *call)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers

    def _one(self, client: Any, call: tuple[str, str, bytes]) -> Any:
        try:
            return client.evalsha(self._sha, 2, *call)
        except ResponseError as error:
            return error

    def _connected(self) -> Any:
        if self._client is not None:
            return self._client
        options: dict[str, Any] = {
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),  # `run` does, with all steps
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
            self._warn_of_forgetting(client)
            self._sha = client.script_load(self._source)
        except BaseException:
            client.close()
            raise
        self._client, self._cluster = client, cluster
        return client

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
        if self._warned or self._cluster:
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


def _lasts(error: Exception) -> bool:
    """Whether it goes wrong again however soon it is tried."""
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return True
    return not isinstance(error, (RedisConnectionError, RedisTimeoutError, OSError))


def _place(url: str) -> str:
    """A server's URL without what is secret in it."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
