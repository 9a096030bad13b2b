"""The jobs of a worker thread: operations, and the callers that wait for their results."""

import asyncio
from contextlib import suppress
from typing import Any, Generic, TypeVar

import attrs

__all__ = ["Job", "common_failure", "deliver", "is_awaited", "is_gone"]

OperationT = TypeVar("OperationT")


@attrs.define(eq=False)
class Job(Generic[OperationT]):
    """An operation, and the future that waits for its result. Without one: close and end.

    Attributes:
        operation: The operation.
        retry_on_failure: True if it is tried again with a later batch if it fails.
        loop: The event loop of the future.
        future: The future, or None if no caller waits.
        tries: The number of failures so far.
    """

    operation: OperationT | None
    retry_on_failure: bool = False
    loop: asyncio.AbstractEventLoop | None = None
    future: "asyncio.Future[Any] | None" = None
    tries: int = 0


def common_failure(done: list[tuple[Job[Any], Any]]) -> Exception | None:
    """Return the error that all jobs failed with, or None."""
    results = [result for _job, result in done]
    same = bool(results) and all(result is results[0] for result in results)
    return results[0] if same and isinstance(results[0], Exception) else None


def is_gone(job: Job[Any]) -> bool:
    """Return whether a job need not be done, because its caller has left."""
    return not job.retry_on_failure and job.future is not None and job.future.done()


def is_awaited(job: Job[Any]) -> bool:
    """Return whether a caller waits for a job's result."""
    return job.future is not None and not job.future.done()


def deliver(results: list[tuple[Job[Any], Any]]) -> None:
    """Hand results to the callers that wait for them, each in its own event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in results:
        if job.loop is not None and job.future is not None:
            by_loop.setdefault(job.loop, []).append((job.future, result))
            job.future = None  # resolved once, however often the operation is tried
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # that loop was closed in the meantime
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in pairs:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
