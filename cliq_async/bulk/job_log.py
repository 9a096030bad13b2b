"""The log of a job's batches and their outcomes: its protocol, and the one kept in memory."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Protocol

import attrs

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.report import JournalStart, Outcome

__all__ = ["EXPECTED_SKIPS", "Counts", "JobLog", "Known", "MemoryJobLog", "Part", "Status"]

Status = Literal["delivered", "failed", "unknown"]

Part = tuple[Batch, Status, str]
"""A part of a batch, with its status and the reason for it."""


@attrs.define
class Counts:
    """The number of recipients by status; `left` are those of the failed who can still be sent."""

    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    left: int = 0

    def add(self, status: Status, number: int) -> None:
        """Add a number of recipients to a status."""
        setattr(self, status, getattr(self, status) + number)

    @property
    def done(self) -> int:
        """The number of recipients and items that have been dealt with."""
        return self.delivered + self.failed + self.unknown + self.skipped


@attrs.frozen
class Known:
    """The part of the stream of batches that earlier runs have read.

    Attributes:
        batches: The number of batches.
        sizes: The sizes of the batches that were not full, by position: an earlier run
            ended with each of them.
        start: The state of the journal; None without one. `finished` is found out later.
    """

    batches: int = 0
    sizes: Mapping[int, int] = attrs.field(factory=dict)
    start: JournalStart | None = None


class JobLog(Protocol):
    """A log of batches and skipped items, with their outcomes.

    Attributes:
        counts: Recipients by status so far, including those of earlier runs.
    """

    counts: Counts

    async def open(self) -> Known:
        """Open the log. Returns the batches that earlier runs have read.

        Raises:
            JournalError: The log cannot be used for this job.
        """
        ...

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """Check batches that earlier runs have read. Returns those that are not in the log yet.

        Raises:
            JournalError: A batch differs from the one in the log.
        """
        ...

    async def unfinished(self) -> list[Batch]:
        """Return the batches that earlier runs have left to be sent."""
        ...

    def with_key(self, batch: Batch) -> Batch:
        """Return the batch with its number in the log."""
        ...

    async def mark_sending(self, batch: Batch) -> None:
        """Record that a batch is about to be sent, before the first byte is.

        Raises:
            JournalError: The log could not be written, so the batch must not be sent.
        """
        ...

    def sendable_s(self) -> float:
        """Return for how long a marked batch may still be sent, in real seconds.

        No other program can run the job within this time.
        """
        ...

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """Record the outcome of a batch. Never waits."""
        ...

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:
        """Record the outcomes of the parts of a batch. Never waits."""
        ...

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:
        """Record that this run will not send a batch. Never waits."""
        ...

    def requeue(self, batch: Batch) -> None:
        """Record that a batch was not sent, and will be sent later. Never waits."""
        ...

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:
        """Replace a batch by its parts. Returns the parts with their numbers in the log."""
        ...

    def record_skipped(self, number: int, item: str, reason: str) -> None:
        """Record that an item of the stream is skipped. Never waits."""
        ...

    async def flush(self) -> None:
        """Wait until all pending records are written, or have failed to be."""
        ...

    def outcomes(self) -> Iterable[Outcome]:
        """Return the outcomes other than delivered."""
        ...

    async def close(self) -> None:
        """Write all pending records and close the log.

        Raises:
            JournalError: The log could not be written.
        """
        ...


EXPECTED_SKIPS: Final = frozenset({"excluded", "repeated"})
"""The reasons for skipping valid ids."""


class MemoryJobLog:
    """A log in memory, which ends with its job."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._outcomes: list[Outcome] = []

    async def open(self) -> Known:
        """See `JobLog.open`: there are no earlier runs."""
        return Known()

    async def check(self, batches: Sequence[Batch]) -> list[Batch]:
        """See `JobLog.check`: there are no earlier runs."""
        return list(batches)

    async def unfinished(self) -> list[Batch]:
        """See `JobLog.unfinished`: there are no earlier runs."""
        return []

    def with_key(self, batch: Batch) -> Batch:
        """See `JobLog.with_key`: batches need no number here."""
        return batch

    async def mark_sending(self, batch: Batch) -> None:
        """See `JobLog.mark_sending`: the mark would not survive a crash."""

    def sendable_s(self) -> float:
        """See `JobLog.sendable_s`: no other program knows of the job."""
        return math.inf

    def record_outcome(
        self, batch: Batch, status: Status, reason: str = "", code: str | None = None
    ) -> None:
        """See `JobLog.record_outcome`."""
        self.counts.add(status, len(batch))
        if status != "delivered":
            self._outcomes.append(Outcome(batch.ids, status, reason, code))

    def record_outcomes(self, batch: Batch, parts: Sequence[Part]) -> None:  # noqa: ARG002 - the protocol's
        """See `JobLog.record_outcomes`."""
        for part, status, reason in parts:
            self.record_outcome(part, status, reason)

    def requeue(self, batch: Batch) -> None:
        """See `JobLog.requeue`: the job keeps the batch."""

    def record_unsent(self, batch: Batch, reason: str, code: str | None = None) -> None:
        """See `JobLog.record_unsent`: the batch has failed, since no later run can send it."""
        self.counts.add("failed", len(batch))
        self.counts.left += len(batch)
        self._outcomes.append(Outcome(batch.ids, "failed", reason, code, left=True))

    def split(self, batch: Batch, parts: Sequence[Batch]) -> list[Batch]:  # noqa: ARG002 - the protocol's
        """See `JobLog.split`."""
        return list(parts)

    def record_skipped(self, number: int, item: str, reason: str) -> None:  # noqa: ARG002 - the protocol's
        """See `JobLog.record_skipped`. Valid ids are only counted."""
        self.counts.skipped += 1
        if reason not in EXPECTED_SKIPS:
            self._outcomes.append(Outcome((item,), "skipped", reason))

    async def flush(self) -> None:
        """See `JobLog.flush`: nothing is written."""

    def outcomes(self) -> tuple[Outcome, ...]:
        """See `JobLog.outcomes`."""
        return tuple(self._outcomes)

    async def close(self) -> None:
        """See `JobLog.close`: nothing is pending."""
