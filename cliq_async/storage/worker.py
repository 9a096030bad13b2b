"""A thread that does blocking work, for any number of event loops and other threads.

What has piled up is done in one go. Nobody who hands something over waits for it, unless they
want the answer; then their event loop goes on meanwhile.
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

StepT = TypeVar("StepT")

_MOST: Final = 256
_MOST_OWED: Final = 100_000
_TRIES: Final = 100
_SLOW_S: Final = 1.0
"""Who came while something went wrong for that long is told so as well. Real seconds."""
_LAST_S: Final = 2.0
"""How long the end of the program is held up to write down what is pending."""


_StepT_contra = TypeVar("_StepT_contra", contravariant=True)


class Backend(Protocol[_StepT_contra]):
    """What the thread works on."""

    @property
    def error(self) -> Callable[[str], CliqError]:
        """Makes an exception for a thread that cannot be started."""
        ...

    def run(self, steps: Sequence[_StepT_contra]) -> list[Any]:
        """Make some steps; returns what each of them returns, or the exception that it raised."""
        ...

    def close(self) -> None:
        """Let go of what is open; the next step opens it again."""
        ...

    def forget_after_fork(self) -> None:
        """Forget what is open without closing it: it is another process's."""
        ...


@attrs.define(eq=False)
class _Job(Generic[StepT]):
    """A step, and whoever waits for its result. Without a step: close and end.

    Attributes:
        step: The step.
        lasting: Whether it is tried again if it fails.
        loop: The event loop of whoever waits.
        future: What they wait for.
        tries: How often it has failed.
    """

    step: StepT | None
    lasting: bool = False
    loop: asyncio.AbstractEventLoop | None = None
    future: "asyncio.Future[Any] | None" = None
    tries: int = 0


class WorkerThread(Generic[StepT]):
    """Runs steps in a thread, which is started when there is something to do.

    Args:
        blocking: What the steps work on.
        forked: Called in a forked child, where nothing of the parent's work goes on.
    """

    def __init__(self, blocking: Backend[StepT], forked: Callable[[], None]) -> None:
        self._blocking = blocking
        self._forked = forked
        self._pid = os.getpid()
        self._jobs: SimpleQueue[_Job[StepT]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ending: threading.Thread | None = None
        # Reentrant: the garbage collector may end a token in here.
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._owed: deque[_Job[StepT]] = deque(maxlen=_MOST_OWED)
        _workers.add(self)

    async def call(self, step: StepT, *, lasting: bool = False) -> Any:
        """Run a step and return what it returns, or raise what it raises.

        Args:
            step: The step.
            lasting: Whether it is to be done later if it fails now.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        job = _Job(step, lasting, loop, future)
        try:
            self._put(job)
        except RuntimeError as error:
            raise self._blocking.error(f"there is no thread to be had: {error}") from error
        return await future

    async def call_all(self, steps: Iterable[StepT]) -> list[Any]:
        """The same for several steps."""
        return list(await asyncio.gather(*map(self.call, steps)))

    def submit(self, step: StepT) -> None:
        """Run a step some time soon; never waits. If it fails, it is tried again with the next."""
        with suppress(RuntimeError):  # whoever asks next starts the thread
            self._put(_Job(step, lasting=True))

    async def close(self) -> None:
        """Wait for what was handed over so far, and let go of what is open."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._end(loop, future):
            await future

    def flush_at_exit(self) -> None:
        """The same at the end of the program, for a moment at the most."""
        thread = self._thread
        if self._end(None, None) and thread is not None:
            thread.join(_LAST_S)

    def before_fork(self) -> None:
        """Before a fork: wait for what is being done, and close what a child must not inherit."""
        self._busy.acquire()
        self._blocking.close()

    def after_fork_in_parent(self) -> None:
        """After a fork, in the parent."""
        self._busy.release()

    def after_fork_in_child(self) -> None:
        """After a fork, in the child: the thread is the parent's, and so is all its work."""
        self._pid = os.getpid()
        self._jobs = SimpleQueue()
        self._thread = self._ending = None
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._owed.clear()
        self._blocking.forget_after_fork()
        self._forked()

    def _put(self, job: _Job[StepT]) -> None:
        if self._pid != os.getpid():  # forked by something that knows nothing of Python
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

    def _serve(self, jobs: SimpleQueue[_Job[StepT]], before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        while True:
            batch = [jobs.get()]
            with suppress(Empty):
                while batch[-1].step is not None and len(batch) < _MOST:
                    batch.append(jobs.get_nowait())
            last = batch.pop() if batch[-1].step is None else None
            with self._busy:
                began = monotonic()
                told = self._do([job for job in batch if job.lasting or not _is_gone(job)])
                if last is None and monotonic() - began >= _SLOW_S and (error := _failure(told)):
                    last = self._fail_the_rest(jobs, error, told)
                # Only now: who comes after the news is to have news of their own.
                _deliver(told)
                if last is not None:
                    self._blocking.close()
            if last is not None:
                _deliver([(last, None)])
                return

    def _do(self, batch: list[_Job[StepT]]) -> list[tuple[_Job[StepT], Any]]:
        """Run the steps of some jobs, and of those that are owed; returns them with the results."""
        owed, self._owed = list(self._owed), deque(maxlen=_MOST_OWED)
        jobs = [*owed, *batch]
        steps = [job.step for job in jobs if job.step is not None]
        try:
            results = self._blocking.run(steps) if steps else []
        except Exception as error:  # noqa: BLE001 - else everybody would wait for ever
            results = [error] * len(steps)
        for job, result in zip(jobs, results, strict=True):
            if job.lasting and isinstance(result, Exception):
                job.tries += 1
                if job.tries < _TRIES:
                    self._owed.append(job)
        return list(zip(jobs, results, strict=True))

    def _fail_the_rest(
        self,
        jobs: SimpleQueue[_Job[StepT]],
        error: Exception,
        told: list[tuple[_Job[StepT], Any]],
    ) -> _Job[StepT] | None:
        """Have those who came meanwhile not wait for the same to go wrong again, one by one."""
        with suppress(Empty):
            while True:
                job = jobs.get_nowait()
                if job.step is None:
                    return job
                if job.lasting:
                    self._owed.append(job)
                told.append((job, error))
        return None


def _failure(told: list[tuple[_Job[Any], Any]]) -> Exception | None:
    """What went wrong, if the same did for all."""
    results = [result for _job, result in told]
    same = bool(results) and all(result is results[0] for result in results)
    return results[0] if same and isinstance(results[0], Exception) else None


def _is_gone(job: _Job[Any]) -> bool:
    return job.future is not None and job.future.done()


def _deliver(results: list[tuple[_Job[Any], Any]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in results:
        if job.loop is not None and job.future is not None:
            by_loop.setdefault(job.loop, []).append((job.future, result))
            job.future = None  # told once, however often it is tried
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):  # that loop was closed meanwhile
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
