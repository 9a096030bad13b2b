"""What a job knows of its batches: in memory here, or in a journal that outlives it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.report import Outcome

__all__ = ["EXPECTED_SKIPS", "Counts", "JobLog", "Known", "MemoryJobLog", "Part", "Status"]

Status = Literal["delivered", "failed", "unknown"]

Part = tuple[Batch, Status, str]
"""Some of a batch's recipients, what became of them, and why."""


@attrs.define
class Counts:
    """Recipients by what became of them."""

    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0

    def add(self, status: Status, number: int) -> None:
        """Count some more of a status."""
        setattr(self, status, getattr(self, status) + number)


@attrs.frozen
class Known:
    """What earlier runs have read of the stream of batches.

    Attributes:
        batches: How many.
        sizes: The sizes of those that were not full, by their position: there was no more then.
    """

    batches: int = 0
    sizes: Mapping[int, int] = attrs.field(factory=dict)


class JobLog(Protocol):
    """Keeps what became of batches and of those who were skipped.

    Attributes:
        counts: Recipients so far, those of earlier runs included.
    """

    counts: Counts

    async def open(self) -> Known:
        """Begin. Returns what earlier runs have read.

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

    async def unfinished(self) -> list[Batch]:
        """What earlier runs have begun and is to be sent."""
        ...

    def with_key(self, batch: Batch) -> Batch:
        """The batch with its number in the record."""
        ...

    async def mark_sending(self, batch: Batch) -> None:
        """Note that a batch is about to be sent. Done before the first byte leaves.

        Raises:
            JournalError: It could not be noted: it must not be sent.
        """
        ...

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """Note what became of a batch. Never waits."""
        ...

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:
        """Note that not the same became of all in a batch. Never waits."""
        ...

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:
        """Note that this run does not send a batch after all. Never waits."""
        ...

    def requeue(self, batch: Batch) -> None:
        """Note that a batch was not sent after all, and will be later. Never waits."""
        ...

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """Note that a batch is replaced by its parts; returns them numbered."""
        ...

    def record_skipped(self, number: int, item: str, reason: str) -> None:
        """Note that an item of the stream is no recipient. Never waits."""
        ...

    async def flush(self) -> None:
        """Wait until what was noted without waiting is written down, or cannot be."""
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


EXPECTED_SKIPS: Final = frozenset({"excluded", "repeated"})
"""Why ids are skipped that could be sent to."""


class MemoryJobLog:
    """A record that ends with its job."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._outcomes: list[Outcome] = []

    async def open(self) -> Known:
        """Nothing was read before."""
        return Known()

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """There were none."""
        return list(batches)

    async def unfinished(self) -> list[Batch]:
        """There is nothing from before."""
        return []

    def with_key(self, batch: Batch) -> Batch:
        """Batches need no number here."""
        return batch

    async def mark_sending(self, batch: Batch) -> None:
        """Nobody could read it afterwards."""

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `Record.ended`."""
        self.counts.add(status, len(batch))
        if status != "delivered":
            self._outcomes.append(Outcome(batch.ids, status, reason, code))

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:  # noqa: ARG002 - the protocol's
        """See `Record.record_outcomes`."""
        for part, status, reason in parts:
            self.record_outcome(part, status, reason)

    def requeue(self, batch: Batch) -> None:
        """It is on its way."""

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:
        """See `Record.unsent`: there is no later run that could send it."""
        self.record_outcome(batch, "failed", reason, code)

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:  # noqa: ARG002 - the protocol's
        """See `Record.split`."""
        return list(parts)

    def record_skipped(self, number: int, item: str, reason: str) -> None:  # noqa: ARG002 - the protocol's
        """See `Record.skip`. Those with good ids are only counted."""
        self.counts.skipped += 1
        if reason not in EXPECTED_SKIPS:
            self._outcomes.append(Outcome((item,), "skipped", reason))

    async def flush(self) -> None:
        """Nothing is written down."""

    def outcomes(self) -> tuple[Outcome, ...]:
        """See `Record.outcomes`."""
        return tuple(self._outcomes)

    async def close(self) -> None:
        """Nothing is pending."""
