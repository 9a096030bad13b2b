"""The typed methods: what they make of the documented answers, and of odd ones."""

from typing import Any, cast
from urllib.parse import urlsplit

import attrs
import msgspec
import pytest
from support.methods import METHODS, ONE_BOT, READS, WITHOUT_AN_ANSWER, WRITES_WITH_AN_ANSWER, ask
from support.scripted import answer, moved

from cliq_async.errors import ApiError, ForeignAnswerError, OutcomeUnknownError, TransportError
from cliq_async.models import (
    Bot,
    CallReceipt,
    Function,
    FunctionHandler,
    Handler,
    HandlerParam,
    IncomingReceipt,
    Message,
    Page,
    SentMessage,
    SubAction,
    User,
)
from cliq_async.transport.base import Response

# What the documents show.


@moved
async def test_created_bot_is_read():
    data = ONE_BOT | {"team_ids": [12345678], "handlers": [], "default": False}
    got, _ = await ask(METHODS["create_bot"][0], answer(200, {"type": "bot", "data": data}))
    assert got == Bot(id="1", unique_name="ops", name="Ops", team_ids=(12345678,), default=False)


@moved
async def test_details_of_a_bot_are_asked_for_and_kept_whatever_their_name():
    details = {"subscription_details": [{"name": "Ann"}], "extra": 1, "later": None}
    got, transport = await ask(
        lambda client: client.bots.get("1", fields="subscription_details"),
        answer(200, {"data": ONE_BOT | details}),
    )
    assert isinstance(got, Bot)
    assert got.extra == details
    assert urlsplit(transport.requests[0].url).query == "fields=subscription_details"
    assert hash(got)


@moved
async def test_menu_handler_is_read_in_every_form_the_documents_have():
    flat = {
        "script": "return Map();",
        "handler_id": "53719000002155003",
        "name": "IT Help Desk",
        "type": "menu_handler",
        "icon": "wand/627282",
        "return_type": "MAP",
        "params": [{"param_name": "sub_action", "param_type": "STRING"}],
    }
    read = Handler(
        type="menu_handler",
        id="53719000002155003",
        name="IT Help Desk",
        icon="wand/627282",
        script="return Map();",
        return_type="MAP",
        params=(HandlerParam(param_name="sub_action", param_type="STRING"),),
    )
    get = METHODS["get_handler"][0]
    got, _ = await ask(get, answer(200, {"data": flat}))
    assert got == read
    update = METHODS["update_handler"][0]
    nested = {
        "type": "menu_handler",
        "id": "7",
        "permissions": ["user"],
        "display_props": {"name": "Open", "icon": "a/fff", "position": 2, "sub_actions": None},
    }
    got, _ = await ask(update, answer(200, {"data": nested}))
    assert got == Handler(
        type="menu_handler",
        id="7",
        permissions=("user",),
        name="Open",
        icon="a/fff",
        position=2,
    )
    got, _ = await ask(get, answer(200, {"data": {"sub_actions": [{"name": "A"}], "name": None}}))
    assert got == Handler(type="menu_handler", sub_actions=(SubAction("A"),))


@moved
async def test_receipts_say_who_was_reached():
    got, _ = await ask(METHODS["trigger_call"][0], answer(200, {"user_ids": ["5"], "id": "dfb9"}))
    assert got == CallReceipt(id="dfb9", user_ids=("5",))
    incoming = METHODS["send_incoming_webhook"][0]
    got, _ = await ask(incoming, answer(200, {"user_ids": [55743307]}))
    assert got == IncomingReceipt(user_ids=("55743307",))
    got, _ = await ask(METHODS["send_message"][0], answer(200, {"chat_id": "c", "message_id": "m"}))
    assert got == SentMessage(chat_id="c", message_id="m")


DOCUMENTED_FUNCTION = {
    "name": "ApproveExpense",
    "id": "53719000002124014",
    "function_type": "button",
    "handlers": [{"type": "button_handler"}],
    "creator": {"name": "James", "id": "65113112"},
    "execution_type": "webhook",
    "execution_url": "https://api.yourcompany.com/cliq/functions/handler",
    "status": "enabled",
    "type": "custom",
    "description": "Forwards approval clicks to external HR system",
    "scope": "personal",
}


@pytest.mark.parametrize("name", ["create_function", "update_function", "get_function"])
@moved
async def test_function_is_read_whole(name):
    body = {"url": "/api/v3/functions", "type": "function", "data": DOCUMENTED_FUNCTION}
    got, _ = await ask(METHODS[name][0], answer(200, body))
    assert got == Function(
        id="53719000002124014",
        name="ApproveExpense",
        description="Forwards approval clicks to external HR system",
        function_type="button",
        handlers=(FunctionHandler(type="button_handler"),),
        creator=User(id="65113112", name="James"),
        execution_type="webhook",
        execution_url="https://api.yourcompany.com/cliq/functions/handler",
        status="enabled",
        type="custom",
        scope="personal",
    )


@moved
async def test_functions_come_in_pages():
    body = {
        "url": "/api/v3/functions",
        "next_token": "next",
        "type": "function",
        "sync_token": "sync",
        "deleted": ["7"],
        "data": [DOCUMENTED_FUNCTION, {"id": 5, "name": "b"}],
    }
    got, transport = await ask(
        lambda client: client.functions.list(limit=2, next_token="a", sync_token="b"),
        answer(200, body),
    )
    assert isinstance(got, Page)
    assert [each.id for each in got.data] == ["53719000002124014", "5"]
    assert (got.next_token, got.sync_token, got.deleted) == ("next", "sync", ("7",))
    assert urlsplit(transport.requests[0].url).query == "limit=2&next_token=a&sync_token=b"


