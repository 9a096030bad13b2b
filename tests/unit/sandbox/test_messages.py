import pytest
from support.sandboxes import FIRST, SECOND, OfflineSandbox, running

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.state.messages import Messages

FAILED = (400, "botmessage_sending_failed")


class Writer(OfflineSandbox):
    """A sender of messages whose responses have their ids."""

    def send(self, **fields):
        body = {"text": "hi", "user_ids": FIRST, "sync_message": True} | fields
        status, answer = self.request("send_message", "supportbot", body=body)
        assert status == 200
        return answer

    def fail(self, **fields):
        body = {"text": "hi", "user_ids": FIRST} | fields
        return self.refusal("send_message", "supportbot", body=body)

    def shown(self):
        return [each.describe() for each in self.state.messages.all()]


def fill(messages, count):
    for _ in range(count):
        place = messages.resolve_place({})
        messages.add({"text": "x"}, bot="b", user="u", to="users", place=place)


# What is remembered.


def test_message_is_one_record_however_many_get_it():
    writer = Writer()
    writer.send(user_ids=f"{FIRST},{SECOND}")
    (shown,) = writer.shown()
    assert shown["bot"] == "supportbot"
    assert (shown["user"], shown["to"]) == ("ann", "users")
    assert shown["body"] == {
        "text": "hi",
        "user_ids": f"{FIRST},{SECOND}",
        "sync_message": True,
    }
    assert set(shown) == {"message_id", "chat_id", "bot", "user", "to", "body"}


def test_channel_of_a_message_is_remembered():
    writer = Writer()
    query = {"channel_unique_name": "announcements"}
    writer.request("send_message", "supportbot", body={"text": "hi"}, query=query)
    (shown,) = writer.shown()
    assert (shown["to"], shown["channel"]) == ("channel", "announcements")


def test_refused_message_is_not_remembered_and_makes_no_thread():
    writer = Writer()
    root = writer.send()
    assert writer.fail(user_ids="1", thread_message_id=root["message_id"])[0] == 400
    assert len(writer.shown()) == 1
    assert writer.state.messages.all()[0].thread is None


def test_only_the_last_messages_are_remembered():
    messages = Messages(capacity=3)
    fill(messages, 5)
    kept = messages.all()
    assert [each.number for each in kept] == [messages.next_number - n for n in (3, 2, 1)]
    for each in kept:
        messages.resolve_place({"reply_to": each.message_id})
    first = kept[0]
    fill(messages, 1)
    for field in ("reply_to", "thread_message_id"):
        with pytest.raises(ApiFault):
            messages.resolve_place({field: first.message_id})
    with pytest.raises(ApiFault):
        messages.resolve_place({"thread_chat_id": first.chat_id})


def test_messages_with_a_gap_are_an_error():
    messages = Messages()
    fill(messages, 3)
    kept = messages.all()
    Messages((), kept, next_number=messages.next_number)
    with pytest.raises(ValueError, match="missing"):
        Messages((), [kept[0], kept[2]], next_number=messages.next_number)


# Replies and threads.


@pytest.mark.parametrize("field", ["reply_to", "thread_message_id", "thread_chat_id"])
@pytest.mark.parametrize("wrong", ["", "x", "1", "_", "1777342127479", "9" * 90, "CT_1_2"])
def test_reply_to_an_unknown_message_is_refused(field, wrong):
    writer = Writer()
    writer.send()
    assert writer.fail(**{field: wrong}) == FAILED


def test_chat_id_and_message_id_are_not_interchangeable():
    writer = Writer()
    ids = writer.send()
    assert writer.fail(reply_to=ids["chat_id"]) == FAILED
    assert writer.fail(thread_chat_id=ids["message_id"]) == FAILED
    assert writer.fail(reply_to=ids["message_id"] + "0") == FAILED


def test_reply_names_a_known_message():
    writer = Writer()
    assert writer.send(reply_to=writer.send()["message_id"])["chat_id"]


def test_topic_makes_a_thread_that_can_be_posted_in():
    writer = Writer()
    root = writer.send(message_topic="Outage")
    in_chat = writer.send(thread_chat_id=root["chat_id"])
    by_message = writer.send(thread_message_id=root["message_id"], thread_title="Other")
    assert root["chat_id"] == in_chat["chat_id"] == by_message["chat_id"]
    assert {shown["thread_title"] for shown in writer.shown()} == {"Outage"}


def test_thread_is_made_from_a_message_that_has_none_and_is_named():
    writer = Writer()
    root = writer.send()
    first = writer.send(thread_message_id=root["message_id"])
    assert first["chat_id"] != root["chat_id"]
    assert "thread_title" not in writer.shown()[0]
    second = writer.send(thread_message_id=root["message_id"], thread_title="Outage")
    third = writer.send(thread_message_id=first["message_id"])  # itself in the thread
    assert first["chat_id"] == second["chat_id"] == third["chat_id"]
    assert {shown["thread_title"] for shown in writer.shown()} == {"Outage"}


def test_empty_topic_makes_no_thread():
    writer = Writer()
    writer.send(message_topic="")
    assert writer.state.messages.all()[0].thread is None


def test_known_chats_that_are_no_threads_are_posted_in_too():
    writer = Writer()
    own = writer.send()["chat_id"]
    assert writer.send(thread_chat_id=own)["chat_id"] == own
    (channel, *_) = writer.state.channels.chat_ids()
    assert writer.send(thread_chat_id=channel)["chat_id"] == channel


def test_chat_goes_before_the_message_but_both_must_be_known():
    writer = Writer()
    one, two = writer.send(message_topic="One"), writer.send(message_topic="Two")
    both = writer.send(thread_chat_id=one["chat_id"], thread_message_id=two["message_id"])
    assert both["chat_id"] == one["chat_id"]
    assert writer.fail(thread_chat_id=one["chat_id"], thread_message_id="x") == FAILED


# The incoming webhook.


def test_incoming_webhook_reaches_its_valid_users_or_none():
    sandbox = OfflineSandbox()
    query = {"user_ids": f"{FIRST},1,{SECOND}", "extension_key": "x"}
    status, answer = sandbox.request(
        "send_incoming_webhook", "supportbot", body={"a": "b"}, query=query
    )
    assert (status, answer) == (200, {"user_ids": [FIRST, SECOND]})
    assert sandbox.request("send_incoming_webhook", "supportbot", body={}) == (
        200,
        {"user_ids": []},
    )
    assert not sandbox.state.delivered.counts()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"user_ids": "1"}, "botmessage_no_valid_users"),
        ({"user_ids": ""}, "botmessage_no_valid_users"),
        ({"user_ids": "," * 100}, "invalid_inputs"),
    ],
)
def test_incoming_webhook_for_no_or_too_many_users_is_refused(query, code):
    refusal = OfflineSandbox().refusal("send_incoming_webhook", "supportbot", body={}, query=query)
    assert refusal == (400, code)


async def test_incoming_webhook_is_called_over_http():
    async with running() as caller:
        path = "/api/v3/bots/supportbot/incoming"
        answer = await caller.request("POST", path, json={"a": "b"}, params={"user_ids": FIRST})
        assert answer == (200, {"user_ids": [FIRST]})
        assert (await caller.report())["delivered"]["total"] == 0
