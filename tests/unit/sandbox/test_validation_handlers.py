"""The checks of new handlers and of changes, by the handler's type and the bot's."""

import msgspec
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.validation import HANDLER_TYPES, read_handler_changes, read_new_handler

PERMISSIONS = ("attachments", "chat", "location", "message", "user")
# A row for each type, in the documents' columns.
MATRIX = {
    "welcome_handler": "----x",
    "message_handler": "xxxxx",
    "mention_handler": "-xxxx",
    "context_handler": "xx--x",
    "incoming_webhook_handler": "----x",
    "participation_handler": "-x--x",
    "menu_handler": "-xx-x",
    "call_handler": "----x",
}
INVALID = (400, "execution_handler_data_invalid")
REQUIRED = (400, "execution_handler_data_required")
FAILED = (400, "execution_handler_update_failed")
MENU = {"type": "menu_handler", "script": "s", "name": "Open"}

# Creating.


@pytest.mark.parametrize("handler_type", MATRIX)
def test_permissions_match_the_documented_table(handler_type):
    assert set(MATRIX) == set(HANDLER_TYPES)
    allowed = [
        name for name, mark in zip(PERMISSIONS, MATRIX[handler_type], strict=True) if mark == "x"
    ]
    form = {"type": handler_type, "permissions": allowed}
    if handler_type == "menu_handler":
        form["name"] = "Open"
    read_new_handler(msgspec.json.encode(form), "webhook")
    for name in {*PERMISSIONS, "alert"} - {*allowed}:
        with pytest.raises(ApiFault) as caught:
            read_new_handler(msgspec.json.encode(form | {"permissions": [name]}), "webhook")
        assert caught.value.code == "execution_handler_data_invalid"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ([], "invalid_inputs"),
        ({"script": "s"}, "invalid_inputs"),
        ({"type": "alert_handler", "script": "s"}, "invalid_inputs"),
        ({"type": ["menu_handler"], "script": "s"}, "invalid_inputs"),
        ({"type": "call_handler", "script": "s", "id": "1"}, "extra_key_found"),
        (MENU | {"sub_actions": [{"name": "a", "action": {}}]}, "extra_key_found"),
        ({"type": "call_handler"}, REQUIRED[1]),
        ({"type": "menu_handler", "script": "s"}, REQUIRED[1]),
        ({"type": "call_handler", "script": ""}, INVALID[1]),
        ({"type": "call_handler", "script": 5}, INVALID[1]),
        ({"type": "call_handler", "script": "x" * 256_001}, INVALID[1]),
        ({"type": "call_handler", "script": "é" * 128_001}, INVALID[1]),
        ({"type": "call_handler", "permissions": ["user"]}, INVALID[1]),
        ({"type": "call_handler", "script": "s", "permissions": []}, INVALID[1]),
        ({"type": "call_handler", "script": "s", "name": "n"}, INVALID[1]),
        ({"type": "call_handler", "script": "s", "icon": "wand/fff"}, INVALID[1]),
        ({"type": "call_handler", "script": "s", "sub_actions": []}, INVALID[1]),
        (MENU | {"name": ""}, INVALID[1]),
        (MENU | {"name": "x" * 16}, INVALID[1]),
        (MENU | {"sub_actions": [{"name": "a"}] * 6}, INVALID[1]),
        (MENU | {"sub_actions": [{"icon": "wand/fff"}]}, INVALID[1]),
        (MENU | {"sub_actions": [{"name": "x" * 16}]}, INVALID[1]),
        (MENU | {"sub_actions": [{"name": "a", "icon": "wand"}]}, INVALID[1]),
        (MENU | {"sub_actions": ["a"]}, INVALID[1]),
        (MENU | {"sub_actions": {"name": "a"}}, INVALID[1]),
    ],
)
def test_wrong_form_of_a_deluge_bots_handler_is_refused(form, code):
    with pytest.raises(ApiFault) as caught:
        read_new_handler(msgspec.json.encode(form), "deluge")
    assert (caught.value.status, caught.value.code) == (400, code)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"type": "message_handler"}, REQUIRED[1]),
        ({"type": "menu_handler", "permissions": []}, REQUIRED[1]),
        ({"type": "message_handler", "script": "s"}, INVALID[1]),
        ({"type": "message_handler", "script": "s", "permissions": []}, INVALID[1]),
        ({"type": "message_handler", "permissions": "user"}, INVALID[1]),
        ({"type": "message_handler", "permissions": ["user", "user"]}, INVALID[1]),
        ({"type": "message_handler", "permissions": [*PERMISSIONS, "user"]}, INVALID[1]),
        ({"type": "message_handler", "permissions": [5]}, INVALID[1]),
    ],
)
def test_wrong_form_of_a_webhook_bots_handler_is_refused(form, code):
    with pytest.raises(ApiFault) as caught:
        read_new_handler(msgspec.json.encode(form), "webhook")
    assert (caught.value.status, caught.value.code) == (400, code)


@pytest.mark.parametrize("icon", ["wand/627282", "a-b_c.d/FFF", "é/12345678"])
def test_icon_is_a_name_and_three_to_eight_hex_digits(icon):
    sub_action = {"name": "x" * 15, "icon": icon}
    form = MENU | {"icon": icon, "sub_actions": [sub_action] * 5}
    assert read_new_handler(msgspec.json.encode(form), "deluge") == form


@pytest.mark.parametrize(
    "icon", ["wand", "/fff", "wand/", "wand/ff", "wand/123456789", "wand/ggg", "a/b/fff", "a b/fff"]
)
def test_other_icons_are_refused(icon):
    with pytest.raises(ApiFault) as caught:
        read_new_handler(msgspec.json.encode(MENU | {"icon": icon}), "deluge")
    assert caught.value.code == "execution_handler_data_invalid"


# Changing.


@pytest.mark.parametrize(
    ("handler_type", "execution_type", "form"),
    [
        ("menu_handler", "deluge", []),
        ("menu_handler", "deluge", {}),
        ("menu_handler", "deluge", {"script": ""}),
        ("menu_handler", "deluge", {"script": "x" * 256_001}),
        ("menu_handler", "deluge", {"permissions": ["user"]}),
        ("menu_handler", "deluge", {"script": "s", "permissions": []}),
        ("menu_handler", "deluge", {"name": "x" * 16}),
        ("menu_handler", "deluge", {"icon": "wand"}),
        ("menu_handler", "webhook", {"script": "s"}),
        ("menu_handler", "webhook", {"permissions": ["message"]}),
        ("call_handler", "deluge", {"name": "n"}),
        ("call_handler", "deluge", {"icon": "wand/fff"}),
        ("call_handler", "deluge", {"sub_actions": []}),
    ],
)
def test_wrong_changes_fail(handler_type, execution_type, form):
    with pytest.raises(ApiFault) as caught:
        read_handler_changes(msgspec.json.encode(form), handler_type, execution_type)
    assert (caught.value.status, caught.value.code) == FAILED


@pytest.mark.parametrize("key", ["type", "handler_id"])
def test_extra_key_in_changes_has_its_own_code(key):
    with pytest.raises(ApiFault) as caught:
        read_handler_changes(msgspec.json.encode({key: "x"}), "call_handler", "deluge")
    assert caught.value.code == "extra_key_found"
