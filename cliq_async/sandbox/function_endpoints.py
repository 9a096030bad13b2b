"""The endpoint handlers of the Functions API; a user sees and changes only functions of their own.

The answer to a new handler describes its function, as the samples of the documentation do.
"""

from collections.abc import Callable
from typing import Any, Final

from cliq_async.endpoints import BASE_PATH
from cliq_async.sandbox.call import NO_RESPONSE, Call, Reply
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation import (
    page_limit,
    read_function_changes,
    read_function_handler_changes,
    read_new_function,
    read_new_function_handler,
)

__all__ = ["FUNCTION_ENDPOINT_HANDLERS"]

_FUNCTIONS: Final = f"{BASE_PATH}/functions"
_NO_CONTENT: Final[Reply] = (204, None)


def _function_reply(url: str, data: Any) -> Reply:
    return 200, {"url": url, "type": "function", "data": data}


def _create_function(state: State, call: Call) -> Reply:
    function = state.create_function(call.user, read_new_function(call.body))
    return _function_reply(_FUNCTIONS, function.record)


def _list_functions(state: State, call: Call) -> Reply:
    page = state.functions.of(call.user).records.page(
        page_limit(call.query),
        next_token=call.query.get("next_token"),
        sync_token=call.query.get("sync_token"),
    )
    return 200, {"url": _FUNCTIONS, "type": "function"} | page


def _update_function(state: State, call: Call) -> Reply:
    (function_id,) = call.parameters
    owned = state.functions.of(call.user)
    function = owned.by_id(function_id)
    owned.change(function, read_function_changes(call.body, function.record["execution_type"]))
    return _function_reply(f"{_FUNCTIONS}/{function_id}", function.record)


def _get_function(state: State, call: Call) -> Reply:
    (function_id,) = call.parameters
    record = state.functions.of(call.user).by_id(function_id).record
    return _function_reply(f"{_FUNCTIONS}/{function_id}", record)


def _delete_function(state: State, call: Call) -> Reply:
    (function_id,) = call.parameters
    owned = state.functions.of(call.user)
    owned.remove(owned.by_id(function_id))
    return _NO_CONTENT


def _create_handler(state: State, call: Call) -> Reply:
    (function_id,) = call.parameters
    owned = state.functions.of(call.user)
    function = owned.by_id(function_id)
    function.add_handler(read_new_function_handler(call.body, function.record["execution_type"]))
    owned.put(function)
    return _function_reply(_FUNCTIONS, function.record)


def _update_handler(state: State, call: Call) -> Reply:
    function_id, handler_type = call.parameters
    owned = state.functions.of(call.user)
    function = owned.by_id(function_id)
    handler = function.find(handler_type)
    execution_type = function.record["execution_type"]
    fields = read_function_handler_changes(call.body, handler_type, execution_type)
    function.change_handler(handler, fields)
    owned.put(function)
    data = {"name": handler_type, **handler.logic(), "function_id": function_id}
    return 200, {"url": _handler_url(call), "type": "execution_handler", "data": data}


def _get_handler(state: State, call: Call) -> Reply:
    function_id, handler_type = call.parameters
    handler = state.functions.of(call.user).by_id(function_id).find(handler_type)
    return 200, {"url": _handler_url(call), "type": handler_type, "data": handler.describe()}


def _delete_handler(state: State, call: Call) -> Reply:
    function_id, handler_type = call.parameters
    owned = state.functions.of(call.user)
    function = owned.by_id(function_id)
    function.remove_handler(function.find(handler_type))
    owned.put(function)
    return 200, NO_RESPONSE


def _handler_url(call: Call) -> str:
    function_id, handler_type = call.parameters
    return f"{_FUNCTIONS}/{function_id}/handlers/{handler_type}"


FUNCTION_ENDPOINT_HANDLERS: Final[dict[str, Callable[[State, Call], Reply]]] = {
    "create_function": _create_function,
    "list_functions": _list_functions,
    "update_function": _update_function,
    "get_function": _get_function,
    "delete_function": _delete_function,
    "create_function_handler": _create_handler,
    "update_function_handler": _update_handler,
    "get_function_handler": _get_handler,
    "delete_function_handler": _delete_handler,
}
