"""The JSON of events, as Zoho's samples have it, reduced to what a handler's permissions allow.

Pure: texts and times come from the caller. Ids and the times of messages are strings.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from cliq_async.sandbox.state.people import JAMES, Person

__all__ = [
    "ORGANIZATION_ID",
    "WIRE_NAMES",
    "Receiver",
    "Scene",
    "access",
    "chat_object",
    "envelope",
    "environment",
    "has_response_url",
    "message_details",
    "permitted",
    "user_object",
]

ORGANIZATION_ID: Final = "64396901"

WIRE_NAMES: Final[Mapping[str, str]] = {
    "welcome_handler": "welcome_handler",
    "message_handler": "message_handler",
    "context_handler": "context_handler",
    "mention_handler": "mention_handler",
    "menu_handler": "action_handler",
    "incoming_webhook_handler": "incomingwebhook_handler",
    "participation_handler": "participation_handler",
    "call_handler": "alert_handler",
    "button_handler": "button_handler",
    "form_submit_handler": "form_handler",
    "form_change_handler": "form_change_handler",
    "form_dynamic_select_handler": "form_values_handler",
    "form_view_handler": "form_view_handler",
    "widget_button_handler": "applet_button_handler",
}
"""The names of handler types in events, by their names in the API."""

_WITHOUT_RESPONSE_URL: Final = frozenset(
    {
        "call_handler",
        "form_change_handler",
        "form_dynamic_select_handler",
        "form_view_handler",
        "widget_button_handler",
    }
)

_PERMISSIONS: Final[Mapping[str, str]] = {
    "user": "user",
    "chat": "chat",
    "location": "location",
    "message": "message",
    "raw_message": "message",
    "message_details": "message",
    "mentions": "message",
    "links": "message",
    "attachments": "attachments",
}
"""The permission that a parameter needs; parameters that are not here need none."""

_USER_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) cliq-sandbox"


@attrs.frozen(kw_only=True)
class Receiver:
    """The handler that an event goes to.

    Attributes:
        kind: `bot`, or `function` for a button or a form.
        name: The name of the bot or function.
        unique_name: The bot's unique name; "" for a function.
        url: The execution URL.
        handler: The handler's type, as the API names it.
        permissions: The handler's permissions.
        action: The name of a menu action.
    """

    kind: str
    name: str
    unique_name: str
    url: str
    handler: str
    permissions: frozenset[str] = frozenset()
    action: str | None = None


@attrs.frozen(kw_only=True)
class Scene:
    """The place of an event.

    Attributes:
        person: The person who caused it.
        chat_id: The chat; "" for an event without one.
        message_id: The message that caused it; "" without one.
        base_url: The URL of the sandbox.
    """

    person: Person
    chat_id: str = ""
    message_id: str = ""
    base_url: str = ""


def has_response_url(handler: str) -> bool:
    """Return whether events of a handler type have a `response_url`."""
    return handler not in _WITHOUT_RESPONSE_URL


def permitted(receiver: Receiver, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the parameters that the receiver's permissions allow."""
    return {
        name: value
        for name, value in params.items()
        if _PERMISSIONS.get(name) in {None, *receiver.permissions}
    }


def envelope(
    receiver: Receiver,
    scene: Scene,
    params: Mapping[str, Any],
    *,
    timestamp_ms: int,
    response_url: str | None,
    sub_action: str | None = None,
) -> dict[str, Any]:
    """Return a whole event.

    Args:
        receiver: The handler it goes to.
        scene: The place of the event.
        params: The parameters of the event, whether permitted or not.
        timestamp_ms: The time, in milliseconds since 1970.
        response_url: The URL for a late answer; None if the event has none.
        sub_action: The entry of a menu action that was chosen.
    """
    event: dict[str, Any] = {"type": receiver.kind, "name": receiver.name}
    if receiver.unique_name:
        event["unique_name"] = receiver.unique_name
    handler = {"type": WIRE_NAMES[receiver.handler]}
    if receiver.action is not None:
        handler["name"] = receiver.action
    event |= {"handler": handler, "timestamp": timestamp_ms}
    if response_url is not None:
        event["response_url"] = response_url
    if sub_action is not None:
        event["sub_action"] = sub_action
    always = {"access": access(receiver, scene), "environment": environment(scene.base_url)}
    event["params"] = always | permitted(receiver, params)
    return event


def access(receiver: Receiver, scene: Scene) -> dict[str, Any]:
    """Return the parameter `access`."""
    zuid = scene.person["user_id"]
    found: dict[str, Any] = {
        "user_id": zuid,
        "zoho_user_id": zuid,
        "organization": {"type": "company", "id": ORGANIZATION_ID},
    }
    if receiver.handler != "call_handler":
        found["user_agent"] = _USER_AGENT
        if scene.chat_id:
            found["chat_id"] = scene.chat_id
        if scene.message_id:
            found["message_id"] = scene.message_id
    return found


def environment(base_url: str) -> dict[str, Any]:
    """Return the parameter `environment`."""
    return {
        "tld": ".com",
        "data_center": "US",
        "base_url": f"{base_url}/company/{ORGANIZATION_ID}",
        "extension": {"version": "1"},
    }


def user_object(person: Person) -> dict[str, Any]:
    """Return a person as the parameter `user`."""
    first, _, last = person["name"].partition(" ")
    return {
        "id": person["user_id"],
        "name": person["name"],
        "first_name": first,
        "last_name": last,
        "email": person["email_id"],
        "admin": person["user_id"] == JAMES["user_id"],
        "organization_id": ORGANIZATION_ID,
        "timezone": "America/Los_Angeles",
        "country": "us",
        "language": "en",
        "zoho_user_id": person["user_id"],
    }


def chat_object(
    chat_id: str,
    *,
    kind: str,
    title: str,
    people: Iterable[Person],
    recent: Iterable[Mapping[str, Any]],
    channel: str | None = None,
) -> dict[str, Any]:
    """Return a chat as the parameter `chat`.

    Args:
        chat_id: The chat's id.
        kind: `bot` or `channel`.
        title: The chat's title.
        people: The members.
        recent: The last messages, each with `sender`, `time`, `text`, `id` and `type`.
        channel: The unique name of a channel.
    """
    members = [
        {
            "id": each["user_id"],
            "first_name": each["name"].partition(" ")[0],
            "last_name": each["name"].partition(" ")[2],
            "email": each["email_id"],
            "status": "1",
        }
        for each in people
    ]
    chat: dict[str, Any] = {"id": chat_id, "type": kind, "chat_type": kind, "title": title}
    chat |= {"owner": JAMES["user_id"], "members": members, "recent_messages": list(recent)}
    if channel is not None:
        chat |= {"channel_unique_name": channel, "channel_id": f"O{ORGANIZATION_ID}{channel}"}
    return chat


def message_details(text: str, *, time_ms: int, mentions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the parameter `message_details` of a text message."""
    message = {"type": "text", "text": text, "mentions": mentions, "comment": ""}
    return {"time": time_ms, "message": message}
