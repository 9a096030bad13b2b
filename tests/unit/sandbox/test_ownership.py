"""The owners of the sandbox's bots: references to a bot, and the permissions of users."""

import pytest
from support.sandboxes import OfflineSandbox


def test_unique_names_are_no_ids_and_ids_no_unique_names():
    sandbox = OfflineSandbox()
    bot_id = sandbox.list_bots()["data"][0]["id"]
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
        assert sandbox.refusal(name, *parameters) == (404, "bot_not_found")


def test_bot_is_changed_and_deleted_by_its_owner_alone():
    sandbox = OfflineSandbox()
    bot_id = sandbox.create_bot(user="ann")["id"]
    denied = (403, "bot_permission_denied")
    assert sandbox.refusal("update_bot", bot_id, body={"name": "x"}, user="bob") == denied
    assert sandbox.refusal("delete_bot", bot_id, user="bob") == denied
    assert sandbox.request("get_bot", bot_id, user="bob")[0] == 200
    assert sandbox.request("delete_bot", bot_id, user="ann") == (204, None)


def test_first_bots_belong_to_everybody():
    sandbox = OfflineSandbox(bots=3)
    for number, bot in enumerate(sandbox.list_bots()["data"]):
        body = {"name": f"New {number}"}
        assert sandbox.request("update_bot", bot["id"], body=body, user="bob")[0] == 200
        assert sandbox.request("delete_bot", bot["id"], user="eve") == (204, None)


@pytest.mark.parametrize("scope", ["personal", "organization"])
def test_personal_bot_writes_for_its_owner_alone(scope):
    sandbox = OfflineSandbox()
    sandbox.create_bot(scope=scope)
    james = "65113112"
    calls = (
        ("send_message", {"body": {"text": "x", "user_ids": james}}),
        ("send_incoming_webhook", {"body": {"a": "b"}, "query": {"user_ids": james}}),
    )
    for name, request in calls:
        assert sandbox.request(name, "pipelinebot", **request)[0] in {200, 204}
        if scope == "personal":
            assert sandbox.refusal(name, "pipelinebot", **request, user="bob") == (
                403,
                "bot_unauthorized_message_access",
            )
        else:
            assert sandbox.request(name, "pipelinebot", **request, user="bob")[0] in {200, 204}


def test_first_personal_bot_writes_for_everybody():
    body = {"text": "x", "broadcast": True}
    assert OfflineSandbox(bots=3).request("send_message", "helperbot3", body=body, user="bob") == (
        204,
        None,
    )
