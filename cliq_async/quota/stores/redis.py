"""`redis://host:port/db`: buckets that several hosts share.

The pure bucket decides, between WATCH and EXEC, by the server's clock. A mark beside each bucket,
which never expires, tells an idle server from one that has lost its memory by a restart, a
failover or FLUSHALL; what it had then counts as spent for a window.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from cliq_async.clock import Clock, system_clock
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.backend import State, StateBackend, StateKey
from cliq_async.quota.stores.base import ColdStart, starts_spent
from cliq_async.quota.stores.redis_memory import Mark, Seen, check_mark
from cliq_async.quota.stores.redis_server import RedisConnector, RedisNode, RedisNodes
from cliq_async.quota.stores.threaded import ThreadedStore
from cliq_async.storage.redis import RedisAddress

__all__ = ["RedisBackend", "RedisStore"]

_PREFIX: Final = "cliq_async:1"
"""With the version of what the keys hold."""
_MEMORY: Final = f"{_PREFIX}:memory"
_RETRY_S: Final = 4.0
_PAUSE_S: Final = 0.05
_MOST_PAUSE_S: Final = 0.5
_IDLE_S: Final = 1.0
_EXPIRED_S: Final = 1800.0
"""A clock this far ahead may have made the server delete what still matters."""

_abandoned: Final[list[RedisNodes]] = []
"""Connections of a parent process: closing them would end them for the parent, too."""


class RedisStore(ThreadedStore):
    """Buckets on a Redis server from version 6 on, a Valkey server, or a cluster of either.

    Safe to share between threads and event loops; a forked child connects for itself.

    Args:
        url: `redis://user:password@host:port/db`, or another form that `RedisAddress` knows.
        clock: The client's clock.
        cold_start: `full` or `spent`: a bucket that the server has never had.
        server_time: In place of the server's clock, for tests.

    Raises:
        ValueError: The URL names no server, or `cold_start` is neither.
    """

    def __init__(
        self,
        url: str | RedisAddress,
        *,
        clock: Clock = system_clock,
        cold_start: ColdStart = "full",
        server_time: Clock | None = None,
    ) -> None:
        spent = starts_spent(cold_start)
        self._address = RedisAddress.parse(url) if isinstance(url, str) else url
        super().__init__(
            RedisBackend(self._address, clock=clock, spent=spent, server_time=server_time), clock
        )

    def __repr__(self) -> str:
        """Return the server; nothing secret."""
        return f"<{type(self).__name__} {self._address}>"


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
    mark: Mark | None
    seen: Seen


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Envelope).decode


class RedisBackend(StateBackend):
    """States on a Redis server; a conflict is one of WATCH and EXEC.

    Args:
        address: The server's address.
        clock: The client's clock.
        spent: True if a bucket that the server has never had counts as spent.
        server_time: In place of the server's clock, for tests.
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        clock: Clock,
        spent: bool,
        server_time: Clock | None = None,
    ) -> None:
        self.connector = RedisConnector(address)
        self._clock = clock
        self._spent = spent
        self._server_time = server_time
        self._nodes: RedisNodes | None = None
        self._seen: dict[StateKey, Seen] = {}
        self._until = 0.0
        self._used_at = 0.0
        self._memory_since = -math.inf
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
            self._memory_since = self._find_memory_since(self._nodes)
        elif time.monotonic() >= self._used_at + _IDLE_S:
            self._nodes.refresh()  # this process, or the server, may have slept through a failover
        self._used_at = time.monotonic()
        names = _names(key)
        node = self._nodes.of(names[0])
        before = self._clock()
        *_, (raw, *marks), server_time = node.execute(
            ("UNWATCH",), ("WATCH", *names), ("MGET", *names), ("TIME",)
        )
        server_now = self._server_now(server_time)
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
            if Mark.decode(marks[0]).memory_id not in {"", node.memory_id}:
                node.refresh()  # others may have noticed a failover behind this connection
            lost, mark, generation = check_mark(marks[0], node.memory_id, seen)
            lost = lost or (self._spent and mark is not None)
        lost_at = now if lost or expired else -math.inf
        if marks and marks[0] is None and seen is None:  # new, unless it was lost with its mark
            lost_at = max(lost_at, min(now, self._memory_since))
        must_save = mark is not None or expired or ahead_s != envelope.ahead_s
        newly_seen = Seen(generation, now, before)
        if marks and not must_save:
            self._seen[key] = newly_seen
        return State(
            data=None if raw is None else envelope.data,
            now=now,
            lost_at=lost_at,
            must_save=must_save,
            version=_Version(node, ahead_s, mark, newly_seen),
        )

    def _server_now(self, server_time: Sequence[bytes]) -> float:
        if self._server_time is not None:
            return self._server_time()
        seconds, micros = server_time
        return int(seconds) + int(micros) / 1_000_000

    def _find_memory_since(self, nodes: RedisNodes) -> float:
        """Return since when a server has had its memory; -inf if there was no other before.

        A bucket that was new just before a failover may be lost together with its mark.
        """
        node = nodes.by_name.get("")
        if node is None:
            return -math.inf  # of a cluster, no key is sure to be on a certain node
        data, server_time = node.execute(("GET", _MEMORY), ("TIME",))
        memory_id, _, since = (data or b"").decode("ascii", "replace").partition(" ")
        if memory_id == node.memory_id:
            return float(since)
        found = -math.inf if data is None else self._server_now(server_time)
        node.execute(("SET", _MEMORY, f"{node.memory_id} {found!r}"))
        return found


def _names(key: StateKey) -> tuple[str, ...]:
    """Return the names of a state's key and of its mark, if it has one."""
    if key.kind == "record":
        return (f"{_PREFIX}:record:{key.name}",)
    name = f"{_PREFIX}:{{{key.name}}}"  # braces keep both on one node of a cluster
    return f"{name}:bucket", f"{name}:server"
