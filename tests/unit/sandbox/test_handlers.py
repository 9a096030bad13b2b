"""The handlers of the sandbox's bots: create, get, update, select and delete."""

import io
import json

import pytest
from support.sandboxes import OfflineSandbox, running

from cliq_async.sandbox.validation import HANDLER_TYPES

NOT_FOUND = (404, "execution_handler_not_found")
MENU = {"type": "menu_handler", "script": "s", "name": "Open"}


def a_sandbox_with_bot(**bot):
    sandbox = OfflineSandbox()
    record = (
        sandbox.create_webhook_bot(**bot)
        if bot.pop("webhook", False)
        else sandbox.create_bot(**bot)
    )
    return sandbox, record["id"]


def create(sandbox, bot_id, **form):
    return sandbox.request("create_handler", bot_id, body=form)[1]["data"]


# Creating.


def test_new_handler_is_returned_with_its_logic_and_parameters():
    sandbox, bot_id = a_sandbox_with_bot()
    body = {"type": "menu_handler", "script": "return Map();", "name": "Help"}
    status, answer = sandbox.request("create_handler", f"b-{bot_id}", body=body)
    assert (status, answer["url"], answer["type"]) == (
        200,
        f"/api/v3/bots/b-{bot_id}/handlers",
        "execution_handler",
    )
    assert answer["data"] == {
        "script": "return Map();",
        "return_type": "MAP",
        "params": [
            {"param_name": "access", "param_type": "MAP"},
            {"param_name": "environment", "param_type": "MAP"},
            {"param_name": "chat", "param_type": "MAP"},
            {"param_name": "user", "param_type": "MAP"},
            {"param_name": "location", "param_type": "MAP"},
            {"param_name": "sub_action", "param_type": "STRING"},
        ],
    }


def test_webhook_bots_handler_has_permissions_which_may_be_none():
    sandbox = OfflineSandbox()
    bot_id = sandbox.create_webhook_bot()["id"]
    answer = create(sandbox, bot_id, type="message_handler", permissions=["user", "chat"])
    assert answer["permissions"] == ["user", "chat"]
    assert "script" not in answer
    assert create(sandbox, bot_id, type="call_handler", permissions=[])["permissions"] == []


@pytest.mark.parametrize("handler_type", HANDLER_TYPES)
def test_every_type_can_be_made_and_has_params(handler_type):
    sandbox, bot_id = a_sandbox_with_bot()
    form = {"type": handler_type, "script": "s"}
    if handler_type == "menu_handler":
        form["name"] = "Open"
    names = [each["param_name"] for each in create(sandbox, bot_id, **form)["params"]]
    assert names[:2] == ["access", "environment"]
    assert "user" in names
    assert len(set(names)) == len(names)
    _, handler = sandbox.request("get_handler", bot_id, handler_type)
    assert handler["data"]["script"] == "s"


def test_second_handler_of_a_type_and_sixth_menu_action_are_refused():
    sandbox, bot_id = a_sandbox_with_bot()
    failed = (400, "execution_handler_create_failed")
    form = {"type": "call_handler", "script": "s"}
    create(sandbox, bot_id, **form)
    assert sandbox.refusal("create_handler", bot_id, body=form) == failed
    for _ in range(5):
        create(sandbox, bot_id, **MENU)
    assert sandbox.refusal("create_handler", bot_id, body=MENU) == failed
    handlers = sandbox.request("get_bot", bot_id)[1]["data"]["handlers"]
    assert [each["type"] for each in handlers] == ["call_handler"] + ["menu_handler"] * 5


# Their representations.


def test_bot_shows_types_and_menu_actions_in_full():
    sandbox, bot_id = a_sandbox_with_bot()
    create(sandbox, bot_id, type="message_handler", script="s")
    create(sandbox, bot_id, **MENU)
    sub_actions = [{"name": "Sub", "icon": "wand/627282"}]
    create(sandbox, bot_id, **MENU, icon="wand/fff", sub_actions=sub_actions)
    message, first, second = sandbox.request("get_bot", bot_id)[1]["data"]["handlers"]
    assert message == {"type": "message_handler"}
    assert first.pop("id").isdigit()
    assert first == {"type": "menu_handler", "name": "Open", "position": 1}
    assert second.pop("id").isdigit()
    assert second == {
        "type": "menu_handler",
        "name": "Open",
        "icon": "wand/fff",
        "position": 2,
        "sub_actions": sub_actions,
    }


def test_handler_is_read_in_full():
    sandbox, bot_id = a_sandbox_with_bot()
    made = create(sandbox, bot_id, **MENU, icon="wand/fff")
    status, answer = sandbox.request("get_handler", bot_id, "menu_handler")
    assert (status, answer["url"], answer["type"]) == (
        200,
        f"/api/v3/bots/{bot_id}/handlers/menu_handler",
        "execution_handler",
    )
    data = answer["data"]
    assert data.pop("handler_id").isdigit()
    display = {"name": "Open", "icon": "wand/fff", "position": 1}
    assert data == made | display | {"type": "menu_handler", "display_props": display}


# Changing.


def test_changes_are_kept_and_answered_in_short():
    sandbox, bot_id = a_sandbox_with_bot()
    create(sandbox, bot_id, **MENU)
    changes = {"name": "Help", "script": "t", "sub_actions": [{"name": "a"}]}
    status, answer = sandbox.request("update_handler", bot_id, "menu_handler", body=changes)
    assert (status, answer["url"], answer["type"]) == (
        200,
        f"/api/v3/bots/{bot_id}/handlers/menu_handler",
        "execution_handler",
    )
    handler_id = answer["data"].pop("id")
    assert answer["data"] == {
        "type": "menu_handler",
        "display_props": {"name": "Help", "position": 1},
    }
    handler = sandbox.request("get_handler", bot_id, "menu_handler")[1]["data"]
    assert handler.items() >= (changes | {"handler_id": handler_id}).items()


