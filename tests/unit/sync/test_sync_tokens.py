"""A sync whose sync token or next_token Cliq refuses."""

import logging

import pytest
from support.cli import zuids
from support.subscriber_lists import OPS, Cliq, cancelled_at, listed, with_three_pages

from cliq_async.client import CliqClient
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.sync.report import BotSync
from cliq_async.sync.sync import sync_subscribers


async def test_an_expired_sync_token_makes_it_a_full_sync_that_says_so(path, caplog):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    cliq.drop(OPS, "103")
    cliq.good.clear()
    with caplog.at_level(logging.WARNING, "cliq_async"):
        found = await cliq.sync_one(path)
    note = "Cliq did not accept the sync_token: too old"
    assert found == BotSync(OPS, "full", left=1, present=24, pages=3, note=note)
    told = [each.getMessage() for each in caplog.records if each.name == "cliq_async"]
    assert told == [f"ops: {note}; starting a new full sync"]
    assert (await cliq.sync_one(path)).kind == "incremental"


async def test_a_sync_token_of_another_sandbox_is_an_expired_one(path):
    for number in (60, 50):
        async with Sandbox(subscribers=number) as sandbox:
            if number == 60:
                sandbox.unsubscribe("supportbot", zuids(1)[0])
            async with CliqClient("t", base_url=sandbox.url, quota=MemoryStore()) as client:
                report = await sync_subscribers(client, "supportbot", path)
    assert report.errors == {}
    found = report.bots[0]
    assert (found.kind, found.new, found.left, found.present) == ("full", 1, 10, 50)
    assert "sync_token" in found.note


@pytest.mark.parametrize("kind", ["full", "incremental"])
async def test_a_refused_next_token_restarts_the_sync(path, caplog, kind):
    cliq = await with_three_pages(kind, path)
    there = len(cliq.bots[OPS])
    await cancelled_at(cliq, path, 3)
    refused = []

    def once(request):
        if "next_token" in request.query and not refused:
            refused.append(request)
            return 400, {"message": "what next token?"}
        return None

    cliq.before = once
    found = await cliq.sync_one(path)
    assert (found.kind, found.new, found.present, found.pages) == (kind, 5, there, 3)
    assert found.note == "Cliq did not accept the next_token: what next token?"
    assert listed(path) == sorted(cliq.bots[OPS])
    assert "starting a new" in caplog.text


async def test_a_place_and_then_a_sync_token_that_are_refused_end_in_a_full_sync(path):
    cliq = Cliq.of(25)
    await cliq.sync_one(path)
    for number in range(25):
        cliq.put(OPS, str(500 + number))
    await cancelled_at(cliq, path, 2)
    cliq.good.clear()
    cliq.before = lambda request: (
        (400, {"message": "no"}) if request.query.get("next_token") == "10:0" else None
    )
    found = await cliq.sync_one(path)
    assert (found.kind, found.present) == ("full", 50)
    assert "sync_token" in found.note


async def test_a_cliq_that_forgets_every_place_is_an_error_and_not_an_endless_loop(path):
    cliq = Cliq.of(25)
    cliq.forgets = True
    report = await cliq.sync(path)
    assert report.errors[OPS].message == "what next token?"
    assert len(cliq.transport.requests) == 4
    cliq.forgets = False
    assert (await cliq.sync_one(path)).present == 25


async def test_a_first_page_that_is_refused_is_an_error(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: (400, {"message": "no"})
    report = await cliq.sync(path)
    assert report.bots == (BotSync(OPS, "full"),)
    assert len(cliq.transport.requests) == 1


async def test_a_listing_that_repeats_a_next_token_is_an_error(path):
    cliq = Cliq.of(25)
    cliq.before = lambda _: {"data": [], "next_token": "again"}
    report = await cliq.sync(path)
    assert "the server returned the same next_token twice" in str(report.errors[OPS])
    assert len(cliq.transport.requests) == 2
