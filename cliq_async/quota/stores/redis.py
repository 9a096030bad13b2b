"""`redis://host:port/db`: buckets that several hosts share.

The pure bucket decides, between WATCH and EXEC, by the server's clock. A mark beside each bucket,
which never expires, tells an idle server from one that has lost its memory by a restart, a
failover or FLUSHALL; what it had then counts as spent for a window.
"""

import math
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from cliq_async.clock import Clock, system_clock
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.backend import State, StateBackend, StateKey
from cliq_async.quota.stores.base import ColdStart, starts_spent
from cliq_async.quota.stores.redis_server import RedisConnector, RedisNode, RedisNodes
from cliq_async.quota.stores.threaded import ThreadedStore

__all__ = ["RedisBackend", "RedisStore"]

_PREFIX: Final = "cliq_async:1"
"""With the version of what the keys hold."""
_RETRY_S: Final = 4.0
_PAUSE_S: Final = 0.05
_MOST_PAUSE_S: Final = 0.5
_SLACK_S: Final = 1.0
_SLACK_SHARE: Final = 0.001
_EXPIRED_S: Final = 1800.0
"""A clock this far ahead may have made the server delete what still matters."""

_abandoned: Final[list[RedisNodes]] = []
"""Connections of a parent process: closing them would end them for the parent, too."""


class RedisStore(ThreadedStore):
    """Buckets on a Redis server from version 6 on, a Valkey server, or a cluster of either.

    Safe to share between threads and event loops; a forked child connects for itself.

    Args:
        url: `redis://user:password@host:port/db`, or `rediss://` for TLS.
        clock: The client's clock.
        cold_start: `full` or `spent`: a bucket that the server has never had.
        server_time: In place of the server's clock, for tests.

    Raises:
        ValueError: `cold_start` is neither.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = system_clock,
        cold_start: ColdStart = "full",
        server_time: Clock | None = None,
    ) -> None:
        spent = starts_spent(cold_start)
        super().__init__(
            RedisBackend(url, clock=clock, spent=spent, server_time=server_time), clock
        )


class _Mark(NamedTuple):
    """The mark of a bucket, which tells whose memory the bucket is in.

    Attributes:
        run: The server's run: another one has started since, or has taken over.
        generation: The generation of the server's memory.
        before: The generation before, whose loss is accounted for.
    """

    run: str = ""
    generation: str = ""
    before: str = ""

    @classmethod
    def decode(cls, data: bytes | None) -> "_Mark":
        parts = (data or b"").decode("ascii", "replace").split(" ")
        return cls(*parts) if len(parts) == len(cls._fields) else cls()


class _Envelope(msgspec.Struct, array_like=True, frozen=True):
    """A state and the clock by which it was stored.

    Attributes:
        data: The state.
        stored_at: When it was stored.
        ahead_s: How far the clock is ahead of the server's, which was set back.
    """

    data: bytes
    stored_at: float
    ahead_s: float


class _Seen(NamedTuple):
    """The last this process has seen of a bucket.

    Attributes:
        generation: The generation of the server's memory.
        now: The server's clock.
        before: The client's clock before the server was asked.
    """

    generation: str
    now: float
    before: float

    def latest(self, now: float) -> float:
        """Return the latest that the server's clock can say, however it was set since."""
        elapsed_s = max(0.0, now - self.before)
        return self.now + elapsed_s * (1.0 + _SLACK_SHARE) + _SLACK_S


class _Version(NamedTuple):
    """A state as it was loaded, for its swap.

    Attributes:
        node: The server, which watches the state's keys.
        ahead_s: See `_Envelope`.
        mark: The mark to write; None if the one on the server is right.
        seen: What the process will have seen once the swap has succeeded.
    """

    node: RedisNode
    ahead_s: float
    mark: _Mark | None
    seen: _Seen


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Envelope).decode


