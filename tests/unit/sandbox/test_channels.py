import pytest
from support.sandboxes import OfflineSandbox, running

SENDING_FAILED = (400, "botmessage_sending_failed")
FORBIDDEN = (403, "bot_message_forbidden")
MEMBER = (400, "bot_already_member")


def to(channel):
    return {"body": {"text": "hi"}, "query": {"channel_unique_name": channel}}


@pytest.mark.parametrize("bot", ["supportbot", "helperbot2"])
def test_first_bots_are_in_the_first_channel_alone(bot):
    sandbox = OfflineSandbox(bots=2)
    assert sandbox.request("send_message", bot, **to("announcements")) == (204, None)
    for channel in ("general", "releases"):
        assert sandbox.refusal("send_message", bot, **to(channel)) == FORBIDDEN


def test_new_bot_is_in_no_channel():
    sandbox = OfflineSandbox()
    sandbox.create_bot()
    assert sandbox.refusal("send_message", "pipelinebot", **to("announcements")) == FORBIDDEN


def test_channel_that_is_not_there_gets_no_message():
    assert OfflineSandbox().refusal("send_message", "supportbot", **to("news")) == SENDING_FAILED


def test_associated_bot_writes_to_the_channel():
    sandbox = OfflineSandbox()
    body = {"channel_unique_name": "releases"}
    query = {"extension_key": "x"}
    assert sandbox.request("associate_channel", "supportbot", body=body, query=query) == (204, None)
    assert sandbox.request("send_message", "supportbot", **to("releases")) == (204, None)
    assert sandbox.refusal("associate_channel", "supportbot", body=body) == MEMBER


def test_bot_is_not_taken_into_a_channel_that_is_not_there():
    body = {"channel_unique_name": "news"}
    assert OfflineSandbox().refusal("associate_channel", "supportbot", body=body) == (404, None)
    assert OfflineSandbox().refusal("associate_channel", "supportbot", body={}) == (
        400,
        "invalid_inputs",
    )


def test_deleted_bot_leaves_its_channels():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    sandbox.request("associate_channel", "pipelinebot", body={"channel_unique_name": "releases"})
    sandbox.request("delete_bot", bot["id"])
    assert all("pipelinebot" not in each.members for each in sandbox.state.channels.all())


def test_messages_to_a_channel_are_in_one_chat():
    sandbox = OfflineSandbox()
    body = {"text": "hi", "sync_message": True}
    query = {"channel_unique_name": "announcements"}
    answers = [
        sandbox.request("send_message", "supportbot", body=body, query=query)[1] for _ in range(2)
    ]
    assert answers[0]["chat_id"] == answers[1]["chat_id"]
    assert answers[0]["message_id"] != answers[1]["message_id"]
    assert {each.channel for each in sandbox.state.messages.all()} == {"announcements"}


async def test_bot_is_associated_over_http():
    async with running() as caller:
        path = "/api/v3/bots/supportbot/associate"
        body = {"channel_unique_name": "releases"}
        assert await caller.request("POST", path, json=body) == (204, "")
        status, answer = await caller.request("POST", path, json=body)
        assert (status, answer["code"]) == MEMBER
        status, answer = await caller.request("POST", path, json={"channel_unique_name": "news"})
        assert status == 404
        assert list(answer) == ["message"]
