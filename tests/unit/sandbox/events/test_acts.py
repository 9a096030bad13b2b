"""The acts of people and the events they cause, with a real bot over HTTP."""

import asyncio
import json
import time

import pytest
from support.event_bots import JAMES, PERMISSIONS, hooked, is_signed
from support.polling import until

from cliq_async.sandbox import Sandbox

FIRST = "55743307"


async def test_a_message_arrives_signed_and_its_answer_is_among_the_messages():
    async with hooked() as (sandbox, bot, _):
        delivery = await sandbox.say("hook", "hi there, see https://example.com/ö", user=JAMES)
        assert (delivery.status, delivery.late, delivery.error) == (200, False, None)
        assert delivery.answer == {"text": "re: hi there, see https://example.com/ö"}
        assert delivery.took_s is not None
        ((body, signature),) = bot.requests
        assert (delivery.body, delivery.signature) == (body, signature)
        assert is_signed(sandbox.public_key, body, signature)
        assert not is_signed(sandbox.public_key, body + b" ", signature)
        assert delivery.request == json.loads(body)
        assert sandbox.deliveries == (delivery,)
        (message,) = sandbox.messages
        assert message["body"] == delivery.answer
        assert (message["bot"], message["user"], message["to"]) == ("hook", "webhook", "users")
        assert message["chat_id"] == delivery.request["params"]["access"]["chat_id"]


async def test_the_event_of_a_message_has_all_documented_parameters():
    async with hooked() as (sandbox, bot, _):
        await sandbox.say("hook", "see https://example.com/a and http://b.example")
        (event,) = bot.events
        assert {k: v for k, v in event.items() if k in {"type", "name", "unique_name"}} == {
            "type": "bot",
            "name": "Hook",
            "unique_name": "hook",
        }
        assert event["handler"] == {"type": "message_handler"}
        assert abs(event["timestamp"] / 1000 - time.time()) < 30
        assert event["response_url"].startswith(sandbox.url + "/v2/extensions/")
        params = event["params"]
        assert set(params) == {
            *("access", "environment", "user", "chat", "location", "message", "raw_message"),
            *("message_details", "mentions", "links", "attachments", "options", "selections"),
            "arguments",
        }
        assert (
            params["access"].items()
            >= {
                "user_id": JAMES,
                "zoho_user_id": JAMES,
                "organization": {"type": "company", "id": "64396901"},
            }.items()
        )
        assert params["message"] == "see https://example.com/a and http://b.example"
        assert params["links"] == ["https://example.com/a", "http://b.example"]
        assert params["user"]["first_name"] == "James"
        assert params["chat"]["members"][0]["id"] == JAMES
        assert params["chat"]["recent_messages"][0]["text"] == params["message"]
        assert params["location"]["status"] == "granted"


ALWAYS = {"access", "environment"}
FREE = {"options", "selections", "arguments"}


@pytest.mark.parametrize(
    ("permissions", "fields"),
    [
        ([], FREE),
        (["user"], FREE | {"user"}),
        (["chat"], FREE | {"chat"}),
        (["location"], FREE | {"location"}),
        (["attachments"], FREE | {"attachments"}),
        (
            ["message"],
            FREE | {"message", "raw_message", "message_details", "mentions", "links"},
        ),
    ],
)
async def test_a_permission_gives_its_parameters_and_no_others(permissions, fields):
    async with hooked(bot_fields={"permissions": {"message_handler": permissions}}) as (sb, bot, _):
        await sb.say("hook", "hi")
        assert set(bot.events[0]["params"]) == ALWAYS | fields


