"""`redis://host:port/db`: buckets that several hosts share.

Each step is one call of a script, `bucket.lua`, which runs on the server and by its clock. A
server that has lost what it knew, by a start, by a failover or because somebody emptied it, is
told from an idle one by a mark that lasts; its buckets then count as spent for a window.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from cliq_async.clock import Clock, system_clock
from cliq_async.quota.model import (
    Denied,
    Key,
    Lane,
    Lock,
    QueueId,
    Quota,
    Snapshot,
    TokenId,
    TokenOutcome,
)
from cliq_async.quota.stores.base import ColdStart, starts_spent
from cliq_async.quota.stores.records import Record
from cliq_async.quota.stores.redis_scripts import AnyStep, RecordCall, RedisScripts, ScriptCall
from cliq_async.quota.stores.threaded import ThreadedStore

__all__ = ["RedisRecords", "RedisStore"]

_ASK_AGAIN_S: Final = 1.0
"""How long a line sleeps at the most: what another process gives back early, nobody tells it."""


class RedisRecords(ThreadedStore[AnyStep]):
    """Notes on a server; see `Notes`."""

    async def get_record(self, name: str) -> Record | None:
        """See `Notes.get_record`."""
        asked_at = self.clock()  # the server looked after that, so the note is gone the sooner

        def done(answer: dict[str, Any]) -> Record | None:
            return Record(answer["text"], asked_at + answer["left_s"]) if answer["found"] else None

        note: Record | None = await self._worker.call(RecordCall("read", name, done=done))
        return note

    async def add_record(self, name: str, text: str, *, until: float) -> bool:
        """See `Notes.add_record`."""
        step = RecordCall("claim", name, text, until, lambda answer: answer["done"])
        claimed: bool = await self._worker.call(step)
        return claimed

    def set_record(self, name: str, text: str, *, until: float) -> None:
        """See `Notes.set_record`."""
        self._worker.submit(RecordCall("put", name, text, until))

    def delete_record(self, name: str, text: str) -> None:
        """See `Notes.delete_record`."""
        self._worker.submit(RecordCall("drop", name, text))


class RedisStore(RedisRecords):
    """Buckets on a Redis server from version 6 on, a Valkey server, or a cluster of either.

    All talk to the server is a thread's, so that no event loop waits for it. Safe to share
    between threads and event loops; a forked child makes a connection of its own.

    Args:
        url: `redis://user:password@host:port/db`, or `rediss://` for TLS.
        clock: The client's clock.
        cold_start: Whether a server that has never had a bucket counts it as full or as spent.
        server_time: In place of the server's clock, for tests.

    Raises:
        ValueError: There is no such cold start.
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
        ledger = RedisScripts(url, clock=clock, spent=spent, server_time=server_time)
        self._taken_at: dict[TokenId, float] = {}
        super().__init__(ledger, clock)

    async def take(
        self,
        quota: Quota,
        token: TokenId,
        *,
        lease_s: float,
        reserve: int = 0,
        lane: Lane = Lane.INTERACTIVE,
        queue_id: QueueId | None = None,
        waiters: int = 1,
    ) -> float | Denied:
        """See `QuotaStore.take`."""
        asked_at = self.clock()

        def done(answer: dict[str, Any], at: float) -> float | Denied:
            now = answer["now"]
            if answer["taken"]:
                self._taken_at[token] = now
                return asked_at  # it was taken after that: its request has to leave the sooner
            earliest, retry_at, retry_many_at = (
                answer[name] - now + at for name in ("earliest", "again_at", "several_at")
            )
            return Denied(earliest, retry_at, retry_many_at, answer["locked"])

        arguments: dict[str, Any] = {
            "token": self._own(token),
            "lease_s": lease_s,
            "reserve": reserve,
            "bulk": lane is Lane.BULK,
            "people": waiters,
            "longest_s": _ASK_AGAIN_S,
        }
        if queue_id is not None:
            arguments["asker"] = self._own(queue_id)
        got: float | Denied = await self._worker.call(
            ScriptCall("take", quota, arguments, asked_at, done)
        )
        return got

    def end(self, quota: Quota, token: TokenId, ending: TokenOutcome) -> None:
        """See `QuotaStore.end`."""
        self._taken_at.pop(token, None)

        def done(answer: dict[str, Any], _at: float) -> None:
            self._taken_at.pop(token, None)  # its take may have been answered after that
            if answer["sooner"]:
                self._watchers.notify(quota.key)

        arguments = {"token": self._own(token), "ending": ending.value}
        self._worker.submit(ScriptCall("end", quota, arguments, self.clock(), done))

    async def refuse(
        self, quota: Quota, token: TokenId, *, taken_at: float, wait_s: float | None
    ) -> Lock:
        """See `QuotaStore.refuse`."""

        def done(answer: dict[str, Any], at: float) -> Lock:
            self._watchers.notify(quota.key)
            until = answer["until"] - answer["now"] + at
            return Lock(until, answer["first"], answer["capacity"])

        arguments: dict[str, Any] = {
            "token": self._own(token),
            # On the server's clock, as it was told when it was taken.
            "taken_at": self._taken_at.pop(token, taken_at),
        }
        if wait_s is not None:
            arguments["wait_s"] = wait_s
        step = ScriptCall("refuse", quota, arguments, self.clock(), done)
        lock: Lock = await self._worker.call(step, lasting=True)
        return lock

    async def snapshots(self, quotas: Iterable[Quota]) -> list[Snapshot]:
        """See `QuotaStore.snapshots`."""
        now = self.clock()
        steps = [ScriptCall("look", quota, {}, now, _snapshot_of(quota)) for quota in quotas]
        return await self._worker.call_all(steps)

    async def clear(self, quotas: Iterable[Quota]) -> None:
        """See `QuotaStore.clear`."""
        now = self.clock()
        await self._worker.call_all(
            ScriptCall("clear", quota, {}, now, self._cleared(quota.key)) for quota in quotas
        )

    def _cleared(self, key: Key) -> Callable[[dict[str, Any], float], None]:
        return lambda _answer, _at: self._watchers.notify(key)

    def _forked(self) -> None:
        super()._forked()
        self._taken_at = {}


def _snapshot_of(quota: Quota) -> Callable[[dict[str, Any], float], Snapshot]:
    def done(answer: dict[str, Any], at: float) -> Snapshot:
        shift = at - answer["now"]
        probe_until = answer.get("probe_until")
        return Snapshot(
            now=at,
            threshold=quota.threshold,
            capacity=answer["capacity"],
            leases=tuple(end + shift for end in answer["leases"]),
            returns=tuple(back_at + shift for back_at in answer["returns"]),
            period_s=answer["period_s"],
            locked_until=answer["locked_until"] + shift,
            reopening=answer["reopening"],
            probe_until=None if probe_until is None else probe_until + shift,
            waiting=answer["waiting"],
        )

    return done
