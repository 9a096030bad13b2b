"""The live service's differences: found out by what it answers, once, and kept for all."""

import asyncio
import json
import logging

import pytest
from support.scripted import moved

from cliq_async.client import CliqClient
from cliq_async.errors import (
    BadRequestError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaStoreError,
    QuotaWaitError,
)
from cliq_async.models.bot import BotChanges
from cliq_async.models.message import Message
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeTransport
from cliq_async.transport.base import NoAnswerError
from cliq_async.transport.dialect import Quirk

EXTRA_KEY = {"code": "extra_key_found", "message": "'user_ids' is an extra key in the JSON Object."}
NO_URL = {"message": "The URL you've sent is wrong."}
NO_BOT = {"code": "bot_not_found", "message": "No bot has this id."}


class Live:
    """Answers as the live service does, after a while; notes every request."""

    def __init__(self, *, takes_s=1.0, path="messages", key="userids", prefix="b-"):
        self.takes_s, self.path, self.key, self.prefix = takes_s, path, key, prefix
        self.log = []
        self.under_way = self.most = 0
        self.transport = FakeTransport(self.answer)

    async def answer(self, request):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.takes_s)
        self.under_way -= 1
        last = request.url.partition("?")[0].rpartition("/")[2]
        self.log.append((request.method, last, tuple(sorted(request.json or ()))))
        if request.method == "POST":
            if last != self.path:
                return 404, NO_URL
            if "nobody" in request.url:
                return 404, NO_BOT
            if {"user_ids", "userids"} & request.json.keys() - {self.key}:
                return 400, EXTRA_KEY
            return 200, {}
        if not last.startswith(self.prefix) or (self.prefix == "" and last.startswith("b-")):
            return 404, NO_BOT
        return 200, {"data": {"id": last, "name": "a", "unique_name": "a"}}


def a_client(live, store=None, **options):
    store = store or MemoryStore(clock=asyncio.get_running_loop().time)
    return CliqClient("t", transport=live.transport, quota=store, **options)


SENT = ("POST", "messages", ("text", "userids"))


@moved
async def test_a_message_finds_its_form_with_two_requests_more_and_the_next_ones_have_it(caplog):
    caplog.set_level(logging.INFO, "cliq_async")
    live = Live()
    async with a_client(live) as client:
        for _ in range(3):
            await client.messages.send("ops", "hi", user_ids="1")
        assert live.log == [
            ("POST", "message", ("text", "user_ids")),
            ("POST", "messages", ("text", "user_ids")),
            SENT,
            SENT,
            SENT,
        ]
        await client.messages.send("ops", "hi", channel="c")
        assert live.log[-1] == ("POST", "messages", ("text",))
    told = [record.getMessage() for record in caplog.records]
    assert sorted(told) == [
        "https://cliq.zoho.com calls a message's recipients userids",
        "https://cliq.zoho.com takes messages at /messages",
    ]


@moved
async def test_one_request_at_a_time_goes_out_until_the_form_is_known():
    live = Live()
    async with a_client(live) as client:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(
            *(client.messages.send("ops", "hi", user_ids=str(n + 1)) for n in range(20))
        )
        assert asyncio.get_running_loop().time() - began == pytest.approx(4.0)
    assert live.log.count(SENT) == 20
    assert len(live.log) == 22


@moved
async def test_a_documented_server_gets_one_request_alone_and_then_all():
    live = Live(path="message", key="user_ids")
    async with a_client(live) as client:
        await asyncio.gather(
            *(client.messages.send("ops", "hi", user_ids=str(n + 1)) for n in range(20))
        )
        assert live.most == 19
    assert len(live.log) == 20


@moved
async def test_what_was_learned_is_kept_for_all_who_share_the_store():
    live = Live()
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with a_client(live, store) as client:
        await client.messages.send("ops", "hi", user_ids="1")
    live.log.clear()
    async with a_client(live, store) as client:
        await client.messages.send("ops", "hi", user_ids="1")
    assert live.log == [SENT]
    elsewhere = Live(path="message", key="user_ids")
    async with a_client(elsewhere, store, data_center="eu") as client:
        await client.messages.send("ops", "hi", user_ids="1")
    assert elsewhere.log == [("POST", "message", ("text", "user_ids"))]


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"SEND_PATH": "yes"}', '{"x": true}'])
@moved
async def test_a_note_that_says_nothing_is_as_none(text):
    live = Live()
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    store.set_record("dialect https://cliq.zoho.com", text, until=1e9)
    async with a_client(live, store) as client:
        await client.messages.send("ops", "hi", user_ids="1")
    assert live.log[-1] == SENT


@moved
async def test_a_store_whose_notes_cannot_be_read_stops_nobody(monkeypatch):
    async def broken(*_):
        raise QuotaStoreError("no")

    live = Live()
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    monkeypatch.setattr(store, "get_record", broken)
    async with a_client(live, store) as client:
        await client.messages.send("ops", "hi", user_ids="1")
    assert live.log[-1] == SENT


@moved
async def test_a_server_that_changes_is_found_out_anew():
    live = Live()
    async with a_client(live) as client:
        await client.messages.send("ops", "hi", user_ids="1")
        live.path, live.key = "message", "user_ids"
        await client.messages.send("ops", "hi", user_ids="1")
        assert live.log[-1] == ("POST", "message", ("text", "user_ids"))


