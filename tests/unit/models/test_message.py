"""The limits of messages."""

from typing import Any

import attrs
import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import (
    BulletList,
    Button,
    CopyText,
    Images,
    Message,
    ModernInline,
    Prompt,
    Section,
    Sender,
    Styles,
    SystemApi,
    Table,
    TextBlock,
)
from cliq_async.models.message import plain_text
from cliq_async.models.serialization import unstructure

COPY = Button("Copy", action=CopyText("x"))


def build(cls: Any, *args: Any, **fields: Any) -> Any:
    """Build a model from arguments that the type checker would refuse."""
    return cls(*args, **fields)


def refusal(cls: Any, *args: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        build(cls, *args, **fields)
    return raised.value


@pytest.mark.parametrize(
    ("field", "shortest", "longest"),
    [
        ("text", 1, 5000),
        ("reply_to", 1, 100),
        ("message_topic", 1, 255),
        ("thread_chat_id", 1, 100),
        ("thread_message_id", 1, None),
        ("thread_title", 1, 100),
    ],
)
def test_texts_of_a_message_have_their_documented_lengths(field, shortest, longest):
    base = {"text": "x"}
    for length in (shortest, longest or 20_000):
        assert unstructure(build(Message, **(base | {field: "é" * length})))[field] == "é" * length
    for length in (shortest - 1, *([longest + 1] if longest else [])):
        error = refusal(Message, **(base | {field: "é" * length}))
        assert (error.field, error.given) == (f"Message.{field}", length)
        assert f"{longest or shortest:,}" in error.limit


def test_length_is_counted_in_code_points():
    assert Message("😀" * 5000).text == "😀" * 5000


@pytest.mark.parametrize(
    "field",
    [
        field.name
        for field in attrs.fields(Message)
        if field.name not in {"slides", "buttons"}  # see the next test
    ],
)
@pytest.mark.parametrize("wrong", [5, b"x", object(), ["x"], pytest.param(10**5000, id="huge")])
def test_wrong_type_is_refused_by_the_name_of_the_field(field, wrong):
    error = refusal(Message, **({"text": "x"} | {field: wrong}))
    assert error.field == f"Message.{field}"
    assert len(str(error)) < 200


@pytest.mark.parametrize("field", ["slides", "buttons"])
@pytest.mark.parametrize("wrong", [5, "x", {"type": "text"}, [None], (5,), COPY.action])
def test_wrong_item_is_refused_by_its_place(field, wrong):
    error = refusal(Message, "x", **{field: wrong})
    assert error.field == f"Message.{field}[0]"


def test_error_never_repeats_a_long_text():
    assert len(str(refusal(Message, "x" * 5001))) < 100
    assert len(str(refusal(SystemApi, "x" * 5001))) < 200
    assert len(str(refusal(Message, "x", card=["y" * 5001] * 100))) < 100


def test_error_survives_a_value_that_cannot_be_shown():
    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    assert refusal(Message, Shy()).field == "Message.text"
    assert refusal(Message, [10**5000]).field == "Message.text"


def test_text_that_utf8_cannot_carry_is_refused():
    error = refusal(Message, "half \ud83d")
    assert (error.field, str(error.given)) == ("Message.text", "U+D83D at 5")


def test_message_needs_text_card_or_slides():
    assert refusal(Message).field == "Message.text"
    assert refusal(Message, buttons=COPY).field == "Message.text"
    assert Message(card=ModernInline("x"))
    assert Message(slides=TextBlock("x"))


def test_prompt_needs_a_button():
    assert refusal(Message, card=Prompt("Sure?")).field == "Message.buttons"
    assert Message(card=Prompt("Sure?"), buttons=COPY)


def test_message_has_at_most_5_buttons():
    assert len(Message("x", buttons=[COPY] * 5).buttons) == 5
    error = refusal(Message, "x", buttons=[COPY] * 6)
    assert (error.field, error.given) == ("Message.buttons", 6)


def test_message_has_at_most_20_slides():
    assert len(Message(slides=[TextBlock("x")] * 20).slides) == 20
    error = refusal(Message, slides=[TextBlock("x")] * 21)
    assert (error.field, error.given) == ("Message.slides", 21)


def test_sender_has_a_name_or_an_image():
    assert unstructure(Message("x", bot=Sender("Ops")))["bot"] == {"name": "Ops"}
    assert Sender(image="https://x.com/a.png")
    assert refusal(Sender).field == "Sender"
    assert refusal(Sender, "").field == "Sender.name"


@pytest.mark.parametrize("colour", ["red", "yellow", "green", "blue", "grey"])
def test_background_is_a_known_colour(colour):
    assert unstructure(Message("x", styles=Styles(colour)))["styles"] == {"background": colour}


@pytest.mark.parametrize("colour", ["Red", "", "black", 5, []])
def test_other_background_is_refused(colour):
    assert refusal(Styles, colour).field == "Styles.background"


def test_one_item_may_stand_for_several():
    assert Message("x", buttons=COPY).buttons == (COPY,)
    assert Message("x", buttons=None, slides=None, references=None) == Message("x")
    assert Message(slides=iter([TextBlock("x")])).slides == (TextBlock("x"),)
    assert BulletList("x").items == ("x",)
    assert Images("https://x.com").urls == ("https://x.com",)
    assert Table("a", rows={"a": "1"}, widths=100) == Table(["a"], rows=[{"a": "1"}], widths=[100])
    assert ModernInline(sections=Section({"a": "b"})).sections == (Section([("a", "b")]),)


def test_references_are_buttons_by_number_or_name():
    message = Message("[a]($1) [b]($2)", references={1: COPY, 2: COPY})
    assert list(message.references) == ["1", "2"]
    assert refusal(Message, "x", references={"1": "Copy"}).field == "Message.references['1']"
    assert refusal(Message, "x", references={"": COPY}).field == "Message.references"
    assert refusal(Message, "x", references={None: COPY}).field == "Message.references"


def test_message_keeps_no_dict_of_the_caller():
    row, references = {"a": "1"}, {"1": COPY}
    message = Message("x", slides=Table(["a"], rows=[row]), references=references)
    row["b"] = "2"
    references.clear()
    assert unstructure(message)["slides"][0]["data"]["rows"] == [{"a": "1"}]
    assert list(message.references) == ["1"]


def test_messages_are_frozen_and_hashable():
    message = Message("x", slides=Table(["a"], rows=[{"a": "1"}]), references={"1": COPY})
    assert {message: 1}[attrs.evolve(message)] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        build(setattr, message, "text", "y")
    assert not hasattr(message, "__dict__")


@pytest.mark.parametrize("text", ["Hello", "x", "é" * 5000])
def test_plain_text_is_a_message_of_text_alone(text):
    assert plain_text(text) == unstructure(Message(text))


@pytest.mark.parametrize("text", ["", "x" * 5001, None, 5, "\ud800"])
def test_plain_text_has_the_limits_of_a_message(text):
    with pytest.raises(ValidationError) as plain:
        plain_text(text)
    if text is not None:
        with pytest.raises(ValidationError) as full:
            Message(text)
        assert str(plain.value) == str(full.value)
