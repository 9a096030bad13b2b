"""The thread that does blocking work: what fails, what is tried again, and what comes meanwhile."""

import asyncio
import threading

import pytest

from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.storage.worker import WorkerThread


class Book:
    """Steps are words. It notes them, and fails on request."""

    error = QuotaStoreError

    def __init__(self):
        self.noted = []
        self.closed = 0
        self.refuses = False
        self.gate = threading.Event()
        self.gate.set()
        self.at_work = threading.Event()

    async def begun(self):
        """Wait until the thread has taken what there was."""
        await asyncio.to_thread(self.at_work.wait, 10)

    def run(self, operations):
        self.at_work.set()
        self.gate.wait(10)
        if self.refuses:
            return [QuotaStoreError("it is shut")] * len(operations)
        return [self._note(operation) for operation in operations]

    def _note(self, operation):
        if operation == "bad":
            return ValueError("bad")
        self.noted.append(operation)
        return operation.upper()

    def close(self):
        self.closed += 1

    def abandon(self):
        self.noted = []


@pytest.fixture
async def book():
    return Book()


@pytest.fixture
async def worker(book):
    worker = WorkerThread(book, lambda: None)
    yield worker
    book.gate.set()
    await worker.close()


async def test_what_piled_up_keeps_its_order_and_a_bad_operation_spoils_no_other(book, worker):
    book.gate.clear()
    results = asyncio.gather(*map(worker.call, ("a", "bad", "b")), return_exceptions=True)
    await asyncio.sleep(0)
    book.gate.set()
    a, bad, b = await results
    assert (a, b) == ("A", "B")
    assert isinstance(bad, ValueError)
    assert book.noted == ["a", "b"]


async def test_what_is_told_is_tried_again_until_it_is_done_and_done_once(book, worker):
    book.refuses = True
    worker.submit("a")
    with pytest.raises(QuotaStoreError):
        await worker.call("b")
    book.refuses = False
    assert await worker.call("c") == "C"
    assert await worker.call("d") == "D"
    assert book.noted == ["a", "c", "d"]


async def test_what_has_to_last_is_done_even_if_who_asked_was_told_that_it_failed(book, worker):
    book.refuses = True
    with pytest.raises(QuotaStoreError):
        await worker.call("a", retry_on_failure=True)
    book.refuses = False
    await worker.call("b")
    assert book.noted == ["a", "b"]


async def test_what_has_to_last_is_done_even_if_who_asked_has_left(book, worker):
    book.gate.clear()
    first = asyncio.create_task(worker.call("first"))
    await book.begun()
    lasting = asyncio.create_task(worker.call("lasting", retry_on_failure=True))
    gone = asyncio.create_task(worker.call("gone"))
    await asyncio.sleep(0)
    lasting.cancel()
    gone.cancel()
    await asyncio.sleep(0)
    book.gate.set()
    await first
    await worker.call("last")
    assert book.noted == ["first", "lasting", "last"]


async def test_operation_that_fails_for_ever_is_given_up(book, worker):
    worker.submit("bad")
    for _ in range(200):
        await worker.call("a")
    assert not worker._retry_queue


async def test_who_came_while_something_slow_went_wrong_does_not_wait_for_it_again(
    book, worker, monkeypatch
):
    monkeypatch.setattr("cliq_async.storage.worker._SLOW_S", 0.0)
    book.gate.clear()
    book.refuses = True
    first = asyncio.create_task(worker.call("a"))
    await book.begun()
    runs = []
    run = book.run
    book.run = lambda operations: runs.append(operations) or run(operations)
    others = [asyncio.create_task(worker.call(name)) for name in "bcd"]
    worker.submit("told")
    await asyncio.sleep(0)
    book.gate.set()
    for task in (first, *others):
        with pytest.raises(QuotaStoreError):
            await task
    assert runs == []
    book.refuses = False
    await worker.call("e")
    assert book.noted == ["told", "e"]


async def test_it_goes_on_after_it_was_closed_and_never_twice_at_once(book, worker):
    book.gate.clear()
    worker.submit("a")
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    after = asyncio.create_task(worker.call("b"))
    await book.begun()
    assert book.noted == []
    book.gate.set()
    await closing
    assert await after == "B"
    assert book.noted == ["a", "b"]
    assert book.closed == 1


async def test_a_thread_that_cannot_be_had_is_an_error_and_nothing_hangs(book, worker, monkeypatch):
    def no_thread(_self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        worker.submit("told")
        with pytest.raises(CliqError, match="no thread"):
            await worker.call("a")
    assert await worker.call("b") == "B"
    assert book.noted[0] == "told"


async def test_a_bug_below_is_an_error_for_who_asked_and_the_thread_goes_on(book, worker):
    run, book.run = book.run, lambda operations: 1 / 0
    with pytest.raises(ZeroDivisionError):
        await worker.call("a")
    book.run = run
    assert await worker.call("b") == "B"