def test_permissions_replace_the_old_ones():
    sandbox = OfflineSandbox()
    bot_id = sandbox.create_webhook_bot()["id"]
    create(sandbox, bot_id, type="message_handler", permissions=["user", "chat"])
    body = {"permissions": ["message"]}
    _, answer = sandbox.request("update_handler", bot_id, "message_handler", body=body)
    assert answer["data"].pop("id").isdigit()
    assert answer["data"] == {"type": "message_handler", "permissions": ["message"]}
    handler = sandbox.request("get_handler", bot_id, "message_handler")[1]["data"]
    assert handler["permissions"] == ["message"]


# Which one is meant.


def test_handler_id_picks_one_menu_action_and_the_first_is_meant_without_it():
    sandbox, bot_id = a_sandbox_with_bot()
    for name in ("One", "Two", "Three"):
        create(sandbox, bot_id, **MENU | {"name": name})
    handler = sandbox.request("get_bot", bot_id)[1]["data"]["handlers"]
    query = {"handler_id": handler[1]["id"]}
    assert sandbox.request("get_handler", bot_id, "menu_handler")[1]["data"]["name"] == "One"
    _, second = sandbox.request("get_handler", bot_id, "menu_handler", query=query)
    assert (second["data"]["name"], second["data"]["position"]) == ("Two", 2)
    sandbox.request("update_handler", bot_id, "menu_handler", query=query, body={"name": "New"})
    assert sandbox.request("delete_handler", bot_id, "menu_handler") == (204, None)
    left = sandbox.request("get_bot", bot_id)[1]["data"]["handlers"]
    assert [(each["name"], each["position"]) for each in left] == [("New", 1), ("Three", 2)]
    assert sandbox.request("delete_handler", bot_id, "menu_handler", query=query) == (204, None)
    assert sandbox.refusal("get_handler", bot_id, "menu_handler", query=query) == NOT_FOUND


def test_handler_id_of_another_type_must_match():
    sandbox, bot_id = a_sandbox_with_bot()
    create(sandbox, bot_id, type="call_handler", script="s")
    handler_id = sandbox.request("get_handler", bot_id, "call_handler")[1]["data"]["handler_id"]
    for name, body in (
        ("get_handler", b""),
        ("update_handler", {"script": "t"}),
        ("delete_handler", b""),
    ):
        wrong = {"handler_id": "1"}
        assert sandbox.refusal(name, bot_id, "call_handler", query=wrong, body=body) == NOT_FOUND
        right = {"handler_id": handler_id}
        assert sandbox.request(name, bot_id, "call_handler", query=right, body=body)[0] in {
            200,
            204,
        }


@pytest.mark.parametrize("handler_type", ["call_handler", "alert_handler", "x"])
def test_handler_that_is_not_there_is_not_found(handler_type):
    sandbox, bot_id = a_sandbox_with_bot()
    assert sandbox.refusal("get_handler", bot_id, handler_type) == NOT_FOUND
    assert sandbox.refusal("update_handler", bot_id, handler_type, body={}) == NOT_FOUND
    assert sandbox.refusal("delete_handler", bot_id, handler_type) == NOT_FOUND


def test_handler_that_came_with_its_bot_is_changed_but_not_deleted():
    sandbox = OfflineSandbox()
    bot_id = sandbox.list_bots()["data"][0]["id"]
    assert (
        sandbox.request("update_handler", bot_id, "welcome_handler", body={"script": "s"})[0] == 200
    )
    assert sandbox.refusal("delete_handler", bot_id, "welcome_handler") == (
        400,
        "default_handler_delete_not_allowed",
    )
    made, made_id = a_sandbox_with_bot()
    create(made, made_id, type="welcome_handler", script="s")
    assert made.request("delete_handler", made_id, "welcome_handler") == (204, None)


# Over HTTP.


async def test_handler_is_made_changed_read_and_deleted_over_http():
    async with running() as caller:
        status, bots = await caller.get("/api/v3/bots")
        path = f"/api/v3/bots/{bots['data'][0]['id']}/handlers"
        status, made = await caller.request("POST", path, json=MENU)
        assert (status, made["data"]["script"]) == (200, "s")
        path += "/menu_handler"
        assert (await caller.request("PATCH", path, json={"script": "t"}))[0] == 200
        status, handler = await caller.get(path)
        query = {"handler_id": handler["data"]["handler_id"]}
        assert await caller.get(path, **query) == (200, handler)
        assert await caller.request("DELETE", path, params=query) == (204, "")
        status, body = await caller.get(path)
        assert (status, body["code"]) == NOT_FOUND


async def test_longest_script_is_accepted_however_it_is_escaped():
    async with running() as caller:
        _, bots = await caller.get("/api/v3/bots")
        path = f"/api/v3/bots/{bots['data'][0]['id']}/handlers"
        data = json.dumps({"type": "call_handler", "script": "\x01" * 256_000}).encode()
        assert len(data) > 1_500_000
        headers = {"Content-Type": "application/json"}
        options = {"data": io.BytesIO(data), "headers": headers}
        assert (await caller.request("POST", path, **options))[0] == 200
        _, handler = await caller.get(f"{path}/call_handler")
        assert handler["data"]["script"] == "\x01" * 256_000
