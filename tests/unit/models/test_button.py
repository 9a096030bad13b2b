"""The limits of buttons, their actions and their confirmations."""

from typing import Any

import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import (
    Button,
    Confirm,
    CopyText,
    InvokeFunction,
    OpenUrl,
    PreviewUrl,
    SystemApi,
)

BUTTON: dict[str, Any] = {"label": "x", "action": CopyText("x")}
CONFIRM: dict[str, Any] = {"title": "x", "input": "x", "button_label": "x"}


def refusal(cls: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        cls(**fields)
    return raised.value


@pytest.mark.parametrize(
    ("cls", "base", "field", "shortest", "longest"),
    [
        (Button, BUTTON, "label", 1, 20),
        (Button, BUTTON, "hint", 0, 100),
        (Button, BUTTON, "key", 0, 100),
        (Confirm, CONFIRM, "title", 1, 100),
        (Confirm, CONFIRM, "input", 1, 300),
        (Confirm, CONFIRM, "button_label", 1, 100),
        (Confirm, CONFIRM, "description", 0, 100),
        (Confirm, CONFIRM, "cancel_button_label", 0, 100),
        (OpenUrl, {}, "windows", 1, 256),
        (OpenUrl, {}, "ios", 1, 256),
        (OpenUrl, {}, "android", 1, 256),
        (PreviewUrl, {}, "url", 1, 500),
        (CopyText, {}, "text", 1, 200),
        (InvokeFunction, {}, "name", 1, None),
        (InvokeFunction, {"name": "x"}, "owner", 1, None),
    ],
)
def test_texts_have_their_documented_lengths(cls, base, field, shortest, longest):
    for length in (shortest, longest or 10_000):
        assert getattr(cls(**(base | {field: "é" * length})), field) == "é" * length
    for length in (shortest - 1, *([longest + 1] if longest else [])):
        if length >= 0:
            error = refusal(cls, **(base | {field: "é" * length}))
            assert (error.field, error.given) == (f"{cls.__name__}.{field}", length)
    error = refusal(cls, **(base | {field: 5}))
    assert (error.field, error.given) == (f"{cls.__name__}.{field}", 5)


@pytest.mark.parametrize(
    "url", ["http://x", "https://x/y?z#a", "tel:+15551234", "sms:1", "sip:a@b.c", "HTTPS://x"]
)
def test_web_url_has_a_known_scheme(url):
    assert OpenUrl(url).data() == {"web": url}


@pytest.mark.parametrize(
    "url", ["ftp://x", "javascript:alert(1)", "x", "http:", "tel:", "https://a b", "mailto:a@b.c"]
)
def test_web_url_of_another_scheme_is_refused(url):
    error = refusal(OpenUrl, web=url)
    assert (error.field, error.given) == ("OpenUrl.web", url)


def test_web_url_has_at_most_256_characters():
    assert OpenUrl("tel:" + "1" * 252).web
    assert refusal(OpenUrl, web="tel:" + "1" * 253).given == 257


def test_opening_needs_a_url():
    assert refusal(OpenUrl).field == "OpenUrl.web"


@pytest.mark.parametrize(
    "api",
    ["audiocall/1", "videocall/55743307", "startchat/12", "invite/9", "locationpermission"],
)
def test_system_api_is_a_known_one(api):
    assert SystemApi(api).data() == {"api": api}


@pytest.mark.parametrize(
    "api",
    [
        "",
        "audiocall",
        "audiocall/",
        "audiocall/x",
        "audiocall/1/2",
        "audiocall/\u0661",  # a digit, but of Arabic
        "videocall/1\n",
        "call/1",
        "locationpermission/1",
        " invite/1",
        "invite/1,2",
        5,
    ],
)
def test_other_system_api_is_refused(api):
    assert refusal(SystemApi, api=api).field == "SystemApi.api"


@pytest.mark.parametrize("colour", ["+", "-", None])
def test_button_is_green_red_or_neither(colour):
    assert Button("x", action=CopyText("x"), type=colour).type == colour


@pytest.mark.parametrize(
    ("cls", "base", "field", "wrong"),
    [
        (Button, BUTTON, "type", "*"),
        (Button, BUTTON, "type", ""),
        (Button, BUTTON, "action", None),
        (Button, BUTTON, "action", {"type": "copy"}),
        (Button, BUTTON, "action", CopyText),
        (CopyText, {"text": "x"}, "confirm", True),
        (CopyText, {"text": "x"}, "confirm", "Sure?"),
        (Confirm, CONFIRM, "emotion", "happy"),
        (Confirm, CONFIRM, "emotion", 1),
        (Confirm, CONFIRM, "mandatory", "yes"),
        (Confirm, CONFIRM, "mandatory", 1),
    ],
)
def test_value_outside_the_choices_is_refused(cls, base, field, wrong):
    assert refusal(cls, **(base | {field: wrong})).field == f"{cls.__name__}.{field}"


@pytest.mark.parametrize("emotion", ["positive", "neutral", "negative", None])
def test_confirm_has_an_emotion_or_none(emotion):
    confirm = Confirm("x", input="x", button_label="x", emotion=emotion, mandatory=False)
    assert confirm.emotion == emotion
    assert CopyText("x", confirm=confirm).confirm is confirm
