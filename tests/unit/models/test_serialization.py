"""Serialization reads any JSON and writes valid JSON."""

import doctest
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.effort import tries

from cliq_async.models import Bot, Page, SentMessage, Subscriber, User, serialization as converter
from cliq_async.models.deserialization import DecodeError, structure, structure_page
from cliq_async.models.serialization import to_json, unstructure

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.builds(pow, st.just(10), st.just(5000))  # more digits than Python prints
)
NAMES = ["id", "unique_name", "name", "handlers", "creator", "default", "team_ids", "calls"]
NAMES += ["subscriber_count", "user_id", "email_id", "data", "next_token", "deleted", "position"]
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=6,
)
BOTS = st.fixed_dictionaries(
    {"id": SCALARS, "unique_name": st.text(max_size=3), "name": st.text(max_size=3)},
    optional=dict.fromkeys(NAMES[3:8], JSON),
)


@tries(40)
@given(JSON | BOTS)
def test_any_json_is_a_model_or_a_decode_error(data):
    for cls in (Bot, Subscriber, SentMessage, Page):
        try:
            model: Any = structure(data, cls)
        except DecodeError:
            continue
        assert isinstance(model, cls)


@given(st.fixed_dictionaries({"data": st.lists(BOTS | JSON, max_size=3)}) | JSON)
def test_any_json_is_a_page_or_a_decode_error(data):
    try:
        bots = structure_page(data, Bot)
    except DecodeError:
        return
    assert all(isinstance(bot, Bot) and isinstance(bot.id, str) for bot in bots.data)


@pytest.mark.parametrize("field", ["id", "handlers", "creator", "unknown"])
def test_deep_nesting_does_no_harm(field):
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for data in (deep, {"data": deep}, {field: deep}, {"data": [{field: deep}]}):
        for cls in (Bot, Page[Bot]):
            with pytest.raises(DecodeError):
                structure(data, cls)


def test_recursion_without_end_is_a_decode_error(monkeypatch):
    def endless(*_args):
        raise RecursionError

    monkeypatch.setattr(converter.msgspec, "convert", endless)
    with pytest.raises(DecodeError):
        structure({}, User)


def test_plain_data_is_written_as_it_is():
    assert to_json({"user_ids": "1", "a": None, "b": [1, 2.5, True]}) == (
        b'{"user_ids":"1","a":null,"b":[1,2.5,true]}'
    )
    assert to_json(["ä"]) == '["ä"]'.encode()


def test_model_is_written_without_empty_fields():
    assert unstructure(User(id="1")) == {"id": "1"}
    assert to_json(User(id="1")) == b'{"id":"1"}'


def test_value_that_json_does_not_have_is_refused():
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        to_json({"a": object()})


def test_examples_run():
    failed, tried = doctest.testmod(converter)
    assert tried
    assert not failed
