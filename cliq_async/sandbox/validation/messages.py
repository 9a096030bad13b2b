"""The checks of messages and their recipients."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.actions import MESSAGE_ACTION
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    boolean,
    by_field,
    integer,
    json_object,
    map_of,
    matching,
    object_with,
    one_of,
    scalar,
    string,
)
from cliq_async.sandbox.validation.queries import read_recipients

__all__ = ["Delivery", "Target", "read_message"]

_MAX_SLIDES_TEXT: Final = 10_000
_FULL_WIDTH: Final = 100

_HTTPS: Final = matching(r"https://\S+", "an https:// URL", re.IGNORECASE)
_ANY_TEXT: Final = string()

_BUTTON: Final = object_with(
    {"label": string(20, min_length=1), "action": MESSAGE_ACTION},
    {"hint": string(100), "type": one_of("+", "-"), "key": string(100)},
)


_PERCENTS: Final = array_of(integer(1, _FULL_WIDTH))


def _width(value: Any, path: str) -> None:
    _PERCENTS(value, path)
    if sum(value) != _FULL_WIDTH:
        raise bad_request(f"'{path}' does not add up to {_FULL_WIDTH}.")


def _slide(kind: str, data: Check) -> Check:
    return object_with({"type": one_of(kind), "data": data}, {"title": _ANY_TEXT})


_TABLE: Final = object_with(
    {"headers": array_of(_ANY_TEXT, min_items=1), "rows": array_of(map_of(scalar))},
    {"styles": object_with({}, {"width": _width})},
)


def _table(value: Any, path: str) -> None:
    _TABLE(value, path)
    width = value.get("styles", {}).get("width")
    if width is not None and len(width) != len(value["headers"]):
        raise bad_request(f"'{path}.styles.width' does not have one entry per column.")
    for index, row in enumerate(value["rows"]):
        for key in row:
            if key not in value["headers"]:
                raise bad_request(f"'{path}.rows[{index}].{key}' is not a column.")


_LABEL: Final = object_with({"label": _ANY_TEXT, "value": _ANY_TEXT})
_SLIDE: Final = by_field(
    "type",
    {
        "table": _slide("table", _table),
        "list": _slide("list", array_of(_ANY_TEXT, min_items=1)),
        "label": _slide("label", array_of(_LABEL, min_items=1)),
        "images": _slide("images", array_of(_HTTPS, min_items=1)),
        "text": _slide("text", string(min_length=1)),
    },
)


def _card(theme: str, required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    return object_with(required, {"theme": one_of(theme), "title": string(200)} | dict(optional))


_PAIR: Final = object_with({"title": _ANY_TEXT, "value": _ANY_TEXT})
_SECTION: Final = object_with({"fields": array_of(_PAIR, min_items=1)}, {"title": _ANY_TEXT})
_MODERN: Final = _card("modern-inline", {}, {"thumbnail": _HTTPS, "sections": array_of(_SECTION)})
_OPTIONS: Final = array_of(
    object_with({"text": string(100, min_length=1)}), max_items=10, min_items=2
)

_MESSAGE: Final = object_with(
    {},
    {
        "text": string(5000, min_length=1),
        "card": by_field(
            "theme",
            {
                "modern-inline": _MODERN,
                "poll": _card("poll", {"options": _OPTIONS}, {}),
                "prompt": _card("prompt", {}, {}),
            },
            default="modern-inline",
        ),
        "slides": array_of(_SLIDE, max_items=20),
        "buttons": array_of(_BUTTON, max_items=5),
        "bot": object_with({}, {"name": _ANY_TEXT, "image": _HTTPS}),
        "styles": object_with(
            {},
            {
                "background": one_of("red", "yellow", "green", "blue", "grey"),
                "markdown": boolean,
            },
        ),
        "references": map_of(object_with({"type": one_of("button"), "object": _BUTTON})),
        "user_ids": _ANY_TEXT,
        "reply_to": string(100),
        "message_topic": string(255),
        "thread_chat_id": string(100),
        "thread_message_id": _ANY_TEXT,
        "thread_title": string(100),
    }
    | dict.fromkeys(
        ("broadcast", "post_in_parent", "notify_edit", "mark_as_read", "sync_message"), boolean
    ),
)


Target = Literal["users", "channel", "broadcast"]


@attrs.frozen
class Delivery:
    """A valid message and its recipients.

    Attributes:
        message: The message as it was sent.
        to: The kind of recipients.
        user_ids: The ZUIDs or emails of the recipients, if they are users.
        channel: The unique name of the channel, if the recipient is one.
        sync: True if the response must have the message's ids.
    """

    message: dict[str, Any]
    to: Target
    user_ids: tuple[str, ...]
    channel: str
    sync: bool


def read_message(body: bytes, query: Mapping[str, str]) -> Delivery:
    """Check a message and find its recipients.

    Raises:
        ApiFault: The message is not valid.
    """
    message = json_object(body)
    _MESSAGE(message, "")
    slides, card = message.get("slides"), message.get("card")
    has_card = card and any(card.values())  # a card without values is empty
    if not ("text" in message or has_card or slides):
        raise bad_request("One of 'text', 'card' and 'slides' is needed.")
    if slides and _count_characters(slides) > _MAX_SLIDES_TEXT:
        raise bad_request(f"'slides' has more than {_MAX_SLIDES_TEXT} characters in total.")
    if card and card.get("theme") == "prompt" and not message.get("buttons"):
        raise bad_request("A card with the theme 'prompt' needs a button.")
    recipients = message.get("user_ids", query.get("user_ids"))
    channel = query.get("channel_unique_name", "")
    to: Target
    if message.get("broadcast"):
        to = "broadcast"
    elif recipients is not None:
        to = "users"
    elif channel:
        to = "channel"
    else:
        raise bad_request("One of 'user_ids', 'channel_unique_name' and 'broadcast' is needed.")
    user_ids = read_recipients(recipients) or ()
    return Delivery(message, to, user_ids, channel, message.get("sync_message", False))


def _count_characters(value: Any) -> int:
    """Count the characters of all strings in slides, except their types."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_count_characters(each) for key, each in value.items() if key != "type")
    return sum(map(_count_characters, value)) if isinstance(value, list) else 0
