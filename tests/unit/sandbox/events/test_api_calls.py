"""The events that calls of the API cause: incoming webhooks, voice calls, association."""

import asyncio
import json

from support.event_bots import JAMES, hooked
from support.polling import until

FIRST, SECOND = "55743307", "55743310"


async def done(sandbox, count):
    await until(
        lambda: len(sandbox.deliveries) >= count and all(d.done for d in sandbox.deliveries)
    )
    return sandbox.deliveries


async def test_an_incoming_webhook_reaches_the_handler_as_it_came():
    async with hooked(lambda event: {"text": "build failed"}) as (sandbox, bot, api):
        sandbox.subscribe("hook", FIRST, SECOND)
        body = {"status": "failed", "who": "ö"}
        query = {"user_ids": f"{FIRST},{SECOND}"}
        answer = await api.post("/bots/hook/incoming", body, params=query)
        assert answer == {"user_ids": [FIRST, SECOND]}
        (delivery,) = await done(sandbox, 1)
        (event,) = bot.events
        assert event["handler"] == {"type": "incomingwebhook_handler"}
        params = event["params"]
        assert set(params) == {
            *("access", "environment", "headers", "params", "body", "http_method", "user")
        }
        assert isinstance(params["body"], str)
        assert json.loads(params["body"]) == body
        assert (params["params"], params["http_method"]) == (query, "POST")
        assert "Content-Type" in params["headers"]
        assert "authorization" not in {name.lower() for name in params["headers"]}
        assert delivery.answer == {"text": "build failed"}
        (message,) = sandbox.messages
        assert message["body"] == {"text": "build failed", "user_ids": f"{FIRST},{SECOND}"}
        _, chat = await api.sandbox_get("chat", bot="hook", user=SECOND)
        assert [item["body"] for item in chat["items"]] == [{"text": "build failed"}]


async def test_an_incoming_webhook_without_recipients_is_answered_to_all():
    async with hooked(lambda event: {"text": "hello all"}) as (sandbox, _, api):
        await api.post("/bots/hook/incoming", {"a": "b"})
        await done(sandbox, 1)
        assert sandbox.messages[0]["to"] == "broadcast"
        _, chat = await api.sandbox_get("chat", bot="hook", user=JAMES)
        assert [item["body"] for item in chat["items"]] == [{"text": "hello all"}]


async def test_association_is_told_to_the_bot():
    async with hooked() as (sandbox, bot, api):
        await api.post("/bots/hook/associate", {"channel_unique_name": "releases"})
        await done(sandbox, 1)
        params = bot.events[0]["params"]
        assert params["operation"] == "added"
        assert params["chat"]["channel_unique_name"] == "releases"


def operations(bot):
    return [each["params"]["operation"] for each in bot.events]


async def test_a_call_rings_and_is_answered_and_ends():
    async with hooked(time_scale=10) as (sandbox, bot, api):
        call = await api.post("/bots/hook/calls", {"text": "fire", "user_ids": [JAMES]})
        await done(sandbox, 1)
        _, chat = await api.sandbox_get("chat", bot="hook", user=JAMES)
        assert chat["call"] == {"id": call["id"], "text": "fire"}
        assert await sandbox.pick_up("hook", user=JAMES) == call["id"]
        await done(sandbox, 3)
        assert operations(bot) == ["ringing", "answered", "ended"]
        event = bot.events[0]
        assert event["handler"] == {"type": "alert_handler"}
        assert "response_url" not in event
        assert event["params"]["data"]["call_id"] == call["id"]
        assert set(event["params"]) == {"access", "environment", "operation", "data", "user"}
        assert "chat_id" not in event["params"]["access"]
        assert "user_agent" not in event["params"]["access"]
        assert sandbox.messages == ()  # the answers of a call's handler are not used


async def test_a_call_that_is_missed_rings_again():
    async with hooked(time_scale=1000, event_wait_s=9000) as (sandbox, bot, api):
        body = {"text": "fire", "user_ids": [JAMES], "retry": 1}
        await api.post("/bots/hook/calls", body)
        await done(sandbox, 4)
        await asyncio.sleep(0.05)
        assert operations(bot) == ["ringing", "missed"] * 2


async def test_a_call_that_is_declined_does_not_ring_again():
    async with hooked(time_scale=10) as (sandbox, bot, api):
        body = {"text": "fire", "user_ids": [JAMES], "retry": 3}
        await api.post("/bots/hook/calls", body)
        await until(lambda: bot.events)
        await sandbox.pick_up("hook", decline=True)
        await done(sandbox, 2)
        assert operations(bot) == ["ringing", "declined"]


async def test_calls_of_a_bot_that_has_them_disabled_or_no_handler_send_nothing():
    fields = {"permissions": {"message_handler": []}}
    async with hooked(bot_fields=fields) as (sandbox, bot, api):
        await api.post("/bots/hook/calls", {"text": "fire"})
        await api.post("/bots/hook/incoming", {"a": "b"})
        await api.post("/bots/hook/associate", {"channel_unique_name": "releases"})
        await asyncio.sleep(0.01)
        assert (sandbox.deliveries, bot.requests) == ((), [])
