"""The thread that does blocking work: what fails, what is tried again, and what comes meanwhile."""

import asyncio
import threading

import pytest
from support.polling import until

from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.storage.worker import WorkerThread


class Book:
    """Steps are words. It notes them, and fails on request."""

    error = QuotaStoreError

    def __init__(self):
        self.noted = []
        self.closed = 0
        self.looks = 0
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

    def check(self):
        self.looks += 1
        self.gate.wait(10)
        if self.refuses:
            raise QuotaStoreError("it is still shut")


@pytest.fixture
async def book():
    return Book()


@pytest.fixture
async def watched(book, monkeypatch):
    """A worker that notices an outage at once, and looks for its end without a pause."""
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    monkeypatch.setattr("cliq_async.storage.worker._LOOK_S", 0.0)
    worker = WorkerThread(book, lambda: None, book.check)
    yield worker
    book.refuses = False
    book.gate.set()
    await worker.close()


async def leave(worker, book, operation="left"):
    """Leave an operation that hangs."""
    book.gate.clear()
    task = asyncio.create_task(worker.call(operation))
    await book.begun()
    task.cancel()
    await asyncio.wait([task])


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
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
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


async def test_calls_fail_at_once_once_a_caller_has_left_a_resource_that_hangs(book, watched):
    await leave(watched, book)
    with pytest.raises(QuotaStoreError, match="has not answered for 0 s"):
        await watched.call("a")
    patient = asyncio.create_task(watched.call("b", patient=True))
    await asyncio.sleep(0)
    book.gate.set()
    assert await patient == "B"
    assert await watched.call("c") == "C"
    assert book.noted == ["left", "b", "c"]


async def test_calls_fail_at_once_after_a_slow_failure_until_a_look_succeeds(book, watched):
    book.refuses = True
    with pytest.raises(QuotaStoreError):
        await watched.call("a")
    with pytest.raises(QuotaStoreError, match="it is"):
        await watched.call("b")
    await until(lambda: book.looks > 2)
    book.refuses = False
    await until(lambda: watched.outage() is None)
    assert await watched.call("c") == "C"
    assert book.noted == ["c"]


async def test_what_has_to_last_outlasts_any_outage_and_no_one_waits_for_it(book, watched):
    book.refuses = True
    with pytest.raises(QuotaStoreError):
        await watched.call("a", retry_on_failure=True)
    watched.submit("b")
    with pytest.raises(QuotaStoreError):
        await watched.call("c", retry_on_failure=True)
    await until(lambda: book.looks > 200)
    book.refuses = False
    await until(lambda: len(book.noted) == 3)
    assert book.noted == ["a", "b", "c"]


async def test_patient_calls_are_tried_during_an_outage_and_end_it(book, watched, monkeypatch):
    monkeypatch.setattr("cliq_async.storage.worker._LOOK_S", 60.0)
    book.refuses = True
    for _ in range(2):
        with pytest.raises(QuotaStoreError, match="it is shut"):
            await watched.call("a", patient=True)
    book.refuses = False
    assert await watched.call("b", patient=True) == "B"
    assert await watched.call("c") == "C"


async def test_close_waits_no_longer_than_it_may_and_what_lasts_is_done_later(book, watched):
    book.gate.clear()
    first = asyncio.create_task(watched.call("first", patient=True))
    await book.begun()
    watched.submit("told")
    await watched.close(within_s=0.01)
    assert book.closed == 0
    book.gate.set()
    assert await first == "FIRST"
    await until(lambda: book.closed)
    assert book.noted == ["first", "told"]


async def test_what_lasts_is_done_after_the_outage_even_if_it_was_closed_in_between(book, watched):
    book.refuses = True
    watched.submit("told")
    with pytest.raises(QuotaStoreError):
        await watched.call("a")
    await watched.close(within_s=60)
    assert book.noted == []
    book.refuses = False
    await until(lambda: watched._thread is None)
    assert book.closed
    assert book.noted == ["told"]


async def test_failure_is_not_believed_for_ever_once_no_thread_looks(book, watched, monkeypatch):
    book.refuses = True
    with pytest.raises(QuotaStoreError):
        await watched.call("a")
    await watched.close(within_s=60)
    await until(lambda: watched._thread is None)
    book.refuses = False
    assert watched._outage.as_error() is not None
    monkeypatch.setattr("cliq_async.storage.outage._FRESH_S", 0.0)
    assert await watched.call("b") == "B"


async def test_one_thread_is_enough_however_often_it_is_closed_while_it_hangs(book, watched):
    await leave(watched, book)
    before = threading.active_count()
    for _ in range(20):
        with pytest.raises(QuotaStoreError):
            await watched.call("a")
        await watched.close(within_s=60)
    assert threading.active_count() == before


async def test_without_a_look_every_call_waits_for_its_own_answer(book, worker, monkeypatch):
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    await leave(worker, book)
    waiting = asyncio.create_task(worker.call("a"))
    await asyncio.sleep(0)
    book.gate.set()
    assert await waiting == "A"
    book.refuses = True
    for _ in range(2):
        with pytest.raises(QuotaStoreError, match="it is shut"):
            await worker.call("b")
    book.refuses = False
    assert await worker.call("c") == "C"
