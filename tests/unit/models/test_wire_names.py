"""The fields of requests under the API's names."""

import doctest
import enum
import importlib
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from support.strategies import MESSAGES

from cliq_async import models
from cliq_async.errors import ValidationError
from cliq_async.models import (
    BulletList,
    Button,
    Confirm,
    CopyText,
    Images,
    InvokeFunction,
    Labels,
    Message,
    ModernInline,
    OpenUrl,
    Poll,
    PreviewUrl,
    Prompt,
    Section,
    Sender,
    Styles,
    SystemApi,
    Table,
    TextBlock,
)
from cliq_async.models.serialization import to_json, unstructure

COPY = Button("Copy", action=CopyText("x"))


def build(cls: Any, *args: Any, **fields: Any) -> Any:
    """Build a model from arguments that the type checker would refuse."""
    return cls(*args, **fields)


def refusal(cls: Any, *args: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        build(cls, *args, **fields)
    return raised.value


def test_plain_message_has_nothing_that_was_not_given():
    assert unstructure(Message("Hello")) == {"text": "Hello"}
    assert unstructure(Message("Hello", styles=Styles(), mark_as_read=False)) == {
        "text": "Hello",
        "mark_as_read": False,
    }
    assert unstructure(Message(card=Prompt("?"), buttons=COPY))["card"] == {
        "theme": "prompt",
        "title": "?",
    }
    assert unstructure(Message(card=ModernInline()))["card"] == {"theme": "modern-inline"}


def test_request_has_the_names_of_the_api():
    confirm = Confirm(
        "Sure?",
        input="Why?",
        button_label="Delete",
        description="For good.",
        emotion="negative",
        cancel_button_label="Keep",
        mandatory=True,
    )
    action = OpenUrl(
        "https://a.example", windows="w://a", ios="i://a", android="a://a", confirm=confirm
    )
    message = Message(
        "See [it]($1)",
        card=ModernInline(
            "Disk",
            thumbnail="https://a.example/t.png",
            sections=[Section({"Host": "db-1"}, title="Where"), Section({"Used": "97 %"})],
        ),
        slides=[
            Table(["a", "b"], rows=[{"a": "1", "b": "2"}], widths=[30, 70], title="T"),
            BulletList(["x", "y"]),
            Labels({"l": "v"}),
            Images(["https://a.example/1.png"]),
            TextBlock("words"),
        ],
        buttons=[
            Button("Open", action=action, hint="h", type="-", key="k"),
            Button("Run", action=InvokeFunction("clean", owner="ann@example.com")),
            Button("Call", action=SystemApi("invite/5574")),
            Button("Look", action=PreviewUrl("https://p")),
        ],
        bot=Sender("Ops", image="https://a.example/o.png"),
        styles=Styles("red", markdown=True),
        references={"1": Button("it", action=CopyText("db-1"))},
        reply_to="r",
        message_topic="m",
        thread_chat_id="c",
        thread_message_id="t",
        thread_title="tt",
        post_in_parent=True,
        notify_edit=True,
        mark_as_read=True,
        sync_message=True,
    )
    expected = {
        "text": "See [it]($1)",
        "card": {
            "theme": "modern-inline",
            "title": "Disk",
            "thumbnail": "https://a.example/t.png",
            "sections": [
                {"title": "Where", "fields": [{"title": "Host", "value": "db-1"}]},
                {"fields": [{"title": "Used", "value": "97 %"}]},
            ],
        },
        "slides": [
            {
                "type": "table",
                "title": "T",
                "data": {
                    "headers": ["a", "b"],
                    "rows": [{"a": "1", "b": "2"}],
                    "styles": {"width": [30, 70]},
                },
            },
            {"type": "list", "data": ["x", "y"]},
            {"type": "label", "data": [{"label": "l", "value": "v"}]},
            {"type": "images", "data": ["https://a.example/1.png"]},
            {"type": "text", "data": "words"},
        ],
        "buttons": [
            {
                "label": "Open",
                "action": {
                    "type": "open.url",
                    "data": {
                        "web": "https://a.example",
                        "windows": "w://a",
                        "iOS": "i://a",
                        "android": "a://a",
                    },
                    "confirm": {
                        "title": "Sure?",
                        "input": "Why?",
                        "button_label": "Delete",
                        "description": "For good.",
                        "emotion": "negative",
                        "cancel_button_label": "Keep",
                        "mandatory": True,
                    },
                },
                "hint": "h",
                "type": "-",
                "key": "k",
            },
            {
                "label": "Run",
                "action": {
                    "type": "invoke.function",
                    "data": {"name": "clean", "owner": "ann@example.com"},
                },
            },
            {
                "label": "Call",
                "action": {"type": "system.api", "data": {"api": "invite/5574"}},
            },
            {
                "label": "Look",
                "action": {"type": "preview.url", "data": {"url": "https://p"}},
            },
        ],
        "bot": {"name": "Ops", "image": "https://a.example/o.png"},
        "styles": {"background": "red", "markdown": True},
        "references": {
            "1": {
                "type": "button",
                "object": {"label": "it", "action": {"type": "copy", "data": {"text": "db-1"}}},
            }
        },
        "reply_to": "r",
        "message_topic": "m",
        "thread_chat_id": "c",
        "thread_message_id": "t",
        "thread_title": "tt",
        "post_in_parent": True,
        "notify_edit": True,
        "mark_as_read": True,
        "sync_message": True,
    }
    assert unstructure(message) == expected
    assert msgspec.json.decode(to_json(message)) == expected


def test_poll_says_its_options():
    assert unstructure(Message(card=Poll("Lunch?", options=["Pizza", "Salad"])))["card"] == {
        "theme": "poll",
        "title": "Lunch?",
        "options": [{"text": "Pizza"}, {"text": "Salad"}],
    }


def test_kinds_of_str_are_str_on_the_wire():
    class Text(str):
        __slots__ = ()

    class Colour(enum.StrEnum):
        RED = "red"

    message = build(
        Message,
        Text("x"),
        styles=build(Styles, Colour.RED),
        slides=build(Table, [Text("a")], rows={Text("a"): Text("1")}),
    )
    assert msgspec.json.decode(to_json(message)) == {
        "text": "x",
        "styles": {"background": "red"},
        "slides": [{"type": "table", "data": {"headers": ["a"], "rows": [{"a": "1"}]}}],
    }


@given(MESSAGES)
def test_any_valid_message_goes_through_json_unchanged(message):
    assert msgspec.json.decode(to_json(message)) == unstructure(message)


def test_types_of_several_platforms_may_be_left_out():
    assert OpenUrl(ios="app://x").data() == {"iOS": "app://x"}


MODULES = ["bot", "call", "card", "function", "handler", "message", "button", "identifiers"]
MODULES += ["slide"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(f"cliq_async.models.{name}")
    failed, tried = doctest.testmod(module, extraglobs=dict(vars(models)))
    assert tried
    assert not failed


def test_all_models_are_exported_in_order():
    assert models.__all__ == sorted(models.__all__)
    assert all(attrs.has(getattr(models, name)) for name in models.__all__)
