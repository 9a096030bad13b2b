"""Messages to a sandbox: their recipients, their errors, and the report."""

import io

import pytest
from support.sandboxes import BOTS, FIRST, SECOND, SEND, SUBSCRIBERS, running

from cliq_async.sandbox import Sandbox, user_label


async def test_message_is_delivered_and_counted_by_recipient():
    async with running(subscribers=3) as caller:
        assert await caller.send(user_ids=f"{FIRST},{SECOND},1") == (204, "")
        assert await caller.send(query={"user_ids": FIRST}) == (204, "")
        report = await caller.report(recipients=1)
        assert report["recipients"] == {FIRST: 2, SECOND: 1}
        assert report["delivered"] == {"recipients": 2, "total": 3, "max_per_recipient": 2}
        assert report["requests"] == {"send_message": 2}


async def test_report_tells_users_apart():
    async with running() as caller:
        await caller.send(user_ids=FIRST)
        await caller.send(user_ids=SECOND, token="bob")
        report = await caller.report(user=user_label("bob"), recipients=1)
        assert report["recipients"] == {SECOND: 1}
        assert report["requests"] == {"send_message": 1}
        nobody = await caller.report(user="user-00000000")
        assert nobody == {
            "requests": {},
            "delivered": {"recipients": 0, "total": 0, "max_per_recipient": 0},
            "called": {"recipients": 0, "total": 0, "max_per_recipient": 0},
            "lockouts": [],
            "refused_while_locked": 0,
            "token_requests": 0,
            "tokens_issued": 0,
            "unauthorized": 0,
        }


async def test_broadcast_reaches_every_subscriber_and_a_channel_is_not_counted():
    async with running(subscribers=30) as caller:
        assert await caller.send(broadcast=True) == (204, "")
        assert await caller.send(query={"channel_unique_name": "announcements"}) == (204, "")
        assert caller.sandbox.report()["delivered"] == {
            "recipients": 30,
            "total": 30,
            "max_per_recipient": 1,
        }


async def test_sync_message_is_answered_with_ids_of_its_own():
    async with running() as caller:
        answers = [await caller.send(user_ids=FIRST, sync_message=True) for _ in range(2)]
        assert {status for status, _ in answers} == {200}
        assert all(set(body) == {"chat_id", "message_id"} for _, body in answers)
        assert answers[0] != answers[1]


async def test_message_without_valid_recipients_is_refused():
    async with running() as caller:
        status, body = await caller.send(user_ids="1,nobody@example.com")
        assert (status, body["code"]) == (400, "botmessage_no_valid_users")
        assert caller.sandbox.report()["delivered"]["total"] == 0


async def test_message_needs_a_bot_a_body_and_valid_fields():
    async with running() as caller:
        status, body = await caller.request("POST", f"{BOTS}/nobody/message", json={"text": "hi"})
        assert (status, body["code"]) == (404, "bot_not_found")
        for size in (0, 1, 2**20 + 1, 2**21 + 1):
            status, body = await caller.request("POST", SEND, data=io.BytesIO(b"{" * size))
            assert (status, body["code"]) == (400, "invalid_inputs")
        status, body = await caller.send(user_ids=FIRST, text="x" * 5001)
        assert status == 400
        assert "5000" in body["message"]


async def test_client_that_waits_for_100_continue_gets_it():
    async with running() as caller:
        status, _ = await caller.request(
            "POST", SEND, json={"text": "hi", "user_ids": FIRST}, expect100=True
        )
        assert status == 204


async def test_messages_are_seen_from_python():
    async with running() as caller:
        await caller.send(user_ids=FIRST)
        _, ids = await caller.send(broadcast=True, sync_message=True)
        first, second = caller.sandbox.messages
        assert first["body"] == {"text": "hi", "user_ids": FIRST}
        assert (second["message_id"], second["chat_id"]) == (ids["message_id"], ids["chat_id"])
        assert (second["bot"], second["user"]) == ("supportbot", user_label("ann"))
        assert (first["to"], second["to"]) == ("users", "broadcast")


async def test_subscribers_come_and_go_from_python():
    async with running(subscribers=1) as caller:
        _, page = await caller.get(SUBSCRIBERS)
        caller.sandbox.subscribe("supportbot", "7", 8)
        caller.sandbox.unsubscribe("supportbot", 8, FIRST)
        _, synced = await caller.get(SUBSCRIBERS, sync_token=page["sync_token"])
        assert [person["user_id"] for person in synced["data"]] == ["7"]
        assert (await caller.get(BOTS))[1]["data"][0]["subscriber_count"] == 1


@pytest.mark.parametrize(
    ("name", "zuid", "words"),
    [
        ("nobody", "1", "no bot has the unique name 'nobody'"),
        ("supportbot", "x", "a ZUID has at most 20 digits, got 'x'"),
        ("supportbot", "", "got ''"),
        ("supportbot", "1" * 21, "got '1"),
        ("supportbot", True, "got 'True'"),
    ],
)
def test_subscription_that_cannot_be_is_a_value_error(name, zuid, words):
    sandbox = Sandbox()
    for change in (sandbox.subscribe, sandbox.unsubscribe):
        with pytest.raises(ValueError, match=words):
            change(name, zuid)
