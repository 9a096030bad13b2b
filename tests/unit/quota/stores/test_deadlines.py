"""Stores that hang or are gone: a call ends with its budget, and leaves nothing spent."""

import asyncio
import signal
import sqlite3
import threading
import time
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial

import pytest
from support.polling import until
from support.redis_servers import RedisServer, free_port
from support.scripted import DONE, THROTTLED, Scripted
from support.stores import Clock, a_quota

from cliq_async.client import CliqClient
from cliq_async.clock import system_clock
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, TokenOutcome
from cliq_async.quota.stores.backend import State, StateBackend
from cliq_async.quota.stores.deadlines import LastLook, answer_by
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.threaded import ThreadedStore


class Gate(StateBackend):
    """A backend of a user's own, which hangs while its gate is shut."""

    def __init__(self):
        self.states = {}
        self.opened = threading.Event()
        self.opened.set()
        self.at_work = threading.Event()

    def load(self, key):
        self.at_work.set()
        self.opened.wait(10)
        return State(self.states.get(key), system_clock())

    def swap(self, key, state, data, keep_until):
        self.states[key] = data
        return True

    def close(self):
        """Nothing is open."""


@asynccontextmanager
async def gated():
    gate = Gate()
    store = ThreadedStore(gate, system_clock)
    yield gate, store
    gate.opened.set()
    await store.close()


async def free(store, quota=None):
    (snapshot,) = await store.snapshots([quota or a_quota()])
    return snapshot.free


@contextmanager
def stopped(tmp_path):
    with RedisServer() as server:
        yield server.url, lambda: server.send_signal(signal.SIGSTOP)
        server.send_signal(signal.SIGCONT)


@contextmanager
def killed(tmp_path):
    with RedisServer() as server:
        yield server.url, server.stop


@contextmanager
def refused(tmp_path):
    yield f"redis://127.0.0.1:{free_port()}", None


@contextmanager
def locked(tmp_path):
    path = tmp_path / "quota.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        yield f"sqlite://{path}", lambda: other.execute("BEGIN EXCLUSIVE")


@pytest.mark.parametrize("outage", [stopped, killed, refused, locked])
async def test_call_and_close_end_in_time_and_nothing_is_sent(outage, tmp_path, monkeypatch):
    monkeypatch.setattr("cliq_async.quota.stores.threaded._CLOSE_S", 0.1)
    transport = Scripted([DONE])
    with outage(tmp_path) as (url, begin):
        async with CliqClient("t", transport=transport, quota=url, max_wait_s=0) as client:
            if begin is not None:
                await client.with_options(max_wait_s=30).bots.list()  # connecting may take a while
                begin()
            sent = len(transport.requests)
            began = time.monotonic()
            with pytest.raises(QuotaStoreError, match=r"did not answer within 0.25 s; nothing was"):
                await client.bots.list()
            with pytest.raises(QuotaStoreError):
                await client.quota_status()
            assert time.monotonic() - began < 1.0
            assert len(transport.requests) == sent
            began = time.monotonic()
        assert time.monotonic() - began < 0.5


async def test_server_that_goes_on_is_used_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    with RedisServer() as server:
        options = {"transport": Scripted([DONE]), "quota": server.url}
        async with CliqClient("t", max_wait_s=0, **options) as client:
            await client.with_options(max_wait_s=30).bots.list()
            server.send_signal(signal.SIGSTOP)
            for message in ("did not answer within 0.25 s", "has not answered for 0 s"):
                with pytest.raises(QuotaStoreError, match=message):
                    await client.bots.list()
            server.send_signal(signal.SIGCONT)
            await until(lambda: client._store._worker.outage() is None)  # type: ignore[attr-defined]
            await client.bots.list()
            assert (await client.quota_status())["list_bots"].free == 28, "none was spent in vain"


async def test_take_that_is_answered_after_its_caller_has_left_spends_nothing():
    async with (
        gated() as (gate, store),
        CliqClient("t", transport=Scripted([DONE]), quota=store) as client,
    ):
        gate.opened.clear()
        with pytest.raises(QuotaStoreError):
            await client.with_options(max_wait_s=0).bots.list()
        gate.opened.set()
        assert (await client.quota_status())["list_bots"].free == 30


async def test_waiters_behind_a_take_that_hangs_end_in_time_too():
    async with gated() as (gate, store):
        limiter, quota = Limiter.of(store), a_quota(3)
        gate.opened.clear()
        deadline = system_clock() + 0.3
        calls = [limiter.acquire(quota, deadline=deadline) for _ in range(5)]
        began = time.monotonic()
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, QuotaStoreError)
        assert time.monotonic() - began < 1.0
        gate.opened.set()
        assert await free(store) == 3


