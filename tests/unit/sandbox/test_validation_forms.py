"""The limits of bots, calls and parameters. Those of handlers are in a file of their own."""

import msgspec
import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.validation import (
    read_bot_changes,
    read_call,
    read_channel,
    read_new_bot,
    read_parameters,
)

BOT = {"name": "n", "description": "d"}
WEBHOOK = {"execution_type": "webhook", "execution_url": "https://example.com/hook"}
OPEN_URL = {"type": "open.url", "data": {"web": "https://example.com"}}
CONFIRM = {"title": "Sure?", "input": "Why", "button_label": "Yes"}


def refusal(read, value, *args):
    with pytest.raises(ApiFault) as caught:
        read(msgspec.json.encode(value), *args)
    assert caught.value.status == 400
    assert caught.value.message
    return caught.value.code


# Bots.

FIELDS = {
    "longest name": {"name": "é" * 20},
    "longest description": {"description": "é" * 300},
    "teams": {"scope": "team", "team_ids": [1, 0, 2**64 - 1, -(2**63)]},
    "teams without the scope": {"team_ids": [1]},
    "most status messages": {"status_messages": ["x" * 50] * 10},
    "no status messages": {"status_messages": []},
    "image": {"image": "https://example.com/a.png"},
    "participation": {"channel_participation": ["listen_message", "send_message", "send_message"]},
    "no participation": {"channel_participation": []},
    "calls": {"calls": "disabled"},
}

WRONG_FIELDS = {
    "empty name": ({"name": ""}, "invalid_inputs"),
    "long name": ({"name": "x" * 21}, "invalid_inputs"),
    "name of a wrong type": ({"name": 5}, "invalid_inputs"),
    "empty description": ({"description": ""}, "invalid_inputs"),
    "long description": ({"description": "x" * 301}, "invalid_inputs"),
    "null": ({"scope": None}, "invalid_scope"),
    "unknown scope": ({"scope": "galaxy"}, "invalid_scope"),
    "scope of a wrong type": ({"scope": []}, "invalid_scope"),
    "teams missing": ({"scope": "team"}, "invalid_inputs"),
    "no teams": ({"scope": "team", "team_ids": []}, "invalid_inputs"),
    "too many teams": ({"team_ids": [1] * 5}, "invalid_inputs"),
    "team of more than 64 bits": ({"team_ids": [2**64]}, "invalid_inputs"),
    "team as text": ({"team_ids": ["1"]}, "invalid_inputs"),
    "team as a truth": ({"team_ids": [True]}, "invalid_inputs"),
    "team as a fraction": ({"team_ids": [1.0]}, "invalid_inputs"),
    "teams of a wrong type": ({"team_ids": 1}, "invalid_inputs"),
    "too many status messages": ({"status_messages": ["x"] * 11}, "invalid_inputs"),
    "long status message": ({"status_messages": ["x" * 51]}, "invalid_inputs"),
    "empty status message": ({"status_messages": [""]}, "invalid_inputs"),
    "empty image": ({"image": ""}, "invalid_inputs"),
    "unknown participation": ({"channel_participation": ["sing"]}, "invalid_inputs"),
    "too much participation": (
        {"channel_participation": ["send_message"] * 4},
        "invalid_inputs",
    ),
    "calls of the other spelling": ({"calls": "enable"}, "invalid_inputs"),
    "unknown field": ({"colour": "red"}, "extra_key_found"),
    "assigned field": ({"unique_name": "x"}, "extra_key_found"),
}

URLS = ("ftp://example.com", "https://", "https://example.com/a b", "example.com", "", 5)


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_documented_fields_create_and_change_bots(fields):
    assert read_new_bot(msgspec.json.encode(BOT | fields)) == BOT | fields
    assert read_bot_changes(msgspec.json.encode(fields), "deluge") == fields


