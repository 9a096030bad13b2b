"""The limits of new functions, their handlers, and changes to both."""

from typing import Any

import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import (
    FunctionChanges,
    FunctionHandlerChanges,
    NewFunction,
    NewFunctionHandler,
)
from cliq_async.models.function import (
    FUNCTION_HANDLER_TYPES,
    FUNCTION_PERMISSIONS,
    check_function_handler_type,
)
from cliq_async.models.serialization import unstructure

NEW: dict[str, Any] = {"name": "approve", "description": "x", "function_type": "button"}
URL = "https://example.com/cliq"
BOTH = pytest.mark.parametrize(("cls", "base"), [(NewFunction, NEW), (FunctionChanges, {})])
HANDLERS = pytest.mark.parametrize(
    ("cls", "base"),
    [(NewFunctionHandler, {"type": "button_handler"}), (FunctionHandlerChanges, {})],
)

# Transcribed from the documents' table: chat, message, user.
MATRIX = {
    "button_handler": "cmu",
    "form_submit_handler": "cmu",
    "form_change_handler": "c-u",
    "form_dynamic_select_handler": "c-u",
    "form_view_handler": "--u",
    "widget_button_handler": "--u",
}
CELLS = [
    (kind, name, name[0] in allowed)
    for kind, allowed in MATRIX.items()
    for name in ("chat", "message", "user")
]


