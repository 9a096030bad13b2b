"""The HTTP interface to people, chats and deliveries, and the stream of changes."""

import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from support.event_bots import JAMES, hooked, is_signed
from support.polling import until

from cliq_async.sandbox import Sandbox

FIRST = "55743307"


async def test_an_act_answers_with_the_delivery_and_what_people_see():
    async with hooked() as (_, bot, api):
        status, body = await api.sandbox_post("say", bot="hook", text="hi", user=JAMES)
        assert status == 200
        (delivery,) = body["deliveries"]
        assert delivery["request"] == bot.events[0]
        assert (delivery["status"], delivery["answer"]) == (200, {"text": "re: hi"})
        assert json.loads(delivery["response"]) == {"output": {"text": "re: hi"}}
        (item,) = body["items"]
        assert item.items() >= {"kind": "message", "body": {"text": "re: hi"}}.items()
        _, one = await api.sandbox_get(f"deliveries/{delivery['id']}")
        assert one == delivery
        _, listed = await api.sandbox_get("deliveries", limit=1)
        assert listed["deliveries"][0].items() <= delivery.items()


async def test_an_act_without_waiting_is_over_at_once():
    async with hooked() as (sandbox, _, api):
        status, body = await api.sandbox_post("say", bot="hook", text="hi", wait=False)
        assert (status, body) == (202, {"deliveries": [], "items": []})
        await until(lambda: sandbox.messages)
        status, body = await api.sandbox_post("say", bot="nobot", text="hi", wait=False)
        assert (status, body["code"]) == (404, "bot_not_found")
        status, body = await api.sandbox_post("say", bot="supportbot", text="hi", wait=False)
        assert (status, body["deliveries"][0]["skipped"]) == (
            200,
            "supportbot is not a webhook bot",
        )


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("choose", {"bot": "hook", "action": "Raise", "sub_action": "Now"}, "action_handler"),
        ("subscribe", {"bot": "hook", "user": "99"}, "welcome_handler"),
        ("mention", {"bot": "hook", "text": "x", "channel": "general"}, "mention_handler"),
        ("add", {"bot": "hook", "channel": "general"}, "participation_handler"),
    ],
)
async def test_every_act_has_a_route(path, body, code):
    async with hooked() as (_, bot, api):
        status, _ = await api.sandbox_post(path, **body)
        assert status == 200
        assert bot.events[0]["handler"]["type"] == code


async def test_channels_and_calls_have_routes():
    async with hooked(time_scale=20) as (_, bot, api):
        await api.sandbox_post("add", bot="hook", channel="general")
        _, body = await api.sandbox_post("write", channel="general", text="hello")
        assert len(body["deliveries"]) == 1
        await api.sandbox_post("remove", bot="hook", channel="general")
        await api.post("/bots/hook/calls", {"text": "fire", "user_ids": [JAMES]})
        await until(lambda: len(bot.events) == 4)
        assert await api.sandbox_post("answer", bot="hook", decline=True) == (
            200,
            {"deliveries": [], "items": []},
        )
        _, body = await api.sandbox_post("unsubscribe", bot="hook")
        assert body["deliveries"][0]["skipped"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("say", {"bot": "hook"}, 400, "'text' is missing"),
        ("say", {"bot": "hook", "text": 5}, 400, "'text' is not a string"),
        ("say", {"bot": "hook", "text": ""}, 400, "'text' has 0 characters"),
        ("say", {"bot": "hook", "text": "x", "more": 1}, 400, "'more' is an extra key"),
        ("say", {"bot": "nobot", "text": "x"}, 404, "No bot has this id"),
        ("say", {"bot": "hook", "text": "x", "user": "9"}, 400, "9 does not subscribe"),
        ("press", {"bot": "hook", "label": "x"}, 404, "no button or suggestion"),
        ("answer", {"bot": "hook", "text": "x"}, 400, "no question"),
        ("answer", {"bot": "hook"}, 404, "No call"),
        ("answer", {"bot": "hook", "text": "x", "decline": True}, 400, "not both"),
        ("shout", {"bot": "hook"}, 404, "/sandbox/shout"),
        ("deliveries/7/send-again", {}, 404, "no delivery 7"),
    ],
)
async def test_a_request_that_is_not_possible_says_why(path, body, status, words):
    async with hooked() as (_, bot, api):
        code, answer = await api.sandbox_post(path, **body)
        assert (code, words in answer["message"]) == (status, True), answer
        assert bot.requests == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sandbox/chat?bot=hook", 400),
        ("GET", "/sandbox/chat?bot=hook&user=0", 404),
        ("GET", "/sandbox/chat?channel=none", 404),
        ("GET", "/sandbox/people?bot=none", 404),
        ("GET", "/sandbox/deliveries?limit=x", 400),
        ("GET", "/sandbox/deliveries?limit=²", 400),
        ("GET", "/sandbox/deliveries/0", 404),
        ("GET", "/sandbox/deliveries/²", 404),
        ("GET", "/sandbox/events?bot=none", 404),
        ("GET", "/sandbox/", 404),
        ("DELETE", "/sandbox/bots", 405),
        ("GET", "/v2/extensions/2980/responses/1", 405),
        ("POST", "/v2/extensions/2980/responses/1", 400),
        ("POST", "/sandbox/say", 400),
    ],
)
async def test_wrong_routes_are_refused(method, path, status):
    async with (
        hooked() as (sandbox, _, api),
        api.session.request(method, sandbox.url + path) as response,
    ):
        assert response.status == status
        assert (await response.json())["message"]


