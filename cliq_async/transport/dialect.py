"""Quirks: differences between the live service and its documents, in requests and answers.

No I/O. A server has a quirk or has it not. Source: reports of people who ran against the live
service; the documents do not mention them.
"""

import enum
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs
from msgspec.structs import replace

from cliq_async.endpoints import ENDPOINTS, Endpoint
from cliq_async.errors import ApiError, ServerError, ThrottledError
from cliq_async.transport.protocol import ApiCall

__all__ = [
    "SEND_LIVE",
    "Quirk",
    "apply_quirks",
    "endpoints_without_quirks",
    "normalize_answer",
    "quirk_from_error",
    "quirks_of",
]

_SEND: Final = "send_message"
SEND_LIVE: Final = attrs.evolve(ENDPOINTS[_SEND], path="/bots/{bot_unique_name}/messages")
"""The form in which the live service takes messages."""
_ID: Final = "bot_id"
_PREFIX: Final = "b-"
_BOT_ID: Final = re.compile(r"(b-)?[0-9]+")
_KEY, _LIVE_KEY = "user_ids", "userids"
_DETAILS: Final = "message_details"
_IDS: Final = ("chat_id", "message_id")
_EXTRA_KEY: Final = "extra_key_found"
_NAMES_RECIPIENTS: Final = re.compile(rf"\b({_KEY}|{_LIVE_KEY})\b")
_WRONG_URL: Final = frozenset(("request_url_invalid", "request_method_invalid"))
_NO_BOT: Final = "bot_not_found"
_MAYBE_WRONG_URL: Final = frozenset((404, 405))


class Quirk(enum.Enum):
    """A difference, named by what the server does instead."""

    SEND_PATH = "takes messages at /messages"
    RECIPIENTS = "calls a message's recipients userids"
    PREFIXED = "wants b- before the ids of bots"
    BARE = "wants the ids of bots without b-"


def quirks_of(call: ApiCall) -> frozenset[Quirk]:
    """Return the quirks that make a difference to a call."""
    if call.endpoint.name == _SEND:
        keyed = call.data is not None and _KEY in call.data
        return frozenset((Quirk.SEND_PATH, *((Quirk.RECIPIENTS,) if keyed else ())))
    quirk = _quirk_of_id(call)
    return frozenset() if quirk is None else frozenset((quirk,))


def _quirk_of_id(call: ApiCall) -> Quirk | None:
    given = call.path.get(_ID, "")
    if not _BOT_ID.fullmatch(given):
        return None
    return Quirk.BARE if given.startswith(_PREFIX) else Quirk.PREFIXED


def apply_quirks(call: ApiCall, quirks: Collection[Quirk]) -> ApiCall:
    """Return the call as a server with these quirks takes it."""
    if Quirk.SEND_PATH in quirks:
        call = replace(call, endpoint=SEND_LIVE)
    if Quirk.RECIPIENTS in quirks and call.data is not None:
        data: dict[str, Any] = dict(call.data)
        data[_LIVE_KEY] = data.pop(_KEY)
        call = replace(call, data=data)
    if Quirk.PREFIXED in quirks:
        call = replace(call, path={**call.path, _ID: _PREFIX + call.path[_ID]})
    if Quirk.BARE in quirks:
        call = replace(call, path={**call.path, _ID: call.path[_ID].removeprefix(_PREFIX)})
    return call


def quirk_from_error(call: ApiCall, error: ApiError) -> Quirk | None:
    """Return the quirk that a refusal of a call hints at. The only reader of hints.

    The code decides; the status only where the code does not say what is missing. A refused key is
    a hint if the message names it as the recipients' one: no other place names it.
    """
    if isinstance(error, ThrottledError | ServerError):  # the latter may have executed the call
        return None
    sends, code = call.endpoint.name == _SEND, (error.code or "").lower()
    if code == _EXTRA_KEY:
        return Quirk.RECIPIENTS if sends and _NAMES_RECIPIENTS.search(error.message) else None
    if code == _NO_BOT:
        return _quirk_of_id(call)
    missing_else = code.endswith("_not_found")
    if code in _WRONG_URL or (error.status in _MAYBE_WRONG_URL and not missing_else):
        return Quirk.SEND_PATH if sends else _quirk_of_id(call)
    return None


def endpoints_without_quirks(known: Mapping[Quirk, bool]) -> frozenset[str]:
    """Return the endpoints whose calls can all go as documented, by what is known of the quirks."""
    return frozenset(
        name
        for name, endpoint in ENDPOINTS.items()
        if all(known.get(quirk) is False for quirk in _quirks_at(endpoint))
    )


def _quirks_at(endpoint: Endpoint) -> tuple[Quirk, ...]:
    if endpoint.name == _SEND:
        return Quirk.SEND_PATH, Quirk.RECIPIENTS
    return (Quirk.PREFIXED, Quirk.BARE) if f"{{{_ID}}}" in endpoint.path else ()


def normalize_answer(data: object) -> object:
    """Return an answer in the documented form, with the details as they came beside it.

    The live service answers a message with the ids for each recipient, URL-encoded. They stay so,
    since requests take them in this form.
    """
    if not isinstance(data, dict) or not isinstance(data.get(_DETAILS), dict):
        return data
    by_user = {
        zuid: {name: ids[name] for name in _IDS if isinstance(ids.get(name), str | int)}
        for zuid, ids in data[_DETAILS].items()
        if isinstance(ids, dict)
    }
    return {**data, **next(iter(by_user.values()), {}), "by_user": by_user}