def refusal(cls: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        cls(**fields)
    return raised.value


# Functions.


@BOTH
@pytest.mark.parametrize(("field", "most"), [("name", 30), ("description", 300)])
def test_texts_have_a_limit_in_characters(cls, base, field, most):
    assert getattr(cls(**(base | {field: "é" * most})), field) == "é" * most
    for length in (0, most + 1):
        error = refusal(cls, **(base | {field: "é" * length}))
        assert (error.field, error.given) == (f"{cls.__name__}.{field}", length)


@pytest.mark.parametrize("kind", ["button", "form", "widget_button"])
def test_type_is_one_of_three(kind):
    assert NewFunction("f", description="x", function_type=kind).function_type == kind


@pytest.mark.parametrize("kind", ["widget", "button_handler", "", None, 5])
def test_any_other_type_is_refused(kind):
    error = refusal(NewFunction, **(NEW | {"function_type": kind}))
    assert (error.field, error.given) == ("NewFunction.function_type", kind)
    assert error.limit == "one of button, form, widget_button"


def test_webhook_function_needs_a_url_and_no_other_may_have_one():
    full: dict[str, Any] = NEW | {"execution_type": "webhook", "execution_url": URL}
    assert unstructure(NewFunction(**full)) == full
    error = refusal(NewFunction, **(NEW | {"execution_type": "webhook"}))
    assert (error.field, error.limit) == (
        "NewFunction.execution_url",
        "a URL when the type is webhook",
    )
    for kind in (None, "deluge"):
        fields: dict[str, Any] = NEW | {"execution_type": kind, "execution_url": URL}
        assert refusal(NewFunction, **fields).field == "NewFunction.execution_url"
    assert refusal(NewFunction, **(NEW | {"execution_type": "js"})).given == "js"


@BOTH
def test_url_has_up_to_225_characters(cls, base):
    base = base | ({"execution_type": "webhook"} if base else {})
    longest = "https://" + "a" * 217
    assert cls(**(base | {"execution_url": longest})).execution_url == longest
    error = refusal(cls, **(base | {"execution_url": longest + "a"}))
    assert (error.field, error.given) == (f"{cls.__name__}.execution_url", 226)
    for wrong in ("ftp://a", "example.com", "https://a b", ""):
        error = refusal(cls, **(base | {"execution_url": wrong}))
        assert error.field == f"{cls.__name__}.execution_url"


def test_request_has_the_names_of_the_api():
    assert unstructure(NewFunction(**NEW)) == NEW
    changes = {"name": "refuse", "description": "y", "execution_url": URL}
    assert unstructure(FunctionChanges(**changes)) == changes


def test_changes_change_something():
    assert refusal(FunctionChanges).field == "FunctionChanges"
    assert refusal(FunctionHandlerChanges).field == "FunctionHandlerChanges.script"


# Handlers.


def test_there_are_six_types():
    assert set(FUNCTION_HANDLER_TYPES) == set(MATRIX) == set(FUNCTION_PERMISSIONS)
    for name in ("form_handler", "form_values_handler", "message_handler"):
        error = refusal(NewFunctionHandler, type=name, script="x")
        assert (error.field, error.given) == ("NewFunctionHandler.type", name)
        assert "widget_button_handler" in error.limit


def test_matrix_has_eighteen_cells():
    assert len(CELLS) == 18


@pytest.mark.parametrize(("kind", "permission", "allowed"), CELLS)
def test_permission_is_allowed_by_the_type(kind, permission, allowed):
    changes = FunctionHandlerChanges(permissions=[permission])
    if allowed:
        assert NewFunctionHandler(kind, permissions=permission).permissions == (permission,)
        assert check_function_handler_type("type", kind, changes) == kind
        return
    made = refusal(NewFunctionHandler, type=kind, permissions=permission)
    changed = refusal(check_function_handler_type, field="type", handler_type=kind, handler=changes)
    for error, owner in ((made, "NewFunctionHandler"), (changed, "FunctionHandlerChanges")):
        assert (error.field, error.given) == (f"{owner}.permissions[0]", permission)
        assert kind in error.limit


@HANDLERS
@pytest.mark.parametrize("name", ["attachments", "location", "all"])
def test_no_handler_of_a_function_has_other_permissions(cls, base, name):
    error = refusal(cls, **(base | {"permissions": ["user", name]}))
    assert (error.field, error.given) == (f"{cls.__name__}.permissions[1]", name)


@HANDLERS
def test_permissions_are_named_once_and_may_be_none(cls, base):
    assert "each permission once" in str(refusal(cls, **(base | {"permissions": ["user"] * 2})))
    assert refusal(cls, **(base | {"permissions": ["user"] * 4})).given == 4
    assert unstructure(cls(**(base | {"permissions": []}))) == base | {"permissions": []}


@HANDLERS
def test_script_of_256_000_bytes_is_the_longest(cls, base):
    assert len(cls(**(base | {"script": "é" * 128_000})).script) == 128_000
    error = refusal(cls, **(base | {"script": "é" * 128_000 + "x"}))
    assert (error.field, error.given) == (f"{cls.__name__}.script", 256_001)
    assert refusal(cls, **(base | {"script": ""})).given == 0


@HANDLERS
def test_exactly_one_of_script_and_permissions_is_given(cls, base):
    assert refusal(cls, **base).field == f"{cls.__name__}.script"
    for permissions in ("user", []):
        error = refusal(cls, **(base | {"script": "x", "permissions": permissions}))
        assert error.field == f"{cls.__name__}.permissions"


# The bodies that the documents print.

APPROVE = 'response = Map();\nresponse.put("text", "Button clicked!");\nreturn response;'
HOOK_URL = "https://api.yourcompany.com/cliq/functions/handler"
DOCUMENTED: list[tuple[Any, dict[str, Any]]] = [
    (
        NewFunction,
        {
            "name": "ApproveRequest",
            "description": "Handles approval button clicks in messages",
            "function_type": "button",
            "execution_type": "deluge",
        },
    ),
    (
        NewFunction,
        {
            "name": "ApproveExpense",
            "description": "Forwards approval clicks to external HR system",
            "function_type": "button",
            "execution_type": "webhook",
            "execution_url": HOOK_URL,
        },
    ),
    (
        NewFunction,
        {
            "name": "SubmitFeedback",
            "description": "Processes feedback form submissions from users",
            "function_type": "form",
        },
    ),
    (
        NewFunction,
        {
            "name": "RefreshWidget",
            "description": "Handles button clicks inside widgets",
            "function_type": "widget_button",
        },
    ),
    (
        FunctionChanges,
        {"name": "createTaskUpdated", "description": "Updated function description"},
    ),
    (
        FunctionChanges,
        {"execution_url": "https://api.yourcompany.com/cliq/functions/updated-handler"},
    ),
    (NewFunctionHandler, {"type": "button_handler", "script": APPROVE}),
    (
        NewFunctionHandler,
        {"type": "button_handler", "permissions": ["chat", "message", "user"]},
    ),
    (NewFunctionHandler, {"type": "form_submit_handler", "permissions": ["chat", "user"]}),
    (NewFunctionHandler, {"type": "form_view_handler", "script": "form = Map();\nreturn form;"}),
    (FunctionHandlerChanges, {"script": APPROVE}),
    (FunctionHandlerChanges, {"permissions": ["chat", "message", "user"]}),
]


@pytest.mark.parametrize(("cls", "body"), DOCUMENTED)
def test_documented_body_is_built_exactly(cls, body):
    assert unstructure(cls(**body)) == body
