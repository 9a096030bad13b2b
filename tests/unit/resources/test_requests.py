"""The typed methods: the requests that they send, and what they refuse to send."""

from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from support.methods import (
    BUTTON,
    FUNCTION,
    HANDLER,
    MENU,
    METHODS,
    MODELS,
    NEW,
    ONE_BOT,
    ask,
)
from support.scripted import answer, moved

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models import BotChanges, Call, FunctionHandlerChanges


def test_every_endpoint_has_a_method():
    assert set(METHODS) == set(ENDPOINTS) == set(MODELS)


@pytest.mark.parametrize("name", METHODS)
@moved
async def test_request_has_the_documented_method_path_and_body(name):
    method, path, body = METHODS[name]
    found = {"data": [] if name.startswith("list") else ONE_BOT}
    _, transport = await ask(method, answer(200, found))
    (request,) = transport.requests
    assert request.method == ENDPOINTS[name].method
    assert request.url == f"https://cliq.zoho.com/api/v3{path}"
    assert (msgspec.json.decode(request.body) if request.body else None) == body


@moved
async def test_recipients_and_extension_of_an_incoming_message_travel_in_the_query():
    _, transport = await ask(
        lambda client: client.messages.send_incoming(
            "ops", {}, user_ids=["1", "a@example.com"], extension_key="x y"
        ),
        answer(200, {"user_ids": []}),
    )
    query = parse_qs(urlsplit(transport.requests[0].url).query)
    assert query == {"user_ids": ["1,a@example.com"], "extension_key": ["x y"]}
    assert transport.requests[0].body == b"{}"


@moved
async def test_channel_is_named_by_both_documented_parameters():
    send = lambda client: client.messages.send("ops", "Hi", channel="new s")  # noqa: E731
    _, transport = await ask(send, answer(204))
    (request,) = transport.requests
    query = parse_qs(urlsplit(request.url).query)
    assert query == {"channel_unique_name": ["new s"], "CHANNEL_UNIQUE_NAME": ["new s"]}
    assert msgspec.json.decode(request.body) == {"text": "Hi"}


@moved
async def test_limits_that_no_document_names_are_left_to_the_server():
    found = answer(200, {"data": []})
    _, transport = await ask(lambda client: client.subscribers.list("ops", limit=200), found)
    assert transport.requests[0].url.endswith("?limit=200")
    _, transport = await ask(lambda client: client.bots.list(scope="mine", search=""), found)
    assert transport.requests[0].url.endswith("?search=&scope=mine")


@moved
async def test_one_menu_action_of_several_is_named():
    for method in (
        lambda client: client.handlers.get("1", "menu_handler", handler_id="7"),
        lambda client: client.handlers.update("1", "menu_handler", MENU, handler_id="7"),
        lambda client: client.handlers.delete("1", "menu_handler", handler_id="7"),
    ):
        _, transport = await ask(method, answer(200, {"data": {}}))
        assert urlsplit(transport.requests[0].url).query == "handler_id=7"


@pytest.mark.parametrize(
    ("method", "field"),
    [
        (lambda client: client.bots.get(""), "bot_id"),
        (lambda client: client.bots.get("a/b"), "bot_id"),
        (lambda client: client.bots.update("..", BotChanges(name="x")), "bot_id"),
        (lambda client: client.bots.delete("a?b"), "bot_id"),
        (lambda client: client.bots.delete(5), "bot_id"),
        (lambda client: client.bots.get("1", fields="everything"), "fields"),
        (lambda client: client.bots.create("Ops"), "new"),
        (lambda client: client.bots.update("1", NEW), "changes"),
        (lambda client: client.bots.list(limit=0), "limit"),
        (lambda client: client.bots.list(limit=51), "limit"),
        (lambda client: client.subscribers.list("ops", limit=0), "limit"),
        (lambda client: client.subscribers.list("a#b"), "bot"),
        (lambda client: client.bots.associate("", "news"), "bot_unique_name"),
        (lambda client: client.bots.associate("ops", ""), "channel_unique_name"),
        (lambda client: client.messages.send_incoming("%2e", {}), "bot_unique_name"),
        (lambda client: client.messages.send_incoming("ops", {"a": 1}), "parameters['a']"),
        (lambda client: client.messages.send_incoming("ops", {}, user_ids=range(101)), "user_ids"),
        (lambda client: client.calls.trigger("a\nb", Call("x")), "bot_unique_name"),
        (lambda client: client.calls.trigger("ops", "Fire"), "call"),
        (lambda client: client.handlers.create("1", MENU), "new"),
        (lambda client: client.handlers.create("", HANDLER), "bot_id"),
        (lambda client: client.handlers.get("1", "alert_handler"), "type"),
        (lambda client: client.handlers.delete("1", "../x"), "type"),
        (lambda client: client.handlers.update("1", "menu_handler", HANDLER), "changes"),
        (lambda client: client.handlers.update("1", "call_handler", MENU), "HandlerChanges.name"),
        (lambda client: client.handlers.delete("1", "menu_handler", handler_id=""), "handler_id"),
        (lambda client: client.functions.create("approve"), "new"),
        (lambda client: client.functions.update("1", FUNCTION), "changes"),
        (lambda client: client.functions.get("a/b"), "function_id"),
        (lambda client: client.functions.delete(""), "function_id"),
        (lambda client: client.functions.list(limit=0), "limit"),
        (lambda client: client.functions.create_handler("1", HANDLER), "new"),
        (lambda client: client.functions.create_handler("..", BUTTON), "function_id"),
        (lambda client: client.functions.get_handler("1", "form_handler"), "type"),
        (lambda client: client.functions.delete_handler("1", "../x"), "type"),
        (lambda client: client.functions.update_handler("1", "button_handler", BUTTON), "changes"),
        (
            lambda client: client.functions.update_handler(
                "1", "form_view_handler", FunctionHandlerChanges(permissions="chat")
            ),
            "FunctionHandlerChanges.permissions[0]",
        ),
    ],
)
@moved
async def test_what_cannot_be_right_is_refused_before_it_is_sent(method, field):
    with pytest.raises(ValidationError) as raised:
        await ask(method, RuntimeError("sent all the same"))
    assert raised.value.field == field


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"user_ids": []},
        {"user_ids": set()},
        {"user_ids": ["1"], "broadcast": True},
        {"user_ids": ["1"], "channel": "c"},
        {"channel": "c", "broadcast": True},
        {"channel": ""},
        {"user_ids": ["1,2"]},
        {"user_ids": range(101)},
        {"user_ids": None},
    ],
    ids=repr,
)
@moved
async def test_message_has_exactly_one_kind_of_recipient(wrong):
    with pytest.raises(ValidationError):
        await ask(lambda client: client.messages.send("bot", "hi", **wrong), RuntimeError("sent"))
