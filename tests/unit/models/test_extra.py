"""Extra fields of requests: sent as they are, with the precedence that is documented."""

import copy
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st
from support.effort import tries
from support.invalid_strategies import JUNK
from support.strategies import MESSAGES

from cliq_async.errors import ValidationError
from cliq_async.models import (
    Bot,
    Button,
    Call,
    CallAction,
    CopyText,
    InvokeFunction,
    Message,
    ModernInline,
    Prompt,
    TextBlock,
)
from cliq_async.models.extra import NO_EXTRA
from cliq_async.models.serialization import to_json, unstructure

NEW: dict[str, Any] = {"later": {"a": [1, None, "x"]}}
COPY = CopyText("x")
WITH_EXTRA: list[tuple[Any, str]] = [
    (lambda extra: Message("x", extra=extra), "text"),
    (lambda extra: Call("x", extra=extra), "text"),
    (lambda extra: CallAction("x", action=COPY, extra=extra), "label"),
    (lambda extra: Button("x", action=COPY, extra=extra), "label"),
    (lambda extra: ModernInline("x", extra=extra), "title"),
    (lambda extra: TextBlock("x", extra=extra), "data"),
    (lambda extra: CopyText("x", extra=extra), "data"),
]
EACH = pytest.mark.parametrize(("build", "field"), WITH_EXTRA)


def plain(model: Any) -> Any:
    """Return what a message or a call with this model sends of it."""
    match model:
        case TextBlock():
            return unstructure(Message(slides=model))["slides"][0]
        case ModernInline():
            return unstructure(Message(card=model))["card"]
        case CopyText():
            return unstructure(Button("x", action=model))["action"]
        case _:
            return unstructure(model)


@EACH
def test_extra_is_sent_as_it_is_and_replaces_a_field_of_the_same_name(build, field):
    without = plain(build({}))
    assert plain(build(NEW)) == without | NEW
    assert plain(build({field: 7})) == without | {field: 7}
    assert build(None).extra == build({}).extra == {}


@EACH
@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        [("a", 1)],
        {"a": object()},
        {"a": float("nan")},
        {"a": "\ud800"},
        {("a",): 1},
        {"a": "x" * 256_000},
        {"a": Bot(id="1", unique_name="a", name="a")},
    ],
    ids=lambda wrong: repr(wrong)[:20],
)
def test_extra_is_a_mapping_to_json_that_is_not_too_large(build, field, wrong):
    with pytest.raises(ValidationError) as raised:
        build(wrong)
    assert raised.value.field.endswith(".extra")
    assert "256000 bytes" in raised.value.limit


@pytest.mark.parametrize("key", ["user_ids", "userids", "broadcast", "CHANNEL_UNIQUE_NAME"])
def test_extra_of_a_request_does_not_choose_recipients(key):
    for cls in (Message, Call):
        with pytest.raises(ValidationError, match="recipients") as raised:
            cls("x", extra={key: "1"})
        assert raised.value.field == f"{cls.__name__}.extra"


def test_extra_is_a_copy():
    given = {"a": [1]}
    message = Message("x", extra=given)
    given["a"].append(2)
    assert unstructure(message)["a"] == [1]
    assert hash(message) == hash(Message("x", extra={"a": [1]}))


def test_content_and_buttons_may_be_in_extra():
    assert unstructure(Message(extra={"slides": [1]})) == {"slides": [1]}
    with pytest.raises(ValidationError):
        Message(extra={"hint": "x"})
    buttons = [{"label": "Yes"}]
    assert unstructure(Message(card=Prompt("?"), extra={"buttons": buttons}))["buttons"] == buttons
    inside = Message(card=Prompt("?", extra={"buttons": buttons}))
    assert unstructure(inside)["card"]["buttons"] == buttons


def test_arguments_of_a_button_go_to_its_function():
    action = InvokeFunction("teammatch")
    button = Button("Yes", action=action, arguments={"key_1": "", "n": [None, 1]})
    assert unstructure(button)["arguments"] == {"key_1": "", "n": [None, 1]}
    assert "arguments" not in unstructure(Button("Yes", action=action))
    with pytest.raises(ValidationError) as raised:
        Button("Yes", action=action, arguments={"a": {1, 2}})
    assert raised.value.field == "Button.arguments"


@tries(20)
@given(MESSAGES, st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0)))
def test_any_message_with_extra_goes_through_json(message, extra):
    body = msgspec.json.decode(to_json(message))
    try:
        more = Message("x", extra=extra)
    except ValidationError:
        return
    assert msgspec.json.decode(to_json(more)) == {"text": "x"} | extra
    assert unstructure(message) == body


@tries(30)
@given(JUNK)
def test_anything_as_extra_is_sent_or_refused(junk):
    try:
        message = Message("x", extra=junk)
    except ValidationError:
        return
    to_json(message)


def test_a_response_without_extra_shares_an_empty_dict_that_cannot_be_changed():
    bot = Bot(id="1", unique_name="a", name="a")
    assert bot.extra == {}
    assert copy.deepcopy(bot).extra is pickle.loads(pickle.dumps(bot)).extra is NO_EXTRA
    changes: list[Any] = [
        lambda: bot.extra.update(a=1),
        lambda: bot.extra.setdefault("a", 1),
        lambda: bot.extra.__setitem__("a", 1),
        lambda: bot.extra.__ior__({"a": 1}),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert bot.extra == {}
