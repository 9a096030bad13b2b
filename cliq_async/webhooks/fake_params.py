"""The parameters of each handler's events, as Zoho's samples have them."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["event_params", "merge_user"]

_BASE_URL: Final = "https://cliq.zoho.com/company/123456456"
_CALL_ID: Final = "783719c0-54d1-423c-9033-588454522e9e"
_CHAT_ID: Final = "CT_2243226337559778047_661211447-B2"
_USER: Final[Mapping[str, Any]] = {
    "id": "55743307",
    "zoho_user_id": "55743307",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann.lee@example.com",
    "admin": False,
    "organization_id": "123456456",
    "timezone": "Asia/Calcutta",
    "country": "us",
    "language": "en",
}
_LOCATION: Final = {
    "latitude": 12.8282472,
    "longitude": 80.0511901,
    "accuracy": 30,
    "status": "granted",
}


def merge_user(
    user: Mapping[str, Any] | str | None, usual: Mapping[str, Any] = _USER
) -> dict[str, Any]:
    """Return the fields of a user, some of which replace the usual ones."""
    if isinstance(user, str):
        user = {"id": user, "zoho_user_id": user}
    return {**usual, **(user or {})}


def event_params(handler: str, user: Mapping[str, Any], ms: int) -> dict[str, Any]:
    """Return all parameters of a handler's event.

    Args:
        handler: The handler's type, by the API's name.
        user: The user's fields.
        ms: The event's timestamp.
    """
    return _common(handler, user) | _own(user, ms)[handler]


def _member(user: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "first_name", "last_name", "email")
    return {name: user.get(name, "") for name in names} | {"status": "0"}


def _common(handler: str, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that come always, and `user`."""
    access = {
        "user_id": user["id"],
        "zoho_user_id": user["zoho_user_id"],
        "organization": {"type": "company", "id": "123456456"},
    }
    if handler != "call_handler":
        access |= {"user_agent": "Mozilla/5.0", "chat_id": _CHAT_ID}
    return {
        "environment": {"tld": ".com", "data_center": "US", "base_url": _BASE_URL},
        "access": access,
        "user": dict(user),
    }


def _chat(user: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": _CHAT_ID,
        "type": kind,
        "title": "Support",
        "owner": user["id"],
        "members": [_member(user)],
        "recent_messages": [],
    }


def _message(user: Mapping[str, Any], ms: int, text: str) -> dict[str, Any]:
    return {"sender": _member(user), "time": str(ms), "text": text, "type": "text"}


def _own(user: Mapping[str, Any], ms: int) -> dict[str, dict[str, Any]]:
    details = {"time": ms, "message": {"type": "text", "text": "Hi", "mentions": []}}
    bot = {"name": "Support Bot", "id": "b-1775998000015152705", "type": "bot"}
    asked = {"mentions": [], "options": {}, "selections": [], "arguments": ""}
    chat, channel = {"chat": _chat(user, "bot")}, {"chat": _chat(user, "channel")}
    location = {"location": _LOCATION}
    form = {"name": "form", "values": {}}
    request = {"headers": {}, "params": {}, "body": "", "http_method": "POST"}
    return {
        "welcome_handler": {"newuser": True},
        "message_handler": chat
        | location
        | asked
        | {"message": "Hi", "raw_message": "Hi", "message_details": details}
        | {"attachments": [], "links": []},
        "mention_handler": channel
        | location
        | {"message": _message(user, ms, "Hi"), "raw_message": "Hi", "mentions": [bot]}
        | {"message_details": [details]},
        "context_handler": chat
        | asked
        | {"context_id": "context", "answers": {}, "attachments": []},
        "menu_handler": chat | location | {"sub_action": ""},
        "incoming_webhook_handler": request,
        "participation_handler": channel | {"operation": "added", "data": {}},
        "call_handler": {"operation": "ringing", "data": {"call_id": _CALL_ID, "time": ms}},
        "button_handler": chat
        | {"message": _message(user, ms, "Here is your button") | {"is_read": False}}
        | {"target": {"name": "Button", "hint": ""}, "event": "click", "arguments": {}},
        "widget_button_handler": {
            "target": {"label": "Button", "id": "", "tab_id": "", "section_id": "1"}
        },
        "form_submit_handler": chat | {"message": {}, "form": form | {"action": "submit"}},
        "form_change_handler": {
            "form": form | {"action": "change"},
            "target": {"name": "", "value": ""},
        },
        "form_dynamic_select_handler": {
            "form": form | {"action": "input"},
            "target": {"name": "", "query": ""},
        },
        "form_view_handler": {"params": {}},
    }
