"""A thread that does blocking work, for any number of event loops and other threads.

The operations that have piled up are one batch. A caller either waits for the result, while its
event loop goes on, or submits an operation without waiting.
"""

import asyncio
import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

import attrs

from cliq_async.errors import CliqError

__all__ = ["Backend", "WorkerThread"]

OperationT = TypeVar("OperationT")

_MAX_BATCH: Final = 256
_MAX_RETRY_QUEUE: Final = 100_000
_MAX_TRIES: Final = 100
_SLOW_S: Final = 1.0
"""A batch that fails after this many real seconds fails the operations queued behind it, too."""
_FLUSH_S: Final = 2.0
"""The longest that the end of the program waits for pending operations, in real seconds."""


_OperationT_contra = TypeVar("_OperationT_contra", contravariant=True)


class Backend(Protocol[_OperationT_contra]):
    """The resource that a worker thread runs operations on."""

    @property
    def error(self) -> Callable[[str], CliqError]:
        """The exception for a thread that cannot be started."""
        ...

    def run(self, operations: Sequence[_OperationT_contra]) -> list[Any]:
        """Run operations, and return the result of each, or the exception that it raised."""
        ...

    def close(self) -> None:
        """Close the resource; the next operation opens it again."""
        ...

    def forget_after_fork(self) -> None:
        """Forget the open resource without closing it: it belongs to the parent process."""
        ...


@attrs.define(eq=False)
class _Job(Generic[OperationT]):
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