async def test_a_late_answer_needs_a_known_url():
    async with hooked() as (sandbox, _, api):
        url = f"{sandbox.url}/v2/extensions/2980/responses/1"
        async with api.session.post(url, json={"output": ""}) as response:
            assert response.status == 404


async def test_other_sites_are_refused():
    async with hooked() as (sandbox, bot, api):
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with api.session.post(
                f"{sandbox.url}/sandbox/say", json={"bot": "hook", "text": "x"}, headers=headers
            ) as response:
                assert response.status == 403
        assert bot.requests == []


async def test_send_again_signs_a_new_event_or_repeats_the_bytes():
    async with hooked() as (sandbox, bot, api):
        first = await sandbox.say("hook", "hi")
        _, again = await api.sandbox_post(f"deliveries/{first.id}/send-again")
        exact = await sandbox.send_again(first, exact=True)
        assert again["deliveries"][0]["answer"] == exact.answer == {"text": "re: hi"}
        assert bot.requests[0] == bot.requests[2] != bot.requests[1]
        assert bot.events[1]["response_url"] != bot.events[0]["response_url"]
        assert [each.id for each in sandbox.deliveries] == [1, 2, 3]


async def test_the_public_key_is_text():
    async with hooked() as (sandbox, bot, api):
        async with api.session.get(f"{sandbox.url}/sandbox/public-key") as response:
            key = (await response.text()).strip()
        assert key == sandbox.public_key
        assert key.startswith("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
        await sandbox.say("hook", "hi")
        assert is_signed(key, *bot.requests[0])


async def test_bots_people_and_channels_are_listed():
    async with hooked(subscribers=300) as (sandbox, _, api):
        _, body = await api.sandbox_get("bots")
        support, hook = body["bots"]
        assert (support["execution_type"], support["channels"]) == ("deluge", ["announcements"])
        assert hook["menu"] == [{"name": "Raise"}]
        assert "message_handler" in hook["handlers"]
        _, body = await api.sandbox_get("people", bot="hook")
        assert (body["count"], len(body["people"])) == (301, 100)
        assert [each["subscribes"] for each in body["people"][:2]] == [True, False]
        _, body = await api.sandbox_get("people", search="FISHER.1@", limit=5)
        assert [each["id"] for each in body["people"]] == [FIRST]
        _, body = await api.sandbox_get("channels")
        assert body["channels"][0]["bots"] == ["supportbot"]
        assert sandbox.webhook_bots == ("hook",)


async def test_quota_has_a_gauge_for_each_user_and_endpoint():
    async with hooked() as (_, _, api):
        for _ in range(3):
            await api.post("/bots/supportbot/message", {"text": "x", "broadcast": True})
        _, body = await api.sandbox_get("quota")
        gauges = {each["endpoint"]: each for each in body["gauges"]}
        gauge = gauges["send_message"]
        assert (gauge["threshold"], gauge["used"], gauge["requests"]) == (50, 3, 3)
        assert (gauge["locked_until_s"], sum(gauge["history"])) == (None, 3)
        assert len(gauge["history"]) == 36
        for _ in range(11):
            async with api.session.post(
                f"{api.sandbox.url}/api/v3/bots", headers={"Authorization": "Bearer ann"}
            ) as response:
                await response.read()
        _, body = await api.sandbox_get("quota", user=gauge["user"])
        gauge = {each["endpoint"]: each for each in body["gauges"]}["create_bot"]
        assert gauge["used"] == gauge["threshold"] == 10
        assert gauge["locked_until_s"] > body["now_s"] + 200


# The stream.


@asynccontextmanager
async def streaming(api, last_id=None, **query):
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    url = f"{api.sandbox.url}/sandbox/events"
    async with api.session.get(url, params=query, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"

        async def read():
            fields: dict[str, str] = {}
            while True:
                line = (await response.content.readline()).decode().rstrip("\n")
                if not line and fields:
                    return fields["event"], json.loads(fields["data"]), fields["id"]
                name, _, value = line.partition(": ")
                fields[name] = value

        async def read_until(kind, holds=lambda data: True):
            while True:
                found, data, number = await read()
                if found == kind and holds(data):
                    return data, number

        yield read_until


def ends_with(text):
    return lambda data: data["items"][-1]["body"]["text"] == text


async def test_the_stream_begins_with_a_snapshot_and_tells_changes():
    async with hooked() as (sandbox, _, api), streaming(api, bot="hook", user=JAMES) as read_until:
        snapshot, _ = await read_until("snapshot")
        assert set(snapshot) == {
            *("bots", "channels", "people", "chat", "deliveries", "quota", "counts")
        }
        assert snapshot["chat"]["items"] == []
        await sandbox.say("hook", "hi")
        chat, _ = await read_until("chat", ends_with("re: hi"))
        assert (chat["items"][-1]["kind"], chat["missed"]) == ("message", 0)
        (delivery,), _ = await read_until("deliveries", lambda data: data[0]["done"])
        assert delivery["status"] == 200
        counts, _ = await read_until("counts")
        assert counts == {"messages": 1, "calls": 0, "deliveries": 1}
        await api.post("/bots/supportbot/message", {"text": "x", "broadcast": True})
        await read_until("quota", lambda data: data["gauges"][-1]["endpoint"] == "send_message")
        sandbox.subscribe("hook", FIRST)
        bots, _ = await read_until("bots")
        assert bots["bots"][1]["subscriber_count"] == 2


async def test_a_stream_goes_on_from_the_last_id_without_a_snapshot():
    async with hooked() as (sandbox, _, api):
        async with streaming(api, bot="hook", user=JAMES) as read_until:
            await sandbox.say("hook", "one")
            await read_until("chat", ends_with("re: one"))
            _, last_id = await read_until("counts")
        await sandbox.say("hook", "two")
        async with streaming(api, last_id, bot="hook", user=JAMES) as read_until:
            chat, _ = await read_until("chat")
            texts = [item["body"]["text"] for item in chat["items"]]
            assert texts == ["two", "re: two"]
        for other in ("1-2-3-4", "x", f"{last_id[:8]}-9999999999999-9-9", f"{last_id}-1"):
            async with streaming(api, other) as read_until:
                snapshot, _ = await read_until("snapshot")
                assert snapshot["chat"] is None


async def test_an_open_question_and_a_ringing_call_are_told():
    output = {"text": "t", "context": {"id": "c", "params": [{"name": "a", "question": "A?"}]}}
    async with (
        hooked(lambda _: output) as (sandbox, _, api),
        streaming(api, bot="hook", user=JAMES) as read_until,
    ):
        await read_until("snapshot")
        await sandbox.say("hook", "hi")
        state, _ = await read_until("chat_state")
        assert state == {"question": {"name": "a", "text": "A?"}, "call": None}
        await api.post("/bots/hook/calls", {"text": "fire", "user_ids": [JAMES]})
        state, _ = await read_until("chat_state")
        assert state["call"]["text"] == "fire"


async def test_a_stream_of_many_messages_has_the_last_hundred():
    async with (
        hooked() as (sandbox, _, api),
        streaming(api, bot="supportbot", user=FIRST) as read_until,
    ):
        await read_until("snapshot")
        messages = sandbox._state.messages
        place = messages.resolve_place({})
        with sandbox._app.lock:
            for number in range(20_000):
                body = {"text": str(number), "user_ids": FIRST}
                messages.add(body, bot="supportbot", user="ann", to="users", place=place)
        chat, _ = await read_until("chat")
        assert (len(chat["items"]), chat["missed"]) == (100, 19_900)
        assert chat["items"][-1]["body"] == {"text": "19999"}


async def test_the_end_of_the_sandbox_ends_streams():
    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            response = await session.get(f"{sandbox.url}/sandbox/events")
            await response.content.readline()
        assert b"event: snapshot" in await response.content.read()
