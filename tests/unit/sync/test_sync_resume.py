"""An interrupted sync resumes from its last page, without losing or duplicating a user."""

import asyncio
import json
import signal

import pytest
from support.cli import SECRET, command, counting, zuids
from support.subscriber_lists import OPS, Cliq, cancelled_at, listed, with_three_pages

from cliq_async.sandbox import Sandbox
from cliq_async.sync.report import BotSync
from cliq_async.sync.table import SubscriberTable


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("kind", ["full", "incremental"])
async def test_a_sync_that_is_cancelled_at_any_page_goes_on_with_that_page(path, kind, at):
    cliq = await with_three_pages(kind, path)
    there = len(cliq.bots[OPS])
    await cancelled_at(cliq, path, at)
    sent = len(cliq.transport.requests)
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, kind, new=25, present=there, pages=3, resumed=at > 1)
    assert len(cliq.transport.requests) - sent == 4 - at
    assert listed(path) == sorted(cliq.bots[OPS])


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_page_that_was_fetched_and_not_written_is_fetched_again_and_changes_nothing(
    path, monkeypatch, at
):
    cliq = Cliq.of(25)
    write, left = SubscriberTable.write, [at]

    def failing(self, *args):
        written = write(self, *args)
        if not left[0]:
            raise MemoryError  # after the rows and before the end of the transaction
        left[0] -= 1
        return written

    monkeypatch.setattr(SubscriberTable, "write", failing)
    with pytest.raises(MemoryError):
        await cliq.sync(path)
    assert len(listed(path)) == 10 * at
    monkeypatch.undo()
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "full", new=25, present=25, pages=3, resumed=at > 0)
    assert len(cliq.transport.requests) == 4


async def test_a_page_that_comes_twice_changes_nothing(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    first = cliq.answers[0]
    last = {"data": first["data"]}
    twice = iter([first | {"next_token": "x"}, first | {"next_token": "y"}, last])
    cliq.before = lambda _: next(twice)
    other = path.with_name("other.db")
    assert await cliq.sync_one(other) == BotSync(OPS, "full", new=10, present=10, pages=3)
    assert listed(other) == listed(path)[:10]


async def test_a_full_sync_that_was_asked_for_takes_the_place_of_half_an_incremental_one(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    for number in range(25):
        cliq.put(OPS, str(500 + number))
    cliq.drop(OPS, "103")
    await cancelled_at(cliq, path, 2)
    found = await cliq.sync_one(path, full=True)
    assert found == BotSync(OPS, "full", new=15, left=1, present=49, pages=5)


async def test_a_resumed_full_sync_finds_users_who_left(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    await cancelled_at(cliq, path, 2, full=True)
    assert len(listed(path)) == 25  # before it has ended, nobody has left
    found = await cliq.sync_one(path)
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3, resumed=True)


async def test_a_killed_process_keeps_the_pages_it_read(path):
    args = ("subscribers", "sync", "supportbot", "--into", str(path), "--json")
    arrived = asyncio.Event()
    async with Sandbox(subscribers=2000, clock=counting(20, arrived)) as sandbox:
        options = (*args, "--base-url", sandbox.url, "--token", SECRET)
        async with command(*options) as process:
            await arrived.wait()
            process.send_signal(signal.SIGKILL)
            await process.wait()
        half = len(listed(path, "supportbot"))
        async with command(*options) as process:
            out, err = await process.communicate()
        report = sandbox.report()
    assert err == b""
    assert 900 <= half < 2000
    (found,) = json.loads(out)
    assert found["resumed"]
    assert (found["new"], found["present"], found["pages"]) == (2000, 2000, 40)
    assert listed(path, "supportbot") == sorted(zuids(2000))
    assert report["requests"]["list_subscribers"] <= 41
    assert report["lockouts"] == []
