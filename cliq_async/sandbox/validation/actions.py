"""The checks of buttons and their actions, in messages and calls."""

import re
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import (
    Check,
    anything,
    array_of,
    boolean,
    by_field,
    map_of,
    matching,
    object_with,
    one_of,
    string,
)

__all__ = ["BUTTON", "BUTTONS", "CALL_ACTION"]

_PLATFORM_URL: Final = string(256, min_length=1)
_WEB: Final = matching(
    r"(https?://|tel:|sms:|sip:)\S+", "a URL of http, https, tel, sms or sip", re.IGNORECASE
)
_SHORT_URL: Final = string(256)


def _web_url(value: Any, path: str) -> None:
    _SHORT_URL(value, path)
    _WEB(value, path)


_URLS: Final = object_with(
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
        raise bad_request(f"'{path}' needs at least one URL.")


_SYSTEM_API: Final = matching(
    r"(audiocall|videocall|startchat|invite)/[0-9]+|locationpermission", "an action of the system"
)

_TRUTH_TEXTS: Final = ("true", "false")


def _mandatory(value: Any, path: str) -> None:
    # The documents have a boolean in one place and these strings in another.
    if value not in _TRUTH_TEXTS:
        boolean(value, path)


_CONFIRM: Final = object_with(
    {
        "title": string(100, min_length=1),
        "input": string(300, min_length=1),
        "button_label": string(100, min_length=1),
    },
    {
        "description": string(100),
        "emotion": one_of("positive", "neutral", "negative"),
        "cancel_button_label": string(100),
        "mandatory": _mandatory,
    },
)

_ACTION_DATA: Final[dict[str, Check]] = {
    "open.url": _open_url,
    "invoke.function": object_with({"name": string(min_length=1)}, {"owner": string(min_length=1)}),
    "system.api": object_with({"api": _SYSTEM_API}),
    "preview.url": object_with({"url": string(500, min_length=1)}),
    "copy": object_with({"text": string(200, min_length=1)}),
}


def _action(optional: dict[str, Check]) -> Check:
    return by_field(
        "type",
        {
            name: object_with({"type": one_of(name), "data": data}, optional)
            for name, data in _ACTION_DATA.items()
        },
    )


CALL_ACTION: Final = _action({})
BUTTON: Final = object_with(
    {"label": string(20, min_length=1), "action": _action({"confirm": _CONFIRM})},
    {
        "hint": string(100),
        "type": one_of("+", "-"),
        "key": string(100),
        "arguments": map_of(anything),
    },
)
BUTTONS: Final = array_of(BUTTON, max_items=5)
