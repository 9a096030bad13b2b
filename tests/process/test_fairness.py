"""Broadcasts at the same time share the quota: by turns in one process, and between several.

All in virtual time, with a network and a server that count what arrives. Of any 100 requests in a
row, which is two windows, each of two jobs has 40 to 60 while both have work; of any 150, each of
three has 40 to 60.
"""

import asyncio
import functools
import json
from contextlib import AsyncExitStack
from typing import Any, cast

import attrs
import msgspec
import pytest
from support import redis_servers
from support.simulation import Network, a_client, a_server
from support.stores import Inline

from cliq_async.client import CliqClient
from cliq_async.quota.stores.redis import RedisStore
from cliq_async.quota.stores.sqlite import SqliteStore
from cliq_async.testing import run_in_virtual_time
from cliq_async.transport.dialect import Quirk

THRESHOLD = 50
LEAST, MOST = 40, 60
AS_DOCUMENTED = json.dumps({trait.name: False for trait in Quirk})


@attrs.frozen
class Job:
    """A broadcast of one request a recipient.

    Attributes:
        requests: How many.
        in_flight: How many of them at once.
        start_s: When it begins.
        headroom: How many tokens it leaves to others.
    """

    requests: int
    in_flight: int | None = None
    start_s: float = 0.0
    headroom: int = 0

    async def run(self, client: CliqClient, name: str) -> float:
        """Returns when it was done."""
        await asyncio.sleep(self.start_s)
        report = await client.broadcast(
            name,
            name,
            range(1, 1 + self.requests),
            batch_size=1,
            max_in_flight=self.in_flight,
            headroom=self.headroom,
        )
        assert report.delivered == self.requests
        return asyncio.get_running_loop().time()


@attrs.define(eq=False)
class Sent:
    """A transport that takes note of whose requests it carries, and when."""

    network: Network
    names: list[str] = attrs.Factory(list)
    times: list[float] = attrs.Factory(list)

    async def send(self, request, permit):
        self.names.append(msgspec.json.decode(request.body)["text"])
        self.times.append(asyncio.get_running_loop().time())
        return await self.network.send(request, permit)

    async def close(self):
        pass

    def shares(self, *, after_s=0.0):
        """Of any requests in a row, a window's for each job, how many each has.

        While all of them have work.
        """
        jobs = set(self.names)
        first = max(self.names.index(each) for each in jobs)
        last = min(len(self.names) - self.names[::-1].index(each) for each in jobs)
        first = max(first, sum(at < after_s for at in self.times))
        width = THRESHOLD * len(jobs)
        assert last - first >= 2 * width, "there is something to see"
        for start in range(first, last - width + 1):
            some = self.names[start : start + width]
            yield [some.count(each) for each in sorted(jobs)]

    def fair(self, **options):
        return all(LEAST <= many <= MOST for share in self.shares(**options) for many in share)


@functools.cache
def in_one_process(*jobs, seed=1):
    """Runs jobs on one client; returns what was sent, and when each was done."""

    async def main():
        network = a_server("rolling", "fixed", "bucket", seed=seed)
        sent = Sent(network)
        async with a_client(cast("Any", sent), timeout_s=None) as client:
            ends = await asyncio.gather(
                *(job.run(client, f"bot{number}") for number, job in enumerate(jobs))
            )
        assert network.lockouts == []
        return sent, ends

    return run_in_virtual_time(main())


def as_fast_as_one(ends, *jobs, seed=1):
    """Whether all were done when one job of as many requests would have been."""
    one = Job(sum(job.requests for job in jobs))
    _, (end,) = in_one_process(one, seed=seed)
    return max(ends) <= 1.01 * end


# In one process.


@pytest.mark.parametrize(
    "jobs",
    [
        (Job(300), Job(300)),
        (Job(300), Job(900)),
        (Job(300), Job(300, in_flight=200)),
        (Job(250), Job(250), Job(400)),
        (Job(1000), Job(300, start_s=600.0)),
        (Job(1000), Job(300, start_s=630.0)),
    ],
    ids=["equal", "longer", "more in flight", "three", "joins", "joins between"],
)
def test_broadcasts_at_once_get_equal_parts_and_are_as_fast_as_one(jobs):
    sent, ends = in_one_process(*jobs)
    assert sent.fair()
    assert as_fast_as_one(ends, *jobs)


def test_broadcasts_that_leave_as_many_tokens_to_others_get_equal_parts():
    sent, ends = in_one_process(Job(200, headroom=10), Job(200, headroom=10))
    assert sent.fair()
    _, (alone,) = in_one_process(Job(400, headroom=10))
    assert max(ends) <= 1.01 * alone


@pytest.mark.parametrize("seed", range(2))
def test_broadcast_with_few_in_flight_is_never_behind_one_that_has_got_more(seed):
    """It gets what it can take of a burst, and half as soon as tokens come back one by one."""
    jobs = Job(1100), Job(500, in_flight=5)
    sent, ends = in_one_process(*jobs, seed=seed)
    assert min(few for _, few in sent.shares()) >= 20
    assert sent.fair(after_s=900.0)
    assert as_fast_as_one(ends, *jobs, seed=seed)


