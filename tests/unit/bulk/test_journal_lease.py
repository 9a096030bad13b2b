"""The lease on a journal on a server: one program at a time, and no lost record unnoticed."""

import asyncio
import time
from contextlib import closing
from functools import partial
from typing import cast

import attrs
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from support.journals import IDENTITY, Quick, a_url, durable_server, redis_rows
from support.redis_servers import RedisServer
from support.senders import Ids, Sender
from support.stores import Clock

from cliq_async.bulk.broadcast import Broadcast
from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_reader import read_journal
from cliq_async.bulk.journal_redis import RedisJournal
from cliq_async.bulk.journal_server import JournalServer
from cliq_async.bulk.journal_store import LeaseHeldError, RedisPlace, Row, parse_place
from cliq_async.errors import JournalError
from cliq_async.quota.stores.redis_server import RedisNode

SHORT_S = 0.1


@pytest.fixture
def url():
    return a_url()


def a_store(url, *, lease_s=60.0, **options):
    return RedisJournal(cast("RedisPlace", parse_place(url)), IDENTITY, lease_s=lease_s, **options)


def do(store, *operations):
    """The results; the first error is raised."""
    results = store.run(operations)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def put(store, key=1, status="sending"):
    row = Row(key, key - 1, b"digest", 2, status, "1\n2")
    do(store, partial(store.put, row))


def takes_over(url, **options):
    """Another program, once the lease before has ended."""
    store = a_store(url, **options)
    until = time.monotonic() + 5
    while True:
        try:
            do(store, store.begin)
        except LeaseHeldError:
            assert time.monotonic() < until
            time.sleep(SHORT_S / 5)
        else:
            return store


def test_who_waits_takes_over_a_journal_whose_lease_has_ended(url):
    first = a_store(url, lease_s=SHORT_S)
    put(first)
    second = takes_over(url)
    put(second, 2)
    assert redis_rows(second.place) == {"unknown": 2, "sending": 2}
    for _ in range(2):
        with pytest.raises(JournalError, match=r"process \d+ on host .* has taken over this job"):
            put(first, 3)
    first.close()
    put(second, 3, "delivered")
    assert redis_rows(second.place) == {"unknown": 2, "sending": 2, "delivered": 2}


def test_lease_that_nobody_has_taken_is_taken_again(url):
    store = a_store(url, lease_s=SHORT_S)
    put(store)
    time.sleep(2 * SHORT_S)
    put(store, 2, "delivered")  # is not waited for on the server's disk
    with pytest.raises(LeaseHeldError):
        do(other := a_store(url), other.begin)


def test_who_waits_is_told_who_holds_a_lease_that_is_renewed(url):
    first = a_store(url)
    put(first)
    second = a_store(url)
    time.sleep(0.05)
    with pytest.raises(LeaseHeldError, match=r"in use: process \d+ on host .* or has died"):
        do(second, second.begin)
    do(first, first.renew)
    with pytest.raises(JournalError, match=r"in use: process \d+ on host .* runs this job$"):
        do(second, second.begin)


def test_journal_that_is_closed_is_free_at_once(url):
    first = a_store(url)
    put(first, status="delivered")
    first.close()
    second = a_store(url)
    do(second, second.begin)
    assert second.sendable_s() > 0


def test_time_to_send_is_counted_from_before_the_lease_was_set(url):
    clock = Clock()
    store = a_store(url, lease_s=15.0, clock=clock)
    assert store.sendable_s() < 0
    put(store)
    clock.advance(14.9)
    assert 0 < store.sendable_s() < 0.11
    clock.advance(0.2)
    assert store.sendable_s() < 0
    do(store, store.renew)
    assert store.sendable_s() == pytest.approx(15.0)
    store.close()
    assert store.sendable_s() < 0


def test_operation_that_fails_writes_nothing_and_the_others_do(url):
    store = a_store(url)
    row = Row(1, 0, b"d", 2, "waiting", "1\n2")

    def fails():
        store.put(row)
        raise LookupError

    results = store.run([fails, partial(store.put, attrs.evolve(row, key=2, position=1))])
    assert isinstance(results[0], LookupError)
    assert redis_rows(store.place) == {"waiting": 2}


@pytest.mark.parametrize("executed", [True, False])
def test_transaction_whose_answer_is_lost_is_repeated(url, monkeypatch, executed):
    store = a_store(url)
    put(store)
    execute = RedisNode.execute
    broken = []

    def lose(node, *commands):
        if not broken and ("EXEC",) in commands:
            broken.append(commands)
            if executed:
                execute(node, *commands)
            raise RedisConnectionError("lost")
        return execute(node, *commands)

    monkeypatch.setattr(RedisNode, "execute", lose)
    put(store, 2)
    put(store, 3)
    assert broken
    assert redis_rows(store.place) == {"sending": 6}


def test_program_that_forks_keeps_its_lease(url):
    store, other = a_store(url), a_store(url)
    put(store)
    store.before_fork()
    assert store.sendable_s() > 0
    with pytest.raises(LeaseHeldError):
        do(other, other.begin)
    put(store, 2)


