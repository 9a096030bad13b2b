"""Decode the JSON of an event. Both spellings of every field are accepted; nothing raises."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import msgspec

from cliq_async.client import CliqClient
from cliq_async.webhooks.events import (
    ButtonEvent,
    CallEvent,
    ContextEvent,
    Event,
    FormAction,
    FormEvent,
    IncomingEvent,
    MentionEvent,
    MenuEvent,
    MessageEvent,
    ParticipationEvent,
    WelcomeEvent,
)
from cliq_async.webhooks.parts import (
    Attachment,
    EventChat,
    EventUser,
    Location,
    Mention,
    RepliedMessage,
    read_list,
    read_object,
    read_text,
    read_time,
)

__all__ = ["API_NAMES", "Envelope", "decode_event"]

API_NAMES: Final = {
    "action_handler": "menu_handler",
    "incomingwebhook_handler": "incoming_webhook_handler",
    "alert_handler": "call_handler",
    "applet_button_handler": "widget_button_handler",
    "form_handler": "form_submit_handler",
    "form_values_handler": "form_dynamic_select_handler",
}
"""The names that events have for handlers which the API calls otherwise."""

_FUNCTIONS: Final = {
    "button_handler",
    "form_change_handler",
    "form_dynamic_select_handler",
    "form_submit_handler",
    "form_view_handler",
    "widget_button_handler",
}
_SENDERS: Final = {"", "bot", "function"}


# A Struct, since one is made for every event: an eighth of the time of a frozen attrs class.
class Envelope(msgspec.Struct, frozen=True):
    """The parts of an event that decide who handles it.

    Attributes:
        payload: The whole event.
        params: Its parameters.
        handler: The handler's type, by the API's name.
        name: The menu action, the context or the function; empty for other types.
        timestamp: When Cliq made it, or None.
        response_url: Where a late answer goes, or nothing.
    """

    payload: dict[str, Any]
    params: dict[str, Any]
    handler: str
    name: str
    timestamp: datetime | None
    response_url: str

    def __repr__(self) -> str:
        """Return handler and name alone: the rest is private."""
        return f"Envelope({self.handler!r}, {self.name!r})"

    @classmethod
    def of(cls, payload: dict[str, Any]) -> "Envelope":
        """Read the envelope of a decoded event; `handler` is empty if it names no handler."""
        params = _mapping(payload.get("params"))
        handler = read_text(payload.get("handler"), "type")
        handler = API_NAMES.get(handler, handler)
        sender = read_text(payload.get("type"))
        if handler and sender not in _SENDERS:  # others have handlers of the same names
            handler = f"{sender} {handler}"
        return cls(
            payload,
            params,
            handler,
            _name(handler, payload, params),
            read_time(payload.get("timestamp")),
            read_text(payload.get("response_url")),
        )


def _name(handler: str, payload: dict[str, Any], params: dict[str, Any]) -> str:
    if handler == "menu_handler":
        given = payload.get("handler")
        name = given.get("name") if isinstance(given, dict) else None
        return read_text(name) or read_text(payload.get("handler_name"))
    if handler == "context_handler":
        return read_text(params.get("context_id"))
    return read_text(payload.get("name")) if handler in _FUNCTIONS else ""


def decode_event(envelope: Envelope, body: bytes, client: CliqClient | None) -> Event:
    """Build the event of a known handler from its envelope and body.

    A parameter that cannot be read is empty.
    """
    cls, read = _EVENTS[envelope.handler]
    params, payload = envelope.params, envelope.payload
    return cls(
        type=envelope.handler,
        bot=read_text(payload.get("unique_name")) or read_text(payload.get("name")),
        at=envelope.timestamp or datetime.now(UTC),
        user=_user(params),
        chat=_chat(params),
        raw=body,
        client=client,
        **read(envelope),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {key: read_text(each) for key, each in _mapping(value).items()}


def _user(params: dict[str, Any]) -> EventUser:
    user = read_object(params.get("user"), EventUser)
    if user.id and user.zoho_user_id:
        return user
    access = _mapping(params.get("access"))
    return attrs.evolve(
        user,
        id=user.id or read_text(access.get("user_id")),
        zoho_user_id=user.zoho_user_id or read_text(access.get("zoho_user_id")),
    )


def _chat(params: dict[str, Any]) -> EventChat:
    if "chat" in params:
        return read_object(params["chat"], EventChat)
    return EventChat(id=read_text(_mapping(params.get("access")).get("chat_id")))


def _message_id(params: dict[str, Any]) -> str:
    message, access = _mapping(params.get("message")), _mapping(params.get("access"))
    return read_text(message.get("id")) or read_text(access.get("message_id"))


def _links(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        return ()
    return tuple(each for each in value if isinstance(each, str))


def _message(envelope: Envelope) -> dict[str, Any]:
    params = envelope.params
    details = params.get("message_details")
    if isinstance(details, list):
        details = details[-1] if details else None
    inner = _mapping(_mapping(details).get("message"))
    text = read_text(params.get("message"), "text") or read_text(params.get("raw_message"))
    return {
        "text": text or read_text(inner.get("text")),
        "mentions": read_list(params.get("mentions"), Mention),
        "attachments": read_list(params.get("attachments"), Attachment),
        "links": _links(params.get("links")),
        "location": read_object(params.get("location"), Location),
        "message_id": _message_id(params),
        "replied_to": read_object(inner.get("replied_message"), RepliedMessage),
    }


def _welcome(envelope: Envelope) -> dict[str, Any]:
    new = envelope.params.get("newuser")
    return {"new_user": new not in (False, "false")}


def _context(envelope: Envelope) -> dict[str, Any]:
    answers = _mapping(envelope.params.get("answers"))
    return {
        "context": envelope.name,
        "answers": {name: read_text(each, "text", "value") for name, each in answers.items()},
        "attachments": read_list(envelope.params.get("attachments"), Attachment),
    }


def _menu(envelope: Envelope) -> dict[str, Any]:
    params = envelope.params
    sub_action = read_text(envelope.payload.get("sub_action"), "name")
    return {
        "action": envelope.name,
        "sub_action": sub_action or read_text(params.get("sub_action"), "name"),
        "location": read_object(params.get("location"), Location),
    }


def _incoming(envelope: Envelope) -> dict[str, Any]:
    params = envelope.params
    body = params.get("body")
    if isinstance(body, dict | list):
        body = msgspec.json.encode(body).decode()
    return {
        "body": read_text(body),
        "headers": _texts(params.get("headers")),
        "query": _texts(params.get("params") or params.get("param")),
        "http_method": read_text(params.get("http_method")),
    }


def _participation(envelope: Envelope) -> dict[str, Any]:
    data = _mapping(envelope.params.get("data"))
    return {
        "operation": read_text(envelope.params.get("operation")),
        "text": read_text(data.get("message"), "text", "comment"),
        "data": data,
    }


def _call(envelope: Envelope) -> dict[str, Any]:
    return {
        "operation": read_text(envelope.params.get("operation")),
        "call_id": read_text(_mapping(envelope.params.get("data")).get("call_id")),
    }


def _button(envelope: Envelope) -> dict[str, Any]:
    params = envelope.params
    arguments, target = _mapping(params.get("arguments")), _mapping(params.get("target"))
    return {
        "function": envelope.name,
        "key": read_text(arguments.get("key")) or read_text(target.get("key")),
        "label": read_text(target, "label", "name"),
        "arguments": arguments,
        "message": read_text(params.get("message"), "text"),
        "message_id": _message_id(params),
    }


def _form(action: FormAction) -> Callable[[Envelope], dict[str, Any]]:
    def read(envelope: Envelope) -> dict[str, Any]:
        form = _mapping(envelope.params.get("form"))
        return {
            "function": envelope.name,
            "form": read_text(form.get("name")),
            "action": action,
            "values": _mapping(form.get("values")),
            "target": _mapping(envelope.params.get("target")),
        }

    return read


_EVENTS: Final[dict[str, tuple[type[Event], Callable[[Envelope], dict[str, Any]]]]] = {
    "welcome_handler": (WelcomeEvent, _welcome),
    "message_handler": (MessageEvent, _message),
    "mention_handler": (MentionEvent, _message),
    "context_handler": (ContextEvent, _context),
    "menu_handler": (MenuEvent, _menu),
    "incoming_webhook_handler": (IncomingEvent, _incoming),
    "participation_handler": (ParticipationEvent, _participation),
    "call_handler": (CallEvent, _call),
    "button_handler": (ButtonEvent, _button),
    "widget_button_handler": (ButtonEvent, _button),
    "form_submit_handler": (FormEvent, _form("submit")),
    "form_change_handler": (FormEvent, _form("change")),
    "form_dynamic_select_handler": (FormEvent, _form("select")),
    "form_view_handler": (FormEvent, _form("view")),
}
