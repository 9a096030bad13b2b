"""The dialects of the sandbox: the documented API, and the live service's observed quirks.

In the live dialect, messages go to `/messages`, and their recipients are `userids`. Bot ids have
the prefix `b-`. With `sync_message`, the response has URL-encoded ids for each recipient. A
documented 204 is a 200 without a body.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs
import msgspec

from cliq_async.endpoints import ENDPOINTS
from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call, Reply
from cliq_async.sandbox.errors import bad_request, bot_not_found
from cliq_async.sandbox.state.state import State
from cliq_async.sandbox.validation.checks import json_object

__all__ = ["DIALECTS", "Dialect"]

EndpointHandler = Callable[[State, Call], Reply]

_PREFIX: Final = "b-"
_NO_CONTENT: Final = 204


@attrs.frozen
class Dialect:
    """A variant of the API.

    Attributes:
        paths: The paths that differ from the documented ones, by endpoint name.
        handlers: The endpoint handlers, by endpoint name.
    """

    paths: Mapping[str, str]
    handlers: Mapping[str, EndpointHandler]


def _live_handler(name: str, handler: EndpointHandler) -> EndpointHandler:
    by_id = "{bot_id}" in ENDPOINTS[name].path

    def handle(state: State, call: Call) -> Reply:
        if by_id and not call.parameters[0].startswith(_PREFIX):
            raise bot_not_found()
        status, body = handler(state, call)
        return (200, None) if status == _NO_CONTENT else (status, _with_prefixes(body))

    return handle


def _with_prefixes(body: dict[str, Any] | None) -> dict[str, Any] | None:
    if body is None or body.get("type") != "bot":
        return body
    data = body["data"]
    bots = [_with_prefix(bot) for bot in data] if isinstance(data, list) else _with_prefix(data)
    return body | {"data": bots}


def _with_prefix(bot: dict[str, Any]) -> dict[str, Any]:
    return bot | {"id": _PREFIX + bot["id"]}


def _send_live(state: State, call: Call) -> Reply:
    message = json_object(call.body)
    if "user_ids" in message:
        raise bad_request("'user_ids' is an extra key in the JSON Object.", "extra_key_found")
    body = {"user_ids" if key == "userids" else key: value for key, value in message.items()}
    call = attrs.evolve(call, body=msgspec.json.encode(body))
    status, ids = ENDPOINT_HANDLERS["send_message"](state, call)
    if not ids or "user_ids" not in body:
        return status, ids
    (name,) = call.parameters
    encoded = {key: quote(value, safe="") for key, value in ids.items()}
    zuids = state.resolve_subscribers(state.bots.by_name(name), tuple(body["user_ids"].split(",")))
    return status, {"message_details": dict.fromkeys(zuids, encoded)}


DIALECTS: Final[Mapping[str, Dialect]] = {
    "seed": Dialect({}, ENDPOINT_HANDLERS),
    "live": Dialect(
        {"send_message": "/bots/{bot_unique_name}/messages"},
        {
            name: _live_handler(name, handler)
            for name, handler in (ENDPOINT_HANDLERS | {"send_message": _send_live}).items()
        },
    ),
}
"""The dialects by name: `seed` as documented, `live` as observed."""
