"""Any valid model survives the way through the real client and the sandbox, and back."""

from typing import Any

import attrs
from hypothesis import given
from support.effort import tries
from support.sandbox_state import offline_sandbox
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
)

from cliq_async.client import CliqClient
from cliq_async.models import (
    Bot,
    Call,
    Function,
    Handler,
    NewBot,
    NewFunction,
    NewFunctionHandler,
    NewHandler,
)
from cliq_async.models.parsing.call import actions_from
from cliq_async.models.parsing.message import message_from
from cliq_async.models.serialization import unstructure
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import run_in_virtual_time

ROUND_TRIP = tries(35)


def run_offline(work: Any) -> Any:
    """Run a function with a client of an offline sandbox; return its result and the state."""
    state, transport = offline_sandbox()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            return await work(client)

    return run_in_virtual_time(main()), state


def assert_kept(sent: Any, got: Any, *except_fields: str) -> None:
    """Check that the result has all fields that were sent, under the same names."""
    for field in attrs.fields(type(sent)):
        value = getattr(sent, field.name)
        if value is not None and field.name not in except_fields:
            assert getattr(got, field.name) == value, field.name


def not_kept(bot: Bot) -> tuple[str, ...]:
    """Return the fields of a bot that the sandbox does not keep."""
    return ("image",) if bot.scope == "team" else ("image", "team_ids")


@ROUND_TRIP
@given(NEW_BOTS)
def test_new_bot(new):
    async def work(client):
        created = await client.bots.create(new)
        return created, await client.bots.get(created.id)

    (created, got), _ = run_offline(work)
    assert created == got
    assert_kept(new, got, *not_kept(got))


@ROUND_TRIP
@given(BOT_CHANGES)
def test_changes_of_a_bot(changes):
    webhook = NewBot(
        "Hook Bot", description="x", execution_type="webhook", execution_url="https://a"
    )

    async def work(client):
        bot = await client.bots.create(webhook)
        changed = await client.bots.update(bot.id, changes)
        return changed, await client.bots.get(bot.id)

    (changed, got), _ = run_offline(work)
    assert changed == got
    assert_kept(changes, got, *not_kept(got))


async def create_bot_for(client: CliqClient, handler: Any) -> Bot:
    """Create a bot that may have the handler."""
    url = None if handler.permissions is None else "https://a"
    kind: Any = None if url is None else "webhook"
    new = NewBot("New Bot", description="x", execution_type=kind, execution_url=url)
    return await client.bots.create(new)


@ROUND_TRIP
@given(NEW_HANDLERS)
def test_new_handler(new):
    async def work(client):
        bot = await create_bot_for(client, new)
        await client.handlers.create(bot.id, new)
        return await client.handlers.get(bot.id, new.type), await client.bots.get(bot.id)

    (got, bot), _ = run_offline(work)
    assert_kept(new, got)
    assert [each.type for each in bot.handlers] == [new.type]


@ROUND_TRIP
@given(HANDLER_CHANGES)
def test_changes_of_a_handler(each):
    kind, changes = each
    logic: Any = {"script": "x"} if changes.permissions is None else {"permissions": []}
    new = NewHandler(kind, name="Old" if kind == "menu_handler" else None, **logic)

    async def work(client):
        bot = await create_bot_for(client, new)
        await client.handlers.create(bot.id, new)
        changed = await client.handlers.update(bot.id, kind, changes)
        return changed, await client.handlers.get(bot.id, kind)

    (changed, got), _ = run_offline(work)
    assert_kept(changes, got)
    assert isinstance(changed, Handler)
    assert changed.id == got.id


@ROUND_TRIP
@given(NEW_FUNCTIONS)
def test_new_function(new):
    async def work(client):
        created = await client.functions.create(new)
        return created, await client.functions.get(created.id)

    (created, got), _ = run_offline(work)
    assert created == got
    assert_kept(new, got)


@ROUND_TRIP
@given(FUNCTION_CHANGES)
def test_changes_of_a_function(changes):
    webhook = NewFunction(
        "f",
        description="x",
        function_type="form",
        execution_type="webhook",
        execution_url="https://a",
    )

    async def work(client):
        function = await client.functions.create(webhook)
        changed = await client.functions.update(function.id, changes)
        return changed, await client.functions.get(function.id)

    (changed, got), _ = run_offline(work)
    assert changed == got
    assert_kept(changes, got)


async def create_function_for(client: CliqClient, kind: str, handler: Any) -> Function:
    """Create a function that may have the handler."""
    function_type: Any = kind.removesuffix("_handler") if "button" in kind else "form"
    url = None if handler.permissions is None else "https://a"
    execution_type: Any = None if url is None else "webhook"
    new = NewFunction(
        "New",
        description="x",
        function_type=function_type,
        execution_type=execution_type,
        execution_url=url,
    )
    return await client.functions.create(new)


@ROUND_TRIP
@given(NEW_FUNCTION_HANDLERS)
def test_new_handler_of_a_function(new):
    async def work(client):
        function = await create_function_for(client, new.type, new)
        await client.functions.create_handler(function.id, new)
        return await client.functions.get_handler(function.id, new.type)

    got, _ = run_offline(work)
    assert_kept(new, got)


@ROUND_TRIP
@given(FUNCTION_HANDLER_CHANGES)
def test_changes_of_a_handler_of_a_function(each):
    kind, changes = each
    logic: Any = {"script": "x"} if changes.permissions is None else {"permissions": []}

    async def work(client):
        function = await create_function_for(client, kind, changes)
        await client.functions.create_handler(function.id, NewFunctionHandler(kind, **logic))
        changed = await client.functions.update_handler(function.id, kind, changes)
        return changed, await client.functions.get_handler(function.id, kind)

    (changed, got), _ = run_offline(work)
    assert_kept(changes, got)
    assert (changed.script, changed.permissions) == (got.script, got.permissions)


@ROUND_TRIP
@given(MESSAGES)
def test_message(message):
    async def work(client):
        return await client.messages.send("supportbot", message, broadcast=True)

    sent, state = run_offline(work)
    (kept,) = state.messages.all()
    body = {name: value for name, value in kept.body.items() if name != "broadcast"}
    assert body == unstructure(message)
    assert message_from(body) == message
    assert (sent.message_id is not None) == bool(message.sync_message)


@ROUND_TRIP
@given(CALLS)
def test_call(call):
    call = attrs.evolve(call, user_ids=["55743307"])

    async def work(client):
        return await client.calls.trigger("supportbot", call)

    receipt, state = run_offline(work)
    (kept,) = state.calls.all()
    assert receipt.user_ids == ("55743307",)
    assert kept["id"] == receipt.id
    body = kept["body"]
    assert Call(**(body | actions_from(body.get("actions", [])))) == call


@ROUND_TRIP
@given(PARAMETERS)
def test_parameters(parameters):
    async def work(client):
        return await client.messages.send_incoming(
            "supportbot", parameters, user_ids=["55743307", "nobody@example.com"]
        )

    receipt, _ = run_offline(work)
    assert receipt.user_ids == ("55743307",)


async def test_longest_script_arrives_whole():
    """The script has one and a half million characters when it is escaped."""
    script = "\x01" * 255_990 + "return x;"
    async with Sandbox() as sandbox, CliqClient("t", base_url=sandbox.url) as client:
        bot = await client.bots.create(NewBot("Bot", description="x"))
        await client.handlers.create(bot.id, NewHandler("message_handler", script=script))
        got = await client.handlers.get(bot.id, "message_handler")
    assert got.script == script
