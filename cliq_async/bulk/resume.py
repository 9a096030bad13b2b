"""The steps before a job's first request: plan the job, and resume earlier runs."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.job_log import JobLog, Known
from cliq_async.bulk.recipients import BatchSource
from cliq_async.bulk.report import BroadcastPlan
from cliq_async.errors import JournalError

__all__ = ["plan", "resume"]

_CHECK_BATCH: Final = 200
_MAX_SAMPLES: Final = 3


async def resume(source: BatchSource, log: JobLog) -> tuple[Known, list[Batch]]:
    """Check the batches that earlier runs have read. Returns them, and those still to be sent.

    Raises:
        JournalError: The recipients differ from those of earlier runs, or the log cannot be used.
        Exception: The source raised this.
    """
    known = await log.open()
    await source.prepare()
    unsent: list[Batch] = []
    for start in range(0, known.batches, _CHECK_BATCH):
        end = min(start + _CHECK_BATCH, known.batches)
        batches: list[Batch] = []
        for position in range(start, end):
            batch = await source.next(known.sizes.get(position))
            if batch is None:
                break
            batches.append(batch)
        if batches:
            unsent += await log.check(batches)
        if start + len(batches) < end:
            raise JournalError(
                f"the recipients make only {start + len(batches):,} batches, but an earlier run "
                f"of this job read {known.batches:,}: recipients were removed or changed"
            )
    return known, unsent + await log.unfinished()


async def plan(
    source: BatchSource, log: JobLog, body: Callable[[Batch], Mapping[str, Any]]
) -> BroadcastPlan:
    """Return what a job would send.

    Args:
        source: The source of the batches.
        log: Counts the items that the source skips.
        body: Returns the body of the request for a batch.

    Raises:
        Exception: The source raised this.
    """
    await source.prepare()
    recipients = requests = 0
    first: list[dict[str, Any]] = []
    while (batch := await source.next()) is not None:
        requests += 1
        recipients += len(batch)
        if len(first) < _MAX_SAMPLES:
            first.append(dict(body(batch)))
    return BroadcastPlan(recipients, log.counts.skipped, requests, tuple(first))