@moved
async def test_a_bot_that_is_not_there_is_not_there_in_either_form():
    for live in (Live(), Live(path="message", key="user_ids")):
        async with a_client(live) as client:
            with pytest.raises(NotFoundError) as caught:
                await client.messages.send("nobody", "hi", user_ids="1")
            assert caught.value.code == "bot_not_found"
            assert len(live.log) <= 2
            await client.messages.send("ops", "hi", user_ids="1")


@moved
async def test_a_refusal_that_no_form_mends_is_the_one_of_the_documented_form():
    def refused(request):
        key = "user_ids" if "user_ids" in request.json else "userids"
        return 400, EXTRA_KEY | {"message": f"{key} is too much"}

    transport = FakeTransport(refused)
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("t", transport=transport, quota=store) as client:
        with pytest.raises(BadRequestError, match="user_ids is too much"):
            await client.messages.send("ops", "hi", user_ids="1")
    assert len(transport.requests) == 2


@moved
async def test_a_lost_answer_teaches_nothing_and_nothing_is_sent_again():
    def lost(_request):
        raise NoAnswerError("lost")

    transport = FakeTransport(lost)
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("t", transport=transport, quota=store) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.messages.send("ops", "hi", user_ids="1")
    assert len(transport.requests) == 1
    assert await store.get_record("dialect https://cliq.zoho.com") is None


@moved
async def test_who_may_not_wait_for_the_form_is_told_so_and_sends_nothing():
    live = Live(takes_s=10.0)
    async with a_client(live) as client:
        first = asyncio.create_task(client.messages.send("ops", "hi", user_ids="1"))
        await asyncio.sleep(1)
        with pytest.raises(QuotaWaitError):
            await client.with_options(max_wait_s=2).messages.send("ops", "hi", user_ids="2")
        other = asyncio.create_task(client.messages.send("ops", "hi", user_ids="3"))
        await asyncio.sleep(1)
        other.cancel()
        await first
        assert len(live.log) == 3


@moved
async def test_ids_of_bots_are_found_with_and_without_their_prefix():
    live = Live()
    async with a_client(live) as client:
        bot = await client.bots.get("123")
        assert bot.id == "b-123"
        await client.bots.get("b-7")
        await client.bots.get("8")
        with pytest.raises(NotFoundError):
            await client.bots.get("supportbot")
    tried = [last for _, last, _ in live.log]
    assert tried == ["123", "b-123", "b-7", "b-8", "supportbot"]
    bare = Live(prefix="")
    async with a_client(bare) as client:
        await client.bots.get("b-7")
        await client.bots.get("8")
    assert [last for _, last, _ in bare.log] == ["b-7", "7", "8"]


# The sandbox.


async def test_everything_works_in_the_live_dialect_as_in_the_documented_one():
    async with Sandbox(subscribers=250, dialect="live", time_scale=600) as sandbox:
        async with CliqClient(
            "t", base_url=sandbox.url, quota="memory://", time_scale=600
        ) as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            report = await client.broadcast("supportbot", "hi", ids)
            assert (report.delivered, report.failed, report.lockouts) == (250, 0, 0)
            (bot,) = (await client.bots.list()).data
            assert bot.id.startswith("b-")
            same = await client.bots.get(bot.id.removeprefix("b-"))
            assert same.unique_name == "supportbot"
            await client.bots.update(same.id, BotChanges(description="new"))
            await client.handlers.get(same.id, "welcome_handler")
            sent = await client.messages.send(
                "supportbot", Message("hi", sync_message=True), user_ids=ids[:2]
            )
            assert set(sent.by_user) == set(ids[:2])
            assert sent.chat_id == sent.by_user[ids[0]].chat_id
            assert "%" not in (sent.message_id or "%")
            await client.bots.delete(same.id)
        delivered = sandbox.report()["delivered"]
    assert (delivered["recipients"], delivered["max_per_recipient"]) == (250, 2)


async def test_recipients_whom_a_synced_message_does_not_name_have_failed():
    async with Sandbox(subscribers=3, dialect="live") as sandbox:  # noqa: SIM117 - its URL is new
        async with CliqClient("t", base_url=sandbox.url, quota="memory://") as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            report = await client.broadcast(
                "supportbot", Message("hi", sync_message=True), [*ids, "12345"]
            )
    assert (report.delivered, report.failed) == (3, 1)
    assert [outcome.ids for outcome in report.outcomes] == [("12345",)]


async def test_the_live_dialect_refuses_the_documented_form():
    store = MemoryStore()
    known = json.dumps({trait.name: False for trait in Quirk})
    async with Sandbox(dialect="live") as sandbox:
        store.set_record(f"dialect {sandbox.url}", known, until=1e18)
        async with CliqClient("t", base_url=sandbox.url, quota=store) as client:
            with pytest.raises(NotFoundError):
                await client.messages.send("supportbot", "hi", user_ids="1")
            with pytest.raises(NotFoundError):
                await client.bots.get("53719000001878011")


def test_a_dialect_that_is_none_is_named():
    with pytest.raises(ValueError, match="dialect: one of seed, live"):
        Sandbox(dialect="klingon")
