"""What a job knows of its batches: in memory here, or in a journal that outlives it."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.report import Outcome

__all__ = ["Counts", "MemoryRecord", "Record", "Status"]

Status = Literal["delivered", "failed", "unknown"]


@attrs.define
class Counts:
    """Recipients by what became of them."""

    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0


class Record(Protocol):
    """Keeps what became of batches and of those who were skipped.

    Attributes:
        counts: Recipients so far, those of earlier runs included.
    """

    counts: Counts

    async def open(self) -> int:
        """Begin. Returns how many batches of the stream earlier runs have read.

        Raises:
            JournalError: The record cannot be used for this job.
        """
        ...

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """Check batches that earlier runs have read; returns those that are yet to be sent.

        Raises:
            JournalError: They are not the same.
        """
        ...

    async def again(self) -> list[Batch]:
        """What earlier runs have begun and is to be sent."""
        ...

    def numbered(self, batch: Batch) -> Batch:
        """The batch with its number in the record."""
        ...

    async def sending(self, batch: Batch) -> None:
        """Note that a batch is about to be sent. Done before the first byte leaves.

        Raises:
            JournalError: It could not be noted: it must not be sent.
        """
        ...

    def ended(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """Note what became of a batch. Never waits."""
        ...

    def unsent(self, batch: Batch, reason: str) -> None:
        """Note that a batch was not sent after all. Never waits."""
        ...

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """Note that a batch is replaced by its parts; returns them numbered."""
        ...

    def skip(self, number: int, item: str, reason: str) -> None:
        """Note that an item of the stream is no recipient. Never waits."""
        ...

    def outcomes(self) -> Iterable[Outcome]:
        """Who was not delivered to, and why."""
        ...

    async def close(self) -> None:
        """Write down what is pending.

        Raises:
            JournalError: It could not be written.
        """
        ...


class MemoryRecord:
    """A record that ends with its job."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._outcomes: list[Outcome] = []

    async def open(self) -> int:
        """Nothing was read before."""
        return 0

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """There were none."""
        return list(batches)

    async def again(self) -> list[Batch]:
        """There is nothing from before."""
        return []

    def numbered(self, batch: Batch) -> Batch:
        """Batches need no number here."""
        return batch

    async def sending(self, batch: Batch) -> None:
        """Nobody could read it afterwards."""

    def ended(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `Record.ended`."""
        self._count(status, len(batch))
        if status != "delivered":
            self._outcomes.append(Outcome(batch.ids, status, reason, code))

    def unsent(self, batch: Batch, reason: str) -> None:
        """See `Record.unsent`: there is no later run that could send it."""
        self.ended(batch, "failed", f"not sent: {reason}")

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:  # noqa: ARG002 - the protocol's
        """See `Record.split`."""
        return list(parts)

    def skip(self, number: int, item: str, reason: str) -> None:  # noqa: ARG002 - the protocol's
        """See `Record.skip`. Repeated ids are only counted."""
        self.counts.skipped += 1
        if reason != "repeated":
            self._outcomes.append(Outcome((item,), "skipped", reason))

    def outcomes(self) -> tuple[Outcome, ...]:
        """See `Record.outcomes`."""
        return tuple(self._outcomes)

    async def close(self) -> None:
        """Nothing is pending."""

    def _count(self, status: str, number: int) -> None:
        setattr(self.counts, status, getattr(self.counts, status) + number)
