"""Where the live service was seen to differ from its documents: requests and answers.

No I/O. Each difference is a trait that a server has or has not. Source: reports of people who ran
against the live service; the documents say nothing of it.
"""

import enum
import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote

import attrs
import msgspec
from msgspec.structs import replace

from cliq_async.endpoints import ENDPOINTS, Endpoint
from cliq_async.errors import ApiError, ThrottledError
from cliq_async.models.serialization import to_json
from cliq_async.transport.protocol import ApiCall

__all__ = [
    "Quirk",
    "apply_quirks",
    "endpoints_without_quirks",
    "normalize_sent_message",
    "quirk_from_error",
    "quirks_of",
]

_SEND: Final = "send_message"
_SEND_LIVE: Final = attrs.evolve(ENDPOINTS[_SEND], path="/bots/{bot_unique_name}/messages")
_ID: Final = "bot_id"
_PREFIX: Final = "b-"
_BOT_ID: Final = re.compile(r"(b-)?[0-9]+")
_KEY, _LIVE_KEY = "user_ids", "userids"
_NOT_FOUND, _WRONG_METHOD = 404, 405


class Quirk(enum.Enum):
    """A difference, by what the server does instead."""

    SEND_PATH = "takes messages at /messages"
    RECIPIENTS = "calls a message's recipients userids"
    PREFIXED = "wants b- before the ids of bots"
    BARE = "wants the ids of bots without b-"


def quirks_of(call: ApiCall) -> frozenset[Quirk]:
    """The traits that make a difference to a call."""
    if call.endpoint.name == _SEND:
        body = msgspec.json.decode(call.body)
        return frozenset((Quirk.SEND_PATH, *((Quirk.RECIPIENTS,) if _KEY in body else ())))
    trait = _of_id(call)
    return frozenset() if trait is None else frozenset((trait,))


def _of_id(call: ApiCall) -> Quirk | None:
    given = call.path.get(_ID, "")
    if not _BOT_ID.fullmatch(given):
        return None
    return Quirk.BARE if given.startswith(_PREFIX) else Quirk.PREFIXED


def apply_quirks(call: ApiCall, traits: Collection[Quirk]) -> ApiCall:
    """The call for a server that has some traits."""
    if Quirk.SEND_PATH in traits:
        call = replace(call, endpoint=_SEND_LIVE)
    if Quirk.RECIPIENTS in traits:
        body: dict[str, Any] = msgspec.json.decode(call.body)
        body[_LIVE_KEY] = body.pop(_KEY)
        call = replace(call, body=to_json(body))
    if Quirk.PREFIXED in traits:
        call = replace(call, path={**call.path, _ID: _PREFIX + call.path[_ID]})
    if Quirk.BARE in traits:
        call = replace(call, path={**call.path, _ID: call.path[_ID].removeprefix(_PREFIX)})
    return call


def quirk_from_error(call: ApiCall, error: ApiError) -> Quirk | None:
    """The trait that an error of a call may come from."""
    if isinstance(error, ThrottledError):  # whatever its status
        return None
    if error.endpoint == _SEND:
        if error.code == "extra_key_found":
            return Quirk.RECIPIENTS
        lost = error.status in {_NOT_FOUND, _WRONG_METHOD} and error.code != "bot_not_found"
        return Quirk.SEND_PATH if lost else None
    return _of_id(call) if error.status == _NOT_FOUND else None


def endpoints_without_quirks(known: Mapping[Quirk, bool]) -> frozenset[str]:
    """The endpoints whose calls can all go as documented, by what is known of the traits."""
    return frozenset(
        name
        for name, endpoint in ENDPOINTS.items()
        if all(known.get(trait) is False for trait in _quirks_at(endpoint))
    )


def _quirks_at(endpoint: Endpoint) -> tuple[Quirk, ...]:
    if endpoint.name == _SEND:
        return Quirk.SEND_PATH, Quirk.RECIPIENTS
    return (Quirk.PREFIXED, Quirk.BARE) if f"{{{_ID}}}" in endpoint.path else ()


def normalize_sent_message(answer: object) -> object:
    """A sent message's answer in the documented form.

    The live service tells the ids for each recipient, URL-encoded.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("message_details"), dict):
        return answer
    by_user = {
        zuid: {name: unquote(value) for name, value in ids.items() if isinstance(value, str)}
        for zuid, ids in answer["message_details"].items()
        if isinstance(ids, dict)
    }
    return {**next(iter(by_user.values()), {}), "by_user": by_user}
