"""Any valid model through the real client and the sandbox's work, and back."""

from typing import Any

import attrs
from hypothesis import given
from support.effort import tries
from support.sandbox_state import a_world
from support.strategies import (
    BOT_CHANGES,
    CALLS,
    HANDLER_CHANGES,
    MESSAGES,
    NEW_BOTS,
    NEW_HANDLERS,
    PARAMETERS,
)

from cliq_async.client import CliqClient
from cliq_async.models import Bot, Call, Handler, NewBot, NewHandler
from cliq_async.models.parsing.call import actions_from
from cliq_async.models.parsing.message import message_from
from cliq_async.models.serialization import unstructure
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox import Sandbox
from cliq_async.testing import run_in_virtual_time

ROUND_TRIP = tries(100)


def through(work: Any) -> Any:
    """Run some work with a client in front of a state; returns what it returns, and the state."""
    state, transport = a_world()

    async def main():
        async with CliqClient("t", transport=transport, quota=MemoryStore()) as client:
            return await work(client)

    return run_in_virtual_time(main()), state


def same(given_: Any, got: Any, *but: str) -> None:
    """All that was given is in what came back, under the same names."""
    for field in attrs.fields(type(given_)):
        value = getattr(given_, field.name)
        if value is not None and field.name not in but:
            assert getattr(got, field.name) == value, field.name


@ROUND_TRIP
@given(NEW_BOTS)
def test_new_bot(new):
    async def work(client):
        made = await client.bots.create(new)
        return made, await client.bots.get(made.id)

    (made, got), _ = through(work)
    assert made == got
    same(new, got, "image")


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

    (changed, got), _ = through(work)
    assert changed == got
    same(changes, got, "image")


async def a_bot(client: CliqClient, handling: Any) -> Bot:
    """A bot that may have such handlers."""
    url = None if handling.permissions is None else "https://a"
    kind: Any = None if url is None else "webhook"
    new = NewBot("New Bot", description="x", execution_type=kind, execution_url=url)
    return await client.bots.create(new)


@ROUND_TRIP
@given(NEW_HANDLERS)
def test_new_handler(new):
    async def work(client):
        bot = await a_bot(client, new)
        await client.handlers.create(bot.id, new)
        return await client.handlers.get(bot.id, new.type), await client.bots.get(bot.id)

    (got, bot), _ = through(work)
    same(new, got)
    assert [each.type for each in bot.handlers] == [new.type]


@ROUND_TRIP
@given(HANDLER_CHANGES)
def test_changes_of_a_handler(each):
    kind, changes = each
    logic: Any = {"script": "x"} if changes.permissions is None else {"permissions": []}
    new = NewHandler(kind, name="Old" if kind == "menu_handler" else None, **logic)

    async def work(client):
        bot = await a_bot(client, new)
        await client.handlers.create(bot.id, new)
        changed = await client.handlers.update(bot.id, kind, changes)
        return changed, await client.handlers.get(bot.id, kind)

    (changed, got), _ = through(work)
    same(changes, got)
    assert isinstance(changed, Handler)
    assert changed.id == got.id


@ROUND_TRIP
@given(MESSAGES)
def test_message(message):
    async def work(client):
        return await client.messages.send("supportbot", message, broadcast=True)

    sent, state = through(work)
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

    receipt, state = through(work)
    (kept,) = state.calls.all()
    assert receipt.user_ids == ("55743307",)
    assert kept["id"] == receipt.id
    body = kept["body"]
    assert Call(**(body | {"actions": actions_from(body.get("actions", []))})) == call


@ROUND_TRIP
@given(PARAMETERS)
def test_parameters(parameters):
    async def work(client):
        return await client.messages.send_incoming(
            "supportbot", parameters, user_ids=["55743307", "nobody"]
        )

    receipt, _ = through(work)
    assert receipt.user_ids == ("55743307",)


async def test_longest_script_arrives_whole():
    """Escaped, it has one and a half million characters."""
    script = "\x01" * 255_990 + "return x;"
    async with Sandbox() as sandbox, CliqClient("t", base_url=sandbox.url) as client:
        bot = await client.bots.create(NewBot("Bot", description="x"))
        await client.handlers.create(bot.id, NewHandler("message_handler", script=script))
        got = await client.handlers.get(bot.id, "message_handler")
    assert got.script == script
