"""A record that outlives its job: started again with the same journal, a job goes on."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.journal_file import KIND, JobIdentity, JournalFile, outcomes_in, totals_in
from cliq_async.bulk.record import Counts, Status
from cliq_async.bulk.report import Outcome
from cliq_async.errors import JournalError
from cliq_async.worker import Worker

__all__ = ["Journal", "JournalOutcomes"]

_OTHERS: Final = "these are other recipients than those that its job began with"


@attrs.frozen
class JournalOutcomes(Iterable[Outcome]):
    """Who was not delivered to, and why: read from the journal each time it is looked through.

    Attributes:
        path: The journal.
    """

    path: Path

    def __iter__(self) -> Iterator[Outcome]:
        with KIND.explained(self.path):
            conn = KIND.read(self.path)
            try:
                yield from outcomes_in(conn)
            finally:
                conn.close()

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


class Journal:
    """A record in a file.

    Args:
        path: The file.
        identity: The job that it is for.
        resend_unknown: Whether those who may or may not have been reached are sent to again.
        content_of: Makes bytes of what a batch is sent, where not all are sent the same.
        content_from: Makes it out of them again.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        identity: JobIdentity,
        *,
        resend_unknown: bool = False,
        content_of: Any = None,
        content_from: Any = None,
    ) -> None:
        self.path = Path(path)
        self.counts = Counts()
        self._resend_unknown = resend_unknown
        self._content_of = content_of
        self._content_from = content_from
        self._file = JournalFile(self.path, identity)
        self._worker: Worker[Any] = Worker(self._file, _forked)
        self._keys = count(1)
        self._resent: set[int] = set()

    async def open(self) -> int:
        """See `Record.open`."""

        def step() -> tuple[int, int, dict[str, int]]:
            (last,) = self._file.conn.execute("SELECT max(key) FROM batch").fetchone()
            (position,) = self._file.conn.execute("SELECT max(position) FROM batch").fetchone()
            return last or 0, -1 if position is None else position, totals_in(self._file.conn)

        last, position, totals = await self._worker.ask(step)
        self._keys = count(last + 1)
        self.counts = Counts(**{name: totals.get(name, 0) for name in _COUNTED})
        known: int = position + 1
        return known

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """See `Record.check`."""
        first, last = batches[0].position, batches[-1].position

        def step() -> dict[int, bytes]:
            rows = self._file.conn.execute(
                "SELECT position, digest FROM batch WHERE position BETWEEN ? AND ?", (first, last)
            )
            return dict(rows.fetchall())

        digests: dict[int | None, bytes] = await self._worker.ask(step)
        left = []
        for batch in batches:
            found = digests.get(batch.position)
            if found is None:  # it was read, and not written down yet
                left.append(batch)
            elif found != batch.digest(self._content(batch)):
                raise JournalError(f"{self.path}: batch {batch.position}: {_OTHERS}")
        return left

    async def again(self) -> list[Batch]:
        """See `Record.again`."""
        wanted = ("waiting", "unknown") if self._resend_unknown else ("waiting", "waiting")

        def step() -> list[tuple[int, int | None, str, bytes, str]]:
            return self._file.conn.execute(
                "SELECT key, position, ids, content, status FROM batch WHERE status IN (?, ?) "
                "ORDER BY key",
                wanted,
            ).fetchall()

        batches = []
        for key, position, ids, content, status in await self._worker.ask(step):
            made = self._content_from(content) if self._content_from else None
            batches.append(Batch(tuple(ids.split("\n")), position, made, key))
            if status == "unknown":
                self._resent.add(key)
        return batches

    def numbered(self, batch: Batch) -> Batch:
        """See `Record.numbered`."""
        return batch if batch.key else attrs.evolve(batch, key=next(self._keys))

    async def sending(self, batch: Batch) -> None:
        """See `Record.sending`."""
        await self._worker.ask(lambda: self._put(batch, "sending"))
        if batch.key in self._resent:
            self._resent.discard(batch.key)
            self.counts.unknown -= len(batch)

    def ended(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `Record.ended`."""
        setattr(self.counts, status, getattr(self.counts, status) + len(batch))

        def step() -> None:
            self._file.conn.execute(
                "UPDATE batch SET status = ?, reason = ?, code = ?, "
                "ids = CASE WHEN ? = 'delivered' THEN NULL ELSE ids END, "
                "content = CASE WHEN ? = 'delivered' THEN x'' ELSE content END WHERE key = ?",
                (status, reason, code, status, status, batch.key),
            )

        self._worker.tell(step)

    def unsent(self, batch: Batch, reason: str) -> None:  # noqa: ARG002 - the protocol's
        """See `Record.unsent`: a later run sends it."""

        def step() -> None:
            if batch.position is None:
                self._put(batch, "waiting")
            else:
                self._file.conn.execute("DELETE FROM batch WHERE key = ?", (batch.key,))

        if batch.key:
            self._worker.tell(step)

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """See `Record.split`."""
        numbered = [self.numbered(part) for part in parts]

        def step() -> None:
            for part in numbered:
                self._put(part, "waiting")
            self._file.conn.execute(
                "UPDATE batch SET status = 'split', ids = NULL, content = x'' WHERE key = ?",
                (batch.key,),
            )

        self._worker.tell(step)
        return numbered

    def skip(self, number: int, item: str, reason: str) -> None:
        """See `Record.skip`."""
        self.counts.skipped += 1
        text = item.encode("utf-8", "replace").decode()
        values = (number, text, reason)
        self._worker.tell(
            lambda: self._file.conn.execute(
                "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", values
            )
        )

    def outcomes(self) -> JournalOutcomes:
        """See `Record.outcomes`."""
        return JournalOutcomes(self.path)

    async def close(self) -> None:
        """See `Record.close`."""
        try:
            await self._worker.ask(lambda: None)  # raises if what is pending cannot be written
        finally:
            await self._worker.close()

    def _put(self, batch: Batch, status: str) -> None:
        content = self._content(batch)
        self._file.conn.execute(
            "INSERT OR REPLACE INTO batch (key, position, digest, size, status, ids, content) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                batch.key,
                batch.position,
                batch.digest(content),
                len(batch),
                status,
                "\n".join(batch.ids),
                content,
            ),
        )

    def _content(self, batch: Batch) -> bytes:
        made: bytes = self._content_of(batch.content) if self._content_of else b""
        return made


_COUNTED: Final = ("delivered", "failed", "unknown")


def _forked() -> None:
    """A child has no part in its parent's job."""
