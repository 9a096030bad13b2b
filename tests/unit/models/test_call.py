"""The limits of voice calls and incoming webhook messages."""

from typing import Any

import pytest

from cliq_async.errors import ValidationError
from cliq_async.models import Call, CallAction, Confirm, InvokeFunction, OpenUrl, SystemApi
from cliq_async.models.incoming import check_parameters
from cliq_async.models.serialization import unstructure

ACT = CallAction("Acknowledge", action=InvokeFunction("ack"))
ACTION: dict[str, Any] = {"label": "x", "action": InvokeFunction("ack")}


def refusal(cls: Any, *args: Any, **fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        cls(*args, **fields)
    return raised.value


def test_text_of_501_is_too_long():
    for length in (1, 500):
        assert Call("é" * length).text == "é" * length
    for length in (0, 501):
        error = refusal(Call, "é" * length)
        assert (error.field, error.given) == ("Call.text", length)


def test_eleven_people_are_too_many_and_an_empty_list_is_not_everybody():
    assert Call("x", user_ids=55743307).user_ids == ("55743307",)
    assert Call("x", user_ids=["ann@example.com", 5]).user_ids == ("ann@example.com", "5")
    assert len(Call("x", user_ids=range(1, 11)).user_ids or ()) == 10
    error = refusal(Call, "x", user_ids=range(11))
    assert (error.field, error.limit, error.given) == ("Call.user_ids", "1 to 10 ids", 11)
    assert refusal(Call, "x", user_ids=[]).given == 0
    for wrong in ("", "1,2", "a b", 1.5, None):
        assert refusal(Call, "x", user_ids=[wrong]).field == "Call.user_ids"


@pytest.mark.parametrize(("field", "least"), [("retry", 0), ("loop", 0)])
def test_retry_and_loop_of_four_are_too_many(field, least):
    for number in (least, 3):
        given: Any = {field: number}
        assert getattr(Call("x", **given), field) == number
    for number in (least - 1, 4, True, 1.0, "1"):
        error = refusal(Call, "x", **{field: number})
        assert (error.field, error.given) == (f"Call.{field}", number)
        assert error.limit == f"an int from {least} to 3"


def test_six_actions_are_too_many():
    assert Call("x", actions=ACT).actions == (ACT,)
    error = refusal(Call, "x", actions=[ACT] * 6)
    assert (error.field, error.given) == ("Call.actions", 6)
    assert refusal(Call, "x", actions=["ack"]).field == "Call.actions[0]"


@pytest.mark.parametrize(
    ("field", "least", "most"), [("label", 1, 20), ("hint", 0, 100), ("key", 0, 100)]
)
def test_texts_of_an_action_have_their_documented_lengths(field, least, most):
    for length in (least, most):
        assert getattr(CallAction(**(ACTION | {field: "é" * length})), field) == "é" * length
    error = refusal(CallAction, **(ACTION | {field: "é" * (most + 1)}))
    assert (error.field, error.given) == (f"CallAction.{field}", most + 1)


def test_action_of_a_call_asks_no_question():
    confirm = Confirm("Sure?", input="Why?", button_label="Yes")
    asked = InvokeFunction("ack", confirm=confirm)
    assert refusal(CallAction, "x", action=asked).field == "CallAction.action.confirm"
    assert refusal(CallAction, "x", action="ack").field == "CallAction.action"
    assert refusal(CallAction, "x", action=SystemApi("locationpermission"), icon="").given == 0


def test_request_has_the_names_of_the_api():
    call = Call(
        "The payment service is down.",
        user_ids=["55743327", "55642727"],
        retry=3,
        loop=2,
        actions=[
            CallAction("View details", action=OpenUrl("https://cliq.zoho.com"), icon="url"),
            CallAction("Acknowledge", action=InvokeFunction("test"), hint="h", key="k"),
        ],
    )
    assert unstructure(call) == {
        "text": "The payment service is down.",
        "user_ids": ["55743327", "55642727"],
        "retry": 3,
        "loop": 2,
        "actions": [
            {
                "label": "View details",
                "icon": "url",
                "action": {"type": "open.url", "data": {"web": "https://cliq.zoho.com"}},
            },
            {
                "label": "Acknowledge",
                "action": {"type": "invoke.function", "data": {"name": "test"}},
                "hint": "h",
                "key": "k",
            },
        ],
    }
    assert unstructure(Call("x")) == {"text": "x"}


def test_51_parameters_are_too_many():
    fifty = {str(number): "x" for number in range(50)}
    assert check_parameters(fifty) == fifty
    assert check_parameters({}) == {}
    error = refusal(check_parameters, fifty | {"more": "x"})
    assert (error.field, error.limit, error.given) == ("parameters", "at most 50", 51)


def test_values_are_texts_of_at_most_10_000_characters():
    assert check_parameters({"a": "é" * 10_000, "b": ""})["b"] == ""
    error = refusal(check_parameters, {"a": "é" * 10_001})
    assert (error.field, error.given) == ("parameters['a']", 10_001)
    for wrong in (5, None, True, ["x"], {}):
        assert refusal(check_parameters, {"a": wrong}).field == "parameters['a']"


@pytest.mark.parametrize("wrong", [None, "a=b", [("a", "b")], {"": "x"}, {5: "x"}])
def test_parameters_are_a_mapping_with_names(wrong):
    assert refusal(check_parameters, wrong).field == "parameters"
