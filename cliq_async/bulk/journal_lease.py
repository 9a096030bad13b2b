"""The lease on a journal on a Redis server, and the fence around its transactions.

One program at a time runs a job. It holds a lease, a key that expires, and renews it. The fence is
not the lease but the runner and the revision in the journal itself: each transaction compares both
between WATCH and EXEC. So a program that was stopped for longer than its lease writes nothing once
another one has taken over, and as it sends nothing that it has not written, it sends nothing. The
revision also shows that a server has lost its latest records.
"""

import math
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec

from cliq_async.bulk.journal_server import JournalServer
from cliq_async.bulk.journal_store import JobIdentity, LeaseHeldError, wall_time
from cliq_async.clock import Clock
from cliq_async.errors import JournalError, utc_text
from cliq_async.quota.stores.redis_server import RedisNode

__all__ = ["Command", "JournalLease"]

Command = tuple[Any, ...]
"""A command of Redis and its arguments."""

_FORMAT: Final = "1"
_DISK_S: Final = 1.5
"""The longest that the server may take to write to its disk, in real seconds."""
_WAITS_FOR_DISK: Final = (7, 2)
"""The first version of Redis with WAITAOF. Valkey, whatever its own version, gives one, too."""
_ASK_CLIQ: Final = "check Cliq's message history for who was reached"


class _Holder(msgspec.Struct, frozen=True):
    """The value of a lease.

    Attributes:
        runner: The id of the run.
        name: The process and the host, for people.
    """

    runner: str
    name: str


class _Recorded(NamedTuple):
    """The state of a journal when a program asks for it."""

    format: str | None
    revision: str | None
    last_key: str | None
    damage: str | None
    begun: str | None


