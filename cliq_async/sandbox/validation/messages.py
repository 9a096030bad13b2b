"""The checks of messages and their recipients."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.actions import BUTTON, BUTTONS
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    boolean,
    by_field,
    json_object,
    map_of,
    object_with,
    one_of,
    string,
)
from cliq_async.sandbox.validation.queries import read_recipients, read_target_channel
from cliq_async.sandbox.validation.slides import HTTPS, SLIDES, count_characters

__all__ = ["Delivery", "Target", "read_message"]

_MAX_SLIDES_TEXT: Final = 10_000
_ANY_TEXT: Final = string()


def _card(theme: str, required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    return object_with(required, {"theme": one_of(theme), "title": string(200)} | dict(optional))


_PAIR: Final = object_with({"title": _ANY_TEXT, "value": _ANY_TEXT})
_SECTION: Final = object_with({"fields": array_of(_PAIR, min_items=1)}, {"title": _ANY_TEXT})
_MODERN: Final = _card("modern-inline", {}, {"thumbnail": HTTPS, "sections": array_of(_SECTION)})
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
        "slides": SLIDES,
        "buttons": BUTTONS,
        "bot": object_with({}, {"name": _ANY_TEXT, "image": HTTPS}),
        "styles": object_with(
            {},
            {
                "background": one_of("red", "yellow", "green", "blue", "grey"),
                "markdown": boolean,
            },
        ),
        "references": map_of(object_with({"type": one_of("button"), "object": BUTTON})),
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
    if slides and count_characters(slides) > _MAX_SLIDES_TEXT:
        raise bad_request(f"'slides' has more than {_MAX_SLIDES_TEXT} characters in total.")
    if card and card.get("theme") == "prompt" and not message.get("buttons"):
        raise bad_request("A card with the theme 'prompt' needs a button.")
    recipients = message.get("user_ids", query.get("user_ids"))
    channel = read_target_channel(query)
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
