"""Actions: what the buttons of messages and calls do."""

import re
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import (
    Check,
    a_text,
    an_object,
    by_field,
    flag,
    matching,
    one_of,
)

__all__ = ["CALL_ACTION", "MESSAGE_ACTION"]

_PLATFORM_URL: Final = a_text(256, least=1)
_WEB: Final = matching(
    r"(https?://|tel:|sms:|sip:)\S+", "a URL of http, https, tel, sms or sip", re.IGNORECASE
)
_SHORT_URL: Final = a_text(256)


def _web_url(value: Any, path: str) -> None:
    _SHORT_URL(value, path)
    _WEB(value, path)


_URLS: Final = an_object(
    {},
    {
        "web": _web_url,
        "windows": _PLATFORM_URL,
        "iOS": _PLATFORM_URL,
        "android": _PLATFORM_URL,
    },
)


def _open_url(value: Any, path: str) -> None:
    _URLS(value, path)
    if not value:
        raise bad_request(f"'{path}' names no URL.")


_SYSTEM_API: Final = matching(
    r"(audiocall|videocall|startchat|invite)/[0-9]+|locationpermission", "an action of the system"
)

_CONFIRM: Final = an_object(
    {
        "title": a_text(100, least=1),
        "input": a_text(300, least=1),
        "button_label": a_text(100, least=1),
    },
    {
        "description": a_text(100),
        "emotion": one_of("positive", "neutral", "negative"),
        "cancel_button_label": a_text(100),
        "mandatory": flag,
    },
)

_ACTION_DATA: Final[dict[str, Check]] = {
    "open.url": _open_url,
    "invoke.function": an_object({"name": a_text(least=1)}, {"owner": a_text(least=1)}),
    "system.api": an_object({"api": _SYSTEM_API}),
    "preview.url": an_object({"url": a_text(500, least=1)}),
    "copy": an_object({"text": a_text(200, least=1)}),
}


def _action(optional: dict[str, Check]) -> Check:
    return by_field(
        "type",
        {
            name: an_object({"type": one_of(name), "data": data}, optional)
            for name, data in _ACTION_DATA.items()
        },
    )


MESSAGE_ACTION: Final = _action({"confirm": _CONFIRM})
CALL_ACTION: Final = _action({})
