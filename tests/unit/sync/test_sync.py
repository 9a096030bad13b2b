"""A sync keeps a file current: present users are listed, and users who left are marked."""

from datetime import UTC, datetime, timedelta

import pytest
from support.subscriber_lists import OPS, Cliq, listed, selected

from cliq_async.sync import sync
from cliq_async.sync.report import BotSync


@pytest.fixture
def clock(monkeypatch):
    """Patch the time to advance by a minute per call."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def reading():
        now[0] += timedelta(minutes=1)
        return now[0].isoformat(timespec="seconds")

    monkeypatch.setattr(sync, "_now", reading)
    return now


async def test_the_first_sync_reads_everybody(path):
    cliq = Cliq.of(25)
    assert await cliq.sync_one(path) == BotSync(OPS, "full", new=25, present=25, pages=3)
    assert listed(path) == sorted(cliq.bots[OPS])
    (row,) = selected(path, "SELECT name, email_id FROM subscriber WHERE user_id = '107'")
    assert row == ("name 7", "7@example.com")


async def test_a_later_sync_reads_only_new_and_changed_users(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.put(OPS, "7")
    cliq.put(OPS, "103", "other")
    before = len(cliq.transport.requests)
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "incremental", new=1, changed=1, present=26, pages=1)
    assert listed(path) == sorted(cliq.bots[OPS])
    assert selected(path, "SELECT name FROM subscriber WHERE user_id = '103'") == [("other",)]
    assert len(cliq.transport.requests) == before + 1
    assert await cliq.sync_one(path) == BotSync(OPS, "incremental", present=26, pages=1)


async def test_only_a_full_sync_finds_users_who_left(path, clock):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    assert await cliq.sync_one(path) == BotSync(OPS, "incremental", present=25, pages=1)
    found = await cliq.sync_one(path, full=True)
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3)
    assert listed(path) == sorted(cliq.bots[OPS])
    assert listed(path, where='"left" IS NOT NULL') == ["103"]
    assert await cliq.sync_one(path, full=True) == BotSync(OPS, "full", present=24, pages=3)


@pytest.mark.parametrize("full", [False, True])
async def test_a_returning_user_keeps_first_seen(path, clock, full):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    query = "SELECT first_seen, last_seen, \"left\" FROM subscriber WHERE user_id = '103'"
    ((first, _, _),) = selected(path, query)
    cliq.drop(OPS, "103")
    await cliq.sync_one(path, full=True)
    ((_, last, left),) = selected(path, query)
    assert first == last < left
    cliq.put(OPS, "103", "name 3")
    found = await cliq.sync_one(path, full=full)
    assert (found.new, found.changed, found.left, found.present) == (1, 0, 0, 5)
    ((again, seen, gone),) = selected(path, query)
    assert (again, gone) == (first, None)
    assert seen > left


async def test_moments_are_texts_of_iso_8601_in_utc(path):
    before = datetime.now(UTC).replace(microsecond=0)
    await Cliq.of(1).sync_one(path)
    ((first, last),) = selected(path, "SELECT first_seen, last_seen FROM subscriber")
    for text in (first, last):
        assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)
        assert text.endswith("+00:00")


async def test_a_clock_that_goes_back_removes_no_user(path, clock):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    clock[0] -= timedelta(days=1)
    cliq.drop(OPS, "101")
    found = await cliq.sync_one(path, full=True)
    assert (found.left, found.present) == (1, 4)


async def test_without_a_sync_token_each_sync_is_a_full_one(path):
    cliq = Cliq.of(5)
    cliq.before = lambda _: {"data": [{"user_id": "1"}]}
    for new in (1, 0):
        assert await cliq.sync_one(path) == BotSync(OPS, "full", new=new, present=1, pages=1)


async def test_an_incremental_sync_without_a_new_sync_token_keeps_the_old_one(path):
    cliq = Cliq.of(5)
    await cliq.sync_one(path)
    cliq.before = lambda _: {"data": []}
    await cliq.sync_one(path)
    cliq.before = None
    assert (await cliq.sync_one(path)).kind == "incremental"


async def test_changes_during_a_sync_are_part_of_the_next_one(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: cliq.put(OPS, "100", f"at {cliq.revision}")
    await cliq.sync_one(path)
    cliq.before = None
    found = await cliq.sync_one(path)
    assert found.changed == 1
    assert selected(path, "SELECT name FROM subscriber WHERE user_id = '100'") == [("at 2",)]


async def test_an_empty_list_is_valid(path):
    assert await Cliq.of(0).sync_one(path) == BotSync(OPS, "full", pages=1)
    assert listed(path) == []
