"""Whose the sandbox's bots are: by what they are named, and who may do what with them."""

import pytest
from support.sandboxes import World


def test_unique_names_are_no_ids_and_ids_no_unique_names():
    world = World()
    bot_id = world.sync()["data"][0]["id"]
    for name, parameters in (
        ("get_bot", ("supportbot",)),
        ("update_bot", ("supportbot",)),
        ("delete_bot", ("supportbot",)),
        ("create_handler", ("supportbot",)),
        ("get_handler", ("supportbot", "welcome_handler")),
        ("send_message", (bot_id,)),
        ("send_incoming_webhook", (f"b-{bot_id}",)),
        ("trigger_call", (bot_id,)),
        ("associate_channel", (bot_id,)),
    ):
        assert world.refusal(name, *parameters) == (404, "bot_not_found")


def test_bot_is_changed_and_deleted_by_its_owner_alone():
    world = World()
    bot_id = world.create(user="ann")["id"]
    denied = (403, "bot_permission_denied")
    assert world.refusal("update_bot", bot_id, body={"name": "x"}, user="bob") == denied
    assert world.refusal("delete_bot", bot_id, user="bob") == denied
    assert world.ask("get_bot", bot_id, user="bob")[0] == 200
    assert world.ask("delete_bot", bot_id, user="ann") == (204, None)


def test_first_bots_belong_to_everybody():
    world = World(bots=3)
    for number, bot in enumerate(world.sync()["data"]):
        body = {"name": f"New {number}"}
        assert world.ask("update_bot", bot["id"], body=body, user="bob")[0] == 200
        assert world.ask("delete_bot", bot["id"], user="eve") == (204, None)


@pytest.mark.parametrize("scope", ["personal", "organization"])
def test_personal_bot_writes_for_its_owner_alone(scope):
    world = World()
    world.create(scope=scope)
    james = "65113112"
    calls = (
        ("send_message", {"body": {"text": "x", "user_ids": james}}),
        ("send_incoming_webhook", {"body": {"a": "b"}, "query": {"user_ids": james}}),
    )
    for name, request in calls:
        assert world.ask(name, "pipelinebot", **request)[0] in {200, 204}
        if scope == "personal":
            assert world.refusal(name, "pipelinebot", **request, user="bob") == (
                403,
                "bot_unauthorized_message_access",
            )
        else:
            assert world.ask(name, "pipelinebot", **request, user="bob")[0] in {200, 204}


def test_first_personal_bot_writes_for_everybody():
    body = {"text": "x", "broadcast": True}
    assert World(bots=3).ask("send_message", "helperbot3", body=body, user="bob") == (204, None)
