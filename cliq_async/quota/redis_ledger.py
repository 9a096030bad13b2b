"""The buckets on a Redis server, a key each. Every call blocks; a thread of its own makes them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import msgspec
import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Quota

__all__ = ["RedisLedger", "Step"]

_PREFIX: Final = "cliq_async"
_TIMEOUT_S: Final = 5.0
_OLDEST: Final = 6

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
        self._url = url
        self._place = _place(url)
        self._clock = clock
        self._spent = spent
        self._server_time = server_time
        self._source = files("cliq_async.quota").joinpath("bucket.lua").read_text("utf-8")
        self._sha = ""
        self._client: Any = None
        self._cluster = False
        self._known: set[str] = set()

    def run(self, steps: Sequence[Step]) -> list[Any]:
        """Call the script for each step, in order.

        Raises:
            QuotaStoreError: The server cannot be used. Some of the steps may have been made; each
                may be made again.
        """
        with self._explained():
            client = self._connected()
            calls = [self._call(step) for step in steps]
            try:
                raw = self._evaluate(client, calls)
            except NoScriptError:  # the server was started anew, or has forgotten its scripts
                self._sha = client.script_load(self._source)
                raw = self._evaluate(client, calls)
            at = self._clock()
            answers = [_decode(each) for each in raw]
        self._known.update(step.quota.key for step in steps)
        return [step.done(answer, at) for step, answer in zip(steps, answers, strict=True)]

    def close(self) -> None:
        """Close the connection; the next step makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                client.close()

    def _call(self, step: Step) -> tuple[str, str, bytes]:
        quota = step.quota
        arguments = step.arguments | {
            "op": step.op,
            "ago_s": max(0.0, self._clock() - step.at),
            "known": quota.key in self._known,
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
        if self._server_time is not None:
            arguments["now"] = self._server_time()
        name = f"{_PREFIX}:{{{quota.key}}}"  # the braces keep both on one node of a cluster
        return f"{name}:bucket", f"{name}:server", _encode(arguments)

    def _evaluate(self, client: Any, calls: list[tuple[str, str, bytes]]) -> list[Any]:
        if self._cluster or len(calls) == 1:
            return [client.evalsha(self._sha, 2, *call) for call in calls]
        pipeline = client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._sha, 2, *call)
        answers: list[Any] = pipeline.execute()
        return answers

    def _connected(self) -> Any:
        if self._client is not None:
            return self._client
        options: dict[str, Any] = {
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
            "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            self.close()
            raise QuotaStoreError(
                f"{self._place} cannot be used for the quota: {_reason(error)}"
            ) from None  # the cause may hold the URL, and the URL a password


def _place(url: str) -> str:
    """A server's URL without what is secret in it."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