def test_no_window_goes_to_one_of_two_broadcasts_alone():
    sent, _ = in_one_process(Job(300), Job(300))
    windows = [sent.names[start : start + THRESHOLD] for start in range(THRESHOLD, 500)]
    assert {each.count("bot0") for each in windows} <= set(range(20, 31))


def test_broadcast_that_joins_is_served_with_the_next_tokens():
    sent, _ = in_one_process(Job(1000), Job(300, start_s=600.0))
    assert sent.times[sent.names.index("bot1")] <= 600.0 + 62.0


def test_broadcast_that_is_left_alone_gets_all_of_it():
    _, ends = in_one_process(Job(300), Job(900))
    assert ends[0] == pytest.approx(2 * 300 / 50 * 61.1, rel=0.2)
    assert ends[1] == pytest.approx(1200 / 50 * 61.1, rel=0.05)


@pytest.mark.parametrize("headroom", [10, 40])
def test_broadcast_that_leaves_tokens_to_others_does_not_hold_up_one_that_does_not(headroom):
    _, (end, _) = in_one_process(Job(300), Job(60, headroom=headroom))
    _, (beside_another, _) = in_one_process(Job(300), Job(60))
    assert end <= 1.01 * beside_another


# In several.


class Away(Inline):
    """A store's place that takes some time to answer."""

    def __init__(self, backend, takes_s):
        super().__init__(backend)
        self.takes_s = takes_s

    async def call(self, operation, *, retry_on_failure=False, patient=False):
        await asyncio.sleep(self.takes_s)
        return await super().call(operation, retry_on_failure=retry_on_failure)


@pytest.fixture(params=["sqlite", "redis"])
def a_store(request, tmp_path):
    """Makes a process's store, at one place for all."""
    url = None
    if request.param == "redis":
        url = redis_servers.shared().url
        with redis_servers.shared().client() as client:
            client.flushdb()

    def make(takes_s):
        clock = asyncio.get_running_loop().time
        if url is None:
            store: Any = SqliteStore(tmp_path / "quota.db", clock=clock, boot="one")
        else:
            store = RedisStore(url, clock=clock, server_time=clock)
        store._worker = Away(store._worker.backend, takes_s)
        return store

    return make


def in_processes(a_store, jobs, takes_s, seed=1, killed_at_s=None):
    """Runs each job on a client with a store of its own; the last one's may be killed."""

    async def main():
        network = a_server("rolling", "fixed", "bucket", seed=seed)
        sent = Sent(network)
        async with AsyncExitStack() as stack:
            stores, running = [], []
            for number, job in enumerate(jobs):
                stores.append(a_store(takes_s[number]))
                # The form of a request is known, so that all of them go out at once.
                stores[-1].set_record("dialect https://cliq.zoho.com", AS_DOCUMENTED, until=1e6)
                stack.push_async_callback(stores[-1].close)
                options: Any = {"transport": sent, "quota": stores[-1], "timeout_s": None}
                client = await stack.enter_async_context(CliqClient("token", **options))
                running.append(asyncio.create_task(job.run(client, f"bot{number}")))
            if killed_at_s is not None:
                await asyncio.sleep(killed_at_s)
                stores[-1]._worker.takes_s = 1e6
            ends = [await each for each in running[: -1 if killed_at_s else None]]
            running[-1].cancel()
            await asyncio.wait(running)
        assert network.lockouts == []
        return sent, ends

    return run_in_virtual_time(main())


@pytest.mark.parametrize(
    "takes_s",
    [(0.0, 0.0), (0.0003, 0.0003), (0.0003, 0.005), (0.005, 0.0003)],
    ids=["at once", "equal", "slow second", "slow first"],
)
def test_broadcasts_of_two_processes_get_equal_parts_however_fast_each_asks(a_store, takes_s):
    jobs = Job(250), Job(250)
    sent, ends = in_processes(a_store, jobs, takes_s)
    assert sent.fair()
    assert as_fast_as_one(ends, *jobs)


def test_broadcasts_of_three_processes_get_equal_parts(a_store):
    jobs = Job(250), Job(250), Job(250)
    sent, ends = in_processes(a_store, jobs, (0.0003, 0.001, 0.003))
    assert sent.fair()
    assert as_fast_as_one(ends, *jobs)


def test_broadcast_with_few_in_flight_beside_another_process_gets_what_it_can_take(a_store):
    jobs = Job(1000), Job(450, in_flight=5)
    sent, ends = in_processes(a_store, jobs, (0.0003, 0.003))
    assert min(few for _, few in sent.shares()) >= 15
    assert sent.fair(after_s=900.0)
    assert as_fast_as_one(ends, *jobs)


def test_nothing_is_kept_for_a_process_that_was_killed(a_store):
    jobs = Job(400), Job(400)
    sent, (end,) = in_processes(a_store, jobs, (0.0003, 0.001), killed_at_s=200.0)
    assert sent.names.count("bot1") < 200
    assert end <= 1.05 * len(sent.names) / 50 * 61.5


@pytest.mark.parametrize("headroom", [10, 40])
def test_nothing_is_kept_for_a_process_that_leaves_more_to_others(a_store, headroom):
    jobs = Job(300), Job(60, headroom=headroom)
    sent, (end, _) = in_processes(a_store, jobs, (0.0003, 0.0003))
    got = len(sent.names) - sent.names[::-1].index("bot0")
    assert end <= 1.02 * got / 50 * 61.2
