"""The buckets and notes on a Redis server. Every call blocks; a thread of its own makes them."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final

import attrs
import msgspec
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    NoScriptError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.redis_server import Connected, RedisConnector

__all__ = ["AnyStep", "RecordCall", "RedisScripts", "ScriptCall"]

_PREFIX: Final = "cliq_async:1"
"""With the version of what the keys hold."""
_RETRY_S: Final = 4.0
_PAUSE_S: Final = 0.05
_MOST_PAUSE_S: Final = 0.5
_SLACK_S: Final = 1.0
_SLACK_SHARE: Final = 0.001

_SOURCES: Final = {
    "bucket": ("cliq_async.quota", "bucket"),
    "note": ("cliq_async.quota.stores", "records"),
}
_abandoned: Final[list[Any]] = []
"""Clients of a process that this one was forked from: closing them would end its connections."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


@attrs.frozen
class ScriptCall:
    """One call of the bucket's script.

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
class RecordCall:
    """One call of the notes' script.

    Attributes:
        op: What to do: read, claim, put or drop.
        name: The note's name.
        text: What it says.
        until: When it is gone, on the client's clock.
        done: Makes the result out of the script's answer.
    """

    op: str
    name: str
    text: str = attrs.field(repr=False, default="")
    until: float = 0.0
    done: Callable[[dict[str, Any]], Any] = bool


AnyStep = ScriptCall | RecordCall


@attrs.frozen
class _Call:
    """What is sent for a step: which script, on which keys, with which arguments."""

    script: str
    keys: tuple[str, ...]
    arguments: bytes = attrs.field(repr=False)


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


class RedisScripts:
    """Buckets and notes on a server.

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
        self._server = RedisConnector(url)
        self._clock = clock
        self._spent = spent
        self._server_time = server_time
        self._shas: dict[str, str] = {}
        self._connection: Connected | None = None
        self._seen: dict[str, _Seen] = {}

    def run(self, steps: Sequence[AnyStep]) -> list[Any]:
        """Call its script for each step, in order.

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
                if self._server.is_permanent(error) or time.monotonic() + pause_s >= until:
                    return [self._server.unusable(error)] * len(steps)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def close(self) -> None:
        """Close the connection; the next step makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.client.close()

    def forget_after_fork(self) -> None:
        """Forget the connection: it is the process's that this one was forked from."""
        if self._connection is not None:
            _abandoned.append(self._connection)
        self._connection = None
        self._seen = {}

    def _answers(self, steps: Sequence[AnyStep]) -> list[Any]:
        connection = self._connected()
        asked_at = self._clock()
        calls = [self._call(step) for step in steps]
        raw = self._evaluate(connection, calls)
        if any(isinstance(each, NoScriptError) for each in raw):
            # The server was started anew, or has forgotten its scripts.
            self._load(connection)
            raw = self._evaluate(connection, calls)
        at = self._clock()
        return [self._result(*pair, asked_at, at) for pair in zip(steps, raw, strict=True)]

    def _result(self, step: AnyStep, raw: Any, asked_at: float, at: float) -> Any:
        if isinstance(raw, (RedisConnectionError, RedisTimeoutError)):
            raise raw
        if isinstance(raw, Exception):
            return self._server.unusable(raw)
        answer = _decode(raw)
        if isinstance(step, RecordCall):
            return step.done(answer)
        self._seen[step.quota.key] = _Seen(answer["generation"], answer["now"], asked_at)
        return step.done(answer, at)

    def _call(self, step: AnyStep) -> _Call:
        now = self._clock()
        if isinstance(step, RecordCall):
            arguments: dict[str, Any] = {
                "op": step.op,
                "text": step.text,
                "left_s": max(0.0, step.until - now),
            }
            script = "note"
            keys: tuple[str, ...] = (f"{_PREFIX}:note:{step.name}",)
        else:
            arguments = self._bucket_arguments(step, now)
            name = f"{_PREFIX}:{{{step.quota.key}}}"  # braces keep both on one node of a cluster
            script, keys = "bucket", (f"{name}:bucket", f"{name}:server")
        if self._server_time is not None:
            arguments["now"] = self._server_time()
        return _Call(script, keys, _encode(arguments))

    def _bucket_arguments(self, step: ScriptCall, now: float) -> dict[str, Any]:
        quota = step.quota
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
                "unknown": quota.assume_spent,
            },
        }
        seen = self._seen.get(quota.key)
        if seen is not None:
            arguments |= {"seen": seen.generation, "latest": seen.latest(now)}
        return arguments

    def _evaluate(self, connection: Connected, calls: list[_Call]) -> list[Any]:
        client = connection.client
        if connection.cluster or len(calls) == 1:
            return [self._one(client, call) for call in calls]
        pipeline = client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._shas[call.script], len(call.keys), *call.keys, call.arguments)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers

    def _one(self, client: Any, call: _Call) -> Any:
        try:
            sha = self._shas[call.script]
            return client.evalsha(sha, len(call.keys), *call.keys, call.arguments)
        except ResponseError as error:
            return error

    def _connected(self) -> Connected:
        if self._connection is None:
            connection = self._server.connect()
            try:
                self._load(connection)
            except BaseException:
                connection.client.close()
                raise
            self._connection = connection
        return self._connection

    def _load(self, connection: Connected) -> None:
        for script in ("bucket", "note"):
            folder, name = _SOURCES[script]
            source = files(folder).joinpath(f"{name}.lua").read_text("utf-8")
            self._shas[script] = connection.client.script_load(source)
