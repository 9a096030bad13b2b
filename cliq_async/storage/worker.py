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
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

from cliq_async.errors import CliqError
from cliq_async.storage.jobs import Job, common_failure, deliver, is_awaited, is_gone
from cliq_async.storage.outage import Outage

__all__ = ["Backend", "WorkerThread"]

OperationT = TypeVar("OperationT")

_MAX_BATCH: Final = 256
_MAX_RETRY_QUEUE: Final = 100_000
_MAX_TRIES: Final = 100
_LOOK_S: Final = 0.5
"""The pause between two looks at a resource that has failed."""
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

    def before_fork(self) -> None:
        """Close what a forked child must not inherit; the next operation opens it again."""
        ...

    def forget_after_fork(self) -> None:
        """Forget the open resource without closing it: it belongs to the parent process."""
        ...


class WorkerThread(Generic[OperationT]):
    """A thread that runs operations, started with the first of them.

    Args:
        backend: The resource that the operations run on.
        on_fork: Called in a forked child, where none of the parent's operations goes on.
        check: Raises as long as the resource cannot be used. With it, calls fail at once after a
            slow failure, while the thread looks for the end of it.
    """

    def __init__(
        self,
        backend: Backend[OperationT],
        on_fork: Callable[[], None],
        check: Callable[[], object] | None = None,
    ) -> None:
        self.backend = backend
        self._on_fork = on_fork
        self._check = check
        self._pid = os.getpid()
        self._jobs: SimpleQueue[Job[OperationT]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # Reentrant: the garbage collector may end a token in here.
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._retry_queue: deque[Job[OperationT]] = deque(maxlen=_MAX_RETRY_QUEUE)
        self._outage = Outage(backend.error)
        _workers.add(self)

    async def call(
        self, operation: OperationT, *, retry_on_failure: bool = False, patient: bool = False
    ) -> Any:
        """Run an operation and return its result, or raise its exception.

        Args:
            operation: The operation.
            retry_on_failure: True to try it again later if it fails now.
            patient: True to wait even if the resource is known not to answer.
        """
        outage = None if patient or retry_on_failure else self.outage()
        if outage is not None:
            raise outage
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        job = Job(operation, retry_on_failure, loop, future)
        try:
            self._put(job)
        except RuntimeError as error:
            raise self.backend.error(f"no thread could be started: {error}") from error
        try:
            return await future
        except asyncio.CancelledError:
            self._outage.abandon()
            raise

    def outage(self) -> CliqError | None:
        """Return the error of a resource that is known not to answer, and have it looked after."""
        error = None if self._check is None else self._outage.as_error()
        if error is not None:
            with suppress(RuntimeError):  # the next caller starts the thread
                self._start()
        return error

    async def call_all(self, operations: Iterable[OperationT]) -> list[Any]:
        """Run several operations and return their results."""
        return list(await asyncio.gather(*map(self.call, operations)))

    def submit(self, operation: OperationT) -> None:
        """Run an operation soon, and again with the next batch if it fails. Never waits."""
        with suppress(RuntimeError):  # the next caller starts the thread
            self._put(Job(operation, retry_on_failure=True))

    async def close(self, within_s: float | None = None) -> None:
        """Wait for the operations so far, and close the backend.

        Args:
            within_s: The longest to wait, in real seconds; the thread ends later by itself.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        outage = self.outage()
        if self._end(loop, future):
            if within_s is None:
                await future
            else:
                await asyncio.wait([future], timeout=0.0 if outage else within_s)

    def flush_at_exit(self) -> None:
        """Close the backend at the end of the program, waiting for a moment at most."""
        thread = self._thread
        if self._end(None, None) and thread is not None and not self.outage():
            thread.join(_FLUSH_S)

    def before_fork(self) -> None:
        """Wait for the running batch, and close what a child must not inherit."""
        self._busy.acquire()
        self.backend.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._busy.release()

    def after_fork_in_child(self) -> None:
        """Start afresh: the thread and its operations belong to the parent."""
        self._pid = os.getpid()
        self._jobs = SimpleQueue()
        self._thread = None
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._retry_queue.clear()
        self._outage = Outage(self.backend.error)
        self.backend.forget_after_fork()
        self._on_fork()

    def _put(self, job: Job[OperationT]) -> None:
        if self._pid != os.getpid():  # forked by code that knows nothing of Python
            self.after_fork_in_child()
        self._jobs.put(job)
        self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._serve, args=(self._jobs,), name="cliq_async worker", daemon=True
                )
                thread.start()
                self._thread = thread

    def _end(
        self, loop: asyncio.AbstractEventLoop | None, future: "asyncio.Future[Any] | None"
    ) -> bool:
        with self._starting:
            running = self._thread is not None
            if running:
                self._jobs.put(Job(None, loop=loop, future=future))
        return running

    def _serve(self, jobs: SimpleQueue[Job[OperationT]]) -> None:
        closing: list[tuple[Job[OperationT], Any]] = []
        while True:
            batch = self._next_batch(jobs)
            if batch and batch[-1].operation is None:
                closing.append((batch.pop(), None))
            with self._busy:
                self._outage.begin()
                done = self._run([job for job in batch if not is_gone(job)])
                error = common_failure(done)
                slow = self._outage.end() and error is not None
                self._keep_for_retry(done, slow=slow)
                if error is not None and slow and not closing:
                    closing += self._fail_the_rest(jobs, error, done)
                if done and self._check is not None:
                    self._outage.note(error if slow else None)
                # Only now, so that an operation that comes after the failure is tried.
                deliver(done)
                # What has to last is not given up with the client that has closed the resource.
                if not closing or (self._outage.failure and self._retry_queue):
                    continue
                self.backend.close()
            deliver(closing)
            closing.clear()
            with self._starting:
                if jobs.empty():
                    self._thread = None
                    return

    def _next_batch(self, jobs: SimpleQueue[Job[OperationT]]) -> list[Job[OperationT]]:
        """Return the jobs that have piled up, up to one that closes; none if it is time to look."""
        batch: list[Job[OperationT]] = []
        with suppress(Empty):
            batch.append(jobs.get(timeout=_LOOK_S if self._outage.failure else None))
            while batch[-1].operation is not None and len(batch) < _MAX_BATCH:
                batch.append(jobs.get_nowait())
        return batch

    def _run(self, batch: list[Job[OperationT]]) -> list[tuple[Job[OperationT], Any]]:
        """Run the jobs that failed before and these, and return all with their results.

        After a failure, jobs that no one waits for wait until the resource answers.
        """
        if self._outage.failure and self._check is not None and not any(map(is_awaited, batch)):
            self._retry_queue += batch
            batch = []
            try:
                self._check()
            except Exception as error:  # noqa: BLE001 - whatever it is, the resource cannot be used
                self._outage.note(error)
                return []
            self._outage.note(None)
        again, self._retry_queue = list(self._retry_queue), deque(maxlen=_MAX_RETRY_QUEUE)
        jobs = [*again, *batch]
        operations = [job.operation for job in jobs if job.operation is not None]
        try:
            results = self.backend.run(operations) if operations else []
        except Exception as error:  # noqa: BLE001 - else all callers would wait for ever
            results = [error] * len(operations)
        return list(zip(jobs, results, strict=True))

    def _keep_for_retry(self, done: list[tuple[Job[OperationT], Any]], *, slow: bool) -> None:
        for job, result in done:
            if job.retry_on_failure and isinstance(result, Exception):
                job.tries += not slow  # an outage may be long
                if job.tries < _MAX_TRIES:
                    self._retry_queue.append(job)

    def _fail_the_rest(
        self,
        jobs: SimpleQueue[Job[OperationT]],
        error: Exception,
        done: list[tuple[Job[OperationT], Any]],
    ) -> list[tuple[Job[OperationT], Any]]:
        """Fail the queued jobs with the same error, instead of each after as long a wait.

        Returns:
            The job that closes, if there is one.
        """
        with suppress(Empty):
            while True:
                job = jobs.get_nowait()
                if job.operation is None:
                    return [(job, None)]
                if job.retry_on_failure:
                    self._retry_queue.append(job)
                done.append((job, error))
        return []


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
