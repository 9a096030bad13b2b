"""Every documented code of an error, by endpoint, and the exception that it becomes."""

import pytest
from support.methods import METHODS, ask
from support.scripted import answer, moved

from cliq_async.errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)

SENDING: dict[str, type[ApiError]] = {
    "botmessage_sending_failed": BadRequestError,
    "botmessage_no_valid_users": BadRequestError,
    "bot_unauthorized_message_access": PermissionDeniedError,
    "bot_message_forbidden": PermissionDeniedError,
}
CODES: dict[str, dict[str, type[ApiError]]] = {
    "create_bot": {
        "bot_creation_limit_exceeded": BadRequestError,
        "bot_name_already_exists": ConflictError,
        "invalid_inputs": BadRequestError,
        "execution_url_required": BadRequestError,
        "execution_url_not_allowed": BadRequestError,
        "invalid_scope": BadRequestError,
    },
    "update_bot": {
        "bot_not_found": NotFoundError,
        "bot_name_already_exists": ConflictError,
        "bot_permission_denied": PermissionDeniedError,
    },
    "get_bot": {"bot_not_found": NotFoundError},
    "delete_bot": {"bot_not_found": NotFoundError, "bot_permission_denied": PermissionDeniedError},
    "trigger_call": {"bot_alert_not_enabled": BadRequestError},
    "create_handler": {
        "execution_handler_create_failed": BadRequestError,
        "execution_handler_data_required": BadRequestError,
        "execution_handler_data_invalid": BadRequestError,
        "invalid_inputs": BadRequestError,
    },
    "update_handler": {
        "execution_handler_update_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "get_handler": {
        "execution_handler_get_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "delete_handler": {
        "execution_handler_delete_failed": BadRequestError,
        "default_handler_delete_not_allowed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "associate_channel": {"bot_not_found": NotFoundError, "bot_already_member": ConflictError},
    "create_function": {
        "function_creation_limit_exceeded": BadRequestError,
        "function_name_already_exists": ConflictError,
        "invalid_inputs": BadRequestError,
    },
    "update_function": {
        "function_not_found": NotFoundError,
        "function_name_already_exists": ConflictError,
    },
    "get_function": {"function_not_found": NotFoundError},
    "delete_function": {"function_not_found": NotFoundError},
    "create_function_handler": {
        "execution_handler_create_failed": BadRequestError,
        "execution_handler_data_required": BadRequestError,
        "execution_handler_data_invalid": BadRequestError,
        "invalid_inputs": BadRequestError,
        "execution_handler_already_exists": ConflictError,
    },
    "update_function_handler": {
        "execution_handler_update_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "get_function_handler": {
        "execution_handler_get_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "delete_function_handler": {
        "execution_handler_delete_failed": BadRequestError,
        "default_handler_delete_not_allowed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "send_message": SENDING,
    "send_incoming_webhook": SENDING,
}


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in CODES.items() for code in codes]
)
@moved
async def test_documented_code_becomes_its_exception(name, code):
    with pytest.raises(ApiError) as raised:
        await ask(METHODS[name][0], answer(400, {"code": code, "message": "Words."}))
    assert type(raised.value) is CODES[name][code]
    assert (raised.value.code, raised.value.endpoint, raised.value.message) == (
        code,
        name,
        "Words.",
    )
