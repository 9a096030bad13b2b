"""Records that all processes can read. The clock is the test's."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from support.stores import STORES, a_quota

from cliq_async.quota.stores.records import Record, keeps_records


@pytest.fixture(params=STORES, ids=[store.__name__ for store in STORES])
async def store(request, tmp_path, clock):
    async with asynccontextmanager(request.param)(clock, tmp_path) as made:
        yield made


async def text(store, name="n"):
    record = await store.get_record(name)
    return record and record.text


async def test_every_store_keeps_records_and_not_everything_does(store):
    assert keeps_records(store)
    assert not keeps_records(object())
    assert await store.get_record("n") is None


async def test_record_is_there_until_its_moment(store, clock):
    store.set_record("n", "text", until=clock() + 10.0)
    record = await store.get_record("n")
    assert record.text == "text"
    assert record.until == pytest.approx(clock() + 10.0, abs=1e-3)
    assert record.until <= clock() + 10.0
    clock.advance(9.9)
    assert await text(store) == "text"
    clock.advance(0.2)
    assert await text(store) is None


async def test_claim_is_for_one_until_it_ends_and_that_one_may_prolong_it(store, clock):
    assert await store.add_record("n", "one", until=clock() + 10.0)
    assert not await store.add_record("n", "two", until=clock() + 10.0)
    clock.advance(5.0)
    assert await store.add_record("n", "one", until=clock() + 10.0)
    clock.advance(9.0)
    assert not await store.add_record("n", "two", until=clock() + 10.0)
    clock.advance(1.1)
    assert await store.add_record("n", "two", until=clock() + 10.0)
    assert not await store.add_record("n", "one", until=clock() + 10.0)


async def test_only_one_of_many_gets_a_claim(store, clock):
    asked = (store.add_record("n", str(number), until=clock() + 9.0) for number in range(50))
    assert sum(await asyncio.gather(*asked)) == 1


async def test_record_is_dropped_only_by_what_it_says(store, clock):
    store.set_record("n", "one", until=clock() + 10.0)
    store.delete_record("n", "two")
    assert await text(store) == "one"
    store.delete_record("n", "one")
    assert await text(store) is None
    store.delete_record("n", "one")
    assert await store.add_record("n", "two", until=clock() + 10.0)


async def test_newer_record_takes_the_place_of_an_older_one(store, clock):
    store.set_record("n", "one", until=clock() + 10.0)
    store.set_record("n", "two", until=clock() + 20.0)
    store.delete_record("n", "one")
    clock.advance(15.0)
    assert await text(store) == "two"


async def test_record_that_is_over_when_it_is_written_is_none(store, clock):
    store.set_record("n", "one", until=clock() - 1.0)
    clock.advance(0.01)
    assert await text(store) is None


async def test_cancelled_claim_is_dropped_by_who_made_it(store, clock):
    task = asyncio.create_task(store.add_record("n", "one", until=clock() + 10.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.delete_record("n", "one")
    assert await store.add_record("n", "two", until=clock() + 10.0)


async def test_names_are_apart_and_odd_texts_are_kept_as_they_are(store, clock):
    odd = "1000.ab \x00 \n ü 'quoted' {braces}"
    store.set_record("{one}", odd, until=clock() + 10.0)
    store.set_record("two", "other", until=clock() + 10.0)
    assert await text(store, "{one}") == odd
    assert await text(store, "two") == "other"


async def test_clearing_the_quota_leaves_the_records(store, clock):
    store.set_record("n", "text", until=clock() + 10.0)
    await store.clear([a_quota()])
    assert await text(store) == "text"


async def test_records_outlive_a_closed_store(store, clock):
    store.set_record("n", "text", until=clock() + 10.0)
    await store.close()
    assert await text(store) == "text"


def test_text_of_a_record_is_not_shown():
    assert "1000.ab" not in repr(Record("1000.ab", 1.0))
