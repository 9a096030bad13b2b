"""The client and the sandbox accept the same bodies.

Both check the documented limits, and share no code for it. Each difference is a bug in one of them.
Bodies are changed at random, so that most of them are almost valid.
"""

import re
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import assume, example, given, strategies as st
from support.effort import tries
from support.invalid_strategies import mutated
from support.sandbox_state import sandbox_accepts
from support.strategies import (
    BOT_CHANGES,
    CALLS,
    FUNCTION_CHANGES,
    FUNCTION_HANDLER_CHANGES,
    HANDLER_CHANGES,
    MESSAGES,
    NEW_BOTS,
    NEW_FUNCTION_HANDLERS,
    NEW_FUNCTIONS,
    NEW_HANDLERS,
    PARAMETERS,
    words,
)

from cliq_async.models import (
    BotChanges,
    Call,
    FunctionChanges,
    FunctionHandlerChanges,
    HandlerChanges,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
    SubAction,
)
from cliq_async.models.function import FUNCTION_HANDLER_TYPES, check_function_handler_type
from cliq_async.models.handler import HANDLER_TYPES, check_type
from cliq_async.models.incoming import check_parameters
from cliq_async.models.parsing.call import call_from
from cliq_async.models.parsing.message import message_from
from cliq_async.models.serialization import to_json, unstructure
from cliq_async.sandbox.validation import (
    read_bot_changes,
    read_call,
    read_function_changes,
    read_function_handler_changes,
    read_handler_changes,
    read_message,
    read_new_bot,
    read_new_function,
    read_new_function_handler,
    read_new_handler,
    read_parameters,
)

EDGE_TEXTS = [
    "",
    "x" * 21,
    "x" * 101,
    "https://",
    "http:",
    "https://a b",
    "invite/٣",
    "1,2",
    "\x01",
]
EDGE_VALUES = [0, 1, -1, 4, 100, 1.5, True, False, [], {}, [""], ["x", "x"], {"": "x"}, {"a": 1}]
EDGES = st.sampled_from([*EDGE_TEXTS, *EDGE_VALUES]) | words(0, 30)


@st.composite
def changed(draw, plain: Any) -> Any:
    """Return plain data with up to three changes anywhere in it."""
    value = msgspec.json.decode(msgspec.json.encode(plain))
    for _ in range(draw(st.integers(0, 3))):
        value = _change(draw, value)
    return value