class WorkerThread(Generic[OperationT]):
    """A thread that runs operations, started with the first of them.

    Args:
        backend: The resource that the operations run on.
        on_fork: Called in a forked child, where none of the parent's operations goes on.
    """

    def __init__(self, backend: Backend[OperationT], on_fork: Callable[[], None]) -> None:
        self.backend = backend
        self._on_fork = on_fork
        self._pid = os.getpid()
        self._jobs: SimpleQueue[_Job[OperationT]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ending: threading.Thread | None = None
        # Reentrant: the garbage collector may end a token in here.
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._retry_queue: deque[_Job[OperationT]] = deque(maxlen=_MAX_RETRY_QUEUE)
        _workers.add(self)

    async def call(self, operation: OperationT, *, retry_on_failure: bool = False) -> Any:
        """Run an operation and return its result, or raise its exception.

        Args:
            operation: The operation.
            retry_on_failure: True to try it again later if it fails now.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        job = _Job(operation, retry_on_failure, loop, future)
        try:
            self._put(job)
        except RuntimeError as error:
            raise self.backend.error(f"no thread could be started: {error}") from error
        return await future

    async def call_all(self, operations: Iterable[OperationT]) -> list[Any]:
        """Run several operations and return their results."""
        return list(await asyncio.gather(*map(self.call, operations)))

    def submit(self, operation: OperationT) -> None:
        """Run an operation soon, and again with the next batch if it fails. Never waits."""
        with suppress(RuntimeError):  # the next caller starts the thread
            self._put(_Job(operation, retry_on_failure=True))

    async def close(self) -> None:
        """Wait for the operations so far, and close the backend."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._end(loop, future):
            await future

    def flush_at_exit(self) -> None:
        """Close the backend at the end of the program, waiting for a moment at most."""
        thread = self._thread
        if self._end(None, None) and thread is not None:
            thread.join(_FLUSH_S)

    def before_fork(self) -> None:
        """Wait for the running batch, and close what a child must not inherit."""
        self._busy.acquire()
        self.backend.close()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._busy.release()

    def after_fork_in_child(self) -> None:
        """Start afresh: the thread and its operations belong to the parent."""
        self._pid = os.getpid()
        self._jobs = SimpleQueue()
        self._thread = self._ending = None
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._retry_queue.clear()
        self.backend.forget_after_fork()
        self._on_fork()

    def _put(self, job: _Job[OperationT]) -> None:
        if self._pid != os.getpid():  # forked by code that knows nothing of Python
            self.after_fork_in_child()
        with self._starting:
            self._jobs.put(job)
            if self._thread is None:
                thread = threading.Thread(
                    target=self._serve,
                    args=(self._jobs, self._ending),
                    name="cliq_async worker",
                    daemon=True,
                )
                thread.start()
                self._thread = thread

    def _end(
        self, loop: asyncio.AbstractEventLoop | None, future: "asyncio.Future[Any] | None"
    ) -> bool:
        with self._starting:
            running, self._thread = self._thread, None
            if running is not None:
                self._ending = running
                self._jobs.put(_Job(None, loop=loop, future=future))
        return running is not None

    def _serve(self, jobs: SimpleQueue[_Job[OperationT]], before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        while True:
            batch = [jobs.get()]
            with suppress(Empty):
                while batch[-1].operation is not None and len(batch) < _MAX_BATCH:
                    batch.append(jobs.get_nowait())
            last = batch.pop() if batch[-1].operation is None else None
            with self._busy:
                began = monotonic()
                done = self._do([job for job in batch if job.retry_on_failure or not _is_gone(job)])
                if last is None and monotonic() - began >= _SLOW_S and (error := _failure(done)):
                    last = self._fail_the_rest(jobs, error, done)
                # Only now, so that an operation that comes after the failure is tried.
                _deliver(done)
                if last is not None:
                    self.backend.close()
            if last is not None:
                _deliver([(last, None)])
                return

    def _do(self, batch: list[_Job[OperationT]]) -> list[tuple[_Job[OperationT], Any]]:
        """Run the jobs that failed before and these, and return all with their results."""
        again, self._retry_queue = list(self._retry_queue), deque(maxlen=_MAX_RETRY_QUEUE)
        jobs = [*again, *batch]
        operations = [job.operation for job in jobs if job.operation is not None]
        try:
            results = self.backend.run(operations) if operations else []
        except Exception as error:  # noqa: BLE001 - else all callers would wait for ever
            results = [error] * len(operations)
        for job, result in zip(jobs, results, strict=True):
            if job.retry_on_failure and isinstance(result, Exception):
                job.tries += 1
                if job.tries < _MAX_TRIES:
                    self._retry_queue.append(job)
        return list(zip(jobs, results, strict=True))

    def _fail_the_rest(
        self,
        jobs: SimpleQueue[_Job[OperationT]],
        error: Exception,
        done: list[tuple[_Job[OperationT], Any]],
    ) -> _Job[OperationT] | None:
        """Fail the queued jobs with the same error, instead of each after as long a wait."""
        with suppress(Empty):
            while True:
                job = jobs.get_nowait()
                if job.operation is None:
                    return job
                if job.retry_on_failure:
                    self._retry_queue.append(job)
                done.append((job, error))
        return None


def _failure(done: list[tuple[_Job[Any], Any]]) -> Exception | None:
    """Return the error that all jobs failed with, or None."""
    results = [result for _job, result in done]
    same = bool(results) and all(result is results[0] for result in results)
    return results[0] if same and isinstance(results[0], Exception) else None


def _is_gone(job: _Job[Any]) -> bool:
    return job.future is not None and job.future.done()


def _deliver(results: list[tuple[_Job[Any], Any]]) -> None:
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


_workers: WeakSet[WorkerThread[Any]] = WeakSet()
_paused: list[WorkerThread[Any]] = []


def _before_fork() -> None:
    for worker in list(_workers):
        worker.before_fork()
        _paused.append(worker)


def _in_parent() -> None:
    while _paused:
        _paused.pop().after_fork_in_parent()


def _in_child() -> None:
    while _paused:
        _paused.pop().after_fork_in_child()


def _at_exit() -> None:
    for worker in list(_workers):
        worker.flush_at_exit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
atexit.register(_at_exit)