def test_forked_child_has_no_part_in_the_lease_of_its_parent(url):
    store = a_store(url)
    put(store)
    store.forget_after_fork()
    with pytest.raises(LeaseHeldError):
        do(store, store.begin)


@pytest.mark.parametrize("lost", ["the latest records of the journal", "the journal"])
def test_server_that_has_lost_records_stops_the_job_and_every_later_one(url, lost):
    store = a_store(url, lease_s=SHORT_S)
    put(store)
    keys = JournalServer(store.place)
    client = durable_server().client()
    with closing(client):
        older = client.dump(keys.meta)
        put(store, 2)
        client.delete(keys.meta)
        if lost != "the journal":
            client.restore(keys.meta, 0, older)
    for _ in range(2):
        with pytest.raises(JournalError, match=f"has lost {lost}: .* check Cliq's message history"):
            put(store, 3)
    store.close()
    for again in (takes_over, read_journal) if lost == "the journal" else (takes_over,):
        with pytest.raises(JournalError, match=f"has lost {lost}"):
            again(url)
    put(takes_over(f"{url}?accept_loss=yes", lease_s=SHORT_S), 4)
    takes_over(url)


def test_journal_that_must_exist_is_not_begun(url):
    with pytest.raises(JournalError, match="no such journal; if the job was begun, the server has"):
        takes_over(f"{url}?must_exist=yes")
    first = takes_over(url)
    first.close()
    takes_over(f"{url}?must_exist=yes")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "does not write each change to disk .appendonly is no.* set appendonly to yes"),
        (("--save", "60 1"), "does not write each change to disk"),
        (
            ("--appendonly", "yes", "--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"),
            "evicts keys .*noeviction",
        ),
    ],
)
def test_server_that_may_lose_the_journal_is_refused_unless_that_is_accepted(options, words):
    with RedisServer(options=options) as server:
        url = a_url(server)
        with pytest.raises(JournalError, match=words):
            takes_over(url)
        takes_over(f"{url}?accept_loss=yes")


def test_journal_of_a_later_version_is_refused(url):
    store = takes_over(url)
    store.close()
    client = durable_server().client()
    with closing(client):
        client.hset(JournalServer(store.place).meta, "format", "2")
    with pytest.raises(JournalError, match="later version"):
        takes_over(url)


def test_mark_is_on_the_servers_disk_before_anything_is_sent(url):
    """WAITAOF; its answer is in the commands that the server counts."""
    store = a_store(url)
    client = durable_server().client()
    with closing(client):
        can_say = client.info()["redis_version"] >= "7.2"
        waits = []
        for status in ("delivered", "sending", "delivered"):
            put(store, status=status)
            waits.append(client.info("commandstats").get("cmdstat_waitaof", {"calls": 0})["calls"])
    assert [each - waits[0] for each in waits] == ([0, 1, 1] if can_say else [0, 0, 0])


async def sends(sender, count):
    while len(sender.batches) < count:  # noqa: ASYNC110 - the sender has no event for it
        await asyncio.sleep(0.01)


async def test_job_ends_when_its_server_does_and_goes_on_later(monkeypatch):
    monkeypatch.setattr("cliq_async.bulk.journal_server._RETRY_S", 0.2)
    monkeypatch.setattr("cliq_async.bulk.journal_redis.LEASE_S", 0.5)
    sender = Sender(takes_s=0.01)
    with RedisServer(options=("--appendonly", "yes")) as server:
        url = a_url(server)
        job = Broadcast(sender, batch_size=10, max_in_flight=3, log=Journal(url, IDENTITY))
        running = asyncio.create_task(job.run(Ids(2000)))
        await sends(sender, 20)
        server.stop()
        report = await running
        assert isinstance(report.error, JournalError)
        assert "the server cannot be used for the journal" in str(report.stopped)
        server.start()
        again = Sender(takes_s=0)
        log = Journal(url, IDENTITY)
        second = await Broadcast(again, batch_size=10, max_in_flight=3, log=log).run(Ids(2000))
        unknown = {each for outcome in second.outcomes for each in outcome.ids}
    sent = [each for batch in sender.batches + again.batches for each in batch]
    assert len(sent) == len(set(sent))
    assert second.delivered + second.unknown == 2000
    assert {str(1000 + n) for n in range(2000)} - set(sent) <= unknown
    assert len(unknown) <= 60


async def test_job_ends_when_its_journal_vanishes_and_no_later_one_begins_anew():
    sender = Sender(takes_s=0.01)
    with RedisServer(options=("--appendonly", "yes")) as server:
        url = a_url(server)
        job = Broadcast(sender, batch_size=10, max_in_flight=3, log=Journal(url, IDENTITY))
        running = asyncio.create_task(job.run(Ids(2000)))
        await sends(sender, 20)
        client = server.client()
        with closing(client):
            client.flushall()
        report = await running
        assert "has lost the journal" in str(report.stopped)
        assert 0 < report.delivered < 2000
        later = Quick()
        with pytest.raises(JournalError, match="has lost the journal"):
            await Broadcast(later, batch_size=10, log=Journal(url, IDENTITY)).run(Ids(2000))
    assert later.batches == []
