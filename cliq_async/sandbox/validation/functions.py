"""The checks of functions and their handlers: creating and updating them."""

import re
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request, param_missing
from cliq_async.sandbox.validation.checks import (
    Check,
    json_object,
    matching,
    object_with,
    one_of,
    string,
    with_code,
)
from cliq_async.sandbox.validation.handlers import check_logic, check_script, permissions_of

__all__ = [
    "FUNCTION_HANDLER_TYPES",
    "read_function_changes",
    "read_function_handler_changes",
    "read_new_function",
    "read_new_function_handler",
]

_WEBHOOK: Final = "webhook"
_INVALID: Final = "execution_handler_data_invalid"
_REQUIRED: Final = "execution_handler_data_required"
_UPDATE_FAILED: Final = "execution_handler_update_failed"
_MAX_URL: Final = 225

# The permissions that a webhook function's handler may have, by handler type.
_PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    "button_handler": ("chat", "message", "user"),
    "form_submit_handler": ("chat", "message", "user"),
    "form_change_handler": ("chat", "user"),
    "form_dynamic_select_handler": ("chat", "user"),
    "form_view_handler": ("user",),
    "widget_button_handler": ("user",),
}
FUNCTION_HANDLER_TYPES: Final = tuple(_PERMISSIONS)

_HTTP: Final = matching(r"https?://\S+", "an http:// or https:// URL", re.IGNORECASE)
_SHORT: Final = string(_MAX_URL)


def _url(value: Any, path: str) -> None:
    _HTTP(value, path)
    _SHORT(value, path)


_NAMED: Final[dict[str, Check]] = {
    "name": string(30, min_length=1),
    "description": string(300, min_length=1),
}
_NEW: Final = object_with(
    _NAMED | {"function_type": one_of("button", "form", "widget_button")},
    {"execution_type": one_of("deluge", _WEBHOOK), "execution_url": _url},
)
_CHANGES: Final = object_with({}, _NAMED | {"execution_url": _url})

_TYPE: Final = one_of(*FUNCTION_HANDLER_TYPES)
_FIELDS: Final[dict[str, dict[str, Check]]] = {
    handler_type: {"script": check_script, "permissions": permissions_of(*names)}
    for handler_type, names in _PERMISSIONS.items()
}
_NEW_HANDLER: Final = {
    each: with_code(object_with({"type": _TYPE}, fields), _INVALID)
    for each, fields in _FIELDS.items()
}
_HANDLER_CHANGES: Final = {
    each: with_code(object_with({}, fields), _UPDATE_FAILED) for each, fields in _FIELDS.items()
}


def read_new_function(body: bytes) -> dict[str, Any]:
    """Check the body that creates a function.

    Raises:
        ApiFault: The body is not valid.
    """
    form = json_object(body)
    _NEW(form, "")
    execution_type = form.get("execution_type")
    _check_execution_url(form, execution_type)
    if execution_type == _WEBHOOK and "execution_url" not in form:
        raise bad_request("A webhook function needs an 'execution_url'.")
    return form


def read_function_changes(body: bytes, execution_type: str) -> dict[str, Any]:
    """Check the body that updates a function of an execution type.

    Raises:
        ApiFault: The body is not valid, or it changes nothing.
    """
    form = json_object(body)
    _CHANGES(form, "")
    if not form:
        raise bad_request("The body changes nothing.")
    _check_execution_url(form, execution_type)
    return form


def read_new_function_handler(body: bytes, execution_type: str) -> dict[str, Any]:
    """Check the body that creates a handler for a function of an execution type.

    Raises:
        ApiFault: The body is not valid.
    """
    form = json_object(body)
    if "type" not in form:
        raise param_missing("type")
    handler_type: Any = form["type"]
    _TYPE(handler_type, "type")
    _NEW_HANDLER[handler_type](form, "")
    required = check_logic(form, execution_type, "function", _INVALID)
    if required not in form:
        text = f"A {execution_type} function's handler needs '{required}'."
        raise bad_request(text, _REQUIRED)
    return form


def read_function_handler_changes(
    body: bytes, handler_type: str, execution_type: str
) -> dict[str, Any]:
    """Check the body that updates a handler of a type, for a function of an execution type.

    Raises:
        ApiFault: The body is not valid, or it changes nothing.
    """
    form = json_object(body, _UPDATE_FAILED)
    _HANDLER_CHANGES[handler_type](form, "")
    check_logic(form, execution_type, "function", _UPDATE_FAILED)
    if not form:
        raise bad_request("The body changes nothing.", _UPDATE_FAILED)
    return form


def _check_execution_url(form: dict[str, Any], execution_type: str | None) -> None:
    if "execution_url" in form and execution_type != _WEBHOOK:
        raise bad_request("A Deluge function cannot have an 'execution_url'.")
