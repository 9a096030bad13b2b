"""The steps before a job's first request: plan what it sends, and resume what earlier runs did."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import JobLog
from cliq_async.bulk.recipients import BatchSource
from cliq_async.bulk.report import BroadcastPlan
from cliq_async.errors import JournalError

__all__ = ["plan", "resume"]

_CHECKED_AT_ONCE: Final = 200
_SHOWN: Final = 3


async def resume(source: BatchSource, log: JobLog) -> list[Batch]:
    """Check all that earlier runs have read; return the batches that are still to be sent.

    Raises:
        JournalError: The recipients differ from those of before, or the log cannot be used.
        Exception: What the source raised.
    """
    known = await log.open()
    await source.prepare()
    left: list[Batch] = []
    for start in range(0, known.batches, _CHECKED_AT_ONCE):
        end = min(start + _CHECKED_AT_ONCE, known.batches)
        batches: list[Batch] = []
        for position in range(start, end):
            batch = await source.next(known.sizes.get(position))
            if batch is None:
                break
            batches.append(batch)
        if batches:
            left += await log.check(batches)
        if start + len(batches) < end:
            raise JournalError(
                f"these are {start + len(batches):,} batches of recipients, and the job of "
                f"this journal had read {known.batches:,}: they are others, or fewer"
            )
    return left + await log.unfinished()


async def plan(
    source: BatchSource, log: JobLog, body: Callable[[Batch], Mapping[str, Any]]
) -> BroadcastPlan:
    """Return what a job would send.

    Args:
        source: Its batches.
        log: Counts the items that the source skips.
        body: Returns the body of the request for a batch.

    Raises:
        Exception: What the source raised.
    """
    await source.prepare()
    recipients = requests = 0
    first: list[dict[str, Any]] = []
    while (batch := await source.next()) is not None:
        requests += 1
        recipients += len(batch)
        if len(first) < _SHOWN:
            first.append(dict(body(batch)))
    return BroadcastPlan(recipients, log.counts.skipped, requests, tuple(first))
