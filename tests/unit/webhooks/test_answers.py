"""Answers: their JSON, as Cliq documents it, and the limits of their fields."""

from typing import Any

import msgspec
import pytest

from cliq_async import Button, Message, OpenUrl, ValidationError
from cliq_async.webhooks import Banner, Edit, Form, Question, Reply, Suggestion
from cliq_async.webhooks.answers import encode_answer, encode_nothing

FIVE: Any = 5
OTHER: Any = "other"
FIELD = {"type": "text", "name": "from", "label": "From", "mandatory": True}


def output(answer):
    return msgspec.json.decode(encode_answer(answer) or b"{}")["output"]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("Hi", {"text": "Hi"}),
        (Text("Hi"), {"text": "Hi"}),
        (
            Message("Hi", buttons=Button("Open", action=OpenUrl("https://example.com"))),
            {
                "text": "Hi",
                "buttons": [
                    {
                        "label": "Open",
                        "action": {"type": "open.url", "data": {"web": "https://example.com"}},
                    }
                ],
            },
        ),
        (Reply("Hi"), {"text": "Hi"}),
        (Reply(Message("Hi", mark_as_read=True)), {"text": "Hi", "mark_as_read": True}),
        (
            Reply("Hi", suggestions=["yes", Suggestion("no", icon="wand/627282")], view="popup"),
            {
                "text": "Hi",
                "suggestions": {"list": [{"text": "yes"}, {"text": "no", "icon": "wand/627282"}]},
                "view": "popup",
            },
        ),
        (
            Reply(
                "Hi",
                ask=[Question("a", "A?", ["x", Suggestion("y")]), Question("b", "B?", value="z")],
                context="c",
                timeout_s=60.0,
            ),
            {
                "text": "Hi",
                "context": {
                    "id": "c",
                    "timeout": 60,
                    "params": [
                        {
                            "name": "a",
                            "question": "A?",
                            "suggestions": {"list": [{"text": "x"}, {"text": "y"}]},
                        },
                        {"name": "b", "question": "B?", "value": {"text": "z"}},
                    ],
                },
            },
        ),
        (
            Reply("Hi", ask=Question("a", "A?"), context="c"),
            {
                "text": "Hi",
                "context": {
                    "id": "c",
                    "timeout": 300,
                    "params": [{"name": "a", "question": "A?"}],
                },
            },
        ),
        (Banner("Done"), {"type": "banner", "text": "Done", "status": "success"}),
        (
            Banner("No", status="failure"),
            {"type": "banner", "text": "No", "status": "failure"},
        ),
        (Edit("New"), {"type": "message_edit", "text": "New"}),
        (
            Form("Leave", name="leave", inputs=FIELD, function="book"),
            {
                "type": "form",
                "title": "Leave",
                "name": "leave",
                "version": 1,
                "inputs": [FIELD],
                "action": {"type": "invoke.function", "name": "book"},
            },
        ),
        (
            Form(
                "Leave",
                name="leave",
                inputs=[FIELD],
                function="book",
                hint="h",
                button_label="Go",
                mode="kiosk",
                extra={"trigger_on_cancel": True},
            ),
            {
                "type": "form",
                "title": "Leave",
                "name": "leave",
                "version": 1,
                "inputs": [FIELD],
                "action": {"type": "invoke.function", "name": "book"},
                "hint": "h",
                "button_label": "Go",
                "mode": "kiosk",
                "trigger_on_cancel": True,
            },
        ),
    ],
)
def test_answer_has_the_documented_form(answer, plain):
    assert output(answer) == plain


def test_nothing_is_no_answer():
    assert encode_answer(None) is None
    assert encode_answer("") is None
    encode_nothing(None)
    with pytest.raises(TypeError, match="nowhere to go"):
        encode_nothing("x")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [5, True, b"x", ["x"], {"text": "x"}, Question("a", "b")])
def test_anything_else_is_an_error(wrong):
    with pytest.raises(TypeError, match=f"returned {type(wrong).__name__}, which is not an answer"):
        encode_answer(wrong)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Banner(""), "Banner.text"),
        (lambda: Banner("x", status=OTHER), "Banner.status"),
        (lambda: Reply(""), "Message.text"),
        (lambda: Reply(FIVE), "Reply.message"),
        (lambda: Reply("x", suggestions=[5]), r"Reply.suggestions\[0\]"),
        (lambda: Reply("x", suggestions=[""]), "Suggestion.text"),
        (lambda: Reply("x", ask=["x"], context="c"), r"Reply.ask\[0\]"),
        (lambda: Reply("x", ask=Question("a", "b")), "Reply.context"),
        (lambda: Reply("x", context="c"), "Reply.ask"),
        (lambda: Reply("x", timeout_s=0), "Reply.timeout_s"),
        (lambda: Reply("x", timeout_s=True), "Reply.timeout_s"),
        (lambda: Reply("x", view=OTHER), "Reply.view"),
        (lambda: Question("", "b"), "Question.name"),
        (lambda: Question("a", ""), "Question.text"),
        (lambda: Question("a", "b", value=FIVE), "Question.value"),
        (lambda: Form("", name="a", inputs=FIELD, function="f"), "Form.title"),
        (lambda: Form("t", name="a" * 51, inputs=FIELD, function="f"), "Form.name"),
        (lambda: Form("t", name="a", inputs=[], function="f"), "Form.inputs"),
        (lambda: Form("t", name="a", inputs=["x"], function="f"), r"Form.inputs\[0\]"),
        (lambda: Form("t", name="a", inputs=FIELD, function=""), "Form.function"),
        (lambda: Form("t", name="a", inputs=FIELD, function="f", mode=OTHER), "Form.mode"),
        (lambda: Edit(""), "Message.text"),
        (lambda: Edit(FIVE), "Edit.message"),
        (lambda: encode_answer("x" * 5_001), "Message.text"),
    ],
)
def test_field_has_its_limit(make, field):
    with pytest.raises(ValidationError, match=field):
        make()


def test_edit_needs_a_text():
    from cliq_async import TextBlock

    with pytest.raises(ValidationError, match=r"Edit\.message"):
        Edit(Message(slides=TextBlock("x")))
