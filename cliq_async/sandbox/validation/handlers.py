"""The checks of handlers: creating and updating one."""

from typing import Any, Final

from cliq_async.sandbox.errors import bad_request, param_missing
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    json_object,
    matching,
    object_with,
    one_of,
    string,
    with_code,
)

__all__ = [
    "HANDLER_TYPES",
    "check_logic",
    "check_script",
    "permissions_of",
    "read_handler_changes",
    "read_new_handler",
]

_INVALID: Final = "execution_handler_data_invalid"
_REQUIRED: Final = "execution_handler_data_required"
_UPDATE_FAILED: Final = "execution_handler_update_failed"

_MENU: Final = "menu_handler"
_MENU_FIELDS: Final = ("name", "icon", "sub_actions")
_MAX_SCRIPT: Final = 256_000

# The permissions that a webhook bot's handler may have, by handler type.
_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "welcome_handler": ("user",),
    "message_handler": ("attachments", "chat", "location", "message", "user"),
    "mention_handler": ("chat", "location", "message", "user"),
    "context_handler": ("attachments", "chat", "user"),
    "participation_handler": ("chat", "user"),
    "incoming_webhook_handler": ("user",),
    _MENU: ("chat", "location", "user"),
    "call_handler": ("user",),
}
HANDLER_TYPES: Final = tuple(_PERMISSIONS)

_TYPE: Final = one_of(*HANDLER_TYPES)
_KNOWN_PERMISSIONS: Final = array_of(one_of(*_PERMISSIONS["message_handler"]), max_items=5)
_SCRIPT_TEXT: Final = string(min_length=1)
_NAME: Final = string(15, min_length=1)
_ICON: Final = matching(r"[^/\s]+/[0-9A-Fa-f]{3,8}", "an icon of the form name/HEX")


def check_script(value: Any, path: str) -> None:
    """Check that a value is a script of at most 256,000 bytes."""
    _SCRIPT_TEXT(value, path)
    size = len(value.encode())
    if size > _MAX_SCRIPT:
        raise bad_request(f"'{path}' has {size} bytes; the limit is {_MAX_SCRIPT}.")


def permissions_of(*allowed: str) -> Check:
    """Return a check for an array of these permissions, each at most once."""

    def check(value: Any, path: str) -> None:
        _KNOWN_PERMISSIONS(value, path)
        for each in value:
            if each not in allowed:
                raise bad_request(f"'{path}' cannot have '{each}' here.")
        if len(set(value)) < len(value):
            raise bad_request(f"'{path}' names a permission twice.")

    return check


def _fields_for(handler_type: str) -> dict[str, Check]:
    """Return the checks of the fields that a handler of a type may have, all optional."""
    permissions = permissions_of(*_PERMISSIONS[handler_type])
    fields = {"script": check_script, "permissions": permissions}
    if handler_type == _MENU:
        sub_action = object_with({"name": _NAME}, {"icon": _ICON})
        fields |= {"name": _NAME, "icon": _ICON, "sub_actions": array_of(sub_action, max_items=5)}
    else:
        fields |= dict.fromkeys(_MENU_FIELDS, _menu_only)
    return fields


def _menu_only(_: Any, path: str) -> None:
    raise bad_request(f"'{path}' is only allowed for a {_MENU}.")


_FIELDS: Final = {each: _fields_for(each) for each in HANDLER_TYPES}
_NEW: Final = {
    each: with_code(object_with({"type": _TYPE}, fields), _INVALID)
    for each, fields in _FIELDS.items()
}
_CHANGES: Final = {
    each: with_code(object_with({}, fields), _UPDATE_FAILED) for each, fields in _FIELDS.items()
}


def read_new_handler(body: bytes, execution_type: str) -> dict[str, Any]:
    """Check the body that creates a handler for a bot of an execution type.

    Raises:
        ApiFault: The body is not valid.
    """
    form = json_object(body)
    if "type" not in form:
        raise param_missing("type")
    handler_type: Any = form["type"]
    _TYPE(handler_type, "type")
    _NEW[handler_type](form, "")
    required = check_logic(form, execution_type, "bot", _INVALID)
    if required not in form:
        raise bad_request(f"A {execution_type} bot's handler needs '{required}'.", _REQUIRED)
    if handler_type == _MENU and "name" not in form:
        raise bad_request(f"A {_MENU} needs a 'name'.", _REQUIRED)
    return form


def read_handler_changes(body: bytes, handler_type: str, execution_type: str) -> dict[str, Any]:
    """Check the body that updates a handler of a type, for a bot of an execution type.

    Raises:
        ApiFault: The body is not valid, or it changes nothing.
    """
    form = json_object(body, _UPDATE_FAILED)
    _CHANGES[handler_type](form, "")
    check_logic(form, execution_type, "bot", _UPDATE_FAILED)
    if not form:
        raise bad_request("The body changes nothing.", _UPDATE_FAILED)
    return form


def check_logic(form: dict[str, Any], execution_type: str, owner: str, code: str) -> str:
    """Refuse the field that a handler cannot have, and return the one that it needs.

    Args:
        form: The body.
        execution_type: The execution type of the handler's bot or function.
        owner: `bot` or `function`.
        code: The error code of a refusal.
    """
    required, forbidden = "script", "permissions"
    if execution_type == "webhook":
        required, forbidden = forbidden, required
    if forbidden in form:
        raise bad_request(f"A {execution_type} {owner}'s handler cannot have '{forbidden}'.", code)
    return required
