"""The live service's differences: found out by what it answers, once, and kept for all."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest
from support.scripted import answer, moved

from cliq_async.client import CliqClient
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    BadRequestError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaStoreError,
    QuotaWaitError,
    ThrottledError,
)
from cliq_async.models.bot import BotChanges
from cliq_async.models.button import Button, OpenUrl
from cliq_async.models.message import Message
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeTransport
from cliq_async.transport.base import NoAnswerError
from cliq_async.transport.dialect import Quirk, quirk_from_error
from cliq_async.transport.protocol import ApiCall, parse_response

EXTRA_KEY = {"code": "extra_key_found", "message": "'user_ids' is an extra key in the JSON Object."}
OWN_KEY = EXTRA_KEY | {"message": "'buttons' is an extra key in the JSON Object."}
NO_URL = {"message": "The URL you've sent is wrong."}
NO_BOT = {"code": "bot_not_found", "message": "No bot has this id."}


class Live:
    """Answers as the live service does, after a while; notes every request."""

    def __init__(
        self, *, takes_s=1.0, path="messages", key="userids", prefix="b-", own_key_first=False
    ):
        self.takes_s, self.path, self.key, self.prefix = takes_s, path, key, prefix
        self.own_key_first = own_key_first
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
            return self.read(request.json)
        if not last.startswith(self.prefix) or (self.prefix == "" and last.startswith("b-")):
            return 404, NO_BOT
        return 200, {"data": {"id": last, "name": "a", "unique_name": "a"}}

    def read(self, message):
        refused = [EXTRA_KEY] if {"user_ids", "userids"} & message.keys() - {self.key} else []
        refused += [OWN_KEY] if "buttons" in message else []
        if refused:
            return 400, refused[-1 if self.own_key_first else 0]
        return 200, {}


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


async def send(client, number, **options):
    await client.messages.send("ops", "hi", user_ids=str(number), **options)


@moved
async def test_calls_at_once_do_not_wait_for_each_other():
    live = Live()
    async with a_client(live) as client:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(send(client, number) for number in range(1, 11)))
        assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)
        assert (live.log.count(SENT), len(live.log)) == (10, 30), "each found its form by itself"
        await asyncio.gather(*(send(client, number) for number in range(1, 11)))
    assert (live.log.count(SENT), len(live.log)) == (20, 40), "and the next ones had it"


@moved
async def test_a_documented_server_gets_all_requests_at_once():
    live = Live(path="message", key="user_ids")
    async with a_client(live) as client:
        await asyncio.gather(*(send(client, number) for number in range(1, 21)))
        assert live.most == 20
    assert len(live.log) == 20


@moved
async def test_a_batch_lets_its_first_call_find_the_form():
    live = Live(takes_s=0.3)
    async with a_client(live) as opened:
        client = opened.with_options(lane="bulk")
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(send(client, number) for number in range(1, 41)))
        assert asyncio.get_running_loop().time() - began == pytest.approx(1.2)
    assert (live.log.count(SENT), len(live.log)) == (40, 42)


@moved
async def test_a_batch_does_not_wait_for_a_first_call_that_hangs():
    loop, live = asyncio.get_running_loop(), Live(path="message", key="user_ids")
    ended = []

    async def timed(client, number):
        await send(client, number)
        ended.append((number, round(loop.time() - began, 3)))

    async with a_client(live) as opened:
        client = opened.with_options(lane="bulk")
        began, live.takes_s = loop.time(), 60.0
        first = asyncio.create_task(timed(client, 1))
        await asyncio.sleep(0.5)
        live.takes_s = 1.0
        await asyncio.gather(*(timed(client, number) for number in range(2, 31)))
        assert {took for _, took in ended} == {3.0}, "two seconds of head start, one to answer"
        first.cancel()


@moved
async def test_a_first_call_that_hangs_holds_up_no_other_one():
    live = Live(path="message", key="user_ids", takes_s=60.0)
    async with a_client(live, max_wait_s=0.0) as client:
        first = asyncio.create_task(send(client, 1))
        await asyncio.sleep(1)
        live.takes_s = 1.0
        await asyncio.gather(*(send(client, number) for number in range(2, 41)))
        assert len(live.log) == 39
        first.cancel()


@moved
async def test_a_lock_met_by_the_first_call_is_told_to_all_with_its_end():
    async def throttled(_request):
        await asyncio.sleep(1)
        return 429, {"message": "Too many requests"}

    transport = FakeTransport(throttled)
    loop = asyncio.get_running_loop()
    store = MemoryStore(clock=loop.time)
    async with CliqClient("t", transport=transport, quota=store, max_wait_s=10.0) as client:
        began = loop.time()
        found = await asyncio.gather(
            *(send(client, number) for number in range(1, 51)), return_exceptions=True
        )
        found += await asyncio.gather(
            *(send(client, number) for number in range(51, 61)), return_exceptions=True
        )
        assert loop.time() == began + 1, "nobody waits for what cannot come"
    assert len(transport.requests) == 50
    now = datetime.now(UTC)
    assert [type(error) for error in found] == [ThrottledError] * 50 + [QuotaWaitError] * 10
    for error in found:
        assert isinstance(error, ThrottledError | QuotaWaitError)
        assert 570 <= (error.retry_at - now).total_seconds() <= 605
        assert "lock" in str(error)


@moved
async def test_a_form_that_is_learned_while_a_request_is_on_its_way_is_the_next_one_it_takes():
    live = Live(takes_s=10.0)
    async with a_client(live) as client:
        slow = asyncio.create_task(send(client, 1))
        await asyncio.sleep(1)
        live.takes_s = 0.1
        await send(client, 2)
        live.log.clear()
        await slow
    assert [entry[1:] for entry in live.log] == [("message", ("text", "user_ids")), SENT[1:]]


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
async def test_a_server_that_changes_is_found_out_again():
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


BUTTONS = Message("hi", buttons=[Button("Go", action=OpenUrl("https://example.com"))])


async def refused_key(client, live):
    """Send a message with a key that the server refuses; returns how many requests it took."""
    before = len(live.log)
    with pytest.raises(BadRequestError, match="'buttons' is an extra key"):
        await client.messages.send("ops", BUTTONS, user_ids="1")
    return len(live.log) - before


@pytest.mark.parametrize(("own_key_first", "first"), [(False, 3), (True, 2)])
@moved
async def test_a_refused_key_of_the_users_own_costs_one_request_and_is_named(own_key_first, first):
    live = Live(own_key_first=own_key_first)
    async with a_client(live) as client:
        assert await refused_key(client, live) == first, "it finds the form out on the way"
        assert await refused_key(client, live) == 1
        await client.messages.send("ops", "hi", user_ids="1")
        assert live.log[-1] == SENT
        assert await refused_key(client, live) == 1
        live.log.clear()
        await client.messages.send("ops", "hi", user_ids="1")
        assert live.log == [SENT], "what was learned stays"


@moved
async def test_a_refused_key_teaches_those_who_share_the_store():
    live = Live()
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    for requests in (3, 1):
        async with a_client(live, store) as client:
            assert await refused_key(client, live) == requests


@moved
async def test_a_documented_server_that_refuses_a_key_is_asked_once():
    live = Live(path="message", key="user_ids")
    async with a_client(live) as client:
        assert await refused_key(client, live) == 1


@pytest.mark.parametrize(
    "said",
    [
        (400, {"message": "x"}),
        (401, {"code": "oauthtoken_invalid"}),
        (500, {"code": "internal_error"}),
    ],
)
@moved
async def test_an_answer_that_does_not_show_that_cliq_read_the_call_teaches_nothing(said):
    transport = FakeTransport(
        lambda request: said if request.url.endswith("/messages") else (404, NO_URL)
    )
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("t", transport=transport, quota=store) as client:
        with pytest.raises(ApiError):
            await client.messages.send("ops", "hi", user_ids="1")
    assert await store.get_record("dialect https://cliq.zoho.com") is None


GONE_HANDLER = {"code": "execution_handler_not_found", "message": "There is no such handler."}


@pytest.mark.parametrize("status", [400, 404])
@moved
async def test_a_missing_handler_costs_one_request(status):
    transport = FakeTransport(lambda _: (status, GONE_HANDLER))
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("t", transport=transport, quota=store) as client:
        with pytest.raises(NotFoundError, match="no such handler"):
            await client.handlers.get("123", "welcome_handler")
    assert len(transport.requests) == 1


def hint(name, status, code, message=""):
    """Read an answer to a call as a hint."""
    path = {"bot_id": "123", "handler_type": "welcome_handler"}
    path = {"bot_unique_name": "ops"} if name == "send_message" else path
    call = ApiCall(ENDPOINTS[name], path, data={"text": "hi", "user_ids": "1"})
    error = parse_response(call.endpoint, answer(status, {"code": code, "message": message})).error
    assert error is not None
    return quirk_from_error(call, error)


STATUSES = [200, 400, 403, 404, 405, 409]
NAMED = "'{}' is an extra key in the JSON Object."


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("code", "message", "of_send", "of_bot"),
    [
        ("extra_key_found", NAMED.format("user_ids"), Quirk.RECIPIENTS, None),
        ("extra_key_found", NAMED.format("userids"), Quirk.RECIPIENTS, None),
        ("extra_key_found", NAMED.format("buttons"), None, None),
        ("extra_key_found", NAMED.format("user_ids_too"), None, None),
        ("extra_key_found", "", None, None),
        ("request_url_invalid", "", Quirk.SEND_PATH, Quirk.PREFIXED),
        ("request_method_invalid", "", Quirk.SEND_PATH, Quirk.PREFIXED),
        ("bot_not_found", "", None, Quirk.PREFIXED),
        ("execution_handler_not_found", "", None, None),
    ],
)
def test_codes_are_hints_whatever_the_status(status, code, message, of_send, of_bot):
    assert hint("send_message", status, code, message) is of_send
    for name in ("get_bot", "get_handler"):
        assert hint(name, status, code, message) is of_bot


@pytest.mark.parametrize("code", [None, "unheard_of"])
def test_a_status_is_a_hint_where_no_code_says_what_is_missing(code):
    for status in (404, 405):
        assert hint("send_message", status, code) is Quirk.SEND_PATH
        assert hint("get_bot", status, code) is Quirk.PREFIXED
    for status in (400, 403, 409):
        assert hint("send_message", status, code) is hint("get_bot", status, code) is None


@pytest.mark.parametrize("code", ["request_url_invalid", "extra_key_found"])
def test_a_failure_of_cliqs_own_is_no_hint_since_it_may_have_happened(code):
    assert hint("send_message", 500, code, NAMED.format("user_ids")) is None


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


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("exists", [True, False])
@moved
async def test_a_bot_counts_as_deleted_only_if_it_is_gone_in_either_form(exists, known):
    asked = []

    def live(request):
        asked.append(request.url.rpartition("/")[2])
        if len(asked) == 1:
            raise NoAnswerError("lost")
        return (200, {}) if exists and asked[-1] == "b-123" else (404, NO_BOT)

    transport = FakeTransport(live)
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    if known:
        store.set_record("dialect https://cliq.zoho.com", '{"PREFIXED": true}', until=1e9)
    async with CliqClient("t", transport=transport, quota=store) as client:
        await client.bots.delete("123")
    assert asked == (["b-123"] * 2 if known else ["123", "123", "b-123"])
    record = await store.get_record("dialect https://cliq.zoho.com")
    learned = None if record is None else json.loads(record.text)
    assert learned == ({"PREFIXED": True} if exists or known else None)


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
            reply = Message("re", sync_message=True, reply_to=sent.message_id)
            again = await client.messages.send("supportbot", reply, user_ids=ids[:1])
            assert again.message_id != sent.message_id
            await client.bots.delete(same.id)
        delivered = sandbox.report()["delivered"]
    assert (delivered["recipients"], delivered["max_per_recipient"]) == (250, 3)


async def test_recipients_whom_a_synced_message_does_not_name_have_failed():
    async with Sandbox(subscribers=3, dialect="live") as sandbox:  # noqa: SIM117 - its URL is new
        async with CliqClient("t", base_url=sandbox.url, quota="memory://") as client:
            ids = [user.user_id async for user in client.subscribers.iter("supportbot")]
            report = await client.broadcast(
                "supportbot", Message("hi", sync_message=True), [*ids, "12345"]
            )
    assert (report.delivered, report.failed) == (3, 1)
    assert [outcome.ids for outcome in report.outcomes] == [("12345",)]


@pytest.mark.parametrize(
    ("ids", "named", "unreached"),
    [
        (["1", "2"], ["1", "2"], ()),
        (["1", "2"], ["1"], ("2",)),
        (["1", "2", "ann@example.com"], ["1", "7"], ("2",)),
        (["1", "ann@example.com"], ["1"], ()),
        (["1", "2"], ["8", "9"], ()),
        (["1", "2"], [], ()),
    ],
)
@moved
async def test_synced_message_says_whom_it_did_not_reach(ids, named, unreached):
    details = {zuid: {"chat_id": "c", "message_id": "m"} for zuid in named}
    transport = FakeTransport(lambda _: {"message_details": details})
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient("t", transport=transport, quota=store) as client:
        sent = await client.messages.send("ops", Message("hi", sync_message=True), user_ids=ids)
    assert (set(sent.by_user), sent.unreached) == (set(named), unreached)


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