@moved
async def test_functions_handler_is_read_in_every_form_the_documents_have():
    create = METHODS["create_function_handler"][0]
    of_function = {"url": "/api/v3/functions", "type": "function", "data": DOCUMENTED_FUNCTION}
    got, _ = await ask(create, answer(200, of_function))
    assert got == FunctionHandler(type="button_handler", function_id="1")
    data = {"name": "button_handler", "permissions": ["message", "user"], "function_id": "1"}
    got, _ = await ask(create, answer(200, {"type": "execution_handler", "data": data}))
    assert got == FunctionHandler(
        type="button_handler", function_id="1", permissions=("message", "user")
    )
    data = {"name": "form_view_handler", "script": "return Map();", "function_id": "1"}
    got, _ = await ask(METHODS["update_function_handler"][0], answer(200, {"data": data}))
    assert got == FunctionHandler(type="form_view_handler", function_id="1", script="return Map();")
    details = {
        "script": "return Map();",
        "return_type": "MAP",
        "params": [{"param_name": "event", "param_type": "STRING"}],
    }
    body = {"type": "button_handler", "data": details | {"version": 2}}
    got, _ = await ask(METHODS["get_function_handler"][0], answer(200, body))
    assert got == FunctionHandler(
        type="button_handler",
        function_id="1",
        script="return Map();",
        return_type="MAP",
        params=(HandlerParam(param_name="event", param_type="STRING"),),
        extra={"version": 2},
    )


@moved
async def test_function_keeps_fields_that_the_model_does_not_know():
    data = DOCUMENTED_FUNCTION | {"modified": 5, "handlers": [{"type": "x", "id": "7"}]}
    got, _ = await ask(METHODS["get_function"][0], answer(200, {"data": data}))
    assert isinstance(got, Function)
    assert got.extra == {"modified": 5, "handlers": [{"type": "x", "id": "7"}]}
    assert hash(got)
    page, _ = await ask(METHODS["list_functions"][0], answer(200, {"data": [data], "total": 1}))
    assert isinstance(page, Page)
    assert (page.data[0].extra, page.extra) == ({"modified": 5}, {"total": 1})


@pytest.mark.parametrize("name", sorted(WITHOUT_AN_ANSWER))
@pytest.mark.parametrize("body", [None, {"Response Code": "204 No response"}])
@moved
async def test_no_content_comes_in_two_forms(name, body):
    got, _ = await ask(METHODS[name][0], answer(204 if body is None else 200, body))
    assert got is None


# Ids of messages.

ENCODED = {"chat_id": "CT_1%202", "message_id": "1709038327622%2029706114886"}


@pytest.mark.parametrize("details", [ENCODED, {"message_details": {"5574": ENCODED}}])
@moved
async def test_ids_of_an_answer_go_back_as_they_came(details):
    async def reply(client):
        sent = await client.messages.send("ops", Message("1", sync_message=True), user_ids="5574")
        again = Message("2", reply_to=sent.message_id, thread_message_id=sent.message_id)
        return sent, await client.messages.send("ops", again, user_ids="5574")

    sent: Any
    (sent, _), transport = cast("Any", await ask(reply, answer(200, details), answer(204)))
    assert (sent.chat_id, sent.message_id) == (ENCODED["chat_id"], ENCODED["message_id"])
    body = msgspec.json.decode(transport.requests[-1].body)
    assert body["reply_to"] == body["thread_message_id"] == ENCODED["message_id"]


@pytest.mark.parametrize(
    "taken", [answer(204), answer(200, {"Response Code": "204 No response"}), answer(200, {})]
)
@moved
async def test_synced_message_to_a_channel_needs_a_chat_in_its_answer(taken):
    message = Message("Hi", sync_message=True)
    with pytest.raises(OutcomeUnknownError, match=r"names no chat.* check the channel's") as raised:
        await ask(lambda client: client.messages.send("ops", message, channel="c"), taken)
    assert raised.value.endpoint == "send_message"
    got: Any
    others: list[dict[str, Any]] = [{"user_ids": "1"}, {"broadcast": True}]
    for recipients in others:
        got, _ = await ask(lambda c, to=recipients: c.messages.send("ops", message, **to), taken)
        assert got.chat_id is None
    got, _ = await ask(lambda client: client.messages.send("ops", "Hi", channel="c"), taken)
    assert got.chat_id is None


# Odd answers.


@pytest.mark.parametrize("name", sorted(WRITES_WITH_AN_ANSWER))
@pytest.mark.parametrize(
    "odd",
    [
        Response(200, {}, None),
        Response(200, {}, b'{"data": {"id'),
        answer(204),
        answer(200, {}),
        answer(200, {"data": 5, "user_ids": 5, "chat_id": {}}),
        answer(200, {"data": {"id": [], "type": {}}}),
    ],
)
@moved
async def test_write_that_has_happened_is_a_success_whatever_its_answer(name, odd):
    got, transport = await ask(METHODS[name][0], odd)
    assert attrs.evolve(cast("Any", got), extra={}) == WRITES_WITH_AN_ANSWER[name]
    assert len(transport.requests) == 1


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("odd", [answer(200, b"<html>"), answer(200, []), answer(200, "x")])
@moved
async def test_answer_that_is_not_cliqs_is_no_success(name, odd):
    expected = TransportError if name in READS else ForeignAnswerError
    with pytest.raises(expected, match="an answer that is not Cliq's"):
        await ask(METHODS[name][0], odd)


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("odd", [answer(204), answer(200, {}), answer(200, {"data": 5})])
@moved
async def test_read_that_cannot_be_read_says_so(name, odd):
    with pytest.raises(ApiError) as raised:
        await ask(METHODS[name][0], odd)
    assert (raised.value.status, raised.value.endpoint) == (200, name)
