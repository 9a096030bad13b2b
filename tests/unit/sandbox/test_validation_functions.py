"""The checks of functions and their handlers, by the function's type of execution."""

import msgspec
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.validation import (
    FUNCTION_HANDLER_TYPES,
    read_function_changes,
    read_function_handler_changes,
    read_new_function,
    read_new_function_handler,
)

PERMISSIONS = ("chat", "message", "user")
# A row for each type, in the documents' columns.
MATRIX = {
    "button_handler": "xxx",
    "form_submit_handler": "xxx",
    "form_change_handler": "x-x",
    "form_dynamic_select_handler": "x-x",
    "form_view_handler": "--x",
    "widget_button_handler": "--x",
}
INVALID = "execution_handler_data_invalid"
REQUIRED = "execution_handler_data_required"
FAILED = "execution_handler_update_failed"
NEW = {"name": "f", "description": "d", "function_type": "button"}
HOOK = NEW | {"execution_type": "webhook", "execution_url": "https://example.com/hook"}
VIEW = "form_view_handler"


def code_of(read, form, *arguments):
    with pytest.raises(ApiFault) as caught:
        read(msgspec.json.encode(form), *arguments)
    assert caught.value.status == 400
    assert caught.value.message
    return caught.value.code


@pytest.mark.parametrize(
    "form",
    [
        NEW,
        HOOK,
        NEW | {"execution_type": "deluge", "function_type": "widget_button"},
        NEW | {"name": "é" * 30, "description": "é" * 300, "function_type": "form"},
        HOOK | {"execution_url": "http://" + "a" * 218},
    ],
)
def test_valid_function_is_read(form):
    assert read_new_function(msgspec.json.encode(form)) == form


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ([], "invalid_inputs"),
        ({"name": "f", "description": "d"}, "invalid_inputs"),
        ({"name": "f", "function_type": "form"}, "invalid_inputs"),
        (NEW | {"name": ""}, "invalid_inputs"),
        (NEW | {"name": "x" * 31}, "invalid_inputs"),
        (NEW | {"description": "x" * 301}, "invalid_inputs"),
        (NEW | {"function_type": "menu"}, "invalid_inputs"),
        (NEW | {"execution_type": "webhook"}, "invalid_inputs"),
        (NEW | {"execution_url": "https://a"}, "invalid_inputs"),
        (HOOK | {"execution_url": "ftp://a"}, "invalid_inputs"),
        (HOOK | {"execution_url": "https://" + "a" * 218}, "invalid_inputs"),
        (NEW | {"scope": "personal"}, "extra_key_found"),
    ],
)
def test_wrong_function_is_refused(form, code):
    assert code_of(read_new_function, form) == code


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "invalid_inputs"),
        ({"name": ""}, "invalid_inputs"),
        ({"execution_url": "https://a"}, "invalid_inputs"),
        ({"function_type": "form"}, "extra_key_found"),
        ({"execution_type": "webhook"}, "extra_key_found"),
    ],
)
def test_wrong_changes_of_a_deluge_function_are_refused(form, code):
    assert code_of(read_function_changes, form, "deluge") == code


def test_webhook_functions_url_can_change():
    form = {"execution_url": "https://a"}
    assert read_function_changes(msgspec.json.encode(form), "webhook") == form


@pytest.mark.parametrize("handler_type", MATRIX)
def test_permissions_match_the_documented_table(handler_type):
    assert set(MATRIX) == set(FUNCTION_HANDLER_TYPES)
    allowed = [
        name for name, mark in zip(PERMISSIONS, MATRIX[handler_type], strict=True) if mark == "x"
    ]
    form = {"type": handler_type, "permissions": allowed}
    assert read_new_function_handler(msgspec.json.encode(form), "webhook") == form
    for name in {*PERMISSIONS, "location", "attachments"} - {*allowed}:
        wrong = form | {"permissions": [name]}
        assert code_of(read_new_function_handler, wrong, "webhook") == INVALID


@pytest.mark.parametrize(
    ("form", "execution_type", "code"),
    [
        ({"script": "s"}, "deluge", "invalid_inputs"),
        ({"type": "form_handler", "script": "s"}, "deluge", "invalid_inputs"),
        ({"type": VIEW}, "deluge", REQUIRED),
        ({"type": VIEW}, "webhook", REQUIRED),
        ({"type": VIEW, "script": ""}, "deluge", INVALID),
        ({"type": VIEW, "script": "x" * 256_001}, "deluge", INVALID),
        ({"type": VIEW, "permissions": []}, "deluge", INVALID),
        ({"type": VIEW, "script": "s"}, "webhook", INVALID),
        ({"type": VIEW, "permissions": ["user", "user"]}, "webhook", INVALID),
        ({"type": VIEW, "script": "s", "name": "n"}, "deluge", "extra_key_found"),
    ],
)
def test_wrong_handler_is_refused(form, execution_type, code):
    assert code_of(read_new_function_handler, form, execution_type) == code


@pytest.mark.parametrize(
    ("form", "execution_type", "code"),
    [
        ([], "deluge", FAILED),
        ({}, "deluge", FAILED),
        ({"script": ""}, "deluge", FAILED),
        ({"permissions": []}, "deluge", FAILED),
        ({"script": "s"}, "webhook", FAILED),
        ({"permissions": ["chat"]}, "webhook", FAILED),
        ({"type": VIEW}, "deluge", "extra_key_found"),
    ],
)
def test_wrong_changes_of_a_handler_fail(form, execution_type, code):
    assert code_of(read_function_handler_changes, form, VIEW, execution_type) == code
