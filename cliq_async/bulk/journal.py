"""The journal: a job log in a file. A job that is started again with its journal resumes."""

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import Counts, Known, Part, Status
from cliq_async.bulk.journal_file import JobIdentity, JournalFile, status_totals
from cliq_async.bulk.journal_reader import JournalOutcomes
from cliq_async.errors import JournalError
from cliq_async.storage.worker import WorkerThread

__all__ = ["Journal"]

_RECIPIENTS_DIFFER: Final = (
    "the recipients or messages differ from those the job began with; excluded ids and templates "
    "must stay the same as well"
)


class Journal:
    """A job log in a file.

    Args:
        path: The file.
        identity: The job to which it belongs.
        resend_unknown: Send again to recipients who may or may not have been reached.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        identity: JobIdentity,
        *,
        resend_unknown: bool = False,
    ) -> None:
        self.path = Path(os.path.realpath(path))  # one name, and so one lock, per file
        self.counts = Counts()
        self._resend_unknown = resend_unknown
        self._batch_size = identity.batch_size
        self._file = JournalFile(self.path, identity)
        self._worker: WorkerThread[Any] = WorkerThread(self._file, _after_fork)
        self._keys = count(1)
        self._resending: set[int] = set()
        self._started: set[int] = set()
        self._skipped: list[tuple[int, str, str]] = []

    async def open(self) -> Known:
        """See `JobLog.open`."""

        def step() -> tuple[int, Known, dict[str, int]]:
            conn = self._file.conn
            conn.execute("DELETE FROM skipped")  # this run reads them again
            (last,) = conn.execute("SELECT max(key) FROM batch").fetchone()
            (position,) = conn.execute("SELECT max(position) FROM batch").fetchone()
            sizes = conn.execute(
                "SELECT position, size FROM batch WHERE position IS NOT NULL AND size <> ?",
                (self._batch_size,),
            )
            known = Known(0 if position is None else position + 1, dict(sizes.fetchall()))
            return last or 0, known, status_totals(conn)

        known: Known
        last, known, totals = await self._worker.call(step)
        self._keys = count(last + 1)
        self.counts = Counts(**{name: totals.get(name, 0) for name in _COUNTED_STATUSES})
        return known

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """See `JobLog.check`."""
        first, last = batches[0].position, batches[-1].position

        def step() -> dict[int, bytes]:
            rows = self._file.conn.execute(
                "SELECT position, digest FROM batch WHERE position BETWEEN ? AND ?", (first, last)
            )
            return dict(rows.fetchall())

        digests: dict[int | None, bytes] = await self._worker.call(step)
        unsent = []
        for batch in batches:
            digest = digests.get(batch.position)
            if digest is None:  # an earlier run read it, but did not start to send it
                unsent.append(batch)
            elif digest != batch.digest():
                raise JournalError(f"{self.path}: batch {batch.position}: {_RECIPIENTS_DIFFER}")
        return unsent

    async def unfinished(self) -> list[Batch]:
        """See `JobLog.unfinished`."""
        statuses = ("waiting", "unknown") if self._resend_unknown else ("waiting", "waiting")

        def step() -> list[tuple[int, int | None, str, bytes, str]]:
            return self._file.conn.execute(
                "SELECT key, position, ids, content, status FROM batch WHERE status IN (?, ?) "
                "ORDER BY key",
                statuses,
            ).fetchall()

        batches = []
        for key, position, ids, content, status in await self._worker.call(step):
            batches.append(Batch(tuple(ids.split("\n")), position, content, key))
            if status == "unknown":
                self._resending.add(key)
        return batches

    def with_key(self, batch: Batch) -> Batch:
        """See `JobLog.with_key`."""
        return batch if batch.key else attrs.evolve(batch, key=next(self._keys))

    async def mark_sending(self, batch: Batch) -> None:
        """See `JobLog.mark_sending`."""
        self._write_skipped()
        self._started.add(batch.key)
        await self._worker.call(lambda: self._write_batch(batch, "sending"))

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `JobLog.record_outcome`."""
        status, reason = _combined_outcome(self._finish(batch), status, reason)
        self.counts.add(status, len(batch))
        values = (status, reason, code, status in _FINAL_STATUSES, batch.key)

        def step() -> None:
            self._file.conn.execute(
                "UPDATE batch SET status = ?, reason = ?, code = ?, "
                "content = CASE WHEN ? THEN x'' ELSE content END WHERE key = ?",
                values,
            )

        self._worker.submit(step)

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
                self._write_batch(part, status, reason)
            self._write_batch(batch, "split")

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
                self._write_batch(batch, "unknown", _NOT_RESENT)
            elif batch.position is None:
                self._write_batch(batch, "waiting")
            else:
                self._file.conn.execute("DELETE FROM batch WHERE key = ?", (batch.key,))

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
                    self._write_batch(part, "unknown", _NOT_RESENT)
                else:
                    self._write_batch(part, "waiting")
            self._write_batch(batch, "split")

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
            self._worker.submit(
                lambda: self._file.conn.executemany(
                    "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", rows
                )
            )

    async def flush(self) -> None:
        """See `JobLog.flush`."""
        self._write_skipped()
        with suppress(JournalError):  # `mark_sending` and `close` raise it
            await self._worker.call(lambda: None)

    def outcomes(self) -> JournalOutcomes:
        """See `JobLog.outcomes`."""
        return JournalOutcomes(self.path)

    async def close(self) -> None:
        """See `JobLog.close`."""
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

    def _write_batch(
        self, batch: Batch, status: str, reason: str = "", code: str | None = None
    ) -> None:
        ids = None if status == "split" else "\n".join(batch.ids)
        content = b"" if status in _FINAL_STATUSES else batch.content
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


_COUNTED_STATUSES: Final = ("delivered", "failed", "unknown")
_FINAL_STATUSES: Final = frozenset({"delivered", "failed", "split"})
"""The statuses of batches that will not be sent again; their content is erased."""
_NOT_RESENT: Final = "sending again was planned, but did not happen"


def _combined_outcome(maybe_reached: bool, status: Status, reason: str) -> tuple[Status, str]:  # noqa: FBT001 - private
    """Return the outcome: `unknown`, not `failed`, if an earlier request may have been received."""
    if maybe_reached and status == "failed":
        return "unknown", f"may have been reached by an earlier request; then: {reason}"
    return status, reason


def _after_fork() -> None:
    """Do nothing: a forked child takes no part in its parent's job."""
