"""Messages: their limits, and to whom they go."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.actions import MESSAGE_ACTION
from cliq_async.sandbox.validation.checks import (
    Check,
    a_list,
    a_map,
    a_text,
    an_object,
    by_field,
    flag,
    json_object,
    matching,
    one_of,
    plain_value,
    whole,
)
from cliq_async.sandbox.validation.queries import read_recipients

__all__ = ["Delivery", "Target", "read_message"]

_MAX_SLIDES_TEXT: Final = 10_000
_WHOLE_WIDTH: Final = 100

_HTTPS: Final = matching(r"https://\S+", "an https:// URL", re.IGNORECASE)
_ANY_TEXT: Final = a_text()

_BUTTON: Final = an_object(
    {"label": a_text(20, least=1), "action": MESSAGE_ACTION},
    {"hint": a_text(100), "type": one_of("+", "-"), "key": a_text(100)},
)


_PERCENTS: Final = a_list(whole(1, _WHOLE_WIDTH))


def _width(value: Any, path: str) -> None:
    _PERCENTS(value, path)
    if sum(value) != _WHOLE_WIDTH:
        raise bad_request(f"'{path}' does not add up to {_WHOLE_WIDTH}.")


def _slide(kind: str, data: Check) -> Check:
    return an_object({"type": one_of(kind), "data": data}, {"title": _ANY_TEXT})


_TABLE: Final = an_object(
    {"headers": a_list(_ANY_TEXT, least=1), "rows": a_list(a_map(plain_value))},
    {"styles": an_object({}, {"width": _width})},
)


def _table(value: Any, path: str) -> None:
    _TABLE(value, path)
    width = value.get("styles", {}).get("width")
    if width is not None and len(width) != len(value["headers"]):
        raise bad_request(f"'{path}.styles.width' has not one entry a column.")
    for index, row in enumerate(value["rows"]):
        for key in row:
            if key not in value["headers"]:
                raise bad_request(f"'{path}.rows[{index}].{key}' is in no column.")


_LABEL: Final = an_object({"label": _ANY_TEXT, "value": _ANY_TEXT})
_SLIDE: Final = by_field(
    "type",
    {
        "table": _slide("table", _table),
        "list": _slide("list", a_list(_ANY_TEXT, least=1)),
        "label": _slide("label", a_list(_LABEL, least=1)),
        "images": _slide("images", a_list(_HTTPS, least=1)),
        "text": _slide("text", a_text(least=1)),
    },
)


def _card(theme: str, required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    return an_object(required, {"theme": one_of(theme), "title": a_text(200)} | dict(optional))


_PAIR: Final = an_object({"title": _ANY_TEXT, "value": _ANY_TEXT})
_SECTION: Final = an_object({"fields": a_list(_PAIR, least=1)}, {"title": _ANY_TEXT})
_MODERN: Final = _card("modern-inline", {}, {"thumbnail": _HTTPS, "sections": a_list(_SECTION)})
_OPTIONS: Final = a_list(an_object({"text": a_text(100, least=1)}), most=10, least=2)

_MESSAGE: Final = an_object(
    {},
    {
        "text": a_text(5000, least=1),
        "card": by_field(
            "theme",
            {
                "modern-inline": _MODERN,
                "poll": _card("poll", {"options": _OPTIONS}, {}),
                "prompt": _card("prompt", {}, {}),
            },
            default="modern-inline",
        ),
        "slides": a_list(_SLIDE, most=20),
        "buttons": a_list(_BUTTON, most=5),
        "bot": an_object({}, {"name": _ANY_TEXT, "image": _HTTPS}),
        "styles": an_object(
            {},
            {
                "background": one_of("red", "yellow", "green", "blue", "grey"),
                "markdown": flag,
            },
        ),
        "references": a_map(an_object({"type": one_of("button"), "object": _BUTTON})),
        "user_ids": _ANY_TEXT,
        "reply_to": a_text(100),
        "message_topic": a_text(255),
        "thread_chat_id": a_text(100),
        "thread_message_id": _ANY_TEXT,
        "thread_title": a_text(100),
    }
    | dict.fromkeys(
        ("broadcast", "post_in_parent", "notify_edit", "mark_as_read", "sync_message"), flag
    ),
)


Target = Literal["users", "channel", "broadcast"]


@attrs.frozen
class Delivery:
    """To whom a valid message goes, and how it is answered.

    Attributes:
        message: The message as it came.
        to: The kind of its recipients.
        user_ids: ZUIDs or emails, if it goes to users.
        channel: The unique name of the channel, if it goes to one.
        sync: The answer carries the message's ids.
    """

    message: dict[str, Any]
    to: Target
    user_ids: tuple[str, ...]
    channel: str
    sync: bool


def read_message(body: bytes, query: Mapping[str, str]) -> Delivery:
    """Check a message and read to whom it goes.

    Raises:
        Refused: The documents do not allow it.
    """
    message = json_object(body)
    _MESSAGE(message, "")
    slides, card = message.get("slides"), message.get("card")
    framed = card and any(card.values())  # a card of empty fields says nothing
    if not ("text" in message or framed or slides):
        raise bad_request("One of 'text', 'card' and 'slides' is needed.")
    if slides and _characters(slides) > _MAX_SLIDES_TEXT:
        raise bad_request(f"'slides' has more than {_MAX_SLIDES_TEXT} characters in all.")
    if card and card.get("theme") == "prompt" and not message.get("buttons"):
        raise bad_request("A card of the theme 'prompt' needs a button.")
    named = message.get("user_ids", query.get("user_ids"))
    channel = query.get("channel_unique_name", "")
    to: Target
    if message.get("broadcast"):
        to = "broadcast"
    elif named is not None:
        to = "users"
    elif channel:
        to = "channel"
    else:
        raise bad_request("One of 'user_ids', 'channel_unique_name' and 'broadcast' is needed.")
    user_ids = read_recipients(named) or ()
    return Delivery(message, to, user_ids, channel, message.get("sync_message", False))


def _characters(value: Any) -> int:
    """The characters of all strings in slides, but for the names of their types."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(each) for key, each in value.items() if key != "type")
    return sum(map(_characters, value)) if isinstance(value, list) else 0
