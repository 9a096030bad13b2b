"""A journal on a Redis server, which outlives the host of its job."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self

import attrs
import msgspec

from cliq_async.bulk.job_log import Known
from cliq_async.bulk.journal_lease import Command, JournalLease
from cliq_async.bulk.journal_reader import JournalSummary
from cliq_async.bulk.journal_server import JournalServer
from cliq_async.bulk.journal_store import (
    PROGRAM_DIED,
    Begun,
    JobIdentity,
    RedisPlace,
    Row,
    recorded_outcome,
)
from cliq_async.bulk.report import Outcome
from cliq_async.clock import Clock, system_clock
from cliq_async.errors import JournalError

__all__ = ["LEASE_S", "RedisJournal", "iter_rows", "read_outcomes", "read_summary"]

LEASE_S: Final = 15.0
"""The time after which another program may take over a job, in real seconds."""
_RENEWALS: Final = 3
_CHUNK: Final = 200


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """A row as it is stored, without its key."""

    position: int | None
    digest: bytes
    size: int
    status: str
    ids: str | None
    content: bytes
    reason: str
    code: str | None


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(_Stored).decode
_unpack_skipped: Final = msgspec.msgpack.Decoder(tuple[int, str, str]).decode


class RedisJournal:
    """A journal on a server that is open for writing.

    Args:
        place: The place of the journal.
        identity: The job to which it belongs.
        lease_s: The time after which another program may take over, in real seconds.
        clock: The clock of this process.
    """

    error = JournalError

    def __init__(
        self,
        place: RedisPlace,
        identity: JobIdentity,
        *,
        lease_s: float,
        clock: Clock = system_clock,
    ) -> None:
        self.place = place
        self.renew_s: float | None = lease_s / _RENEWALS
        self._identity = identity
        self._lease_s = lease_s
        self._clock = clock
        self._server = JournalServer(place)
        self._lease = JournalLease(self._server, identity, lease_s, clock)
        self._last_key = 0
        self._writes: list[Command] = []
        self._must_commit = False
        self._to_disk = False

    def run(self, operations: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run operations, and write what they put in one transaction.

        Returns the result of each, or the exception it raised. An operation that raises writes
        nothing, and the others run without it.
        """
        if self._lease.lost is not None:
            return [self._lease.lost] * len(operations)
        self._server.allow_retries()
        self._writes, self._must_commit, self._to_disk = [], False, False
        results: list[Any] = []
        try:
            self._lease.acquire()
            self._last_key = max(self._last_key, self._lease.last_key)
            for operation in operations:
                before = len(self._writes)
                try:
                    results.append(operation())
                except JournalError:
                    raise
                except Exception as error:  # noqa: BLE001 - the caller gets it
                    del self._writes[before:]
                    results.append(error)
            if self._writes or self._must_commit:
                self._lease.commit(self._writes, self._last_key, to_disk=self._to_disk)
        except JournalError as error:
            return [error] * len(operations)
        return results

    def close(self) -> None:
        """Release the lease and close the connection."""
        self._lease.release()
        self._server.close()

    def before_fork(self) -> None:
        """Close the connection. The lease stays: this program goes on with the job."""
        self._server.close()

    def forget_after_fork(self) -> None:
        """Forget the connection and the lease: they are those of the parent process."""
        self._server.forget_after_fork()
        self._lease = JournalLease(self._server, self._identity, self._lease_s, self._clock)

    def begin(self) -> Begun:
        """See `JournalStore.begin`."""
        self._writes.append(("DEL", self._server.skipped))  # this run reads them again
        totals: Counter[str] = Counter()
        sizes: dict[int, int] = {}
        batches = 0
        for row in iter_rows(self._server, self._last_key):
            status = row.status
            if status == "sending":
                status = "unknown"
                self.put(attrs.evolve(row, status=status, reason=PROGRAM_DIED))
            totals[status] += row.size
            if row.position is not None:
                batches = max(batches, row.position + 1)
                if row.size != self._identity.batch_size:
                    sizes[row.position] = row.size
        del totals["split"]
        return Begun(self._last_key, Known(batches, sizes), totals, self._lease.begun)

    def digests(self, first: int, last: int) -> dict[int, bytes]:
        """See `JournalStore.digests`."""
        positions = range(first, last + 1)
        (found,) = self._server.execute(("HMGET", self._server.positions, *positions))
        return {key: digest for key, digest in zip(positions, found, strict=True) if digest}

    def unfinished(self, statuses: Sequence[str]) -> list[Row]:
        """See `JournalStore.unfinished`."""
        return [row for row in iter_rows(self._server, self._last_key) if row.status in statuses]

    def put(self, row: Row) -> None:
        """See `JournalStore.put`."""
        _key, *stored = attrs.astuple(row, recurse=False)
        self._writes.append(("HSET", self._server.batches, row.key, _pack(_Stored(*stored))))
        if row.position is not None:
            self._writes.append(("HSET", self._server.positions, row.position, row.digest))
        self._last_key = max(self._last_key, row.key)
        self._to_disk |= row.status == "sending"

    def finish(self, row: Row) -> None:
        """See `JournalStore.finish`."""
        self.put(row)

    def delete(self, row: Row) -> None:
        """See `JournalStore.delete`."""
        self._writes.append(("HDEL", self._server.batches, row.key))
        if row.position is not None:
            self._writes.append(("HDEL", self._server.positions, row.position))

    def add_skipped(self, items: Sequence[tuple[int, str, str]]) -> None:
        """See `JournalStore.add_skipped`."""
        pairs = [value for item in items for value in (item[0], _pack(item))]
        self._writes.append(("ZADD", self._server.skipped, *pairs))

    def renew(self) -> None:
        """See `JournalStore.renew`."""
        self._must_commit = True

    def sendable_s(self) -> float:
        """See `JournalStore.sendable_s`."""
        return self._lease.until - self._clock()