async def test_menu_actions_have_a_name_and_a_sub_action():
    async with hooked() as (sandbox, bot, _):
        await sandbox.choose("hook", "Raise", sub_action="Urgent")
        (event,) = bot.events
        assert event["handler"] == {"type": "action_handler", "name": "Raise"}
        assert event["sub_action"] == "Urgent"
        assert set(event["params"]) == ALWAYS | {"user", "chat", "location"}
        skipped = await sandbox.choose("hook", "Lower")
        assert skipped.skipped == "hook has no menu_handler 'Lower'; choose one of Raise"
        skipped = await sandbox.choose("hook", "Rise")
        assert skipped.skipped == "hook has no menu_handler 'Rise'; did you mean Raise?"
        assert len(bot.events) == len(sandbox.deliveries) == 1


async def test_welcome_tells_who_comes_back():
    async with hooked() as (sandbox, bot, _):
        await sandbox.subscribe_user("hook", user="1234")
        again = await sandbox.subscribe_user("hook", user="1234")
        assert again.skipped == "1234 subscribes to hook already"
        assert (await sandbox.unsubscribe_user("hook", user="1234")).skipped
        await sandbox.subscribe_user("hook", user="1234")
        assert [each["params"]["newuser"] for each in bot.events] == [True, False]
        assert bot.events[0]["handler"] == {"type": "welcome_handler"}
        assert set(bot.events[0]["params"]) == ALWAYS | {"user", "newuser"}


async def test_mentions_and_participation_are_answered_in_the_channel():
    async with hooked(lambda event: {"text": event["handler"]["type"]}) as (sandbox, bot, _):
        await sandbox.mention("hook", "hey @Hook", channel="general", user=FIRST)
        await sandbox.add_to_channel("hook", "general", user=FIRST)
        (heard,) = await sandbox.write("general", "hello", user=FIRST)
        await sandbox.remove_from_channel("hook", "general", user=FIRST)
        assert await sandbox.write("general", "still there?", user=FIRST) == ()
        mention, added, sent, removed = (each["params"] for each in bot.events)
        assert mention["message"]["text"] == "hey @Hook"
        assert mention["message"]["sender"] == {"id": FIRST, "name": "Scott Fisher"}
        assert mention["mentions"][0]["type"] == "bot"
        assert mention["chat"]["channel_unique_name"] == "general"
        assert [each["operation"] for each in (added, sent, removed)] == [
            "added",
            "message_sent",
            "removed",
        ]
        assert sent["data"]["message"]["text"] == "hello"
        assert heard.answer == {"text": "participation_handler"}
        assert {each["to"] for each in sandbox.messages} == {"channel"}
        assert {each["channel"] for each in sandbox.messages} == {"general"}


async def test_participation_needs_listen_message():
    fields = {"channel_participation": ["send_message"]}
    async with hooked(bot_fields=fields) as (sandbox, bot, api):
        added = await sandbox.add_to_channel("hook", "general")
        assert added.skipped == "hook lacks the channel_participation 'listen_message'"
        assert await sandbox.write("general", "hello") == ()
        await api.post("/bots/hook/associate", {"channel_unique_name": "releases"})
        assert bot.events == []


QUESTIONS = {
    "text": "Let us see.",
    "context": {
        "id": "leave",
        "timeout": 60,
        "params": [
            {"name": "from", "question": "From when?"},
            {"name": "why", "question": "Why?", "value": {"text": "holiday"}},
            {
                "name": "kind",
                "question": "Paid?",
                "suggestions": {"list": [{"text": "yes"}, {"text": "no"}]},
            },
        ],
    },
}


def ask(event):
    if event["handler"]["type"] == "context_handler":
        return {"text": "booked"}
    return QUESTIONS if event["params"]["message"] == "leave" else {"text": "echo"}