def _change(draw, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or not draw(st.integers(0, 4)):
        return draw(EDGES)
    return _changed_object(draw, value) if isinstance(value, dict) else _changed_list(draw, value)


def _changed_object(draw, value: dict[str, Any]) -> Any:
    key = draw(st.sampled_from(sorted(value)))
    how = draw(st.integers(0, 5))
    if how == 0:
        return {name: item for name, item in value.items() if name != key}
    if how == 1:
        return value | {draw(st.sampled_from(["type", "name", "title", "more", "ios"])): "x"}
    return value | {key: _change(draw, value[key])}


def _changed_list(draw, value: list[Any]) -> Any:
    index = draw(st.integers(0, len(value) - 1))
    how = draw(st.integers(0, 3))
    if how == 0:
        return value[:index] + value[index + 1 :]
    if how == 1:
        return value * draw(st.integers(2, 6))
    return [*value[:index], _change(draw, value[index]), *value[index + 1 :]]


def almost_valid(plain: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for plain data with changes of either kind."""
    return changed(plain) | mutated(plain)


def build_or_none(build: Any, plain: Any) -> Any:
    """Return the model, or None if the client refuses the data."""
    try:
        return build(plain)
    except ValueError:  # a ValidationError is one
        return None
    except TypeError as error:
        if "argument" in str(error):  # an unknown field, or a missing one
            return None
        raise


def assert_agreement(build: Any, read: Any, plain: Any, *arguments: Any) -> None:
    """Check that the sandbox accepts what the client sends, and the client what it accepts."""
    model = build_or_none(build, plain)
    if model is not None:
        sent = msgspec.json.decode(to_json(model))
        assert sandbox_accepts(read, sent, *arguments), f"the sandbox refuses {sent}"
    if sandbox_accepts(read, plain, *arguments):
        assert model is not None, f"the sandbox accepts {plain}, but the client refuses it"


def new_bot(plain: Any) -> NewBot:
    return NewBot(**plain)


def bot_changes(plain: Any) -> BotChanges:
    return BotChanges(**plain)


def with_sub_actions(plain: Any) -> Any:
    entries = plain.get("sub_actions") if isinstance(plain, dict) else None
    if not isinstance(entries, list):
        return plain
    models = [SubAction(**each) if isinstance(each, dict) else each for each in entries]
    return plain | {"sub_actions": models}


def new_handler(plain: Any) -> NewHandler:
    return NewHandler(**with_sub_actions(plain))


def call(plain: Any) -> Call:
    if not isinstance(plain, dict) or "user_ids" not in plain:
        return call_from(plain)
    rest = {key: value for key, value in plain.items() if key != "user_ids"}
    return attrs.evolve(call_from(rest), user_ids=plain["user_ids"])


def execution_type_for(plain: Any) -> str:
    """Return the type of bot that may have the handler; only the server checks it."""
    return "webhook" if isinstance(plain, dict) and "permissions" in plain else "deluge"


CHANNEL_QUERY = {"channel_unique_name": "news"}


def read_sent_message(body: bytes) -> object:
    return read_message(body, CHANNEL_QUERY)


@tries(60)
@given(MESSAGES.map(unstructure).flatmap(almost_valid))
@example({"text": "x", "slides": [{"type": "table", "data": {"headers": ["a"], "rows": []}}]})
@example({"card": {"title": "no theme"}})
@example({"card": {"title": ""}, "buttons": []})
def test_messages(plain):
    assert_agreement(message_from, read_sent_message, plain)


@tries(60)
@given(NEW_BOTS.map(unstructure).flatmap(almost_valid))
def test_new_bots(plain):
    assert_agreement(new_bot, read_new_bot, plain)


@tries(60)
@given(BOT_CHANGES.map(unstructure).flatmap(almost_valid))
def test_changes_of_bots(plain):
    assert_agreement(bot_changes, read_bot_changes, plain, "webhook")


@tries(60)
@given(NEW_HANDLERS.map(unstructure).flatmap(almost_valid))
def test_new_handlers(plain):
    assert_agreement(new_handler, read_new_handler, plain, execution_type_for(plain))


@tries(60)
@given(
    HANDLER_CHANGES.flatmap(
        lambda each: st.tuples(st.just(each[0]), almost_valid(unstructure(each[1])))
    )
)
def test_changes_of_handlers(each):
    kind, plain = each

    def changes(plain: Any) -> HandlerChanges:
        model = HandlerChanges(**with_sub_actions(plain))
        check_type("type", kind, model)
        return model

    assert_agreement(changes, read_handler_changes, plain, kind, execution_type_for(plain))


@tries(60)
@given(NEW_FUNCTIONS.map(unstructure).flatmap(almost_valid))
def test_new_functions(plain):
    assert_agreement(lambda fields: NewFunction(**fields), read_new_function, plain)


@tries(60)
@given(FUNCTION_CHANGES.map(unstructure).flatmap(almost_valid))
def test_changes_of_functions(plain):
    assert_agreement(
        lambda fields: FunctionChanges(**fields), read_function_changes, plain, "webhook"
    )


@tries(60)
@given(NEW_FUNCTION_HANDLERS.map(unstructure).flatmap(almost_valid))
def test_new_handlers_of_functions(plain):
    kind = execution_type_for(plain)
    assert_agreement(
        lambda fields: NewFunctionHandler(**fields), read_new_function_handler, plain, kind
    )


@tries(60)
@given(
    FUNCTION_HANDLER_CHANGES.flatmap(
        lambda each: st.tuples(st.just(each[0]), almost_valid(unstructure(each[1])))
    )
)
def test_changes_of_handlers_of_functions(each):
    kind, plain = each

    def changes(plain: Any) -> FunctionHandlerChanges:
        model = FunctionHandlerChanges(**plain)
        check_function_handler_type("type", kind, model)
        return model

    read = read_function_handler_changes
    assert_agreement(changes, read, plain, kind, execution_type_for(plain))


@pytest.mark.parametrize("kind", FUNCTION_HANDLER_TYPES)
def test_both_accept_every_type_of_function_handler(kind):
    plain = {"type": kind, "permissions": ["user"]}
    assert sandbox_accepts(read_new_function_handler, plain, "webhook")
    assert unstructure(NewFunctionHandler(kind, permissions="user")) == plain


@tries(60)
@given(CALLS.map(unstructure).flatmap(almost_valid))
def test_calls(plain):
    ids = plain.get("user_ids") if isinstance(plain, dict) else None
    # The client refuses what cannot be an id, which Cliq would drop without a word.
    possible = re.compile(r"[0-9]{1,320}|[a-z0-9.]{1,150}@[a-z0-9.]{1,150}")
    assume(not isinstance(ids, list) or all(possible.fullmatch(str(each)) for each in ids))
    assert_agreement(call, read_call, plain)


@tries(30)
@given(PARAMETERS.flatmap(changed))
def test_parameters(plain):
    assert_agreement(check_parameters, read_parameters, plain)


@pytest.mark.parametrize("kind", HANDLER_TYPES)
def test_both_accept_every_type_of_handler(kind):
    plain = {"type": kind, "script": "x"} | ({"name": "x"} if kind == "menu_handler" else {})
    assert_agreement(new_handler, read_new_handler, plain, "deluge")
    assert build_or_none(new_handler, plain) is not None