@pytest.mark.parametrize(("fields", "code"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_undocumented_fields_neither_create_nor_change_bots(fields, code):
    assert refusal(read_new_bot, BOT | fields) == code
    assert refusal(read_bot_changes, fields, "deluge") == code


@pytest.mark.parametrize("field", ["name", "description"])
def test_new_bot_needs_a_name_and_a_description(field):
    form = {key: value for key, value in BOT.items() if key != field}
    with pytest.raises(ApiFault, match=f"'{field}' is missing"):
        read_new_bot(msgspec.json.encode(form))


def test_execution_url_is_needed_for_webhooks_and_not_allowed_otherwise():
    assert read_new_bot(msgspec.json.encode(BOT | WEBHOOK))
    assert read_new_bot(msgspec.json.encode(BOT | {"execution_type": "deluge"}))
    url = {"execution_url": "https://example.com"}
    missing = BOT | {"execution_type": "webhook"}
    assert refusal(read_new_bot, missing) == "execution_url_required"
    assert refusal(read_new_bot, BOT | url) == "execution_url_not_allowed"
    deluge = BOT | url | {"execution_type": "deluge"}
    assert refusal(read_new_bot, deluge) == "execution_url_not_allowed"
    assert refusal(read_new_bot, BOT | {"execution_type": "cobol"}) == "invalid_inputs"


@pytest.mark.parametrize("url", URLS)
def test_execution_url_is_an_http_url_without_whitespace(url):
    assert refusal(read_new_bot, BOT | WEBHOOK | {"execution_url": url}) == "invalid_inputs"
    assert refusal(read_bot_changes, {"execution_url": url}, "webhook") == "invalid_inputs"


def test_scheme_of_an_execution_url_may_be_in_capitals():
    assert read_bot_changes(b'{"execution_url": "HTTP://example.com"}', "webhook")


# Calls.


def call_action(**fields):
    return {"actions": [{"label": "Go", "action": OPEN_URL} | fields]}


CALLS = {
    "longest text": {"text": "é" * 500},
    "most people": {"user_ids": [str(number) for number in range(9)] + ["a@example.com"]},
    "bounds": {"retry": 0, "loop": 1},
    "other bounds": {"retry": 3, "loop": 3},
    "most actions": {"actions": [{"label": "x" * 20, "action": OPEN_URL}] * 5},
    "no actions": {"actions": []},
    "action in full": call_action(icon="tick", hint="", key="k" * 100),
    "function": call_action(action={"type": "invoke.function", "data": {"name": "f"}}),
}

WRONG_CALLS = {
    "empty text": {"text": ""},
    "long text": {"text": "x" * 501},
    "nobody": {"user_ids": []},
    "too many people": {"user_ids": ["1"] * 11},
    "people as text": {"user_ids": "1,2"},
    "person as a number": {"user_ids": [1]},
    "empty person": {"user_ids": [""]},
    "people in one": {"user_ids": ["1,2"]},
    "person with a space": {"user_ids": [" 1"]},
    "retry too often": {"retry": 4},
    "negative retry": {"retry": -1},
    "retry as a truth": {"retry": True},
    "negative loop": {"loop": -1},
    "loop too often": {"loop": 4},
    "loop as a fraction": {"loop": 1.5},
    "too many actions": {"actions": [{"label": "x", "action": OPEN_URL}] * 6},
    "action without label": {"actions": [{"action": OPEN_URL}]},
    "long label": call_action(label="x" * 21),
    "empty icon": call_action(icon=""),
    "long hint": call_action(hint="x" * 101),
    "long key": call_action(key="x" * 101),
    "unknown action": call_action(action={"type": "dance", "data": {}}),
    "question": call_action(action=OPEN_URL | {"confirm": CONFIRM}),
    "colour": call_action(type="+"),
    "unknown field": {"volume": 11},
}


@pytest.mark.parametrize("fields", CALLS.values(), ids=CALLS)
def test_calls_that_the_documents_allow_are_accepted(fields):
    call = {"text": "Down"} | fields
    assert read_call(msgspec.json.encode(call)) == call


@pytest.mark.parametrize("fields", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_calls_that_the_documents_forbid_are_refused(fields):
    extra = fields.keys() & {"volume"} or "confirm" in str(fields) or "'+'" in str(fields)
    code = "extra_key_found" if extra else "invalid_inputs"
    assert refusal(read_call, {"text": "Down"} | fields) == code


def test_call_needs_a_text():
    assert refusal(read_call, {"loop": 1}) == "invalid_inputs"


# Parameters, and the name of a channel.


@pytest.mark.parametrize(
    "parameters",
    [{}, {"a": ""}, {"a": "é" * 10_000}, {str(number): "x" for number in range(50)}],
    ids=range(4),
)
def test_parameters_that_the_documents_allow_are_accepted(parameters):
    assert read_parameters(msgspec.json.encode(parameters)) == parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {"": "x"},
        {"a": "x" * 10_001},
        {"a": 1},
        {"a": None},
        {"a": ["x"]},
        {str(number): "x" for number in range(51)},
        ["a"],
    ],
    ids=range(7),
)
def test_parameters_that_the_documents_forbid_are_refused(parameters):
    assert refusal(read_parameters, parameters) == "invalid_inputs"


def test_channel_is_named_by_its_unique_name_alone():
    assert read_channel(b'{"channel_unique_name": "news"}') == "news"
    for body in ({}, {"channel_unique_name": ""}, {"channel_unique_name": 5}, "news"):
        assert refusal(read_channel, body) == "invalid_inputs"
    more = {"channel_unique_name": "news", "name": "x"}
    assert refusal(read_channel, more) == "extra_key_found"