async def test_a_context_asks_one_question_after_the_other_and_then_fires():
    async with hooked(ask) as (sandbox, bot, api):
        asked = await sandbox.say("hook", "leave")
        assert len(asked.shown) == 2
        (question,) = await items(api, asked.shown[1:])
        assert (question["kind"], question["body"]["text"]) == ("question", "From when?")
        second = await sandbox.say("hook", "Monday")
        assert second.skipped == "the context 'leave' asks for 'kind'"
        assert (await sandbox.choose("hook", "Raise")).skipped
        assert len(bot.events) == 1
        done = await sandbox.press("hook", "yes")
        params = bot.events[1]["params"]
        assert params["context_id"] == "leave"
        assert params["answers"] == {
            "from": {"text": "Monday"},
            "why": {"text": "holiday"},
            "kind": {"text": "yes"},
        }
        assert done.answer == {"text": "booked"}
        assert (await sandbox.say("hook", "hi")).answer == {"text": "echo"}
        with pytest.raises(ValueError, match="asks 65113112 no question"):
            await sandbox._act(sandbox._events.acts.answer("hook", "x"))


async def test_a_context_ends_by_its_timeout():
    async with hooked(ask, time_scale=600, event_wait_s=9000) as (sandbox, _bot, _):
        await sandbox.say("hook", "leave")
        await asyncio.sleep(0.11)  # a minute passes in a tenth of a second
        assert (await sandbox.say("hook", "hi")).answer == {"text": "echo"}


async def test_a_context_whose_answers_are_all_given_fires_at_once():
    given = {"id": "c", "params": [{"name": "a", "question": "A?", "value": {"text": "1"}}]}

    def answer(event):
        if event["handler"]["type"] == "context_handler":
            return ""
        return {"text": "ok", "context": given}

    async with hooked(answer) as (sandbox, _bot, _):
        await sandbox.say("hook", "go")
        await until(lambda: len(sandbox.deliveries) == 2)
        assert sandbox.deliveries[1].request["params"]["answers"] == {"a": {"text": "1"}}


async def items(api, ids):
    _, chat = await api.sandbox_get("chat", bot="hook", user=JAMES)
    return [each for each in chat["items"] if each["id"] in ids]


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ({"type": "banner", "text": "Raised", "status": "failure"}, "banner"),
        (
            {
                "type": "form",
                "title": "T",
                "name": "f",
                "inputs": [{"type": "text", "name": "a", "label": "A"}],
                "action": {"type": "invoke.function", "name": "fn"},
            },
            "form",
        ),
        ({"type": "preview_url", "url": "https://example.com"}, "preview"),
        ({"text": "t", "suggestions": {"list": [{"text": "a"}]}, "view": "ephemeral"}, "message"),
    ],
)
async def test_other_answers_are_kept_in_the_chat(output, kind):
    async with hooked(lambda _: output) as (sandbox, _, api):
        delivery = await sandbox.choose("hook", "Raise")
        assert delivery.answer == output
        (item,) = await items(api, delivery.shown)
        assert item["kind"] == kind
        assert output.items() >= item["body"].items()


async def test_an_empty_answer_shows_nothing():
    async with hooked(lambda _: "") as (sandbox, _, _):
        delivery = await sandbox.say("hook", "hi")
        assert (delivery.status, delivery.answer, delivery.error) == (200, None, None)
        assert (delivery.shown, sandbox.messages) == ((), ())


async def test_a_pressed_suggestion_is_a_message():
    output = {"text": "t", "suggestions": {"list": [{"text": "More"}]}}
    async with hooked(lambda _: output) as (sandbox, bot, _):
        await sandbox.say("hook", "hi")
        await sandbox.press("hook", "More")
        assert [each["params"]["message"] for each in bot.events] == ["hi", "More"]
        with pytest.raises(ValueError, match="no button or suggestion 'Less'"):
            await sandbox.press("hook", "Less")


async def test_a_button_without_a_function_sends_no_event():
    link = {"type": "open.url", "data": {"web": "https://example.com"}}
    run = {"type": "invoke.function", "data": {"name": "missing"}}
    output = {
        "text": "t",
        "buttons": [{"label": "Open", "action": link}, {"label": "Run", "action": run}],
    }
    async with hooked(lambda _: output) as (sandbox, bot, _):
        await sandbox.say("hook", "hi")
        opened, run_ = await sandbox.press("hook", "Open"), await sandbox.press("hook", "Run")
        assert opened.skipped == "the button's action is open.url, which sends no event"
        assert run_.skipped == "no webhook function 'missing' has a button_handler"
        assert len(bot.events) == 1


