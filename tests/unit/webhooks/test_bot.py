"""The bot: refusals in their order, repetition, failures, warnings, replies and its life."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgspec
import pytest
from support.scripted import moved
from support.webhook_bots import CLIQ, Reports, a_bot, takes
from support.webhook_samples import key, public

from cliq_async import CliqClient, MemoryStore, Message, ValidationError
from cliq_async.testing import FakeCliq, FakeTransport
from cliq_async.webhooks import Event, HttpAnswer, MessageEvent, WebhookBot, WebhookHooks

NOTHING = HttpAnswer(200, b'{"output":""}')


def refusal(answer):
    return answer.status, msgspec.json.decode(answer.body)["code"]


def output(answer):
    assert answer.status == 200
    return msgspec.json.decode(answer.body)["output"]


def dated(offset_s):
    return datetime.now(UTC) + timedelta(seconds=offset_s)


async def test_event_is_answered():
    assert output(await a_bot().receive(*CLIQ.say("ö 👋"))) == {"text": "ö 👋"}


async def test_refusals_come_in_their_order(caplog):
    bot = a_bot(max_body=2_000)
    big = CLIQ.sign(b"x" * 2_001)
    assert refusal(await bot.receive(*big)) == (413, "body_too_large")
    body, signature = CLIQ.sign(b"no JSON")
    assert refusal(await bot.receive(body, None)) == (401, "signature_invalid")
    assert refusal(await bot.receive(body, "AAAA")) == (401, "signature_invalid")
    assert refusal(await bot.receive(body, signature)) == (400, "json_invalid")
    for deep in (b"[" * 1_000, b"\xff", b"", b'{"a": NaN}'):
        assert refusal(await bot.receive(*CLIQ.sign(deep))) == (400, "json_invalid")
    for odd in (b"[]", b"5", b"null", b'"x"'):
        assert refusal(await bot.receive(*CLIQ.sign(odd))) == (400, "event_invalid")
    assert refusal(await bot.receive(*CLIQ.sign({"handler": "x"}))) == (401, "timestamp_invalid")
    now = int(time.time() * 1000)
    empty = CLIQ.sign({"timestamp": now, "params": {}})
    assert refusal(await bot.receive(*empty)) == (400, "event_invalid")
    assert "no JSON" not in caplog.text


async def test_json_may_be_nested_as_deep_as_it_likes():
    bot = a_bot(max_body=10**6)
    assert refusal(await bot.receive(*CLIQ.sign(b"[" * 200_000))) == (400, "json_invalid")
    assert refusal(await bot.receive(*CLIQ.sign(b'{"a":' * 100_000))) == (400, "json_invalid")


@pytest.mark.parametrize(
    ("offset_s", "max_age_s", "good"),
    [
        (-290, 300.0, True),
        (290, 300.0, True),
        (-310, 300.0, False),
        (310, 300.0, False),
        (-(10**6), None, True),
        (-70, 60, False),
    ],
)
async def test_timestamp_may_be_off_by_max_age_either_way(offset_s, max_age_s, good, caplog):
    answer = await a_bot(max_age_s=max_age_s).receive(*CLIQ.say("hi", at=dated(offset_s)))
    if good:
        assert output(answer) == {"text": "hi"}
    else:
        assert refusal(answer) == (401, "timestamp_invalid")
        assert f"its timestamp is {-offset_s} s off" in caplog.text
        assert "clock" in caplog.text


async def test_without_a_limit_no_timestamp_is_needed():
    payload = CLIQ.say("hi").payload
    del payload["timestamp"]
    bot = a_bot(max_age_s=None)
    assert output(await bot.receive(*CLIQ.sign(payload))) == {"text": "hi"}


async def test_event_that_comes_again_is_not_handled_again(caplog):
    seen = []

    async def note(event: Event) -> str:
        seen.append(event)
        return "once"

    bot, event = a_bot(note), CLIQ.say("hi")
    with caplog.at_level(logging.INFO, "cliq_async"):
        answers = [await bot.receive(*event) for _ in range(3)]
    assert [output(each) for each in answers] == [{"text": "once"}, "", ""]
    assert len(seen) == 1
    assert "came before" in caplog.text


@moved
async def test_event_is_forgotten_after_twice_its_age():
    bot, event = a_bot(max_age_s=10.0), CLIQ.say("hi")
    assert output(await bot.receive(*event)) == {"text": "hi"}
    await asyncio.sleep(19.9)
    assert await bot.receive(*event) == NOTHING
    await asyncio.sleep(0.2)
    assert output(await bot.receive(*event)) == {"text": "hi"}


async def test_event_without_a_handler_gets_an_empty_answer_and_one_warning(caplog):
    bot = a_bot()
    for event in (CLIQ.subscribe(), CLIQ.subscribe(), CLIQ.choose("Other")):
        assert await bot.receive(*event) == NOTHING
    now = int(time.time() * 1000)
    future = {"timestamp": now, "type": "bot", "handler": {"type": "dream_handler"}, "params": {}}
    assert await bot.receive(*CLIQ.sign(future)) == NOTHING
    assert caplog.text.count("there is no handler") == 3
    assert caplog.text.count("welcome_handler") == 1


@moved
async def test_event_too_many_is_refused_and_may_come_again(caplog):
    bot = a_bot(takes(1.0, "hi"), max_in_flight=2)
    events = [CLIQ.say("hi") for _ in range(4)]
    answers = await asyncio.gather(*(bot.receive(*each) for each in events))
    assert [each.status for each in answers] == [200, 200, 503, 503]
    assert refusal(answers[3]) == (503, "busy")
    assert output(await bot.receive(*events[3])) == {"text": "hi"}
    assert caplog.text.count("too many at a time") == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug"),
        (5, "returned int, which is not an answer"),
        (["hi"], "returned list"),
        ({"text": "hi"}, "returned dict"),
        ("x" * 5_001, "5,000 characters"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
async def test_failure_is_logged_and_reported_and_answered_with_nothing(answer, reason, caplog):
    async def fail(_event: MessageEvent) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    reports = Reports()
    bot = a_bot(fail, hooks=reports.hooks)
    assert await bot.receive(*CLIQ.say("secret text")) == NOTHING
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "fail failed on an event for message_handler" in record.getMessage()
    assert record.exc_info is not None
    assert "Traceback" in caplog.text
    assert reason in caplog.text
    assert "secret text" not in caplog.text
    (details,) = reports.failed
    assert details.event.text == "secret text"
    expected = {reason.partition(":")[0], "TypeError", "ValidationError"}
    assert type(details.error).__name__ in expected
    assert reports.lost == []


async def test_answer_to_a_call_is_a_failure(caplog):
    reports = Reports()
    bot = a_bot(hooks=reports.hooks)
    bot.call(takes(0.0, "hi"))
    assert await bot.receive(*CLIQ.call("ringing")) == NOTHING
    assert "nowhere to go" in caplog.text
    assert len(reports.failed) == 1


async def test_hook_that_raises_changes_nothing(caplog):
    def broken(_details: object) -> None:
        raise ZeroDivisionError

    bot = a_bot(takes(0.0, 5), hooks=WebhookHooks(on_event_failed=broken))
    assert await bot.receive(*CLIQ.say("hi")) == NOTHING
    assert "a hook failed: broken" in caplog.text


def test_hooks_are_plain_functions():
    async def wrong(_details: object) -> None: ...

    with pytest.raises(ValidationError, match=r"WebhookHooks\.on_answer_lost"):
        WebhookHooks(on_answer_lost=wrong)


@pytest.mark.parametrize("answer", [None, ""])
async def test_no_answer_is_an_empty_one(answer):
    assert await a_bot(takes(0.0, answer)).receive(*CLIQ.say("hi")) == NOTHING


@moved
async def test_refusals_are_logged_once_a_minute_with_their_number(caplog):
    bot = a_bot()
    for _ in range(5):
        await bot.receive(b"{}", "AAAA")
    assert caplog.text.count("without a valid signature") == 1
    await asyncio.sleep(60.0)
    await bot.receive(b"{}", "AAAA")
    assert "(4 more like this since the last such message)" in caplog.text
    await asyncio.sleep(60.0)
    await bot.receive(b"{}", "AAAA")
    assert caplog.text.count("more like this") == 1
    assert caplog.text.count("without a valid signature") == 3


async def test_missing_parameter_names_its_permission_once(caplog):
    bot = a_bot()
    for _ in range(2):
        assert output(await bot.receive(*CLIQ.say("hi", permissions=["message"]))) == {"text": "hi"}
    assert caplog.text.count("give the handler of the bot the permission user") == 1
    assert caplog.text.count("the permission chat") == 1
    quiet = WebhookBot(CLIQ.public_key)
    quiet.message(permissions=["message"])(takes(0.0))
    caplog.clear()
    await quiet.receive(*CLIQ.say("hi", permissions=["message"]))
    assert caplog.text == ""


async def test_without_a_key_every_event_is_taken_with_a_warning(caplog):
    bot = a_bot(public_key=None)
    assert caplog.text == ""  # `cliq bots apply` imports a bot before there is a key
    assert output(await bot.receive(CLIQ.say("hi").body, None)) == {"text": "hi"}
    await bot.receive(CLIQ.say("hi again").body, None)
    assert caplog.text.count("without a public key") == 1
    async with a_bot(public_key=None):
        assert caplog.text.count("without a public key") == 2


def test_settings_are_checked():
    good = public(key())
    for options in (
        {"cliq_waits_s": 2.0},
        {"max_age_s": 0},
        {"max_body": 0},
        {"max_in_flight": 0},
        {"drain_s": -1},
        {"time_scale": 0},
        {"max_age_s": "5"},
        {"drain_s": True},
        {"response_hosts": ["a b"]},
    ):
        with pytest.raises(ValidationError, match=next(iter(options))):
            WebhookBot(good, **options)  # type: ignore[arg-type]


def test_repr_names_the_handlers_alone():
    assert repr(WebhookBot(public(key()))) == "<WebhookBot without handlers>"
    assert "echo" in repr(a_bot())
    assert CLIQ.public_key not in repr(a_bot())


# Replies.


async def replies(event, **options):
    async def handler(event: Event) -> None:
        await event.reply(Message("Working on it"))

    cliq = FakeTransport(lambda _request: {"message_id": "7"})
    async with CliqClient("token", transport=cliq, quota=MemoryStore()) as client:
        bot = a_bot(handler, client=client, **options)
        bot.mention(handler)
        assert await event.to(bot) == {"output": ""}
    (request,) = cliq.requests
    assert request.endpoint == "send_message"
    return request


async def test_reply_goes_to_the_user_through_the_client():
    request = await replies(CLIQ.say("hi", user={"id": "4242", "zoho_user_id": "7001"}))
    assert request.path == {"bot_unique_name": "supportbot"}
    assert request.json == {"text": "Working on it", "user_ids": "7001"}


async def test_reply_to_an_event_of_a_channel_goes_there():
    request = await replies(CLIQ.mention("hi", chat={"channel_unique_name": "general"}))
    assert request.json == {"text": "Working on it"}
    assert "general" in request.url


async def test_reply_without_a_client_says_so():
    async def handler(event: MessageEvent) -> None:
        await event.reply("hi")

    with pytest.raises(RuntimeError, match="client=client"):
        await CLIQ.say("hi").to(a_bot(handler))


# Life.


async def test_bot_opens_its_client_and_closes_it():
    client = CliqClient("token", transport=FakeTransport(), quota=MemoryStore())
    bot = a_bot(client=client)
    async with bot:
        assert client.is_open
        with pytest.raises(RuntimeError, match="open already"):
            await bot.__aenter__()
    assert not client.is_open
    async with client:
        async with bot:
            pass
        assert client.is_open


def test_speed_of_time_is_that_of_the_client():
    client = CliqClient("t", base_url="http://127.0.0.1:1", time_scale=60.0, quota="memory://")
    assert a_bot(client=client)._dispatcher._answer_s == pytest.approx(13 / 60)
    assert a_bot(client=client, time_scale=2.0)._dispatcher._answer_s == 6.5


@moved
async def test_task_of_a_handler_outlives_its_answer_and_is_waited_for():
    done = []

    async def broadcast() -> None:
        await asyncio.sleep(20.0)
        done.append(asyncio.get_running_loop().time())

    async def handler(_event: MessageEvent) -> str:
        bot.create_task(broadcast())
        return "On its way"

    bot = a_bot(handler)
    async with bot:
        assert output(await bot.receive(*CLIQ.say("tell all"))) == {"text": "On its way"}
        assert asyncio.get_running_loop().time() == 0.0
    assert done == [20.0]


@moved
async def test_task_that_fails_is_logged_and_one_that_takes_too_long_is_cancelled(caplog):
    async def fail() -> None:
        raise ZeroDivisionError("a bug")

    bot = a_bot(drain_s=5.0)
    async with bot:
        task = bot.create_task(fail())
        slow = bot.create_task(asyncio.sleep(3600.0))
    assert "ZeroDivisionError: a bug" in caplog.text
    (failed,) = [each for each in caplog.messages if "failed" in each]
    assert failed == f"a task of a webhook bot failed: {task.get_name()}"
    assert slow.cancelled()
    assert "1 events or tasks were cancelled" in caplog.text
    assert asyncio.get_running_loop().time() == 5.0


async def test_bot_takes_no_events_after_its_end_until_it_is_opened_again():
    bot = a_bot()
    async with bot:
        pass
    event = CLIQ.say("hi")
    assert refusal(await bot.receive(*event)) == (503, "busy")
    async with bot:
        assert output(await bot.receive(*event)) == {"text": "hi"}


async def test_events_of_another_key_are_those_of_several():
    other = WebhookBot([public(key()), CLIQ.public_key])
    other.message(takes(0.0, "hi"))
    assert output(await other.receive(*FakeCliq().say("x"))) == {"text": "hi"}


def test_answer_has_its_headers():
    assert HttpAnswer(200, b"{}").headers == {
        "content-type": "application/json",
        "content-length": "2",
    }
    assert attrs.evolve(NOTHING, status=405).headers["allow"] == "GET, HEAD, POST"
