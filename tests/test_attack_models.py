"""Whatever is wrong with a request is a ValidationError, and then nothing has left.

What the client lets through, the sandbox, which checks the documented limits with code of its own,
takes; and what the sandbox takes in the plain form of the API, the client's models take as well.
"""

from contextlib import suppress
from typing import Any

import attrs
import msgspec
from effort import tries
from hypothesis import assume, given, strategies as st
from strategies import (
    BOT_CHANGES,
    CALLS,
    HANDLER_CHANGES,
    JUNK,
    MESSAGES,
    NEW_BOTS,
    NEW_HANDLERS,
    mutated,
)
from test_roundtrip import a_world

from cliq_async.client import CliqClient
from cliq_async.converter import to_json, to_plain
from cliq_async.errors import ApiError, CliqError, ValidationError
from cliq_async.models import (
    BotChanges,
    BulletList,
    Button,
    Call,
    CallAction,
    Confirm,
    CopyText,
    HandlerChanges,
    Images,
    InvokeFunction,
    Labels,
    Message,
    ModernInline,
    NewBot,
    NewHandler,
    OpenUrl,
    Poll,
    PreviewUrl,
    Prompt,
    Section,
    Sender,
    Styles,
    SubAction,
    SystemApi,
    Table,
    TextBlock,
)
from cliq_async.models.handler import check_type
from cliq_async.plain.call import call_from
from cliq_async.plain.message import message_from
from cliq_async.quota.memory import MemoryStore
from cliq_async.sandbox.refusals import Refused
from cliq_async.sandbox.validation import (
    read_bot_changes,
    read_call,
    read_handler_changes,
    read_message,
    read_new_bot,
    read_new_handler,
    read_parameters,
)
from cliq_async.testing import run_in_moved_time

# A field of a model, whatever is put into it.

REQUEST_MODELS = [
    BotChanges,
    BulletList,
    Button,
    Call,
    CallAction,
    Confirm,
    CopyText,
    HandlerChanges,
    Images,
    InvokeFunction,
    Labels,
    Message,
    ModernInline,
    NewBot,
    NewHandler,
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
]


@tries(60)
@given(st.sampled_from(REQUEST_MODELS), st.data())
def test_a_model_of_anything_is_refused_with_a_validation_error_alone(cls, data):
    names = [field.name for field in attrs.fields(cls)]
    given_ = {name: data.draw(JUNK, name) for name in names if data.draw(st.booleans())}
    required = [f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING]
    given_ |= {name: data.draw(JUNK, name) for name in required if name not in given_}
    with suppress(ValidationError):
        to_json(cls(**given_))


# What the client takes and what the sandbox takes.


def plain_handler(kind: str, data: dict[str, Any]) -> Any:
    fields = dict(data)
    if isinstance(fields.get("sub_actions"), list):
        fields["sub_actions"] = [
            SubAction(**each) if isinstance(each, dict) else each for each in fields["sub_actions"]
        ]
    return HandlerChanges(**fields) if kind == "changes" else NewHandler(**fields)


def new_handler_of(data: dict[str, Any]) -> NewHandler:
    return plain_handler("new", data)


def taken_by_the_sandbox(read: Any, *args: Any) -> bool:
    try:
        read(*args)
    except Refused:
        return False
    return True


def made(build: Any, data: Any) -> Any:
    """The model, or None if the client refuses it."""
    try:
        return build(data)
    except ValueError:  # which a ValidationError is
        return None
    except TypeError as error:
        if "argument" in str(error):  # a field that there is none of, or that is missing
            return None
        raise


def agree(build: Any, read: Any, data: dict[str, Any], *args: Any) -> None:
    """The client and the sandbox say the same of the API's plain form."""
    model = made(build, data)
    by_the_sandbox = taken_by_the_sandbox(read, msgspec.json.encode(data), *args)
    if model is not None:
        sent = to_json(model)
        assert taken_by_the_sandbox(read, sent, *args), f"only the client takes {sent!r}"
    assert model is not None or not by_the_sandbox, f"only the sandbox takes {data!r}"


@tries(60)
@given(MESSAGES.map(to_plain).flatmap(mutated))
def test_client_and_sandbox_agree_on_messages(data):
    agree(message_from, read_message, data, {"user_ids": "1"})


