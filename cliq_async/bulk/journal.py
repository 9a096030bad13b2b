"""The journal: a job log in a file or on a Redis server. A job started again with it resumes."""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import Counts, Known, Part, Status
from cliq_async.bulk.journal_reader import JournalOutcomes
from cliq_async.bulk.journal_store import (
    Begun,
    JobIdentity,
    JournalPlace,
    JournalStore,
    LeaseHeldError,
    RedisPlace,
    Row,
    parse_place,
)
from cliq_async.bulk.report import JournalStart
from cliq_async.errors import JournalError, ValidationError
from cliq_async.storage.worker import WorkerThread

__all__ = ["Journal"]

_log = logging.getLogger("cliq_async")

_LEASE_POLL_S: Final = 0.25

_RECIPIENTS_DIFFER: Final = (
    "the recipients or messages differ from those the job began with; excluded ids and templates "
    "must stay the same as well"
)


class Journal:
    """A job log that outlives its job.

    Args:
        journal: The file, or the URL of a journal on a Redis server.
        identity: The job to which it belongs.
        resend_unknown: Send again to recipients who may or may not have been reached.

    Raises:
        ValidationError: The URL does not name a journal on a server.
    """

    def __init__(
        self,
        journal: str | os.PathLike[str],
        identity: JobIdentity,
        *,
        resend_unknown: bool = False,
    ) -> None:
        self.counts = Counts()
        self._resend_unknown = resend_unknown
        self._store = _open_store(parse_place(journal), identity)
        self._worker: WorkerThread[Any] = WorkerThread(self._store, _after_fork)
        self._renewal: asyncio.Task[None] | None = None
        self._keys = count(1)
        self._resending: set[int] = set()
        self._started: set[int] = set()
        self._skipped: list[tuple[int, str, str]] = []

    async def open(self) -> Known:
        """See `JobLog.open`. Waits for the lease of a program that may have died."""
        begun: Begun | None = None
        warned = False
        while begun is None:
            try:
                begun = await self._worker.call(self._store.begin)
            except LeaseHeldError as error:
                if not warned:
                    warned = True
                    _log.warning("%s", error)
                await asyncio.sleep(_LEASE_POLL_S)
        self._keys = count(begun.last_key + 1)
        totals = begun.totals
        self.counts = Counts(**{name: totals.get(name, 0) for name in _COUNTED_STATUSES})
        _log.info(
            "%s: %s",
            self._store.place,
            f"the job goes on after {self.counts.done:,} recipients"
            if begun.last_key
            else "the journal is new",
        )
        if self._store.renew_s is not None:
            renew = self._renew(self._store.renew_s)
            self._renewal = asyncio.get_running_loop().create_task(renew)
        return attrs.evolve(begun.known, start=self._start_of(begun))

    def _start_of(self, begun: Begun) -> JournalStart:
        if not begun.known.batches:
            return JournalStart("new")
        done = self.counts.done - (self.counts.unknown if self._resend_unknown else 0)
        return JournalStart(
            "resumed", done, None if begun.begun is None else datetime.fromisoformat(begun.begun)
        )

    async def _renew(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            with suppress(JournalError):  # the next `mark_sending` raises it
                await self._worker.call(self._store.renew)

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """See `JobLog.check`."""
        first, last = batches[0].position or 0, batches[-1].position or 0
        digests: dict[int | None, bytes] = await self._worker.call(
            lambda: self._store.digests(first, last)
        )
        unsent = []
        for batch in batches:
            digest = digests.get(batch.position)
            if digest is None:  # an earlier run read it, but did not start to send it
                unsent.append(batch)
            elif digest != batch.digest():
                raise JournalError(
                    f"{self._store.place}: batch {batch.position}: {_RECIPIENTS_DIFFER}"
                )
        return unsent

    async def unfinished(self) -> list[Batch]:
        """See `JobLog.unfinished`."""
        statuses = ("waiting", "unknown") if self._resend_unknown else ("waiting",)
        rows: list[Row] = await self._worker.call(lambda: self._store.unfinished(statuses))
        self._resending |= {row.key for row in rows if row.status == "unknown"}
        return [
            Batch(tuple((row.ids or "").split("\n")), row.position, row.content, row.key)
            for row in rows
        ]

    def with_key(self, batch: Batch) -> Batch:
        """See `JobLog.with_key`."""
        return batch if batch.key else attrs.evolve(batch, key=next(self._keys))

    async def mark_sending(self, batch: Batch) -> None:
        """See `JobLog.mark_sending`."""
        self._write_skipped()
        self._started.add(batch.key)
        await self._worker.call(lambda: self._store.put(_row(batch, "sending")))

    def sendable_s(self) -> float:
        """See `JobLog.sendable_s`."""
        return self._store.sendable_s()

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `JobLog.record_outcome`."""
        status, reason = _combined_outcome(self._finish(batch), status, reason)
        self.counts.add(status, len(batch))
        self._worker.submit(lambda: self._store.finish(_row(batch, status, reason, code)))

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:
        """See `JobLog.record_outcomes`."""
        maybe_reached = self._finish(batch)
        keyed_parts: list[Part] = [
            (self.with_key(part), *_combined_outcome(maybe_reached, status, reason))
            for part, status, reason in parts
        ]
        for part, status, _ in keyed_parts:
            self.counts.add(status, len(part))

        def step() -> None:
            for part, status, reason in keyed_parts:
                self._store.put(_row(part, status, reason))
            self._store.put(_row(batch, "split"))

        self._worker.submit(step)

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:  # noqa: ARG002 - the protocol's
        """See `JobLog.record_unsent`: a later run sends it."""
        self.requeue(batch)

    def requeue(self, batch: Batch) -> None:
        """See `JobLog.requeue`."""
        if batch.key not in self._started:
            return  # its row is unchanged
        self._started.discard(batch.key)
        unknown = batch.key in self._resending

        def step() -> None:
            if unknown:
                self._store.put(_row(batch, "unknown", _NOT_RESENT))
            elif batch.position is None:
                self._store.put(_row(batch, "waiting"))
            else:
                self._store.delete(_row(batch, "waiting"))

        self._worker.submit(step)

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """See `JobLog.split`."""
        self._started.discard(batch.key)
        keyed_parts = [self.with_key(part) for part in parts]
        maybe_reached = batch.key in self._resending
        if maybe_reached:
            self._resending.discard(batch.key)
            self._resending |= {part.key for part in keyed_parts}

        def step() -> None:
            for part in keyed_parts:
                if maybe_reached:
                    self._store.put(_row(part, "unknown", _NOT_RESENT))
                else:
                    self._store.put(_row(part, "waiting"))
            self._store.put(_row(batch, "split"))

        self._worker.submit(step)
        return keyed_parts

    def record_skipped(self, number: int, item: str, reason: str) -> None:
        """See `JobLog.record_skipped`."""
        self.counts.skipped += 1
        text = item.encode("utf-8", "replace").decode()
        self._skipped.append((number, text, reason))

    def _write_skipped(self) -> None:
        rows, self._skipped = self._skipped, []
        if rows:
            self._worker.submit(lambda: self._store.add_skipped(rows))

    async def flush(self) -> None:
        """See `JobLog.flush`."""
        self._write_skipped()
        with suppress(JournalError):  # `mark_sending` and `close` raise it
            await self._worker.call(lambda: None)

    def outcomes(self) -> JournalOutcomes:
        """See `JobLog.outcomes`."""
        return JournalOutcomes(self._store.place)

    async def close(self) -> None:
        """See `JobLog.close`."""
        if self._renewal is not None:
            self._renewal.cancel()
        self._write_skipped()
        try:
            await self._worker.call(lambda: None)  # raises if pending records cannot be written
        finally:
            await self._worker.close()

    def _finish(self, batch: Batch) -> bool:
        """Take a batch out of the started ones, and out of the counts of unknown recipients.

        Returns:
            True if an earlier request may have reached it.
        """
        self._started.discard(batch.key)
        if batch.key not in self._resending:
            return False
        self._resending.discard(batch.key)
        self.counts.unknown -= len(batch)
        return True


_COUNTED_STATUSES: Final = ("delivered", "failed", "unknown")
_FINAL_STATUSES: Final = frozenset({"delivered", "failed", "split"})
"""The statuses of batches that will not be sent again; their content is erased."""
_NOT_RESENT: Final = "sending again was planned, but did not happen"


def _combined_outcome(maybe_reached: bool, status: Status, reason: str) -> tuple[Status, str]:  # noqa: FBT001 - private
    """Return the outcome: `unknown`, not `failed`, if an earlier request may have been received."""
    if maybe_reached and status == "failed":
        return "unknown", f"may have been reached by an earlier request; then: {reason}"
    return status, reason


def _row(batch: Batch, status: str, reason: str = "", code: str | None = None) -> Row:
    return Row(
        key=batch.key,
        position=batch.position,
        digest=batch.digest(),
        size=len(batch),
        status=status,
        ids=None if status == "split" else "\n".join(batch.ids),
        content=b"" if status in _FINAL_STATUSES else batch.content,
        reason=reason,
        code=code,
    )


def _open_store(place: JournalPlace, identity: JobIdentity) -> JournalStore:
    # Imported when needed: a file needs no Redis, and a journal on a server no SQLite.
    if isinstance(place, RedisPlace):
        try:
            from cliq_async.bulk import journal_redis  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "redis":
                raise
            what = "a journal on a server: `pip install 'cliq-async[redis]'`"
            raise ValidationError("journal", what, "redis://…") from None
        return journal_redis.RedisJournal(place, identity, lease_s=journal_redis.LEASE_S)
    from cliq_async.bulk.journal_file import JournalFile  # noqa: PLC0415

    # One name, and so one lock, per file.
    return JournalFile(Path(os.path.realpath(place)), identity)


def _after_fork() -> None:
    """Do nothing: a forked child takes no part in its parent's job."""
