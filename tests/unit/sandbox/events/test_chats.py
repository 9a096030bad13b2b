"""Chats as people see them."""

import asyncio

import pytest
from support.event_bots import JAMES, hooked
from support.polling import until

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.events.chats import ChatLog, personal_chat_id
from cliq_async.testing import sandbox_in_thread

FIRST, SECOND = "55743307", "55743310"
EMAIL = "Scott.Fisher.1@example.com"


async def texts(api, **query):
    _, chat = await api.sandbox_get("chat", **query)
    return [item["body"]["text"] for item in chat["items"]]


async def test_a_chat_shows_what_was_sent_to_the_person_in_order():
    async with hooked() as (sandbox, _, api):
        sandbox.subscribe("hook", FIRST, SECOND)
        for body, query in (
            ({"text": "by zuid", "user_ids": f"{SECOND}, {FIRST}"}, {}),
            ({"text": "by email", "user_ids": EMAIL}, {}),
            ({"text": "to another", "user_ids": SECOND}, {}),
            ({"text": "to all", "broadcast": True}, {}),
            ({"text": "in a channel"}, {"channel_unique_name": "general"}),
        ):
            if query:
                await sandbox.add_to_channel("hook", "general")
            await api.post("/bots/hook/message", body, params=query)
        await sandbox.say("hook", "hi", user=FIRST)
        await api.post("/bots/hook/message", {"text": "last", "user_ids": FIRST})
        assert await texts(api, bot="hook", user=FIRST) == [
            *("by zuid", "by email", "to all", "hi", "re: hi", "last")
        ]
        assert await texts(api, bot="hook", user=EMAIL) == await texts(api, bot="hook", user=FIRST)
        assert "in a channel" in await texts(api, channel="general")
        assert await texts(api, bot="supportbot", user=FIRST) == []


async def test_a_chat_shows_the_last_hundred():
    async with hooked() as (sandbox, _, api):
        for number in range(60):
            await sandbox.say("hook", str(number))
        shown = await texts(api, bot="hook", user=JAMES)
        assert len(shown) == 100
        assert shown[-2:] == ["59", "re: 59"]
        assert shown[0] == "10"


async def test_an_edit_changes_the_message_as_people_see_it():
    sandbox = Sandbox()
    state = sandbox._state
    log = ChatLog(state)
    message = state.messages.add(
        {"text": "before"}, bot="b", user="u", to="users", place=state.messages.resolve_place({})
    )
    log.edit(message.message_id, {"text": "after"})
    item = log.item(f"m{message.number}")
    assert item
    assert (item["edited"], item["body"]) == (True, {"text": "after"})
    assert sandbox.messages[0]["body"] == {"text": "before"}


@pytest.mark.parametrize("item_id", ["m1", "e1", "m1777342127479"])
def test_an_item_that_is_not_there_is_none(item_id):
    assert ChatLog(Sandbox()._state).item(item_id) is None


def test_chats_of_people_with_bots_have_ids_of_their_own():
    ids = {personal_chat_id(bot, zuid) for bot in ("1", "2") for zuid in ("3", "4")}
    assert len(ids) == 4


async def test_people_act_in_a_sandbox_of_another_thread():
    with sandbox_in_thread() as sandbox:
        delivery = await sandbox.say("supportbot", "hi")
        assert delivery.skipped == "supportbot is not a webhook bot"
        with pytest.raises(ValueError, match="No bot"):
            await sandbox.say("nobot", "hi")


async def test_the_end_of_the_sandbox_ends_waits_for_late_answers():
    async with hooked(time_scale=100) as (sandbox, bot, _):
        bot.answer = lambda _: asyncio.sleep(0.3)
        waiting = asyncio.create_task(sandbox.say("hook", "hi"))
        await until(lambda: bot.events)
        await asyncio.sleep(0.2)
        assert not waiting.done()
    delivery = await waiting
    assert delivery.error == "the sandbox has stopped"