def iter_rows(server: JournalServer, last_key: int) -> Iterator[Row]:
    """Yield the rows by their keys, a chunk in memory at a time."""
    for first in range(1, last_key + 1, _CHUNK):
        keys = range(first, min(first + _CHUNK, last_key + 1))
        (found,) = server.execute(("HMGET", server.batches, *keys))
        for key, data in zip(keys, found, strict=True):
            if data is not None:
                yield Row(key, *msgspec.structs.astuple(_unpack(data)))


def read_summary(place: RedisPlace) -> JournalSummary:
    """Return the summary of a journal. Its job may be running.

    Raises:
        JournalError: The journal does not exist or cannot be read.
    """
    with _Reader(place) as reader:
        totals: Counter[str] = Counter()
        for row in iter_rows(reader.server, reader.last_key):
            totals[row.status] += row.size
        (skipped,) = reader.server.execute(("ZCARD", reader.server.skipped))
        return JournalSummary.from_totals(reader.job, totals, skipped)


def read_outcomes(place: RedisPlace, *, delivered: bool = False) -> Iterator[Outcome]:
    """Yield the failed, unknown and skipped outcomes, and with `delivered` those as well.

    Raises:
        JournalError: The journal does not exist or cannot be read.
    """
    statuses = {"failed", "unknown", "sending"} | ({"delivered"} if delivered else set())
    with _Reader(place) as reader:
        server = reader.server
        for row in iter_rows(server, reader.last_key):
            if row.status in statuses and row.ids is not None:
                yield recorded_outcome(row.ids, row.status, row.reason, row.code)
        start = 0
        while True:
            (page,) = server.execute(("ZRANGE", server.skipped, start, start + _CHUNK - 1))
            for data in page:
                _, item, reason = _unpack_skipped(data)
                yield Outcome((item,), "skipped", reason)
            start += _CHUNK
            if len(page) < _CHUNK:
                return


class _Reader:
    """A journal that is open for reading.

    Attributes:
        server: Its server.
        job: The properties of its job.
        last_key: The highest number of a batch.
    """

    def __init__(self, place: RedisPlace) -> None:
        self.server = JournalServer(place)
        self.job: dict[str, str] = {}
        self.last_key = 0

    def __enter__(self) -> Self:
        server = self.server
        server.allow_retries()
        names = ("revision", "last_key", "damage", "begun", *attrs.fields_dict(JobIdentity))
        (found,) = server.execute(("HMGET", server.meta, *names))
        meta = {
            name: value.decode()
            for name, value in zip(names, found, strict=True)
            if value is not None
        }
        if meta.pop("revision", None) is None:
            server.close()
            raise JournalError(f"{server.place}: {meta.get('damage', 'there is no such journal')}")
        self.last_key = int(meta.pop("last_key", 0))
        meta.pop("damage", None)
        self.job = meta
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