class JournalLease:
    """The right of one program to run a job, and to write its journal.

    Args:
        server: The server of the journal.
        identity: The job to which the journal belongs.
        lease_s: The time after which another program may take over, in real seconds.
        clock: The clock of this process.

    Attributes:
        last_key: The highest number of a batch when the journal was acquired.
        begun: The time at which the job began; None in journals of earlier versions.
        until: The time, on the clock, before which no other program can run the job.
        lost: The error that ended the lease for good, or None.
    """

    def __init__(
        self, server: JournalServer, identity: JobIdentity, lease_s: float, clock: Clock
    ) -> None:
        since = utc_text(datetime.now(UTC))
        name = f"process {os.getpid()} on host {socket.gethostname()} (since {since})"
        self._server = server
        self._identity = identity
        self._lease_s = lease_s
        self._clock = clock
        self._holder = _Holder(uuid4().hex, name)
        self._revision: int | None = None
        self._in_doubt = False
        self._seen_ms: int | None = None
        self.last_key = 0
        self.begun: str | None = None
        self.until = -math.inf
        self.lost: JournalError | None = None

    def acquire(self) -> None:
        """Become the runner of the job, if this program is not yet and no living program is.

        Raises:
            LeaseHeldError: The holder may be dead. It is, if its lease runs out.
            JournalError: The journal cannot be used for this job.
        """
        while self._revision is None:
            self._server.call(self._try_acquire)

    def commit(self, commands: Sequence[Command], last_key: int, *, to_disk: bool) -> None:
        """Write to the journal in one transaction, and renew the lease.

        Args:
            commands: The commands that write. They may be executed twice.
            last_key: The highest number of a batch.
            to_disk: True to wait until the server has written to its disk, if it can say so.

        Raises:
            JournalError: Nothing was written, or the server does not say.
        """
        while not self._server.call(
            lambda node: self._try_commit(node, commands, last_key, to_disk)
        ):
            pass

    def release(self) -> None:
        """Let other programs have the journal at once. Errors are ignored: the lease runs out."""
        self.until = -math.inf
        if self._revision is not None and self.lost is None:
            self._server.try_once(self._try_release)

    def _try_acquire(self, node: RedisNode) -> None:
        server, expected = self._server, self._identity.to_rows()
        self._check_server(node.info)
        asked_at = self._clock()
        *_, lease, left_ms, has_rows, values = node.execute(
            ("UNWATCH",),
            ("WATCH", server.meta, server.lease),
            ("GET", server.lease),
            ("PTTL", server.lease),
            ("HLEN", server.batches),
            ("HMGET", server.meta, *_Recorded._fields, *expected),
        )
        self._check_holder(lease, int(left_ms))
        texts = [None if value is None else value.decode() for value in values]
        recorded = _Recorded(*texts[: len(_Recorded._fields)])
        self._check_recorded(recorded, has_rows=bool(has_rows))
        if has_rows and recorded.revision is not None:
            job = dict(zip(expected, texts[len(_Recorded._fields) :], strict=True))
            self._identity.check(job, server.place)
        revision = int(recorded.revision or 0) + 1
        begun = recorded.begun if has_rows else wall_time()
        meta = {"format": _FORMAT, "runner": self._holder.runner, "revision": revision, **expected}
        if begun is not None:
            meta["begun"] = begun
        committed = node.execute(
            ("MULTI",),
            ("HSET", server.meta, *_pairs(meta)),
            ("HDEL", server.meta, "damage"),
            self._set_lease,
            ("EXEC",),
        )[-1]
        if committed is not None:
            self._revision = revision
            self.last_key = int(recorded.last_key or 0)
            self.begun = begun
            self.until = asked_at + self._lease_s

    def _try_commit(
        self,
        node: RedisNode,
        commands: Sequence[Command],
        last_key: int,
        to_disk: bool,  # noqa: FBT001 - private
    ) -> bool:
        server = self._server
        asked_at = self._clock()
        *_, (runner, found), lease = node.execute(
            ("UNWATCH",),
            ("WATCH", server.meta),
            ("HMGET", server.meta, "runner", "revision"),
            ("GET", server.lease),
        )
        self._revision = self._check_fence(node, runner, found, lease)
        self._in_doubt = True
        waits = to_disk and _waits_for_disk(node.info)
        revision = self._revision + 1
        answers = node.execute(
            ("MULTI",),
            *commands,
            ("HSET", server.meta, "revision", revision, "last_key", last_key),
            self._set_lease,
            ("EXEC",),
            *([("WAITAOF", 1, 0, math.ceil(1000 * _DISK_S))] if waits else []),
        )
        if answers[-2 if waits else -1] is None:
            return False  # another program has taken over, which the fence will show
        if waits and int(answers[-1][0]) < 1:
            raise TimeoutError(f"it has not written to its disk for {_DISK_S:g} s")
        self._revision, self._in_doubt = revision, False
        self.until = asked_at + self._lease_s
        return True

    def _try_release(self, node: RedisNode) -> None:
        lease = self._server.lease
        *_, value = node.execute(("UNWATCH",), ("WATCH", lease), ("GET", lease))
        if value == msgspec.json.encode(self._holder):
            node.execute(("MULTI",), ("DEL", lease), ("EXEC",))

    @property
    def _set_lease(self) -> Command:
        value = msgspec.json.encode(self._holder)
        return ("SET", self._server.lease, value, "PX", math.ceil(1000 * self._lease_s))

    def _check_server(self, info: Mapping[str, Any]) -> None:
        """Raise a `JournalError` if the server may lose the journal."""
        if self._server.place.accept_loss:
            return
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if info.get("maxmemory") and policy != "noeviction":
            why = f"evicts keys when its memory is full (maxmemory-policy {policy})"
            remedy = "set it to noeviction"
        elif "aof_enabled" not in info:
            why = "does not say if it writes each change to disk"
            remedy = "use one that does"
        elif not info["aof_enabled"]:
            why = "does not write each change to disk (appendonly is no)"
            remedy = "set appendonly to yes"
        else:
            return
        raise JournalError(
            f"{self._server.place}: the server {why}, so it may lose records of who was reached, "
            f"and they would get the message again; {remedy}, or accept that with "
            "?accept_loss=yes in the URL (also for a managed server whose storage is durable in "
            "another way)"
        )

    def _check_holder(self, lease: bytes | None, left_ms: int) -> None:
        if lease is None:
            return
        holder = msgspec.json.decode(lease, type=_Holder)
        if holder.runner == self._holder.runner:  # the answer to an earlier attempt was lost
            return
        before, self._seen_ms = self._seen_ms, left_ms
        in_use = f"{self._server.place} is in use: {holder.name} runs this job"
        if before is not None and left_ms > before:  # renewed: it is alive
            raise JournalError(in_use)
        left_s = math.ceil(left_ms / 1000)
        raise LeaseHeldError(f"{in_use}, or has died: waiting until its lease ends in {left_s} s")

    def _check_recorded(self, recorded: _Recorded, *, has_rows: bool) -> None:
        place = self._server.place
        damage = recorded.damage
        if has_rows and recorded.revision is None:
            damage = damage or "the server has lost a part of the journal"
        if damage is not None and not place.accept_loss:
            raise JournalError(
                f"{place}: {damage}; {_ASK_CLIQ}. With another name, a new journal "
                "begins; with ?accept_loss=yes in the URL, the job goes on with the rest of "
                "this one"
            )
        if recorded.revision is None and place.must_exist:
            raise JournalError(
                f"{place}: there is no such journal; if the job was begun, the server has lost it: "
                f"{_ASK_CLIQ}. Without must_exist=yes in the URL, a new journal begins"
            )
        if recorded.format not in {_FORMAT, None}:
            raise JournalError(f"{place} was written by a later version of cliq_async: upgrade it")

    def _check_fence(
        self, node: RedisNode, runner: bytes | None, found: bytes | None, lease: bytes | None
    ) -> int:
        """Return the revision of the journal, if it is as this program left it.

        Raises:
            JournalError: It is not, and this program must not go on.
        """
        if self._revision is None:
            raise RuntimeError("the journal is acquired before it is written")
        is_mine = runner is not None and runner.decode() == self._holder.runner
        revision = None if found is None else int(found)
        # A transaction whose answer was lost may have been executed.
        if is_mine and revision in {self._revision, self._revision + self._in_doubt}:
            return revision or 0
        place = self._server.place
        if not is_mine and revision is not None and revision > self._revision:
            taker = msgspec.json.decode(lease, type=_Holder).name if lease else "another program"
            self.lost = JournalError(
                f"{place}: {taker} has taken over this job, as this program had not renewed its "
                f"lease for {self._lease_s:g} s; this one sends nothing any more"
            )
        else:
            what = "the journal" if revision is None else "the latest records of the journal"
            damage = f"the server has lost {what}: it was restarted, replaced or flushed"
            self._record_damage(node, damage)
            self.lost = JournalError(f"{place}: {damage}; {_ASK_CLIQ}")
        raise self.lost

    def _record_damage(self, node: RedisNode, damage: str) -> None:
        """Keep a later run from taking what is left for the whole journal."""
        seen_at = utc_text(datetime.now(UTC))
        set_damage = ("HSET", self._server.meta, "damage", f"{damage} (seen at {seen_at})")
        self._server.try_once(lambda _: node.execute(("MULTI",), set_damage, ("EXEC",)))


def _pairs(mapping: Mapping[str, object]) -> list[Any]:
    return [each for pair in mapping.items() for each in pair]


def _waits_for_disk(info: Mapping[str, Any]) -> bool:
    version = tuple(int(part) for part in str(info.get("redis_version", "0.0")).split(".")[:2])
    return bool(info.get("aof_enabled")) and version >= _WAITS_FOR_DISK
