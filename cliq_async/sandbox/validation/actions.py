"""Actions: what the buttons of messages and calls do."""

from typing import Any, Final

from cliq_async.sandbox.checks import Check, a_text, an_object, by_field, flag, one_of, starts_with
from cliq_async.sandbox.refusals import malformed

__all__ = ["CALL_ACTION", "MESSAGE_ACTION"]

_ANY_TEXT: Final = a_text()
_PLATFORM_URL: Final = a_text(256)

_URLS: Final = an_object(
    {},
    {
        "web": starts_with("http:", "https:", "tel:", "sms:", "sip:", most=256),
        "windows": _PLATFORM_URL,
        "iOS": _PLATFORM_URL,
        "android": _PLATFORM_URL,
    },
)


def _open_url(value: Any, path: str) -> None:
    _URLS(value, path)
    if not value:
        raise malformed(f"'{path}' names no URL.")


def _system_api(value: Any, path: str) -> None:
    _ANY_TEXT(value, path)
    name, slash, zuid = value.partition("/")
    if value != "locationpermission" and not (
        name in {"audiocall", "videocall", "startchat", "invite"} and slash and zuid.isdigit()
    ):
        raise malformed(f"'{path}' is not an action of the system.")


_CONFIRM: Final = an_object(
    {"title": a_text(100), "input": a_text(300), "button_label": a_text(100)},
    {
        "description": a_text(100),
        "emotion": one_of("positive", "neutral", "negative"),
        "cancel_button_label": a_text(100),
        "mandatory": flag,
    },
)

_ACTION_DATA: Final[dict[str, Check]] = {
    "open.url": _open_url,
    "invoke.function": an_object({"name": a_text(least=1)}, {"owner": _ANY_TEXT}),
    "system.api": an_object({"api": _system_api}),
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
