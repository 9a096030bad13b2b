"""Operations on stored states: load, change, and swap, once more if another process was faster."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

import attrs
import msgspec

from cliq_async.clock import Clock
from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.bucket import Bucket
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.backend import State, StateBackend, StateKey, StatesLostError
from cliq_async.quota.stores.reboot import assume_spent, rebase
from cliq_async.quota.stores.records import Record

__all__ = ["LoadedBucket", "LoadedRecord", "Operation", "Operations"]

_HOUR_S: Final = 3600.0
_ADAPTED_S: Final = 30 * 24 * _HOUR_S
"""How long a bucket is kept for what locks have taught it alone."""
_CONFLICT_S: Final = 4.0
_MAX_LOSSES: Final = 5
_LEAST_PAUSE_S: Final = 0.0002
_MOST_PAUSE_S: Final = 0.004

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_bucket: Final = msgspec.msgpack.Decoder(Bucket).decode
_decode_record: Final = msgspec.msgpack.Decoder(tuple[str, float]).decode


@attrs.define(eq=False)
class _Loaded:
    """A state between its load and its swap.

    Attributes:
        state: The state as it was loaded.
        before: The client's clock before the load.
        after: The client's clock after it.
        changed: True if the state has to be stored.
    """

    state: State
    before: float
    after: float
    changed: bool = False

    @property
    def now(self) -> float:
        """The moment, on the backend's clock."""
        return self.state.now

    @property
    def shift(self) -> float:
        """The difference to the client's clock, so large that no moment comes too early."""
        return self.after - self.state.now

    def at(self, moment: float) -> float:
        """Convert a past moment of the client's clock, rather too late than too early."""
        return min(self.now, moment - self.before + self.now)


@attrs.define(eq=False)
class LoadedBucket(_Loaded):
    """A bucket between its load and its swap."""

    bucket: Bucket = attrs.field(factory=Bucket, kw_only=True)

    @classmethod
    def of(cls, quota: Quota, state: State, before: float, after: float) -> "LoadedBucket":
        """Decode a bucket, and count what may have been lost as spent.

        Raises:
            msgspec.DecodeError: The bytes are not a bucket.
        """
        bucket = Bucket() if state.data is None else _decode_bucket(state.data)
        if state.restart is not None:
            bucket = rebase(bucket, quota, *state.restart)
        if state.lost_at > -inf:
            bucket = assume_spent(bucket, quota, state.lost_at)
        return cls(state, before, after, bucket=bucket)

    def encode(self) -> tuple[bytes | None, float]:
        """Return the bytes to store, and until when they matter."""
        bucket = self.bucket
        idle_at = max(
            self.now + _ADAPTED_S if bucket.adaptive is not None or bucket.reopening else self.now,
            bucket.returning[-1] if bucket.returning else self.now,
            *bucket.held.values(),
        )
        return _encode(bucket), idle_at + _HOUR_S


@attrs.define(eq=False)
class LoadedRecord(_Loaded):
    """A record between its load and its swap; its moment is one of the backend's clock."""

    record: Record | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def of(cls, state: State, before: float, after: float) -> "LoadedRecord":
        """Decode a record. One of a clock before this one is gone, as is the process that left it.

        Raises:
            msgspec.DecodeError: The bytes are not a record.
        """
        record = None
        if state.data is not None and state.restart is None:
            record = Record(*_decode_record(state.data))
        if record is not None and record.until <= state.now:
            record = None
        return cls(state, before, after, record=record)

    def replace(self, text: str, until: float) -> None:
        """Put another text in place of the record, until a moment of the client's clock."""
        self.record = Record(text, until - self.before + self.now)
        self.changed = True

    def encode(self) -> tuple[bytes | None, float]:
        """Return the bytes to store, and until when they matter."""
        if self.record is None:
            return None, self.now
        return _encode((self.record.text, self.record.until)), self.record.until


@attrs.frozen
class Operation:
    """A change of one state.

    Attributes:
        key: The state's key.
        decode: Makes a loaded bucket or record of a state and two readings of the client's clock.
        change: Changes it and returns the operation's result. Called again after a conflict.
    """

    key: StateKey
    decode: Callable[[State, float, float], Any]
    change: Callable[[Any], Any]


class Operations:
    """Operations on a backend, for a worker thread to run.

    Args:
        backend: Where the states are kept.
        clock: The client's clock.
    """

    def __init__(self, backend: StateBackend, clock: Clock) -> None:
        self.error = QuotaStoreError
        self.backend = backend
        self._clock = clock
        self._last_key: StateKey | None = None

    def check(self) -> None:
        """Load a state, as a look whether the backend can be used.

        Raises:
            Exception: It cannot.
        """
        if self._last_key is not None:
            with self.backend.batch():
                self.backend.load(self._last_key)

    def run(self, operations: Sequence[Operation]) -> list[Any]:
        """Run operations, those on one state with one swap.

        Returns:
            Each operation's result, or the exception that it failed with. An operation that failed
            may have been done all the same, and may be run again.
        """
        for _ in range(_MAX_LOSSES):
            with suppress(StatesLostError):
                return self._run(operations)
        lost = QuotaStoreError(
            "the quota store disappears repeatedly: find the program that removes it"
        )
        return [lost] * len(operations)

    def _run(self, operations: Sequence[Operation]) -> list[Any]:
        by_key: dict[StateKey, list[int]] = {}
        for place, operation in enumerate(operations):
            by_key.setdefault(operation.key, []).append(place)
        results: list[Any] = [None] * len(operations)
        self._last_key = operations[-1].key
        try:
            with self.backend.batch():
                for key, places in by_key.items():
                    try:
                        found = self._update(key, [operations[place] for place in places])
                    except QuotaStoreError as error:
                        found = [error] * len(places)
                    for place, result in zip(places, found, strict=True):
                        results[place] = result
        except StatesLostError:
            raise
        except Exception as error:  # noqa: BLE001 - a backend raises whatever its driver does
            failure = error if isinstance(error, CliqError) else _failure(error)
            return [failure] * len(operations)
        return results

    def close(self) -> None:
        """Close the backend; the next operation opens it again."""
        self.backend.close()

    def before_fork(self) -> None:
        """Close the backend: its connection must not be inherited."""
        self.backend.close()

    def forget_after_fork(self) -> None:
        """Forget the backend's connection, which is that of the parent process."""
        self.backend.forget_after_fork()

    def _update(self, key: StateKey, operations: list[Operation]) -> list[Any]:
        until = time.monotonic() + _CONFLICT_S
        pause_s = _LEAST_PAUSE_S
        while True:
            before = self._clock()
            state = self.backend.load(key)
            try:
                loaded = operations[0].decode(state, before, self._clock())
            except msgspec.DecodeError as error:
                raise self.backend.unreadable(key) from error
            results = [operation.change(loaded) for operation in operations]
            if not loaded.changed and not state.must_save:
                return results
            if self.backend.swap(key, state, *loaded.encode()):
                return results
            if time.monotonic() >= until:
                raise QuotaStoreError(
                    f"other processes have changed {key.name!r} for {_CONFLICT_S:g} s without a "
                    "pause, so that this one could not; use fewer processes, or a faster server"
                )
            time.sleep(random.uniform(0.0, pause_s))
            pause_s = min(2.0 * pause_s, _MOST_PAUSE_S)


def _failure(error: Exception) -> QuotaStoreError:
    failure = QuotaStoreError(f"the quota store failed: {error}")
    failure.__cause__ = error
    return failure
