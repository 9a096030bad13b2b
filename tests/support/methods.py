"""A table of all typed methods: a call, the request that it makes, and the result type."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from support.scripted import SECRET, Scripted

from cliq_async.client import CliqClient
from cliq_async.models import (
    Bot,
    BotChanges,
    Call,
    CallReceipt,
    Function,
    FunctionChanges,
    FunctionHandler,
    FunctionHandlerChanges,
    Handler,
    HandlerChanges,
    IncomingReceipt,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
    Page,
    SentMessage,
)
from cliq_async.quota.stores.memory import MemoryStore

NEW = NewBot("Ops Bot", description="Tells what is on fire")
HANDLER = NewHandler("message_handler", script="return Map();")
MENU = HandlerChanges(name="Open")
HOOK = "https://example.com/cliq"
FUNCTION = NewFunction(
    "approve",
    description="Approves an expense",
    function_type="button",
    execution_type="webhook",
    execution_url=HOOK,
)
BUTTON = NewFunctionHandler("button_handler", permissions=["message", "user"])

Method = Callable[[CliqClient], Awaitable[object]]

# By endpoint: a call of its method, the path of the request, and its body.
METHODS: dict[str, tuple[Method, str, object]] = {
    "create_bot": (
        lambda client: client.bots.create(NEW),
        "/bots",
        {"name": "Ops Bot", "description": "Tells what is on fire", "scope": "organization"},
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
    "create_function": (
        lambda client: client.functions.create(FUNCTION),
        "/functions",
        {
            "name": "approve",
            "description": "Approves an expense",
            "function_type": "button",
            "execution_type": "webhook",
            "execution_url": HOOK,
        },
    ),
    "list_functions": (lambda client: client.functions.list(), "/functions", None),
    "update_function": (
        lambda client: client.functions.update("1", FunctionChanges(name="refuse")),
        "/functions/1",
        {"name": "refuse"},
    ),
    "get_function": (lambda client: client.functions.get("1"), "/functions/1", None),
    "delete_function": (lambda client: client.functions.delete("1"), "/functions/1", None),
    "create_function_handler": (
        lambda client: client.functions.create_handler("1", BUTTON),
        "/functions/1/handlers",
        {"type": "button_handler", "permissions": ["message", "user"]},
    ),
    "update_function_handler": (
        lambda client: client.functions.update_handler(
            "1", "form_view_handler", FunctionHandlerChanges(script="return Map();")
        ),
        "/functions/1/handlers/form_view_handler",
        {"script": "return Map();"},
    ),
    "get_function_handler": (
        lambda client: client.functions.get_handler("1", "button_handler"),
        "/functions/1/handlers/button_handler",
        None,
    ),
    "delete_function_handler": (
        lambda client: client.functions.delete_handler("1", "button_handler"),
        "/functions/1/handlers/button_handler",
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
    "create_function": Function(id="", name=""),
    "update_function": Function(id="", name=""),
    "create_function_handler": FunctionHandler(type="button_handler", function_id="1"),
    "update_function_handler": FunctionHandler(type="form_view_handler", function_id="1"),
}
WITHOUT_AN_ANSWER = {
    "delete_bot",
    "delete_handler",
    "associate_channel",
    "delete_function",
    "delete_function_handler",
}
READS = {
    "get_bot": Bot,
    "get_handler": Handler,
    "list_bots": Page,
    "list_subscribers": Page,
    "get_function": Function,
    "get_function_handler": FunctionHandler,
    "list_functions": Page,
}
MODELS: dict[str, type | None] = {
    **READS,
    **{name: type(each) for name, each in WRITES_WITH_AN_ANSWER.items()},
    **dict.fromkeys(WITHOUT_AN_ANSWER),
}

ONE_BOT = {"id": "1", "unique_name": "ops", "name": "Ops"}


async def ask(method: Method, *steps: Any) -> tuple[object, Scripted]:
    """Call a method with scripted answers. Returns its result and the transport."""
    transport = Scripted(list(steps))
    clock = asyncio.get_running_loop().time
    async with CliqClient(SECRET, transport=transport, quota=MemoryStore(clock=clock)) as client:
        return await method(client), transport
