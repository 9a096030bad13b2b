"""The answers of bots: reading them, and checking them against the limits of `send message`.

Pure. An answer that breaks a rule is refused with an `ApiFault` whose message says why.
"""

from collections.abc import Callable
from typing import Any, Final

import attrs
import msgspec

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    boolean,
    integer,
    json_object,
    object_with,
    one_of,
    string,
)
from cliq_async.sandbox.validation.messages import read_message

__all__ = ["FORM_HANDLERS", "NO_ANSWER", "Answer", "read_answer", "read_late_answer"]

FORM_HANDLERS: Final = frozenset(
    {"form_submit_handler", "form_change_handler", "form_dynamic_select_handler"}
)
_EDITORS: Final = frozenset({"button_handler", "form_submit_handler"})
_NO_ANSWER: Final = ("call_handler",)
_RECIPIENT: Final = "1"

_PLACES: Final = frozenset(
    {
        *("user_ids", "broadcast", "reply_to", "message_topic", "thread_chat_id", "post_in_parent"),
        *("thread_message_id", "thread_title", "notify_edit", "mark_as_read", "sync_message"),
    }
)
"""Fields of `send message` that choose a place; an answer has its place already."""

_TEXT: Final = string(5000, min_length=1)
_SUGGESTIONS: Final = object_with(
    {"list": array_of(object_with({"text": string(min_length=1)}, {"icon": string()}), min_items=1)}
)
_QUESTION: Final = object_with(
    {"name": string(min_length=1), "question": _TEXT},
    {"value": object_with({"text": string()}), "suggestions": _SUGGESTIONS},
)
_CONTEXT: Final = object_with(
    {"id": string(min_length=1), "params": array_of(_QUESTION, min_items=1)},
    {"timeout": integer(1)},
)
_EXTRAS: Final[dict[str, Check]] = {
    "suggestions": _SUGGESTIONS,
    "context": _CONTEXT,
    "view": one_of("navigation", "ephemeral", "popup"),
}


def _object(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise bad_request(f"'{path}' is not an object.")


_BANNER: Final = object_with(
    {"type": one_of("banner"), "text": _TEXT}, {"status": one_of("success", "failure")}
)
_INVOKE: Final = object_with({"type": one_of("invoke.function"), "name": string(min_length=1)})
_FORM: Final = object_with(
    {
        "type": one_of("form"),
        "title": string(min_length=1),
        "name": string(50, min_length=1),
        "inputs": array_of(_object, min_items=1),
        "action": _INVOKE,
    },
    {
        "hint": string(),
        "button_label": string(),
        "version": integer(1, 1),
        "actions": _object,
        "trigger_on_cancel": boolean,
        "mode": one_of("kiosk", "classic"),
    },
)
_PREVIEW: Final = object_with({"type": one_of("preview_url"), "url": string(500, min_length=1)})
_FORM_ERROR: Final = object_with({"type": one_of("form_error")}, {"text": _TEXT, "inputs": _object})
_FORM_CHANGES: Final = object_with(
    {"type": one_of("form_modification"), "actions": array_of(_object)}
)


@attrs.frozen
class Answer:
    """A valid answer.

    Attributes:
        kind: `message`, `banner`, `form`, `edit`, `preview`, `form_error`, `form_changes` or
            `options`; `none` for an empty answer.
        output: The answer as the bot sent it.
    """

    kind: str
    output: Any = ""


NO_ANSWER: Final = Answer("none")
"""The answer of a bot that has nothing to say."""


def read_answer(body: bytes, handler: str) -> Answer:
    """Read the body of a response on the connection.

    Args:
        body: The body.
        handler: The type of the handler that answered.

    Raises:
        ApiFault: The body is not `{"output": ...}`, or the answer is not valid.
    """
    if handler in _NO_ANSWER:
        return NO_ANSWER
    return _read(json_object(body), handler)


def read_late_answer(body: bytes, handler: str) -> Answer:
    """Read the body of a request to the `response_url`: an object, or a string that holds one.

    Args:
        body: The body.
        handler: The type of the handler that answers.

    Raises:
        ApiFault: The body is not `{"output": ...}`, or the answer is not valid.
    """
    try:
        text = msgspec.json.decode(body, type=str)
    except (ValueError, RecursionError):
        text = None
    return _read(json_object(body if text is None else text.encode()), handler)


def _read(response: dict[str, Any], handler: str) -> Answer:
    if "output" not in response:
        raise bad_request("The body has no 'output'.")
    output = response["output"]
    if output == "" and isinstance(output, str):
        return NO_ANSWER
    if not isinstance(output, dict):
        raise bad_request("'output' is neither an object nor \"\".")
    if "options" in output and handler == "form_dynamic_select_handler":
        return Answer("options", output)
    kind = output.get("type")
    if kind is None:
        _check_message(output)
        return Answer("message", output)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise bad_request(f"'type' is not one of {', '.join(_KINDS)}.")
    name, check, handlers = _KINDS[kind]
    if handlers is not None and handler not in handlers:
        raise bad_request(f"A {handler} cannot answer with '{kind}'.")
    check(output)
    return Answer(name, output)


def _check_message(message: dict[str, Any]) -> None:
    """Check a message like `send message` does, and the fields that only answers have."""
    for name in message:
        if name in _PLACES:
            raise bad_request(f"'{name}' is an extra key in the JSON Object.", "extra_key_found")
    for name, check in _EXTRAS.items():
        if name in message:
            check(message[name], name)
    sent = {name: value for name, value in message.items() if name not in _EXTRAS}
    read_message(msgspec.json.encode(sent | {"user_ids": _RECIPIENT}), {})


def _check_edit(output: dict[str, Any]) -> None:
    if "text" not in output:
        raise bad_request("'text' is missing.")
    _check_message({name: value for name, value in output.items() if name != "type"})


def _whole(check: Check) -> Callable[[dict[str, Any]], None]:
    return lambda output: check(output, "")


_KINDS: Final[dict[str, tuple[str, Callable[[dict[str, Any]], None], frozenset[str] | None]]] = {
    "banner": ("banner", _whole(_BANNER), None),
    "form": ("form", _whole(_FORM), None),
    "message_edit": ("edit", _check_edit, _EDITORS),
    "preview_url": ("preview", _whole(_PREVIEW), None),
    "form_error": ("form_error", _whole(_FORM_ERROR), FORM_HANDLERS),
    "form_modification": ("form_changes", _whole(_FORM_CHANGES), FORM_HANDLERS),
}