async def test_the_deadline_is_in_the_sandboxs_time_and_late_answers_arrive():
    async with hooked(time_scale=100) as (sandbox, bot, _):
        statuses = []

        async def answer(event):
            statuses.append(await bot.respond_late(event, {"text": "early"}))
            await asyncio.sleep(0.2)  # 20 s
            statuses.append(await bot.respond_late(event, {"text": "late"}))
            statuses.append(await bot.respond_late(event, {"text": "twice"}))
            return ""

        bot.answer = answer
        delivery = await sandbox.say("hook", "hi")
        assert (delivery.status, delivery.answer) == (None, {"text": "late"})
        assert delivery.late
        assert delivery.took_s
        assert delivery.took_s > 15
        await until(lambda: len(statuses) == 3)
        assert [status for status, _ in statuses] == [400, 200, 410]
        assert [each["body"] for each in sandbox.messages] == [{"text": "late"}]


async def test_an_answer_beyond_the_limits_is_refused():
    async with hooked(lambda _: {"text": "x" * 5001}) as (sandbox, _, _):
        delivery = await sandbox.say("hook", "hi")
        assert delivery.answer is None
        assert delivery.error
        assert "5001 characters; the limit is 5000" in delivery.error
        assert sandbox.messages == ()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda sb: sb.say("nobot", "hi"), "No bot has this id"),
        (lambda sb: sb.say("hook", "hi", user="999"), "999 does not subscribe to hook"),
        (lambda sb: sb.say("hook", ""), "1 to 5000 characters"),
        (lambda sb: sb.subscribe_user("hook", user="x"), "at most 20 digits"),
        (lambda sb: sb.mention("hook", "hi", channel="none"), "no channel 'none'"),
        (lambda sb: sb.write("general", "hi", user="999"), "no person 999"),
        (lambda sb: sb.remove_from_channel("hook", "general"), "hook is not in general"),
        (lambda sb: sb.submit("hook", "f", {}), "has shown no form 'f'"),
        (lambda sb: sb.pick_up("hook"), "No call of hook rings"),
    ],
)
async def test_an_act_that_is_not_possible_is_a_value_error(act, words):
    async with hooked() as (sandbox, bot, _):
        with pytest.raises(ValueError, match=words):
            await act(sandbox)
        assert bot.events == []


async def test_people_are_known_by_their_email_as_well():
    async with hooked() as (sandbox, bot, _):
        sandbox.subscribe("hook", FIRST)
        await sandbox.say("hook", "hi", user="scott.fisher.1@example.com")
        assert bot.events[0]["params"]["access"]["user_id"] == FIRST


async def test_a_deluge_bot_gets_no_events():
    async with Sandbox() as sandbox:
        delivery = await sandbox.say("supportbot", "hi")
        assert delivery.skipped == "supportbot is not a webhook bot"
        assert sandbox.deliveries == ()
        assert sandbox.webhook_bots == ()


async def test_a_bot_that_is_gone_or_elsewhere_is_told():
    async with hooked() as (sandbox, _, api):
        permissions = {"message_handler": PERMISSIONS["message_handler"]}
        await api.create_bot("http://127.0.0.1:1/", name="Gone", permissions=permissions)
        await api.create_bot("http://10.9.9.9/", name="Far", permissions=permissions)
        gone, far = await sandbox.say("gone", "hi"), await sandbox.say("far", "hi")
        assert gone.error
        assert gone.error.startswith("no response: ")
        assert far.error
        assert "allow_remote=True" in far.error


def test_acts_need_a_running_sandbox():
    with pytest.raises(RuntimeError, match="not running"):
        asyncio.run(Sandbox().say("supportbot", "hi"))