class RedisBackend(StateBackend):
    """States on a Redis server; a conflict is one of WATCH and EXEC.

    Args:
        url: The server's URL.
        clock: The client's clock.
        spent: True if a bucket that the server has never had counts as spent.
        server_time: In place of the server's clock, for tests.
    """

    def __init__(
        self, url: str, *, clock: Clock, spent: bool, server_time: Clock | None = None
    ) -> None:
        self.connector = RedisConnector(url)
        self._clock = clock
        self._spent = spent
        self._server_time = server_time
        self._nodes: RedisNodes | None = None
        self._seen: dict[StateKey, _Seen] = {}
        self._until = 0.0
        self._gone: QuotaStoreError | None = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Give all operations of a batch, together, some seconds for a server that is gone."""
        self._until = time.monotonic() + _RETRY_S
        self._gone = None
        yield

    def load(self, key: StateKey) -> State:
        """See `StateBackend.load`. Connects again for some seconds if the server is gone."""
        pause_s = _PAUSE_S
        while True:
            if self._gone is not None:
                raise self._gone
            try:
                return self._load(key)
            except QuotaStoreError:  # the server is not to be used
                self.close()
                raise
            except Exception as error:  # noqa: BLE001 - redis-py raises of all kinds, when clusters move
                self.close()
                if self.connector.is_permanent(error):
                    raise self.connector.unusable(error) from None
                if time.monotonic() + pause_s >= self._until:
                    self._gone = self.connector.unusable(error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def swap(self, key: StateKey, state: State, data: bytes | None, keep_until: float) -> bool:
        """See `StateBackend.swap`. False as well if the connection was lost in between."""
        version: Any = state.version
        name, *marks = _names(key)
        if data is None:
            commands: list[tuple[Any, ...]] = [("DEL", name)]
        else:
            keep_ms = max(1, math.ceil(1000.0 * (keep_until - state.now)))
            envelope = _encode(_Envelope(data, state.now, version.ahead_s))
            commands = [("SET", name, envelope, "PX", keep_ms)]
        if version.mark is not None:
            commands += [("SET", mark, " ".join(version.mark)) for mark in marks]
        try:
            swapped = version.node.execute(("MULTI",), *commands, ("EXEC",))[-1] is not None
        except Exception as error:  # noqa: BLE001 - redis-py raises of all kinds
            self.close()
            if self.connector.is_permanent(error):
                raise self.connector.unusable(error) from None
            return False
        if swapped and marks:
            self._seen[key] = version.seen
        return swapped

    def close(self) -> None:
        """Close the connections; the next load makes new ones."""
        nodes, self._nodes = self._nodes, None
        if nodes is not None:
            nodes.close()

    def forget_after_fork(self) -> None:
        """Forget the connections: they are those of the parent process."""
        if self._nodes is not None:
            _abandoned.append(self._nodes)
        self._nodes = None
        self._seen = {}

    def _load(self, key: StateKey) -> State:
        if self._nodes is None:
            self._nodes = self.connector.connect()
        names = _names(key)
        node = self._nodes.of(names[0])
        before = self._clock()
        *_, (raw, *marks), server_time = node.execute(
            ("UNWATCH",), ("WATCH", *names), ("MGET", *names), ("TIME",)
        )
        if self._server_time is None:
            seconds, micros = server_time
            server_now = int(seconds) + int(micros) / 1_000_000
        else:
            server_now = self._server_time()
        seen = self._seen.get(key)
        latest = math.inf if seen is None else seen.latest(self._clock())
        try:
            envelope = _decode(raw) if raw is not None else _Envelope(b"", -math.inf, 0.0)
        except msgspec.DecodeError as error:
            raise self.unreadable(key) from error
        # The server's clock goes on from where it was when it is set back, and no faster than
        # this process's own when it is set forward.
        clock = server_now + envelope.ahead_s
        now = max(min(clock, latest), envelope.stored_at)
        ahead_s = envelope.ahead_s + now - clock
        expired = raw is None and clock - latest > _EXPIRED_S
        lost, mark, generation = False, None, ""
        if marks:
            lost, mark, generation = self._check_mark(marks[0], node.run, seen)
        must_save = mark is not None or expired or ahead_s != envelope.ahead_s
        newly_seen = _Seen(generation, now, before)
        if marks and not must_save:
            self._seen[key] = newly_seen
        return State(
            data=None if raw is None else envelope.data,
            now=now,
            lost_at=now if lost or expired else -math.inf,
            must_save=must_save,
            version=_Version(node, ahead_s, mark, newly_seen),
        )

    def _check_mark(
        self, data: bytes | None, run: str, seen: _Seen | None
    ) -> tuple[bool, _Mark | None, str]:
        """Compare a mark with the server and with what this process has seen.

        Returns:
            Whether memory was lost that is not accounted for yet, the mark to write if it is not
            this one, and the generation of the server's memory.
        """
        mark = _Mark.decode(data)
        known = seen is None or seen.generation in {mark.generation, mark.before}
        if mark.run == run and known:
            return False, None, mark.generation
        lost = data is not None or seen is not None or self._spent
        generation, before = mark.generation, mark.before
        if mark.run != run:
            generation, before = uuid.uuid4().hex, generation
        if seen is not None:
            before = seen.generation
        return lost, _Mark(run, generation, before), generation


def _names(key: StateKey) -> tuple[str, ...]:
    """Return the names of a state's key and of its mark, if it has one."""
    if key.kind == "record":
        return (f"{_PREFIX}:record:{key.name}",)
    name = f"{_PREFIX}:{{{key.name}}}"  # braces keep both on one node of a cluster
    return f"{name}:bucket", f"{name}:server"
