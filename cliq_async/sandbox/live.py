"""The live service's observed differences from its documents.

Messages go to `/messages`, and their recipients are `userids`. Bot ids have the prefix `b-`. With
`sync_message`, the response has the ids for each recipient; a documented 204 is a 200. Some fields
are required that the documents do not mark, and scripts must compile. The errors' codes are those
of `ApiFault.live`.
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs
import msgspec

from cliq_async.endpoints import ENDPOINTS
from cliq_async.sandbox.call import NO_RESPONSE
from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call, EndpointHandler, Reply
from cliq_async.sandbox.errors import bad_request, param_missing, wrong_url
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation import compiles
from cliq_async.sandbox.validation.checks import json_object

__all__ = ["LIVE_HANDLERS", "LIVE_PATHS", "NO_RESPONSE"]

LIVE_PATHS: Final = {"send_message": "/bots/{bot_unique_name}/messages"}

_PREFIX: Final = "b-"
_NO_CONTENT: Final = 204
_NOT_FOUND: Final = 404


def _live_handler(name: str, handler: EndpointHandler) -> EndpointHandler:
    """Return a handler that demands and returns ids with their prefix, and never answers 204."""
    by_id = "{bot_id}" in ENDPOINTS[name].path

    def handle(state: State, call: Call) -> Reply:
        if by_id and not call.parameters[0].startswith(_PREFIX):
            raise wrong_url(_NOT_FOUND)
        status, body = handler(state, call)
        return (200, NO_RESPONSE) if status == _NO_CONTENT else (status, _with_prefixes(body))

    return handle


def _with_prefixes(body: dict[str, Any] | None) -> dict[str, Any] | None:
    if body is None or body.get("type") != "bot":
        return body
    data = body["data"]
    bots = [_with_prefix(bot) for bot in data] if isinstance(data, list) else _with_prefix(data)
    return body | {"data": bots}


def _with_prefix(bot: dict[str, Any]) -> dict[str, Any]:
    return bot | {"id": _PREFIX + bot["id"]}


def _create_bot(state: State, call: Call) -> Reply:
    _check_present(json_object(call.body), "", "scope")
    return ENDPOINT_HANDLERS["create_bot"](state, call)


def _send_message(state: State, call: Call) -> Reply:
    message = json_object(call.body)
    if "user_ids" in message:
        raise bad_request("'user_ids' is an extra key in the JSON Object.", "extra_key_found")
    if isinstance(message.get("card"), dict):
        _check_present(message["card"], "card.", "theme", "title")
    body = {"user_ids" if key == "userids" else key: value for key, value in message.items()}
    call = attrs.evolve(call, body=msgspec.json.encode(body))
    status, ids = ENDPOINT_HANDLERS["send_message"](state, call)
    if not ids or "user_ids" not in body:
        return status, ids
    (name,) = call.parameters
    zuids = state.resolve_subscribers(state.bots.by_name(name), tuple(body["user_ids"].split(",")))
    return status, {"message_details": dict.fromkeys(zuids, ids)}


def _create_handler(state: State, call: Call) -> Reply:
    _check_script(call)
    status, body = ENDPOINT_HANDLERS["create_handler"](state, call)
    handlers = state.bots.by_id(call.parameters[0]).handlers
    return status, (body or {}) | {"data": handlers.describe_update(handlers.all()[-1])}


def _with_script_check(name: str) -> EndpointHandler:
    def handle(state: State, call: Call) -> Reply:
        _check_script(call)
        return ENDPOINT_HANDLERS[name](state, call)

    return handle


def _check_present(fields: dict[str, Any], prefix: str, *names: str) -> None:
    for name in names:
        if name not in fields:
            raise param_missing(prefix + name)


def _check_script(call: Call) -> None:
    script = json_object(call.body).get("script")
    if isinstance(script, str) and not compiles(script):
        raise bad_request("The script does not compile.", "execution_handler_update_failed")


_OWN: Final[dict[str, EndpointHandler]] = {
    "create_bot": _create_bot,
    "send_message": _send_message,
    "create_handler": _create_handler,
    "update_handler": _with_script_check("update_handler"),
    "create_function_handler": _with_script_check("create_function_handler"),
    "update_function_handler": _with_script_check("update_function_handler"),
}
LIVE_HANDLERS: Final[Mapping[str, EndpointHandler]] = {
    name: _live_handler(name, handler) for name, handler in (ENDPOINT_HANDLERS | _OWN).items()
}
