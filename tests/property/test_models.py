"""An invalid request raises a ValidationError, and nothing is sent."""

import inspect
from contextlib import suppress
from typing import Any

import attrs
from hypothesis import given, strategies as st
from support.effort import tries
from support.invalid_strategies import JUNK
from support.sandbox_state import offline_sandbox, sandbox_accepts

from cliq_async import models
from cliq_async.client import CliqClient
from cliq_async.errors import ApiError, CliqError, ValidationError
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
)
from cliq_async.models.serialization import to_json
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox.validation import read_parameters
from cliq_async.testing import run_in_virtual_time

# Any value in a field of a model.

ANSWERS = {
    models.Bot,
    models.BotHandler,
    models.CallReceipt,
    models.Function,
    models.FunctionHandler,
    models.Handler,
    models.HandlerParam,
    models.IncomingReceipt,
    models.Page,
    models.SentMessage,
    models.Subscriber,
    models.SubAction,  # in requests, too, and as tolerant as in answers
    models.User,
}
REQUEST_MODELS = [
    cls
    for cls in (getattr(models, name) for name in models.__all__)
    if attrs.has(cls) and not inspect.isabstract(cls) and cls not in ANSWERS
]


@tries(30)
@given(st.sampled_from(REQUEST_MODELS), st.data())
def test_model_with_invalid_fields_raises_only_a_validation_error(cls, data):
    names = [each.name for each in attrs.fields(cls)]
    fields = {name: data.draw(JUNK, name) for name in names if data.draw(st.booleans())}
    required = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING]
    fields |= {name: data.draw(JUNK, name) for name in required if name not in fields}
    with suppress(ValidationError):
        to_json(cls(**fields))


# Parameters of an incoming webhook: refused ones are not sent.


@tries(6)
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), st.just("x"), max_size=52)
    | st.dictionaries(st.sampled_from("abc"), st.none() | st.integers() | st.text(max_size=2))
    | st.sampled_from([10_000, 10_001]).map(lambda length: {"a": "x" * length})
)
def test_client_and_sandbox_agree_on_parameters(data):
    state, transport = offline_sandbox()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            with suppress(ValidationError):
                await client.messages.send_incoming("supportbot", data)

    run_in_virtual_time(main())
    try:
        accepted = sandbox_accepts(read_parameters, data)
    except UnicodeEncodeError:
        accepted = False
    assert bool(transport.requests) == accepted
    assert state.messages.all() == []


# Any value for an argument of a method.

NEW_BOT = NewBot("Bot", description="x")
HANDLER = NewHandler("message_handler", script="x")
NEW_FUNCTION = NewFunction("f", description="x", function_type="button")
BUTTON = NewFunctionHandler("button_handler", script="x")
VALID: dict[str, dict[str, Any]] = {
    "bots.create": {"new": NEW_BOT},
    "bots.list": {"limit": 5, "next_token": None, "sync_token": None, "search": "s", "scope": "t"},
    "bots.get": {"bot_id": "1", "fields": None},
    "bots.update": {"bot_id": "1", "changes": BotChanges(name="x")},
    "bots.delete": {"bot_id": "1"},
    "bots.associate": {
        "bot_unique_name": "supportbot",
        "channel_unique_name": "general",
        "extension_key": None,
    },
    "messages.send": {
        "bot_unique_name": "supportbot",
        "message": "hi",
        "user_ids": "1",
        "extension_key": None,
    },
    "messages.send_incoming": {
        "bot_unique_name": "supportbot",
        "parameters": {"a": "b"},
        "user_ids": "1",
        "extension_key": None,
    },
    "calls.trigger": {"bot_unique_name": "supportbot", "call": Call("x", user_ids="1")},
    "handlers.create": {"bot_id": "1", "new": HANDLER},
    "handlers.update": {
        "bot_id": "1",
        "type": "message_handler",
        "changes": HandlerChanges(script="x"),
        "handler_id": None,
    },
    "handlers.get": {"bot_id": "1", "type": "message_handler", "handler_id": None},
    "handlers.delete": {"bot_id": "1", "type": "message_handler", "handler_id": None},
    "functions.create": {"new": NEW_FUNCTION},
    "functions.list": {"limit": 5, "next_token": None, "sync_token": None},
    "functions.get": {"function_id": "1"},
    "functions.update": {"function_id": "1", "changes": FunctionChanges(name="x")},
    "functions.delete": {"function_id": "1"},
    "functions.create_handler": {"function_id": "1", "new": BUTTON},
    "functions.update_handler": {
        "function_id": "1",
        "type": "button_handler",
        "changes": FunctionHandlerChanges(script="x"),
    },
    "functions.get_handler": {"function_id": "1", "type": "button_handler"},
    "functions.delete_handler": {"function_id": "1", "type": "button_handler"},
    "subscribers.list": {
        "bot": "supportbot",
        "limit": 5,
        "next_token": None,
        "sync_token": None,
        "extension_key": None,
    },
}
RECIPIENTS = {
    "users": {"user_ids": "1"},
    "channel": {"user_ids": (), "channel": "general"},
    "broadcast": {"user_ids": (), "broadcast": True},
}


def call(name: str, arguments: dict[str, Any]) -> tuple[CliqError | None, list[Any]]:
    """Call a method with an offline sandbox; return the error, and the requests sent."""
    _, transport = offline_sandbox()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            resource, method = name.split(".")
            try:
                await getattr(getattr(client, resource), method)(**arguments)
            except CliqError as error:
                return error
            return None

    return run_in_virtual_time(main()), transport.requests


@tries(30)
@given(st.sampled_from(list(VALID)), st.data())
def test_argument_is_refused_before_anything_is_sent_or_accepted_by_the_sandbox(name, data):
    arguments = dict(VALID[name])
    if name == "messages.send":
        kind = data.draw(st.sampled_from(list(RECIPIENTS)))
        arguments |= RECIPIENTS[kind]
    wrong = data.draw(st.sampled_from(list(arguments)))
    arguments[wrong] = data.draw(JUNK, wrong)
    error, requests = call(name, arguments)
    if isinstance(error, ValidationError):
        assert requests == []
        return
    assert requests
    assert error is None or isinstance(error, ApiError)
    if error is not None and wrong not in {"next_token", "sync_token"}:  # those are opaque
        assert error.code not in {"invalid_inputs", "extra_key_found"}, error


def test_arguments_are_valid_before_they_are_replaced():
    for name, arguments in VALID.items():
        error, requests = call(name, arguments)
        assert requests, name
        assert error is None or (isinstance(error, ApiError) and error.code != "invalid_inputs")
