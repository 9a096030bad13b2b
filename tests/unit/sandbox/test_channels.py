import pytest
from support.sandboxes import World, running

SENDING_FAILED = (400, "botmessage_sending_failed")
FORBIDDEN = (403, "bot_message_forbidden")
MEMBER = (400, "bot_already_member")


def to(channel):
    return {"body": {"text": "hi"}, "query": {"channel_unique_name": channel}}


@pytest.mark.parametrize("bot", ["supportbot", "helperbot2"])
def test_first_bots_are_in_the_first_channel_alone(bot):
    world = World(bots=2)
    assert world.ask("send_message", bot, **to("announcements")) == (204, None)
    for channel in ("general", "releases"):
        assert world.refusal("send_message", bot, **to(channel)) == FORBIDDEN


def test_new_bot_is_in_no_channel():
    world = World()
    world.create()
    assert world.refusal("send_message", "pipelinebot", **to("announcements")) == FORBIDDEN


def test_channel_that_is_not_there_gets_no_message():
    assert World().refusal("send_message", "supportbot", **to("news")) == SENDING_FAILED


def test_associated_bot_writes_to_the_channel():
    world = World()
    body = {"channel_unique_name": "releases"}
    query = {"extension_key": "x"}
    assert world.ask("associate_channel", "supportbot", body=body, query=query) == (204, None)
    assert world.ask("send_message", "supportbot", **to("releases")) == (204, None)
    assert world.refusal("associate_channel", "supportbot", body=body) == MEMBER


def test_bot_is_not_taken_into_a_channel_that_is_not_there():
    body = {"channel_unique_name": "news"}
    assert World().refusal("associate_channel", "supportbot", body=body) == (404, None)
    assert World().refusal("associate_channel", "supportbot", body={}) == (400, "invalid_inputs")


def test_deleted_bot_leaves_its_channels():
    world = World()
    bot = world.create()
    world.ask("associate_channel", "pipelinebot", body={"channel_unique_name": "releases"})
    world.ask("delete_bot", bot["id"])
    assert all("pipelinebot" not in each.members for each in world.state.channels.all())


def test_messages_to_a_channel_are_in_one_chat():
    world = World()
    body = {"text": "hi", "sync_message": True}
    query = {"channel_unique_name": "announcements"}
    answers = [world.ask("send_message", "supportbot", body=body, query=query)[1] for _ in range(2)]
    assert answers[0]["chat_id"] == answers[1]["chat_id"]
    assert answers[0]["message_id"] != answers[1]["message_id"]
    assert {each.channel for each in world.state.messages.all()} == {"announcements"}


async def test_bot_is_associated_over_http():
    async with running() as caller:
        path = "/api/v3/bots/supportbot/associate"
        body = {"channel_unique_name": "releases"}
        assert await caller.ask("POST", path, json=body) == (204, "")
        status, answer = await caller.ask("POST", path, json=body)
        assert (status, answer["code"]) == MEMBER
        status, answer = await caller.ask("POST", path, json={"channel_unique_name": "news"})
        assert status == 404
        assert list(answer) == ["message"]
