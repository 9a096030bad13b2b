"""The limits of new handlers and of changes to handlers."""

from typing import Any

import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import HandlerChanges, NewHandler, SubAction
from cliq_async.models.handler import HANDLER_TYPES, PERMISSIONS, check_type
from cliq_async.models.serialization import unstructure

MENU: dict[str, Any] = {"type": "menu_handler", "script": "return Map();", "name": "Open"}
BOTH = pytest.mark.parametrize(
    ("cls", "base"), [(NewHandler, MENU), (HandlerChanges, {"name": "x"})]
)

# Transcribed from the documents' matrix: attachments, chat, location, message, user.
MATRIX = {
    "welcome_handler": "----u",
    "message_handler": "aclmu",
    "mention_handler": "-clmu",
    "context_handler": "ac--u",
    "incoming_webhook_handler": "----u",
    "participation_handler": "-c--u",
    "menu_handler": "-cl-u",
    "call_handler": "----u",
}
CELLS = [
    (kind, name, name[0] in allowed)
    for kind, allowed in MATRIX.items()
    for name in ("attachments", "chat", "location", "message", "user")
]


def refusal(cls: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        cls(**fields)
    return raised.value


def test_there_are_eight_types():
    assert set(HANDLER_TYPES) == set(MATRIX) == set(PERMISSIONS)
    error = refusal(NewHandler, type="alert_handler", script="x")
    assert (error.field, error.given) == ("NewHandler.type", "alert_handler")
    assert "call_handler" in error.limit


def test_matrix_has_forty_cells():
    assert len(CELLS) == 40


# The table refuses it, but an example of Zoho's OpenAPI document has it.
DISPUTED = ("menu_handler", "message")


@pytest.mark.parametrize(("kind", "permission", "allowed"), CELLS)
def test_permission_is_allowed_by_the_type(kind, permission, allowed):
    name = "Open" if kind == "menu_handler" else None
    changes = HandlerChanges(permissions=[permission])
    if allowed or (kind, permission) == DISPUTED:
        assert NewHandler(kind, permissions=permission, name=name).permissions == (permission,)
        assert check_type("type", kind, changes) == kind
        return
    made = refusal(NewHandler, type=kind, permissions=permission, name=name)
    changed = refusal(check_type, field="type", handler_type=kind, handler=changes)
    for error, owner in ((made, "NewHandler"), (changed, "HandlerChanges")):
        assert (error.field, error.given) == (f"{owner}.permissions[0]", permission)
        assert kind in error.limit


@BOTH
def test_script_of_256_000_bytes_is_the_longest(cls, base):
    assert len(cls(**(base | {"script": "é" * 128_000})).script) == 128_000
    error = refusal(cls, **(base | {"script": "é" * 128_000 + "x"}))
    assert (error.field, error.given) == (f"{cls.__name__}.script", 256_001)
    assert error.limit == "at most 256000 bytes of UTF-8"
    assert refusal(cls, **(base | {"script": ""})).given == 0
    assert refusal(cls, **(base | {"script": b"x"})).field == f"{cls.__name__}.script"


@BOTH
def test_script_and_permissions_exclude_each_other(cls, base):
    for permissions in ("user", []):
        error = refusal(cls, **(base | {"script": "x", "permissions": permissions}))
        assert error.field == f"{cls.__name__}.permissions"
        assert "None if a script is given" in error.limit


def test_new_handler_needs_a_script_or_permissions_that_may_be_none():
    error = refusal(NewHandler, type="message_handler")
    assert (error.field, error.given) == ("NewHandler.script", None)
    assert unstructure(NewHandler("message_handler", permissions=[])) == {
        "type": "message_handler",
        "permissions": [],
    }


@BOTH
def test_permissions_are_at_most_five_known_ones_each_once(cls, base):
    base = base | {"script": None}
    assert refusal(cls, **(base | {"permissions": ["user"] * 6})).given == 6
    error = refusal(cls, **(base | {"permissions": ["user", "all"]}))
    assert (error.field, error.given) == (f"{cls.__name__}.permissions[1]", "all")
    assert "each permission once" in str(refusal(cls, **(base | {"permissions": ["user"] * 2})))


def test_menu_handler_needs_a_name():
    error = refusal(NewHandler, type="menu_handler", script="x")
    assert (error.field, error.given) == ("NewHandler.name", None)


@BOTH
def test_menu_names_have_up_to_15_characters(cls, base):
    assert cls(**(base | {"name": "é" * 15})).name == "é" * 15
    for length in (0, 16):
        error = refusal(cls, **(base | {"name": "é" * length}))
        assert (error.field, error.given) == (f"{cls.__name__}.name", length)


@BOTH
@pytest.mark.parametrize(
    "icon", ["wand", "wand/", "/627282", "wand/62728g", "a/b/627282", "a b/fff", ""]
)
def test_icon_is_a_name_and_a_colour(cls, base, icon):
    assert cls(**(base | {"icon": "wand/627282"})).icon == "wand/627282"
    assert refusal(cls, **(base | {"icon": icon})).field == f"{cls.__name__}.icon"
    if icon:
        error = refusal(cls, **(base | {"sub_actions": [SubAction("x", icon=icon)]}))
        assert error.field == f"{cls.__name__}.sub_actions[0].icon"


@BOTH
def test_six_sub_actions_are_too_many_and_each_is_checked(cls, base):
    one = SubAction("Track", icon="wand/627291")
    assert cls(**(base | {"sub_actions": one})).sub_actions == (one,)
    assert len(cls(**(base | {"sub_actions": [one] * 5})).sub_actions) == 5
    error = refusal(cls, **(base | {"sub_actions": [one] * 6}))
    assert (error.field, error.given) == (f"{cls.__name__}.sub_actions", 6)
    for length in (0, 16):
        error = refusal(cls, **(base | {"sub_actions": [one, SubAction("x" * length)]}))
        assert (error.field, error.given) == (f"{cls.__name__}.sub_actions[1].name", length)
    assert refusal(cls, **(base | {"sub_actions": ["Track"]})).given == "Track"


@pytest.mark.parametrize(
    ("field", "value"), [("name", "x"), ("icon", "a/fff"), ("sub_actions", SubAction("x"))]
)
def test_menu_fields_belong_to_menu_handlers_alone(field, value):
    fields: dict[str, Any] = {"type": "welcome_handler", "script": "x", field: value}
    assert refusal(NewHandler, **fields).field == f"NewHandler.{field}"
    changes: Any = {field: value}
    with pytest.raises(ValidationError, match=f"HandlerChanges.{field}"):
        check_type("type", "welcome_handler", HandlerChanges(**changes))
    assert check_type("type", "menu_handler", HandlerChanges(**changes)) == "menu_handler"


def test_changes_change_something():
    assert refusal(HandlerChanges).field == "HandlerChanges"


def test_request_has_the_names_of_the_api():
    full = MENU | {
        "icon": "wand/627282",
        "sub_actions": [{"name": "Raise", "icon": "wand/627290"}, {"name": "Track"}],
    }
    given: dict[str, Any] = full | {
        "sub_actions": [SubAction("Raise", icon="wand/627290"), SubAction("Track")]
    }
    assert unstructure(NewHandler(**given)) == full
    del given["type"], full["type"]
    assert unstructure(HandlerChanges(**given)) == full