@tries(12)
@given(CALLS.map(to_plain).flatmap(mutated))
def test_client_and_sandbox_agree_on_calls(data):
    ids = data.pop("user_ids", None)
    # That an id has at most 320 characters is common sense, and no document says it.
    assume(not isinstance(ids, list) or all(len(str(each)) <= 320 for each in ids))

    def build(data):
        call = call_from({key: value for key, value in data.items() if key != "user_ids"})
        return call if ids is None else attrs.evolve(call, user_ids=ids)

    agree(build, read_call, data if ids is None else data | {"user_ids": ids})


@tries(12)
@given(NEW_BOTS.map(to_plain).flatmap(mutated))
def test_client_and_sandbox_agree_on_new_bots(data):
    agree(lambda data: NewBot(**data), read_new_bot, data)


@tries(12)
@given(BOT_CHANGES.map(to_plain).flatmap(mutated))
def test_client_and_sandbox_agree_on_changes_of_bots(data):
    agree(lambda data: BotChanges(**data), read_bot_changes, data, "webhook")


@tries(12)
@given(NEW_HANDLERS.map(to_plain).flatmap(mutated))
def test_client_and_sandbox_agree_on_new_handlers(data):
    kind = "webhook" if "permissions" in data else "deluge"
    agree(new_handler_of, read_new_handler, data, kind)


@tries(12)
@given(
    HANDLER_CHANGES.flatmap(lambda each: st.tuples(st.just(each[0]), mutated(to_plain(each[1]))))
)
def test_client_and_sandbox_agree_on_changes_of_handlers(each):
    kind, data = each

    def build(data):
        changes = plain_handler("changes", data)
        check_type("type", kind, changes)
        return changes

    execution_type = "webhook" if "permissions" in data else "deluge"
    agree(build, read_handler_changes, data, kind, execution_type)


@tries(12)
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), st.just("x"), max_size=52)
    | st.dictionaries(st.sampled_from("abc"), st.none() | st.integers() | st.text(max_size=2))
    | st.sampled_from([10_000, 10_001]).map(lambda length: {"a": "x" * length})
)
def test_client_and_sandbox_agree_on_parameters(data):
    state, transport = a_world()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            with suppress(ValidationError):
                await client.messages.send_incoming("supportbot", data)

    by_the_sandbox = True
    try:
        body = msgspec.json.encode(data)
    except UnicodeEncodeError:
        by_the_sandbox = False
    else:
        by_the_sandbox = taken_by_the_sandbox(read_parameters, body)
    run_in_moved_time(main())
    assert bool(transport.requests) == by_the_sandbox
    assert state.messages.all() == []


# An argument of a method, whatever is passed.

NEW_BOT = NewBot("Bot", description="x")
HANDLER = NewHandler("message_handler", script="x")
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


def one_call(name: str, arguments: dict[str, Any]) -> tuple[CliqError | None, list[Any]]:
    """Make a call against a sandbox's work; returns the error, and the requests that left."""
    _, transport = a_world()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            resource, method = name.split(".")
            try:
                await getattr(getattr(client, resource), method)(**arguments)
            except CliqError as error:
                return error
            return None

    return run_in_moved_time(main()), transport.requests


@tries(60)
@given(st.sampled_from(list(VALID)), st.data())
def test_a_wrong_argument_is_refused_before_anything_is_sent_or_taken_by_the_sandbox(name, data):
    arguments = dict(VALID[name])
    if name == "messages.send":
        kind = data.draw(st.sampled_from(list(RECIPIENTS)))
        arguments |= RECIPIENTS[kind]
    wrong = data.draw(st.sampled_from(list(arguments)))
    arguments[wrong] = data.draw(JUNK, wrong)
    error, requests = one_call(name, arguments)
    if isinstance(error, ValidationError):
        assert requests == []
        return
    assert requests
    assert error is None or isinstance(error, ApiError)
    if error is not None and wrong not in {"next_token", "sync_token"}:  # those are opaque
        assert error.code not in {"invalid_inputs", "extra_key_found"}, error


def test_the_arguments_that_are_spoiled_are_good_ones():
    for name, arguments in VALID.items():
        error, requests = one_call(name, arguments)
        assert requests, name
        assert error is None or (isinstance(error, ApiError) and error.code != "invalid_inputs")
