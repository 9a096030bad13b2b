"""The typed methods: what they send, and what they make of any answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from scripted import SECRET, Scripted, answer, moved

from cliq_async.client import CliqClient
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    BadRequestError,
    CliqError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)
from cliq_async.models import (
    Bot,
    BotChanges,
    Call,
    CallReceipt,
    Handler,
    HandlerChanges,
    HandlerParam,
    IncomingReceipt,
    NewBot,
    NewHandler,
    Page,
    SentMessage,
    SubAction,
    Subscriber,
)
from cliq_async.quota.memory import MemoryStore
from cliq_async.testing import run_in_moved_time
from cliq_async.transport import Response

NEW = NewBot("Ops Bot", description="Tells what is on fire")
HANDLER = NewHandler("message_handler", script="return Map();")
MENU = HandlerChanges(name="Open")

Method = Callable[[CliqClient], Awaitable[object]]

# By endpoint: a call of its method, the path that it asks for, and the body.
METHODS: dict[str, tuple[Method, str, object]] = {
    "create_bot": (
        lambda client: client.bots.create(NEW),
        "/bots",
        {"name": "Ops Bot", "description": "Tells what is on fire"},
    ),
    "list_bots": (lambda client: client.bots.list(), "/bots", None),
    "update_bot": (
        lambda client: client.bots.update("b-1", BotChanges(calls="enabled")),
        "/bots/b-1",
        {"calls": "enabled"},
    ),
    "get_bot": (lambda client: client.bots.get("b-1"), "/bots/b-1", None),
    "delete_bot": (lambda client: client.bots.delete("b-1"), "/bots/b-1", None),
    "send_message": (
        lambda client: client.messages.send("ops", "Hi", user_ids=[1]),
        "/bots/ops/message",
        {"text": "Hi", "user_ids": "1"},
    ),
    "send_incoming_webhook": (
        lambda client: client.messages.send_incoming("ops", {"status": "red"}),
        "/bots/ops/incoming",
        {"status": "red"},
    ),
    "trigger_call": (
        lambda client: client.calls.trigger("ops", Call("Fire", user_ids=[1])),
        "/bots/ops/calls",
        {"text": "Fire", "user_ids": ["1"]},
    ),
    "create_handler": (
        lambda client: client.handlers.create("b-1", HANDLER),
        "/bots/b-1/handlers",
        {"type": "message_handler", "script": "return Map();"},
    ),
    "update_handler": (
        lambda client: client.handlers.update("b-1", "menu_handler", MENU),
        "/bots/b-1/handlers/menu_handler",
        {"name": "Open"},
    ),
    "get_handler": (
        lambda client: client.handlers.get("b-1", "menu_handler"),
        "/bots/b-1/handlers/menu_handler",
        None,
    ),
    "delete_handler": (
        lambda client: client.handlers.delete("b-1", "menu_handler"),
        "/bots/b-1/handlers/menu_handler",
        None,
    ),
    "associate_channel": (
        lambda client: client.bots.associate("ops", "news"),
        "/bots/ops/associate",
        {"channel_unique_name": "news"},
    ),
    "list_subscribers": (
        lambda client: client.subscribers.list("ops"),
        "/bots/ops/subscribers",
        None,
    ),
}
WRITES_WITH_AN_ANSWER = {
    "create_bot": Bot(id="", unique_name="", name=""),
    "update_bot": Bot(id="", unique_name="", name=""),
    "send_message": SentMessage(),
    "send_incoming_webhook": IncomingReceipt(),
    "trigger_call": CallReceipt(),
    "create_handler": Handler(type="message_handler"),
    "update_handler": Handler(type="menu_handler"),
}
WITHOUT_AN_ANSWER = {"delete_bot", "delete_handler", "associate_channel"}
READS = {"get_bot": Bot, "get_handler": Handler, "list_bots": Page, "list_subscribers": Page}

ONE_BOT = {"id": "1", "unique_name": "ops", "name": "Ops"}


async def ask(method: Method, *steps: Any) -> tuple[object, Scripted]:
    """What a method makes of an answer, and the transport that gave it."""
    transport = Scripted(list(steps))
    clock = asyncio.get_running_loop().time
    async with CliqClient(SECRET, transport=transport, quota=MemoryStore(clock=clock)) as client:
        return await method(client), transport


def test_every_endpoint_has_a_method():
    assert set(METHODS) == set(ENDPOINTS)
    assert set(METHODS) == set(WRITES_WITH_AN_ANSWER) | WITHOUT_AN_ANSWER | set(READS)


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


@pytest.mark.parametrize("name", sorted(WITHOUT_AN_ANSWER))
@pytest.mark.parametrize("body", [None, {"Response Code": "204 No response"}])
@moved
async def test_no_content_comes_in_two_forms(name, body):
    got, _ = await ask(METHODS[name][0], answer(204 if body is None else 200, body))
    assert got is None


# Queries.


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
        (lambda client: client.subscribers.list("ops", limit=51), "limit"),
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
    ],
)
@moved
async def test_what_cannot_be_right_is_refused_before_it_is_sent(method, field):
    with pytest.raises(ValidationError) as raised:
        await ask(method, RuntimeError("sent all the same"))
    assert raised.value.field == field


# Refusals: every documented code, by endpoint.

SENDING: dict[str, type[ApiError]] = {
    "botmessage_sending_failed": BadRequestError,
    "botmessage_no_valid_users": BadRequestError,
    "bot_unauthorized_message_access": PermissionDeniedError,
    "bot_message_forbidden": PermissionDeniedError,
}
CODES: dict[str, dict[str, type[ApiError]]] = {
    "create_bot": {
        "bot_creation_limit_exceeded": BadRequestError,
        "bot_name_already_exists": ConflictError,
        "invalid_inputs": BadRequestError,
        "execution_url_required": BadRequestError,
        "execution_url_not_allowed": BadRequestError,
        "invalid_scope": BadRequestError,
    },
    "update_bot": {
        "bot_not_found": NotFoundError,
        "bot_name_already_exists": ConflictError,
        "bot_permission_denied": PermissionDeniedError,
    },
    "get_bot": {"bot_not_found": NotFoundError},
    "delete_bot": {"bot_not_found": NotFoundError, "bot_permission_denied": PermissionDeniedError},
    "trigger_call": {"bot_alert_not_enabled": BadRequestError},
    "create_handler": {
        "execution_handler_create_failed": BadRequestError,
        "execution_handler_data_required": BadRequestError,
        "execution_handler_data_invalid": BadRequestError,
        "invalid_inputs": BadRequestError,
    },
    "update_handler": {
        "execution_handler_update_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "get_handler": {
        "execution_handler_get_failed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "delete_handler": {
        "execution_handler_delete_failed": BadRequestError,
        "default_handler_delete_not_allowed": BadRequestError,
        "execution_handler_not_found": NotFoundError,
    },
    "associate_channel": {"bot_not_found": NotFoundError, "bot_already_member": ConflictError},
    "send_message": SENDING,
    "send_incoming_webhook": SENDING,
}


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, codes in CODES.items() for code in codes]
)
@moved
async def test_documented_code_becomes_its_exception(name, code):
    with pytest.raises(ApiError) as raised:
        await ask(METHODS[name][0], answer(400, {"code": code, "message": "Words."}))
    assert type(raised.value) is CODES[name][code]
    assert (raised.value.code, raised.value.endpoint, raised.value.message) == (
        code,
        name,
        "Words.",
    )


# Odd answers.


@pytest.mark.parametrize("name", sorted(WRITES_WITH_AN_ANSWER))
@pytest.mark.parametrize(
    "odd",
    [
        Response(200, {}, None),
        answer(200, b"not JSON"),
        answer(204),
        answer(200, []),
        answer(200, {"data": 5, "user_ids": 5, "chat_id": {}}),
        answer(200, {"data": {"id": [], "type": {}}}),
    ],
)
@moved
async def test_write_that_has_happened_is_a_success_whatever_its_answer(name, odd):
    got, transport = await ask(METHODS[name][0], odd)
    assert got == WRITES_WITH_AN_ANSWER[name]
    assert len(transport.requests) == 1


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("odd", [answer(204), answer(200, []), answer(200, {"data": 5})])
@moved
async def test_read_that_cannot_be_read_says_so(name, odd):
    with pytest.raises(ApiError) as raised:
        await ask(METHODS[name][0], odd)
    assert (raised.value.status, raised.value.endpoint) == (200, name)


NAMES = [
    "data",
    "id",
    "name",
    "unique_name",
    "type",
    "handlers",
    "user_ids",
    "params",
    "code",
    "message",
    "error",
    "title",
    "next_token",
    "creator",
    "display_props",
    "sub_actions",
    "extra",
    "handler_id",
    "chat_id",
    "deleted",
    "team_ids",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
MODELS = (Bot, Handler, Page, SentMessage, IncomingReceipt, CallReceipt, type(None))


@settings(deadline=None)
@given(
    st.sampled_from(sorted(METHODS)),
    st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 408, 409, 418, 500, 502]),
    JSON.map(msgspec.json.encode) | st.binary(max_size=20),
)
def test_any_answer_gives_a_model_or_a_cliq_error(name, status, body):
    async def main() -> None:
        try:
            got, _ = await ask(METHODS[name][0], Response(status, {}, body))
        except CliqError:
            return
        assert isinstance(got, MODELS)
        if isinstance(got, Page):
            assert all(isinstance(item, Bot | Subscriber) for item in got.data)

    run_in_moved_time(main())