async def test_takes_that_were_never_asked_for_leave_nothing_to_do(monkeypatch):
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    async with gated() as (gate, store):
        limiter, quota = Limiter.of(store), a_quota(3)
        gate.opened.clear()
        for _ in range(50):
            with pytest.raises(QuotaStoreError):
                await limiter.acquire(quota, deadline=system_clock())
        assert store._worker._jobs.qsize() == 1, "the end of the first"
        assert not store._not_asked
        gate.opened.set()
        await until(lambda: store._worker.outage() is None)
        tokens = [await limiter.acquire(quota) for _ in range(3)]
        for token in tokens:
            token.end(TokenOutcome.NEVER_SENT)


async def test_refusal_is_not_waited_for_but_locks_the_bucket_all_the_same():
    async with gated() as (gate, store):

        def refuse(_request):
            gate.opened.clear()
            return THROTTLED

        client = CliqClient("t", transport=Scripted([refuse]), quota=store, max_wait_s=0)
        async with client:
            with pytest.raises(QuotaStoreError, match="refused the request and did not execute it"):
                await client.bots.list()
            gate.opened.set()
            status = (await client.quota_status())["list_bots"]
            assert status.locked_until is not None
            assert status.free == 0


async def test_bulk_waits_for_a_store_that_others_have_given_up(monkeypatch):
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    async with gated() as (gate, store):
        options = {"transport": Scripted([DONE]), "quota": store}
        async with CliqClient("t", max_wait_s=0, **options) as client:
            gate.opened.clear()
            with pytest.raises(QuotaStoreError):
                await client.bots.list()
            patient = client.with_options(lane="bulk", max_wait_s=None)
            task = asyncio.create_task(patient.bots.list())
            with pytest.raises(QuotaStoreError, match="has not answered for 0 s"):
                await client.bots.list()
            gate.opened.set()
            await task


async def test_batch_outlasts_an_impatient_caller_ahead_of_it_in_the_queue(monkeypatch):
    monkeypatch.setattr("cliq_async.storage.outage.SLOW_S", 0.0)
    async with gated() as (gate, store):
        limiter, quota = Limiter.of(store), a_quota(1)
        token = await limiter.acquire(quota)
        batch = asyncio.create_task(limiter.acquire(quota, lane=Lane.BULK))
        caller = asyncio.create_task(limiter.acquire(quota))
        queue = limiter._queues[quota.key]
        await until(lambda: len(queue) == 2 and queue._sleep is not None)
        gate.opened.clear()
        with pytest.raises(QuotaStoreError):
            await answer_by(system_clock(), store, store.snapshots([quota]))
        assert store._worker.outage() is not None
        token.end(TokenOutcome.NEVER_SENT)  # its listener wakes the queue once it is stored
        queue.wake()
        with pytest.raises(QuotaStoreError):
            await caller
        gate.opened.set()
        (await batch).end(TokenOutcome.NEVER_SENT)


async def test_no_deadline_and_a_store_in_memory_are_waited_for_as_they_are():
    clock = Clock()
    answer = asyncio.get_running_loop().create_future()
    answer.set_result(1)
    assert await answer_by(clock.now, MemoryStore(clock=clock), answer) == 1
    async with gated() as (_gate, store):
        assert await answer_by(None, store, answer) == 1


async def test_errors_of_a_store_become_store_errors_unless_they_are_errors_of_the_package():
    async def fail(error):
        raise error

    async with gated() as (_gate, store):
        for deadline in (None, system_clock() + 9):
            for error in (TimeoutError("its own"), KeyError("its own"), OSError(28, "full")):
                with pytest.raises(QuotaStoreError, match=type(error).__name__) as caught:
                    await answer_by(deadline, store, fail(error))
                assert caught.value.__cause__ is error
            with pytest.raises(QuotaStoreError, match="its own"):
                await answer_by(deadline, store, fail(QuotaStoreError("its own")))
            with pytest.raises(asyncio.CancelledError):
                await answer_by(deadline, store, fail(asyncio.CancelledError()))


@pytest.mark.parametrize("max_wait_s", [0.0, 0.2])
@pytest.mark.parametrize("turns", [1, 2, 4])
async def test_loop_that_stood_still_reads_the_answer_before_it_gives_up(
    tmp_path, turns, max_wait_s
):
    transport, url = Scripted([DONE] * 6), f"sqlite://{tmp_path}/quota.db"
    async with CliqClient("t", transport=transport, quota=url, max_wait_s=max_wait_s) as client:
        await client.bots.list()
        calls = [asyncio.create_task(client.bots.list()) for _ in range(5)]
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the program's mistake
        await asyncio.gather(*calls)
    assert len(transport.requests) == 6


@pytest.mark.parametrize("late", [False, True])
async def test_last_look_is_short_and_can_be_cancelled(late):
    loop = asyncio.get_running_loop()
    done, started = loop.create_future(), loop.time()
    LastLook(started - late, partial(done.set_result, None))
    LastLook(started - late, done.cancel).cancel()
    await done
    assert (loop.time() - started >= 0.05) == late
