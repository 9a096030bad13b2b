"""A record that outlives its job: started again with the same journal, a job goes on."""

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import Counts, Known, Part, Status
from cliq_async.bulk.journal_file import JobIdentity, JournalFile, totals_in
from cliq_async.bulk.journal_reader import JournalOutcomes
from cliq_async.errors import JournalError
from cliq_async.storage.worker import WorkerThread

__all__ = ["Journal"]

_OTHERS: Final = (
    "these are other recipients, or other messages, than those that its job began with; whom to "
    "leave out, and a template, have to stay the same as well"
)


class Journal:
    """A record in a file.

    Args:
        path: The file.
        identity: The job that it is for.
        resend_unknown: Whether those who may or may not have been reached are sent to again.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        identity: JobIdentity,
        *,
        resend_unknown: bool = False,
    ) -> None:
        self.path = Path(os.path.realpath(path))  # a file has one name, and one lock
        self.counts = Counts()
        self._resend_unknown = resend_unknown
        self._batch_size = identity.batch_size
        self._file = JournalFile(self.path, identity)
        self._worker: WorkerThread[Any] = WorkerThread(self._file, _forked)
        self._keys = count(1)
        self._resent: set[int] = set()
        self._noted: set[int] = set()
        self._skipped: list[tuple[int, str, str]] = []

    async def open(self) -> Known:
        """See `Record.open`."""

        def step() -> tuple[int, Known, dict[str, int]]:
            conn = self._file.conn
            conn.execute("DELETE FROM skipped")  # they are read again
            (last,) = conn.execute("SELECT max(key) FROM batch").fetchone()
            (position,) = conn.execute("SELECT max(position) FROM batch").fetchone()
            sizes = conn.execute(
                "SELECT position, size FROM batch WHERE position IS NOT NULL AND size <> ?",
                (self._batch_size,),
            )
            known = Known(0 if position is None else position + 1, dict(sizes.fetchall()))
            return last or 0, known, totals_in(conn)

        known: Known
        last, known, totals = await self._worker.call(step)
        self._keys = count(last + 1)
        self.counts = Counts(**{name: totals.get(name, 0) for name in _COUNTED})
        return known

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """See `Record.check`."""
        first, last = batches[0].position, batches[-1].position

        def step() -> dict[int, bytes]:
            rows = self._file.conn.execute(
                "SELECT position, digest FROM batch WHERE position BETWEEN ? AND ?", (first, last)
            )
            return dict(rows.fetchall())

        digests: dict[int | None, bytes] = await self._worker.call(step)
        left = []
        for batch in batches:
            found = digests.get(batch.position)
            if found is None:  # it was read, and not written down yet
                left.append(batch)
            elif found != batch.digest():
                raise JournalError(f"{self.path}: batch {batch.position}: {_OTHERS}")
        return left

    async def unfinished(self) -> list[Batch]:
        """See `Record.again`."""
        wanted = ("waiting", "unknown") if self._resend_unknown else ("waiting", "waiting")

        def step() -> list[tuple[int, int | None, str, bytes, str]]:
            return self._file.conn.execute(
                "SELECT key, position, ids, content, status FROM batch WHERE status IN (?, ?) "
                "ORDER BY key",
                wanted,
            ).fetchall()

        batches = []
        for key, position, ids, content, status in await self._worker.call(step):
            batches.append(Batch(tuple(ids.split("\n")), position, content, key))
            if status == "unknown":
                self._resent.add(key)
        return batches

    def with_key(self, batch: Batch) -> Batch:
        """See `Record.numbered`."""
        return batch if batch.key else attrs.evolve(batch, key=next(self._keys))

    async def mark_sending(self, batch: Batch) -> None:
        """See `Record.sending`."""
        self._write_skipped()
        self._noted.add(batch.key)
        await self._worker.call(lambda: self._put(batch, "sending"))

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `Record.ended`."""
        status, reason = _at_the_least(self._settled(batch), status, reason)
        self.counts.add(status, len(batch))
        values = (status, reason, code, status in _DONE_WITH, batch.key)

        def step() -> None:
            self._file.conn.execute(
                "UPDATE batch SET status = ?, reason = ?, code = ?, "
                "content = CASE WHEN ? THEN x'' ELSE content END WHERE key = ?",
                values,
            )

        self._worker.submit(step)

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:
        """See `Record.record_outcomes`."""
        doubtful = self._settled(batch)
        numbered: list[Part] = [
            (self.with_key(part), *_at_the_least(doubtful, status, reason))
            for part, status, reason in parts
        ]
        for part, status, _ in numbered:
            self.counts.add(status, len(part))

        def step() -> None:
            for part, status, reason in numbered:
                self._put(part, status, reason)
            self._put(batch, "split")

        self._worker.submit(step)

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:  # noqa: ARG002 - the protocol's
        """See `Record.unsent`: a later run sends it."""
        self.requeue(batch)

    def requeue(self, batch: Batch) -> None:
        """See `Record.postponed`."""
        if batch.key not in self._noted:
            return  # it is there as it was
        self._noted.discard(batch.key)
        unknown = batch.key in self._resent

        def step() -> None:
            if unknown:
                self._put(batch, "unknown", _NOT_RESENT)
            elif batch.position is None:
                self._put(batch, "waiting")
            else:
                self._file.conn.execute("DELETE FROM batch WHERE key = ?", (batch.key,))

        self._worker.submit(step)

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """See `Record.split`."""
        self._noted.discard(batch.key)
        numbered = [self.with_key(part) for part in parts]
        doubtful = batch.key in self._resent
        if doubtful:
            self._resent.discard(batch.key)
            self._resent |= {part.key for part in numbered}

        def step() -> None:
            for part in numbered:
                if doubtful:
                    self._put(part, "unknown", _NOT_RESENT)
                else:
                    self._put(part, "waiting")
            self._put(batch, "split")

        self._worker.submit(step)
        return numbered

    def record_skipped(self, number: int, item: str, reason: str) -> None:
        """See `Record.skip`."""
        self.counts.skipped += 1
        text = item.encode("utf-8", "replace").decode()
        self._skipped.append((number, text, reason))

    def _write_skipped(self) -> None:
        rows, self._skipped = self._skipped, []
        if rows:
            self._worker.submit(
                lambda: self._file.conn.executemany(
                    "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", rows
                )
            )

    async def flush(self) -> None:
        """See `Record.settle`."""
        self._write_skipped()
        with suppress(JournalError):  # whoever sends or closes is told
            await self._worker.call(lambda: None)

    def outcomes(self) -> JournalOutcomes:
        """See `Record.outcomes`."""
        return JournalOutcomes(self.path)

    async def close(self) -> None:
        """See `Record.close`."""
        self._write_skipped()
        try:
            await self._worker.call(lambda: None)  # raises if what is pending cannot be written
        finally:
            await self._worker.close()

    def _settled(self, batch: Batch) -> bool:
        """Take note that what became of a batch is known now.

        Returns:
            Whether it may have been reached by an earlier request.
        """
        self._noted.discard(batch.key)
        if batch.key not in self._resent:
            return False
        self._resent.discard(batch.key)
        self.counts.unknown -= len(batch)
        return True

    def _put(self, batch: Batch, status: str, reason: str = "", code: str | None = None) -> None:
        ids = None if status == "split" else "\n".join(batch.ids)
        content = b"" if status in _DONE_WITH else batch.content
        self._file.conn.execute(
            "INSERT OR REPLACE INTO batch "
            "(key, position, digest, size, status, ids, content, reason, code) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.key,
                batch.position,
                batch.digest(),
                len(batch),
                status,
                ids,
                content,
                reason,
                code,
            ),
        )


_COUNTED: Final = ("delivered", "failed", "unknown")
_DONE_WITH: Final = frozenset({"delivered", "failed", "split"})
"""What nobody is sent any more is not kept."""
_NOT_RESENT: Final = "it was to be sent again, and was not"


def _at_the_least(doubtful: bool, status: Status, reason: str) -> tuple[Status, str]:  # noqa: FBT001 - private
    """What a status comes to: who may have been reached before has not failed for sure."""
    if doubtful and status == "failed":
        return "unknown", f"perhaps reached before; then: {reason}"
    return status, reason


def _forked() -> None:
    """A child has no part in its parent's job."""
