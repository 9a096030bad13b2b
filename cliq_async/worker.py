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
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

import attrs

from cliq_async.errors import CliqError

__all__ = ["Blocking", "Worker"]

StepT = TypeVar("StepT")

_MOST: Final = 256
_MOST_OWED: Final = 100_000
_LAST_S: Final = 2.0
"""How long the end of the program is held up to write down what is pending."""


_StepT_contra = TypeVar("_StepT_contra", contravariant=True)


class Blocking(Protocol[_StepT_contra]):
    """What the thread works on."""

    def run(self, steps: Sequence[_StepT_contra]) -> list[Any]:
        """Make some steps, all of them or none."""
        ...

    def close(self) -> None:
        """Let go of what is open; the next step opens it again."""
        ...


@attrs.frozen(eq=False)
class _Job(Generic[StepT]):
    """A step, and whoever waits for its result. Without a step: close and end."""

    step: StepT | None
    loop: asyncio.AbstractEventLoop | None = None
    future: "asyncio.Future[Any] | None" = None


class Worker(Generic[StepT]):
    """Runs steps in a thread, which is started when there is something to do.

    Args:
        blocking: What the steps work on.
        forked: Called in a forked child, where nothing of the parent's work goes on.
    """

    def __init__(self, blocking: Blocking[StepT], forked: Callable[[], None]) -> None:
        self._blocking = blocking
        self._forked = forked
        self._jobs: SimpleQueue[_Job[StepT]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # Reentrant: the garbage collector may end a token in here.
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._owed: deque[StepT] = deque(maxlen=_MOST_OWED)
        _workers.add(self)

    async def ask(self, step: StepT) -> Any:
        """Run a step and return what it returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._put(_Job(step, loop, future))
        return await future

    async def ask_all(self, steps: Iterable[StepT]) -> list[Any]:
        """The same for several steps."""
        return list(await asyncio.gather(*map(self.ask, steps)))

    def tell(self, step: StepT) -> None:
        """Run a step some time soon; never waits. If it fails, it is tried again with the next."""
        self._put(_Job(step))

    async def close(self) -> None:
        """Wait for what was handed over so far, and let go of what is open."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._end(loop, future):
            await future

    def finish(self) -> None:
        """The same at the end of the program, for a moment at the most."""
        thread = self._thread
        if self._end(None, None) and thread is not None:
            thread.join(_LAST_S)

    def pause(self) -> None:
        """Before a fork: wait for what is being done, and close what a child must not inherit."""
        self._busy.acquire()
        self._blocking.close()

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._busy.release()

    def restart(self) -> None:
        """After a fork, in the child: the thread is the parent's, and so is all its work."""
        self._jobs = SimpleQueue()
        self._thread = None
        self._starting = threading.RLock()
        self._busy = threading.Lock()
        self._owed.clear()
        self._forked()

    def _put(self, job: _Job[StepT]) -> None:
        with self._starting:
            self._jobs.put(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, args=(self._jobs,), name="cliq_async worker", daemon=True
                )
                self._thread.start()

    def _end(
        self, loop: asyncio.AbstractEventLoop | None, future: "asyncio.Future[Any] | None"
    ) -> bool:
        with self._starting:
            running, self._thread = self._thread is not None, None
            if running:
                self._jobs.put(_Job(None, loop, future))
        return running

    def _serve(self, jobs: SimpleQueue[_Job[StepT]]) -> None:
        while True:
            batch = [jobs.get()]
            with suppress(Empty):
                while batch[-1].step is not None and len(batch) < _MOST:
                    batch.append(jobs.get_nowait())
            last = batch.pop() if batch[-1].step is None else None
            with self._busy:
                self._do(batch)
                if last is not None:
                    self._blocking.close()
            if last is not None:
                _deliver([(last, None)])
                return

    def _do(self, batch: list[_Job[StepT]]) -> None:
        owed = list(self._owed)
        steps = [*owed, *(job.step for job in batch if job.step is not None)]
        if not steps:
            return
        try:
            results = self._blocking.run(steps)[len(owed) :]
        except CliqError as error:
            self._owed.extend(job.step for job in batch if job.step and job.future is None)
            results = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - whoever asked is to have it
            if len(steps) == 1:
                results = [error]
            else:  # one of them spoils the others
                self._owed.clear()
                for job in (*(_Job(step) for step in owed), *batch):
                    self._do([job])
                return
        else:
            self._owed.clear()
        _deliver(list(zip(batch, results, strict=True)))


def _deliver(results: list[tuple[_Job[Any], Any]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in results:
        if job.loop is not None and job.future is not None:
            by_loop.setdefault(job.loop, []).append((job.future, result))
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


_workers: WeakSet[Worker[Any]] = WeakSet()
_paused: list[Worker[Any]] = []


def _before_fork() -> None:
    for worker in list(_workers):
        worker.pause()
        _paused.append(worker)


def _in_parent() -> None:
    while _paused:
        _paused.pop().resume()


def _in_child() -> None:
    while _paused:
        _paused.pop().restart()


def _at_exit() -> None:
    for worker in list(_workers):
        worker.finish()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
atexit.register(_at_exit)
